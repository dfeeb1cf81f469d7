//! Goroutines that start at a deadline: what `time::after_func` and the deadlines of contexts are made of.
//!
//! One waits as a cell in a worker's wheel, without a stack, an id or a place among the live goroutines. When its time has come it is spawned. So the code
//! that a timer runs is always a goroutine's, and may do what goroutines may.

use crate::runtime::{
    default,
    prims::{Ordering, fence},
    sched::{
        current,
        roster::{Roster, WorkerShared},
        timers::Key,
    },
    task::{
        cell, extras,
        header::{Birth, TaskRef},
        pool::{CellSource, Shared},
    },
};
use std::{panic::Location, ptr::NonNull, time::Instant};

/// The right to call off a goroutine that waits for its time; dropping it lets the goroutine start.
#[derive(Debug)]
pub(crate) struct Later {
    worker: NonNull<WorkerShared>,
    key: Key,
}

// SAFETY: the worker is part of a roster, which is never freed and is shared by all threads.
unsafe impl Send for Later {}
// SAFETY: as above.
unsafe impl Sync for Later {}

/// Starts a goroutine that runs `f` at `deadline`; at once if that has passed. Does not park.
///
/// It is one of the caller's runtime, or of the default one. If the worker that keeps the time is in one goroutine for long, the monitor helps out.
#[track_caller]
pub(crate) fn spawn_later(deadline: Instant, f: impl FnOnce() + Send + 'static) -> Later {
    let site = Location::caller();
    // SAFETY: used up at once.
    match unsafe { current::core() } {
        Some(core) => {
            let task = new_task(&core.roster, &core.cells, f, site);
            let worker = core.shared();
            let key = worker.starts.add(deadline, task);
            let worker = NonNull::from(worker);
            Later { worker, key }
        }
        None => {
            let roster = default::roster();
            let task = new_task(roster, &Shared, f, site);
            let worker = &roster.regulars()[pick(task) % roster.config.workers];
            let key = worker.starts.add(deadline, task);
            // SeqCst (T4): after the new due time, before the look at the sleep word; partner of the fence before a sleeper's last look (S3).
            fence(Ordering::SeqCst);
            worker.wake();
            let worker = NonNull::from(worker);
            Later { worker, key }
        }
    }
}

/// A number that spreads plain threads' timers over the workers: cells are handed out from all over the pool.
fn pick(task: TaskRef) -> usize {
    task.as_ptr().addr() >> 7
}

fn new_task(
    roster: &Roster,
    cells: &impl CellSource,
    f: impl FnOnce() + Send + 'static,
    site: &'static Location<'static>,
) -> TaskRef {
    let birth = Birth {
        // Given when it starts: so dumps do not count it among the goroutines.
        id: 0,
        site,
        stack_class: roster.default_class.index() as u8,
        flags: 0,
        runtime: roster.address(),
        movable: roster.config.migrate,
    };
    let task = cell::new_task(cells, &birth, f);
    // Nobody waits for its end.
    let _ = task.life.detach();
    task
}

impl Later {
    /// Calls it off; false if it has started, or is about to. Does not park.
    pub(crate) fn cancel(&self) -> bool {
        // SAFETY: part of a roster, which is never freed.
        let task = unsafe { self.worker.as_ref() }.starts.take(self.key);
        let Some(task) = task else {
            return false;
        };
        // SAFETY: fresh, detached, and out of the wheel, so ours alone.
        unsafe { discard(task) };
        true
    }
}

/// Drops a task that has never been among the live ones.
///
/// # Safety
/// The caller holds the task, which is fresh and detached.
unsafe fn discard(task: TaskRef) {
    // SAFETY: passed on. No output is taken out of it.
    unsafe {
        task.abandon(Box::new(()));
        task.drop_output();
        extras::free(task);
        match current::core() {
            Some(core) => task.free(&core.cells),
            None => task.free(&Shared),
        }
    }
}

#[cfg(test)]
mod tests;
