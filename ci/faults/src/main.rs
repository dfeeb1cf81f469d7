//! Makes the k-th call of a system function fail, for each function and each k, under programs that
//! check themselves, and looks how they end: well, with words, or with a fault of gort.
//!
//! `ci/faults.sh` builds what this needs, and says how to call it.

mod programs;
mod run;
mod sample;

use crate::{
    programs::{ALL, Program},
    run::{Case, Ended, Verdict},
};
use std::{
    collections::BTreeMap,
    env, process,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// A function, what it says of itself when it fails, and a setting of gort's under which it is
/// used.
struct Function {
    name: &'static str,
    errno: i32,
    setting: Option<(&'static str, &'static str)>,
}

const fn usual(name: &'static str, errno: i32) -> Function {
    let setting = None;
    Function {
        name,
        errno,
        setting,
    }
}

const fn with(name: &'static str, errno: i32, set: &'static str, to: &'static str) -> Function {
    let setting = Some((set, to));
    Function {
        name,
        errno,
        setting,
    }
}

const FUNCTIONS: &[Function] = &[
    usual("mmap", libc::ENOMEM),
    usual("mmap_reserve", libc::ENOMEM),
    with("mmap_reserve", libc::ENOMEM, "GORT_LEND", "off"),
    usual("munmap", libc::ENOMEM),
    usual("mprotect", libc::ENOMEM),
    with("mprotect_large", libc::ENOMEM, "GORT_GUARD", "mprotect"),
    usual("madvise", libc::EINVAL),
    usual("process_madvise", libc::EPERM),
    usual("pidfd_open", libc::EMFILE),
    usual("pthread_create", libc::EAGAIN),
    with("pthread_create", libc::EAGAIN, "GORT_LEND", "off"),
    usual("pthread_key_create", libc::EAGAIN),
    usual("pthread_sigmask", libc::EINVAL),
    usual("sigaltstack", libc::ENOMEM),
    usual("sigaction", libc::EINVAL),
    usual("pipe2", libc::EMFILE),
    usual("open", libc::EMFILE),
    usual("getrlimit", libc::EINVAL),
    usual("uname", libc::EFAULT),
    usual("rseq", libc::ENOSYS),
    usual("futex_wait", libc::EINTR),
];

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["play", name] => play(name),
        [library, samples, ref filters @ ..] => match samples.parse() {
            Ok(samples) => drive(library, samples, filters),
            Err(error) => usage(&format!("{samples}: {error}")),
        },
        _ => usage("which library, and how many samples?"),
    }
}

fn usage(what: &str) -> ! {
    eprintln!("{what}\nusage: gort-faults LIBRARY SAMPLES [FUNCTION | PROGRAM]..");
    process::exit(2);
}

/// The child: runs one program, with calls that fail.
fn play(name: &str) {
    let found = ALL.iter().find(|(n, _)| *n == name);
    let Some((_, program)) = found else {
        usage(&format!("{name}: no such program"));
    };
    // A name that the library brings, or nobody.
    // SAFETY: a string with a zero at its end.
    let begin = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"faults_begin".as_ptr()) };
    if begin.is_null() {
        usage("the library is not loaded");
    }
    // SAFETY: it has this type in fail.c.
    unsafe { std::mem::transmute::<*mut libc::c_void, extern "C" fn()>(begin)() };
    match program() {
        Ok(()) => println!("right"),
        Err(error) => {
            eprintln!("{error}");
            process::exit(3);
        }
    }
}

/// What came of all runs of one program with one function.
#[derive(Default)]
struct Row {
    calls: usize,
    ok: usize,
    words: usize,
    std: usize,
    unreached: usize,
    faults: Vec<Ended>,
}

impl Row {
    fn count(&mut self, ended: Ended) {
        match ended.verdict() {
            Verdict::NotReached => self.unreached += 1,
            Verdict::Ok => self.ok += 1,
            Verdict::Words => self.words += 1,
            Verdict::WordsOfStd => self.std += 1,
            Verdict::Fault(_) => self.faults.push(ended),
        }
    }
}

