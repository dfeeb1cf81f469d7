//! What becomes of waiters whose runtime is dropped, at the moments that programs meet by chance
//! only.

use crate::runtime::entry::system::{Builder, Runtime};
use crate::runtime::os::{os_threads, park_thread};
use crate::runtime::park::WaitReason;
use crate::runtime::prims::{AtomicUsize, Ordering::SeqCst};
use crate::sync::spin::SpinLock;
use crate::sync::wait_list::{Leave, Parking, WaitList, Waiter, park_in};
use crate::sync::{Cond, Mutex, Semaphore};
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// A list of waiters, and what it has been told.
struct Probe {
    waiters: SpinLock<WaitList<usize>>,
    withdrawn: AtomicUsize,
    passed_on: AtomicUsize,
}

impl Leave<usize> for Probe {
    fn withdrawn(&self, _: &mut WaitList<usize>) {
        self.withdrawn.fetch_add(1, SeqCst);
    }

    fn pass_on(&self, word: usize) {
        self.passed_on.fetch_add(word, SeqCst);
    }
}

impl Probe {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            waiters: SpinLock::new(WaitList::new(0)),
            withdrawn: AtomicUsize::new(0),
            passed_on: AtomicUsize::new(0),
        })
    }

    fn wait(&self) {
        let waiter = Waiter::new(0);
        let mut list = self.waiters.lock();
        list.extra += 1;
        park_in(list, &waiter, Parking::forever(WaitReason::Cond), self);
    }
}

#[track_caller]
fn soon(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "it takes too long"
        );
        thread::sleep(Duration::from_micros(100));
    }
}

/// A runtime with one home, in which two goroutines wait.
fn two_wait(probe: &Arc<Probe>) -> Runtime {
    let builder = Builder::new().workers(1).homes(1);
    let runtime = builder.build().expect("a runtime starts");
    for _ in 0..2 {
        let probe = Arc::clone(probe);
        runtime.spawn(move || probe.wait());
    }
    soon(|| probe.waiters.lock().extra == 2 && runtime.metrics().parks == 2);
    runtime
}

/// The waker has claimed one that then never runs again: it sees so, and passes on.
#[test]
fn a_wake_up_that_comes_after_the_end_is_passed_on() {
    let probe = Probe::new();
    let runtime = two_wait(&probe);
    let claimed = probe.waiters.lock().pop_front().expect("two wait");
    drop(runtime);
    // The other one has left the list, so their home has ended.
    soon(|| probe.withdrawn.load(SeqCst) == 1);
    assert!(probe.waiters.lock().is_empty());
    assert_eq!(probe.passed_on.load(SeqCst), 0);
    claimed.unpark_with(7);
    assert_eq!(probe.passed_on.load(SeqCst), 7);
}

/// The goroutine was woken, and its runtime ended before it came to run.
#[test]
fn a_wake_up_that_is_not_received_is_passed_on() {
    let probe = Probe::new();
    let runtime = two_wait(&probe);
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel();
    // Keeps the worker, and its home, until the runtime has closed.
    runtime.spawn(move || {
        tell.send(()).unwrap();
        gate.recv().unwrap();
    });
    told.recv().unwrap();
    let claimed = probe.waiters.lock().pop_front().expect("two wait");
    claimed.unpark_with(7);
    let scheduler = runtime.scheduler();
    let ends = thread::spawn(move || drop(runtime));
    soon(|| scheduler.is_closing());
    go.send(()).unwrap();
    ends.join().unwrap();
    soon(|| probe.passed_on.load(SeqCst) == 7 && probe.withdrawn.load(SeqCst) == 1);
}

