//! Our ends of the pipes to a child.

use crate::io::{PipeReader, PipeWriter};
use std::{
    fmt,
    io::{self, IoSlice, IoSliceMut, Read, Write},
    os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd},
    process::{self, Stdio},
};

/// What a child reads: [`std::process::ChildStdin`], whose writes park the goroutine.
///
/// Dropping it ends the child's input. It goes into a [`PipeWriter`], which has deadlines.
///
/// # Examples
/// ```
/// use gort::process::{ChildStdin, Command, Stdio};
/// use std::io::Write;
///
/// # fn main() -> std::io::Result<()> {
/// let mut cat = Command::new("cat")
///     .stdin(Stdio::piped())
///     .stdout(Stdio::piped())
///     .spawn()?;
/// let mut stdin: ChildStdin = cat.stdin.take().unwrap();
/// stdin.write_all(b"hello")?;
/// drop(stdin);
/// assert_eq!(cat.wait_with_output()?.stdout, b"hello");
/// # Ok(())
/// # }
/// ```
pub struct ChildStdin(PipeWriter);

/// What a child writes to its output: [`std::process::ChildStdout`], whose reads park the
/// goroutine.
///
/// It goes into a [`PipeReader`], which has deadlines.
///
/// # Examples
/// ```
/// use gort::process::{ChildStdout, Command, Stdio};
/// use std::io::{BufRead, BufReader};
///
/// # fn main() -> std::io::Result<()> {
/// let mut child = Command::new("echo")
///     .arg("hello")
///     .stdout(Stdio::piped())
///     .spawn()?;
/// let stdout: ChildStdout = child.stdout.take().unwrap();
/// for line in BufReader::new(stdout).lines() {
///     assert_eq!(line?, "hello");
/// }
/// assert!(child.wait()?.success());
/// # Ok(())
/// # }
/// ```
pub struct ChildStdout(PipeReader);

/// What a child writes to its error stream: [`std::process::ChildStderr`]; else as
/// [`ChildStdout`].
///
/// # Examples
/// ```
/// use gort::process::{ChildStderr, Command, Stdio};
/// use std::io::Read;
///
/// # fn main() -> std::io::Result<()> {
/// let mut child = Command::new("sh")
///     .args(["-c", "echo oh >&2"])
///     .stderr(Stdio::piped())
///     .spawn()?;
/// let mut stderr: ChildStderr = child.stderr.take().unwrap();
/// let mut text = String::new();
/// stderr.read_to_string(&mut text)?;
/// assert_eq!(text, "oh\n");
/// child.wait()?;
/// # Ok(())
/// # }
/// ```
pub struct ChildStderr(PipeReader);

impl Write for &ChildStdin {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&self.0).write(data)
    }

    fn write_vectored(&mut self, data: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.0).write_vectored(data)
    }

    /// Does nothing: what was written is in the pipe.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for ChildStdin {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&*self).write(data)
    }

    fn write_vectored(&mut self, data: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(data)
    }

    /// Does nothing: what was written is in the pipe.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

macro_rules! reads {
    ($end:ident) => {
        impl Read for $end {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.0.read(buffer)
            }

            fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.0.read_vectored(buffers)
            }
        }
    };
}

reads!(ChildStdout);
reads!(ChildStderr);

/// The conversions of the end `$end`, which wraps `$pipe`.
macro_rules! conversions {
    ($end:ident, $pipe:ident) => {
        impl From<process::$end> for $end {
            /// Sets it so that its calls do not block. The child's end is not touched.
            fn from(end: process::$end) -> Self {
                Self($pipe::from(OwnedFd::from(end)))
            }
        }

        impl From<OwnedFd> for $end {
            fn from(fd: OwnedFd) -> Self {
                Self($pipe::from(fd))
            }
        }

        impl From<$end> for process::$end {
            /// Sets it back, so that its calls block.
            fn from(end: $end) -> Self {
                Self::from(OwnedFd::from(end))
            }
        }

        impl From<$end> for $pipe {
            fn from(end: $end) -> Self {
                end.0
            }
        }

        impl From<$end> for OwnedFd {
            fn from(end: $end) -> Self {
                Self::from(end.0)
            }
        }

        impl From<$end> for Stdio {
            fn from(end: $end) -> Self {
                Self::from(end.0)
            }
        }

        impl AsFd for $end {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.0.as_fd()
            }
        }

        impl AsRawFd for $end {
            fn as_raw_fd(&self) -> RawFd {
                self.0.as_raw_fd()
            }
        }

        impl IntoRawFd for $end {
            fn into_raw_fd(self) -> RawFd {
                self.0.into_raw_fd()
            }
        }

        impl fmt::Debug for $end {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($end)).finish_non_exhaustive()
            }
        }
    };
}

conversions!(ChildStdin, PipeWriter);
conversions!(ChildStdout, PipeReader);
conversions!(ChildStderr, PipeReader);
