//! When the system gives no more threads: runtimes are refused with words and leave nothing behind;
//! those that run go on without.
//!
//! The limit does not hold for root, so the children give up root first.
#![cfg(target_os = "linux")]

#[path = "support/child.rs"]
mod child;

use child::{Child, Ended, Role};
use gort::{go, runtime::blocking};
use std::{
    fs, io,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

const ROLES: &[Role] = &[
    ("build", build),
    ("build_partly", build_partly),
    ("no_home", no_home),
    ("default_runtime", default_runtime),
    ("program", || {
        allow_threads(0);
        child::end_as_main(program::main());
    }),
    ("blocking_inline", blocking_inline),
    ("blocking_few", blocking_few),
    ("no_spare", no_spare),
    ("no_address_for_a_thread", no_address_for_a_thread),
];

#[test]
fn plays_a_role() {
    child::play(ROLES);
}

/// A user that no other process of the system runs as: the limit is on all threads of a user.
fn a_user_of_our_own() -> libc::uid_t {
    (1 << 30) + std::process::id()
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

/// Lets this process start `more` threads, no more. Ends the role if the system will not have it
/// so.
fn allow_threads(more: usize) {
    let limit = child::limit((threads() + more) as u64);
    // SAFETY: a valid structure for a known resource, and calls without preconditions.
    let refused = unsafe {
        let is_root = libc::geteuid() == 0;
        is_root && libc::setuid(a_user_of_our_own()) != 0
            || libc::setrlimit(libc::RLIMIT_NPROC, &limit) != 0
    };
    // Another program's threads count if the user is not ours alone; there should be none beyond
    // the limit either way.
    let bites = {
        let held: Vec<_> = (0..=more)
            .map_while(|_| {
                let sleep = || thread::sleep(Duration::from_millis(100));
                thread::Builder::new().spawn(sleep).ok()
            })
            .collect();
        let started = held.len();
        held.into_iter().for_each(|thread| thread.join().unwrap());
        started == more
    };
    if refused || !bites {
        println!("skipped: no limit on threads");
        std::process::exit(0);
    }
    wait_for_threads(limit.rlim_cur as usize - more);
}

/// Waits until this process has so many threads: those that were joined may take a moment to be
/// gone.
fn wait_for_threads(n: usize) {
    let start = Instant::now();
    while threads() != n {
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{} threads",
            threads()
        );
        thread::sleep(Duration::from_millis(1));
    }
}

fn builder(workers: usize) -> gort::runtime::Builder {
    gort::runtime::Builder::new().workers(workers)
}

#[track_caller]
fn refused(built: io::Result<gort::runtime::Runtime>, workers: usize) {
    let error = built.expect_err("there are no threads");
    let text = error.to_string();
    let expected = format!(
        "gort: starting the threads of a runtime with {workers} workers failed: Resource temporarily unavailable"
    );
    assert!(text.starts_with(&expected), "{text}");
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
}

fn build() {
    allow_threads(0);
    for workers in [1, 2, 8] {
        refused(builder(workers).build(), workers);
    }
}

/// Some of the threads are there, not all: at each place that a start can fail.
fn build_partly() {
    allow_threads(5);
    let before = threads();
    for workers in [5, 6, 8, 1024] {
        refused(builder(workers).build(), workers);
        wait_for_threads(before);
    }
    // Three workers, the monitor, and a home: no second one is to be had.
    for _ in 0..20 {
        let runtime = builder(3).build().unwrap();
        let answer = || (0..10).map(|n| go!(move || n)).map(|h| h.join().unwrap());
        assert_eq!(runtime.run(move || answer().sum::<i32>()), 45);
        let metrics = runtime.metrics();
        if metrics.identity == "lent" {
            assert_eq!(metrics.homes, 1, "{metrics:?}");
            refused(builder(1).build(), 1);
        }
        drop(runtime);
        wait_for_threads(before);
    }
}

/// There is a thread for each worker and for the monitor, and none for a home: a runtime says so at
/// once, or it runs all the same. Never does it take a goroutine and stay silent.
fn no_home() {
    allow_threads(2);
    let before = threads();
    match builder(1).build() {
        Ok(runtime) => assert_eq!(runtime.run(|| go!(|| 6 * 7).join().unwrap()), 42),
        Err(error) => refused(Err(error), 1),
    }
    wait_for_threads(before);
}

fn default_runtime() {
    allow_threads(0);
    go!(println!("a goroutine runs"));
}

mod program {
    #[gort::main(workers = 2)]
    pub(crate) fn main() {
        println!("main runs");
    }
}

fn blocking_inline() {
    let runtime = builder(1).build().unwrap();
    runtime.run(|| ());
    allow_threads(0);
    runtime.run(|| {
        let handles: Vec<_> = (0..100)
            .map(|n| {
                go!(move || {
                    assert_eq!(blocking(|| n + 1), n + 1);
                    let failed = go!(move || blocking(move || -> () { panic!("call {n}") }));
                    let payload = failed.join().unwrap_err();
                    let text = payload.downcast_ref::<String>().unwrap();
                    assert_eq!(*text, format!("call {n}"));
                })
            })
            .collect();
        for handle in handles {
            handle.join().unwrap();
        }
    });
    assert_eq!(runtime.metrics().blocking_threads, 0);
}

/// With two threads for a hundred calls, they take turns.
fn blocking_few() {
    static RUNNING: AtomicUsize = AtomicUsize::new(0);
    // One home, for which there is a thread already.
    let runtime = builder(2).homes(1).build().unwrap();
    runtime.run(|| ());
    allow_threads(2);
    runtime.run(|| {
        let handles: Vec<_> = (0..100)
            .map(|n| {
                go!(move || {
                    blocking(|| {
                        assert!(RUNNING.fetch_add(1, Ordering::Relaxed) < 2);
                        thread::sleep(Duration::from_millis(1));
                        RUNNING.fetch_sub(1, Ordering::Relaxed);
                        n
                    })
                })
            })
            .collect();
        let sum: i32 = handles.into_iter().map(|h| h.join().unwrap()).sum();
        assert_eq!(sum, 4950);
    });
    // Where a worker was stuck, a home may have had one of them.
    let metrics = runtime.metrics();
    let is_lending = metrics.identity == "lent";
    let more_homes = if is_lending { metrics.homes - 1 } else { 0 };
    assert_eq!(metrics.blocking_threads + more_homes, 2, "{metrics:?}");
}

/// The only worker is held for long, others wait, and no spare can be had.
fn no_spare() {
    let runtime = builder(1).build().unwrap();
    runtime.run(|| ());
    allow_threads(0);
    runtime.run(|| {
        let start = Instant::now();
        let handles: Vec<_> = (0..20)
            .map(|_| go!(|| thread::sleep(Duration::from_millis(30))))
            .collect();
        for handle in handles {
            handle.join().unwrap();
        }
        assert!(start.elapsed() >= Duration::from_millis(20 * 30));
    });
    let metrics = runtime.metrics();
    assert_eq!(metrics.spare_workers, 0);
}

/// Threads fail for want of addresses, not by a limit of their own.
fn no_address_for_a_thread() {
    // SAFETY: a valid structure for a known resource.
    let done = unsafe { libc::setrlimit(libc::RLIMIT_AS, &child::limit(300 << 20)) };
    assert_eq!(done, 0);
    let before = threads();
    let error = builder(1000).build().unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("of a runtime with 1000 workers failed: "),
        "{text}"
    );
    wait_for_threads(before);
    assert_eq!(builder(2).build().unwrap().run(|| 6 * 7), 42);
}

