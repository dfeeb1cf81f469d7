//! How goroutines get into queues: fresh ones from spawns, suspended ones from wake-ups and timers;
//! and homes with them.

use crate::runtime::{
    clock,
    prims::Ordering,
    sched::{
        events,
        home::{
            current,
            data::{Home, Lent},
            held::Held,
            word::Told,
        },
        queue::runnable::Put,
        scheduler::Scheduler,
        worker::{
            current::worker,
            data::Worker,
            shared::{WorkerShared, bump},
        },
    },
    task::header::{LOCAL_BIT, TaskRef},
};
use std::{
    ptr::{self, NonNull},
    time::Instant,
};

/// Queues a task that was spawned in `home`, which this worker is in.
#[inline]
pub(crate) fn submit(worker: &Worker, home: Held, task: TaskRef) {
    bump(&worker.shared.own.spawned, 1);
    // A closure that is not `Send` must start in this home, so no queue that others steal from.
    if task.has(LOCAL_BIT) {
        let at = ptr::from_ref(home.home()).cast_mut().cast();
        task.home.store(at, Ordering::Relaxed);
        home.woken.push(task);
        return;
    }
    push_fresh(worker, task);
}

/// Queues a fresh task on this worker, for itself or a thief.
#[inline]
fn push_fresh(worker: &Worker, task: TaskRef) {
    worker.fresh.push(task);
    // The newest one is the owner's: most often its parent will wait for it in a moment. No fence
    // before this hint: this worker is awake, so the task is not lost if the hint is stale, only
    // less parallel until the next spawn, steal or round of the monitor.
    if worker.scheduler.idle.could_wake() && worker.fresh.len() > 1 {
        worker.scheduler.wake_one();
    }
}

/// Queues a task that was spawned by a thread that is no worker of this runtime.
pub(crate) fn submit_outside(scheduler: &Scheduler, task: TaskRef) {
    scheduler.spawned_outside.fetch_add(1, Ordering::Relaxed);
    scheduler.inject(task);
}

/// Whether a task has come to its home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Delivery {
    /// It has come, or will without the caller.
    Done,
    /// Its home has ended: the task is the caller's still.
    HomeEnded,
}

/// The one unpark of a goroutine's park; from any thread (protocol P).
///
/// # Safety
/// As `Unparker::unpark`.
#[inline]
pub(crate) unsafe fn unpark(task: TaskRef) -> Delivery {
    let home = home_of(task);
    match current::home() {
        // The caller holds the goroutine's home, so it needs no inbox and no atomic step.
        Some(here) if here.is(home) => {
            here.unpark(task);
            Delivery::Done
        }
        // SAFETY: used up in the call, with no suspend. The rest is passed on.
        _ => unsafe { unpark_in(worker(), home, task) },
    }
}

/// As [`unpark`], for one of many that a worker wakes at a time, which may be in no home: `here` is
/// the one that it is in. The caller sees to it that others come for what it has then.
///
/// # Safety
/// As `Unparker::unpark`. The worker is the calling thread's.
pub(crate) unsafe fn unpark_by(worker: &Worker, here: Option<Held>, task: TaskRef) -> Delivery {
    let home = home_of(task);
    match here {
        Some(here) if here.is(home) => {
            here.unpark(task);
            Delivery::Done
        }
        _ if home.claim() => {
            // SAFETY: claimed.
            unsafe { Held::new(home) }.unpark(task);
            schedule_later(worker, home);
            Delivery::Done
        }
        // SAFETY: passed on: until the arrival is taken out, the link is the inbox's.
        _ => match unsafe { home.shared.word.push(NonNull::new_unchecked(task.as_ptr())) } {
            Told::Holder => {
                schedule_later(worker, home);
                Delivery::Done
            }
            Told::Nothing => Delivery::Done,
            Told::Ended => Delivery::HomeEnded,
        },
    }
}

/// Queues a home that the caller holds behind those that it has, and wakes nobody.
fn schedule_later(worker: &Worker, home: &'static Home) {
    if home.lent == Lent::ToAll && is_of(home, worker.scheduler) {
        worker.runnable.push_back(home);
    } else {
        Scheduler::of(home).inject_home(home);
    }
}

/// The home of a task that has one: it has started, or is `LOCAL_BIT`.
#[inline]
pub(crate) fn home_of(task: TaskRef) -> &'static Home {
    // SAFETY: such a task's home was stored when it started, or was spawned; homes are never freed.
    unsafe { &*task.home.load(Ordering::Relaxed).cast::<Home>() }
}

/// Unparks a goroutine of a home that the caller is not in. `worker` is the caller's.
///
/// # Safety
/// As `Unparker::unpark`.
#[inline]
unsafe fn unpark_in(worker: Option<&Worker>, home: &'static Home, task: TaskRef) -> Delivery {
    // Nobody is in the home: the waker holds it for a moment and wakes the goroutine in there,
    // which needs no inbox.
    if home.claim() {
        // SAFETY: claimed.
        let held = unsafe { Held::new(home) };
        held.unpark(task);
        schedule(worker, home);
        Delivery::Done
    } else {
        // SAFETY: passed on: until the arrival is taken out, the link is the inbox's.
        unsafe { send(worker, home, task) }
    }
}

