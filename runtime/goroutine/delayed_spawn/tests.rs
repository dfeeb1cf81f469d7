//! What a start at a deadline promises.

use crate::{
    runtime::{Builder, clock, goroutine::delayed_spawn::spawn_delayed, num_goroutines, yield_now},
    sync::channel::{RecvTimeoutError, bounded},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

fn on_workers(test: impl Fn() + Send + Copy + 'static) {
    for workers in [1, 2, 3, 8] {
        let runtime = Builder::new().workers(workers).build().unwrap();
        runtime.run(test);
        runtime.shutdown_timeout(Duration::from_secs(20)).unwrap();
    }
}

fn starts_at_its_time() {
    let (tx, rx) = bounded(10);
    let start = clock::now();
    for ms in [20, 5, 10] {
        let tx = tx.clone();
        spawn_delayed(start + Duration::from_millis(ms), move || {
            tx.send((ms, clock::now())).unwrap();
        });
    }
    drop(tx);
    let mut order = Vec::new();
    for (ms, at) in &rx {
        assert!(at >= start + Duration::from_millis(ms));
        order.push(ms);
    }
    order.sort_unstable();
    assert_eq!(order, [5, 10, 20]);
}

#[test]
fn it_starts_at_its_time_and_not_before() {
    on_workers(starts_at_its_time);
    starts_at_its_time();
}

fn can_be_called_off() {
    let (tx, rx) = bounded::<()>(1);
    let before = num_goroutines();
    let later = spawn_delayed(clock::now() + Duration::from_secs(3600), move || {
        tx.send(()).unwrap();
    });
    assert_eq!(num_goroutines(), before, "it is no goroutine yet");
    // The closure still holds the sender.
    let early = rx.recv_timeout(Duration::from_millis(5));
    assert_eq!(early, Err(RecvTimeoutError::Timeout));
    assert!(later.cancel());
    assert!(rx.recv().is_err(), "the closure was dropped");
    assert!(!later.cancel());
}

#[test]
fn one_that_is_called_off_never_runs_and_drops_its_closure() {
    on_workers(can_be_called_off);
}

/// It waits on the one worker that is kept busy by the goroutine that waits for it.
#[test]
fn a_stuck_worker_does_not_keep_it_from_starting() {
    for workers in [1, 2] {
        let runtime = Builder::new().workers(workers).build().unwrap();
        runtime.run(|| {
            let done = Arc::new(AtomicBool::new(false));
            let flag = Arc::clone(&done);
            spawn_delayed(clock::now() + Duration::from_millis(5), move || {
                flag.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
    }
}

/// Either it runs or the call-off says that it does not.
fn races() {
    const EACH: usize = 2_000;
    let ran = Arc::new(AtomicUsize::new(0));
    let mut called_off = 0;
    for i in 0..EACH {
        let count = Arc::clone(&ran);
        let deadline = clock::now() + Duration::from_micros(i as u64 % 150);
        let later = spawn_delayed(deadline, move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let other = thread::current().id();
        for _ in 0..i % 40 {
            yield_now();
        }
        assert_eq!(other, thread::current().id());
        called_off += usize::from(later.cancel());
    }
    while Arc::strong_count(&ran) > 1 {
        crate::sleep(Duration::from_millis(1));
    }
    assert_eq!(ran.load(Ordering::Relaxed) + called_off, EACH);
}

#[test]
fn it_runs_or_is_called_off() {
    on_workers(races);
    races();
}

#[test]
fn those_whose_time_had_not_come_are_dropped_with_the_runtime() {
    let alive = Arc::new(());
    let runtime = Builder::new().workers(2).build().unwrap();
    let held = Arc::clone(&alive);
    runtime.run(move || {
        for i in 0..100 {
            let held = Arc::clone(&held);
            spawn_delayed(
                clock::now() + Duration::from_secs(i * 100 + 60),
                move || drop(held),
            );
        }
    });
    assert_eq!(Arc::strong_count(&alive), 101);
    runtime.shutdown_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(Arc::strong_count(&alive), 1);
}
