//! The parking primitives, over the model's door: the locks' words with their wait lists, the wait
//! group's word.

use crate::{
    runtime::{
        models::{Plain, check},
        park::WaitReason,
        prims::Instant,
    },
    sync::{
        raw_mutex::RawMutex, raw_rw_mutex::RawRwMutex, raw_wait_group::WaitCounter,
        real_spin::SpinLock,
    },
};
use loom::{sync::Arc, thread};
use std::time::Duration;

/// A lock with what it guards.
struct Guarded<L> {
    lock: L,
    value: Plain,
}

fn guarded<L>(lock: L) -> Arc<Guarded<L>> {
    let value = Plain::new();
    Arc::new(Guarded { lock, value })
}

#[test]
fn the_spin_lock_excludes() {
    check(|| {
        let lock = Arc::new(SpinLock::<_>::new(0));
        let other = Arc::clone(&lock);
        let other = thread::spawn(move || *other.lock() += 1);
        *lock.lock() += 1;
        other.join().unwrap();
        assert_eq!(*lock.lock(), 2);
    });
}

/// `threads` lock once each, and add one under the lock.
fn lock_by_turns(threads: usize, step: Duration) {
    check(move || {
        Instant::set_step(step);
        let shared = guarded(RawMutex::new());
        let turn = |shared: &Guarded<RawMutex>| {
            shared.lock.lock(WaitReason::Mutex);
            shared.value.add(1);
            shared.lock.unlock();
        };
        let others: Vec<_> = (1..threads)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || turn(&shared))
            })
            .collect();
        turn(&shared);
        others.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(shared.value.get(), threads as u32);
        assert!(shared.lock.try_lock());
    });
}

#[test]
fn the_mutex_excludes_and_wakes() {
    lock_by_turns(2, Duration::ZERO);
}

#[test]
fn the_mutex_wakes_two_waiters() {
    lock_by_turns(3, Duration::ZERO);
}

/// Time flies: every waiter that was woken once starves, and is handed the lock.
#[test]
fn the_mutex_hands_itself_to_the_starved() {
    lock_by_turns(3, Duration::from_millis(1));
}

#[test]
fn a_timed_locker_leaves_no_trace() {
    check(|| {
        Instant::set_step(Duration::ZERO);
        let shared = guarded(RawMutex::new());
        let timed = Arc::clone(&shared);
        let timed = thread::spawn(move || {
            let soon = Instant::now().checked_add(Duration::from_secs(1));
            if timed.lock.lock_until(WaitReason::Mutex, soon) {
                timed.value.add(1);
                timed.lock.unlock();
            }
        });
        shared.lock.lock(WaitReason::Mutex);
        shared.value.add(1);
        shared.lock.unlock();
        timed.join().unwrap();
        assert!(shared.value.get() >= 1);
        assert!(shared.lock.try_lock());
    });
}

#[test]
fn readers_and_a_writer_exclude_and_wake() {
    check(|| {
        Instant::set_step(Duration::ZERO);
        let shared = guarded(RawRwMutex::new());
        let reader = Arc::clone(&shared);
        let reader = thread::spawn(move || {
            assert!(reader.lock.read_until(None));
            let seen = reader.value.get();
            reader.lock.read_unlock();
            seen
        });
        assert!(shared.lock.write_until(None));
        shared.value.add(1);
        shared.lock.write_unlock();
        assert!(reader.join().unwrap() <= 1);
        assert!(shared.lock.try_write());
    });
}

#[test]
fn two_readers_let_the_writer_in() {
    check(|| {
        Instant::set_step(Duration::ZERO);
        let shared = guarded(RawRwMutex::new());
        let readers = [(); 2].map(|()| {
            let reader = Arc::clone(&shared);
            thread::spawn(move || {
                assert!(reader.lock.read_until(None));
                reader.value.get();
                reader.lock.read_unlock();
            })
        });
        assert!(shared.lock.write_until(None));
        shared.value.add(1);
        shared.lock.write_unlock();
        readers.into_iter().for_each(|r| r.join().unwrap());
        assert!(shared.lock.try_write());
    });
}

#[test]
fn waiting_ends_with_the_last_done() {
    check(|| {
        let shared = guarded(WaitCounter::new());
        let second = Arc::new(Plain::new());
        shared.lock.add(2);
        let first = Arc::clone(&shared);
        let first = thread::spawn(move || {
            first.value.set(7);
            first.lock.done();
        });
        let other = (Arc::clone(&shared), Arc::clone(&second));
        let other = thread::spawn(move || {
            other.1.set(8);
            other.0.lock.done();
        });
        shared.lock.wait();
        assert_eq!((shared.value.get(), second.get()), (7, 8));
        first.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn two_waiters_both_wake() {
    check(|| {
        let shared = guarded(WaitCounter::new());
        shared.lock.add(1);
        let waiter = Arc::clone(&shared);
        let waiter = thread::spawn(move || {
            waiter.lock.wait();
            assert_eq!(waiter.value.get(), 7);
        });
        let worker = Arc::clone(&shared);
        let worker = thread::spawn(move || {
            worker.value.set(7);
            worker.lock.done();
        });
        shared.lock.wait();
        assert_eq!(shared.value.get(), 7);
        waiter.join().unwrap();
        worker.join().unwrap();
    });
}
