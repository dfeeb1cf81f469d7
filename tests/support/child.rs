//! For tests of what ends or changes a whole process: runs a *role* in a child and looks at how the
//! child ended.
//!
//! A file with such tests has a table of roles, and one test, [`PLAYER`], that calls [`play`] with
//! it. That test does nothing unless this process is a child. The other tests run children with
//! [`Child`]: this very binary, told to run only `PLAYER`.
//!
//! While that plays, the harness's main thread waits for it. For what is told from the threads that
//! there are, that is one too many: such files have `harness = false` in Cargo.toml, and hand their
//! roles and tests to [`main`].
#![allow(dead_code, reason = "each test program uses a part of it")]

mod machine;

pub(crate) use machine::is_emulated;
use machine::{RUNNER, scaled};
use std::{
    env,
    io::Read,
    os::unix::process::{CommandExt, ExitStatusExt},
    panic,
    process::{Command, ExitCode, ExitStatus, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

/// The name of the test that plays roles.
pub(crate) const PLAYER: &str = "plays_a_role";

/// The variable that tells a child its role.
const ROLE: &str = "GORT_TEST_ROLE";

/// How long a child may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(30);

/// A role's name, and what it does.
pub(crate) type Role = (&'static str, fn());

/// Plays the role that this process was started for, if it was started for one.
pub(crate) fn play(roles: &[Role]) {
    let Ok(wanted) = env::var(ROLE) else {
        return;
    };
    forbid_cores();
    reset_signals();
    let role = roles.iter().find(|(name, _)| *name == wanted);
    let (_, play) = role.unwrap_or_else(|| panic!("no role {wanted}"));
    play();
}

/// A test of a file without harness.
pub(crate) type Test = (&'static str, fn());

/// A table of tests, from their names.
#[allow(unused_macros, reason = "each test program uses a part of this file")]
macro_rules! tests {
    ($($name:ident)*) => { &[$((stringify!($name), $name)),*] };
}
#[allow(unused_imports, reason = "as above")]
pub(crate) use tests;

/// The main function of a file without harness. A child plays its role, on the only thread. Else
/// the tests whose names contain one of the arguments run, three at a time: they wait for their
/// children most of the time.
pub(crate) fn main(roles: &[Role], tests: &[Test]) -> ExitCode {
    if env::var_os(ROLE).is_some() {
        play(roles);
        println!("1 passed");
        return ExitCode::SUCCESS;
    }
    // Numbers belong to flags of the usual harness.
    let is_word = |arg: &String| !arg.starts_with('-') && arg.parse::<u32>().is_err();
    let words: Vec<_> = env::args().skip(1).filter(is_word).collect();
    let is_wanted = |test: &&Test| words.is_empty() || words.iter().any(|w| test.0.contains(w));
    let tests: Vec<_> = tests.iter().filter(is_wanted).collect();
    if env::args().any(|arg| arg == "--list") {
        tests.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    // Such files are about which threads there are, and about limits.
    if is_emulated("it has threads of its own, and no limit holds") {
        return ExitCode::SUCCESS;
    }
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || {
        while let Some((name, test)) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
            let start = Instant::now();
            let passed = panic::catch_unwind(test).is_ok();
            failed.fetch_add(usize::from(!passed), Ordering::Relaxed);
            let word = if passed { "ok" } else { "FAILED" };
            println!("test {name} ... {word} ({:.1?})", start.elapsed());
        }
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner();
    println!("test result: {} tests, {failed} failed", tests.len());
    ExitCode::from(u8::from(failed > 0))
}

/// Ends this process as a `main` that returned `code` would.
pub(crate) fn end_as_main(code: ExitCode) -> ! {
    let number = (0..=u8::MAX).find(|&n| ExitCode::from(n) == code);
    std::process::exit(number.expect("codes are bytes").into())
}

/// A limit, hard and soft, for `setrlimit`.
pub(crate) fn limit(to: u64) -> libc::rlimit {
    libc::rlimit {
        rlim_cur: to,
        rlim_max: to,
    }
}

/// Sees to it that roles that die leave no core dumps.
fn forbid_cores() {
    // SAFETY: a valid structure for a known resource.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &limit(0)) };
}

/// Signals from terminals do again what they do by default. A shell without job control starts what
/// runs in the background with them ignored, and children inherit that.
fn reset_signals() {
    for signal in [libc::SIGINT, libc::SIGQUIT] {
        // SAFETY: the default action of a known signal.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// A child to be.
#[derive(Debug)]
pub(crate) struct Child {
    role: &'static str,
    variables: Vec<(String, String)>,
    patience: Duration,
}

/// How a child ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
    role: String,
}

impl Child {
    pub(crate) fn new(role: &'static str) -> Self {
        Self {
            role,
            variables: Vec::new(),
            patience: PATIENCE,
        }
    }

    /// Sets a variable of its environment.
    pub(crate) fn var(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `GORT_WORKERS`.
    pub(crate) fn workers(self, n: usize) -> Self {
        self.var("GORT_WORKERS", &n.to_string())
    }

    /// How long it may take.
    pub(crate) fn within(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Runs it to its end; kills it and fails if that takes too long.
    pub(crate) fn run(self) -> Ended {
        let mut command = this_program();
        command
            .args([PLAYER, "--exact", "--nocapture", "--test-threads=1"])
            .env_remove("GORT_WORKERS")
            .env_remove("GORT_STACK_SIZE")
            .env_remove("GORT_DEADLOCK")
            .env_remove("RUST_MIN_STACK")
            .env("RUST_BACKTRACE", "0")
            .env(ROLE, self.role)
            .envs(self.variables.iter().map(|(n, v)| (n, v)))
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let patience = scaled(self.patience);
        let start = Instant::now();
        let mut child = command.spawn().expect("this program can be started");
        let out = read(child.stdout.take());
        let err = read(child.stderr.take());
        let mut hung = false;
        let status = loop {
            if let Some(status) = child.try_wait().expect("our child can be waited for") {
                break status;
            }
            if !hung && start.elapsed() > patience {
                hung = true;
                let group = -i32::try_from(child.id()).expect("a process id is an i32");
                // SAFETY: the child leads a group of its own, and has not been waited for.
                unsafe { libc::kill(group, libc::SIGKILL) };
            }
            thread::sleep(Duration::from_millis(2));
        };
        let took = start.elapsed();
        let [out, err] = [out, err].map(|reader| reader.join().expect("reading does not panic"));
        let ended = Ended {
            status,
            out,
            err,
            took,
            role: format!("{} {:?}", self.role, self.variables),
        };
        assert!(!hung, "it hangs: {}", ended.tell());
        ended
    }
}

/// This program, to be run once more.
fn this_program() -> Command {
    let program = env::current_exe().expect("this program has a path");
    let Some(runner) = env::var_os(RUNNER) else {
        return Command::new(program);
    };
    let mut command = Command::new(runner);
    command.arg(program);
    command
}

/// Reads a pipe to its end.
fn read(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut pipe = pipe.expect("the stream is piped");
        pipe.read_to_end(&mut bytes).expect("a pipe is readable");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Ended {
    /// It must have taken less than this.
    #[track_caller]
    pub(crate) fn in_time(&self, limit: Duration) -> &Self {
        assert!(self.took < scaled(limit), "{}", self.tell());
        self
    }

    /// Everything, for messages.
    pub(crate) fn tell(&self) -> String {
        format!(
            "{}: {} after {:?}\n--- stdout\n{}\n--- stderr\n{}",
            self.role, self.status, self.took, self.out, self.err
        )
    }

    /// It must have ended with this code.
    #[track_caller]
    pub(crate) fn code(&self, code: i32) -> &Self {
        assert_eq!(self.status.code(), Some(code), "{}", self.tell());
        self
    }

    /// It must have played its role to the end.
    #[track_caller]
    pub(crate) fn passes(&self) -> &Self {
        assert!(self.out.contains("1 passed"), "{}", self.tell());
        self.code(0)
    }

    /// It must have died of this signal.
    #[track_caller]
    pub(crate) fn signal(&self, signal: i32) -> &Self {
        assert_eq!(self.status.signal(), Some(signal), "{}", self.tell());
        self
    }

    /// Its stderr must contain this.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.err.contains(text), "no {text:?} in {}", self.tell());
        self
    }

    /// Its stderr must not contain this.
    #[track_caller]
    pub(crate) fn does_not_say(&self, text: &str) -> &Self {
        assert!(!self.err.contains(text), "{text:?} in {}", self.tell());
        self
    }

    /// Its stdout must contain this.
    #[track_caller]
    pub(crate) fn prints(&self, text: &str) -> &Self {
        assert!(self.out.contains(text), "no {text:?} in {}", self.tell());
        self
    }

    /// Its stdout must not contain this.
    #[track_caller]
    pub(crate) fn does_not_print(&self, text: &str) -> &Self {
        assert!(!self.out.contains(text), "{text:?} in {}", self.tell());
        self
    }

    /// What it printed behind `key=`, on a line of its own.
    #[track_caller]
    pub(crate) fn value(&self, key: &str) -> &str {
        let start = format!("{key}=");
        // The harness does not end its own line before the test's first.
        let line = self.out.lines().find_map(|l| l.split_once(&start));
        line.unwrap_or_else(|| panic!("no {key} in {}", self.tell()))
            .1
    }
}