/// Runs a role, and tells whether it could be played.
fn played(role: &'static str) -> Option<Ended> {
    let ended = Child::new(role).run();
    let skipped = ended.out.contains("skipped: no limit on threads");
    if skipped {
        println!("{role} is skipped: no limit on threads here");
    }
    (!skipped).then_some(ended)
}

#[test]
fn a_runtime_without_threads_is_an_error_and_leaves_none_behind() {
    for role in ["build", "build_partly"] {
        if let Some(ended) = played(role) {
            ended.passes();
        }
    }
}

#[test]
fn a_runtime_without_a_thread_for_a_home_does_not_stay_silent() {
    if let Some(ended) = played("no_home") {
        ended.passes();
    }
}

#[test]
fn an_end_of_addresses_while_threads_start_is_told() {
    if child::is_emulated("no limit on addresses holds") {
        return;
    }
    let ended = Child::new("no_address_for_a_thread").run();
    // The threads that did start may find no memory for what std and the C library keep for each;
    // then these say so.
    if ended.status.code().is_none() {
        ended.signal(libc::SIGABRT).says("memory");
    } else {
        ended.passes();
    }
}

#[test]
fn the_default_runtime_without_threads_is_a_panic() {
    if let Some(ended) = played("default_runtime") {
        ended.code(101).does_not_print("a goroutine runs");
        ended.says("gort: the default runtime cannot start: gort: starting the threads");
    }
}

#[test]
fn a_program_without_threads_ends_before_main() {
    if let Some(ended) = played("program") {
        ended.code(2).does_not_print("main runs");
        ended.says("gort: starting the threads of a runtime with 2 workers failed: ");
    }
}

#[test]
fn blocking_calls_find_a_way() {
    for role in ["blocking_inline", "blocking_few"] {
        if let Some(ended) = played(role) {
            ended.passes();
        }
    }
}

#[test]
fn a_stuck_worker_without_a_spare_goes_on_in_time() {
    if let Some(ended) = played("no_spare") {
        ended.passes();
    }
}
