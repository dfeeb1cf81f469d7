//! Tests of `WaitGroup`: wake-ups neither lost nor early, reuse, misuse.

use crate::sync::wait_group::{DoneGuard, WaitGroup};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

fn panic_text(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_string())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap()
}

#[test]
fn does_not_wake_early() {
    // The count is down by two only when both have added to `n`: a waiter that is woken early sees
    // less.
    for _ in 0..500 {
        let wg = WaitGroup::new();
        let n = AtomicI32::new(0);
        wg.add(1);
        thread::scope(|s| {
            for _ in 0..2 {
                wg.add(1);
                s.spawn(|| {
                    n.fetch_add(1, Ordering::Relaxed);
                    wg.done();
                });
            }
            wg.done();
            wg.wait();
            assert_eq!(n.load(Ordering::Relaxed), 2);
        });
    }
}

#[test]
fn reused_by_many_waiters() {
    let wg = WaitGroup::new();
    for round in 0..200 {
        let finished = AtomicUsize::new(0);
        wg.add(3);
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    finished.fetch_add(1, Ordering::Relaxed);
                    wg.done();
                });
                s.spawn(|| {
                    wg.wait();
                    assert_eq!(finished.load(Ordering::Relaxed), 3, "round {round}");
                });
            }
        });
    }
}

#[test]
fn next_round_may_begin_before_the_waiters_have_left() {
    // Every waiter counts its own thing after the group may have been at zero: it must not return
    // before its own `done`.
    let wg = WaitGroup::new();
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..300 {
                    wg.add(1);
                    let done = AtomicBool::new(false);
                    thread::scope(|s| {
                        s.spawn(|| {
                            done.store(true, Ordering::Relaxed);
                            wg.done();
                        });
                        wg.wait();
                        assert!(done.load(Ordering::Relaxed));
                    });
                }
            });
        }
    });
}

#[test]
fn clones_share_the_counter() {
    let wg = WaitGroup::new();
    wg.add(2);
    let other = wg.clone();
    let waiter = thread::spawn(move || other.wait());
    thread::sleep(Duration::from_millis(5));
    wg.done();
    assert!(!waiter.is_finished());
    assert_eq!(format!("{wg:?}"), "WaitGroup { count: 1 }");
    wg.done();
    waiter.join().unwrap();
}

#[test]
fn negative_counter_panics_with_gos_words() {
    let wg = WaitGroup::new();
    let text = panic_text(|| wg.done());
    assert_eq!(text, "sync: negative WaitGroup counter");
    // It stays usable.
    wg.add(1);
    wg.done();
    assert_eq!(panic_text(|| wg.done()), text);
    wg.wait();
}

#[test]
fn overflow_panics_and_changes_nothing() {
    let wg = WaitGroup::new();
    wg.add(1);
    assert!(panic_text(|| wg.add(usize::MAX)).starts_with("sync: WaitGroup counter overflow"));
    assert!(panic_text(|| wg.add(i32::MAX as usize)).starts_with("sync: WaitGroup counter over"));
    wg.add(i32::MAX as usize - 1);
    assert!(panic_text(|| wg.add(1)).starts_with("sync: WaitGroup counter overflow"));
    assert_eq!(
        format!("{wg:?}"),
        format!("WaitGroup {{ count: {} }}", i32::MAX)
    );
}

#[test]
fn guard_is_done_on_panic() {
    let wg = WaitGroup::new();
    let guard = DoneGuard::new(&wg);
    let result = thread::spawn(move || {
        let _guard = guard;
        panic!("in the counted work");
    })
    .join();
    assert!(result.is_err());
    wg.wait();
}
