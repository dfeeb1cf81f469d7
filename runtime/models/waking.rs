//! Protocols S, T4 and M. The danger: a worker looks for work and finds none, work is made
//! available by somebody who sees no sleeper, and the worker goes to sleep.
//!
//! The public queue is a `Relaxed` counter: all order between it and the counts is the protocol's.
//! A wake-up that is lost leaves its worker asleep for ever, which loom reports as a deadlock.

use crate::runtime::{
    models::{check, workers::Workers},
    prims::{AtomicBool, Ordering, fence},
    sched::idle::sleep_word::{Awoken, SleepWord, Sleeper},
};
use loom::{
    sync::Arc,
    thread::{self, JoinHandle},
};

fn beside(all: &Arc<Workers>, act: impl FnOnce(&Workers) + Send + 'static) -> JoinHandle<()> {
    let all = Arc::clone(all);
    thread::spawn(move || act(&all))
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    threads.into_iter().for_each(|t| t.join().unwrap());
}

/// Runs worker 1 on a thread of its own, if there is one, and worker 0 here, beside what `outside`
/// does, until so many goroutines have ended.
fn with_workers(
    workers: usize,
    goroutines: usize,
    outside: impl FnOnce(&Workers) + Send + 'static,
) {
    let all = Workers::new(workers, 0, goroutines);
    let mut threads: Vec<_> = (1..workers)
        .map(|i| beside(&all, move |all| all.run(i)))
        .collect();
    threads.push(beside(&all, outside));
    all.run(0);
    join(threads);
    all.assert_quiet();
}

#[test]
fn an_arrival_in_a_home_that_is_not_lent_finds_its_worker() {
    check(|| with_workers(1, 2, |all| (0..2).for_each(|_| all.deliver(0))));
}

#[test]
fn a_poke_of_a_home_that_is_not_lent_finds_its_worker() {
    check(|| with_workers(1, 1, |all| all.poke(0)));
}

#[test]
fn a_timer_that_is_set_from_outside_finds_its_worker() {
    check(|| with_workers(1, 1, |all| all.set_timer(0)));
}

#[test]
fn an_injection_finds_a_worker() {
    check(|| with_workers(1, 2, |all| (0..2).for_each(|_| all.inject())));
}

#[test]
fn an_injection_finds_one_of_two_workers() {
    check(|| with_workers(2, 1, Workers::inject));
}

#[test]
fn an_arrival_and_an_injection_find_their_workers() {
    check(|| {
        with_workers(2, 2, |all| {
            all.deliver(0);
            all.inject();
        });
    });
}

/// One of them may find the other's claim for a searcher, and that find nobody to wake.
#[test]
fn two_injections_find_a_worker() {
    check(|| {
        let all = Workers::new(1, 0, 2);
        let outside = [(); 2].map(|()| beside(&all, Workers::inject));
        all.run(0);
        join(outside);
        all.assert_quiet();
    });
}

/// A spare that is not needed sleeps uncounted: nobody relies on it, and it searches for nobody.
#[test]
fn an_injection_is_not_left_to_a_spare_that_rests() {
    check(|| {
        let all = Workers::new(1, 1, 1);
        let spare = beside(&all, |all| all.run(1));
        let outside = beside(&all, Workers::inject);
        all.run(0);
        join([spare, outside]);
        all.assert_quiet();
    });
}

/// What a searcher takes on itself: it may have work of its own when it stops, and run that for
/// ever; the other worker must be woken then.
#[test]
fn a_searcher_that_stops_leaves_nothing_behind() {
    check(|| {
        let all = Workers::new(2, 0, 1);
        let sleeper = beside(&all, |all| all.run(1));
        let outside = beside(&all, Workers::inject);
        // Worker 0 searches once, then turns to something long of its own.
        if all.look(false) {
            all.ran(1);
        }
        join([sleeper, outside]);
        all.assert_quiet();
    });
}

