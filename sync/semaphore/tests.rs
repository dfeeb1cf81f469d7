//! Tests of `Semaphore` and `Barrier`.

use crate::sync::barrier::Barrier;
use crate::sync::semaphore::Semaphore;
use std::{
    panic::catch_unwind,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

#[test]
fn never_gives_out_more_than_there_is() {
    let semaphore = Semaphore::new(5);
    let inside = AtomicUsize::new(0);
    thread::scope(|s| {
        for i in 0..6 {
            let (semaphore, inside) = (&semaphore, &inside);
            s.spawn(move || {
                for n in 0..500 {
                    let k = (i + n) % 6;
                    let timeout = Duration::from_micros((n as u64 * 7) % 50);
                    let permit = match n % 3 {
                        0 => semaphore.try_acquire(k),
                        1 => semaphore.acquire_timeout(k, timeout),
                        _ => Some(semaphore.acquire(k)),
                    };
                    if let Some(permit) = permit {
                        assert!(inside.fetch_add(k, Ordering::SeqCst) + k <= 5);
                        inside.fetch_sub(permit.count(), Ordering::SeqCst);
                    }
                }
            });
        }
    });
    assert_eq!(semaphore.available_permits(), 5);
}

#[test]
fn large_request_is_not_starved_by_small_ones() {
    let semaphore = Semaphore::new(4);
    let stop = AtomicBool::new(false);
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _one = semaphore.acquire(1);
                    thread::sleep(Duration::from_micros(50));
                }
            });
        }
        for _ in 0..20 {
            let all = semaphore.acquire_timeout(4, Duration::from_secs(10));
            assert!(all.is_some());
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn large_request_that_gives_up_lets_small_ones_pass() {
    let semaphore = Semaphore::new(2);
    let one = semaphore.acquire(1);
    thread::scope(|s| {
        let large = s.spawn(|| {
            semaphore
                .acquire_timeout(2, Duration::from_millis(40))
                .is_none()
        });
        while semaphore.try_acquire(1).is_some() {
            thread::yield_now();
        }
        // Behind the large one, though a permit is free.
        s.spawn(|| drop(semaphore.acquire(1))).join().unwrap();
        assert!(large.join().unwrap());
    });
    drop(one);
}

#[test]
fn permits_may_be_added_for_a_request_larger_than_the_total() {
    let semaphore = Semaphore::new(1);
    thread::scope(|s| {
        let waiter = s.spawn(|| semaphore.acquire(3).forget());
        while semaphore.try_acquire(1).is_some() {
            thread::yield_now();
        }
        semaphore.add_permits(1);
        assert!(!waiter.is_finished());
        semaphore.add_permits(2);
    });
    assert_eq!(semaphore.available_permits(), 1);
    assert!(catch_unwind(|| semaphore.add_permits(usize::MAX)).is_err());
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn barrier_lets_all_go_together_and_elects_one() {
    let barrier = Barrier::new(4);
    let (come, leaders) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for round in 1..=200 {
                    come.fetch_add(1, Ordering::Relaxed);
                    if barrier.wait().is_leader() {
                        leaders.fetch_add(1, Ordering::Relaxed);
                    }
                    assert!(come.load(Ordering::Relaxed) >= 4 * round);
                }
            });
        }
    });
    assert_eq!(leaders.into_inner(), 200);
    assert!(Barrier::new(0).wait().is_leader());
}
