//! Locks of whole files between programs: `flock`, as `std` takes them.

use std::{error::Error, fmt, fs::File, io, os::fd::AsRawFd};

/// Why a file was not locked: `std::fs::TryLockError`, which gort has its own of since it supports
/// older compilers.
///
/// # Examples
/// ```
/// use gort::fs::{File, TryLockError};
/// # let path = std::env::temp_dir().join(format!("gort-doc-tle-{}", std::process::id()));
/// let (file, other) = (File::create(&path)?, File::open(&path)?);
/// file.lock()?;
/// assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
/// # std::fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
pub enum TryLockError {
    /// The system refused.
    Error(io::Error),
    /// Somebody else has locked it.
    WouldBlock,
}

impl fmt::Debug for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::WouldBlock => f.write_str("WouldBlock"),
        }
    }
}

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(_) => f.write_str("lock acquisition failed due to I/O error"),
            Self::WouldBlock => {
                f.write_str("lock acquisition failed because the operation would block")
            }
        }
    }
}

impl Error for TryLockError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Error(error) => Some(error),
            Self::WouldBlock => None,
        }
    }
}

impl From<TryLockError> for io::Error {
    fn from(error: TryLockError) -> Self {
        match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
        }
    }
}

/// What is asked of `flock`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ask {
    Exclusive,
    Shared,
    Unlock,
}

impl Ask {
    const fn operation(self) -> libc::c_int {
        match self {
            Self::Exclusive => libc::LOCK_EX,
            Self::Shared => libc::LOCK_SH,
            Self::Unlock => libc::LOCK_UN,
        }
    }
}

/// Blocks the thread until it is done.
pub(crate) fn flock(file: &File, ask: Ask) -> io::Result<()> {
    call(file, ask.operation())
}

/// As [`flock`], and does not wait for others.
pub(crate) fn try_flock(file: &File, ask: Ask) -> Result<(), TryLockError> {
    call(file, ask.operation() | libc::LOCK_NB).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => TryLockError::WouldBlock,
        _ => TryLockError::Error(error),
    })
}

/// A signal does not end the wait.
fn call(file: &File, operation: libc::c_int) -> io::Result<()> {
    loop {
        // SAFETY: no preconditions; and the descriptor is open for as long as `file` is borrowed.
        if unsafe { libc::flock(file.as_raw_fd(), operation) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
