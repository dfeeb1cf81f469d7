//! Protocol B: keeping the workers evenly loaded although started goroutines never move.
//!
//! Before a worker starts a fresh goroutine it compares how many goroutines are homed at it with the number at one other worker, picked at random
//! (the power of two choices: Mitzenmacher, 2001). If it holds clearly more, it hands the fresh one over (B1). A goroutine that was handed over counts
//! as the receiver's at once (B2): counted only when it starts, eight of them would all go to the same worker.

use crate::runtime::{
    prims::Ordering,
    sched::{
        events,
        roster::{WorkerShared, bump},
        worker::WorkerCore,
    },
    task::header::{COUNTED, HANDED, LOCAL, TaskRef},
};

/// How many more homed goroutines than the other a worker accepts: one, or an eighth of its own, so that a million of them are not
/// handed to and fro for small differences (guess; checked with pool_balance and parked_1m).
fn tolerance(own: usize) -> usize {
    1 + own / 8
}

impl WorkerCore {
    /// Whether a fresh task should be started elsewhere. Goroutines that run to their end are never homed, so short tasks get past the first test.
    #[inline]
    pub(crate) fn hands_over(&self, task: TaskRef) -> bool {
        let own = self.shared().remote.homed.load(Ordering::Relaxed);
        own > 1 && self.roster.config.workers > 1 && !task.has(LOCAL | HANDED) && task.is_fresh()
    }

    /// Hands a fresh task to another worker if that holds clearly fewer.
    pub(crate) fn gave_away(&self, task: TaskRef) -> bool {
        if task.has(LOCAL | HANDED) || !task.is_fresh() {
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
        other.remote.homed.fetch_add(1, Ordering::Relaxed);
        task.set(COUNTED | HANDED);
        bump(&self.shared().own.handed_over, 1);
        events::handed_over(self, task, other.index);
        // SAFETY: taken from a queue, so held by us.
        unsafe { other.deliver(task) };
        true
    }

    /// Another regular worker, at random.
    fn sample(&self) -> Option<&WorkerShared> {
        let regulars = self.roster.regulars();
        let own = self.shared().index;
        if own >= regulars.len() {
            return regulars.get(self.random() as usize % regulars.len());
        }
        let step = 1 + self.random() as usize % (regulars.len() - 1).max(1);
        regulars
            .get((own + step) % regulars.len())
            .filter(|w| w.index != own)
    }
}
