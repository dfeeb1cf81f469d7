//! Protocol B: keeping the workers evenly loaded although started goroutines never move.
//!
//! Before a worker starts a fresh goroutine it compares how many goroutines are homed at it with the number at one other worker, picked at random
//! (the power of two choices: Mitzenmacher, 2001). If it holds clearly more, it hands fresh ones over, as many as even the two out. A goroutine that was
//! handed over counts as the receiver's at once: counted only when it starts, eight of them would all go to the same worker.
//!
//! Goroutines that were spawned in a row tend to talk to each other, and talk across workers costs ten times as much. So small differences are left
//! alone, and what is handed over goes in one piece, neighbours together.

use crate::runtime::{
    prims::Ordering,
    sched::{
        events,
        roster::{WorkerShared, bump},
        worker::WorkerCore,
    },
    task::header::{COUNTED, HANDED, LOCAL, TaskRef},
};

/// How many more homed goroutines than the other a worker accepts: a pair, its parent and one more stay together; and an eighth of its own, so that
/// large numbers are not handed to and fro for small differences (guesses; checked with pool_balance, ring_503 and parked_1m).
fn tolerance(own: usize) -> usize {
    3 + own / 8
}

/// Whether a task may still start on another worker.
fn is_free(task: TaskRef) -> bool {
    task.is_fresh() && !task.has(LOCAL | HANDED)
}

impl WorkerCore {
    /// Whether fresh tasks may have to be started elsewhere. Goroutines that run to their end are never homed, so short tasks get past this test.
    #[inline]
    pub(crate) fn may_hold_too_many(&self) -> bool {
        self.shared().remote.homed.load(Ordering::Relaxed) > tolerance(0)
            && self.roster.config.workers > 1
    }

    /// Hands a fresh task, and some of those queued behind it, to another worker if that holds clearly fewer. False: start it here.
    #[cold]
    pub(crate) fn gave_away(&self, task: TaskRef) -> bool {
        if !is_free(task) {
            return false;
        }
        let own = self.shared().remote.homed.load(Ordering::Relaxed);
        let Some(other) = self.sample() else {
            return false;
        };
        let theirs = other.remote.homed.load(Ordering::Relaxed);
        if theirs + tolerance(own) >= own {
            return false;
        }
        self.hand_over(task, other);
        // The rest of what evens them out, as far as it is there. Neither queue's order matters: fresh ones have none.
        for _ in 1..(own - theirs).div_ceil(2).min(self.fresh.len() / 2) {
            match self.fresh.pop() {
                Some(next) if is_free(next) => self.hand_over(next, other),
                Some(next) => {
                    self.woken.push(next);
                    break;
                }
                None => break,
            }
        }
        other.wake();
        true
    }

    fn hand_over(&self, task: TaskRef, to: &WorkerShared) {
        to.remote.homed.fetch_add(1, Ordering::Relaxed);
        task.set(COUNTED | HANDED);
        bump(&self.shared().own.handed_over, 1);
        events::handed_over(self, task, to.index);
        // SAFETY: taken from a queue, so held by us.
        unsafe { to.leave(task) };
    }

    /// Another regular worker, at random.
    fn sample(&self) -> Option<&WorkerShared> {
        let regulars = self.roster.regulars();
        let own = self.shared().index;
        if own >= regulars.len() {
            return regulars.get(self.random() as usize % regulars.len());
        }
        let others = regulars.len().checked_sub(1).filter(|n| *n > 0)?;
        let step = 1 + self.random() as usize % others;
        regulars.get((own + step) % regulars.len())
    }
}
