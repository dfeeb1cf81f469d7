//! Tests of `Cond`: order, nothing lost, nothing stolen, timeouts, the three guards.

use crate::sync::cond::Cond;
use crate::sync::mutex::Mutex;
use crate::sync::rw_mutex::RwMutex;
use std::{
    thread,
    time::{Duration, Instant},
};

/// Waits until `n` threads are in `Cond::wait`, each of which has counted itself in `mutex` before.
fn until_waiting(mutex: &Mutex<usize>, n: usize) {
    while *mutex.lock() != n {
        thread::yield_now();
    }
}

#[test]
fn notifies_in_order_one_at_a_time() {
    let waiting = Mutex::new(0);
    let order = Mutex::new(Vec::new());
    let cond = Cond::new();
    thread::scope(|s| {
        for i in 0..10 {
            let (waiting, order, cond) = (&waiting, &order, &cond);
            s.spawn(move || {
                let mut guard = waiting.lock();
                *guard += 1;
                cond.wait(&mut guard);
                order.lock().push(i);
            });
            until_waiting(waiting, i + 1);
        }
        for i in 0..10 {
            cond.notify_one();
            while order.lock().len() != i + 1 {
                thread::yield_now();
            }
        }
    });
    assert_eq!(order.into_inner(), (0..10).collect::<Vec<_>>());
}

#[test]
fn notify_all_wakes_everyone_each_time() {
    let state = Mutex::new((0u32, 0u32));
    let (go, back) = (Cond::new(), Cond::new());
    thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| {
                for round in 1..=50 {
                    let mut guard = state.lock();
                    go.wait_while(&mut guard, |s| s.0 < round);
                    guard.1 += 1;
                    drop(guard);
                    back.notify_one();
                }
            });
        }
        for round in 1..=50 {
            state.lock().0 = round;
            go.notify_all();
            back.wait_while(&mut state.lock(), |s| s.1 < round * 8);
        }
    });
}

#[test]
fn signal_is_not_stolen() {
    // A waiter that comes after the signal must not get it in place of the one that was there.
    for _ in 0..300 {
        let mutex = Mutex::new(0);
        let cond = Cond::new();
        thread::scope(|s| {
            let first = s.spawn(|| {
                let mut guard = mutex.lock();
                *guard += 1;
                cond.wait(&mut guard);
            });
            until_waiting(&mutex, 1);
            cond.notify_one();
            let mut guard = mutex.lock();
            let late = cond.wait_for(&mut guard, Duration::from_micros(100));
            assert!(late.timed_out());
            drop(guard);
            first.join().unwrap();
        });
    }
}

#[test]
fn timeouts_race_with_notifications() {
    // Every notification is received by exactly one, or finds nobody there.
    let tokens = Mutex::new((0u32, 0u32));
    let cond = Cond::new();
    thread::scope(|s| {
        for i in 0..4u64 {
            let (tokens, cond) = (&tokens, &cond);
            s.spawn(move || {
                for n in 0..300 {
                    let mut guard = tokens.lock();
                    let timeout = Duration::from_micros((n * 13 + i * 7) % 200);
                    let result = cond.wait_while_for(&mut guard, |t| t.0 == 0, timeout);
                    assert_eq!(result.timed_out(), guard.0 == 0);
                    if guard.0 != 0 {
                        guard.0 -= 1;
                        guard.1 += 1;
                    }
                }
            });
        }
        for _ in 0..500 {
            tokens.lock().0 += 1;
            cond.notify_one();
        }
    });
    let (left, taken) = tokens.into_inner();
    assert_eq!(left + taken, 500);
}

#[test]
fn times_out_with_the_lock_held() {
    let mutex = Mutex::new(());
    let mut guard = mutex.lock();
    let start = Instant::now();
    let result = Cond::new().wait_for(&mut guard, Duration::from_millis(10));
    assert!(result.timed_out() && start.elapsed() >= Duration::from_millis(10));
    assert!(mutex.try_lock().is_none());
}

#[test]
fn works_with_read_and_write_guards() {
    let level = RwMutex::new(0);
    let changed = Cond::new();
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                let mut reading = level.read();
                changed.wait_while(&mut reading, |level| *level < 2);
                assert_eq!(*reading, 2);
            });
        }
        s.spawn(|| {
            let mut writing = level.write();
            changed.wait_while(&mut writing, |level| *level < 1);
            *writing += 1;
            changed.notify_all();
        });
        thread::sleep(Duration::from_millis(5));
        *level.write() += 1;
        changed.notify_all();
    });
    assert!(level.try_write().is_some());
}
