//! The hunt for lost wake-ups: single items between a thread and goroutines, at the moment when the
//! last worker goes to sleep.
//!
//! 20,000 rounds each, with random delays on both sides; each round must end within a second. A
//! lost wake-up shows as a round that never ends, and the watchdog's dump says who waits for what.

mod support;

use gort::{
    runtime::{Runtime, block_on},
    spawn,
    sync::{Mutex, Semaphore, WaitGroup},
    yield_now,
};
use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};
use support::{Random, compute};

/// Rounds of each hunt.
const ROUNDS: u32 = 20_000;
/// The longest that a round may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest delay, in microseconds: past the 30 us that a worker searches before it sleeps.
const LONGEST: u64 = 50;

/// Rounds from a plain thread, on 1 and 2 workers. `round` gets a delay for either side.
#[track_caller]
fn hunt(seed: u64, round: impl Fn(&Runtime, Duration, Duration)) {
    hunt_with(
        seed,
        |_| (),
        |runtime, (), ours, theirs| round(runtime, ours, theirs),
        |()| (),
    );
}

/// As `hunt`, with something that lasts over the rounds.
#[track_caller]
fn hunt_with<S>(
    seed: u64,
    begin: impl Fn(&Runtime) -> S,
    round: impl Fn(&Runtime, &S, Duration, Duration),
    end: impl Fn(S),
) {
    support::beside(&[1, 2], |runtime| {
        let mut random = Random::new(seed);
        let state = begin(runtime);
        for i in 0..ROUNDS {
            let [ours, theirs] = [0; 2].map(|_| {
                // Half of the rounds: none on one side.
                let delay = random.below(2 * LONGEST).saturating_sub(LONGEST);
                Duration::from_micros(delay)
            });
            let start = Instant::now();
            round(runtime, &state, ours, theirs);
            let took = start.elapsed();
            assert!(took < PATIENCE, "round {i} took {took:?}");
        }
        end(state);
    });
}

#[test]
fn join() {
    hunt(1, |runtime, ours, theirs| {
        compute(ours);
        let handle = runtime.spawn(move || compute(theirs));
        compute(ours);
        handle.join().unwrap();
    });
}

#[test]
fn wait_group() {
    hunt(2, |runtime, ours, theirs| {
        let group = WaitGroup::new();
        group.add(1);
        let done = group.clone();
        runtime.spawn(move || {
            compute(theirs);
            done.done();
        });
        compute(ours);
        group.wait();
    });
}

/// The goroutine waits and the thread wakes it.
#[test]
fn wait_group_the_other_way() {
    hunt(3, |runtime, ours, theirs| {
        let group = WaitGroup::new();
        group.add(1);
        let waits = group.clone();
        let handle = runtime.spawn(move || {
            compute(theirs);
            waits.wait();
        });
        compute(ours);
        group.done();
        handle.join().unwrap();
    });
}

/// A goroutine that lives through all rounds; its worker falls asleep in each.
#[test]
fn semaphore() {
    struct Ends {
        ping: Semaphore,
        pong: Semaphore,
        delay: AtomicUsize,
        stop: AtomicBool,
    }
    hunt_with(
        4,
        |runtime| {
            let ends = Arc::new(Ends {
                ping: Semaphore::new(0),
                pong: Semaphore::new(0),
                delay: AtomicUsize::new(0),
                stop: AtomicBool::new(false),
            });
            let theirs = Arc::clone(&ends);
            let player = runtime.spawn(move || {
                while !theirs.stop.load(SeqCst) {
                    theirs.ping.acquire(1).forget();
                    compute(Duration::from_nanos(theirs.delay.load(SeqCst) as u64));
                    theirs.pong.add_permits(1);
                }
            });
            (ends, player)
        },
        |_, (ends, _), ours, theirs| {
            ends.delay.store(theirs.as_nanos() as usize, SeqCst);
            compute(ours);
            ends.ping.add_permits(1);
            ends.pong.acquire(1).forget();
        },
        |(ends, player)| {
            ends.stop.store(true, SeqCst);
            ends.ping.add_permits(1);
            player.join().unwrap();
        },
    );
}

