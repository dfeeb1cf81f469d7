//! Goroutines that hold others up: what a program says of them if nobody asks, and who else can be
//! told.

#[path = "support/child.rs"]
mod child;

use child::{Child, Role};
use gort::runtime::{Builder, Runtime};
use std::{
    fmt::{self, Write},
    fs::File,
    io::{BufRead, BufReader},
    os::fd::FromRawFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};
use tracing::{Level, Metadata, field::Field, span};

const ROLES: &[Role] = &[
    ("by_default", by_default),
    ("with_a_function", with_a_function),
    ("nobody_waits", nobody_waits),
    ("a_function_that_panics", a_function_that_panics),
    ("calls_held_back", calls_held_back),
    (
        "calls_held_back_and_a_listener",
        calls_held_back_and_a_listener,
    ),
    ("calls_in_line", calls_in_line),
    ("a_test_hangs", a_test_hangs),
    ("a_test_waits_for_a_thread", a_test_waits_for_a_thread),
];

#[test]
fn plays_a_role() {
    child::play(ROLES);
}

/// One home, so that whoever blocks it holds up all.
fn narrow() -> Builder {
    Builder::new().workers(1).homes(1)
}

/// A goroutine with a name blocks its thread in `block`, and others, which could run, wait behind
/// it.
fn block_before_others(runtime: &Runtime, block: impl FnOnce() + Send + 'static) {
    runtime.run(move || {
        let is_over = Arc::new(AtomicBool::new(false));
        let other = |is_over: Arc<AtomicBool>| {
            move || {
                while !is_over.load(Ordering::Relaxed) {
                    gort::yield_now();
                }
            }
        };
        let others: Vec<_> = (0..3)
            .map(|_| gort::spawn(other(Arc::clone(&is_over))))
            .collect();
        gort::yield_now(); // they start
        let clerk = gort::Builder::new().name("clerk".into());
        clerk.spawn(block).unwrap().join().unwrap();
        is_over.store(true, Ordering::Relaxed);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

fn by_default() {
    let runtime = narrow().build().unwrap();
    block_before_others(&runtime, || thread::sleep(Duration::from_millis(600)));
}

fn with_a_function() {
    let (tell, told) = mpsc::channel();
    let builder = narrow().on_stuck(move |stuck| drop(tell.send(stuck.clone())));
    let runtime = builder.build().unwrap();
    // It blocks until it is told of, and so the one report is certain.
    block_before_others(&runtime, move || {
        let stuck = told.recv().unwrap();
        assert_eq!(stuck.goroutine(), gort::current().id());
        assert_eq!(stuck.name(), Some("clerk"));
        assert!(stuck.site().unwrap().file().ends_with(file!()));
        assert!(stuck.ran_for() >= Duration::from_millis(100));
        assert!(stuck.waiting() >= 1);
        assert!(stuck.to_string().contains(stuck.doing()));
        println!("doing={}", stuck.doing());
    });
}

fn nobody_waits() {
    let runtime = narrow().build().unwrap();
    runtime.run(|| thread::sleep(Duration::from_millis(600)));
}

fn a_function_that_panics() {
    let (tell, told) = mpsc::channel();
    let builder = narrow().on_stuck(move |_| {
        tell.send(()).unwrap();
        panic!("deliberate");
    });
    let runtime = builder.build().unwrap();
    // The second time it is told by a monitor that has survived the first.
    block_before_others(&runtime, move || (0..2).for_each(|_| told.recv().unwrap()));
}

/// One blocking call runs `told`, and another one waits for its thread.
fn hold_calls_back(told: impl FnOnce() + Send + 'static) {
    let builder = Builder::new().workers(2).max_blocking_threads(1);
    let runtime = builder.build().unwrap();
    let first = runtime.spawn(|| gort::runtime::blocking(told));
    while runtime.metrics().blocking_threads == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    let second = runtime.spawn(|| gort::runtime::blocking(|| ()));
    first.join().unwrap();
    second.join().unwrap();
}

/// The call ends when the error stream has told of it: the one line that is told is certain.
fn calls_held_back() {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors; then the error stream becomes the pipe's end, of which
    // there is another one.
    let got = unsafe { (libc::pipe(ends.as_mut_ptr()), libc::dup2(ends[1], 2)) };
    assert_eq!(got, (0, 2));
    // SAFETY: just made, and owned by nobody else.
    let errors = BufReader::new(unsafe { File::from_raw_fd(ends[0]) });
    hold_calls_back(move || {
        let line = errors.lines().next().unwrap().unwrap();
        println!("told={line}");
    });
}

fn calls_held_back_and_a_listener() {
    let (tell, told) = mpsc::channel();
    tracing::subscriber::set_global_default(Warnings(tell)).unwrap();
    hold_calls_back(move || println!("told={}", told.recv().unwrap()));
}

/// Calls that wait, but none for long.
fn calls_in_line() {
    let builder = Builder::new().workers(1).max_blocking_threads(2);
    let runtime = builder.build().unwrap();
    runtime.run(|| {
        gort::scope(|s| {
            for _ in 0..20 {
                s.spawn(|| gort::runtime::blocking(|| ()));
            }
        });
    });
}

/// Hands on what is said at the level `warn`, with its fields.
struct Warnings(mpsc::Sender<String>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = String::new();
        event.record(&mut |field: &Field, value: &dyn fmt::Debug| {
            let _ = write!(fields, " {field}={value:?}");
        });
        let _ = self.0.send(fields);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// What a thread that waits in this system call is said to do.
/// Whether the system says which call a thread is in, and its number means what it should.
fn knows_calls() -> bool {
    cfg!(target_os = "linux")
        && !child::is_emulated("the numbers of system calls are those of the machine below")
}

fn in_call(name: &str) -> String {
    let has_calls = std::fs::read_to_string("/proc/self/syscall").is_ok();
    match has_calls {
        true => format!("in the system call {name}"),
        false => "waiting in a system call".to_owned(),
    }
}

#[test]
fn a_line_on_the_error_stream_names_who_holds_others_up_once() {
    let ended = Child::new("by_default").run();
    ended.passes().says("gort: goroutine ");
    ended.says(" \"clerk\", spawned at ").says(file!());
    if knows_calls() {
        ended.says(&in_call("clock_nanosleep"));
    }
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.tell());
}

#[test]
fn a_function_of_the_program_is_told_instead() {
    let ended = Child::new("with_a_function").run();
    if knows_calls() {
        assert_eq!(ended.passes().value("doing"), in_call("futex"));
    }
    assert_eq!(ended.passes().err, "");
}

#[test]
fn nothing_is_said_of_one_that_nobody_waits_for() {
    let ended = Child::new("nobody_waits").run();
    assert_eq!(ended.passes().err, "");
}

#[test]
fn a_panic_of_that_function_ends_there() {
    let ended = Child::new("a_function_that_panics").run();
    let text = "gort: what was told of a stuck goroutine panicked: goroutine ";
    assert_eq!(
        ended.passes().err.matches(text).count(),
        2,
        "{}",
        ended.tell()
    );
}

#[test]
fn a_line_on_the_error_stream_tells_of_blocking_calls_that_get_no_thread() {
    let ended = Child::new("calls_held_back").run();
    let told = ended.passes().value("told");
    let begin = "gort: 1 blocking call waits for a thread, the first one for ";
    assert!(told.starts_with(begin), "{told}");
    let limit = "1 others run, and max_blocking_threads is 1.";
    assert!(told.contains(limit), "{told}");
    let waited: String = told[begin.len()..]
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    assert!(waited.parse::<u64>().unwrap() >= 1000, "{told}");
}

#[test]
fn whoever_listens_is_told_instead_of_the_error_stream() {
    let ended = Child::new("calls_held_back_and_a_listener").run();
    let told = ended.passes().value("told");
    for part in ["waiting=1", "threads=1", "max_blocking_threads=1"] {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(ended.err, "");
}

#[test]
fn nothing_is_said_of_calls_that_wait_for_a_moment() {
    let ended = Child::new("calls_in_line").run();
    assert_eq!(ended.passes().err, "");
}

/// Plays the test that `#[gort::test(deadlock = "exit")]` makes of a function. The harness waits
/// for it, on the main thread.
fn test_that_exits(f: fn()) {
    let options = gort::runtime::__private::Options::new();
    let options = options.deadlock(gort::runtime::DeadlockPolicy::Exit);
    let _ = gort::runtime::__private::test(options, f);
}

fn a_test_hangs() {
    test_that_exits(|| {
        let (_tx, rx) = gort::sync::bounded::<()>(0);
        let _ = rx.recv();
    });
}

/// Longer than a deadlock takes to be told of.
fn a_test_waits_for_a_thread() {
    test_that_exits(|| {
        let (tx, rx) = gort::sync::bounded(0);
        let thread = thread::spawn(move || {
            thread::sleep(Duration::from_secs(4));
            tx.send(7).unwrap();
        });
        assert_eq!(rx.recv(), Ok(7));
        thread.join().unwrap();
    });
}

#[test]
fn a_test_that_says_so_ends_the_process_on_a_deadlock() {
    if child::is_emulated("its own threads might wake somebody") {
        return;
    }
    let ended = Child::new("a_test_hangs").run();
    ended
        .code(2)
        .says("fatal error: all goroutines are asleep - deadlock!")
        .says("chan receive");
}

#[test]
fn it_does_not_while_another_thread_may_wake_somebody() {
    Child::new("a_test_waits_for_a_thread").run().passes();
}
