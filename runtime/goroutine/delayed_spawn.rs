//! Goroutines that start at a deadline: what `time::after_func` and the deadlines of contexts are
//! made of.
//!
//! One waits as a cell in a worker's wheel, without a stack, an id or a place among the live
//! goroutines. When its time has come it is spawned. So the code that a timer runs is always a
//! goroutine's, and may do what goroutines may.

use crate::runtime::{
    entry::default,
    goroutine::spawn::info_of,
    prims::{Ordering, fence},
    sched::{
        scheduler::Scheduler,
        timer::wheel::Key,
        worker::{current::worker, shared::WorkerShared},
    },
    task::{
        cell, extras,
        header::TaskRef,
        pool::{CellSource, SharedCells},
    },
};
use std::{panic::Location, time::Instant};

/// The right to call off a goroutine that waits for its time; dropping it lets the goroutine start.
#[derive(Debug)]
pub(crate) struct DelayedSpawn {
    worker: &'static WorkerShared,
    key: Key,
}

/// Starts a goroutine that runs `f` at `deadline`; at once if that has passed. Does not park.
///
/// It is one of the caller's runtime, or of the default one. If the worker that keeps the time is
/// in one goroutine for long, the monitor helps out.
#[track_caller]
pub(crate) fn spawn_delayed(deadline: Instant, f: impl FnOnce() + Send + 'static) -> DelayedSpawn {
    let site = Location::caller();
    // SAFETY: used up at once.
    match unsafe { worker() } {
        Some(worker) => {
            let task = new_task(worker.scheduler, &worker.cells, f, site);
            let worker = worker.shared;
            let key = worker.spawn_timers.add(deadline, task);
            DelayedSpawn { worker, key }
        }
        None => {
            let scheduler = default::scheduler();
            let task = new_task(scheduler, &SharedCells, f, site);
            let worker = scheduler.workers[pick(task) % scheduler.config.workers];
            let key = worker.spawn_timers.add(deadline, task);
            // SeqCst (T4): after the new due time, before the look at the sleep word; partner of
            // the fence before a sleeper's last look (S3).
            fence(Ordering::SeqCst);
            scheduler.wake(worker);
            DelayedSpawn { worker, key }
        }
    }
}

/// A number that spreads plain threads' timers over the workers: cells are handed out from all over
/// the pool.
fn pick(task: TaskRef) -> usize {
    task.as_ptr().addr() >> 7
}

fn new_task(
    scheduler: &Scheduler,
    cells: &impl CellSource,
    f: impl FnOnce() + Send + 'static,
    site: &'static Location<'static>,
) -> TaskRef {
    // Its id is given when it starts: so dumps do not count it among the goroutines.
    let info = info_of(0, site, scheduler.default_class, scheduler);
    let task = cell::new_task(cells, &info, f);
    // Nobody waits for its end.
    let _ = task.life.detach();
    task
}

impl DelayedSpawn {
    /// Calls it off; false if it has started, or is about to. Does not park.
    pub(crate) fn cancel(&self) -> bool {
        let task = self.worker.spawn_timers.take(self.key);
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
        match worker() {
            Some(worker) => task.free(&worker.cells),
            None => task.free(&SharedCells),
        }
    }
}

#[cfg(test)]
mod tests;
