//! What accepts TCP connections.

use crate::{
    net::{
        resolve::each_addr,
        socket::{Socket, socket_conversions},
        tcp_stream::TcpStream,
    },
    runtime::prims::{AtomicBool, Ordering},
};
use std::{
    io,
    iter::FusedIterator,
    net::{self, SocketAddr, ToSocketAddrs},
    os::fd::{FromRawFd, RawFd},
    time::Instant,
};

/// Accepts TCP connections: [`std::net::TcpListener`], whose calls park the goroutine.
///
/// Any number of goroutines may accept from one listener, which they share by reference or by an
/// [`Arc`](std::sync::Arc); each connection goes to one of them. On a plain thread the calls block
/// that thread. The listener is closed when it is dropped.
///
/// Unix only, for now.
///
/// # Examples
/// ```
/// use gort::net::{TcpListener, TcpStream};
/// use std::io::{self, Read, Write};
///
/// fn answer(mut stream: TcpStream) -> io::Result<()> {
///     stream.write_all(b"hello")
/// }
///
/// # fn main() -> io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let addr = listener.local_addr()?;
/// gort::spawn(move || {
///     for stream in listener.incoming() {
///         match stream {
///             Ok(stream) => drop(gort::go!(answer(stream))),
///             Err(error) => eprintln!("accept: {error}"), // the next one may be well
///         }
///     }
/// });
/// let mut text = String::new();
/// TcpStream::connect(addr)?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # Ok(())
/// # }
/// ```
pub struct TcpListener {
    socket: Socket<net::TcpListener>,
    /// [`close`](Self::close) was called.
    is_closed: AtomicBool,
}