#[test]
fn mutex() {
    hunt_with(
        5,
        |_| Arc::new(Mutex::new(0)),
        |runtime, lock, ours, theirs| {
            let guard = lock.lock();
            let other = Arc::clone(lock);
            let handle = runtime.spawn(move || {
                let mut guard = other.lock();
                compute(theirs);
                *guard += 1;
            });
            compute(ours);
            drop(guard);
            if ours > theirs {
                // And as the one who waits.
                *lock.lock() += 0;
            }
            handle.join().unwrap();
        },
        |lock| assert_eq!(*lock.lock(), ROUNDS),
    );
}

/// Set once, from anywhere; who polls leaves its waker.
#[derive(Default)]
struct Flag {
    is_set: AtomicBool,
    waker: std::sync::Mutex<Option<Waker>>,
}

impl Flag {
    fn set(&self) {
        self.is_set.store(true, SeqCst);
        let waker = self.waker.lock().unwrap().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Ready when the flag is set.
struct Set(Arc<Flag>);

impl Future for Set {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0.is_set.load(SeqCst) {
            return Poll::Ready(());
        }
        *self.0.waker.lock().unwrap() = Some(context.waker().clone());
        if self.0.is_set.load(SeqCst) {
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

#[test]
fn future_of_a_goroutine() {
    hunt(6, |runtime, ours, theirs| {
        let flag = Arc::new(Flag::default());
        let future = Set(Arc::clone(&flag));
        let handle = runtime.spawn(move || {
            compute(theirs);
            block_on(future);
        });
        compute(ours);
        flag.set();
        handle.join().unwrap();
    });
}

#[test]
fn future_of_a_thread() {
    hunt(7, |runtime, ours, theirs| {
        let flag = Arc::new(Flag::default());
        let sets = Arc::clone(&flag);
        runtime.spawn(move || {
            compute(theirs);
            sets.set();
        });
        compute(ours);
        block_on(Set(flag));
    });
}

#[test]
fn a_future_may_be_woken_often_and_for_nothing() {
    /// Pending so many times, waking itself: at once, from a goroutine, or from a thread.
    struct Restless(u32);
    impl Future for Restless {
        type Output = u32;
        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u32> {
            self.0 += 1;
            let waker = context.waker().clone();
            match self.0 {
                1000 => return Poll::Ready(self.0),
                n if n % 3 == 0 => context.waker().wake_by_ref(),
                n if n % 3 == 1 => drop(spawn(move || {
                    waker.wake_by_ref();
                    waker.wake();
                })),
                _ => drop(spawn(move || {
                    yield_now();
                    waker.wake();
                })),
            }
            Poll::Pending
        }
    }
    support::each(|_| {
        let handles: Vec<_> = (0..10).map(|_| spawn(|| block_on(Restless(0)))).collect();
        for handle in handles {
            assert_eq!(handle.join().unwrap(), 1000);
        }
    });
    support::beside(&[1, 2], |_| assert_eq!(block_on(Restless(0)), 1000));
}

/// A waker that is used after the wait is over must wake nobody out of the next wait.
#[test]
fn a_late_waker_disturbs_no_later_park() {
    support::each(|_| {
        for _ in 0..200 {
            let flag = Arc::new(Flag::default());
            let kept = Arc::new(std::sync::Mutex::new(None::<Waker>));
            let (keep, sets) = (Arc::clone(&kept), Arc::clone(&flag));
            let late = spawn(move || {
                let mut set = Set(Arc::clone(&sets));
                block_on(std::future::poll_fn(move |context| {
                    *keep.lock().unwrap() = Some(context.waker().clone());
                    Pin::new(&mut set).poll(context)
                }));
                let start = Instant::now();
                gort::sleep(Duration::from_millis(1));
                start.elapsed()
            });
            flag.set();
            while !late.is_finished() {
                if let Some(waker) = kept.lock().unwrap().take() {
                    waker.wake_by_ref();
                    waker.wake_by_ref();
                }
                yield_now();
            }
            assert!(late.join().unwrap() >= Duration::from_millis(1));
        }
    });
}
