//! Tests of `RwMutex`: Go's hammer, both sides' turns, timeouts.

use crate::sync::rw_mutex::RwMutex;
use std::{
    sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

/// A writer adds 10,000 to the activity while it is in, a reader 1: the sum shows who is in
/// together.
fn hammer(readers: usize, rounds: usize) {
    let lock = RwMutex::new(0u64);
    let activity = AtomicI32::new(0);
    let reader = || {
        for _ in 0..rounds {
            let value = lock.read();
            let n = activity.fetch_add(1, Ordering::SeqCst) + 1;
            assert!((1..10_000).contains(&n), "rlock({n})");
            (0..100).for_each(|_| std::hint::spin_loop());
            activity.fetch_sub(1, Ordering::SeqCst);
            drop(value);
        }
    };
    let writer = || {
        for _ in 0..rounds {
            let mut value = lock.write();
            let n = activity.fetch_add(10_000, Ordering::SeqCst) + 10_000;
            assert_eq!(n, 10_000, "wlock({n})");
            *value += 1;
            (0..100).for_each(|_| std::hint::spin_loop());
            activity.fetch_sub(10_000, Ordering::SeqCst);
        }
    };
    thread::scope(|s| {
        s.spawn(writer);
        (0..readers / 2).for_each(|_| drop(s.spawn(reader)));
        s.spawn(writer);
        (readers / 2..readers).for_each(|_| drop(s.spawn(reader)));
    });
    assert_eq!(lock.into_inner(), 2 * rounds as u64);
}

#[test]
fn hammer_readers_and_writers() {
    for readers in [1, 3, 5, 10] {
        hammer(readers, 500);
    }
}

#[test]
fn readers_are_in_together() {
    let lock = RwMutex::new(());
    let barrier = std::sync::Barrier::new(3);
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                let _in = lock.read();
                barrier.wait();
            });
        }
    });
}

#[test]
fn waiting_writer_stops_new_readers() {
    let lock = RwMutex::new(0);
    let reading = lock.read();
    thread::scope(|s| {
        let writer = s.spawn(|| *lock.write() = 1);
        while lock.try_read().is_some() {
            thread::yield_now();
        }
        let reader = s.spawn(|| *lock.read());
        thread::sleep(Duration::from_millis(10));
        assert!(!writer.is_finished() && !reader.is_finished());
        drop(reading);
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn waiting_readers_come_before_the_next_writer() {
    let lock = RwMutex::new(0);
    let first = lock.write();
    let second_in = AtomicBool::new(false);
    thread::scope(|s| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                s.spawn(|| {
                    let _in = lock.read();
                    assert!(!second_in.load(Ordering::SeqCst));
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(20));
        s.spawn(|| {
            let _in = lock.write();
            second_in.store(true, Ordering::SeqCst);
        });
        thread::sleep(Duration::from_millis(20));
        drop(first);
        readers.into_iter().for_each(|r| r.join().unwrap());
    });
    assert!(second_in.into_inner());
}

#[test]
fn neither_side_starves() {
    let lock = RwMutex::new(());
    let stop = AtomicBool::new(false);
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _in = lock.read();
                    thread::sleep(Duration::from_micros(50));
                }
            });
        }
        for _ in 0..2 {
            s.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _in = lock.write();
                    thread::sleep(Duration::from_micros(50));
                }
            });
        }
        let start = Instant::now();
        for _ in 0..20 {
            drop(lock.write());
            drop(lock.read());
        }
        stop.store(true, Ordering::Relaxed);
        assert!(start.elapsed() < Duration::from_secs(10));
    });
}

#[test]
fn timeouts_race_with_unlocks() {
    let lock = RwMutex::new(0usize);
    let written = AtomicUsize::new(0);
    thread::scope(|s| {
        for i in 0..6u64 {
            let (lock, written) = (&lock, &written);
            s.spawn(move || {
                for n in 0..300 {
                    let timeout = Duration::from_micros((n * 37 + i * 11) % 400);
                    if (n + i) % 3 == 0 {
                        if let Some(mut value) = lock.try_write_for(timeout) {
                            *value += 1;
                            written.fetch_add(1, Ordering::Relaxed);
                            if n % 2 == 0 {
                                thread::sleep(Duration::from_micros(50));
                            }
                        }
                    } else if let Some(value) = lock.try_read_for(timeout) {
                        assert!(*value <= 600);
                        if n % 2 == 0 {
                            thread::sleep(Duration::from_micros(50));
                        }
                    }
                }
            });
        }
        s.spawn(|| {
            for _ in 0..100 {
                *lock.write() += 1;
                written.fetch_add(1, Ordering::Relaxed);
                drop(lock.read());
            }
        });
    });
    assert!(lock.try_write().is_some());
    assert_eq!(lock.into_inner(), written.into_inner());
}

#[test]
fn timed_out_writer_lets_queued_readers_in() {
    let lock = RwMutex::new(());
    let reading = lock.read();
    thread::scope(|s| {
        s.spawn(|| assert!(lock.try_write_for(Duration::from_millis(30)).is_none()));
        while lock.try_read().is_some() {
            thread::yield_now();
        }
        // Queued behind the writer; gets in when the writer gives up, although `reading` stays.
        s.spawn(|| drop(lock.read())).join().unwrap();
    });
    drop(reading);
    assert!(lock.try_write().is_some());
}

#[test]
fn shell() {
    let mut lock = RwMutex::from(5);
    *lock.get_mut() += 1;
    assert_eq!(format!("{lock:?}"), "RwMutex { value: 6 }");
    let writing = lock.write();
    assert_eq!(
        format!("{lock:?} {writing}"),
        "RwMutex { value: <locked> } 6"
    );
    drop(writing);
    let unsized_value: &RwMutex<[i32]> = &RwMutex::new([1, 2, 3]);
    assert_eq!(unsized_value.read().len(), 3);
}
