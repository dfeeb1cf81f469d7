//! Tasks that end without having run, at shutdown.

use crate::runtime::{
    prims::Ordering,
    sched::{roster::Roster, unparker::Unparker},
    task::{extras, header::TaskRef, pool::Shared, state::Finished},
};

/// The output of goroutines that are dropped at shutdown.
const UNSTARTED: &str = "the goroutine was dropped before it started: its runtime shut down";

impl Roster {
    /// Ends a task that will not run any more; a suspended one is left as it is, its stack never reused.
    pub(crate) fn abandon(&self, task: TaskRef) {
        if !task.is_fresh() {
            return;
        }
        // SAFETY: fresh and out of its queue, so ours.
        unsafe {
            task.abandon(Box::new(String::from(UNSTARTED)));
            extras::free(task);
        }
        self.abandoned.fetch_add(1, Ordering::Release);
        match task.life.finish() {
            Finished::LeftToHandle => {}
            Finished::Free => {
                // SAFETY: done, and the handle left output and cell to us.
                unsafe {
                    task.drop_output();
                    task.free(&Shared);
                }
            }
            Finished::WakeJoiner => {
                let joiner = task.joiner.get();
                // SAFETY: the joiner waits for exactly this unpark.
                unsafe { Unparker::from_raw(joiner).unpark() };
            }
        }
    }
}
