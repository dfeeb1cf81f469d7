//! Connections of Unix sockets.

mod options;

use crate::net::{
    socket::{Socket, socket_conversions},
    unix::connect::connect,
};
use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    net::Shutdown,
    os::{
        fd::{FromRawFd, RawFd},
        unix::net::{self, SocketAddr},
    },
    path::Path,
};

/// A connection between Unix sockets: [`std::os::unix::net::UnixStream`], whose calls park the
/// goroutine.
///
/// On a plain thread they block that thread. The connection is closed when the last clone is
/// dropped.
///
/// # Examples
/// ```
/// use gort::net::UnixStream;
/// use std::io::{Read, Write};
///
/// # fn main() -> std::io::Result<()> {
/// let (mut a, mut b) = UnixStream::pair()?;
/// let reader = gort::spawn(move || {
///     let mut text = String::new();
///     b.read_to_string(&mut text).map(|_| text) // parks
/// });
/// a.write_all(b"hello")?;
/// drop(a);
/// assert_eq!(reader.join().unwrap()?, "hello");
/// # Ok(())
/// # }
/// ```
pub struct UnixStream {
    socket: Socket<net::UnixStream>,
}

impl UnixStream {
    /// Connects to the listener at `path`. Parks while the listener's queue is full.
    ///
    /// # Errors
    /// `NotFound`: there is no such path; `ConnectionRefused`: nobody listens there any more;
    /// `InvalidInput`: it is too long; the system's.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixStream;
    /// use std::io::ErrorKind;
    ///
    /// let error = UnixStream::connect("no/such/socket").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NotFound);
    /// ```
    #[doc(alias = "DialUnix")]
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        Self::connect_addr(&SocketAddr::from_pathname(path)?)
    }

    /// Connects to the listener at `addr`, which may be an abstract address. Parks while the
    /// listener's queue is full.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    ///
    /// # Panics
    /// As there.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{UnixListener, UnixStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-caddr-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// let stream = UnixStream::connect_addr(&listener.local_addr()?)?;
    /// assert_eq!(stream.peer_addr()?.as_pathname(), Some(path.as_path()));
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    pub fn connect_addr(addr: &SocketAddr) -> io::Result<Self> {
        Ok(Self {
            socket: Socket::new(connect(addr)?),
        })
    }

    /// Two sockets that are connected to each other. Does not park.
    ///
    /// # Errors
    /// There are too many descriptors.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixStream;
    ///
    /// let (a, b) = UnixStream::pair().unwrap();
    /// # let _ = (a, b);
    /// ```
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = net::UnixStream::pair()?;
        Ok((Self::fresh(a)?, Self::fresh(b)?))
    }

    /// A connection that was just made, and has no options yet.
    pub(crate) fn fresh(stream: net::UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            socket: Socket::new(stream),
        })
    }

    /// Another handle of the same connection, with a descriptor of its own. Does not park.
    ///
    /// Timeouts and [`set_nonblocking`](Self::set_nonblocking) are shared; deadlines are not. To
    /// read and write at the same time `&UnixStream` will do.
    ///
    /// # Errors
    /// There are too many descriptors.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixStream;
    /// use std::io::{Read, Write};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (mut a, b) = UnixStream::pair()?;
    /// let mut clone = b.try_clone()?;
    /// a.write_all(b"x")?;
    /// assert_eq!(clone.read(&mut [0; 8])?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        let clone = self.socket.get_ref().try_clone()?;
        Ok(Self {
            socket: self.socket.sharing_options(clone),
        })
    }

    /// The address of this side. Does not park.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixStream;
    ///
    /// let (a, _b) = UnixStream::pair().unwrap();
    /// assert!(a.local_addr().unwrap().is_unnamed());
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    /// The address of the other side. Does not park.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixStream;
    ///
    /// let (a, _b) = UnixStream::pair().unwrap();
    /// assert!(a.peer_addr().unwrap().is_unnamed());
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().peer_addr()
    }

    /// Ends one direction of the connection, or both, for all clones. Does not park.
    ///
    /// Calls under way end too: reads with what has come and then with 0, writes with an error. The
    /// other side reads 0 once it has read all that was written.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixStream;
    /// use std::{io::Read, net::Shutdown, sync::Arc};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (a, _b) = UnixStream::pair()?;
    /// let a = Arc::new(a);
    /// let reader = gort::spawn({
    ///     let a = Arc::clone(&a);
    ///     move || (&*a).read(&mut [0])
    /// });
    /// a.shutdown(Shutdown::Both)?;
    /// assert_eq!(reader.join().unwrap()?, 0);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "CloseWrite")]
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.get_ref().shutdown(how)
    }
}

impl Read for &UnixStream {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(|mut stream| stream.read(buffer))
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.socket.read(|mut stream| stream.read_vectored(buffers))
    }
}

impl Read for UnixStream {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }
}

impl Write for &UnixStream {
    #[inline]
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.socket.write(|mut stream| stream.write(data))
    }

    fn write_vectored(&mut self, data: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.write(|mut stream| stream.write_vectored(data))
    }

    /// Does nothing: what was written is on its way.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for UnixStream {
    #[inline]
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        (&*self).write(data)
    }

    fn write_vectored(&mut self, data: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(data)
    }

    /// Does nothing: what was written is on its way.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<net::UnixStream> for UnixStream {
    /// Sets it so that its calls do not block, with all its clones. Its timeouts stay.
    fn from(stream: net::UnixStream) -> Self {
        // It fails for what is not open only, and then every call does.
        let _ = stream.set_nonblocking(true);
        let (read, write) = (stream.read_timeout(), stream.write_timeout());
        Self {
            socket: Socket::with_timeouts(stream, read, write),
        }
    }
}

impl FromRawFd for UnixStream {
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller's: it is open, and nobody else's.
        Self::from(unsafe { net::UnixStream::from_raw_fd(fd) })
    }
}

socket_conversions!(UnixStream, net::UnixStream);