/// Sleepers that get up by themselves (a timer) at any moment, and two wakers: each sleeper is
/// taken off the count once, whoever does it, and one that does not count is not.
fn each_sleeper_is_counted_once(kind: Sleeper) {
    check(move || {
        let all = Workers::new(1, 0, 1);
        let wakers = [Workers::inject, |all: &Workers| all.wake(0)].map(|act| {
            beside(&all, move |all| {
                act(all);
                all.assert_sane();
            })
        });
        for _ in 0..2 {
            all.idle.announce(all.sleep_word(0), kind);
            if all.idle.get_up(all.sleep_word(0)) == Awoken::ToSearch {
                let _ = all.idle.end_search(|| false);
            }
        }
        join(wakers);
        assert_eq!((all.idle.sleeping(), all.idle.searching()), (0, 0));
    });
}

#[test]
fn counted_sleepers_are_counted_once() {
    each_sleeper_is_counted_once(Sleeper::Counted);
}

#[test]
fn uncounted_sleepers_are_not_counted() {
    each_sleeper_is_counted_once(Sleeper::Uncounted);
}

/// The second look in `wake_one` may find a spare that rests: it is woken, and not counted off.
#[test]
fn a_vain_claim_may_wake_a_spare() {
    check(|| {
        let all = Workers::new(1, 1, 1);
        let worker = beside(&all, |all| {
            all.idle.announce(all.sleep_word(0), Sleeper::Counted);
            if all.idle.get_up(all.sleep_word(0)) == Awoken::ToSearch {
                let _ = all.idle.end_search(|| false);
            }
        });
        all.idle.announce(all.sleep_word(1), Sleeper::Uncounted);
        all.inject();
        all.assert_sane();
        let awoken = all.idle.get_up(all.sleep_word(1));
        assert!(matches!(
            awoken,
            Awoken::ToWork | Awoken::Alone(Sleeper::Uncounted)
        ));
        join([worker]);
        assert_eq!((all.idle.sleeping(), all.idle.searching()), (0, 0));
    });
}

/// M1, M2: the monitor rests only if every worker that gets up later will see that it rests.
#[test]
fn the_monitor_rests_only_while_all_sleep() {
    check(|| {
        let word = Arc::new(SleepWord::new());
        let watched = Arc::new(AtomicBool::new(true));
        word.announce(Sleeper::Counted);
        let worker = {
            let (word, watched) = (Arc::clone(&word), Arc::clone(&watched));
            thread::spawn(move || {
                let _ = word.get_up();
                // `Scheduler::be_watched`.
                fence(Ordering::SeqCst);
                !watched.load(Ordering::Relaxed)
            })
        };
        // `Monitor::rest_for`.
        watched.store(false, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let rests = word.is_asleep();
        let starts_it = worker.join().unwrap();
        assert!(!rests || starts_it);
    });
}

/// K1, the half that sleep words carry: who sees a worker asleep sees its turns before.
#[test]
fn whoever_sees_a_worker_asleep_sees_its_turns() {
    check(|| {
        let all = Workers::new(1, 0, 1);
        let worker = beside(&all, |all| {
            all.turns.set(1);
            all.idle.announce(all.sleep_word(0), Sleeper::Counted);
        });
        if all.sleep_word(0).is_asleep() {
            assert_eq!(all.turns.get(), 1);
        }
        join([worker]);
    });
}

/// Whoever is woken sees what its waker did before.
#[test]
fn whoever_is_woken_sees_what_the_waker_wrote() {
    check(|| {
        let all = Workers::new(1, 0, 1);
        all.idle.announce(all.sleep_word(0), Sleeper::Counted);
        let waker = beside(&all, |all| {
            all.turns.set(1);
            let _ = all.sleep_word(0).wake_to_work();
        });
        if all.idle.get_up(all.sleep_word(0)) == Awoken::ToWork {
            assert_eq!(all.turns.get(), 1);
        }
        join([waker]);
    });
}
