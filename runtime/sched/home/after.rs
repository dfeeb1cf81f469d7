//! What a coroutine leaves for the root to do.

use crate::runtime::stack::{SizeClass, StackError};
use std::ptr::NonNull;

/// What the root must do after a coroutine has come back to it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum After {
    /// The coroutine is finished: take its stack back (C4).
    Retire,
    /// Commit the park of the current goroutine (P1; C1).
    Park,
    /// Queue the current goroutine again, behind the others (C2).
    Yield,
    /// Run a call of the current goroutine on a bigger stack (C3).
    Grow(NonNull<GrownCall>),
}

/// A call for a bigger stack, on the caller's stack.
pub(crate) struct GrownCall {
    pub(crate) class: SizeClass,
    pub(crate) run: unsafe fn(*mut ()),
    pub(crate) arg: *mut (),
    /// Set if the stack could not be had; the call has not run then.
    pub(crate) failed: Option<StackError>,
}
