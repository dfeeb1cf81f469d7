//! The switch on aarch64, AAPCS64 (every Unix).
//!
//! # What is exchanged
//!
//! A [`Context`] holds the four registers of the side that is *not* running; a switch exchanges them with the running
//! side's.  Entering and leaving are therefore one and the same routine, [`Context::exchange`].
//!
//! ```text
//! register                          who keeps it across a switch
//! pc, sp                            the exchange: they are the switch
//! x19, x29                          the exchange: LLVM reserves both, so asm! may not declare them clobbered
//! x20-x28                           the compiler: declared clobbered, it spills those that are live at the call site
//! x0-x17, x30, v0-v31, flags        the compiler, as around any call (clobber_abi; it covers d8-d15, which are
//!                                     callee-saved, by naming all of v8-v15)
//! x18                               nobody: reserved for the platform, the same on both sides
//! fpcr                              nobody: it belongs to the thread (see the contract in mod.rs)
//! tpidr_el0 (thread pointer)        nobody: it is the thread
//! ```
//!
//! Why the context holds the registers and not the stack: see `x86_64.rs`.
//!
//! # Stacks, highest address first
//!
//! ```text
//!        created                 running, or suspended                 running the entry's last return
//!
//! top -> |  ...   | <- ctx.sp    top -> |             |                top -> |             |
//!        |untouched|                    | (alignment) |                       | (alignment) |
//!                                       | this        |                       | this        | <- sp
//!  ctx.pc  = root                       | x30 in root |
//!  ctx.x19 = arg                        | x29 = 0     | end of the frame-pointer chain
//!  ctx.fp  = entry                      | entry's     |
//!                                       |   frames    | <- ctx.sp if suspended; ctx.pc = after the exchange
//! ```
//!
//! While the coroutine runs, the context holds the enterer's registers, and its stack ends at that saved `sp`.
//!
//! # Return prediction
//!
//! Both directions go by `br`, never by `blr` and `ret`, for the reason given in `x86_64.rs`.
//!
//! # Safety of this file
//!
//! Everything rests on the contract in `mod.rs`: `this` is valid and at a fixed address, one side runs at a time, and
//! whoever suspended finds its stack as it left it.  Given these, an exchange looks to the compiler like a call to an
//! unknown function that preserves `sp`, `x19` and `x29`, may read and write all reachable memory, and clobbers the rest.
//!
//! Between the load of `sp` and the jump, the unwind tables describe the wrong stack.  Only a profiler or a debugger that
//! interrupts those two instructions can see it; a panic cannot start there.

use super::abi::{Entry, StackBounds};
use core::{
    arch::{asm, naked_asm},
    mem::offset_of,
    ptr,
};

/// The registers of the side that is not running; see the drawing above.
///
/// Not `Send`, through its pointers: whoever moves a suspended coroutine to another thread vouches for its stack.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Context {
    /// Where that side goes on.  Null when vacant or finished, so that entering by mistake faults at address 0.
    pc: *const (),
    sp: usize,
    /// x29; before the first entry, the entry function.
    fp: usize,
    /// Before the first entry, its argument.
    x19: *mut (),
}

// The assembly names the fields by number.
const PC: usize = 0;
const FP: usize = 16;
const _: () = {
    assert!(offset_of!(Context, pc) == PC);
    assert!(offset_of!(Context, fp) == FP);
    // ldp and stp move a field together with the next one.
    assert!(offset_of!(Context, sp) == PC + 8);
    assert!(offset_of!(Context, x19) == FP + 8);
    assert!(size_of::<Context>() == 32);
    // The root keeps `this` in one word and pads with another.
    assert!(super::abi::STACK_ALIGN == 16);
};

impl Context {
    /// A context that nothing has been created in: it must not be entered.
    pub(crate) const fn vacant() -> Context {
        Context {
            pc: ptr::null(),
            sp: 0,
            fp: 0,
            x19: ptr::null_mut(),
        }
    }

