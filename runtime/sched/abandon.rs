//! Tasks that end without having run, at shutdown.

use crate::runtime::{
    prims::Ordering,
    sched::{home::held::Held, scheduler::Scheduler, unparker::Unparker},
    task::{cell::UnstartedPayload, extras, header::TaskRef, pool::Shared, state::Finished},
};

/// Ends a task that will not run any more; a suspended one is left as it is, its stack never
/// reused.
pub(crate) fn abandon(scheduler: &Scheduler, task: TaskRef) {
    if !task.is_fresh() {
        return;
    }
    // SAFETY: fresh and out of its queue, so ours.
    unsafe {
        task.abandon(Box::new(UnstartedPayload));
        extras::free(task);
    }
    scheduler.abandoned.fetch_add(1, Ordering::Release);
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

/// Ends the tasks that were to start in a home, under whose identity the caller runs.
pub(crate) fn abandon_in(scheduler: &Scheduler, held: Held) {
    held.take_arrivals();
    let handoff = held.handoff.take();
    if let Some(task) = handoff {
        abandon(scheduler, task);
    }
    while let Some(task) = held.woken.pop() {
        abandon(scheduler, task);
    }
}
