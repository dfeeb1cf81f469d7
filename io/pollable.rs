//! Something with a descriptor that is waited for again and again.

use crate::runtime::source::{Direction, Source};
use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    time::{Duration, Instant},
};

/// Something with a descriptor whose calls would block a thread: goroutines wait for it instead.
///
/// The calls that `T` makes must not block: a descriptor is set so, as by
/// [`set_nonblocking`](std::net::TcpStream::set_nonblocking), before it is wrapped. Then `Pollable`
/// makes a call, and if that says [`WouldBlock`](io::ErrorKind::WouldBlock) parks the goroutine
/// until the descriptor is ready. [`Read`] and [`Write`] are there for `Pollable<T>` if `&T` has
/// them, and for `&Pollable<T>`, so that one goroutine can read while another one writes.
///
/// Any number of goroutines and threads may wait at the same time. When the descriptor is ready all
/// that wait in that direction try; those that come too late wait again.
///
/// # Examples
/// ```
/// use gort::io::Pollable;
/// use std::{
///     io::{self, Read, Write},
///     os::unix::net::UnixStream,
/// };
///
/// # fn main() -> io::Result<()> {
/// let (a, b) = UnixStream::pair()?;
/// a.set_nonblocking(true)?;
/// b.set_nonblocking(true)?;
/// let (mut a, mut b) = (Pollable::new(a), Pollable::new(b));
/// let echo = gort::spawn(move || -> io::Result<()> {
///     let mut buffer = [0; 5];
///     b.read_exact(&mut buffer)?; // parks
///     b.write_all(&buffer)
/// });
/// a.write_all(b"hello")?;
/// let mut answer = [0; 5];
/// a.read_exact(&mut answer)?;
/// assert_eq!(&answer, b"hello");
/// echo.join().unwrap()
/// # }
/// ```
#[derive(Debug)]
pub struct Pollable<T: AsFd> {
    /// First: it goes before the descriptor is closed.
    source: Source,
    inner: T,
}

impl<T: AsFd> Pollable<T> {
    /// Wraps it. Makes no system call.
    ///
    /// # Examples
    /// ```
    /// use gort::io::Pollable;
    /// use std::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.set_nonblocking(true).unwrap();
    /// let socket = Pollable::new(socket);
    /// # let _ = socket;
    /// ```
    pub fn new(inner: T) -> Self {
        Self {
            source: Source::new(inner.as_fd()),
            inner,
        }
    }

    /// What is wrapped.
    ///
    /// # Examples
    /// ```
    /// use gort::io::Pollable;
    /// use std::net::UdpSocket;
    ///
    /// let socket = Pollable::new(UdpSocket::bind("127.0.0.1:0").unwrap());
    /// assert!(socket.get_ref().local_addr().is_ok());
    /// ```
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// What was wrapped. It is still such that its calls do not block.
    ///
    /// # Examples
    /// ```
    /// use gort::io::Pollable;
    /// use std::net::UdpSocket;
    ///
    /// let socket = Pollable::new(UdpSocket::bind("127.0.0.1:0").unwrap());
    /// let socket: UdpSocket = socket.into_inner();
    /// # let _ = socket;
    /// ```
    pub fn into_inner(self) -> T {
        let Self { source, inner } = self;
        drop(source);
        inner
    }

