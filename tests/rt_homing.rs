//! Homes: a started goroutine sees the same thread before and after each park, whichever worker
//! carries it; workers go from home to home, and goroutines spread over the homes.

mod support;

use gort::{
    go_local,
    runtime::{Runtime, blocking, on_big_stack},
    sleep, spawn,
    sync::{Semaphore, WaitGroup},
    yield_now,
};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

/// The two ends of a rally: each parks until the other has played.
struct Rally {
    ping: Semaphore,
    pong: Semaphore,
}

/// Plays `parks` times; returns how often the thread was another than before the park.
#[inline(never)]
fn play(mine: &Semaphore, theirs: &Semaphore, parks: usize) -> (usize, ThreadId) {
    let home = thread::current().id();
    let mut moved = 0;
    for _ in 0..parks {
        mine.acquire(1).forget();
        moved += usize::from(thread::current().id() != home);
        theirs.add_permits(1);
    }
    (moved, home)
}

/// Starts `pairs` rallies of `parks` each; returns the homes of all goroutines.
fn rallies(pairs: usize, parks: usize) -> Vec<ThreadId> {
    let mut handles = Vec::new();
    for _ in 0..pairs {
        let rally = Arc::new(Rally {
            ping: Semaphore::new(1),
            pong: Semaphore::new(0),
        });
        let other = Arc::clone(&rally);
        handles.push(spawn(move || play(&rally.ping, &rally.pong, parks)));
        handles.push(spawn(move || play(&other.pong, &other.ping, parks)));
    }
    let ends = handles.into_iter().map(|h| h.join().unwrap());
    ends.map(|(moved, home)| {
        assert_eq!(moved, 0, "a goroutine moved {moved} times");
        home
    })
    .collect()
}

#[test]
fn a_goroutine_stays_on_its_thread_through_each_of_100_parks_by_1000() {
    support::each(|runtime| {
        let before = runtime.metrics().parks;
        let homes = rallies(500, 100);
        assert_eq!(homes.len(), 1000);
        let parks = runtime.metrics().parks - before;
        assert!(parks >= 50_000, "only {parks} of the 100,000 were parks");
    });
}

#[test]
fn a_goroutine_stays_on_its_thread_through_each_of_10_000_parks() {
    support::each(|runtime| {
        let before = runtime.metrics().parks;
        rallies(5, 10_000);
        let parks = runtime.metrics().parks - before;
        assert!(parks >= 50_000, "only {parks} of the 100,000 were parks");
    });
}

