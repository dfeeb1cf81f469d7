//! Homing: a started goroutine sees the same OS thread before and after each park; goroutines spread over the workers all the same.

mod support;

use gort::{
    go_local,
    runtime::{blocking, on_big_stack},
    sleep, spawn,
    sync::{Semaphore, WaitGroup},
    yield_now,
};
use std::{
    cell::Cell,
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, ThreadId},
    time::Duration,
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
fn goroutines_that_take_turns_in_pairs_lose_no_park() {
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

/// How many of `count` long-lived goroutines, spawned in a row by one, each thread holds.
fn spread(count: usize) -> Vec<usize> {
    let stop = Arc::new(Semaphore::new(0));
    let homes = Arc::new(Mutex::new(HashMap::<ThreadId, usize>::new()));
    let handles: Vec<_> = (0..count)
        .map(|_| {
            let (stop, homes) = (Arc::clone(&stop), Arc::clone(&homes));
            spawn(move || {
                stop.acquire(1).forget();
                *homes
                    .lock()
                    .unwrap()
                    .entry(thread::current().id())
                    .or_default() += 1;
            })
        })
        .collect();
    sleep(Duration::from_millis(20));
    stop.add_permits(count);
    handles.into_iter().for_each(|h| h.join().unwrap());
    let homes = homes.lock().unwrap();
    homes.values().copied().collect()
}

#[test]
fn eight_goroutines_spawned_in_a_row_end_up_on_both_of_two_workers() {
    support::under(&[2], |_| {
        for _ in 0..20 {
            let spread = spread(8);
            assert_eq!(spread.iter().sum::<usize>(), 8);
            assert_eq!(spread.len(), 2, "{spread:?}");
            assert!(spread.iter().all(|n| *n >= 2), "{spread:?}");
        }
    });
}

#[test]
fn many_goroutines_spread_evenly() {
    support::under(&[2, 3, 8], |runtime| {
        let spread = spread(1000);
        let workers = runtime.metrics().workers;
        let fair = 1000 / workers;
        assert_eq!(spread.len(), workers, "{spread:?}");
        let is_fair = |n: &usize| (fair / 3..=fair * 2).contains(n);
        assert!(spread.iter().all(is_fair), "{spread:?}");
    });
}
