//! A stack and a context: something that can be resumed and suspended.
//!
//! A [`Coroutine`] lives at the top of its own stack and is made anew for each use of it; making
//! one is a handful of stores. The scheduler runs fresh goroutines one after another on one
//! coroutine; a goroutine that parks keeps the coroutine it is on.

use crate::runtime::{
    on_abandon::OnAbandon,
    os::sanitizer::Fiber,
    stack::Stack,
    switch::{Entry, StackBounds, SwitchContext},
};
use std::{cell::Cell, mem::ManuallyDrop, ptr::NonNull};

/// A stack in use.
#[repr(C, align(16))]
pub(crate) struct Coroutine {
    context: SwitchContext,
    stack: ManuallyDrop<Stack>,
    /// The coroutine that goes on when this one is done; for `on_big_stack`.
    outer: Option<NonNull<Coroutine>>,
    /// For builds with AddressSanitizer. Used by the coroutine itself.
    fiber: Fiber,
    /// What is to be done if its goroutine never runs again. Written by the goroutine.
    on_abandon: Cell<Option<OnAbandon>>,
}

impl std::fmt::Debug for Coroutine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Coroutine").finish_non_exhaustive()
    }
}

impl Coroutine {
    /// Makes a coroutine on `stack` that will run `entry(arg)`.
    pub(crate) fn place(
        stack: Stack,
        outer: Option<NonNull<Coroutine>>,
        entry: Entry,
        arg: *mut (),
    ) -> NonNull<Coroutine> {
        // The top is 16-aligned, and so is a coroutine's size.
        // SAFETY: a stack is far larger than a coroutine.
        let coroutine = unsafe { stack.top().cast::<Coroutine>().sub(1) };
        let bounds = StackBounds {
            base: stack.base().as_ptr() as usize,
            top: coroutine.as_ptr() as usize,
        };
        Fiber::begin(bounds.base, bounds.top);
        // SAFETY: the stack is ours, and far larger than a coroutine; the coroutine does not move
        // until `retire`.
        unsafe {
            coroutine.write(Self {
                context: SwitchContext::vacant(),
                stack: ManuallyDrop::new(stack),
                outer,
                fiber: Fiber::new(),
                on_abandon: Cell::new(None),
            });
            let (entry, arg) = (*coroutine.as_ptr()).fiber.wrap(entry, arg);
            SwitchContext::create(&raw mut (*coroutine.as_ptr()).context, bounds, entry, arg);
        }
        coroutine
    }

    /// Runs the coroutine until it suspends or its entry returns.
    ///
    /// # Safety
    /// It is alive, not running, and not finished.
    // Inlined, here and below: a processor predicts a return from the calls before it, and across a
    // switch those are somebody else's. So each call level between a switch and the code that it is
    // for costs a mispredicted return.
    #[inline(always)]
    pub(crate) unsafe fn resume(this: NonNull<Coroutine>) {
        // SAFETY: passed on. The stack is there as long as the coroutine.
        unsafe {
            let stack = &(*this.as_ptr()).stack;
            let left = Fiber::enter(
                stack.base().as_ptr() as usize,
                stack.top().as_ptr() as usize,
            );
            SwitchContext::enter(&raw mut (*this.as_ptr()).context);
            Fiber::is_back(left);
        }
    }

    /// Suspends the coroutine that the caller runs on.
    ///
    /// # Safety
    /// The caller runs on this coroutine.
    // It may return on another OS thread, but under the same identity: the compiler may keep
    // addresses of thread-locals across it.
    #[inline(always)]
    pub(crate) unsafe fn suspend(this: NonNull<Coroutine>) {
        // SAFETY: passed on.
        unsafe {
            (*this.as_ptr()).fiber.leave();
            SwitchContext::leave(&raw mut (*this.as_ptr()).context);
            (*this.as_ptr()).fiber.arrive();
        }
    }

    /// Takes the stack of a finished coroutine, which is gone then.
    ///
    /// # Safety
    /// Its entry has returned, and the caller does not run on it.
    pub(crate) unsafe fn retire(this: NonNull<Coroutine>) -> (Stack, Option<NonNull<Coroutine>>) {
        // SAFETY: alive until here; taken once.
        unsafe {
            let coroutine = &mut *this.as_ptr();
            (ManuallyDrop::take(&mut coroutine.stack), coroutine.outer)
        }
    }

    /// The stack itself, for overflow reports.
    ///
    /// # Safety
    /// The coroutine is alive and stays so while the reference is used.
    pub(crate) unsafe fn stack<'a>(this: NonNull<Coroutine>) -> &'a Stack {
        // SAFETY: passed on.
        unsafe { &(*this.as_ptr()).stack }
    }

    /// The coroutine that goes on when this one is done.
    ///
    /// # Safety
    /// The coroutine is alive.
    pub(crate) unsafe fn outer(this: NonNull<Coroutine>) -> Option<NonNull<Coroutine>> {
        // SAFETY: passed on. One field only: the context may be in use.
        unsafe { (*this.as_ptr()).outer }
    }

    /// What is to be done if its goroutine never runs again.
    ///
    /// # Safety
    /// The coroutine is alive. The caller is its goroutine, or holds that while it cannot run.
    pub(crate) unsafe fn on_abandon<'a>(this: NonNull<Coroutine>) -> &'a Cell<Option<OnAbandon>> {
        // SAFETY: passed on. One field only: the context may be in use.
        unsafe { &(*this.as_ptr()).on_abandon }
    }

    /// Calls `f` so that unwinders go on from it into the coroutine's frames, the first of which is
    /// at the address that `f` is told. False: not with this build's switch.
    ///
    /// # Safety
    /// It is suspended, and stays so until this returns. `f` does not unwind.
    pub(crate) unsafe fn look(this: NonNull<Coroutine>, f: impl FnMut(usize)) -> bool {
        // SAFETY: passed on.
        unsafe { SwitchContext::look(&raw const (*this.as_ptr()).context, f) }
    }
}
