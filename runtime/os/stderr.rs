//! The process's error stream, without std's lock on it.

use std::{fs::File, io::Write, mem::ManuallyDrop, os::fd::FromRawFd};

/// Writes to the error stream itself: a goroutine that is parked may hold std's lock on it, and
/// test harnesses keep what the print macros write.
///
/// A stream that is closed, or cannot be written to, is no error.
pub(crate) fn say(text: &str) {
    // SAFETY: never dropped, so never closed by this. If the program has closed it, writing fails,
    // or goes where it would go from C.
    let mut stream = ManuallyDrop::new(unsafe { File::from_raw_fd(libc::STDERR_FILENO) });
    let _ = stream.write_all(text.as_bytes());
}