#[test]
fn whatever_parks_it_a_goroutine_comes_back_to_its_thread() {
    go_local! {
        static HOME: Cell<Option<ThreadId>> = Cell::new(None);
    }
    fn check() {
        let now = thread::current().id();
        HOME.with(|home| match home.get() {
            None => home.set(Some(now)),
            Some(home) => assert_eq!(home, now),
        });
    }
    support::each(|_| {
        let handles: Vec<_> = (0..100)
            .map(|i| {
                spawn(move || {
                    check();
                    for round in 0..5 {
                        yield_now();
                        check();
                        sleep(Duration::from_micros(i * 10));
                        check();
                        spawn(yield_now).join().unwrap();
                        check();
                        let elsewhere = blocking(|| thread::current().id());
                        assert_ne!(elsewhere, thread::current().id());
                        check();
                        on_big_stack(1 << 20, || {
                            check();
                            sleep(Duration::from_micros(50));
                            check();
                        });
                        check();
                        let group = WaitGroup::new();
                        group.go(move || sleep(Duration::from_micros(round)));
                        group.wait();
                        check();
                    }
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn goroutines_of_many_homes_lose_no_park() {
    support::each(|_| {
        let played = Arc::new(AtomicUsize::new(0));
        let group = WaitGroup::new();
        for _ in 0..200 {
            let ends = Arc::new((Semaphore::new(1), Semaphore::new(0)));
            let (a, b) = (Arc::clone(&ends), ends);
            let (of_a, of_b) = (Arc::clone(&played), Arc::clone(&played));
            group.go(move || count_played(&a.0, &a.1, &of_a));
            group.go(move || count_played(&b.1, &b.0, &of_b));
        }
        group.wait();
        assert_eq!(played.load(SeqCst), 2 * 200 * 100);
    });

    fn count_played(mine: &Semaphore, theirs: &Semaphore, played: &AtomicUsize) {
        for _ in 0..100 {
            mine.acquire(1).forget();
            played.fetch_add(1, SeqCst);
            theirs.add_permits(1);
        }
    }
}

/// The kernel's number of the thread that runs the caller: its worker's, whatever home it is in.
fn carrier() -> libc::pid_t {
    // SAFETY: no preconditions.
    unsafe { libc::gettid() }
}

/// How many of `count` long-lived goroutines, spawned in a row by one, each home holds.
fn spread(runtime: &Runtime, count: usize) -> Vec<usize> {
    let stop = Arc::new(Semaphore::new(0));
    let homes = Arc::new(Mutex::new(HashMap::<ThreadId, usize>::new()));
    let handles: Vec<_> = (0..count)
        .map(|_| {
            let (stop, homes) = (Arc::clone(&stop), Arc::clone(&homes));
            spawn(move || {
                stop.acquire(1).forget();
                let mut homes = homes.lock().unwrap();
                *homes.entry(thread::current().id()).or_default() += 1;
            })
        })
        .collect();
    // The metrics count the caller, too.
    let homed = || runtime.metrics().homed.iter().sum::<usize>();
    let until = Instant::now() + Duration::from_secs(10);
    while homed() < count + 1 {
        assert!(Instant::now() < until, "{:?}", runtime.metrics());
        sleep(Duration::from_millis(5));
    }
    stop.add_permits(count);
    handles.into_iter().for_each(|h| h.join().unwrap());
    let homes = homes.lock().unwrap();
    homes.values().copied().collect()
}

#[test]
fn eight_goroutines_spawned_in_a_row_end_up_in_eight_homes() {
    support::under(&[2, 3, 8], |runtime| {
        let expected = match support::is_lending(runtime) {
            true => 8,
            // A home a worker.
            false => runtime.metrics().workers,
        };
        for round in 0..20 {
            let spread = spread(runtime, 8);
            assert_eq!(spread.iter().sum::<usize>(), 8);
            assert_eq!(spread.len(), expected, "round {round}: {spread:?}");
        }
    });
}

/// Their work is done by both of two workers: each of them does at least a quarter, in most rounds.
#[test]
fn eight_goroutines_spawned_in_a_row_compute_on_both_of_two_workers() {
    const ROUNDS: usize = 20;
    let _alone = support::alone();
    support::under(&[2], |_| {
        let mut shares = Vec::new();
        for _ in 0..ROUNDS {
            let parts = Arc::new(Mutex::new(HashMap::<libc::pid_t, usize>::new()));
            let group = WaitGroup::new();
            for _ in 0..8 {
                let parts = Arc::clone(&parts);
                group.go(move || {
                    for _ in 0..8 {
                        support::compute(Duration::from_micros(500));
                        *parts.lock().unwrap().entry(carrier()).or_default() += 1;
                        yield_now();
                    }
                });
            }
            group.wait();
            let mut parts: Vec<usize> = parts.lock().unwrap().values().copied().collect();
            assert_eq!(parts.iter().sum::<usize>(), 64);
            parts.sort_unstable_by(|a, b| b.cmp(a));
            shares.push(parts);
        }
        let both = |parts: &&Vec<usize>| parts.get(1).is_some_and(|second| *second >= 16);
        let fair = shares.iter().filter(both).count();
        assert!(fair >= ROUNDS / 2, "{shares:?}");
    });
}

#[test]
fn many_goroutines_spread_over_the_homes() {
    support::under(&[2, 3, 8], |runtime| {
        let mut spreads = Vec::new();
        // A worker that the system interrupts keeps the home that it is in from having its share.
        // A busy machine may spoil some attempts; a defect spoils them all.
        let is_fair = (0..10).any(|_| {
            let spread = spread(runtime, 1000);
            let fair = 1000 / spread.len();
            let short = spread.iter().filter(|n| **n < fair / 4).count();
            let is_fair = spread.iter().all(|n| *n <= fair * 4);
            spreads.push(spread);
            is_fair && short <= runtime.metrics().workers
        });
        assert!(is_fair, "{spreads:?}");
        let metrics = runtime.metrics();
        let last = spreads.last().unwrap();
        assert!(last.len() + 1 >= metrics.homes, "{spreads:?}");
        if support::is_lending(runtime) {
            assert!(metrics.homes >= 8 * metrics.workers, "{}", metrics.homes);
        }
    });
}

/// What a goroutine finds in thread-locals it finds there after each park, and the others of its
/// home find the same.
#[test]
fn thread_locals_stay_with_the_home() {
    thread_local! {
        static OWNER: Cell<Option<ThreadId>> = const { Cell::new(None) };
        static VISITS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    }
    support::each(|_| {
        let handles: Vec<_> = (0..100_u64)
            .map(|me| {
                spawn(move || {
                    let home = thread::current().id();
                    let place = OWNER.with(|owner| std::ptr::from_ref(owner).addr());
                    for round in 0..50 {
                        let owner = OWNER.with(|owner| owner.replace(Some(home)));
                        assert!(owner.is_none_or(|owner| owner == home));
                        VISITS.with_borrow_mut(|visits| visits.push(me));
                        if round % 2 == 0 {
                            yield_now();
                        } else {
                            sleep(Duration::from_micros(me));
                        }
                        let now = OWNER.with(|owner| std::ptr::from_ref(owner).addr());
                        assert_eq!(now, place);
                        VISITS.with_borrow_mut(|visits| {
                            let mine = visits.iter().position(|visit| *visit == me);
                            visits.swap_remove(mine.expect("only its own are taken"));
                        });
                    }
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
    });
}

/// One that wakes another and goes on computing does not keep it waiting: another worker enters its
/// home. To the one that was woken it is the same thread.
#[test]
fn a_home_goes_to_another_worker_while_the_waker_computes() {
    const ROUNDS: usize = 50;
    let _alone = support::alone();
    support::under(&[2], |runtime| {
        if !support::is_lending(runtime) {
            println!("skipped: homes are not lent here");
            return;
        }
        let ends = Arc::new((Semaphore::new(0), Semaphore::new(0)));
        let played = Arc::new(AtomicUsize::new(0));
        let (theirs, plays) = (Arc::clone(&ends), Arc::clone(&played));
        let woken = spawn(move || {
            let home = thread::current().id();
            let mut carriers = vec![carrier()];
            for _ in 0..ROUNDS {
                theirs.1.add_permits(1);
                theirs.0.acquire(1).forget();
                assert_eq!(thread::current().id(), home);
                carriers.push(carrier());
                plays.fetch_add(1, SeqCst);
            }
            carriers
                .windows(2)
                .filter(|pair| pair[0] != pair[1])
                .count()
        });
        let mut in_time = 0;
        for round in 0..ROUNDS {
            ends.1.acquire(1).forget();
            sleep(Duration::from_micros(200)); // it has parked by then
            ends.0.add_permits(1);
            let mine = carrier();
            let start = Instant::now();
            while played.load(SeqCst) == round && start.elapsed() < Duration::from_millis(50) {
                std::hint::spin_loop();
            }
            in_time += usize::from(played.load(SeqCst) > round);
            assert_eq!(carrier(), mine, "only a park takes a goroutine elsewhere");
        }
        assert!(
            in_time >= ROUNDS * 9 / 10,
            "only {in_time} times while its waker computed"
        );
        let changes = woken.join().unwrap();
        assert!(changes > 0, "one worker carried it all the time");
    });
}

/// One that waits for the end of others does not run, so they start in its home, where nobody needs
/// to be woken for them.
#[test]
fn a_parent_that_joins_has_its_children_at_hand() {
    const ROUNDS: usize = 200;
    support::under(&[1], |runtime| {
        if !support::is_lending(runtime) {
            return;
        }
        let here = thread::current().id();
        let beside = (0..ROUNDS).filter(|_| {
            let child = spawn(|| thread::current().id());
            child.join().unwrap() == here
        });
        // On a busy machine another thread may step in for the worker.
        let count = beside.count();
        assert!(count > ROUNDS / 2, "{count} of {ROUNDS}");
    });
}
