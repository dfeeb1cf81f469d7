//! What a runtime's end means for its goroutines: those that have not started end without having
//! run; those that are suspended stay so, and what they wait for goes to others (E3).

use crate::runtime::{
    coroutine::Coroutine,
    on_abandon::Fate,
    prims::Ordering,
    sched::{home::held::Held, scheduler::Scheduler, unparker},
    task::{
        cell::UnstartedPayload,
        extras,
        header::{TaskHeader, TaskRef},
        pool::{self, SharedCells},
        state::Finished,
    },
};
use std::ptr::{self, NonNull};

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
    // Release: what its destructors did, for the Acquire in `Scheduler::live` of whoever waits for
    // the end of all.
    scheduler.abandoned.fetch_add(1, Ordering::Release);
    match task.life.finish() {
        Finished::LeftToHandle => {}
        Finished::Free => {
            // SAFETY: done, and the handle left output and cell to us.
            unsafe {
                task.drop_output();
                task.free(&SharedCells);
            }
        }
        // SAFETY: told so just now.
        Finished::WakeJoiner => unsafe { unparker::wake_joiner(task) },
    }
}

/// Ends the tasks that wait in the injector.
pub(crate) fn abandon_injected(scheduler: &Scheduler) {
    while let Some(task) = scheduler.take_one_injected() {
        abandon(scheduler, task);
    }
}

/// Ends the tasks that were to start in a home, under whose identity the caller runs.
pub(crate) fn abandon_in(scheduler: &Scheduler, held: Held) {
    let handoff = held.handoff.take();
    if let Some(task) = handoff {
        abandon(scheduler, task);
    }
    while let Some(task) = held.woken.pop() {
        abandon(scheduler, task);
    }
}

/// Has what the suspended goroutines of a home wait for, or have been given, go to others. The home
/// has ended, so none of them runs again.
pub(crate) fn pass_on_all(held: Held) {
    if held.home().live() == 0 {
        return;
    }
    let mut suspended: Vec<*mut TaskHeader> = Vec::new();
    pool::each_cell(|cell| {
        // The holder of a home may do this; the proof is at `View::of` in `inspect::reply` (D3),
        // which also says what this Acquire pairs with.
        let coroutine = cell.coroutine.load(Ordering::Acquire);
        let lives_here = held.is(cell.home.load(Ordering::Relaxed).cast_const().cast());
        if !coroutine.is_null() && lives_here {
            suspended.push(ptr::from_ref(cell).cast_mut());
        }
    });
    for cell in suspended {
        // SAFETY: a goroutine of this home that has been suspended and has not ended; it never
        // will, so the cell stays alive.
        if let Some(task) = unsafe { TaskRef::from_ptr(cell) } {
            let fate = match task.park.is_notified() {
                true => Fate::Woken,
                false => Fate::Suspended,
            };
            // SAFETY: its home has ended.
            unsafe { pass_on(task, fate) };
        }
    }
}

/// Has what a suspended goroutine waits for, or has been given, go to others.
///
/// # Safety
/// Its home has ended, and the caller holds the goroutine or its one unpark. Once for each fate.
pub(crate) unsafe fn pass_on(task: TaskRef, fate: Fate) {
    let coroutine = task.coroutine.load(Ordering::Relaxed).cast::<Coroutine>();
    if let Some(coroutine) = NonNull::new(coroutine)
        // SAFETY: a suspended goroutine's coroutine is alive, and this one does not run.
        && let Some(on_abandon) = unsafe { Coroutine::on_abandon(coroutine) }.get()
    {
        // SAFETY: it never runs again; the rest is passed on.
        unsafe { on_abandon.act(fate) };
    }
}