/// Permits that were handed to a goroutine whose runtime ended before it came to run are free
/// again: also to one that waits for more than those that are left.
#[test]
fn permits_that_are_not_received_are_given_back() {
    let semaphore = Arc::new(Semaphore::new(3));
    let all = semaphore.acquire(3);
    let runtime = Builder::new().workers(1).homes(1).build().unwrap();
    let theirs = Arc::clone(&semaphore);
    runtime.spawn(move || theirs.acquire(2).forget());
    soon(|| runtime.metrics().parks == 1);
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel();
    // Keeps the worker, and its home, until the runtime has closed.
    runtime.spawn(move || {
        tell.send(()).unwrap();
        gate.recv().unwrap();
    });
    told.recv().unwrap();
    drop(all);
    assert_eq!(semaphore.available_permits(), 1, "two are handed over");
    let ours = Arc::clone(&semaphore);
    let waits = parked_thread(move || drop(ours.acquire(3)));
    let scheduler = runtime.scheduler();
    let ends = thread::spawn(move || drop(runtime));
    soon(|| scheduler.is_closing());
    go.send(()).unwrap();
    ends.join().unwrap();
    soon(|| waits.is_finished());
    assert_eq!(semaphore.available_permits(), 3);
}

/// While its home has not ended yet, since another goroutine keeps it, wakers skip it: those of a
/// list, and an unlock.
#[test]
fn one_whose_home_cannot_end_yet_is_skipped() {
    let (probe, mutex) = (Probe::new(), Arc::new(Mutex::new(0)));
    let guard = mutex.lock();
    let runtime = two_wait(&probe);
    let theirs = Arc::clone(&mutex);
    runtime.spawn(move || *theirs.lock() += 100);
    soon(|| runtime.metrics().parks == 3);
    let ours = Arc::clone(&probe);
    let waiter = parked_thread(move || ours.wait());
    let ours = Arc::clone(&mutex);
    let locker = parked_thread(move || *ours.lock() += 1);
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let (tell, told) = std::sync::mpsc::channel();
    runtime.spawn(move || {
        tell.send(()).unwrap();
        gate.recv().unwrap();
    });
    told.recv().unwrap();
    drop(runtime);
    let live = probe.waiters.lock().take_all();
    assert_eq!(live.len(), 1);
    live.unpark_all();
    waiter.join().unwrap();
    drop(guard);
    soon(|| locker.is_finished());
    assert_eq!(*mutex.lock(), 1);
    go.send(()).unwrap();
}

/// A thread that has parked in `wait`.
fn parked_thread(wait: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    let (tell, told) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        tell.send(os_threads::own_id()).unwrap();
        wait();
    });
    let id = told.recv().unwrap();
    soon(|| park_thread::stuck().iter().any(|(thread, _)| *thread == id));
    thread
}

/// A notification of all is nobody's: it wakes none that comes later. One for one is passed on.
#[test]
fn only_a_notification_for_one_is_passed_on() {
    for (notify, woken) in [
        (Cond::notify_all as fn(&Cond), false),
        (Cond::notify_one, true),
    ] {
        let shared = Arc::new((Mutex::new(()), Cond::new()));
        let runtime = Builder::new().workers(1).homes(1).build().unwrap();
        let theirs = Arc::clone(&shared);
        runtime.spawn(move || theirs.1.wait(&mut theirs.0.lock()));
        soon(|| runtime.metrics().parks == 1);
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        runtime.spawn(move || {
            tell.send(()).unwrap();
            gate.recv().unwrap();
        });
        told.recv().unwrap();
        notify(&shared.1);
        let mut guard = shared.0.lock();
        let ours = Arc::clone(&shared);
        let ends = thread::spawn(move || {
            // The lock says that the other thread waits now.
            drop(ours.0.lock());
            let scheduler = runtime.scheduler();
            let ends = thread::spawn(move || drop(runtime));
            soon(|| scheduler.is_closing());
            go.send(()).unwrap();
            ends.join().unwrap();
        });
        let patience = Duration::from_secs(if woken { 30 } else { 1 });
        let result = shared.1.wait_for(&mut guard, patience);
        assert_eq!(result.timed_out(), !woken);
        drop(guard);
        ends.join().unwrap();
    }
}

/// A waker may have a home in its hands when the homes are given back to their owners.
#[test]
fn a_home_that_is_queued_after_the_end_goes_to_its_owner() {
    let probe = Probe::new();
    let runtime = two_wait(&probe);
    let scheduler = runtime.scheduler();
    if !scheduler.lends() {
        return;
    }
    let home = scheduler.homes().next().expect("there is one");
    soon(|| home.claim());
    drop(runtime);
    assert!(!home.owner.is_back());
    scheduler.inject_home(home);
    assert!(home.owner.is_back());
    soon(|| probe.withdrawn.load(SeqCst) == 2);
}
