//! Tests of `Mutex`: exclusion, fairness, timeouts.

use crate::sync::mutex::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

#[test]
fn excludes_and_loses_no_wake_up() {
    for threads in [2, 4, 10] {
        let total = Mutex::new((0u64, 0u64));
        thread::scope(|s| {
            for i in 0..threads {
                let total = &total;
                s.spawn(move || {
                    for n in 0..5_000 {
                        if (i + n) % 3 == 0
                            && let Some(mut both) = total.try_lock()
                        {
                            both.0 += 1;
                            both.1 += 1;
                            continue;
                        }
                        let mut both = total.lock();
                        both.0 += 1;
                        if n % 512 == 0 {
                            thread::yield_now();
                        }
                        both.1 += 1;
                    }
                });
            }
        });
        assert_eq!(total.into_inner(), (threads * 5_000, threads * 5_000));
    }
}

#[test]
fn hog_does_not_starve_others() {
    let mutex = Mutex::new(());
    let stop = AtomicBool::new(false);
    thread::scope(|s| {
        s.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let held = mutex.lock();
                let start = Instant::now();
                while start.elapsed() < Duration::from_micros(100) {}
                drop(held);
            }
        });
        let start = Instant::now();
        for _ in 0..10 {
            thread::sleep(Duration::from_micros(100));
            drop(mutex.lock());
        }
        stop.store(true, Ordering::Relaxed);
        assert!(start.elapsed() < Duration::from_secs(10));
    });
}

#[test]
fn sleeping_hogs_hand_off_in_turn() {
    // Holders sleep, so nearly every acquisition waits for longer than 1 ms: starvation mode, in
    // and out.
    let mutex = Mutex::new(0);
    thread::scope(|s| {
        for _ in 0..6 {
            s.spawn(|| {
                for _ in 0..20 {
                    let mut n = mutex.lock();
                    *n += 1;
                    thread::sleep(Duration::from_micros(300));
                }
            });
        }
    });
    assert_eq!(mutex.into_inner(), 120);
}

#[test]
fn timeouts_race_with_unlocks() {
    let mutex = Mutex::new(0usize);
    let taken = AtomicUsize::new(0);
    thread::scope(|s| {
        for i in 0..6u64 {
            let (mutex, taken) = (&mutex, &taken);
            s.spawn(move || {
                for n in 0..400 {
                    // From hopeless to generous, around the time that the lock is held for.
                    let timeout = Duration::from_micros((n * 37 + i * 11) % 1_500);
                    if let Some(mut count) = mutex.try_lock_for(timeout) {
                        *count += 1;
                        taken.fetch_add(1, Ordering::Relaxed);
                        if n % 4 == 0 {
                            thread::sleep(Duration::from_micros(50));
                        }
                    }
                }
            });
        }
        // One that never gives up must get its turns too.
        s.spawn(|| {
            for _ in 0..200 {
                *mutex.lock() += 1;
                taken.fetch_add(1, Ordering::Relaxed);
            }
        });
    });
    // Nothing was lost: the lock is free and has no waiters.
    assert!(mutex.try_lock_for(Duration::ZERO).is_some());
    assert_eq!(mutex.into_inner(), taken.into_inner());
}

#[test]
fn timed_lock_waits_and_gives_up() {
    let mutex = Mutex::new(());
    let held = mutex.lock();
    let start = Instant::now();
    assert!(mutex.try_lock_for(Duration::from_millis(20)).is_none());
    assert!(start.elapsed() >= Duration::from_millis(20));
    thread::scope(|s| {
        let waiter = s.spawn(|| mutex.try_lock_for(Duration::MAX).is_some());
        thread::sleep(Duration::from_millis(10));
        drop(held);
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn panic_releases_and_does_not_poison() {
    let mutex = Arc::new(Mutex::new(1));
    let theirs = Arc::clone(&mutex);
    let result = thread::spawn(move || {
        *theirs.lock() = 2;
        let _held = theirs.lock();
        panic!("while holding it");
    })
    .join();
    assert!(result.is_err());
    assert_eq!(*mutex.lock(), 2);
}

#[test]
fn shell() {
    let mut mutex = Mutex::from(vec![1]);
    mutex.get_mut().push(2);
    assert_eq!(format!("{mutex:?}"), "Mutex { value: [1, 2] }");
    let held = mutex.lock();
    assert_eq!(
        format!("{mutex:?} {held:?}"),
        "Mutex { value: <locked> } [1, 2]"
    );
    drop(held);
    let unsized_value: &Mutex<[i32]> = &Mutex::new([1, 2, 3]);
    assert_eq!(unsized_value.lock().len(), 3);
    assert_eq!(*Mutex::<u8>::default().lock(), 0);
}

fn is_send<T: Send>() {}
fn is_sync<T: Sync>() {}

#[test]
fn auto_traits() {
    is_send::<Mutex<std::cell::Cell<u8>>>();
    is_sync::<Mutex<std::cell::Cell<u8>>>();
    is_sync::<crate::sync::mutex::MutexGuard<'_, u8>>();
}
