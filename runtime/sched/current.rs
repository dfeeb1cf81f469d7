//! The one thread-local of the scheduler, behind accessors that are never inlined.
//!
//! Rule: what these return is used up before the next suspend. In migration mode a goroutine may go on on another thread, and a compiler may keep
//! the address of a thread-local across a call that it sees through; a call that it does not see through it must make again.

use crate::runtime::{sched::worker::WorkerCore, task::header::TaskRef};
use std::{cell::Cell, ptr};

thread_local! {
    static CORE: Cell<*const WorkerCore> = const { Cell::new(ptr::null()) };
    /// Depth of `forbid_yield` guards held outside goroutines.
    static THREAD_FORBID: Cell<u32> = const { Cell::new(0) };
}

/// Makes `core` the worker of this thread; null: none.
pub(crate) fn set_core(core: *const WorkerCore) {
    CORE.with(|c| c.set(core));
}

/// The worker of this thread.
///
/// # Safety
/// The reference is not used after the caller suspends, and not on another thread.
#[inline(never)]
pub(crate) unsafe fn core<'a>() -> Option<&'a WorkerCore> {
    let core = CORE.with(Cell::get);
    // SAFETY: set by the worker thread to its own core, which outlives everything that the thread runs.
    unsafe { core.as_ref() }
}

/// The goroutine that the caller is, and its worker.
///
/// # Safety
/// As for [`core`].
#[inline]
pub(crate) unsafe fn task<'a>() -> Option<(&'a WorkerCore, TaskRef)> {
    // SAFETY: passed on.
    let core = unsafe { core() }?;
    Some((core, core.current()?))
}

/// The depth of `forbid_yield` guards of this thread, outside goroutines.
#[inline(never)]
pub(crate) fn thread_forbid() -> u32 {
    THREAD_FORBID.with(Cell::get)
}

#[inline(never)]
pub(crate) fn set_thread_forbid(depth: u32) {
    THREAD_FORBID.with(|c| c.set(depth));
}
