//! The standard input, whose reads park goroutines.

use crate::{
    io::wait_readable,
    runtime::park,
    sync::{Lazy, Mutex, MutexGuard},
};
use std::{
    fmt,
    io::{self, BufRead, BufReader, ErrorKind, IoSliceMut, Lines, Read},
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
};

/// The standard input of this process. Does not park.
///
/// As [`std::io::stdin`]; reads and [`lock`](Stdin::lock) park the goroutine. All handles share one
/// buffer, which is not that of std: a program reads through one of the two.
///
/// Other processes may share what the standard input is, so it is never set not to block: a
/// goroutine waits until there is something to read and then reads. If somebody else takes that in
/// between, the read blocks its thread, as others of its home, until more comes. Files on a disk
/// are read at once.
///
/// # Examples
/// ```
/// use std::io;
///
/// fn main() -> io::Result<()> {
///     let stdin = gort::io::stdin();
/// #   if true { return Ok(()) } // the example's input may be a terminal
///     let mut name = String::new();
///     stdin.read_line(&mut name)?; // parks
///     println!("hello, {}", name.trim_end());
///     for line in stdin.lines() {
///         println!("> {}", line?);
///     }
///     Ok(())
/// }
/// ```
#[doc(alias = "Stdin")]
pub fn stdin() -> Stdin {
    static BUFFER: Lazy<Mutex<BufReader<Descriptor>>> =
        Lazy::new(|| Mutex::new(BufReader::new(Descriptor)));
    Stdin { buffer: &BUFFER }
}

/// A handle of the standard input: see [`stdin`].
///
/// # Examples
/// ```
/// use std::os::fd::AsRawFd;
///
/// let stdin: gort::io::Stdin = gort::io::stdin();
/// assert_eq!(stdin.as_raw_fd(), 0);
/// ```
pub struct Stdin {
    buffer: &'static Mutex<BufReader<Descriptor>>,
}

/// The standard input, for one goroutine or thread until it is dropped: see [`Stdin::lock`].
///
/// # Examples
/// ```
/// let lock: gort::io::StdinLock<'_> = gort::io::stdin().lock();
/// drop(lock);
/// ```
pub struct StdinLock<'a> {
    buffer: MutexGuard<'a, BufReader<Descriptor>>,
}

impl Stdin {
    /// Takes the standard input for the caller. Parks while somebody else has it.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park; if
    /// this goroutine or thread has it already.
    ///
    /// # Examples
    /// ```
    /// use std::os::fd::AsRawFd;
    ///
    /// let lock = gort::io::stdin().lock();
    /// assert_eq!(lock.as_raw_fd(), 0);
    /// ```
    pub fn lock(&self) -> StdinLock<'static> {
        StdinLock {
            buffer: self.buffer.lock(),
        }
    }

    /// Appends the next line to `line`, with its end, and says how many bytes that is: 0 at the end
    /// of the input. Parks until there is a whole line.
    ///
    /// # Errors
    /// The system's; `InvalidData`: the line is not UTF-8.
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    ///
    /// # Examples
    /// ```no_run
    /// let mut line = String::new();
    /// while gort::io::stdin().read_line(&mut line).unwrap() > 0 {
    ///     print!("{line}");
    ///     line.clear();
    /// }
    /// ```
    /// ```
    /// let read: fn(&gort::io::Stdin, &mut String) -> std::io::Result<usize> =
    ///     gort::io::Stdin::read_line;
    /// # let _ = read;
    /// ```
    pub fn read_line(&self, line: &mut String) -> io::Result<usize> {
        self.lock().read_line(line)
    }

    /// The lines that come, without their ends. Each step parks until there is one.
    ///
    /// Takes the standard input at once, as [`lock`](Self::lock) does, until it is dropped.
    ///
    /// # Panics
    /// As [`lock`](Self::lock).
    ///
    /// # Examples
    /// ```
    /// let lines = gort::io::stdin().lines();
    /// # if false {
    /// for line in lines {
    ///     println!("> {}", line?);
    /// }
    /// # }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn lines(self) -> Lines<StdinLock<'static>> {
        self.lock().lines()
    }
}

/// Descriptor 0. It is not owned, and may not be open.
struct Descriptor;

static STDIN: Descriptor = Descriptor;

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: std says the same of its own handle: whoever closes descriptor 0 is at fault.
        unsafe { BorrowedFd::borrow_raw(libc::STDIN_FILENO) }
    }
}

impl Descriptor {
    /// One call of `read`, once there is something.
    fn read_when_ready(&self, buffer: &mut [u8]) -> io::Result<usize> {
        // A thread may as well wait in the call itself.
        let mut waits = park::is_goroutine();
        loop {
            if waits {
                wait_readable(self)?;
            }
            // SAFETY: `buffer` is this long, and may be written to.
            let n =
                unsafe { libc::read(libc::STDIN_FILENO, buffer.as_mut_ptr().cast(), buffer.len()) };
            if let Ok(n) = usize::try_from(n) {
                return Ok(n);
            }
            let error = io::Error::last_os_error();
            match error.kind() {
                // Somebody else has set it so, or signals came.
                ErrorKind::WouldBlock => waits = true,
                ErrorKind::Interrupted => {}
                _ => return Err(error),
            }
        }
    }
}

impl Read for Descriptor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.read_when_ready(buffer) {
            // It is not open: an input that has ended, as in std.
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => Ok(0),
            read => read,
        }
    }
}

impl Read for StdinLock<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.buffer.read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.buffer.read_vectored(buffers)
    }

    fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        self.buffer.read_to_end(bytes)
    }

    fn read_to_string(&mut self, text: &mut String) -> io::Result<usize> {
        self.buffer.read_to_string(text)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.buffer.read_exact(buffer)
    }
}

impl BufRead for StdinLock<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.buffer.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.buffer.consume(n);
    }
}

impl Read for &Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.lock().read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.lock().read_vectored(buffers)
    }

    fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        self.lock().read_to_end(bytes)
    }

    fn read_to_string(&mut self, text: &mut String) -> io::Result<usize> {
        self.lock().read_to_string(text)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.lock().read_exact(buffer)
    }
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }

    fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        (&*self).read_to_end(bytes)
    }

    fn read_to_string(&mut self, text: &mut String) -> io::Result<usize> {
        (&*self).read_to_string(text)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        (&*self).read_exact(buffer)
    }
}

/// What these two have in common.
macro_rules! is_descriptor_0 {
    ($($type:ty, $name:literal);*) => {$(
        impl AsFd for $type {
            fn as_fd(&self) -> BorrowedFd<'_> {
                STDIN.as_fd()
            }
        }

        impl AsRawFd for $type {
            fn as_raw_fd(&self) -> RawFd {
                libc::STDIN_FILENO
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct($name).finish_non_exhaustive()
            }
        }
    )*};
}

is_descriptor_0!(Stdin, "Stdin"; StdinLock<'_>, "StdinLock");
