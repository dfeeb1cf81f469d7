//! Protocol T against P. The danger: a park is ended by its deadline and by its unpark, and the
//! goroutine runs twice, takes the one for the other, or is touched by its timer when it has gone.

use crate::runtime::{models::check, sched::home::data::Home};
use loom::{
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

/// A goroutine in a timed park, and those who may end it.
struct Timed {
    home: Arc<Home>,
    /// The timer queue: the goroutine, while its timer is set.
    wheel: Mutex<Option<usize>>,
    /// The list in which wakers find the unparker: the goroutine, while it is linked.
    list: Mutex<Option<usize>>,
}

/// How the goroutine went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// Unparked, and the unpark consumed.
    Notified,
    /// The deadline passed, and nobody had claimed the unparker.
    TimedOut,
}

impl Timed {
    /// A worker is in the home, and its goroutine has published its unparker and set its timer.
    fn new() -> Arc<Self> {
        Arc::new(Self {
            home: Home::held(1),
            wheel: Mutex::new(Some(0)),
            list: Mutex::new(Some(0)),
        })
    }

    /// As `submit::fire_due`, by somebody who is not in the home.
    fn fire(&self) {
        let mut wheel = self.wheel.lock().unwrap();
        if let Some(task) = wheel.take() {
            self.home.time_out(task);
        }
    }

    /// The same by the worker that is in the home.
    fn fire_here(&self) {
        let mut wheel = self.wheel.lock().unwrap();
        if let Some(task) = wheel.take() {
            self.home.time_out_held(task);
        }
    }

    /// A waker: claims the unparker, and uses it. True: it had it.
    fn wake(&self) -> bool {
        let claimed = self.list.lock().unwrap().take();
        if let Some(task) = claimed {
            self.home.write_data(task);
            self.home.unpark(task);
        }
        claimed.is_some()
    }

    /// The worker, until the goroutine can run. It is in the home before and after.
    fn run_until_woken(&self) {
        while self.home.next().is_none() {
            self.home.put_back();
            while !self.home.take_queued() {
                thread::yield_now();
            }
        }
    }

    /// The goroutine from its suspend to its end: `park::park_task_until`, and what its caller owes
    /// a waker that was faster. `committed` is what its worker does first.
    fn park_until(&self, committed: impl FnOnce()) -> Ended {
        let park = &self.home.cells[0].park;
        assert!(park.commit());
        committed();
        self.run_until_woken();
        assert_eq!(self.home.times_queued(0), 1);
        // A statement of its own: the lock is released before the list of late ones is taken.
        let timer = self.wheel.lock().unwrap().take();
        if timer.is_none() {
            self.home.take_late();
        }
        let mut ended = Ended::Notified;
        if !park.take_timed() {
            assert!(timer.is_none(), "timed out, but the timer was set still");
            if self.list.lock().unwrap().take().is_some() {
                ended = Ended::TimedOut;
            } else {
                self.park_again();
            }
        }
        assert_eq!(self.home.times_queued(0), 1, "queued twice for one park");
        if ended == Ended::Notified {
            assert_eq!(self.home.cells[0].data.get(), 1);
        }
        self.home.end(0);
        ended
    }

    /// Consumes the unpark that a waker has claimed already.
    fn park_again(&self) {
        let park = &self.home.cells[0].park;
        if !park.take_early() {
            assert!(park.commit());
            self.run_until_woken();
            self.home.forget_queued(0);
            park.take();
        }
    }

    fn finish(&self) {
        self.home.put_back();
        self.home
            .finish(|_| unreachable!("nobody is parked any more"));
        assert!(!self.home.cells[0].park.take_early(), "unparked twice");
    }
}

fn beside<R: 'static>(
    timed: &Arc<Timed>,
    act: impl FnOnce(&Timed) -> R + Send + 'static,
) -> JoinHandle<R> {
    let timed = Arc::clone(timed);
    thread::spawn(move || act(&timed))
}

/// The timer fires anywhere, and a waker comes: the goroutine runs once for its park, knows which
/// of the two it was, and after its end nobody touches it.
#[test]
fn a_timer_and_an_unpark_end_a_park_once() {
    check(|| {
        let timed = Timed::new();
        let timer = beside(&timed, Timed::fire);
        let waker = beside(&timed, Timed::wake);
        let ended = timed.park_until(|| ());
        timer.join().unwrap();
        let had_it = waker.join().unwrap();
        assert_eq!(had_it, ended == Ended::Notified);
        timed.finish();
    });
}

/// Nobody wakes it: the timer must be seen, whoever holds the home when it fires.
#[test]
fn a_timer_that_fires_while_the_worker_leaves_is_not_lost() {
    check(|| {
        let timed = Timed::new();
        let timer = beside(&timed, Timed::fire);
        assert_eq!(timed.park_until(|| ()), Ended::TimedOut);
        timer.join().unwrap();
        timed.finish();
    });
}

/// The goroutine's own worker fires the timer, between the goroutine's commit and its next look.
#[test]
fn a_timer_at_home_and_an_unpark_end_a_park_once() {
    check(|| {
        let timed = Timed::new();
        let waker = beside(&timed, Timed::wake);
        let ended = timed.park_until(|| timed.fire_here());
        assert_eq!(waker.join().unwrap(), ended == Ended::Notified);
        timed.finish();
    });
}

/// Two timers of one home, fired by two threads: one of them pokes for both.
#[test]
fn two_late_timers_are_both_seen() {
    check(|| {
        let home = Home::with_parked(2);
        assert!(home.word.claim());
        let timers = [0, 1].map(|task| {
            let home = Arc::clone(&home);
            thread::spawn(move || home.time_out(task))
        });
        let end = |task: usize| assert!(!home.cells[task].park.take_timed());
        home.stay(end);
        home.turn(end);
        for timer in timers {
            timer.join().unwrap();
        }
        home.finish(end);
        assert_eq!((home.times_queued(0), home.times_queued(1)), (1, 1));
    });
}