/// Runs everything that a filter names, or everything.
fn drive(library: &str, samples: usize, filters: &[&str]) {
    let named = |name: &str| filters.contains(&name);
    let any_function = !FUNCTIONS.iter().any(|f| named(f.name));
    let any_program = !ALL.iter().any(|(p, _)| named(p));
    let known =
        |f: &&&str| FUNCTIONS.iter().any(|x| x.name == **f) || ALL.iter().any(|x| x.0 == **f);
    if let Some(unknown) = filters.iter().find(|f| !known(f)) {
        usage(&format!("{unknown}: no such function, no such program"));
    }
    let programs: Vec<&Program> = ALL
        .iter()
        .filter(|(p, _)| any_program || named(p))
        .collect();
    let mut faults = 0;
    let (mut runs, mut ok, mut words, mut std) = (0, 0, 0, 0);
    println!("function            program     calls     ok  words  std's  faults");
    let chosen = FUNCTIONS.iter().filter(|f| any_function || named(f.name));
    for function in chosen {
        if let Some((name, value)) = function.setting {
            println!("with {name}={value}:");
        }
        for (program, row) in one_function(library, function, &programs, samples) {
            println!(
                "{:<18}  {program:<9}  {:>6}  {:>5}  {:>5}  {:>5}  {:>6}",
                function.name,
                row.calls,
                row.ok,
                row.words,
                row.std,
                row.faults.len()
            );
            for ended in &row.faults {
                println!("{}", ended.tell());
            }
            (ok, words, std) = (ok + row.ok, words + row.words, std + row.std);
            faults += row.faults.len();
            runs += row.ok + row.words + row.std + row.faults.len();
        }
    }
    println!(
        "{runs} runs in which a call failed: {ok} went on, {words} ended with words of gort or of \
         the program, {std} with words of std; {faults} faults"
    );
    if runs == 0 || faults > 0 {
        process::exit(1);
    }
}

/// All programs with one function, in the order of the programs.
fn one_function(
    library: &str,
    function: &'static Function,
    programs: &[&Program],
    samples: usize,
) -> Vec<(&'static str, Row)> {
    let mut cases = Vec::new();
    let mut rows: BTreeMap<usize, Row> = BTreeMap::new();
    for (place, (program, _)) in programs.iter().enumerate() {
        let case = |first, last| Case {
            library: library.to_owned(),
            function: function.name,
            errno: function.errno,
            setting: function.setting,
            program,
            first,
            last,
        };
        let counted = case(0, 0).run();
        let row = rows.entry(place).or_default();
        // One that aborts by itself does not tell.
        row.calls = counted.calls.unwrap_or(samples);
        if !matches!(counted.verdict(), Verdict::NotReached) {
            row.faults.push(counted);
        }
        for k in sample::of(row.calls, samples) {
            cases.push((place, case(k, k)));
            // Rust's own handler, to which the fault goes then, cannot leave it to the system, and
            // the fault comes again for ever.
            if function.name != "sigaction" || *program != programs::OVERFLOW {
                cases.push((place, case(k, usize::MAX)));
            }
        }
    }
    let (next, rows) = (AtomicUsize::new(0), Mutex::new(rows));
    let work = || {
        while let Some((place, case)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let ended = case.run();
            let mut rows = rows.lock().expect("counting does not panic");
            rows.entry(*place).or_default().count(ended);
        }
    };
    thread::scope(|all| {
        for _ in 0..thread::available_parallelism().map_or(2, |n| n.get()) {
            all.spawn(work);
        }
    });
    let rows = rows.into_inner().expect("counting does not panic");
    let name = |place: usize| programs[place].0;
    rows.into_iter().map(|(p, row)| (name(p), row)).collect()
}
