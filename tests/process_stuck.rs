//! Goroutines that hold others up: what a program says of them if nobody asks, and who else can be told.

#[path = "support/child.rs"]
mod child;

use child::{Child, Role};
use gort::runtime::{Builder, Runtime};
use std::{sync::mpsc, thread, time::Duration};

const ROLES: &[Role] = &[
    ("by_default", by_default),
    ("with_a_function", with_a_function),
    ("nobody_waits", nobody_waits),
    ("a_function_that_panics", a_function_that_panics),
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

/// A goroutine with a name blocks its thread in `block`, and others, whose time has come, wait behind it.
fn block_before_others(runtime: &Runtime, block: impl FnOnce() + Send + 'static) {
    runtime.run(move || {
        let others: Vec<_> = (0..3)
            .map(|_| gort::go!(move || gort::sleep(Duration::from_millis(1))))
            .collect();
        gort::yield_now(); // they start, and sleep
        let clerk = gort::Builder::new().name("clerk".into());
        clerk.spawn(block).unwrap().join().unwrap();
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

/// What a thread that waits in this system call is said to do.
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
    if cfg!(target_os = "linux") {
        ended.says(&in_call("clock_nanosleep"));
    }
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.tell());
}

#[test]
fn a_function_of_the_program_is_told_instead() {
    let ended = Child::new("with_a_function").run();
    if cfg!(target_os = "linux") {
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

/// Plays the test that `#[gort::test(deadlock = "exit")]` makes of a function. The harness waits for it, on the main thread.
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
