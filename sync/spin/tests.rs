//! Tests of the spin lock; `sync/models/` has its models.

use crate::sync::spin::{Backoff, Exponential, SpinLock, Steady};
use std::{panic, thread};

fn count_to_40_000<B: Backoff + Sync>() {
    let counter = SpinLock::<u64, B>::new(0);
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..10_000 {
                    *counter.lock() += 1;
                }
            });
        }
    });
    assert_eq!(*counter.lock(), 40_000);
}

#[test]
fn counts_every_increment() {
    count_to_40_000::<Steady>();
    count_to_40_000::<Exponential>();
}

/// The holder goes on only when the other has long waited, and so has yielded.
#[test]
fn who_waits_for_long_comes_in_at_last() {
    let lock = SpinLock::<_, Exponential>::new(1);
    let guard = lock.lock();
    thread::scope(|s| {
        let waiter = s.spawn(|| *lock.lock());
        for _ in 0..1_000 {
            thread::yield_now();
        }
        drop(guard);
        assert_eq!(waiter.join().unwrap(), 1);
    });
}

#[test]
fn one_that_is_taken_is_not_taken_again() {
    let lock = SpinLock::<_>::new(1);
    assert!(lock.is_free());
    let mut guard = lock.try_lock().unwrap();
    assert!(!lock.is_free() && lock.try_lock().is_none());
    *guard += 1;
    drop(guard);
    assert!(lock.is_free());
    assert_eq!(lock.try_lock().map(|guard| *guard), Some(2));
}

#[test]
fn the_raw_pair_takes_and_leaves() {
    let lock = SpinLock::<()>::new(());
    lock.acquire();
    assert!(lock.try_lock().is_none());
    // SAFETY: taken above.
    unsafe { lock.release() };
    assert!(lock.is_free());
}

#[test]
fn a_panic_leaves_the_lock() {
    let lock = SpinLock::<()>::new(());
    let unwound = panic::catch_unwind(|| {
        let _guard = lock.lock();
        panic!("on purpose");
    });
    assert!(unwound.is_err() && lock.is_free());
}

/// All that a lock has beside its value is one byte.
#[test]
fn is_small() {
    assert_eq!(size_of::<SpinLock<()>>(), 1);
    assert_eq!(size_of::<SpinLock<u8, Exponential>>(), 2);
}
