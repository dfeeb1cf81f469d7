//! No stack, or no home, to be had: fresh goroutines wait until there is one; if none ever can be,
//! the process ends with a clear text.

use crate::runtime::{
    contain::contain,
    os::{os_threads, stderr::say},
    plural,
    prims::Ordering,
    sched::{
        inspect::quiescence::{self, WakeSource},
        scheduler::Scheduler,
        worker::{data::Worker, submit},
    },
    stack::{SizeClass, StackError},
    task::header::{LOCAL_BIT, TaskRef},
};
use std::{io, time::Duration};

/// How long a runtime may have nothing to do but wait for stacks before it gives up (guess: long
/// against any sleep of a plain thread in a spawn loop).
const GIVE_UP_AFTER: Duration = Duration::from_secs(3);

/// Keeps a fresh goroutine that no stack could be had for.
#[cold]
pub(crate) fn keep_for_stack(worker: &Worker, task: TaskRef, error: &StackError) {
    if !worker
        .scheduler
        .told_out_of_stacks
        .swap(true, Ordering::Relaxed)
    {
        say(&format!(
            "gort: a goroutine cannot start yet, no stack for it: {error}\n\
             gort: it waits until another goroutine ends\n"
        ));
    }
    keep(worker, task);
    give_up_if_hopeless(worker, error);
}

/// Keeps a fresh goroutine until it is tried again.
#[cold]
pub(crate) fn keep(worker: &Worker, task: TaskRef) {
    worker.scheduler.stack_waiters.push(task);
}

/// Says once that a home could not be made.
#[cold]
pub(crate) fn tell_no_home(scheduler: &Scheduler, error: &io::Error) {
    if !scheduler.told_out_of_stacks.swap(true, Ordering::Relaxed) {
        contain(|| {
            tracing::warn!(
                target: "gort",
                %error,
                homes = scheduler.homes.count(),
                "no thread for one more home: goroutines share those that there are",
            );
        });
    }
}

/// Tries again to start a goroutine that waited, now that a stack may be free.
#[inline]
pub(crate) fn retry(worker: &Worker) {
    if !worker.scheduler.stack_waiters.is_empty() {
        retry_slow(worker);
    }
}

#[cold]
fn retry_slow(worker: &Worker) {
    let Some(task) = worker.scheduler.stack_waiters.pop() else {
        return;
    };
    // Something has happened: who looks for deadlocks leaves this one to us.
    worker.count_turn();
    let class = SizeClass::from_index(task.wait.stack_class());
    let taken = worker.stacks.borrow_mut().take(class);
    match taken {
        Ok(stack) => {
            worker.scheduler.stack_waiters.end_wait();
            worker.stacks.borrow_mut().give(stack);
            if task.has(LOCAL_BIT) {
                // SAFETY: kept here, so held by us.
                unsafe { submit::send_local(task) };
            } else {
                worker.fresh.push(task);
            }
        }
        Err(error) => keep_for_stack(worker, task, &error),
    }
}

fn give_up_if_hopeless(worker: &Worker, error: &StackError) {
    let scheduler = worker.scheduler;
    // Goroutines that run, or can, may end. Searching does not count: workers that wait for stacks
    // wake up and search now and then, and would keep each other waiting.
    let runs = scheduler.homes().any(|home| !home.current().is_null());
    let can_run = worker.has_homes() || scheduler.has_woken_home();
    if runs || can_run || scheduler.has_timers() || scheduler.blocking.pending() > 0 {
        scheduler.stack_waiters.end_wait();
        return;
    }
    let since = scheduler.stack_waiters.waits_since(scheduler.life_events());
    if since.elapsed() >= GIVE_UP_AFTER {
        give_up(scheduler, error);
        scheduler.stack_waiters.end_wait();
    }
}

/// Ends the process, unless somebody else in it may still release goroutines.
fn give_up(scheduler: &Scheduler, error: &StackError) {
    match quiescence::source_for(scheduler) {
        WakeSource::Unclear => {}
        WakeSource::None => {
            say(&format!(
                "fatal error: goroutines cannot start and none is left that could end: {error}\n\
                 {} alive\n",
                plural::count_with(scheduler.live(), "goroutine", ["is", "are"])
            ));
            std::process::exit(2);
        }
        WakeSource::Threads(threads)
            if !scheduler
                .told_long_out_of_stacks
                .swap(true, Ordering::Relaxed) =>
        {
            let names: Vec<_> = threads.iter().map(|&id| os_threads::name_of(id)).collect();
            say(&format!(
                "gort: goroutines cannot start and none runs that could end: {error}\n\
                 gort: {} for the other threads of the process ({}) to release one\n",
                plural::count_with(
                    scheduler.live(),
                    "goroutine",
                    ["is alive; it waits", "are alive; they wait"]
                ),
                names.join(", ")
            ));
        }
        WakeSource::Threads(_) => {}
    }
}
