//! How goroutines get into queues: fresh ones from spawns, suspended ones from wake-ups.

use crate::runtime::{
    prims::Ordering,
    sched::{
        current, events,
        roster::{Roster, WorkerShared, bump},
        worker::WorkerCore,
    },
    task::{
        header::{LOCAL, PINNED, TaskRef},
        state::Woken,
    },
};
use std::time::Instant;

impl WorkerCore {
    /// Queues a task that was spawned on this worker.
    #[inline]
    pub(crate) fn submit(&self, task: TaskRef) {
        bump(&self.shared().own.spawned, 1);
        if task.has(LOCAL) {
            task.home.store(self.as_home(), Ordering::Relaxed);
            self.woken.push(task);
            return;
        }
        self.fresh.push(task);
        // The newest one is the owner's: most often its parent will wait for it in a moment. No fence before this hint: this worker is awake, so
        // the task is not lost if the hint is stale, only less parallel until the next spawn, steal or monitor round.
        if self.roster.idle.could_wake() && self.fresh.len() > 1 {
            self.roster.wake_one();
        }
    }

    /// Spawns those whose time has come.
    pub(crate) fn submit_later_ones(&self, now: Instant) {
        for task in self.shared().starts.fired(now) {
            task.id.store(self.take_id(), Ordering::Relaxed);
            events::spawned(task);
            self.submit(task);
        }
    }

    /// Whether a suspended task may resume on another worker.
    #[inline]
    pub(crate) fn may_move(&self, task: TaskRef) -> bool {
        self.roster.config.migrate && !task.has(LOCAL | PINNED)
    }

    /// Queues a suspended task that was woken on this worker and whose home this is, or that may move.
    #[inline]
    pub(crate) fn make_ready(&self, task: TaskRef) {
        if self.may_move(task) {
            self.moving.push(task);
            self.offer_moving();
        } else {
            self.woken.push(task);
        }
    }

    /// Wakes somebody for the woken goroutines that may move, if this worker has more than it runs next.
    pub(crate) fn offer_moving(&self) {
        if self.roster.idle.could_wake() && self.moving.len() > 1 {
            self.roster.wake_one();
        }
    }
}

impl WorkerCore {
    /// The one unpark of a goroutine whose home this worker is.
    #[inline]
    pub(crate) fn notify_home(&self, task: TaskRef) {
        if task.park.notify_home() == Woken::Enqueue {
            self.woken.push(task);
        }
    }
}

/// The one unpark of a goroutine's park; from any thread (protocol P).
///
/// # Safety
/// As `Unparker::unpark`.
#[inline]
pub(crate) unsafe fn unpark(task: TaskRef) {
    if task.park.is_movable() {
        if task.park.notify() == Woken::Enqueue {
            // SAFETY: so said the park word.
            unsafe { enqueue(task) };
        }
        return;
    }
    let home = task.home.load(Ordering::Relaxed);
    // SAFETY: used up below, with no suspend.
    match unsafe { current::core() } {
        Some(core) if core.is_home(home) => core.notify_home(task),
        // SAFETY: the home of a started task is a worker, whose roster is alive or leaked while the task is not finished. Arriving there is the unpark:
        // it is the one use of the task's link, as long as that has not arrived.
        _ => unsafe { (*home.cast::<WorkerShared>()).deliver(task) },
    }
}

/// Queues a suspended movable task whose park has just ended; from any thread.
///
/// # Safety
/// `ParkWord` said `Enqueue` to the caller, who so holds the task.
unsafe fn enqueue(task: TaskRef) {
    let home = task.home.load(Ordering::Relaxed);
    // SAFETY: used up below, with no suspend.
    if let Some(core) = unsafe { current::core() } {
        // SAFETY: the home of a started task is a worker, whose roster is alive or leaked while it is not finished.
        let same_roster = unsafe { &*home.cast::<WorkerShared>() }.is_of(&core.roster);
        if core.is_home(home) || (same_roster && core.may_move(task)) {
            core.make_ready(task);
            return;
        }
    }
    // SAFETY: as above.
    let home = unsafe { &*home.cast::<WorkerShared>() };
    if home.roster().config.migrate && !task.has(LOCAL | PINNED) {
        home.roster().inject(task);
    } else {
        // SAFETY: held.
        unsafe { home.deliver(task) };
    }
}

impl Roster {
    /// Queues a task that was spawned by a thread that is no worker of this runtime.
    pub(crate) fn submit_outside(&self, task: TaskRef) {
        self.spawned_outside.fetch_add(1, Ordering::Relaxed);
        self.inject(task);
    }
}
