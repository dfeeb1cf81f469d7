//! Goroutines of a runtime that is dropped while they wait: what they wait for goes to others, in
//! other runtimes and on plain threads.

mod support;

use gort::{
    runtime::Runtime,
    sync::{Barrier, Cond, Mutex, RwMutex, Semaphore, WaitGroup},
    yield_now,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};
use support::{Watchdog, within};

const SOON: Duration = Duration::from_secs(30);

fn watch(what: &str) -> Watchdog {
    Watchdog::with(support::PATIENCE, what, || String::from("no dump\n"))
}

/// Runs `body` with runtimes of 1, 2, 3 and 8 workers, which it drops.
fn each(what: &str, body: impl Fn(Runtime)) {
    let _watchdog = watch(what);
    for &workers in support::WORKERS {
        body(support::runtime(workers));
    }
}

/// Starts `count` goroutines that wait, and returns when they do.
fn wait_in(runtime: &Runtime, reason: &str, count: usize, wait: impl Fn() + Send + Sync + 'static) {
    let wait = Arc::new(wait);
    for _ in 0..count {
        let wait = Arc::clone(&wait);
        runtime.spawn(move || wait());
    }
    assert!(
        within(SOON, || waiting(runtime, reason) >= count),
        "{}",
        runtime.dump()
    );
}

/// How many goroutines wait for this reason. Equal ones stand together in a dump, one line each.
fn waiting(runtime: &Runtime, reason: &str) -> usize {
    let dump = runtime.dump();
    let is_one = |line: &&str| line.starts_with("goroutine ") && line.contains(reason);
    dump.lines().filter(is_one).count()
}

#[test]
fn a_mutex_goes_to_those_who_live() {
    each("mutex", |runtime| {
        let mutex = Arc::new(Mutex::new(0));
        let guard = mutex.lock();
        let theirs = Arc::clone(&mutex);
        wait_in(&runtime, "sync.Mutex.lock", 20, move || {
            *theirs.lock() += 100
        });
        let threads = [(); 3].map(|()| {
            let mutex = Arc::clone(&mutex);
            thread::spawn(move || *mutex.lock() += 1)
        });
        drop(runtime);
        drop(guard);
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(*mutex.lock(), 3);
    });
}

#[test]
fn permits_go_to_those_who_live() {
    each("semaphore", |runtime| {
        let semaphore = Arc::new(Semaphore::new(2));
        let both = semaphore.acquire(2);
        let theirs = Arc::clone(&semaphore);
        wait_in(&runtime, "semacquire", 20, move || {
            theirs.acquire(1).forget()
        });
        let ours = Arc::clone(&semaphore);
        let thread = thread::spawn(move || drop(ours.acquire(2)));
        drop(runtime);
        drop(both);
        thread.join().unwrap();
        assert_eq!(semaphore.available_permits(), 2);
    });
}

/// Nobody releases anything here: that the first one leaves is enough for the second.
#[test]
fn a_large_request_that_is_gone_holds_nobody_up() {
    each("large request", |runtime| {
        let semaphore = Arc::new(Semaphore::new(3));
        let _two = semaphore.acquire(2);
        let theirs = Arc::clone(&semaphore);
        wait_in(&runtime, "semacquire", 1, move || {
            theirs.acquire(3).forget()
        });
        let ours = Arc::clone(&semaphore);
        let thread = thread::spawn(move || drop(ours.acquire(1)));
        drop(runtime);
        thread.join().unwrap();
    });
}

#[test]
fn a_writer_that_is_gone_lets_others_in() {
    each("writer", |runtime| {
        let lock = Arc::new(RwMutex::new(0));
        let reading = lock.read();
        let theirs = Arc::clone(&lock);
        wait_in(&runtime, "sync.RwMutex.write", 5, move || {
            *theirs.write() += 100
        });
        drop(runtime);
        // They have left, or will, though one of them keeps readers out until then.
        let ours = Arc::clone(&lock);
        thread::spawn(move || *ours.read()).join().unwrap();
        let ours = Arc::clone(&lock);
        let writer = thread::spawn(move || *ours.write() += 1);
        drop(reading);
        writer.join().unwrap();
        assert_eq!(*lock.read(), 1);
    });
}

#[test]
fn readers_that_are_gone_let_a_writer_in() {
    each("readers", |runtime| {
        let lock = Arc::new(RwMutex::new(0));
        let writing = lock.write();
        let theirs = Arc::clone(&lock);
        wait_in(&runtime, "sync.RwMutex.read", 20, move || {
            drop(theirs.read())
        });
        drop(runtime);
        drop(writing);
        let ours = Arc::clone(&lock);
        thread::spawn(move || *ours.write() += 1).join().unwrap();
        assert_eq!(*lock.read(), 1);
    });
}

