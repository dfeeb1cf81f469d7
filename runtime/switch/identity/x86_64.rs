//! Changing the identity on x86_64 Linux: the base address of segment fs.
//!
//! # Registers during a tour
//!
//! ```text
//! register    what it holds                         why it lasts
//! rbx         the identity that is being visited    callee-saved, as are the others
//! r12         the function to call
//! r13         its first argument
//! r14         the identity visited before; or null
//! r15         the thread's own fs base
//! rbp         the frame
//! fs base     the visited identity's                nobody changes it but this function
//! ```
//!
//! # The stack, highest address first
//!
//! ```text
//!        | return address |
//!        | rbp            | <- rbp
//!        | rbx            |
//!        | r12            |
//!        | r13            |
//!        | r14            |
//!        | r15            |
//!        | (alignment)    | <- rsp, a multiple of 16
//! ```
//!
//! # Safety of this file
//!
//! To the compiler a tour is a call of an unknown function. On its way in and out the function
//! touches no memory but its own frame and the identities' first words, so nothing is looked up by
//! the thread pointer while it is being changed. A signal handler that interrupts it finds one
//! whole identity or another: the change is one instruction.

use crate::runtime::switch::identity::{
    abi::{Identity, Visit},
    facts::Register,
};
use core::arch::{asm, naked_asm, x86_64::__cpuid_count};

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
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "push rbx",
        ".cfi_offset rbx, -24",
        "push r12",
        ".cfi_offset r12, -32",
        "push r13",
        ".cfi_offset r13, -40",
        "push r14",
        ".cfi_offset r14, -48",
        "push r15",
        ".cfi_offset r15, -56",
        "sub rsp, 8",
        "mov rbx, rdi",
        "mov r12, rsi",
        "mov r13, rdx",
        "xor r14d, r14d",
        "rdfsbase r15",
        // Become the identity in rbx, and call.
        "2:",
        "mov rax, [rbx]",
        "wrfsbase rax",
        "mov rdi, r13",
        "mov rsi, rbx",
        "mov rdx, r14",
        "call r12",
        // The next one, if any.
        "mov r14, rbx",
        "mov rbx, rax",
        "test rax, rax",
        "jnz 2b",
        // Back to our own.
        "wrfsbase r15",
        "mov rax, r14",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        ".cfi_def_cfa rsp, 8",
        ".cfi_restore rbp",
        "ret",
        ".cfi_endproc",
    )
}

/// The calling thread's. The ABI has it stored at its own address, so no special instruction is
/// needed.
pub(crate) fn thread_pointer() -> usize {
    let at: usize;
    // SAFETY: reads a word that every thread has.
    unsafe {
        asm!("mov {}, fs:[0]", out(reg) at, options(nostack, preserves_flags, readonly));
    }
    at
}

/// Whether programs may change the register.
pub(crate) fn register() -> Register {
    /// The kernel lets programs use rdfsbase and wrfsbase.
    const HWCAP2_FSGSBASE: libc::c_ulong = 2;
    /// Leaf 7, ebx: the processor has these. Tools that interpret programs may not have them,
    /// whatever the kernel says.
    const CPUID_FSGSBASE: u32 = 1;

    // SAFETY: reads what the kernel has told the process at its start.
    let allowed = unsafe { libc::getauxval(libc::AT_HWCAP2) } & HWCAP2_FSGSBASE != 0;
    #[allow(unused_unsafe, reason = "newer compilers have made it safe")]
    // SAFETY: every x86_64 processor has cpuid; it answers zeros for a leaf that it does not have,
    // or those of the highest one.
    let has = unsafe { __cpuid_count(7, 0) }.ebx & CPUID_FSGSBASE != 0;
    if allowed && has {
        Register::Switchable
    } else {
        Register::Forbidden
    }
}
