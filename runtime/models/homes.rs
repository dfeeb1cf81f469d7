//! Protocol H. The danger: a goroutine that is woken while a worker leaves its home is forgotten
//! there, or two threads are in one home at once.

use crate::runtime::{
    models::check,
    sched::home::{data::Home, word::Told},
};
use loom::{
    sync::Arc,
    thread::{self, JoinHandle},
};

/// A thread that does something with the home.
fn beside(home: &Arc<Home>, act: impl FnOnce(&Home) + Send + 'static) -> JoinHandle<()> {
    let home = Arc::clone(home);
    thread::spawn(move || act(&home))
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    threads.into_iter().for_each(|t| t.join().unwrap());
}

/// A home that this thread holds, whose goroutines are parked.
fn entered(goroutines: usize) -> Arc<Home> {
    let home = Home::with_parked(goroutines);
    assert!(home.word.claim());
    home
}

/// Ends a model: each goroutine was queued once, and nothing is left.
fn finish(home: &Home) {
    home.finish(|task| home.run(task));
    for task in 0..home.cells.len() {
        assert_eq!(home.times_queued(task), 1, "goroutine {task}");
    }
}

/// One waker claims the home if it finds it idle, the other pushes in any case.
#[test]
fn two_wakers_and_a_worker_lose_nobody() {
    check(|| {
        let home = entered(2);
        let claimer = beside(&home, |home| {
            home.write_data(0);
            home.unpark(0);
        });
        let pusher = beside(&home, |home| {
            home.write_data(1);
            home.send(1);
        });
        home.stay(|task| home.run(task));
        home.turn(|task| home.run(task));
        join([claimer, pusher]);
        finish(&home);
    });
}

/// A worker leaves before all have run that can, as when its time is over.
#[test]
fn a_worker_that_leaves_early_leaves_nobody_behind() {
    check(|| {
        let home = entered(2);
        let wakers = [0, 1].map(|task| {
            beside(&home, move |home| {
                home.write_data(task);
                home.unpark(task);
            })
        });
        if let Some(task) = home.next() {
            home.run(task);
        }
        home.put_back();
        join(wakers);
        finish(&home);
    });
}

/// The worker that enters next is another one than that which has left.
#[test]
fn two_workers_are_in_the_home_in_turn() {
    check(|| {
        let home = entered(1);
        let waker = beside(&home, |home| {
            home.write_data(0);
            home.unpark(0);
        });
        let other = beside(&home, |home| home.turn(|task| home.run(task)));
        home.stay(|task| home.run(task));
        home.turn(|task| home.run(task));
        join([waker, other]);
        finish(&home);
    });
}

/// Of two wakers that find the home idle one claims it, and the other leaves its goroutine there.
#[test]
fn two_wakers_claim_an_idle_home_once() {
    check(|| {
        let home = Home::with_parked(2);
        let wakers = [0, 1].map(|task| {
            beside(&home, move |home| {
                home.write_data(task);
                home.unpark(task);
            })
        });
        home.turn(|task| home.run(task));
        join(wakers);
        finish(&home);
    });
}

/// The claimer holds the home for a moment; a push meanwhile is its next holder's.
#[test]
fn a_push_beside_a_claim_is_not_lost() {
    check(|| {
        let home = Home::with_parked(2);
        let claimer = beside(&home, |home| {
            home.write_data(0);
            home.unpark(0);
        });
        home.write_data(1);
        home.send(1);
        home.turn(|task| home.run(task));
        join([claimer]);
        finish(&home);
    });
}

/// A poke says that something lies elsewhere; the holder that sees the poke sees that.
#[test]
fn a_poke_beside_a_claim_and_a_worker_is_not_lost() {
    check(|| {
        let home = entered(1);
        let claimer = beside(&home, |home| {
            home.write_data(0);
            home.unpark(0);
        });
        let poker = beside(&home, Home::poke);
        home.stay(|task| home.run(task));
        home.turn(|task| home.run(task));
        join([claimer, poker]);
        finish(&home);
        assert_eq!(home.pokes(), 1);
    });
}