/// Sends a task to a home: one that is to be woken there, or a fresh one that is to start there.
///
/// # Safety
/// The caller holds the task, or its one unpark, and gives it up, unless the home has ended.
pub(crate) unsafe fn send(worker: Option<&Worker>, home: &'static Home, task: TaskRef) -> Delivery {
    // SAFETY: passed on; never null.
    match unsafe { home.shared.word.push(NonNull::new_unchecked(task.as_ptr())) } {
        Told::Holder => schedule(worker, home),
        Told::Nothing => {}
        Told::Ended => return Delivery::HomeEnded,
    }
    Delivery::Done
}

/// Sends a task that is not `Send` and has not started to its home, whose owner drops it if the
/// runtime ends.
///
/// # Safety
/// The caller holds the task, and gives it up.
pub(crate) unsafe fn send_local(task: TaskRef) {
    let home = home_of(task);
    home.count_incoming();
    // SAFETY: passed on. If the home has ended, the thread that may drop it is about to end, or has
    // ended: it is leaked.
    if unsafe { send(None, home, task) } == Delivery::HomeEnded {
        home.uncount_incoming();
    }
}

/// Sends a fresh task to a home that it may start in.
///
/// # Safety
/// The caller holds the task, and gives it up.
pub(crate) unsafe fn send_fresh(worker: &Worker, home: &'static Home, task: TaskRef) {
    home.count_incoming();
    // SAFETY: passed on.
    if unsafe { send(Some(worker), home, task) } == Delivery::HomeEnded {
        home.uncount_incoming();
        // The runtime ends: this worker drops what it has when it leaves its loop.
        worker.fresh.push(task);
    }
}

/// Tells whoever holds `home`, or will, to look at what is not in its inbox.
pub(crate) fn poke(worker: Option<&Worker>, home: &'static Home) {
    if home.shared.word.poke() == Told::Holder {
        schedule(worker, home);
    }
}

/// Queues a home that the caller holds; `worker` is the caller's.
#[inline]
pub(crate) fn schedule(worker: Option<&Worker>, home: &'static Home) {
    match worker {
        // It may run on the caller's own worker, where what it needs is in the cache.
        Some(worker) if home.lent == Lent::ToAll && is_of(home, worker.scheduler) => {
            put_next(worker, home);
        }
        // A plain thread, a worker of another runtime, or a home of one other worker only.
        _ => Scheduler::of(home).inject_home(home),
    }
}

#[inline]
fn is_of(home: &Home, scheduler: &Scheduler) -> bool {
    ptr::eq(home.scheduler, scheduler.address())
}

/// Makes a home that was woken by this worker the one that it runs next.
#[inline]
fn put_next(worker: &Worker, home: &'static Home) {
    let scheduler = worker.scheduler;
    match worker.runnable.put(&worker.shared.runnable, home) {
        // What was in the slot before waits for anyone now. No fence, as in `push_fresh`.
        Put::Queue => {
            if scheduler.idle.could_wake() {
                scheduler.wake_one();
            }
        }
        // Most often this worker runs it in a moment: waking another for it would cost more. If
        // this one goes on with something else, the sentry sees it.
        Put::Slot => {
            bump(&worker.shared.own.fills, 1);
            if !scheduler.has_sentry.load(Ordering::Relaxed) && scheduler.idle.could_wake() {
                scheduler.wake_one();
            }
        }
    }
}

/// Fires the timers of `whose` whose time has come, if any. By the worker that the queues belong
/// to, or by another that finds them late; `here` is the home that the caller is in.
#[inline]
pub(crate) fn fire_timers(worker: &Worker, here: Option<Held>, whose: &WorkerShared) {
    if let Some(due) = whose.timers_due() {
        fire_due(worker, here, whose, due);
    }
}

fn fire_due(worker: &Worker, here: Option<Held>, whose: &WorkerShared, due: Instant) {
    let now = clock::now();
    if now < due {
        return;
    }
    whose
        .park_timers
        .fire(now, |task| time_out(Some(worker), here, task));
    for task in whose.spawn_timers.fired(now) {
        task.id.store(worker.ids.take(), Ordering::Relaxed);
        events::spawned(task);
        bump(&worker.shared.own.spawned, 1);
        push_fresh(worker, task);
    }
}

/// Ends a park whose deadline has passed (T2). Under the lock of the timer queue.
pub(crate) fn time_out(worker: Option<&Worker>, here: Option<Held>, task: TaskRef) {
    let home = home_of(task);
    if let Some(here) = here
        && here.is(home)
    {
        // The caller holds the home.
        here.time_out(task);
    } else if home.claim() {
        // Nobody did, so the caller holds it now, and queues it.
        // SAFETY: claimed.
        unsafe { Held::new(home) }.time_out(task);
        schedule(worker, home);
    } else if home.add_late(task) {
        // Somebody else holds it, and is to look at the list of late ones: this is the first.
        poke(worker, home);
    }
}
