//! WaitGroup, Mutex and RwMutex between goroutines and threads: no count is lost, no two are inside
//! at once, and nobody waits for ever.

mod support;

use gort::{
    runtime::Runtime,
    sleep, spawn,
    sync::{Mutex, RwMutex, WaitGroup},
    yield_now,
};
use std::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};
use support::Random;

/// Runs `body` in so many goroutines and so many threads; returns when all have ended.
fn crowd(
    runtime: &Runtime,
    goroutines: usize,
    threads: usize,
    body: impl Fn(usize) + Send + Sync + 'static,
) {
    let body = Arc::new(body);
    let start = |i: usize| {
        let body = Arc::clone(&body);
        move || body(i)
    };
    let goroutines: Vec<_> = (0..goroutines).map(|i| runtime.spawn(start(i))).collect();
    let threads: Vec<_> = (0..threads)
        .map(|i| thread::spawn(start(1000 + i)))
        .collect();
    for handle in goroutines {
        handle.join().unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

/// A counter without atomics: two at once inside would lose counts.
struct Plain(UnsafeCell<u64>);
// SAFETY: the tests use it under a lock; whether that lock holds is what they are about.
unsafe impl Sync for Plain {}
// SAFETY: as above.
unsafe impl Send for Plain {}

impl Plain {
    fn bump(&self, rest: impl FnOnce()) {
        // SAFETY: under the lock.
        let value = unsafe { self.0.get().read_volatile() };
        rest();
        // SAFETY: under the lock.
        unsafe { self.0.get().write_volatile(value + 1) };
    }
}

#[test]
fn a_mutex_lets_one_in_at_a_time() {
    support::beside(support::WORKERS, |runtime| {
        let shared = Arc::new((Mutex::new(()), Plain(UnsafeCell::new(0))));
        let theirs = Arc::clone(&shared);
        crowd(runtime, 20, 3, move |seed| {
            let mut random = Random::new(seed as u64);
            for _ in 0..500 {
                let _guard = theirs.0.lock();
                let how = random.below(50);
                theirs.1.bump(|| match how {
                    0 => yield_now(),
                    1 => sleep(Duration::from_micros(5)),
                    _ => (),
                });
            }
        });
        let _guard = shared.0.lock();
        // SAFETY: under the lock.
        assert_eq!(unsafe { *shared.1.0.get() }, 23 * 500);
    });
}

#[test]
fn a_mutex_with_try_and_timed_locks_loses_no_count() {
    support::beside(support::WORKERS, |runtime| {
        let shared = Arc::new((Mutex::new(0_usize), AtomicUsize::new(0)));
        let theirs = Arc::clone(&shared);
        crowd(runtime, 16, 3, move |seed| {
            let (lock, taken) = &*theirs;
            let mut random = Random::new(seed as u64);
            for _ in 0..500 {
                let guard = match random.below(3) {
                    0 => Some(lock.lock()),
                    1 => lock.try_lock(),
                    _ => lock.try_lock_for(Duration::from_micros(random.below(30))),
                };
                if let Some(mut guard) = guard {
                    *guard += 1;
                    taken.fetch_add(1, SeqCst);
                    if random.below(20) == 0 {
                        yield_now();
                    }
                }
            }
        });
        assert_eq!(*shared.0.lock(), shared.1.load(SeqCst));
        assert!(shared.1.load(SeqCst) >= 19 * 500 / 10);
    });
}

/// Readers count themselves up, a writer must find nobody.
#[test]
fn an_rw_mutex_lets_readers_or_one_writer_in() {
    support::beside(support::WORKERS, |runtime| {
        let lock = Arc::new(RwMutex::new(0_usize));
        let inside = Arc::new(AtomicIsize::new(0));
        let together = Arc::new(AtomicIsize::new(0));
        let (theirs, in_it, most) = (
            Arc::clone(&lock),
            Arc::clone(&inside),
            Arc::clone(&together),
        );
        crowd(runtime, 20, 3, move |seed| {
            let mut random = Random::new(seed as u64);
            for _ in 0..300 {
                if random.below(5) == 0 {
                    let mut guard = theirs.write();
                    assert_eq!(in_it.fetch_sub(1000, SeqCst), 0);
                    *guard += 1;
                    if random.below(10) == 0 {
                        yield_now();
                    }
                    assert_eq!(in_it.fetch_add(1000, SeqCst), -1000);
                } else {
                    let guard = theirs.read();
                    let others = in_it.fetch_add(1, SeqCst);
                    assert!(others >= 0, "a reader beside a writer");
                    most.fetch_max(others + 1, SeqCst);
                    let before = *guard;
                    yield_now();
                    assert_eq!(before, *guard);
                    in_it.fetch_sub(1, SeqCst);
                }
            }
        });
        assert_eq!(inside.load(SeqCst), 0);
        assert!(together.load(SeqCst) > 1, "readers never met");
        assert!(*lock.read() > 0);
    });
}

#[test]
fn a_writer_gets_in_past_readers_without_pause() {
    support::each_and_explored(None, || {
        let lock = Arc::new(RwMutex::new(()));
        let stop = Arc::new(AtomicBool::new(false));
        let readers = WaitGroup::new();
        for _ in 0..10 {
            let (lock, stop) = (Arc::clone(&lock), Arc::clone(&stop));
            readers.go(move || {
                while !stop.load(SeqCst) {
                    let _guard = lock.read();
                    yield_now();
                }
            });
        }
        let mut slowest = Duration::ZERO;
        for _ in 0..50 {
            yield_now();
            let start = Instant::now();
            drop(lock.write());
            slowest = slowest.max(start.elapsed());
        }
        stop.store(true, SeqCst);
        readers.wait();
        assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    });
}

/// As Go's test of the same: a hog takes the lock again and again with no pause; others must get
/// it, too.
#[test]
fn a_mutex_is_fair_to_those_who_wait() {
    support::each_and_explored(None, || {
        let lock = Arc::new(Mutex::new(()));
        let stop = Arc::new(AtomicBool::new(false));
        let (theirs, stops) = (Arc::clone(&lock), Arc::clone(&stop));
        let hog = spawn(move || {
            while !stops.load(SeqCst) {
                let _guard = theirs.lock();
                sleep(Duration::from_micros(100));
            }
        });
        let start = Instant::now();
        for _ in 0..10 {
            sleep(Duration::from_micros(100));
            drop(lock.lock());
        }
        let took = start.elapsed();
        stop.store(true, SeqCst);
        hog.join().unwrap();
        assert!(took < Duration::from_secs(2), "{took:?}");
    });
}

#[test]
fn a_wait_group_waits_for_threads_and_goroutines() {
    support::beside(support::WORKERS, |runtime| {
        for round in 0..200 {
            let (group, ended) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
            group.add(6);
            for i in 0..6 {
                let (done, ended) = (group.clone(), Arc::clone(&ended));
                let work = move || {
                    if (round + i) % 3 == 0 {
                        yield_now();
                    }
                    ended.fetch_add(1, SeqCst);
                    done.done();
                };
                if i < 4 {
                    runtime.spawn(work);
                } else {
                    thread::spawn(work);
                }
            }
            // Several wait, of either kind.
            let (waits, seen) = (group.clone(), Arc::clone(&ended));
            let waiter = runtime.spawn(move || {
                waits.wait();
                seen.load(SeqCst)
            });
            group.wait();
            assert_eq!(ended.load(SeqCst), 6);
            assert_eq!(waiter.join().unwrap(), 6);
        }
    });
}

/// Used again and again, with waiters from the last round on their way out.
#[test]
fn a_wait_group_may_be_used_again() {
    support::each_and_explored(None, || {
        let group = WaitGroup::new();
        let count = Arc::new(AtomicUsize::new(0));
        for round in 1..=500 {
            for _ in 0..4 {
                let count = Arc::clone(&count);
                group.go(move || {
                    count.fetch_add(1, SeqCst);
                });
            }
            group.wait();
            assert_eq!(count.load(SeqCst), round * 4);
        }
    });
}

#[test]
fn a_thousand_waiters_of_each_kind_are_woken() {
    support::each_and_explored(Some(1), || {
        let gate = WaitGroup::new();
        gate.add(1);
        let (lock, table) = (Arc::new(Mutex::new(0)), Arc::new(RwMutex::new(0)));
        let (held, kept) = (lock.lock(), table.write());
        let handles: Vec<_> = (0..1000)
            .map(|i| {
                let (gate, lock, table) = (gate.clone(), Arc::clone(&lock), Arc::clone(&table));
                spawn(move || match i % 4 {
                    0 => gate.wait(),
                    1 => *lock.lock() += 1,
                    2 => drop(table.read()),
                    _ => *table.write() += 1,
                })
            })
            .collect();
        sleep(Duration::from_millis(2));
        drop((held, kept));
        gate.done();
        handles.into_iter().for_each(|h| h.join().unwrap());
        assert_eq!((*lock.lock(), *table.read()), (250, 250));
    });
}
