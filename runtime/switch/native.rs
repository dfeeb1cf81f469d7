//! What our own backends share: the saved registers, and how a coroutine is prepared, entered and
//! left.
//!
//! The instruction set's file (`x86_64.rs` or `aarch64.rs`) adds the pieces of assembly:
//!
//! * `exchange(this)`: exchanges the running side's registers with those in the context;
//! * `root`: the outermost frame of every coroutine;
//! * `look`: a call that unwinders take for one that a suspended coroutine has made.
//!
//! A [`SwitchContext`] holds four registers of the side that is *not* running. So entering and
//! leaving are one and the same exchange:
//!
//! ```text
//!                     created       running          suspended          finished
//! the context holds   see below     the enterer's    the coroutine's    pc = null
//! ```
//!
//! The context holds the registers, not the stack, for two reasons. The loads hang on one address,
//! known before the switch, while popping them off the other stack would first have to wait for the
//! new stack pointer. And `create` writes half a cache line that its caller has just touched; a
//! fresh stack stays untouched (and uncommitted) until it is run.

use crate::runtime::switch::{
    abi::{Entry, STACK_ALIGN, StackBounds},
    isa::{exchange, look, root},
};
use core::{mem::offset_of, ptr};

/// The registers of the side that is not running.
///
/// Only those that the compiler cannot be told to save: the others are declared clobbered by
/// `exchange`.
///
/// Not `Send`, through its pointers: whoever moves a suspended coroutine to another thread vouches
/// for its stack.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct SwitchContext {
    /// Where that side goes on. Null when vacant or finished, so that entering by mistake faults at
    /// address 0.
    pc: *const (),
    /// Its stack pointer.
    sp: usize,
    /// The frame pointer (rbp, x29). Until the first entry: the entry function, for `root`.
    fp: usize,
    /// LLVM's base pointer (rbx, x19). Until the first entry: the entry's argument, for `root`.
    base: *mut (),
}

// The assembly names the fields by number.
pub(super) const PC: usize = 0;
pub(super) const SP: usize = 8;
pub(super) const FP: usize = 16;
pub(super) const BASE: usize = 24;
const _: () = {
    assert!(offset_of!(SwitchContext, pc) == PC);
    assert!(offset_of!(SwitchContext, sp) == SP);
    assert!(offset_of!(SwitchContext, fp) == FP);
    assert!(offset_of!(SwitchContext, base) == BASE);
    assert!(size_of::<SwitchContext>() == 32);
    // What the roots push keeps this alignment only.
    assert!(STACK_ALIGN == 16);
};

impl SwitchContext {
    /// A context that nothing has been created in: it must not be entered.
    pub(crate) const fn vacant() -> SwitchContext {
        SwitchContext {
            pc: ptr::null(),
            sp: 0,
            fp: 0,
            base: ptr::null_mut(),
        }
    }

    /// Prepares to run `entry(arg)` on `stack`. Four stores; the stack itself is not touched.
    ///
    /// # Safety
    /// * `this` is valid for writes, holds no suspended coroutine, and stays in place until the new
    ///   one has finished.
    /// * `stack` is writable, `top` is a multiple of 16, and nothing else uses it until the
    ///   coroutine has finished.
    /// * `entry` may be called with `arg`, on the thread that enters first.
    #[inline(always)]
    pub(crate) unsafe fn create(
        this: *mut SwitchContext,
        stack: StackBounds,
        entry: Entry,
        arg: *mut (),
    ) {
        debug_assert!(stack.top.is_multiple_of(STACK_ALIGN) && stack.base < stack.top);
        let fresh = SwitchContext {
            pc: root as *const (),
            sp: stack.top,
            fp: entry as usize,
            base: arg,
        };
        // SAFETY: valid for writes, by the first item above.
        unsafe { this.write(fresh) };
    }

    /// From outside: runs the coroutine until it leaves or its entry returns.
    ///
    /// # Safety
    /// * `this` was created and has not finished; no one is inside it.
    /// * Its stack is as its last switch left it, and may go on on this thread.
    #[inline(always)]
    pub(crate) unsafe fn enter(this: *mut SwitchContext) {
        debug_assert!(
            // SAFETY: valid, by the first item above.
            unsafe { !(*this).pc.is_null() },
            "entered a vacant or finished context"
        );
        // SAFETY: it holds the coroutine's registers, as `create` or its own last exchange stored
        // them.
        unsafe { exchange(this) };
    }

    /// From inside: suspends; returns when the coroutine is entered again, perhaps on another
    /// thread.
    ///
    /// # Safety
    /// The caller runs inside the coroutine of `this`, on its stack.
    #[inline(always)]
    pub(crate) unsafe fn leave(this: *mut SwitchContext) {
        // SAFETY: it holds the enterer's registers, stored by the exchange in `enter`.
        unsafe { exchange(this) };
    }

    /// From outside: calls `f` on the caller's stack, but so that unwinders go on from there into
    /// the frames of the suspended coroutine. `f` is told the address of the first of these: where
    /// the coroutine will go on. False if this backend cannot do that, and has not called.
    ///
    /// # Safety
    /// * `this` is suspended: it has been entered, and has left. It is not entered before this
    ///   returns.
    /// * `f` does not unwind.
    #[must_use]
    pub(crate) unsafe fn look<F: FnMut(usize)>(this: *const SwitchContext, f: F) -> bool {
        unsafe extern "C" fn call<F: FnMut(usize)>(arg: *mut ()) {
            // SAFETY: `look` passes its own argument, and waits.
            let (f, pc) = unsafe { &mut *arg.cast::<(F, usize)>() };
            f(*pc);
        }
        // SAFETY: valid, by the first item above.
        let pc = unsafe { (*this).pc }.addr();
        let mut arg = (f, pc);
        // SAFETY: suspended, so it holds the coroutine's registers; and `call` may be called with
        // this argument.
        unsafe { look(this, call::<F>, (&raw mut arg).cast()) };
        true
    }
}
