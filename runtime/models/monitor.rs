//! The monitor takes arrivals from a home whose holder is busy for long. The danger: an arrival is
//! lost or comes twice, or the monitor makes a home busy that nobody then has.

use crate::runtime::{
    models::check,
    sched::home::{data::Home, word::reverse},
};
use loom::{
    sync::Arc,
    thread::{self, JoinHandle},
};

/// The first goroutine is fresh, and was sent here to start; the others were woken here.
const FRESH: usize = 0;

/// As `stuck::release_fresh`. Returns how many fresh ones it took away.
fn release_fresh(home: &Home) -> usize {
    // SAFETY: taken out, so ours.
    let oldest = unsafe { reverse(home.word.take_from_holder()) };
    let mut fresh = 0;
    for task in home.numbers(oldest) {
        if task == FRESH {
            assert_eq!(home.cells[FRESH].data.get(), 1);
            fresh += 1;
        } else {
            home.send(task);
        }
    }
    fresh
}

fn monitor(home: &Arc<Home>) -> JoinHandle<usize> {
    let home = Arc::clone(home);
    thread::spawn(move || release_fresh(&home))
}

fn sender(home: &Arc<Home>, tasks: std::ops::Range<usize>) -> JoinHandle<()> {
    let home = Arc::clone(home);
    thread::spawn(move || {
        for task in tasks {
            home.write_data(task);
            home.send(task);
        }
    })
}

/// A home that is held, whose goroutines are parked; a fresh one is as good as parked here.
fn entered(goroutines: usize) -> Arc<Home> {
    let home = Home::with_parked(goroutines);
    assert!(home.word.claim());
    home
}

/// Ends a model: each goroutine was queued here once, but a fresh one that the monitor took.
fn finish(home: &Home, released: usize) {
    home.finish(|task| home.run(task));
    assert_eq!(home.times_queued(FRESH) as usize + released, 1);
    for task in 1..home.cells.len() {
        assert_eq!(home.times_queued(task), 1);
    }
}

#[test]
fn the_monitor_loses_no_arrival_of_a_home_that_is_left() {
    check(|| {
        let home = entered(2);
        let sender = sender(&home, 0..2);
        let monitor = monitor(&home);
        home.stay(|task| home.run(task));
        home.turn(|task| home.run(task));
        sender.join().unwrap();
        finish(&home, monitor.join().unwrap());
    });
}

/// What the monitor gives back is pushed beside others.
#[test]
fn the_monitor_gives_back_beside_a_waker() {
    check(|| {
        let home = entered(3);
        for task in [0, 1] {
            home.write_data(task);
            home.send(task);
        }
        let sender = sender(&home, 2..3);
        let monitor = monitor(&home);
        home.stay(|task| home.run(task));
        sender.join().unwrap();
        finish(&home, monitor.join().unwrap());
    });
}

/// A poke is not an arrival: it stays for the holder.
#[test]
fn the_monitor_leaves_pokes_to_the_holder() {
    check(|| {
        let home = entered(1);
        home.write_data(0);
        home.send(0);
        let poker = {
            let home = Arc::clone(&home);
            thread::spawn(move || home.poke())
        };
        let monitor = monitor(&home);
        poker.join().unwrap();
        let released = monitor.join().unwrap();
        home.stay(|task| home.run(task));
        finish(&home, released);
        assert_eq!(home.pokes(), 1);
    });
}

/// Nothing has come in: the monitor's look changes nothing, whether the home is held or idle.
#[test]
fn the_monitor_leaves_an_idle_home_idle() {
    check(|| {
        let home = entered(1);
        let monitor = monitor(&home);
        home.put_back();
        assert_eq!(monitor.join().unwrap(), 0);
        home.finish(|_| unreachable!("nobody was woken"));
    });
}
