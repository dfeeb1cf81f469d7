//! Tracing events, one line each for the callers; a load and a compare when nobody listens.
//!
//! Subscribers run on the root or on a goroutine's stack and may do what they like there. One that
//! panics does not unwind into the scheduler: what it unwinds with is dropped here.

use crate::runtime::{
    contain::contain,
    sched::{home::held::Held, worker::data::Worker},
    task::header::TaskRef,
};
use tracing::{Level, level_enabled};

#[inline]
pub(crate) fn spawned(task: TaskRef) {
    if level_enabled!(Level::TRACE) {
        spawned_slow(task);
    }
}

#[cold]
#[inline(never)]
fn spawned_slow(task: TaskRef) {
    contain(|| {
        let site = task.site().map(tracing::field::display);
        tracing::trace!(target: "gort", goroutine = task.id(), site, "spawn");
    });
}

#[inline]
pub(crate) fn parked(here: Held, task: TaskRef, reason: &'static str) {
    if level_enabled!(Level::TRACE) {
        parked_slow(here, task, reason);
    }
}

#[cold]
#[inline(never)]
fn parked_slow(here: Held, task: TaskRef, reason: &'static str) {
    let home = here.home().index;
    aside(here, task, || {
        tracing::trace!(target: "gort", goroutine = task.id(), home, reason, "park");
    });
}

/// Runs a subscriber, or a waker, while this goroutine may be on its way to a park.
///
/// The goroutine's unparker may be published already: code that parked as this goroutine would
/// take that park's one unpark, and use the link of its cell twice. So meanwhile the thread runs
/// no goroutine, and what parks blocks the thread.
pub(crate) fn aside(here: Held, task: TaskRef, call: impl FnOnce()) {
    here.set_task(None);
    contain(call);
    here.set_task(Some(task));
}

#[inline]
pub(crate) fn stole(worker: &Worker, victim: usize) {
    if level_enabled!(Level::DEBUG) {
        stole_slow(worker, victim);
    }
}

#[cold]
#[inline(never)]
fn stole_slow(worker: &Worker, victim: usize) {
    let worker = worker.shared.index;
    contain(|| tracing::debug!(target: "gort", worker, victim, "steal"));
}

#[inline]
pub(crate) fn handed_over(worker: &Worker, task: TaskRef, to: usize) {
    if level_enabled!(Level::TRACE) {
        handed_over_slow(worker, task, to);
    }
}

#[cold]
#[inline(never)]
fn handed_over_slow(worker: &Worker, task: TaskRef, to: usize) {
    let worker = worker.shared.index;
    contain(|| {
        tracing::trace!(target: "gort", goroutine = task.id(), worker, to, "hand over");
    });
}

#[cold]
pub(crate) fn panicked(worker: &Worker, task: TaskRef) {
    let worker = worker.shared.index;
    contain(|| {
        let site = task.site().map(tracing::field::display);
        tracing::debug!(target: "gort", goroutine = task.id(), worker, site, "panic");
    });
}
