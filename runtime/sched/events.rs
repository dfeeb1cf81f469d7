//! Tracing events, one line each for the callers; a load and a compare when nobody listens.
//!
//! Subscribers run on the root or on a goroutine's stack and may do what they like there, short of unwinding out of the scheduler.

use crate::runtime::{sched::worker::WorkerCore, task::header::TaskRef};
use std::panic::{self, AssertUnwindSafe};
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
    let site = task.site().map(tracing::field::display);
    tracing::trace!(target: "gort", goroutine = task.id(), site, "spawn");
}

#[inline]
pub(crate) fn parked(core: &WorkerCore, task: TaskRef, reason: &'static str) {
    if level_enabled!(Level::TRACE) {
        parked_slow(core, task, reason);
    }
}

#[cold]
#[inline(never)]
fn parked_slow(core: &WorkerCore, task: TaskRef, reason: &'static str) {
    // The goroutine's unparker is published already: a subscriber that parked as this goroutine would take that park's one unpark, and use the link of its
    // cell twice. So meanwhile the thread runs no goroutine, and a subscriber that parks blocks the thread.
    core.set_current(None);
    let shown = AssertUnwindSafe(|| {
        tracing::trace!(target: "gort", goroutine = task.id(), worker = core.shared().index, reason, "park");
    });
    let unwound = panic::catch_unwind(shown);
    core.set_current(Some(task));
    // Nor may it unwind out of a park.
    if let Err(payload) = unwound {
        std::mem::forget(payload);
    }
}

#[inline]
pub(crate) fn stole(core: &WorkerCore, victim: usize) {
    if level_enabled!(Level::DEBUG) {
        stole_slow(core, victim);
    }
}

#[cold]
#[inline(never)]
fn stole_slow(core: &WorkerCore, victim: usize) {
    tracing::debug!(target: "gort", worker = core.shared().index, victim, "steal");
}

#[inline]
pub(crate) fn handed_over(core: &WorkerCore, task: TaskRef, to: usize) {
    if level_enabled!(Level::TRACE) {
        handed_over_slow(core, task, to);
    }
}

#[cold]
#[inline(never)]
fn handed_over_slow(core: &WorkerCore, task: TaskRef, to: usize) {
    tracing::trace!(target: "gort", goroutine = task.id(), worker = core.shared().index, to, "hand over");
}

#[cold]
pub(crate) fn panicked(core: &WorkerCore, task: TaskRef) {
    let site = task.site().map(tracing::field::display);
    tracing::debug!(target: "gort", goroutine = task.id(), worker = core.shared().index, site, "panic");
}
