//! The rules of Cond, Semaphore, Barrier, Once, OnceCell, Lazy, WaitGroup and of the locks' time
//! limits: from goroutines, from threads, and mixed.

mod support;

use gort::{
    sleep,
    sync::{
        Barrier, Cond, Lazy, Mutex, Once, OnceCell, RwMutex, Semaphore, WaitGroup,
        channel::{bounded, unbounded},
    },
    time::now,
    yield_now,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use support::{
    DELIBERATE, Random, message,
    party::{Party, explored, spawn, three_ways},
    silence,
};

three_ways! {
    locks_wait_no_longer_than_they_are_told,
    a_lock_that_comes_free_in_time_is_taken,
    a_limit_that_passes_as_the_lock_comes_loses_neither,
    a_mutex_is_handed_to_one_who_has_waited_for_a_millisecond,
    a_wait_group_wakes_all_and_may_be_used_again,
    a_wait_group_below_zero_panics_and_goes_on,
    a_semaphore_serves_in_order_and_starves_nobody,
    a_semaphore_lets_in_as_many_as_it_has_permits_for,
    a_semaphore_request_that_gives_up_lets_the_next_pass,
    permits_race_with_limits,
    a_cond_wakes_in_order,
    a_cond_wakes_all_generation_after_generation,
    a_cond_takes_guards_of_readers_and_writers,
    a_cond_with_a_limit_loses_no_notification,
    a_cond_waits_while,
    a_barrier_may_be_used_again,
    a_cell_is_filled_once_whoever_comes,
    an_initialiser_that_panics_lets_the_next_try,
    an_initialiser_may_park_and_use_other_cells,
    a_lazy_value_is_poisoned_by_a_panic,
    once_runs_once_and_is_poisoned_by_a_panic,
}

explored! {
    locks_wait_no_longer_than_they_are_told,
    a_lock_that_comes_free_in_time_is_taken,
    a_limit_that_passes_as_the_lock_comes_loses_neither,
    a_mutex_is_handed_to_one_who_has_waited_for_a_millisecond,
    a_wait_group_wakes_all_and_may_be_used_again,
    a_wait_group_below_zero_panics_and_goes_on,
    a_semaphore_serves_in_order_and_starves_nobody,
    a_semaphore_lets_in_as_many_as_it_has_permits_for,
    a_semaphore_request_that_gives_up_lets_the_next_pass,
    permits_race_with_limits,
    a_cond_wakes_in_order,
    a_cond_wakes_all_generation_after_generation,
    a_cond_takes_guards_of_readers_and_writers,
    a_cond_with_a_limit_loses_no_notification,
    a_cond_waits_while,
    a_barrier_may_be_used_again,
    a_cell_is_filled_once_whoever_comes,
    an_initialiser_that_panics_lets_the_next_try,
    an_initialiser_may_park_and_use_other_cells,
    a_lazy_value_is_poisoned_by_a_panic,
    once_runs_once_and_is_poisoned_by_a_panic,
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn us(n: u64) -> Duration {
    Duration::from_micros(n)
}

fn join_all<T>(parties: impl IntoIterator<Item = Party<T>>) -> Vec<T> {
    parties
        .into_iter()
        .map(|party| party.join().unwrap())
        .collect()
}

/// Waits until so many have said that they are about to wait, and then some.
fn until(count: &AtomicUsize, n: usize) {
    while count.load(SeqCst) < n {
        yield_now();
    }
    sleep(ms(2));
}

fn locks_wait_no_longer_than_they_are_told() {
    let (lock, table) = (Arc::new(Mutex::new(())), Arc::new(RwMutex::new(())));
    let (held, written) = (lock.lock(), table.write());
    let theirs = (lock.clone(), table.clone());
    let party = spawn(move || {
        let (lock, table) = theirs;
        let start = now();
        assert!(lock.try_lock_for(ms(5)).is_none());
        assert!(now() - start >= ms(5));
        assert!(table.try_read_for(ms(5)).is_none());
        assert!(now() - start >= ms(10));
        assert!(table.try_write_for(ms(5)).is_none());
        assert!(now() - start >= ms(15));
        let none = Duration::ZERO;
        assert!(lock.try_lock_for(none).is_none() && table.try_write_for(none).is_none());
        assert!(lock.try_lock().is_none() && table.try_read().is_none());
    });
    party.join().unwrap();
    drop((held, written));
    // What is free is taken, though there is no time.
    assert!(lock.try_lock_for(Duration::ZERO).is_some());
    assert!(table.try_write_for(Duration::ZERO).is_some());
    let read = table.try_read_for(Duration::ZERO).unwrap();
    assert!(table.try_read_for(ms(1)).is_some() && table.try_write_for(ms(1)).is_none());
    drop(read);
    // A writer that gave up holds no readers back.
    assert!(table.try_read().is_some());
}

fn a_lock_that_comes_free_in_time_is_taken() {
    let (lock, table) = (Arc::new(Mutex::new(1)), Arc::new(RwMutex::new(2)));
    let (held, written) = (lock.lock(), table.write());
    let waiting = Arc::new(AtomicUsize::new(0));
    let parties: Vec<_> = (0..3)
        .map(|i| {
            let (lock, table, waiting) = (lock.clone(), table.clone(), waiting.clone());
            spawn(move || {
                waiting.fetch_add(1, SeqCst);
                match i {
                    0 => lock.try_lock_for(Duration::MAX).map(|guard| *guard),
                    1 => table.try_read_for(ms(50_000)).map(|guard| *guard),
                    _ => table.try_write_for(ms(50_000)).map(|guard| *guard),
                }
            })
        })
        .collect();
    until(&waiting, 3);
    drop((held, written));
    assert_eq!(join_all(parties), [Some(1), Some(2), Some(2)]);
}

/// Limits of the same length as what is waited for: whoever is told `None` has nothing, whoever is
/// told `Some` has it alone.
fn a_limit_that_passes_as_the_lock_comes_loses_neither() {
    let (lock, table) = (Arc::new(Mutex::new(0)), Arc::new(RwMutex::new(0)));
    let parties: Vec<_> = (0..6)
        .map(|seed| {
            let (lock, table) = (lock.clone(), table.clone());
            spawn(move || {
                let mut random = Random::new(seed + 1);
                let mut taken = (0, 0);
                for _ in 0..300 {
                    let limit = us(random.below(80));
                    if let Some(mut guard) = lock.try_lock_for(limit) {
                        *guard += 1;
                        taken.0 += 1;
                        sleep(us(random.below(40)));
                    }
                    if random.below(3) == 0 {
                        drop(table.try_read_for(limit));
                    } else if let Some(mut guard) = table.try_write_for(limit) {
                        *guard += 1;
                        taken.1 += 1;
                        sleep(us(random.below(40)));
                    }
                }
                taken
            })
        })
        .collect();
    let taken = join_all(parties)
        .into_iter()
        .fold((0, 0), |sum, n| (sum.0 + n.0, sum.1 + n.1));
    assert_eq!((*lock.lock(), *table.read()), taken);
    assert!(taken.0 > 0 && taken.1 > 0);
}

/// A hog gives the lock back and takes it again at once. One that has waited for a millisecond is
/// handed it, so ten turns take ten holds or so.
fn a_mutex_is_handed_to_one_who_has_waited_for_a_millisecond() {
    let lock = Arc::new(Mutex::new(0_u64));
    let stop = Arc::new(AtomicBool::new(false));
    let (theirs, stops) = (lock.clone(), stop.clone());
    let hog = spawn(move || {
        while !stops.load(SeqCst) {
            let mut guard = theirs.lock();
            *guard += 1;
            // Long enough for those who wait to have waited for a millisecond by the next turn.
            sleep(ms(2));
        }
    });
    while *lock.lock() == 0 {
        sleep(us(100));
    }
    let before = *lock.lock();
    let mut passed = Vec::new();
    for _ in 0..10 {
        let turn = *lock.lock();
        passed.push(turn - before);
    }
    stop.store(true, SeqCst);
    hog.join().unwrap();
    // Without the hand-off the hog always wins: it takes the lock before the one it has woken runs.
    assert!(*passed.last().unwrap() < 200, "{passed:?}");
}

fn a_wait_group_wakes_all_and_may_be_used_again() {
    let group = WaitGroup::new();
    for round in 0..20 {
        let ended = Arc::new(AtomicUsize::new(0));
        group.add(5);
        let waiters: Vec<_> = (0..4)
            .map(|_| (group.clone(), ended.clone()))
            .map(|(group, ended)| {
                spawn(move || {
                    group.wait();
                    ended.load(SeqCst)
                })
            })
            .collect();
        let workers: Vec<_> = (0..5)
            .map(|i| (i, group.clone(), ended.clone()))
            .map(|(i, group, ended)| {
                spawn(move || {
                    if (i + round) % 2 == 0 {
                        yield_now();
                    }
                    ended.fetch_add(1, SeqCst);
                    group.done();
                })
            })
            .collect();
        group.wait();
        assert_eq!(ended.load(SeqCst), 5);
        assert_eq!(join_all(waiters), [5; 4]);
        join_all(workers);
    }
    // Nothing to wait for.
    group.wait();
    group.add(0);
    group.wait();
}

fn a_wait_group_below_zero_panics_and_goes_on() {
    silence();
    let group = WaitGroup::new();
    let theirs = group.clone();
    let result = spawn(move || catch_unwind(AssertUnwindSafe(|| theirs.done())))
        .join()
        .unwrap();
    assert_eq!(
        message(&*result.unwrap_err()),
        "sync: negative WaitGroup counter"
    );
    group.wait();
    let handle = group.go(|| 5);
    group.wait();
    assert_eq!(handle.join().unwrap(), 5);
}

fn a_semaphore_serves_in_order_and_starves_nobody() {
    // All of it is out; a large request comes, then small ones that would fit as soon as one permit
    // is back.
    let semaphore = Arc::new(Semaphore::new(4));
    let order = Arc::new(Mutex::new(Vec::new()));
    let permits: Vec<_> = (0..4).map(|_| semaphore.acquire(1)).collect();
    let waiting = Arc::new(AtomicUsize::new(0));
    let mut parties = Vec::new();
    for (i, k) in [4, 1, 2, 1].into_iter().enumerate() {
        let (semaphore, order, count) = (semaphore.clone(), order.clone(), waiting.clone());
        parties.push(spawn(move || {
            count.fetch_add(1, SeqCst);
            let permit = semaphore.acquire(k);
            order.lock().push(i);
            assert_eq!(permit.count(), k);
            // For longer than the others need to note themselves in the wrong order.
            sleep(ms(1));
        }));
        until(&waiting, i + 1);
    }
    for (back, permit) in permits.into_iter().enumerate() {
        // Nobody passes the large one, also not who comes only now.
        assert!(semaphore.try_acquire(1).is_none(), "{back} back");
        assert!(order.lock().is_empty());
        drop(permit);
    }
    join_all(parties);
    let order = order.lock();
    assert_eq!(order[0], 0);
    assert_eq!(semaphore.available_permits(), 4);
}

/// Three wait and keep what they get, and four permits come free at once.
fn a_semaphore_lets_in_as_many_as_it_has_permits_for() {
    for by_drop in [true, false] {
        let semaphore = Arc::new(Semaphore::new(if by_drop { 4 } else { 0 }));
        let all = by_drop.then(|| semaphore.acquire(4));
        let waiting = Arc::new(AtomicUsize::new(0));
        let wait = |_| {
            let (theirs, count) = (semaphore.clone(), waiting.clone());
            spawn(move || {
                count.fetch_add(1, SeqCst);
                let permit = theirs.acquire_timeout(1, support::PATIENCE / 4);
                permit.expect("there were enough").forget();
            })
        };
        let parties: Vec<_> = (0..3).map(wait).collect();
        until(&waiting, 3);
        match all {
            Some(all) => drop(all),
            None => semaphore.add_permits(4),
        }
        join_all(parties);
        assert_eq!(semaphore.available_permits(), 1);
    }
}

fn a_semaphore_request_that_gives_up_lets_the_next_pass() {
    let semaphore = Arc::new(Semaphore::new(2));
    let one = semaphore.acquire(1);
    let waiting = Arc::new(AtomicUsize::new(0));
    let (theirs, count) = (semaphore.clone(), waiting.clone());
    let large = spawn(move || {
        count.fetch_add(1, SeqCst);
        theirs.acquire_timeout(2, ms(30)).is_some()
    });
    while waiting.load(SeqCst) == 0 {
        yield_now();
    }
    let theirs = semaphore.clone();
    let small = spawn(move || theirs.acquire_timeout(1, ms(50_000)).is_some());
    assert_eq!(
        (large.join().unwrap(), small.join().unwrap()),
        (false, true)
    );
    drop(one);
    assert_eq!(semaphore.available_permits(), 2);
    assert!(semaphore.acquire_timeout(3, ms(1)).is_none());
    assert!(semaphore.acquire_timeout(2, Duration::ZERO).is_some());
}

fn permits_race_with_limits() {
    let semaphore = Arc::new(Semaphore::new(3));
    let out = Arc::new(AtomicUsize::new(0));
    let parties: Vec<_> = (0..6)
        .map(|seed| {
            let (semaphore, out) = (semaphore.clone(), out.clone());
            spawn(move || {
                let mut random = Random::new(seed + 1);
                for _ in 0..300 {
                    let k = random.below(4) as usize;
                    if let Some(_permit) = semaphore.acquire_timeout(k, us(random.below(80))) {
                        assert!(out.fetch_add(k, SeqCst) + k <= 3);
                        sleep(us(random.below(30)));
                        out.fetch_sub(k, SeqCst);
                    }
                }
            })
        })
        .collect();
    join_all(parties);
    assert_eq!(semaphore.available_permits(), 3);
}

fn a_cond_wakes_in_order() {
    let shared = Arc::new((Mutex::new(0), Cond::new()));
    let (tx, rx) = unbounded();
    let waiters: Vec<_> = (0..20)
        .map(|i| {
            let (theirs, tx) = (shared.clone(), tx.clone());
            let party = spawn(move || {
                let mut guard = theirs.0.lock();
                *guard += 1;
                theirs.1.wait(&mut guard);
                tx.send(i).unwrap();
            });
            // It is in the list when the lock is free again and it has counted itself.
            while *shared.0.lock() == i {
                yield_now();
            }
            party
        })
        .collect();
    for i in 0..20 {
        shared.1.notify_one();
        assert_eq!(rx.recv(), Ok(i));
        assert!(rx.is_empty());
    }
    // Nobody waits: it is not kept for later.
    shared.1.notify_one();
    shared.1.notify_all();
    assert!(shared.1.wait_for(&mut shared.0.lock(), ms(1)).timed_out());
    join_all(waiters);
}

/// As Go's test of the same: each generation is woken by the one before.
fn a_cond_wakes_all_generation_after_generation() {
    const N: usize = 30;
    let shared = Arc::new((Mutex::new((0, 0)), Cond::new(), Cond::new()));
    let parties: Vec<_> = (0..N)
        .map(|_| {
            let theirs = shared.clone();
            spawn(move || {
                let (state, start, end) = &*theirs;
                for round in 1..=N {
                    let mut guard = state.lock();
                    start.wait_while(&mut guard, |state| state.0 < round);
                    guard.1 += 1;
                    if guard.1 == round * N {
                        end.notify_one();
                    }
                }
            })
        })
        .collect();
    let (state, start, end) = &*shared;
    for round in 1..=N {
        let mut guard = state.lock();
        guard.0 = round;
        start.notify_all();
        end.wait_while(&mut guard, |state| state.1 < round * N);
    }
    join_all(parties);
}

fn a_cond_takes_guards_of_readers_and_writers() {
    let shared = Arc::new((RwMutex::new(0), Cond::new()));
    let inside = Arc::new(AtomicUsize::new(0));
    let parties: Vec<_> = (0..6)
        .map(|i| {
            let (theirs, inside) = (shared.clone(), inside.clone());
            spawn(move || {
                let (table, changed) = &*theirs;
                if i % 3 == 0 {
                    let mut guard = table.write();
                    inside.fetch_add(1, SeqCst);
                    changed.wait_while(&mut guard, |n| *n == 0);
                    *guard += 1;
                } else {
                    let mut guard = table.read();
                    inside.fetch_add(1, SeqCst);
                    while *guard == 0 {
                        changed.wait(&mut guard);
                    }
                    let seen = *guard;
                    yield_now();
                    // Still, or again, a reader: no writer is beside it.
                    assert_eq!(seen, *guard);
                }
            })
        })
        .collect();
    until(&inside, 6);
    let (table, changed) = &*shared;
    // Those who wait hold nothing.
    *table.try_write_for(ms(50_000)).unwrap() = 1;
    changed.notify_all();
    join_all(parties);
    assert_eq!(*table.read(), 3);
    // A limit takes any guard, too, and each comes back locked as it was.
    let mut guard = table.read();
    assert!(changed.wait_for(&mut guard, ms(1)).timed_out());
    assert!(table.try_write().is_none() && table.try_read().is_some());
    drop(guard);
    let mut guard = table.write();
    assert!(changed.wait_for(&mut guard, ms(1)).timed_out());
    assert!(table.try_read().is_none());
}

/// A waiter that is notified as its time ends says one or the other; what it did not take wakes the
/// next.
fn a_cond_with_a_limit_loses_no_notification() {
    for round in 0..150_u64 {
        let shared = Arc::new((Mutex::new(0), Cond::new()));
        let timed: Vec<_> = (0..3)
            .map(|_| shared.clone())
            .map(|theirs| {
                spawn(move || {
                    let mut guard = theirs.0.lock();
                    *guard += 1;
                    !theirs.1.wait_for(&mut guard, us(100)).timed_out()
                })
            })
            .collect();
        while *shared.0.lock() < 3 {
            yield_now();
        }
        let theirs = shared.clone();
        let patient = spawn(move || {
            let mut guard = theirs.0.lock();
            *guard += 1;
            theirs.1.wait_for(&mut guard, ms(50_000)).timed_out()
        });
        while *shared.0.lock() < 4 {
            yield_now();
        }
        sleep(us(round % 100));
        for _ in 0..4 {
            shared.1.notify_one();
        }
        assert!(!patient.join().unwrap());
        join_all(timed);
    }
}

fn a_cond_waits_while() {
    let shared = Arc::new((Mutex::new(0), Cond::new()));
    let theirs = shared.clone();
    let counter = spawn(move || {
        for _ in 0..50 {
            *theirs.0.lock() += 1;
            theirs.1.notify_all();
            yield_now();
        }
    });
    let mut guard = shared.0.lock();
    shared.1.wait_while(&mut guard, |n| *n < 50);
    assert_eq!(*guard, 50);
    assert!(
        !shared
            .1
            .wait_while_for(&mut guard, |n| *n < 50, Duration::ZERO)
            .timed_out()
    );
    assert!(
        shared
            .1
            .wait_while_for(&mut guard, |n| *n < 51, ms(2))
            .timed_out()
    );
    drop(guard);
    counter.join().unwrap();
}

fn a_barrier_may_be_used_again() {
    let barrier = Arc::new(Barrier::new(6));
    let counts: Arc<Vec<AtomicUsize>> = Arc::new((0..50).map(|_| AtomicUsize::new(0)).collect());
    let parties: Vec<_> = (0..6)
        .map(|i| {
            let (barrier, counts) = (barrier.clone(), counts.clone());
            spawn(move || {
                let mut led = 0;
                for (round, count) in counts.iter().enumerate() {
                    if (i + round) % 3 == 0 {
                        yield_now();
                    }
                    count.fetch_add(1, SeqCst);
                    led += usize::from(barrier.wait().is_leader());
                    assert_eq!(count.load(SeqCst), 6, "round {round}");
                }
                led
            })
        })
        .collect();
    assert_eq!(join_all(parties).into_iter().sum::<usize>(), 50);
    assert!(Barrier::new(1).wait().is_leader());
    assert!(Barrier::new(0).wait().is_leader());
}

fn a_cell_is_filled_once_whoever_comes() {
    for _ in 0..20 {
        let cell = Arc::new(OnceCell::new());
        let runs = Arc::new(AtomicUsize::new(0));
        let parties: Vec<_> = (0..8_usize)
            .map(|i| {
                let (cell, runs) = (cell.clone(), runs.clone());
                spawn(move || {
                    let init = || {
                        runs.fetch_add(1, SeqCst);
                        yield_now();
                        i
                    };
                    match i % 4 {
                        3 => {
                            let set = cell.set(100 + i).is_ok();
                            assert!(cell.get().is_some());
                            runs.fetch_add(usize::from(set), SeqCst);
                            *cell.get().unwrap()
                        }
                        _ => *cell.get_or_init(init),
                    }
                })
            })
            .collect();
        let seen = join_all(parties);
        assert!(seen.iter().all(|value| *value == seen[0]), "{seen:?}");
        assert_eq!(runs.load(SeqCst), 1);
        assert_eq!(cell.set(7), Err(7));
    }
}

fn an_initialiser_that_panics_lets_the_next_try() {
    silence();
    let cell = Arc::new(OnceCell::new());
    let (begun_tx, begun) = bounded(0);
    let (go_on, may_go_on) = bounded::<()>(0);
    let theirs = cell.clone();
    let first = spawn(move || {
        theirs.get_or_init(|| {
            begun_tx.send(()).unwrap();
            let _ = may_go_on.recv();
            panic!("{DELIBERATE}")
        });
    });
    begun.recv().unwrap();
    let others: Vec<_> = (0..4)
        .map(|i| (i, cell.clone()))
        .map(|(i, cell)| spawn(move || *cell.get_or_init(|| i)))
        .collect();
    sleep(ms(2));
    assert!(cell.get().is_none() && others.iter().all(|party| !party.is_finished()));
    drop(go_on);
    assert!(first.join().is_err());
    let seen = join_all(others);
    assert!(seen.iter().all(|value| *value == seen[0]));
}

fn an_initialiser_may_park_and_use_other_cells() {
    static OUTER: [OnceCell<usize>; 1] = [OnceCell::new()];
    let inner = Arc::new(OnceCell::new());
    let lazy = Arc::new(Lazy::new(|| {
        sleep(us(200));
        21
    }));
    let cells: Arc<[OnceCell<usize>; 4]> = Arc::default();
    let parties: Vec<_> = (0..8)
        .map(|i| {
            let (inner, lazy, cells) = (inner.clone(), lazy.clone(), cells.clone());
            spawn(move || {
                *cells[i % 4].get_or_init(|| {
                    yield_now();
                    let base = inner.get_or_init(|| **lazy);
                    base + OUTER[0].get_or_init(|| 21)
                })
            })
        })
        .collect();
    assert_eq!(join_all(parties), [42; 8]);
}

fn a_lazy_value_is_poisoned_by_a_panic() {
    silence();
    let lazy: Arc<Lazy<i32, _>> = Arc::new(Lazy::new(|| {
        sleep(us(100));
        panic!("{DELIBERATE}")
    }));
    let parties: Vec<_> = (0..4)
        .map(|_| lazy.clone())
        .map(|lazy| spawn(move || catch_unwind(AssertUnwindSafe(|| **lazy))))
        .collect();
    let messages: Vec<_> = join_all(parties)
        .into_iter()
        .map(|result| message(&*result.unwrap_err()).to_owned())
        .collect();
    let poisoned = "sync: Lazy instance has previously been poisoned by a panic";
    assert_eq!(
        messages
            .iter()
            .filter(|text| text.contains(DELIBERATE))
            .count(),
        1,
        "{messages:?}"
    );
    assert_eq!(
        messages.iter().filter(|text| *text == poisoned).count(),
        3,
        "{messages:?}"
    );
}

fn once_runs_once_and_is_poisoned_by_a_panic() {
    silence();
    let once = Arc::new(Once::new());
    let runs = Arc::new(AtomicUsize::new(0));
    let parties: Vec<_> = (0..6)
        .map(|_| (once.clone(), runs.clone()))
        .map(|(once, runs)| {
            spawn(move || {
                once.call_once(|| {
                    sleep(us(200));
                    runs.fetch_add(1, SeqCst);
                });
                runs.load(SeqCst)
            })
        })
        .collect();
    // Whoever returns finds it done.
    assert_eq!(join_all(parties), [1; 6]);
    let once = Once::new();
    assert!(
        catch_unwind(AssertUnwindSafe(
            || once.call_once(|| panic!("{DELIBERATE}"))
        ))
        .is_err()
    );
    let again = catch_unwind(AssertUnwindSafe(|| once.call_once(|| ())));
    assert_eq!(
        message(&*again.unwrap_err()),
        "sync: Once instance has previously been poisoned by a panic"
    );
    once.call_once_force(|state| assert!(state.is_poisoned()));
    assert!(once.is_completed());
    once.call_once(|| unreachable!());
}
