//! A TCP connection.

mod options;

use crate::net::{
    connect::connect,
    resolve::each_addr,
    socket::{Socket, socket_conversions},
};
use std::{
    io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write},
    net::{self, Shutdown, SocketAddr, ToSocketAddrs},
    os::fd::{FromRawFd, RawFd},
    time::Duration,
};

/// A TCP connection: [`std::net::TcpStream`], whose calls park the goroutine.
///
/// It comes from [`connect`](Self::connect) or from
/// [`TcpListener::accept`](crate::net::TcpListener::accept), and is closed when it is dropped.
/// [`Read`] and [`Write`] are also there for `&TcpStream`, so two goroutines that share an
/// `Arc<TcpStream>` can read and write at the same time; no lock and no clone is needed. On a plain
/// thread the calls block that thread.
///
/// Unix only, for now.
///
/// # Examples
/// ```
/// use gort::net::{TcpListener, TcpStream};
/// use std::{
///     io::{self, Read, Write},
///     net::Shutdown,
///     sync::Arc,
/// };
///
/// # fn main() -> io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let stream = Arc::new(TcpStream::connect(listener.local_addr()?)?);
/// let writer = gort::spawn({
///     let stream = Arc::clone(&stream);
///     move || -> io::Result<()> {
///         (&*stream).write_all(b"hello")?;
///         stream.shutdown(Shutdown::Write)
///     }
/// });
/// let (peer, _) = listener.accept()?;
/// io::copy(&mut &peer, &mut &peer)?; // what comes goes back
/// drop(peer);
///
/// let mut answer = String::new();
/// (&*stream).read_to_string(&mut answer)?;
/// assert_eq!(answer, "hello");
/// writer.join().unwrap()
/// # }
/// ```
pub struct TcpStream {
    socket: Socket<net::TcpStream>,
}

impl TcpStream {
    /// Connects to `addr`. Parks until the connection is made.
    ///
    /// If there are several addresses they are tried one by one. A name is looked up on a thread
    /// for blocking calls, as by [`lookup_host`](crate::net::lookup_host).
    ///
    /// # Errors
    /// That of the last address; `InvalidInput`: there is no address; those of the lookup.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{TcpListener, TcpStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let addr = listener.local_addr()?;
    /// let stream = TcpStream::connect(addr)?;
    /// assert_eq!(stream.peer_addr()?, addr);
    /// TcpStream::connect(("localhost", addr.port()))?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "Dial")]
    pub fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        each_addr(&addr, |addr| connect(addr, None)).map(|io| Self {
            socket: Socket::waiting_with(io),
        })
    }

    /// As [`connect`](Self::connect), for `timeout` at most.
    ///
    /// # Errors
    /// [`TimedOut`](ErrorKind::TimedOut): the time is up; `InvalidInput`: it is zero.
    ///
    /// # Panics
    /// As there.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{TcpListener, TcpStream};
    /// use std::time::Duration;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// TcpStream::connect_timeout(&listener.local_addr()?, Duration::from_secs(5))?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "DialTimeout")]
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<Self> {
        if timeout.is_zero() {
            let what = "cannot set a 0 duration timeout";
            return Err(io::Error::new(ErrorKind::InvalidInput, what));
        }
        connect(*addr, Some(timeout)).map(|io| Self {
            socket: Socket::waiting_with(io),
        })
    }

    /// A connection that was accepted, and has no options yet.
    pub(crate) fn accepted(stream: net::TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            socket: Socket::new(stream),
        })
    }

    /// The address of the other side. Does not park.
    ///
    /// # Errors
    /// The connection has been lost.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{TcpListener, TcpStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().peer_addr()
    }

    /// The address of this side. Does not park.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{TcpListener, TcpStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// assert!(stream.local_addr()?.ip().is_loopback());
    /// # Ok(())
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    /// Ends one direction of the connection, or both, for all clones. Does not park.
    ///
    /// Calls under way end too: reads with what has come and then with 0, writes with an error. The
    /// other side reads 0 once it has read all that was written.
    ///
    /// # Errors
    /// The system's: for one, there is no connection any more.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{TcpListener, TcpStream};
    /// use std::{io::Read, net::Shutdown, sync::Arc};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = Arc::new(TcpStream::connect(listener.local_addr()?)?);
    /// let reader = gort::spawn({
    ///     let stream = Arc::clone(&stream);
    ///     move || (&*stream).read(&mut [0])
    /// });
    /// stream.shutdown(Shutdown::Both)?;
    /// assert_eq!(reader.join().unwrap()?, 0);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "CloseWrite")]
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.get_ref().shutdown(how)
    }

    /// Another handle of the same connection, with a descriptor of its own. Does not park.
    ///
    /// Options are shared, timeouts and [`set_nonblocking`](Self::set_nonblocking) too; deadlines
    /// are not. To read and write at the same time `&TcpStream` will do.
    ///
    /// # Errors
    /// There are too many descriptors.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{TcpListener, TcpStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let stream = TcpStream::connect(listener.local_addr()?)?;
    /// let clone = stream.try_clone()?;
    /// assert_eq!(clone.local_addr()?, stream.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        let clone = self.socket.get_ref().try_clone()?;
        Ok(Self {
            socket: self.socket.sharing_options(clone),
        })
    }

    /// Reads without taking out what is read: the next read gives the same bytes. Parks until there
    /// are some.
    ///
    /// # Errors
    /// As those of a read.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{TcpListener, TcpStream};
    /// use std::io::{Read, Write};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let mut stream = TcpStream::connect(listener.local_addr()?)?;
    /// listener.accept()?.0.write_all(b"x")?;
    /// let mut byte = [0];
    /// assert_eq!(stream.peek(&mut byte)?, 1);
    /// assert_eq!(stream.read(&mut byte)?, 1);
    /// assert_eq!(&byte, b"x");
    /// # Ok(())
    /// # }
    /// ```
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(|stream| stream.peek(buffer))
    }
}

impl Read for &TcpStream {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = buffer.len();
        self.socket.read_tcp(len, |mut stream| stream.read(buffer))
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let len = buffers.iter().map(|buffer| buffer.len()).sum();
        self.socket
            .read_tcp(len, |mut stream| stream.read_vectored(buffers))
    }
}

impl Read for TcpStream {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }
}

impl Write for &TcpStream {
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

impl Write for TcpStream {
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

impl From<net::TcpStream> for TcpStream {
    /// Sets it so that its calls do not block, with all its clones. Its timeouts stay.
    fn from(stream: net::TcpStream) -> Self {
        // It fails for what is not open only, and then every call does.
        let _ = stream.set_nonblocking(true);
        let (read, write) = (stream.read_timeout(), stream.write_timeout());
        Self {
            socket: Socket::with_timeouts(stream, read, write),
        }
    }
}

impl FromRawFd for TcpStream {
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller's: it is open, and nobody else's.
        Self::from(unsafe { net::TcpStream::from_raw_fd(fd) })
    }
}

socket_conversions!(TcpStream, net::TcpStream);
