//! What a process prints of a goroutine's panic: beside the words of std's hook a line that names
//! the goroutine, unless the program's own hook speaks for it.

#[path = "support/child.rs"]
mod child;

use child::{Child, Ended, Role};
use gort::{
    go,
    runtime::{PanicPolicy, goexit},
    sync::errgroup::Group,
};
use std::{os::fd::IntoRawFd, panic};

const ROLES: &[Role] = &[
    ("joined", joined),
    ("detached", detached),
    ("scoped", scoped),
    ("grouped", grouped),
    ("no_panic", no_panic),
    ("own_hook_after", own_hook_after),
    ("own_hook_before", own_hook_before),
    ("exit", exit),
    ("broken_pipe", broken_pipe),
    ("started_while_panicking", started_while_panicking),
];

#[test]
fn plays_a_role() {
    child::play(ROLES);
}

fn clerk() -> gort::JoinHandle<()> {
    let named = gort::Builder::new().name("clerk".into());
    named.spawn(|| panic!("no ink")).unwrap()
}

fn joined() {
    assert!(go!(|| panic!("no ink")).join().is_err());
    assert!(clerk().join().is_err());
}

fn detached() {
    drop(clerk());
    while gort::runtime::num_goroutines() > 0 {
        std::thread::yield_now();
    }
}

fn scoped() {
    gort::scope(|s| assert!(s.spawn(|| panic!("no ink")).join().is_err()));
}

fn grouped() {
    let group = Group::<()>::new();
    group.go(|| panic!("no ink"));
    assert!(panic::catch_unwind(move || group.wait()).is_err());
}

/// Nor `goexit`, nor a panic that comes from `resume_unwind`, of which std says nothing either.
fn no_panic() {
    go!(|| ()).join().unwrap();
    assert!(go!(|| goexit()).join().is_err());
    assert!(go!(|| panic::resume_unwind(Box::new(1))).join().is_err());
    go!(|| drop(panic::catch_unwind(|| panic!("no ink"))))
        .join()
        .unwrap();
}

fn own_hook_after() {
    go!(|| ()).join().unwrap();
    panic::set_hook(Box::new(|info| {
        let who = gort::runtime::try_current().unwrap();
        eprintln!("own hook: {who}: {}", info.location().unwrap());
    }));
    joined();
}

fn own_hook_before() {
    panic::set_hook(Box::new(|_| eprintln!("own hook")));
    joined();
}

fn exit() {
    let builder = gort::runtime::Builder::new().panic(PanicPolicy::Exit);
    builder.build().unwrap().run(|| drop(clerk().join()));
}

/// Its error stream is a pipe that nobody reads.
fn broken_pipe() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    // SAFETY: no preconditions.
    unsafe { libc::dup2(writer.into_raw_fd(), libc::STDERR_FILENO) };
    joined();
}

/// The first runtime starts in a destructor during a panic, when no hook can be set.
fn started_while_panicking() {
    struct Spawns;
    impl Drop for Spawns {
        fn drop(&mut self) {
            go!(|| ()).join().unwrap();
        }
    }
    let caught = panic::catch_unwind(|| {
        let _spawns = Spawns;
        panic!("first");
    });
    assert!(caught.is_err());
    // The next runtime sets it.
    let runtime = gort::runtime::Builder::new().build().unwrap();
    runtime.run(joined);
}

fn each(role: &'static str, check: impl Fn(&Ended)) {
    for workers in [1, 2] {
        check(&Child::new(role).workers(workers).run());
    }
}

/// How often a line ends like that.
fn lines(ended: &Ended, what: &str) -> usize {
    ended.err.lines().filter(|line| line.contains(what)).count()
}

#[test]
fn a_line_names_the_goroutine_that_panicked() {
    each("joined", |ended| {
        ended.passes().says("no ink").says("\ngoroutine ");
        ended.says(" \"clerk\", spawned at tests/process_panic_names.rs:");
        assert_eq!(lines(ended, ", panicked"), 2, "{}", ended.tell());
    });
    each("detached", |ended| {
        ended.passes().says(" \"clerk\", spawned at ");
        assert_eq!(lines(ended, ", panicked"), 1, "{}", ended.tell());
    });
}

#[test]
fn also_those_whose_panics_are_contained() {
    for role in ["scoped", "grouped"] {
        each(role, |ended| {
            ended.passes();
            assert_eq!(lines(ended, ", panicked"), 1, "{}", ended.tell());
        });
    }
}

#[test]
fn there_is_none_without_a_panic_that_std_told_of() {
    each("no_panic", |ended| {
        ended.passes().does_not_say(", panicked");
    });
}

#[test]
fn a_hook_of_the_program_speaks_for_it() {
    each("own_hook_after", |ended| {
        ended.passes().does_not_say(", panicked");
        assert_eq!(lines(ended, "own hook: goroutine "), 2, "{}", ended.tell());
        ended.says(" \"clerk\", spawned at ");
    });
}

#[test]
fn a_hook_that_was_there_before_still_runs() {
    each("own_hook_before", |ended| {
        ended.passes().does_not_say("no ink");
        assert_eq!(lines(ended, "own hook"), 2, "{}", ended.tell());
        assert_eq!(lines(ended, ", panicked"), 2, "{}", ended.tell());
    });
}

#[test]
fn the_exit_policy_names_it_too() {
    each("exit", |ended| {
        ended
            .code(2)
            .says(" \"clerk\", spawned at tests/process_panic_names.rs:");
        ended.says(", panicked, and the panic policy is \"exit\": ending the process");
    });
}

#[test]
fn an_error_stream_that_cannot_be_written_to_does_no_harm() {
    each("broken_pipe", |ended| {
        ended.passes();
    });
}

#[test]
fn a_runtime_may_start_during_a_panic() {
    each("started_while_panicking", |ended| {
        ended.passes().says("first");
        assert_eq!(lines(ended, ", panicked"), 2, "{}", ended.tell());
    });
}