impl TcpListener {
    /// Listens at `addr`; at a free port if that of `addr` is 0.
    ///
    /// If there are several addresses they are tried one by one. Parks if a name has to be looked
    /// up, as [`lookup_host`](crate::net::lookup_host) does. The options are those that std sets:
    /// `SO_REUSEADDR`, so that a server can start anew at once.
    ///
    /// # Errors
    /// That of the last address; `InvalidInput`: there is no address; those of the lookup.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it has to look up a name.
    ///
    /// # Examples
    /// ```
    /// use gort::net::TcpListener;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// println!("listening on {}", listener.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "Listen")]
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        each_addr(&addr, net::TcpListener::bind).map(Self::from)
    }

    fn of(socket: Socket<net::TcpListener>) -> Self {
        Self {
            socket,
            is_closed: AtomicBool::new(false),
        }
    }

    /// The address that it listens at. Does not park.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    /// assert_ne!(listener.local_addr().unwrap().port(), 0);
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    /// Another handle of the same listener, with a descriptor of its own. Does not park.
    ///
    /// Options are shared, [`set_nonblocking`](Self::set_nonblocking) too; the deadline is not, and
    /// [`close`](Self::close) acts on one handle.
    ///
    /// # Errors
    /// There are too many descriptors.
    ///
    /// # Examples
    /// ```
    /// use gort::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    /// let clone = listener.try_clone().unwrap();
    /// assert_eq!(clone.local_addr().unwrap(), listener.local_addr().unwrap());
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        let clone = self.socket.get_ref().try_clone()?;
        Ok(Self::of(self.socket.sharing_options(clone)))
    }

    /// Takes the next connection, with the address of its other side. Parks until there is one.
    ///
    /// # Errors
    /// The system's: for one, there are too many descriptors. The connection then stays in the
    /// queue, and the next call tries again; a server that only logs the error should wait a little
    /// before it. [`TimedOut`](io::ErrorKind::TimedOut): the deadline has passed.
    /// [`NotConnected`](io::ErrorKind::NotConnected): [`close`](Self::close) was called.
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
    /// let client = TcpStream::connect(listener.local_addr()?)?;
    /// let (_stream, addr) = listener.accept()?;
    /// assert_eq!(addr, client.local_addr()?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, addr) = self.socket.read(|listener| listener.accept())?;
        Ok((TcpStream::accepted(stream)?, addr))
    }

    /// An iterator over the connections that come: each step is an [`accept`](Self::accept). It
    /// ends when [`close`](Self::close) is called, and never else.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{TcpListener, TcpStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let _client = TcpStream::connect(listener.local_addr()?)?;
    /// for stream in listener.incoming().take(1) {
    ///     println!("{} is there", stream?.peer_addr()?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Ends the accepts of this handle, those under way too, with the error
    /// [`NotConnected`](io::ErrorKind::NotConnected): Go's `Close`. Does not park.
    ///
    /// The system's queue, into which clients connect, stays until the listener is dropped, as it
    /// is when the goroutine that accepts has returned.
    ///
    /// # Examples
    /// ```
    /// use gort::net::TcpListener;
    /// use std::sync::Arc;
    ///
    /// let listener = Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
    /// let server = gort::spawn({
    ///     let listener = Arc::clone(&listener);
    ///     move || listener.incoming().count()
    /// });
    /// listener.close();
    /// assert_eq!(server.join().unwrap(), 0);
    /// assert!(listener.accept().is_err());
    /// ```
    #[doc(alias = "Close")]
    pub fn close(&self) {
        // Release: pairs with the Acquire in `Incoming::next`, so that whoever sees the flag sees
        // an end of the iterator, and not an error.
        self.is_closed.store(true, Ordering::Release);
        self.socket.io().close();
    }

    /// Sets when accepts end with the error [`TimedOut`](io::ErrorKind::TimedOut), those under way
    /// too: Go's `SetDeadline`. With `None` never.
    ///
    /// # Examples
    /// ```
    /// use gort::net::TcpListener;
    /// use std::{io::ErrorKind, time::{Duration, Instant}};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    /// listener.set_deadline(Some(Instant::now() + Duration::from_millis(5)));
    /// assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::TimedOut);
    /// ```
    #[doc(alias = "SetDeadline")]
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        self.socket.io().set_read_deadline(deadline);
    }

    /// Sets over how many routers packets of its connections may go (`IP_TTL`).
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    /// listener.set_ttl(100).unwrap();
    /// assert_eq!(listener.ttl().unwrap(), 100);
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.get_ref().set_ttl(ttl)
    }

    /// What [`set_ttl`](Self::set_ttl) has set.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    /// assert!(listener.ttl().unwrap() > 0);
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.get_ref().ttl()
    }

    /// std's method of this name, which cannot work: the option must be set before the bind.
    ///
    /// # Errors
    /// The system's, always.
    ///
    /// # Examples
    /// ```
    /// # #![allow(deprecated)]
    /// use gort::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    /// assert!(listener.set_only_v6(true).is_err());
    /// ```
    #[deprecated = "it must be set before the bind: by the crate socket2, whose sockets come into this type"]
    #[allow(deprecated)]
    pub fn set_only_v6(&self, only_v6: bool) -> io::Result<()> {
        self.socket.get_ref().set_only_v6(only_v6)
    }

    /// Whether it takes connections by IPv6 only.
    ///
    /// # Errors
    /// The system's: for one, it does not listen at an address of IPv6.
    ///
    /// # Examples
    /// ```
    /// # #![allow(deprecated)]
    /// use gort::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    /// assert!(listener.only_v6().is_err());
    /// ```
    #[deprecated = "as `set_only_v6`"]
    #[allow(deprecated)]
    pub fn only_v6(&self) -> io::Result<bool> {
        self.socket.get_ref().only_v6()
    }

    /// The error that the system keeps for the listener (`SO_ERROR`), which it then forgets.
    ///
    /// # Errors
    /// The system's, of this call itself.
    ///
    /// # Examples
    /// ```
    /// use gort::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    /// assert!(listener.take_error().unwrap().is_none());
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.get_ref().take_error()
    }

    /// Sets whether an accept that would wait says [`WouldBlock`](io::ErrorKind::WouldBlock)
    /// instead. Clones share it. Connections that are accepted wait in any case.
    ///
    /// # Errors
    /// None so far.
    ///
    /// # Examples
    /// ```
    /// use gort::net::TcpListener;
    /// use std::io::ErrorKind;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    /// listener.set_nonblocking(true).unwrap();
    /// assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking);
        Ok(())
    }
}

/// What [`TcpListener::incoming`] returns: connections as they come.
///
/// # Examples
/// ```
/// use gort::net::{Incoming, TcpListener, TcpStream};
///
/// # fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let _client = TcpStream::connect(listener.local_addr()?)?;
/// let mut incoming: Incoming<'_> = listener.incoming();
/// let _stream = incoming.next().unwrap()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "iterators are lazy and do nothing unless consumed"]
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        match self.listener.accept() {
            Ok((stream, _)) => Some(Ok(stream)),
            // Acquire: pairs with the Release in `close`.
            Err(_) if self.listener.is_closed.load(Ordering::Acquire) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl FusedIterator for Incoming<'_> {}

impl From<net::TcpListener> for TcpListener {
    /// Sets it so that its calls do not block, with all its clones.
    fn from(listener: net::TcpListener) -> Self {
        // It fails for what is not open only, and then every call does.
        let _ = listener.set_nonblocking(true);
        Self::of(Socket::new(listener))
    }
}

impl FromRawFd for TcpListener {
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller's: it is open, and nobody else's.
        Self::from(unsafe { net::TcpListener::from_raw_fd(fd) })
    }
}

socket_conversions!(TcpListener, net::TcpListener);
