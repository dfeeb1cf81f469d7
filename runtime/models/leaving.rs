//! Protocols P and H together. The danger: a goroutine is unparked while it is still on its way off
//! its stack and its worker out of the home; it must run exactly once, and not before it is off.

use crate::runtime::{
    models::{Plain, check},
    sched::home::data::Home,
    task::state::Woken,
};
use loom::{
    sync::Arc,
    thread::{self, JoinHandle},
};

/// The goroutine's stack pointer: saved before the commit, and read by whoever resumes it.
struct Rig {
    home: Arc<Home>,
    saved: Arc<Plain>,
}

impl Rig {
    /// A worker is in the home, and runs the first of so many goroutines.
    fn new(goroutines: usize) -> Self {
        Self {
            home: Home::held(goroutines),
            saved: Arc::new(Plain::new()),
        }
    }

    /// The moment when the goroutine publishes its unparker: from here on its waker may use it.
    fn publish(&self, task: usize) -> JoinHandle<()> {
        let home = Arc::clone(&self.home);
        thread::spawn(move || {
            home.write_data(task);
            home.unpark(task);
        })
    }

    /// The goroutine parks, from the look for an early unpark to the root's commit.
    fn park(&self, task: usize) {
        let park = &self.home.cells[task].park;
        assert!(!park.take_early(), "nobody has looked into the inbox");
        self.home.hold(|_| ());
        self.saved.set(1);
        assert!(park.commit());
    }

    /// A worker resumes the goroutine.
    fn resume(&self, task: usize) {
        assert_eq!(self.saved.get(), 1);
        self.home.run(task);
    }

    fn finish(&self) {
        self.home.finish(|task| self.resume(task));
        for task in 0..self.home.cells.len() {
            assert_eq!(self.home.times_queued(task), 1);
            let park = &self.home.cells[task].park;
            assert!(!park.take_early(), "unparked twice");
        }
    }
}

#[test]
fn an_unpark_while_the_worker_leaves_runs_it_once() {
    check(|| {
        let rig = Rig::new(1);
        let waker = rig.publish(0);
        rig.park(0);
        rig.home.stay(|task| rig.resume(task));
        rig.home.turn(|task| rig.resume(task));
        waker.join().unwrap();
        rig.finish();
    });
}

/// Another worker takes the home as soon as it is in the queue.
#[test]
fn another_worker_resumes_it_only_off_its_stack() {
    check(|| {
        let rig = Rig::new(1);
        let waker = rig.publish(0);
        let other = {
            let (home, saved) = (Arc::clone(&rig.home), Arc::clone(&rig.saved));
            thread::spawn(move || {
                let rig = Rig { home, saved };
                rig.home.turn(|task| rig.resume(task));
            })
        };
        rig.park(0);
        rig.home.stay(|task| rig.resume(task));
        waker.join().unwrap();
        other.join().unwrap();
        rig.finish();
    });
}

/// A second goroutine of the home parks after the first, whose waker may have come by then.
#[test]
fn two_goroutines_park_and_both_run() {
    check(|| {
        let rig = Rig::new(2);
        let first = rig.publish(0);
        rig.park(0);
        let second = rig.publish(1);
        rig.park(1);
        rig.home.stay(|task| rig.resume(task));
        rig.home.turn(|task| rig.resume(task));
        first.join().unwrap();
        second.join().unwrap();
        rig.finish();
    });
}

/// The same goroutine parks twice. Its cell's link serves the second arrival as the first.
#[test]
fn two_parks_take_their_own_unparks() {
    check(|| {
        let rig = Rig::new(1);
        let home = &rig.home;
        for park in 1..=2 {
            let waker = rig.publish(0);
            rig.park(0);
            let mut has_run = false;
            while !has_run {
                // As `find::next` while the worker has nothing else, then a way out and in.
                if let Some(task) = home.next() {
                    rig.resume(task);
                    has_run = true;
                } else {
                    home.put_back();
                    while !home.take_queued() {
                        thread::yield_now();
                    }
                }
            }
            assert_eq!(home.times_queued(0), park);
            waker.join().unwrap();
        }
        home.put_back();
        home.finish(|_| unreachable!("unparked a third time"));
        assert!(!home.cells[0].park.take_early());
    });
}

/// An unpark by the goroutine's own thread, before it looks or after: its commit must fail then.
#[test]
fn an_unpark_on_the_way_ends_the_park() {
    check(|| {
        let home = Home::held(1);
        let park = &home.cells[0].park;
        assert_eq!(park.notify(), Woken::Nothing);
        assert!(park.take_early());
        assert!(!park.take_early());
        assert_eq!(park.notify(), Woken::Nothing);
        assert!(!park.commit());
        park.take();
        assert!(!park.take_early());
    });
}
