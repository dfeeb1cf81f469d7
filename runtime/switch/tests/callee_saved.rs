//! Callee-saved registers: a helper fills every register that the ABI lets a callee rely on, calls,
//! and counts those that came back changed.

use super::{Coroutine, SMALL};
use crate::runtime::switch::SwitchContext;
use std::{cell::Cell, rc::Rc};

/// How many registers [`call_with_filled_registers`] fills.
#[cfg(target_arch = "x86_64")]
const FILLED: u64 = 6;
#[cfg(target_arch = "aarch64")]
const FILLED: u64 = 19;

/// Fills the callee-saved registers with `seed + 1`, `seed + 2`, ..., calls `f(arg)`, and returns
/// how many of them differ then.
///
/// # Safety
/// `f` may be called with `arg`.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
unsafe extern "C" fn call_with_filled_registers(
    seed: u64,
    f: unsafe extern "C" fn(*mut SwitchContext),
    arg: *mut SwitchContext,
) -> u64 {
    // Entry: rdi = seed, rsi = f, rdx = arg.
    core::arch::naked_asm!(
        // We are a callee ourselves. Six registers and the seed: rsp is then a multiple of 16, as
        // the call needs.
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "push rdi",
        "lea rbx, [rdi + 1]",
        "lea rbp, [rdi + 2]",
        "lea r12, [rdi + 3]",
        "lea r13, [rdi + 4]",
        "lea r14, [rdi + 5]",
        "lea r15, [rdi + 6]",
        "mov rdi, rdx",
        "call rsi",
        // Each difference, turned into 0 or 1 through the carry flag: neg sets it when its operand
        // is not 0.
        "pop rdi",
        "xor eax, eax",
        "sub rbx, rdi",
        "sub rbx, 1",
        "neg rbx",
        "adc rax, 0",
        "sub rbp, rdi",
        "sub rbp, 2",
        "neg rbp",
        "adc rax, 0",
        "sub r12, rdi",
        "sub r12, 3",
        "neg r12",
        "adc rax, 0",
        "sub r13, rdi",
        "sub r13, 4",
        "neg r13",
        "adc rax, 0",
        "sub r14, rdi",
        "sub r14, 5",
        "neg r14",
        "adc rax, 0",
        "sub r15, rdi",
        "sub r15, 6",
        "neg r15",
        "adc rax, 0",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}

/// The same for x19-x29 and d8-d15.
///
/// # Safety
/// `f` may be called with `arg`.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
unsafe extern "C" fn call_with_filled_registers(
    seed: u64,
    f: unsafe extern "C" fn(*mut SwitchContext),
    arg: *mut SwitchContext,
) -> u64 {
    // Entry: x0 = seed, x1 = f, x2 = arg, x30 = where to return.
    core::arch::naked_asm!(
        // One step for each register; `op` gets the register, a scratch-free name for d registers,
        // and its number.
        ".macro gort_count_x reg, n",
        "sub \\reg, \\reg, x9",
        "cmp \\reg, #\\n",
        "cinc x0, x0, ne",
        ".endm",
        ".macro gort_count_d reg, n",
        "fmov x10, \\reg",
        "gort_count_x x10, \\n",
        ".endm",
        ".macro gort_fill_d reg, n",
        "add x10, x0, #\\n",
        "fmov \\reg, x10",
        ".endm",
        // We are a callee ourselves.  176 bytes: 12 + 8 words, the seed, and one word of padding.
        "sub sp, sp, #176",
        "stp x19, x20, [sp, #0]",
        "stp x21, x22, [sp, #16]",
        "stp x23, x24, [sp, #32]",
        "stp x25, x26, [sp, #48]",
        "stp x27, x28, [sp, #64]",
        "stp x29, x30, [sp, #80]",
        "stp d8, d9, [sp, #96]",
        "stp d10, d11, [sp, #112]",
        "stp d12, d13, [sp, #128]",
        "stp d14, d15, [sp, #144]",
        "str x0, [sp, #160]",
        "add x19, x0, #1",
        "add x20, x0, #2",
        "add x21, x0, #3",
        "add x22, x0, #4",
        "add x23, x0, #5",
        "add x24, x0, #6",
        "add x25, x0, #7",
        "add x26, x0, #8",
        "add x27, x0, #9",
        "add x28, x0, #10",
        "add x29, x0, #11",
        "gort_fill_d d8, 12",
        "gort_fill_d d9, 13",
        "gort_fill_d d10, 14",
        "gort_fill_d d11, 15",
        "gort_fill_d d12, 16",
        "gort_fill_d d13, 17",
        "gort_fill_d d14, 18",
        "gort_fill_d d15, 19",
        "mov x0, x2",
        "blr x1",
        "ldr x9, [sp, #160]",
        "mov x0, #0",
        "gort_count_x x19, 1",
        "gort_count_x x20, 2",
        "gort_count_x x21, 3",
        "gort_count_x x22, 4",
        "gort_count_x x23, 5",
        "gort_count_x x24, 6",
        "gort_count_x x25, 7",
        "gort_count_x x26, 8",
        "gort_count_x x27, 9",
        "gort_count_x x28, 10",
        "gort_count_x x29, 11",
        "gort_count_d d8, 12",
        "gort_count_d d9, 13",
        "gort_count_d d10, 14",
        "gort_count_d d11, 15",
        "gort_count_d d12, 16",
        "gort_count_d d13, 17",
        "gort_count_d d14, 18",
        "gort_count_d d15, 19",
        ".purgem gort_count_x",
        ".purgem gort_count_d",
        ".purgem gort_fill_d",
        "ldp x19, x20, [sp, #0]",
        "ldp x21, x22, [sp, #16]",
        "ldp x23, x24, [sp, #32]",
        "ldp x25, x26, [sp, #48]",
        "ldp x27, x28, [sp, #64]",
        "ldp x29, x30, [sp, #80]",
        "ldp d8, d9, [sp, #96]",
        "ldp d10, d11, [sp, #112]",
        "ldp d12, d13, [sp, #128]",
        "ldp d14, d15, [sp, #144]",
        "add sp, sp, #176",
        "ret",
    )
}

#[test]
fn callee_saved_registers_survive_on_both_sides() {
    unsafe extern "C" fn enter(this: *mut SwitchContext) {
        // SAFETY: the loop below enters as often as the body leaves, and once more.
        unsafe { SwitchContext::enter(this) }
    }
    unsafe extern "C" fn leave(this: *mut SwitchContext) {
        // SAFETY: called by the body.
        unsafe { SwitchContext::leave(this) }
    }

    let changed = Rc::new(Cell::new(0));
    let inner = Rc::clone(&changed);
    let c = Coroutine::new(SMALL, move |inside| {
        for round in 0..10 {
            // SAFETY: it may leave here.
            let n = unsafe { call_with_filled_registers(1_000 + round, leave, inside.0) };
            inner.set(inner.get() + n);
        }
    });
    for round in 0..11 {
        // SAFETY: the coroutine is not finished, and lives until the end of this test.
        let n = unsafe {
            let context = &raw mut (*c.0.as_ptr()).context;
            call_with_filled_registers(2_000 + round, enter, context)
        };
        assert_eq!(n, 0, "registers changed outside, round {round}");
    }
    assert!(c.is_finished());
    assert_eq!(changed.get(), 0, "registers changed inside");
}

#[test]
fn changed_callee_saved_registers_are_noticed() {
    /// Breaks the ABI on purpose.
    #[unsafe(naked)]
    unsafe extern "C" fn change_all(_: *mut SwitchContext) {
        #[cfg(target_arch = "x86_64")]
        core::arch::naked_asm!(
            "inc rbx", "inc rbp", "inc r12", "inc r13", "inc r14", "inc r15", "ret"
        );
        #[cfg(target_arch = "aarch64")]
        core::arch::naked_asm!(
            ".irp n, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29",
            "add x\\n, x\\n, #1",
            ".endr",
            ".irp n, 8, 9, 10, 11, 12, 13, 14, 15",
            "fmov d\\n, xzr",
            ".endr",
            "ret",
        );
    }
    // SAFETY: the caller restores what it was given, whatever its callee does.
    let n = unsafe { call_with_filled_registers(7, change_all, std::ptr::null_mut()) };
    assert_eq!(n, FILLED);
}
