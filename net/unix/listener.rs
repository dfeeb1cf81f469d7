//! What accepts connections of Unix sockets.

use crate::{
    net::{
        socket::{Socket, socket_conversions},
        unix::stream::UnixStream,
    },
    runtime::prims::{AtomicBool, Ordering},
};
use std::{
    io,
    iter::FusedIterator,
    os::{
        fd::{FromRawFd, RawFd},
        unix::net::{self, SocketAddr},
    },
    path::Path,
    time::Instant,
};

/// Accepts connections of a Unix socket: [`std::os::unix::net::UnixListener`], whose calls park the
/// goroutine.
///
/// Any number of goroutines may accept from one listener, which they share by reference or by an
/// [`Arc`](std::sync::Arc); each connection goes to one of them. On a plain thread the calls block
/// that thread. The listener is closed when it is dropped; its path stays, as with std.
///
/// # Examples
/// ```
/// use gort::net::{UnixListener, UnixStream};
/// use std::io::{Read, Write};
///
/// # fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("gort-doc-listener-{}", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let server = gort::spawn(move || {
///     let (mut stream, _) = listener.accept()?;
///     stream.write_all(b"hello")
/// });
/// let mut text = String::new();
/// UnixStream::connect(&path)?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// # std::fs::remove_file(&path)?;
/// server.join().unwrap()
/// # }
/// ```
pub struct UnixListener {
    socket: Socket<net::UnixListener>,
    /// [`close`](Self::close) was called.
    is_closed: AtomicBool,
}

impl UnixListener {
    /// Listens at a path, which must not exist yet. Does not park.
    ///
    /// # Errors
    /// `AddrInUse`: the path exists; `InvalidInput`: it is too long; the system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixListener;
    /// use std::io::ErrorKind;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-bind-{}", std::process::id()));
    /// let _listener = UnixListener::bind(&path)?;
    /// let error = UnixListener::bind(&path).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::AddrInUse);
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    #[doc(alias = "ListenUnix")]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        net::UnixListener::bind(path).map(Self::from)
    }

    /// Listens at an address, which may be an abstract one. Does not park.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    ///
    /// # Examples
    /// ```
    /// use gort::net::unix::{SocketAddr, UnixListener, UnixStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-baddr-{}", std::process::id()));
    /// let listener = UnixListener::bind_addr(&SocketAddr::from_pathname(&path)?)?;
    /// let _client = UnixStream::connect_addr(&listener.local_addr()?)?;
    /// listener.accept()?;
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<Self> {
        net::UnixListener::bind_addr(addr).map(Self::from)
    }

    fn of(socket: Socket<net::UnixListener>) -> Self {
        Self {
            socket,
            is_closed: AtomicBool::new(false),
        }
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
    /// use gort::net::{UnixListener, UnixStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-accept-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// let _client = UnixStream::connect(&path)?;
    /// let (_stream, addr) = listener.accept()?;
    /// assert!(addr.is_unnamed());
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, addr) = self.socket.read(|listener| listener.accept())?;
        Ok((UnixStream::fresh(stream)?, addr))
    }

    /// An iterator over the connections that come: each step is an [`accept`](Self::accept). It
    /// ends when [`close`](Self::close) is called, and never else.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{UnixListener, UnixStream};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-incoming-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// let _client = UnixStream::connect(&path)?;
    /// for stream in listener.incoming().take(1) {
    ///     assert!(stream?.peer_addr()?.is_unnamed());
    /// }
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Another handle of the same listener, with a descriptor of its own. Does not park.
    ///
    /// [`set_nonblocking`](Self::set_nonblocking) is shared; the deadline is not, and
    /// [`close`](Self::close) acts on one handle.
    ///
    /// # Errors
    /// There are too many descriptors.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixListener;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-lclone-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// let clone = listener.try_clone()?;
    /// assert_eq!(clone.local_addr()?.as_pathname(), Some(path.as_path()));
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        let clone = self.socket.get_ref().try_clone()?;
        Ok(Self::of(self.socket.sharing_options(clone)))
    }

    /// The address that it listens at. Does not park.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixListener;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-laddr-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// assert_eq!(listener.local_addr()?.as_pathname(), Some(path.as_path()));
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    /// Sets whether an accept that would wait says [`WouldBlock`](io::ErrorKind::WouldBlock)
    /// instead. Clones share it. Connections that are accepted wait in any case.
    ///
    /// # Errors
    /// None so far.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixListener;
    /// use std::io::ErrorKind;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-lnonb-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// listener.set_nonblocking(true)?;
    /// assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking);
        Ok(())
    }

    /// The error that the system keeps for the listener (`SO_ERROR`), which it then forgets.
    ///
    /// # Errors
    /// The system's, of this call itself.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixListener;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-ltake-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// assert!(listener.take_error()?.is_none());
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.get_ref().take_error()
    }

    /// Sets when accepts end with the error [`TimedOut`](io::ErrorKind::TimedOut), those under way
    /// too: Go's `SetDeadline`. With `None` never.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixListener;
    /// use std::{io::ErrorKind, time::{Duration, Instant}};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-ldead-{}", std::process::id()));
    /// let listener = UnixListener::bind(&path)?;
    /// listener.set_deadline(Some(Instant::now() + Duration::from_millis(5)));
    /// assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::TimedOut);
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    #[doc(alias = "SetDeadline")]
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        self.socket.io().set_read_deadline(deadline);
    }

    /// Ends the accepts of this handle, those under way too, with the error
    /// [`NotConnected`](io::ErrorKind::NotConnected): Go's `Close`. Does not park.
    ///
    /// The system's queue, into which clients connect, stays until the listener is dropped, as it
    /// is when the goroutine that accepts has returned. The path is not removed.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixListener;
    /// use std::sync::Arc;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-lclose-{}", std::process::id()));
    /// let listener = Arc::new(UnixListener::bind(&path)?);
    /// let server = gort::spawn({
    ///     let listener = Arc::clone(&listener);
    ///     move || listener.incoming().count()
    /// });
    /// listener.close();
    /// assert_eq!(server.join().unwrap(), 0);
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    #[doc(alias = "Close")]
    pub fn close(&self) {
        // Release: pairs with the Acquire in `Incoming::next`, so that whoever sees the flag sees
        // an end of the iterator, and not an error.
        self.is_closed.store(true, Ordering::Release);
        self.socket.io().close();
    }
}

