//! From events to goroutines that run again.

use crate::runtime::{
    os_poller::Limit,
    sched::{
        home::held::Held,
        poller::{
            cell::{self, Direction, SourceCell},
            shared::{self, Found},
        },
        scheduler::Scheduler,
        unparker::Unparker,
        worker::data::Worker,
    },
};

/// Looks without waiting, and wakes whom it finds. True: it has woken somebody. `here` is the home
/// that the worker is in.
pub(crate) fn poll(worker: &Worker, here: Option<Held>) -> bool {
    {
        let mut found = worker.found.borrow_mut();
        shared::look(&mut found, Limit::Now);
    }
    wake_found(worker, here)
}

/// Wakes those that a look has shown. True: there was somebody.
pub(crate) fn wake_found(worker: &Worker, here: Option<Held>) -> bool {
    let mut found = worker.found.borrow_mut();
    if !found.is_any() {
        return false;
    }
    let mut waiters = worker.waiters.take();
    for (cell, direction) in found.ready.drain(..) {
        cell.take_waiters(direction, &mut waiters);
    }
    drop(found);
    for raw in waiters.drain(..) {
        // SAFETY: from `into_raw`; taken out of its list, so unparked once, here. The worker and
        // the home are the caller's.
        let _ended = unsafe { Unparker::from_raw(raw).deliver_by(worker, here) };
    }
    worker.waiters.replace(waiters);
    // The worker runs the first one next, unless it is in a home.
    let is_more = worker.runnable.waiting() > usize::from(here.is_none());
    if is_more && worker.scheduler.idle.could_wake() {
        worker.scheduler.wake_one();
    }
    true
}

/// As [`poll`], by a thread that is no worker.
pub(crate) fn poll_outside(found: &mut Found) {
    shared::look(found, Limit::Now);
    for (cell, direction) in found.ready.drain(..) {
        wake_all(cell, direction);
    }
}

/// Wakes all who wait, so that they look again.
pub(crate) fn wake_all(cell: &SourceCell, direction: Direction) {
    let mut waiters = Vec::new();
    cell.take_waiters(direction, &mut waiters);
    for raw in waiters {
        // SAFETY: as in `wake_found`.
        unsafe { Unparker::from_raw(raw).unpark() };
    }
}

/// Whether anybody waits for a descriptor who can still be woken, in any runtime or none.
pub(crate) fn has_waiters() -> bool {
    // SAFETY: from `into_raw`; who is in a list has not been unparked.
    let is_alive = |raw| unsafe { !Unparker::from_raw(raw).is_abandoned() };
    shared::is_open() && cell::has_waiter(is_alive)
}

/// Whether a goroutine of this runtime waits for a descriptor.
pub(crate) fn has_waiters_of(scheduler: &Scheduler) -> bool {
    // SAFETY: as above.
    let is_of = |raw| unsafe { Unparker::from_raw(raw).is_of(scheduler) };
    shared::is_open() && cell::has_waiter(is_of)
}
