//! The switch on aarch64, AAPCS64 (every Unix).
//!
//! # What is exchanged
//!
//! ```text
//! register                          who keeps it across a switch
//! pc, sp                            the exchange: they are the switch
//! x19, x29                          the exchange: LLVM reserves both, so asm! may not declare
//!                                     them clobbered
//! x20-x28                           the compiler: declared clobbered, it spills those that are
//!                                     live at the call site
//! x0-x17, x30, v0-v31, flags        the compiler, as around any call (clobber_abi; it covers
//!                                     d8-d15, which are callee-saved, by naming all of v8-v15)
//! x18                               nobody: reserved for the platform, the same on both sides
//! fpcr                              nobody: it belongs to the thread (see the contract in mod.rs)
//! tpidr_el0 (thread pointer)        nobody: it is the thread
//! ```
//!
//! # Stacks, highest address first
//!
//! ```text
//!        created                 running, or suspended         running the entry's last return
//!
//! top -> |  ...   | <- ctx.sp    top -> |             |         top -> |             |
//!        |untouched|                    | (alignment) |                | (alignment) |
//!                                       | this        |                | this        | <- sp
//!  ctx.pc   = root                      | x30 in root |
//!  ctx.base = arg                       | x29 = 0     | end of the frame-pointer chain
//!  ctx.fp   = entry                     | entry's     |
//!                                       |   frames    | <- ctx.sp if suspended;
//!                                                          ctx.pc = after the exchange
//! ```
//!
//! While the coroutine runs, the context holds the enterer's registers, and its stack ends at that
//! saved `sp`.
//!
//! # Return prediction
//!
//! Both directions go by `br`, never by `blr` and `ret`, for the reason given in `x86_64.rs`.
//!
//! # Safety of this file
//!
//! Everything rests on the contract in `mod.rs`: `this` is valid and at a fixed address, one side
//! runs at a time, and whoever suspended finds its stack as it left it. Given these, an exchange
//! looks to the compiler like a call to an unknown function that preserves `sp`, `x19` and `x29`,
//! may read and write all reachable memory, and clobbers the rest.
//!
//! Between the load of `sp` and the jump, the unwind tables describe the wrong stack. Only a
//! profiler or a debugger that interrupts those two instructions can see it; a panic cannot start
//! there.

use crate::runtime::switch::backend::{BASE, FP, PC, SP, SwitchContext};
use core::arch::{asm, naked_asm};

// ldp and stp move a field together with the next one.
const _: () = assert!(SP == PC + 8 && BASE == FP + 8);

/// Exchanges the running side with the one stored in `this`.
///
/// Always inlined: the compiler then spills only what is live at the call site.
///
/// # Safety
/// `this` holds the registers of a side that is not running and whose stack is as it left it.
#[inline(always)]
pub(super) unsafe fn exchange(this: *mut SwitchContext) {
    // SAFETY: see the file header. No `options`: memory is clobbered, and sp is a multiple of 16
    // here, as it must always be.
    unsafe {
        asm!(
            // Entry: x0 = this. All other registers are ours to use.
            //
            // Fetch the other side. x16, because a branch through it may land on a function under
            // every rule.
            "ldp x16, x10, [x0, #{PC}]",
            "ldp x11, x12, [x0, #{FP}]",
            // Store this side. It goes on at the label, with nothing left to restore there.
            "adr x13, 2f",
            "mov x14, sp",
            "stp x13, x14, [x0, #{PC}]",
            "stp x29, x19, [x0, #{FP}]",
            // Become the other side. sp last, next to the jump, so that interrupted profilers are
            // misled for two instructions at most. x0 still holds `this`: a first entry needs it
            // (see `root`).
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

/// The outermost frame of every coroutine: calls the entry, then goes back to the enterer for good.
///
/// Reached by the jump in `exchange`, not called. Register contents at entry:
/// x0 = this, x29 = entry, x19 = arg, sp = top of the stack (a multiple of 16).
#[unsafe(naked)]
pub(super) unsafe extern "C" fn root() {
    naked_asm!(
        ".cfi_startproc",
        // The stack ends here. The frame lies below the top and, having no return address, ends
        // every backtrace: unwinders stop at a frame whose x30 is undefined. x29 is no caller's
        // either.
        ".cfi_def_cfa sp, 0",
        ".cfi_undefined x30",
        ".cfi_undefined x29",
        // Keep `this` where no callee can lose it; sp moves by 16 because it must stay a multiple
        // of that.
        "str x0, [sp, #-16]!",
        ".cfi_adjust_cfa_offset 16",
        // entry(arg). A zero x29 ends the chain for unwinders that follow frame pointers instead of
        // tables.
        "mov x0, x19",
        "mov x16, x29",
        "mov x29, xzr",
        "blr x16",
        // Finished: as in `exchange`, but there is no side to store. A null pc marks the context
        // finished.
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

/// Calls `f(arg)` as if the suspended side in `this` had made the call: unwinders go on from `f`
/// into its frames.
///
/// Only for them: the call runs on the caller's own stack, and the suspended one is read, never
/// written.
///
/// # Safety
/// `this` holds the registers of a side that is not running, does not run meanwhile, and has not
/// just been created. `f` may be called with `arg`.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn look(
    this: *const SwitchContext,
    f: unsafe extern "C" fn(*mut ()),
    arg: *mut (),
) {
    naked_asm!(
        ".cfi_startproc",
        // x19 finds the context for the unwinder.
        "stp x30, x19, [sp, #-16]!",
        ".cfi_adjust_cfa_offset 16",
        ".cfi_offset x30, -16",
        ".cfi_offset x19, -8",
        "mov x19, x0",
        "mov x0, x2",
        // During the call the caller's registers are those in the context. In the bytes of DWARF:
        // 0x0f (DW_CFA_def_cfa_expression) for sp, 0x10 (DW_CFA_expression) for a register that was
        // saved at an address; then 0x83 (DW_OP_breg19), an offset from x19, and 6 (DW_OP_deref).
        ".cfi_remember_state",
        ".cfi_escape 0x0f, 3, 0x83, {SP}, 6",
        ".cfi_escape 0x10, 30, 2, 0x83, {PC}",
        ".cfi_escape 0x10, 29, 2, 0x83, {FP}",
        ".cfi_escape 0x10, 19, 2, 0x83, {BASE}",
        "blr x1",
        ".cfi_restore_state",
        "ldp x30, x19, [sp], #16",
        ".cfi_adjust_cfa_offset -16",
        ".cfi_restore x30",
        ".cfi_restore x19",
        "ret",
        ".cfi_endproc",
        PC = const PC,
        SP = const SP,
        FP = const FP,
        BASE = const BASE,
    )
}