/// What [`UnixListener::incoming`] returns: connections as they come.
///
/// # Examples
/// ```
/// use gort::net::unix::{Incoming, UnixListener, UnixStream};
///
/// # fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("gort-doc-inc-{}", std::process::id()));
/// let listener = UnixListener::bind(&path)?;
/// let _client = UnixStream::connect(&path)?;
/// let mut incoming: Incoming<'_> = listener.incoming();
/// let _stream = incoming.next().unwrap()?;
/// # std::fs::remove_file(&path)
/// # }
/// ```
#[must_use = "iterators are lazy and do nothing unless consumed"]
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a UnixListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<UnixStream>;

    fn next(&mut self) -> Option<io::Result<UnixStream>> {
        match self.listener.accept() {
            Ok((stream, _)) => Some(Ok(stream)),
            // Acquire: pairs with the Release in `close`.
            Err(_) if self.listener.is_closed.load(Ordering::Acquire) => None,
            Err(error) => Some(Err(error)),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, None)
    }
}

impl FusedIterator for Incoming<'_> {}

impl<'a> IntoIterator for &'a UnixListener {
    type Item = io::Result<UnixStream>;
    type IntoIter = Incoming<'a>;

    fn into_iter(self) -> Incoming<'a> {
        self.incoming()
    }
}

impl From<net::UnixListener> for UnixListener {
    /// Sets it so that its calls do not block, with all its clones.
    fn from(listener: net::UnixListener) -> Self {
        // It fails for what is not open only, and then every call does.
        let _ = listener.set_nonblocking(true);
        Self::of(Socket::new(listener))
    }
}

impl FromRawFd for UnixListener {
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller's: it is open, and nobody else's.
        Self::from(unsafe { net::UnixListener::from_raw_fd(fd) })
    }
}

socket_conversions!(UnixListener, net::UnixListener);
