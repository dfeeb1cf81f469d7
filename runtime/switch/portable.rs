//! The same contract on corosensei, for every target without a backend of its own.
//!
//! # What is kept
//!
//! ```text
//! SwitchContext.coroutine   corosensei's handle: live from `create` until the entry has returned
//! SwitchContext.yielder     lies on the coroutine's stack; set at the first entry, used by `leave`
//! ```
//!
//! # Stacks, highest address first
//!
//! corosensei puts its link to the enterer and the closure of `create` at the top, the frames of
//! `entry` below; see its own documentation for the slots. So `create` touches the stack here,
//! unlike in our own backends.
//!
//! # Safety of this file
//!
//! The contract in `mod.rs` gives what corosensei asks: one side runs at a time, and the stack
//! stays until the coroutine has finished. corosensei unwinds a suspended coroutine when its handle
//! is dropped; we never drop that handle, for our callers may not forget a suspended coroutine in
//! the first place, and a created one owns nothing.
//!
//! While the coroutine runs, `resume` holds `&mut` on the handle, and the coroutine reads and
//! writes other fields of the same context: so both sides go through raw pointers to single fields.

use crate::runtime::switch::abi::{Entry, STACK_ALIGN, StackBounds};
use core::{mem::MaybeUninit, num::NonZeroUsize, ptr};
use corosensei::{
    Coroutine, CoroutineResult, Yielder,
    stack::{Stack, StackPointer},
};

/// A stack as corosensei wants it described. It owns nothing.
#[derive(Debug)]
struct Borrowed {
    highest: NonZeroUsize,
    lowest: NonZeroUsize,
    #[cfg(windows)]
    teb: corosensei::stack::StackTebFields,
}

impl Borrowed {
    fn new(bounds: StackBounds) -> Borrowed {
        let word = |address| NonZeroUsize::new(address).expect("a stack at address 0");
        Borrowed {
            highest: word(bounds.top),
            lowest: word(bounds.base),
            // The stack is committed from end to end as far as Windows is concerned.
            #[cfg(windows)]
            teb: corosensei::stack::StackTebFields {
                StackBase: bounds.top,
                StackLimit: bounds.base,
                DeallocationStack: bounds.base,
                GuaranteedStackBytes: 0,
            },
        }
    }
}

// SAFETY: the bounds are a writable stack of its own, guarded by its owner, by the contract of
// `create`.
unsafe impl Stack for Borrowed {
    fn base(&self) -> StackPointer {
        self.highest
    }

    fn limit(&self) -> StackPointer {
        self.lowest
    }

    #[cfg(windows)]
    fn teb_fields(&self) -> corosensei::stack::StackTebFields {
        self.teb
    }

    #[cfg(windows)]
    fn update_teb_fields(&mut self, stack_limit: usize, guaranteed_stack_bytes: usize) {
        self.teb.StackLimit = stack_limit;
        self.teb.GuaranteedStackBytes = guaranteed_stack_bytes;
    }
}

type Handle = Coroutine<(), (), (), Borrowed>;

/// corosensei's handle, and the way back out of it.
///
/// Not `Send`, through its pointers: whoever moves a suspended coroutine to another thread vouches
/// for its stack.
pub(crate) struct SwitchContext {
    coroutine: MaybeUninit<Handle>,
    /// Null until the first entry, and again once finished.
    yielder: *const Yielder<(), ()>,
}

impl SwitchContext {
    /// A context that nothing has been created in: it must not be entered.
    pub(crate) const fn vacant() -> SwitchContext {
        SwitchContext {
            coroutine: MaybeUninit::uninit(),
            yielder: ptr::null(),
        }
    }

    /// Prepares to run `entry(arg)` on `stack`.
    ///
    /// # Safety
    /// * `this` is valid for writes, holds no suspended coroutine, and stays in place until the new
    ///   one has finished.
    /// * `stack` is writable, `top` is a multiple of 16, and nothing else uses it until the
    ///   coroutine has finished.
    /// * `entry` may be called with `arg`, on the thread that enters first.
    #[inline]
    pub(crate) unsafe fn create(
        this: *mut SwitchContext,
        stack: StackBounds,
        entry: Entry,
        arg: *mut (),
    ) {
        debug_assert!(stack.top.is_multiple_of(STACK_ALIGN) && stack.base < stack.top);
        let body = move |yielder: &Yielder<(), ()>, ()| {
            // SAFETY: `this` stays in place until we have finished, and only the running side uses
            // this field.
            unsafe { (*this).yielder = yielder };
            // SAFETY: the third item above.
            unsafe { entry(arg) };
        };
        // SAFETY: the closure borrows nothing that the compiler could see end; what `arg` points at
        // is `entry`'s affair.
        let coroutine = unsafe { Coroutine::with_stack_unchecked(Borrowed::new(stack), body) };
        // SAFETY: valid for writes, and no suspended coroutine is overwritten, by the first item
        // above.
        unsafe {
            this.write(SwitchContext {
                coroutine: MaybeUninit::new(coroutine),
                yielder: ptr::null(),
            })
        };
    }

    /// From outside: runs the coroutine until it leaves or its entry returns.
    ///
    /// # Safety
    /// * `this` was created and has not finished; no one is inside it.
    /// * Its stack is as its last switch left it, and may go on on this thread.
    #[inline]
    pub(crate) unsafe fn enter(this: *mut SwitchContext) {
        // SAFETY: created and not finished: the handle is live. The coroutine itself never touches
        // this field.
        let coroutine = unsafe { &mut *(&raw mut (*this).coroutine).cast::<Handle>() };
        if let CoroutineResult::Return(()) = coroutine.resume(()) {
            // SAFETY: finished: the handle is live for the last time, and owns neither stack nor
            // frames.
            unsafe { (*this).coroutine.assume_init_drop() };
            // SAFETY: nobody is inside any more.
            unsafe { (*this).yielder = ptr::null() };
        }
    }

    /// From inside: suspends; returns when the coroutine is entered again, perhaps on another
    /// thread.
    ///
    /// # Safety
    /// The caller runs inside the coroutine of `this`, on its stack.
    #[inline]
    pub(crate) unsafe fn leave(this: *mut SwitchContext) {
        // SAFETY: running, so the first entry has set it; the yielder stays on our stack until we
        // finish.
        unsafe { (*(*this).yielder).suspend(()) };
    }

    /// From outside: calls `f` so that unwinders go on into the frames of the suspended coroutine.
    /// False if this backend cannot do that, and has not called: corosensei does not tell where a
    /// suspended coroutine's registers are.
    ///
    /// # Safety
    /// * `this` is suspended: it has been entered, and has left. It is not entered before this
    ///   returns.
    /// * `f` does not unwind.
    #[must_use]
    pub(crate) unsafe fn look<F: FnMut(usize)>(this: *const SwitchContext, f: F) -> bool {
        let _ = (this, f);
        false
    }
}
