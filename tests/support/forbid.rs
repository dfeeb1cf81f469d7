//! System calls that fail: for what a program does when the system refuses something.
#![allow(dead_code, reason = "each test program uses a part of it")]

use libc::{
    BPF_ABS, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, SECCOMP_RET_ALLOW,
    SECCOMP_RET_ERRNO, sock_filter,
};
use std::io;

/// From now on this system call fails with `EPERM`, for this thread and those that it starts.
pub(crate) fn forbid(call: libc::c_long) {
    install(&mut [
        load(NUMBER),
        go_on_if(BPF_JEQ, number(call), 1),
        refuse(),
        allow(),
    ]);
}

/// As [`forbid`], for `mprotect` that takes the access to 64 KiB and more away: the guards of
/// goroutines' stacks. Threads have smaller ones.
pub(crate) fn forbid_guards() {
    install(&mut [
        load(NUMBER),
        go_on_if(BPF_JEQ, number(libc::SYS_mprotect), 5),
        load(ARGUMENTS + 8),
        go_on_if(BPF_JGE, 64 << 10, 3),
        load(ARGUMENTS + 16),
        go_on_if(BPF_JEQ, libc::PROT_NONE as u32, 1),
        refuse(),
        allow(),
    ]);
}

/// Where the call's number and its arguments are in what a filter sees (`struct seccomp_data`).
const NUMBER: u32 = 0;
const ARGUMENTS: u32 = 16;

fn number(call: libc::c_long) -> u32 {
    u32::try_from(call).expect("numbers of calls are small")
}

fn step(code: u32, otherwise: u8, k: u32) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt: 0,
        jf: otherwise,
        k,
    }
}

/// The word at this place (of an argument, on these machines, the lower half).
fn load(at: u32) -> sock_filter {
    step(BPF_LD | BPF_W | BPF_ABS, 0, at)
}

/// Else so many steps are left out.
fn go_on_if(comparison: u32, with: u32, else_leave_out: u8) -> sock_filter {
    step(BPF_JMP | comparison | BPF_K, else_leave_out, with)
}

fn refuse() -> sock_filter {
    step(BPF_RET | BPF_K, 0, SECCOMP_RET_ERRNO | libc::EPERM as u32)
}

fn allow() -> sock_filter {
    step(BPF_RET | BPF_K, 0, SECCOMP_RET_ALLOW)
}

fn install(steps: &mut [sock_filter]) {
    let filter = libc::sock_fprog {
        len: steps.len() as u16,
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: the filter is valid, and the kernel keeps a copy of it.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter) == 0
    };
    assert!(done, "{}", io::Error::last_os_error());
}
