//! Changing the identity on aarch64 Linux: the register `tpidr_el0`.
//!
//! # Registers during a tour
//!
//! ```text
//! register    what it holds                         why it lasts
//! x19         the identity that is being visited    callee-saved, as are the others
//! x20         the function to call
//! x21         its first argument
//! x22         the identity visited before; or null
//! x23         the thread's own tpidr_el0
//! x29         the frame
//! tpidr_el0   the visited identity's                nobody changes it but this function
//! ```
//!
//! # The stack, highest address first
//!
//! ```text
//!        | (alignment)    |
//!        | x23            |
//!        | x22            |
//!        | x21            |
//!        | x20            |
//!        | x19            |
//!        | x30            |
//!        | x29            | <- sp and x29, a multiple of 16
//! ```
//!
//! # Safety of this file
//!
//! As in `x86_64.rs`.

use crate::runtime::switch::identity::{
    abi::{Identity, Visit},
    facts::Register,
};
use core::arch::{asm, naked_asm};

/// Goes from one identity to the next, and calls `visit(arg, at, left)` under each one, until that
/// returns null. Then goes back to the calling thread's own, and returns the last one visited.
///
/// # Safety
/// * `support()` is `Ok`.
/// * `first` and whatever `visit` returns point to identities that their owners have adopted, and
///   that nobody else is under; this is synchronised with the owner, and with whoever was under it
///   before.
/// * `visit` may be called with `arg`, leaves the identity as its owner may find it, and does not
///   unwind. It is not itself part of a tour.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn tour(
    first: *mut Identity,
    visit: Visit,
    arg: *mut (),
) -> *mut Identity {
    naked_asm!(
        ".cfi_startproc",
        "stp x29, x30, [sp, #-64]!",
        ".cfi_def_cfa_offset 64",
        ".cfi_offset x29, -64",
        ".cfi_offset x30, -56",
        "mov x29, sp",
        ".cfi_def_cfa x29, 64",
        "stp x19, x20, [sp, #16]",
        ".cfi_offset x19, -48",
        ".cfi_offset x20, -40",
        "stp x21, x22, [sp, #32]",
        ".cfi_offset x21, -32",
        ".cfi_offset x22, -24",
        "str x23, [sp, #48]",
        ".cfi_offset x23, -16",
        "mov x19, x0",
        "mov x20, x1",
        "mov x21, x2",
        "mov x22, xzr",
        "mrs x23, tpidr_el0",
        // Become the identity in x19, and call.
        "2:",
        "ldr x9, [x19]",
        "msr tpidr_el0, x9",
        "mov x0, x21",
        "mov x1, x19",
        "mov x2, x22",
        "blr x20",
        // The next one, if any.
        "mov x22, x19",
        "mov x19, x0",
        "cbnz x0, 2b",
        // Back to our own.
        "msr tpidr_el0, x23",
        "mov x0, x22",
        "ldp x19, x20, [sp, #16]",
        ".cfi_restore x19",
        ".cfi_restore x20",
        "ldp x21, x22, [sp, #32]",
        ".cfi_restore x21",
        ".cfi_restore x22",
        "ldr x23, [sp, #48]",
        ".cfi_restore x23",
        "ldp x29, x30, [sp], #64",
        ".cfi_def_cfa sp, 0",
        ".cfi_restore x29",
        ".cfi_restore x30",
        "ret",
        ".cfi_endproc",
    )
}

/// The calling thread's.
pub(crate) fn thread_pointer() -> usize {
    let at: usize;
    // SAFETY: reads a register.
    unsafe {
        asm!("mrs {}, tpidr_el0", out(reg) at, options(nostack, preserves_flags, nomem));
    }
    at
}

/// Whether programs may change the register: here all may.
pub(crate) fn register() -> Register {
    Register::Switchable
}