#[test]
fn a_notification_goes_to_one_who_lives() {
    each("cond", |runtime| {
        let shared = Arc::new((Mutex::new(0), Cond::new()));
        let theirs = Arc::clone(&shared);
        wait_in(&runtime, "sync.Cond.wait", 20, move || {
            theirs.1.wait(&mut theirs.0.lock());
        });
        let (ours, queued) = (Arc::clone(&shared), Arc::new(AtomicBool::new(false)));
        let is_queued = Arc::clone(&queued);
        let thread = thread::spawn(move || {
            let mut guard = ours.0.lock();
            is_queued.store(true, SeqCst);
            ours.1.wait(&mut guard);
        });
        assert!(within(SOON, || queued.load(SeqCst)));
        drop(runtime);
        let guard = shared.0.lock();
        shared.1.notify_one();
        drop(guard);
        thread.join().unwrap();
    });
}

/// Those that wake all have nothing to pass on; one that never runs again has come to a barrier all
/// the same.
#[test]
fn groups_and_barriers_go_on_without_them() {
    each("groups", |runtime| {
        let (group, barrier) = (WaitGroup::new(), Arc::new(Barrier::new(3)));
        group.add(1);
        let (theirs, waits) = (group.clone(), Arc::clone(&barrier));
        wait_in(&runtime, "sync.WaitGroup.wait", 5, move || theirs.wait());
        wait_in(&runtime, "sync.Barrier.wait", 2, move || {
            let _ = waits.wait();
        });
        drop(runtime);
        group.done();
        group.wait();
        assert!(barrier.wait().is_leader());
    });
}

/// One that takes a lock which others wait for lets them run now and then, and may be gone before
/// it has come back from `lock`.
#[test]
fn a_lock_that_was_taken_by_one_who_then_yielded_is_free_again() {
    let _watchdog = watch("yielded");
    for round in 0..20 {
        let mutex = Arc::new(Mutex::new(0_u64));
        let guard = mutex.lock();
        let runtime = support::runtime(1);
        let theirs = Arc::clone(&mutex);
        wait_in(&runtime, "sync.Mutex.lock", 4, move || {
            loop {
                *theirs.lock() += 1;
            }
        });
        drop(guard);
        thread::sleep(Duration::from_micros(2000 + 300 * round));
        drop(runtime);
        drop(mutex.lock());
    }
}

/// What goroutines of a runtime that is dropped meanwhile use, with all that others do with it.
#[derive(Debug, Default)]
struct Things {
    mutex: Mutex<u64>,
    lock: RwMutex<u64>,
    permits: Option<Semaphore>,
    rounds: AtomicUsize,
}

impl Things {
    /// Takes each and gives it back, and does not let others run while it has one.
    fn use_all(&self) {
        *self.mutex.lock() += 1;
        *self.lock.write() += 1;
        drop(self.lock.read());
        let permits = self.permits.as_ref().expect("made so");
        drop(permits.acquire(2));
        drop(permits.acquire(1));
        self.rounds.fetch_add(1, SeqCst);
    }
}

/// Wakes that were sent when the runtime was being dropped, and came to nobody, are passed on.
/// Without that a round ends with a lock that nobody gets.
#[test]
fn nothing_is_lost_when_a_runtime_is_dropped_in_full_swing() {
    let _watchdog = watch("in full swing");
    for round in 0..150 {
        let things = Arc::new(Things {
            permits: Some(Semaphore::new(2)),
            ..Things::default()
        });
        let runtime = support::runtime(support::WORKERS[round % 4]);
        for _ in 0..8 {
            let things = Arc::clone(&things);
            runtime.spawn(move || {
                loop {
                    things.use_all();
                    yield_now();
                }
            });
        }
        let stop = Arc::new(AtomicBool::new(false));
        let threads = [(); 2].map(|()| {
            let (things, stop) = (Arc::clone(&things), Arc::clone(&stop));
            thread::spawn(move || {
                while !stop.load(SeqCst) {
                    things.use_all();
                }
                // Others may have been counting on this one.
                things.use_all();
            })
        });
        let enough = 20 + round * 3;
        assert!(within(SOON, || things.rounds.load(SeqCst) >= enough));
        drop(runtime);
        stop.store(true, SeqCst);
        threads.into_iter().for_each(|t| t.join().unwrap());
        let permits = things.permits.as_ref().expect("made so");
        assert!(
            within(SOON, || permits.available_permits() == 2),
            "round {round}"
        );
        things.use_all();
    }
}
