//! Moments of the state word that threads meet by chance only.

use super::*;
use crate::runtime::os::{os_threads, park_thread};
use std::{
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
};

fn state(mutex: &RawMutex) -> u32 {
    mutex.state.load(Ordering::Relaxed)
}

/// A thread that waits for the lock, which is held, and then has it for a moment.
fn waiter(mutex: &Arc<RawMutex>) -> JoinHandle<()> {
    let (tell, told) = mpsc::channel();
    let mutex = Arc::clone(mutex);
    let thread = thread::spawn(move || {
        tell.send(os_threads::own_id()).unwrap();
        mutex.lock(WaitReason::Mutex);
        mutex.unlock();
    });
    let id = told.recv().unwrap();
    while !park_thread::stuck().iter().any(|(parked, _)| *parked == id) {
        thread::yield_now();
    }
    thread
}

/// The unlock that came before saw that somebody is awake, and woke nobody: whoever gives up being
/// that somebody takes the lock, and its unlock wakes those who wait.
#[test]
fn one_that_gives_up_passes_the_wake_on() {
    let mutex = Arc::new(RawMutex::new());
    mutex.lock(WaitReason::Mutex);
    let thread = waiter(&mutex);
    assert_eq!(state(&mutex), LOCKED_BIT | QUEUED_BIT);
    // This thread plays one that was woken.
    mutex.state.fetch_or(WOKEN_BIT, Ordering::Relaxed);
    mutex.unlock();
    assert_eq!(state(&mutex), WOKEN_BIT | QUEUED_BIT);
    assert!(mutex.give_up());
    assert_eq!(state(&mutex), LOCKED_BIT | QUEUED_BIT);
    mutex.unlock();
    thread.join().unwrap();
    assert_eq!(state(&mutex), 0);
}

/// While another holds the lock its unlock wakes them, if nobody is said to be awake.
#[test]
fn one_that_gives_up_leaves_the_wake_to_the_holder() {
    let mutex = Arc::new(RawMutex::new());
    mutex.lock(WaitReason::Mutex);
    let thread = waiter(&mutex);
    mutex.state.fetch_or(WOKEN_BIT, Ordering::Relaxed);
    assert!(!mutex.give_up());
    assert_eq!(state(&mutex), LOCKED_BIT | QUEUED_BIT);
    mutex.unlock();
    thread.join().unwrap();
    assert_eq!(state(&mutex), 0);
}

/// The last one whose deadline passes leaves a lock that nobody waits for, starving or not; the one
/// before leaves it as it is.
#[test]
fn nothing_is_left_of_waiters_whose_deadline_has_passed() {
    for mode in [0, STARVING_BIT] {
        let mutex = Arc::new(RawMutex::new());
        mutex.lock(WaitReason::Mutex);
        let soon = || Some(clock::now() + Duration::from_millis(2));
        let thread = waiter(&mutex);
        mutex.state.fetch_or(mode, Ordering::Relaxed);
        assert!(!mutex.lock_until(WaitReason::Mutex, soon()));
        assert_eq!(state(&mutex), LOCKED_BIT | QUEUED_BIT | mode);
        mutex.unlock();
        thread.join().unwrap();
        mutex.lock(WaitReason::Mutex);
        mutex.state.fetch_or(mode, Ordering::Relaxed);
        assert!(!mutex.lock_until(WaitReason::Mutex, soon()));
        assert_eq!(state(&mutex), LOCKED_BIT);
        mutex.unlock();
        assert_eq!(state(&mutex), 0);
    }
}