/// E1. A goroutine that is woken while its home ends is in the hands of the owner or of its waker,
/// and not of both.
#[test]
fn an_end_and_a_waker_share_nobody_and_lose_nobody() {
    check(|| {
        let home = entered(2);
        let wakers = [0, 1].map(|task| {
            let home = Arc::clone(&home);
            thread::spawn(move || {
                home.write_data(task);
                home.push(task) == Told::Ended
            })
        });
        let came_in = home.end_home();
        came_in.iter().for_each(|&task| home.look_at(task));
        for (task, waker) in wakers.into_iter().enumerate() {
            let is_the_wakers = waker.join().unwrap();
            assert_ne!(is_the_wakers, came_in.contains(&task), "goroutine {task}");
        }
        assert_eq!(home.push(0), Told::Ended);
    });
}

/// H1, of the poke by itself.
#[test]
fn whoever_sees_a_poke_sees_what_it_is_about() {
    check(|| {
        let home = entered(0);
        let poker = beside(&home, |home| {
            home.note.set(1);
            assert_eq!(home.word.poke(), Told::Nothing);
        });
        if home.word.take().poked {
            assert_eq!(home.note.get(), 1);
        }
        join([poker]);
    });
}

/// H1, of the push by itself.
#[test]
fn whoever_takes_an_arrival_sees_what_its_waker_wrote() {
    check(|| {
        let home = entered(1);
        let pusher = beside(&home, |home| {
            home.write_data(0);
            assert_eq!(home.push(0), Told::Nothing);
        });
        home.take_arrivals();
        if home.times_queued(0) == 1 {
            home.run(0);
        }
        join([pusher]);
    });
}

/// H2, by each of the three ways to make an idle home busy: the one who does it enters.
fn the_next_holder_sees(make_busy: fn(&Home) -> bool) {
    check(move || {
        let home = entered(1);
        let next = beside(&home, move |home| {
            home.write_data(0);
            if make_busy(home) {
                home.note.add(1);
                home.take_arrivals();
                home.schedule();
            }
        });
        home.note.add(1);
        if !home.word.give_back() {
            home.take_arrivals();
            home.schedule();
        }
        join([next]);
        // Only a claim leaves the home alone if it is not idle.
        if home.take_queued() {
            assert!(home.note.get() >= 1);
        }
    });
}

#[test]
fn whoever_claims_sees_what_the_last_holder_wrote() {
    the_next_holder_sees(|home| home.word.claim());
}

#[test]
fn whoever_pushes_first_sees_what_the_last_holder_wrote() {
    the_next_holder_sees(|home| home.push(0) == Told::Holder);
}

#[test]
fn whoever_pokes_first_sees_what_the_last_holder_wrote() {
    the_next_holder_sees(|home| home.word.poke() == Told::Holder);
}

/// As a dump looks into a home: it claims an idle one, and gives it back or queues it.
#[test]
fn a_look_into_an_idle_home_loses_no_waker() {
    check(|| {
        let home = Home::with_parked(1);
        let waker = beside(&home, |home| {
            home.write_data(0);
            home.unpark(0);
        });
        let dump = beside(&home, |home| {
            if home.word.claim() {
                home.hold(|_| ());
                if !home.word.give_back() {
                    home.schedule();
                }
            } else {
                home.poke();
            }
        });
        home.turn(|task| home.run(task));
        join([waker, dump]);
        finish(&home);
    });
}

/// A chain comes out oldest first.
#[test]
fn arrivals_keep_their_wakers_order() {
    check(|| {
        let home = entered(3);
        let pusher = beside(&home, |home| {
            for task in 0..2 {
                assert_eq!(home.push(task), Told::Nothing);
            }
        });
        let other = beside(&home, |home| assert_eq!(home.push(2), Told::Nothing));
        let mut taken = home.numbers(home.word.take().oldest);
        join([pusher, other]);
        taken.extend(home.numbers(home.word.take().oldest));
        let of_first: Vec<_> = taken.iter().copied().filter(|task| *task < 2).collect();
        assert_eq!(of_first, [0, 1]);
        assert_eq!(taken.len(), 3);
        assert!(taken.contains(&2));
    });
}
