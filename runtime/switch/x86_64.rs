//! The switch on x86_64, System V ABI (every Unix).
//!
//! # What is exchanged
//!
//! ```text
//! register                          who keeps it across a switch
//! rip, rsp                          the exchange: they are the switch
//! rbx, rbp                          the exchange: LLVM reserves both, so asm! may not declare
//!                                     them clobbered
//! r12-r15                           the compiler: declared clobbered, it spills those that are
//!                                     live at the call site
//! rax rcx rdx rsi rdi r8-r11,       the compiler, as around any call (clobber_abi)
//!   xmm/ymm/zmm, k, x87/mmx, flags
//! mxcsr, x87 control word           nobody: they belong to the thread (see the contract in mod.rs)
//! fs base (thread pointer)          nobody: it is the thread
//! ```
//!
//! # Stacks, highest address first
//!
//! ```text
//!        created                 running, or suspended         running the entry's last return
//!
//! top -> |  ...   | <- ctx.sp    top -> |             |         top -> |             |
//!        |untouched|                    | this        |                | this        | <- rsp
//!                                       | (alignment) |                | (alignment) |
//!  ctx.pc   = root                      | ret to root |
//!  ctx.base = arg                       | rbp = 0     | end of the frame-pointer chain
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
//! Both directions go by `jmp` through a register, never by `call` and `ret`. A matched pair would
//! predict the bare loop of enter and leave just as well, but goroutines park a few calls deep: on
//! being entered they return from those calls, and before they leave they make others. A `call`
//! that enters puts its return address *on top of* the ones that the last goroutine left in the
//! predictor; the returns that follow are then all off by one, and so is the `ret` that leaves.
//! With jumps the predictor sees ordinary calls and returns only, and a goroutine that parks where
//! the last one did finds the right addresses.
//!
//! Measured by `benches/switch.rs` on a virtual machine of two cores, against corosensei, which
//! pairs `call` and `ret`: the bare loop 1.2 ns to 2.0, parked four calls deep 6 ns to 25.
//!
//! # Safety of this file
//!
//! Everything rests on the contract in `mod.rs`: `this` is valid and at a fixed address, one side
//! runs at a time, and whoever suspended finds its stack as it left it. Given these, an exchange
//! looks to the compiler like a call to an unknown function that preserves `rsp`, `rbx` and `rbp`,
//! may read and write all reachable memory, and clobbers the rest.
//!
//! Between the load of `rsp` and the jump, the unwind tables describe the wrong stack. Only a
//! profiler or a debugger that interrupts those two instructions can see it; a panic cannot start
//! there.

use crate::runtime::switch::backend::{BASE, FP, PC, SP, SwitchContext};
use core::arch::{asm, naked_asm};

/// Exchanges the running side with the one stored in `this`.
///
/// Always inlined: the compiler then spills only what is live at the call site.
///
/// # Safety
/// `this` holds the registers of a side that is not running and whose stack is as it left it.
#[inline(always)]
pub(super) unsafe fn exchange(this: *mut SwitchContext) {
    // SAFETY: see the file header. No `options`: memory is clobbered, the red zone is left alone,
    // and rsp is a multiple of 16 here, as it must be for a call.
    unsafe {
        asm!(
            // Entry: rdi = this. All other registers are ours to use.
            //
            // Fetch the other side, rsp first: most of what it does next waits for that.
            "mov rdx, [rdi + {SP}]",
            "mov rcx, [rdi + {PC}]",
            "mov r8, [rdi + {FP}]",
            "mov r9, [rdi + {BASE}]",
            // Store this side. It goes on at the label, with nothing left to restore there.
            "lea rax, [rip + 2f]",
            "mov [rdi + {PC}], rax",
            "mov [rdi + {SP}], rsp",
            "mov [rdi + {FP}], rbp",
            "mov [rdi + {BASE}], rbx",
            // Become the other side. rsp last, next to the jump, so that interrupted profilers are
            // misled for two instructions at most. rdi still holds `this`: a first entry needs it
            // (see `root`).
            "mov rbp, r8",
            "mov rbx, r9",
            "mov rsp, rdx",
            "jmp rcx",
            // Reached by the other side's jump, with rsp, rbp and rbx restored by it.
            "2:",
            PC = const PC,
            SP = const SP,
            FP = const FP,
            BASE = const BASE,
            inout("rdi") this => _,
            // clobber_abi leaves out what a callee must preserve; the other side preserves nothing.
            lateout("r12") _, lateout("r13") _, lateout("r14") _, lateout("r15") _,
            clobber_abi("sysv64"),
        );
    }
}

/// The outermost frame of every coroutine: calls the entry, then goes back to the enterer for good.
///
/// Reached by the jump in `exchange`, not called. Register contents at entry:
/// rdi = this, rbp = entry, rbx = arg, rsp = top of the stack (a multiple of 16).
#[unsafe(naked)]
pub(super) unsafe extern "C" fn root() {
    naked_asm!(
        ".cfi_startproc",
        // The stack ends here. The frame lies below the top and, having no return address, ends
        // every backtrace: unwinders stop at a frame whose rip is undefined. rbp is no caller's
        // either.
        ".cfi_def_cfa rsp, 0",
        ".cfi_undefined rip",
        ".cfi_undefined rbp",
        // Keep `this` where no callee can lose it, and 16 bytes in all so that rsp stays aligned
        // for the call.
        "push rdi",
        ".cfi_adjust_cfa_offset 8",
        "sub rsp, 8",
        ".cfi_adjust_cfa_offset 8",
        // entry(arg). A zero rbp ends the chain for unwinders that follow frame pointers instead of
        // tables.
        "mov rdi, rbx",
        "mov rax, rbp",
        "xor ebp, ebp",
        "call rax",
        // Finished: as in `exchange`, but there is no side to store. A null pc marks the context
        // finished.
        "mov rdi, [rsp + 8]",
        "mov rdx, [rdi + {SP}]",
        "mov rcx, [rdi + {PC}]",
        "mov rbp, [rdi + {FP}]",
        "mov rbx, [rdi + {BASE}]",
        "mov qword ptr [rdi + {PC}], 0",
        "mov rsp, rdx",
        "jmp rcx",
        ".cfi_endproc",
        PC = const PC,
        SP = const SP,
        FP = const FP,
        BASE = const BASE,
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
        // rbx finds the context for the unwinder; the push also aligns rsp for the call.
        "push rbx",
        ".cfi_adjust_cfa_offset 8",
        ".cfi_offset rbx, -16",
        "mov rbx, rdi",
        "mov rdi, rdx",
        // During the call the caller's registers are those in the context. In the bytes of DWARF:
        // 0x0f (DW_CFA_def_cfa_expression) for rsp, 0x10 (DW_CFA_expression) for a register that
        // was saved at an address; then 0x73 (DW_OP_breg3), an offset from rbx, and 6
        // (DW_OP_deref).
        ".cfi_remember_state",
        ".cfi_escape 0x0f, 3, 0x73, {SP}, 6",
        ".cfi_escape 0x10, 16, 2, 0x73, {PC}",
        ".cfi_escape 0x10, 6, 2, 0x73, {FP}",
        ".cfi_escape 0x10, 3, 2, 0x73, {BASE}",
        "call rsi",
        ".cfi_restore_state",
        "pop rbx",
        ".cfi_adjust_cfa_offset -8",
        ".cfi_restore rbx",
        "ret",
        ".cfi_endproc",
        PC = const PC,
        SP = const SP,
        FP = const FP,
        BASE = const BASE,
    )
}