    /// Prepares to run `entry(arg)` on `stack`.  Four stores; the stack itself is not touched.
    ///
    /// # Safety
    /// * `this` is valid for writes, holds no suspended coroutine, and stays in place until the new one has finished.
    /// * `stack` is writable, `top` is a multiple of 16, and nothing else uses it until the coroutine has finished.
    /// * `entry` may be called with `arg`, on the thread that enters first.
    #[inline(always)]
    pub(crate) unsafe fn create(
        this: *mut Context,
        stack: StackBounds,
        entry: Entry,
        arg: *mut (),
    ) {
        debug_assert!(stack.top.is_multiple_of(super::abi::STACK_ALIGN) && stack.base < stack.top);
        let fresh = Context {
            pc: root as *const (),
            sp: stack.top,
            fp: entry as usize,
            x19: arg,
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
    pub(crate) unsafe fn enter(this: *mut Context) {
        // SAFETY: it holds the coroutine's registers, as `create` or its own last exchange stored them.
        unsafe { Self::exchange(this) };
    }

    /// From inside: suspends; returns when the coroutine is entered again, perhaps on another thread.
    ///
    /// # Safety
    /// The caller runs inside the coroutine of `this`, on its stack.
    #[inline(always)]
    pub(crate) unsafe fn leave(this: *mut Context) {
        // SAFETY: it holds the enterer's registers, stored by the exchange in `enter`.
        unsafe { Self::exchange(this) };
    }

    /// Exchanges the running side with the one stored in `this`.
    ///
    /// Always inlined: the compiler then spills only what is live at the call site.
    ///
    /// # Safety
    /// `this` holds the registers of a side that is not running and whose stack is as it left it.
    #[inline(always)]
    unsafe fn exchange(this: *mut Context) {
        // SAFETY: see the file header.  No `options`: memory is clobbered, and sp is a multiple of 16 here, as
        // it must always be.
        unsafe {
            debug_assert!(
                !(*this).pc.is_null(),
                "entered a vacant or finished context"
            );
            asm!(
                // Entry: x0 = this.  All other registers are ours to use.
                //
                // Fetch the other side.  x16, because a branch through it may land on a function under every rule.
                "ldp x16, x10, [x0, #{PC}]",
                "ldp x11, x12, [x0, #{FP}]",
                // Store this side.  It goes on at the label, with nothing left to restore there.
                "adr x13, 2f",
                "mov x14, sp",
                "stp x13, x14, [x0, #{PC}]",
                "stp x29, x19, [x0, #{FP}]",
                // Become the other side.  sp last, next to the jump, so that interrupted profilers are misled for two
                // instructions at most.  x0 still holds `this`: a first entry needs it (see `root`).
                "mov x29, x11",
                "mov x19, x12",
                "mov sp, x10",
                "br x16",
                // Reached by the other side's jump, with sp, x19 and x29 restored by it.
                "2:",
                PC = const PC,
                FP = const FP,
                inout("x0") this => _,
                // clobber_abi leaves out what a callee must preserve; the other side preserves nothing.
                lateout("x20") _, lateout("x21") _, lateout("x22") _, lateout("x23") _, lateout("x24") _,
                lateout("x25") _, lateout("x26") _, lateout("x27") _, lateout("x28") _,
                clobber_abi("C"),
            );
        }
    }
}

/// The outermost frame of every coroutine: calls the entry, then goes back to the enterer for good.
///
/// Reached by the jump in `exchange`, not called.  Register contents at entry:
/// x0 = this, x29 = entry, x19 = arg, sp = top of the stack (a multiple of 16).
#[unsafe(naked)]
unsafe extern "C" fn root() {
    naked_asm!(
        ".cfi_startproc",
        // The stack ends here.  The frame lies below the top and, having no return address, ends every backtrace:
        // unwinders stop at a frame whose x30 is undefined.  x29 is no caller's either.
        ".cfi_def_cfa sp, 0",
        ".cfi_undefined x30",
        ".cfi_undefined x29",
        // Keep `this` where no callee can lose it; sp moves by 16 because it must stay a multiple of that.
        "str x0, [sp, #-16]!",
        ".cfi_adjust_cfa_offset 16",
        // entry(arg).  A zero x29 ends the chain for unwinders that follow frame pointers instead of tables.
        "mov x0, x19",
        "mov x16, x29",
        "mov x29, xzr",
        "blr x16",
        // Finished: as in `exchange`, but there is no side to store.  A null pc marks the context finished.
        "ldr x0, [sp]",
        "ldp x16, x10, [x0, #{PC}]",
        "ldp x29, x19, [x0, #{FP}]",
        "str xzr, [x0, #{PC}]",
        "mov sp, x10",
        "br x16",
        ".cfi_endproc",
        PC = const PC,
        FP = const FP,
    )
}
