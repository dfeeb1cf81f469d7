//! A stack and a context: something that can be resumed and suspended.
//!
//! A [`Carrier`] lives at the top of its own stack and is made anew for each use of it; making one is a handful of stores. The scheduler runs
//! fresh goroutines one after another on one carrier; a goroutine that parks keeps the carrier it is on.

use crate::runtime::{
    stack::Stack,
    switch::{Context, Entry, StackBounds},
};
use std::{mem::ManuallyDrop, ptr::NonNull};

/// A stack in use.
#[repr(C, align(16))]
pub(crate) struct Carrier {
    context: Context,
    stack: ManuallyDrop<Stack>,
    /// The carrier that goes on when this one is done; for `on_big_stack`.
    outer: Option<NonNull<Carrier>>,
}

impl std::fmt::Debug for Carrier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Carrier").finish_non_exhaustive()
    }
}

impl Carrier {
    /// Makes a carrier on `stack` that will run `entry(arg)`.
    pub(crate) fn place(
        stack: Stack,
        outer: Option<NonNull<Carrier>>,
        entry: Entry,
        arg: *mut (),
    ) -> NonNull<Carrier> {
        // The top is 16-aligned, and so is a carrier's size.
        // SAFETY: a stack is far larger than a carrier.
        let carrier = unsafe { stack.top().cast::<Carrier>().sub(1) };
        let bounds = StackBounds {
            base: stack.base().as_ptr() as usize,
            top: carrier.as_ptr() as usize,
        };
        // SAFETY: the stack is ours, and far larger than a carrier; the carrier does not move until `retire`.
        unsafe {
            carrier.write(Self {
                context: Context::vacant(),
                stack: ManuallyDrop::new(stack),
                outer,
            });
            Context::create(&raw mut (*carrier.as_ptr()).context, bounds, entry, arg);
        }
        carrier
    }

    /// Runs the carrier until it suspends or its entry returns.
    ///
    /// # Safety
    /// It is alive, not running, and not finished.
    // Inlined, here and below: a processor predicts a return from the calls before it, and across a switch those are somebody else's. So each call
    // level between a switch and the code that it is for costs a mispredicted return.
    #[inline(always)]
    pub(crate) unsafe fn resume(this: NonNull<Carrier>) {
        // SAFETY: passed on.
        unsafe { Context::enter(&raw mut (*this.as_ptr()).context) }
    }

    /// Suspends the carrier that the caller runs on.
    ///
    /// # Safety
    /// The caller runs on this carrier.
    // It may return on another thread: callers keep no address of a thread-local across it, which they cannot, since those are read in functions that
    // are never inlined (`sched::current`).
    #[inline(always)]
    pub(crate) unsafe fn suspend(this: NonNull<Carrier>) {
        // SAFETY: passed on.
        unsafe { Context::leave(&raw mut (*this.as_ptr()).context) }
    }

    /// Takes the stack of a finished carrier, which is gone then.
    ///
    /// # Safety
    /// Its entry has returned, and the caller does not run on it.
    pub(crate) unsafe fn retire(this: NonNull<Carrier>) -> (Stack, Option<NonNull<Carrier>>) {
        // SAFETY: alive until here; taken once.
        unsafe {
            let carrier = &mut *this.as_ptr();
            (ManuallyDrop::take(&mut carrier.stack), carrier.outer)
        }
    }

    /// The stack itself, for overflow reports.
    ///
    /// # Safety
    /// The carrier is alive and stays so while the reference is used.
    pub(crate) unsafe fn stack<'a>(this: NonNull<Carrier>) -> &'a Stack {
        // SAFETY: passed on.
        unsafe { &(*this.as_ptr()).stack }
    }

    /// The carrier that goes on when this one is done.
    ///
    /// # Safety
    /// The carrier is alive.
    pub(crate) unsafe fn outer(this: NonNull<Carrier>) -> Option<NonNull<Carrier>> {
        // SAFETY: passed on. One field only: the context may be in use.
        unsafe { (*this.as_ptr()).outer }
    }

    /// Calls `f` so that unwinders go on from it into the carrier's frames, the first of which is at the address that `f` is told. False: not with this
    /// build's switch.
    ///
    /// # Safety
    /// It is suspended, and stays so until this returns. `f` does not unwind.
    pub(crate) unsafe fn look(this: NonNull<Carrier>, f: impl FnMut(usize)) -> bool {
        // SAFETY: passed on.
        unsafe { Context::look(&raw const (*this.as_ptr()).context, f) }
    }
}