    /// Makes a call that reads, and parks until the descriptor is readable each time that the call
    /// says `WouldBlock`.
    ///
    /// # Errors
    /// Those of the call. [`TimedOut`](io::ErrorKind::TimedOut): the read deadline has passed.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::io::Pollable;
    /// use std::net::UdpSocket;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_nonblocking(true)?;
    /// let (socket, addr) = (Pollable::new(&socket), socket.local_addr()?);
    /// let reader = gort::scope(|s| {
    ///     let reader = s.spawn(|| {
    ///         let mut buffer = [0; 8];
    ///         socket.read_with(|socket| socket.recv(&mut buffer))
    ///     });
    ///     UdpSocket::bind("127.0.0.1:0")?.send_to(b"hi", addr)?;
    ///     reader.join().unwrap()
    /// });
    /// assert_eq!(reader?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_with<R>(&self, mut call: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.source.io(Direction::Read, None, || call(&self.inner))
    }

    /// As [`read_with`](Self::read_with), for a call that writes.
    ///
    /// # Errors
    /// As there, with the write deadline.
    ///
    /// # Panics
    /// As there.
    ///
    /// # Examples
    /// ```
    /// use gort::io::Pollable;
    /// use std::{io::Write, os::unix::net::UnixStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (a, _b) = UnixStream::pair()?;
    /// a.set_nonblocking(true)?;
    /// let a = Pollable::new(a);
    /// assert_eq!(a.write_with(|mut a| a.write(b"hello"))?, 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn write_with<R>(&self, mut call: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.source.io(Direction::Write, None, || call(&self.inner))
    }

    /// As [`read_with`](Self::read_with), for `timeout` at most if there is one; then the error is
    /// `WouldBlock`, as of std's sockets.
    pub(crate) fn read_in<R>(
        &self,
        timeout: Option<Duration>,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.source
            .io(Direction::Read, timeout, || call(&self.inner))
    }

    /// As [`read_in`](Self::read_in), of at most `len` bytes from a TCP connection, of which a
    /// short read says that there are no more.
    pub(crate) fn read_tcp(
        &self,
        timeout: Option<Duration>,
        len: usize,
        mut call: impl FnMut(&T) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.source.read(timeout, len, || call(&self.inner))
    }

    /// As [`write_with`](Self::write_with), for `timeout` at most if there is one.
    pub(crate) fn write_in<R>(
        &self,
        timeout: Option<Duration>,
        mut call: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.source
            .io(Direction::Write, timeout, || call(&self.inner))
    }

    /// Parks until the descriptor is readable, has ended or has failed. May return too early: the
    /// caller tries, and waits again.
    ///
    /// # Errors
    /// [`TimedOut`](io::ErrorKind::TimedOut): the read deadline has passed.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::io::Pollable;
    /// use std::{io::Write, os::unix::net::UnixStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (a, mut b) = UnixStream::pair()?;
    /// let a = Pollable::new(a);
    /// let reader = gort::spawn(move || a.wait_readable());
    /// b.write_all(b"x")?;
    /// reader.join().unwrap()
    /// # }
    /// ```
    pub fn wait_readable(&self) -> io::Result<()> {
        self.source.wait(Direction::Read, None)
    }

    /// Parks until the descriptor can be written to, or has failed. May return too early.
    ///
    /// # Errors
    /// [`TimedOut`](io::ErrorKind::TimedOut): the write deadline has passed.
    ///
    /// # Panics
    /// As [`wait_readable`](Self::wait_readable).
    ///
    /// # Examples
    /// ```
    /// use gort::io::Pollable;
    /// use std::os::unix::net::UnixStream;
    ///
    /// let (a, _b) = UnixStream::pair().unwrap();
    /// Pollable::new(a).wait_writable().unwrap();
    /// ```
    pub fn wait_writable(&self) -> io::Result<()> {
        self.source.wait(Direction::Write, None)
    }

    /// Sets when calls that read end with the error [`TimedOut`](io::ErrorKind::TimedOut), those
    /// under way too: Go's `SetReadDeadline`. With `None` never. A deadline that has passed fails
    /// the calls even if there is data; it can be set anew.
    ///
    /// # Examples
    /// ```
    /// use gort::io::Pollable;
    /// use std::{
    ///     io::{ErrorKind, Read},
    ///     os::unix::net::UnixStream,
    ///     time::{Duration, Instant},
    /// };
    ///
    /// let (a, _b) = UnixStream::pair().unwrap();
    /// a.set_nonblocking(true).unwrap();
    /// let mut a = Pollable::new(a);
    /// a.set_read_deadline(Some(Instant::now() + Duration::from_millis(5)));
    /// let error = a.read(&mut [0; 8]).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::TimedOut);
    /// ```
    #[doc(alias = "SetReadDeadline")]
    pub fn set_read_deadline(&self, deadline: Option<Instant>) {
        self.source.set_deadline(Direction::Read, deadline);
    }

    /// As [`set_read_deadline`](Self::set_read_deadline), for calls that write.
    ///
    /// # Examples
    /// ```
    /// use gort::io::Pollable;
    /// use std::{
    ///     io::{ErrorKind, Write},
    ///     os::unix::net::UnixStream,
    ///     time::Instant,
    /// };
    ///
    /// let (a, _b) = UnixStream::pair().unwrap();
    /// let mut a = Pollable::new(a);
    /// a.set_write_deadline(Some(Instant::now()));
    /// assert_eq!(a.write(b"x").unwrap_err().kind(), ErrorKind::TimedOut);
    /// ```
    #[doc(alias = "SetWriteDeadline")]
    pub fn set_write_deadline(&self, deadline: Option<Instant>) {
        self.source.set_deadline(Direction::Write, deadline);
    }

    /// Both of them: Go's `SetDeadline`.
    ///
    /// # Examples
    /// ```
    /// use gort::io::Pollable;
    /// use std::{io::Read, os::unix::net::UnixStream, time::Instant};
    ///
    /// let (a, _b) = UnixStream::pair().unwrap();
    /// let mut a = Pollable::new(a);
    /// a.set_deadline(Some(Instant::now()));
    /// assert!(a.read(&mut [0]).is_err());
    /// a.set_deadline(None);
    /// ```
    #[doc(alias = "SetDeadline")]
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        self.set_read_deadline(deadline);
        self.set_write_deadline(deadline);
    }

    /// Ends all calls, those under way too, with the error
    /// [`NotConnected`](io::ErrorKind::NotConnected): what Go's `Close` does to them. The
    /// descriptor itself is closed when this value is dropped.
    ///
    /// # Examples
    /// ```
    /// use gort::io::Pollable;
    /// use std::{io::Read, os::unix::net::UnixStream, sync::Arc};
    ///
    /// let (a, _b) = UnixStream::pair().unwrap();
    /// a.set_nonblocking(true).unwrap();
    /// let a = Arc::new(Pollable::new(a));
    /// let reader = gort::spawn({
    ///     let a = Arc::clone(&a);
    ///     move || (&*a).read(&mut [0])
    /// });
    /// a.close();
    /// assert!(reader.join().unwrap().is_err());
    /// ```
    pub fn close(&self) {
        self.source.close();
    }

    /// Calls that would park say `WouldBlock` instead.
    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        self.source.set_nonblocking(nonblocking);
    }
}

impl<T: AsFd> Read for &Pollable<T>
where
    for<'a> &'a T: Read,
{
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_with(|mut inner| inner.read(buffer))
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.read_with(|mut inner| inner.read_vectored(buffers))
    }
}

impl<T: AsFd> Read for Pollable<T>
where
    for<'a> &'a T: Read,
{
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }
}

impl<T: AsFd> Write for &Pollable<T>
where
    for<'a> &'a T: Write,
{
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.write_with(|mut inner| inner.write(data))
    }

    fn write_vectored(&mut self, data: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write_with(|mut inner| inner.write_vectored(data))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_with(|mut inner| inner.flush())
    }
}

impl<T: AsFd> Write for Pollable<T>
where
    for<'a> &'a T: Write,
{
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&*self).write(data)
    }

    fn write_vectored(&mut self, data: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        (&*self).flush()
    }
}

impl<T: AsFd> AsFd for Pollable<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl<T: AsFd> AsRawFd for Pollable<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_fd().as_raw_fd()
    }
}
