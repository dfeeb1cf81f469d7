//! Waiting until a child has ended, without blocking a thread where the system lets us.

use std::{io, process};

/// Parks until this child, which has not been waited for, has ended.
///
/// # Errors
/// There is no way to park for it: the caller blocks a thread.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn park_until_exited(child: &process::Child) -> io::Result<()> {
    use std::os::fd::{FromRawFd, OwnedFd};
    let flags: libc::c_uint = 0;
    // SAFETY: the call takes two numbers. The id is the child's: only a wait sets that free.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, child.id() as libc::pid_t, flags) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made, and is nobody else's.
    let fd = unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) };
    crate::io::wait_readable(&fd)
}

/// As on Linux, which has pidfds.
///
/// # Errors
/// Always.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn park_until_exited(_child: &process::Child) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
