//! Protocol N. The danger: a worker on its way into the poller is woken on its sleep word, on which
//! it does not sleep; or two believe that they are in the poller.
//!
//! The poller is a flag under a lock, and so is the futex: each with loom's own condition variable.
//! A wake-up that goes to the wrong one leaves its worker asleep, which loom reports as a deadlock.

use crate::runtime::{
    models::check,
    sched::{
        idle::{
            counts::IdleCounts,
            sleep_word::{SleepWord, Sleeper},
        },
        poller::lookout::Lookout,
    },
};
use loom::{
    sync::{Arc, Condvar, Mutex},
    thread::{self, JoinHandle},
};

/// What `sched/poller/shared.rs` has, and the workers.
struct All {
    lookout: Lookout,
    idle: IdleCounts,
    words: Vec<SleepWord>,
    /// Whether the poller has been nudged, and who waits for that.
    nudged: (Mutex<bool>, Condvar),
    /// Who sleeps on a word.
    futex: (Mutex<()>, Condvar),
}

impl All {
    fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            lookout: Lookout::new(),
            idle: IdleCounts::new(workers),
            words: (0..workers).map(|_| SleepWord::new()).collect(),
            nudged: (Mutex::new(false), Condvar::new()),
            futex: (Mutex::new(()), Condvar::new()),
        })
    }

    /// As `idle/sleep.rs`, until woken.
    fn sleep(&self, i: usize) {
        let word = &self.words[i];
        self.idle.announce(word, Sleeper::Counted);
        while word.is_asleep() {
            self.wait_once(i);
        }
        let _awoken = self.idle.get_up(word);
    }

    fn wait_once(&self, i: usize) {
        let word = &self.words[i];
        if self.lookout.stand(i + 1) {
            if word.is_asleep() {
                let mut nudged = self.nudged.0.lock().unwrap();
                while !*nudged {
                    nudged = self.nudged.1.wait(nudged).unwrap();
                }
                // An edge is told once.
                *nudged = false;
            }
            self.lookout.stand_down();
            return;
        }
        let held = self.futex.0.lock().unwrap();
        if word.is_asleep() {
            drop(self.futex.1.wait(held).unwrap());
        }
    }

    /// As `Scheduler::wake`, again and again: a worker that does not sleep yet has not been woken.
    fn wake(&self, i: usize) {
        let word = &self.words[i];
        loop {
            match word.wake_to_work() {
                Some(Sleeper::Counted) => self.idle.remove_sleeper(),
                Some(Sleeper::Uncounted) => {}
                None => {
                    thread::yield_now();
                    continue;
                }
            }
            break;
        }
        self.rouse(i);
    }

    fn rouse(&self, i: usize) {
        if self.lookout.is_at(i + 1) {
            *self.nudged.0.lock().unwrap() = true;
            self.nudged.1.notify_one();
        } else {
            let _held = self.futex.0.lock().unwrap();
            self.futex.1.notify_all();
        }
    }
}

fn beside(all: &Arc<All>, act: impl FnOnce(&All) + Send + 'static) -> JoinHandle<()> {
    let all = Arc::clone(all);
    thread::spawn(move || act(&all))
}

#[test]
fn a_worker_on_its_way_into_the_poller_is_woken() {
    check(|| {
        let all = All::new(1);
        let worker = beside(&all, |all| all.sleep(0));
        all.wake(0);
        worker.join().unwrap();
        assert_eq!(all.idle.sleeping(), 0);
    });
}

#[test]
fn one_in_the_poller_and_one_on_its_word_are_woken() {
    check(|| {
        let all = All::new(2);
        let workers = [0, 1].map(|i| beside(&all, move |all| all.sleep(i)));
        all.wake(0);
        all.wake(1);
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(all.idle.sleeping(), 0);
        assert!(!all.lookout.is_taken());
    });
}
