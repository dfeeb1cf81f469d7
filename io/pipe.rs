//! Pipes whose ends park goroutines.

use crate::io::Pollable;
use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd},
    process::Stdio,
    time::Instant,
};

/// A pipe inside the system: what is written to one end is read from the other. Does not park.
///
/// As [`std::io::pipe`]; reads and writes park the goroutine. An end can be given to a child
/// process, [into](Into) whose [`Stdio`] it goes.
///
/// # Errors
/// There are too many descriptors.
///
/// # Examples
/// ```
/// use std::io::{Read, Write};
///
/// # fn main() -> std::io::Result<()> {
/// let (mut reader, mut writer) = gort::io::pipe()?;
/// let reading = gort::spawn(move || {
///     let mut text = String::new();
///     reader.read_to_string(&mut text).map(|_| text) // parks
/// });
/// writer.write_all(b"hello")?;
/// drop(writer);
/// assert_eq!(reading.join().unwrap()?, "hello");
/// # Ok(())
/// # }
/// ```
#[doc(alias = "Pipe")]
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    set_nonblocking(&reader, true)?;
    set_nonblocking(&writer, true)?;
    Ok((
        PipeReader(Pollable::new(reader)),
        PipeWriter(Pollable::new(writer)),
    ))
}

/// The end of a [`pipe`] that reads: [`std::io::PipeReader`], whose calls park the goroutine.
///
/// On a plain thread they block that thread. It comes [`From`] std's type and from a descriptor,
/// which are set so that calls do not block, and goes back [`Into`] them, which sets them back. All
/// clones share that flag.
///
/// # Examples
/// ```
/// use gort::io::PipeReader;
/// use std::io::{Read, Write};
///
/// # fn main() -> std::io::Result<()> {
/// let (reader, mut writer) = std::io::pipe()?;
/// writer.write_all(b"x")?;
/// let mut reader = PipeReader::from(reader);
/// assert_eq!(reader.read(&mut [0; 8])?, 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PipeReader(Pollable<io::PipeReader>);

/// The end of a [`pipe`] that writes: [`std::io::PipeWriter`], whose calls park the goroutine.
///
/// Else as [`PipeReader`]. A write of at most `PIPE_BUF` bytes (4 KiB on Linux) is not mixed with
/// those of others.
///
/// # Examples
/// ```
/// use gort::io::{PipeWriter, pipe};
/// use std::io::{ErrorKind, Write};
///
/// # fn main() -> std::io::Result<()> {
/// let (reader, mut writer): (_, PipeWriter) = pipe()?;
/// drop(reader);
/// assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PipeWriter(Pollable<io::PipeWriter>);

impl PipeReader {
    /// Another handle of the same end, with a descriptor of its own. Does not park.
    ///
    /// # Errors
    /// There are too many descriptors.
    ///
    /// # Examples
    /// ```
    /// use std::io::{Read, Write};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (reader, mut writer) = gort::io::pipe()?;
    /// writer.write_all(b"x")?;
    /// assert_eq!(reader.try_clone()?.read(&mut [0; 8])?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        let clone = self.0.get_ref().try_clone()?;
        Ok(Self(Pollable::new(clone)))
    }

    /// Sets when reads end with the error [`TimedOut`](io::ErrorKind::TimedOut), those under way
    /// too: Go's `SetReadDeadline`. With `None` never. Clones do not share it.
    ///
    /// # Examples
    /// ```
    /// use std::{
    ///     io::{ErrorKind, Read},
    ///     time::{Duration, Instant},
    /// };
    ///
    /// let (mut reader, _writer) = gort::io::pipe().unwrap();
    /// reader.set_read_deadline(Some(Instant::now() + Duration::from_millis(5)));
    /// assert_eq!(reader.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    /// ```
    #[doc(alias = "SetReadDeadline")]
    pub fn set_read_deadline(&self, deadline: Option<Instant>) {
        self.0.set_read_deadline(deadline);
    }
}

impl PipeWriter {
    /// Another handle of the same end, with a descriptor of its own. Does not park.
    ///
    /// The reader reads 0 when all of them are dropped.
    ///
    /// # Errors
    /// There are too many descriptors.
    ///
    /// # Examples
    /// ```
    /// use std::io::{Read, Write};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (mut reader, writer) = gort::io::pipe()?;
    /// writer.try_clone()?.write_all(b"x")?;
    /// assert_eq!(reader.read(&mut [0; 8])?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        let clone = self.0.get_ref().try_clone()?;
        Ok(Self(Pollable::new(clone)))
    }

    /// Sets when writes end with the error [`TimedOut`](io::ErrorKind::TimedOut), those under way
    /// too: Go's `SetWriteDeadline`. With `None` never. Clones do not share it.
    ///
    /// # Examples
    /// ```
    /// use std::{
    ///     io::{ErrorKind, Write},
    ///     time::Instant,
    /// };
    ///
    /// let (_reader, mut writer) = gort::io::pipe().unwrap();
    /// writer.set_write_deadline(Some(Instant::now()));
    /// assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::TimedOut);
    /// ```
    #[doc(alias = "SetWriteDeadline")]
    pub fn set_write_deadline(&self, deadline: Option<Instant>) {
        self.0.set_write_deadline(deadline);
    }
}

impl Read for &PipeReader {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&self.0).read_vectored(buffers)
    }
}

impl Read for PipeReader {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }
}

impl Write for &PipeWriter {
    #[inline]
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

impl Write for PipeWriter {
    #[inline]
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

/// Sets whether calls on this descriptor, and on all that share its description, do not block.
fn set_nonblocking(fd: &impl AsFd, nonblocking: bool) -> io::Result<()> {
    let mut on = libc::c_int::from(nonblocking);
    // SAFETY: the descriptor is open, and `on` lives through the call.
    let done = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::FIONBIO, &raw mut on) };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The conversions of the end `$end` of a pipe, which wraps `$std`.
macro_rules! conversions {
    ($end:ident, $std:ty) => {
        impl From<$std> for $end {
            fn from(end: $std) -> Self {
                // It fails for what is not open only, and then every call does.
                let _ = set_nonblocking(&end, true);
                Self(Pollable::new(end))
            }
        }

        impl From<$end> for $std {
            fn from(end: $end) -> Self {
                let end = end.0.into_inner();
                // As above.
                let _ = set_nonblocking(&end, false);
                end
            }
        }

        impl From<OwnedFd> for $end {
            fn from(fd: OwnedFd) -> Self {
                Self::from(<$std>::from(fd))
            }
        }

        impl From<$end> for OwnedFd {
            fn from(end: $end) -> Self {
                Self::from(<$std>::from(end))
            }
        }

        impl From<$end> for Stdio {
            fn from(end: $end) -> Self {
                Self::from(<$std>::from(end))
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
                OwnedFd::from(self).into_raw_fd()
            }
        }
    };
}

impl FromRawFd for PipeReader {
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller's: it is open, and nobody else's.
        Self::from(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

impl FromRawFd for PipeWriter {
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller's: it is open, and nobody else's.
        Self::from(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

conversions!(PipeReader, io::PipeReader);
conversions!(PipeWriter, io::PipeWriter);
