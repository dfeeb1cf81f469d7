//! Unix sockets for datagrams.

mod options;

use crate::net::{
    socket::{Socket, socket_conversions},
    unix::pause::Pause,
};
use std::{
    io::{self, ErrorKind},
    net::Shutdown,
    os::{
        fd::{FromRawFd, RawFd},
        unix::net::{self, SocketAddr},
    },
    path::Path,
};

/// A Unix socket for datagrams: [`std::os::unix::net::UnixDatagram`], whose calls park the
/// goroutine.
///
/// On a plain thread they block that thread. The socket is closed when the last clone is dropped;
/// its path stays, as with std.
///
/// # Examples
/// ```
/// use gort::net::UnixDatagram;
///
/// # fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("gort-doc-datagram-{}", std::process::id()));
/// let socket = UnixDatagram::bind(&path)?;
/// let receiver = gort::spawn(move || {
///     let mut buffer = [0; 64];
///     let n = socket.recv(&mut buffer)?; // parks
///     Ok::<_, std::io::Error>(buffer[..n].to_vec())
/// });
/// UnixDatagram::unbound()?.send_to(b"hello", &path)?;
/// assert_eq!(receiver.join().unwrap()?, b"hello");
/// # std::fs::remove_file(&path)
/// # }
/// ```
pub struct UnixDatagram {
    socket: Socket<net::UnixDatagram>,
}

impl UnixDatagram {
    /// A socket at a path, which must not exist yet. Does not park.
    ///
    /// # Errors
    /// `AddrInUse`: the path exists; `InvalidInput`: it is too long; the system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-dbind-{}", std::process::id()));
    /// let socket = UnixDatagram::bind(&path)?;
    /// assert_eq!(socket.local_addr()?.as_pathname(), Some(path.as_path()));
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    #[doc(alias = "ListenUnixgram")]
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        net::UnixDatagram::bind(path).and_then(Self::fresh)
    }

    /// A socket at an address, which may be an abstract one. Does not park.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    ///
    /// # Examples
    /// ```
    /// use gort::net::unix::{SocketAddr, UnixDatagram};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-dbinda-{}", std::process::id()));
    /// let socket = UnixDatagram::bind_addr(&SocketAddr::from_pathname(&path)?)?;
    /// # let _ = socket;
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<Self> {
        net::UnixDatagram::bind_addr(addr).and_then(Self::fresh)
    }

    /// A socket without an address. Does not park.
    ///
    /// # Errors
    /// There are too many descriptors.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    ///
    /// let socket = UnixDatagram::unbound().unwrap();
    /// assert!(socket.local_addr().unwrap().is_unnamed());
    /// ```
    pub fn unbound() -> io::Result<Self> {
        net::UnixDatagram::unbound().and_then(Self::fresh)
    }

    /// Two sockets that are connected to each other. Does not park.
    ///
    /// # Errors
    /// There are too many descriptors.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    ///
    /// let (a, b) = UnixDatagram::pair().unwrap();
    /// a.send(b"hello").unwrap();
    /// assert_eq!(b.recv(&mut [0; 64]).unwrap(), 5);
    /// ```
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = net::UnixDatagram::pair()?;
        Ok((Self::fresh(a)?, Self::fresh(b)?))
    }

    /// A socket that was just made, and has no options yet.
    fn fresh(socket: net::UnixDatagram) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: Socket::new(socket),
        })
    }

    /// Connects the socket: [`send`](Self::send) sends to `path`, and [`recv`](Self::recv) takes
    /// what comes from there only. Does not park.
    ///
    /// # Errors
    /// `NotFound`: there is no such path; `ConnectionRefused`: it is nobody's any more; the
    /// system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    /// use std::io::ErrorKind;
    ///
    /// let socket = UnixDatagram::unbound().unwrap();
    /// let error = socket.connect("no/such/socket").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NotFound);
    /// ```
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.socket.get_ref().connect(path)
    }

    /// As [`connect`](Self::connect), with an address, which may be an abstract one.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-dconna-{}", std::process::id()));
    /// let bound = UnixDatagram::bind(&path)?;
    /// let socket = UnixDatagram::unbound()?;
    /// socket.connect_addr(&bound.local_addr()?)?;
    /// socket.send(b"x")?;
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    pub fn connect_addr(&self, addr: &SocketAddr) -> io::Result<()> {
        self.socket.get_ref().connect_addr(addr)
    }

    /// Another handle of the same socket, with a descriptor of its own. Does not park.
    ///
    /// Timeouts and [`set_nonblocking`](Self::set_nonblocking) are shared; deadlines are not, and
    /// [`close`](Self::close) acts on one handle.
    ///
    /// # Errors
    /// There are too many descriptors.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    ///
    /// let (a, b) = UnixDatagram::pair().unwrap();
    /// a.try_clone().unwrap().send(b"x").unwrap();
    /// assert_eq!(b.recv(&mut [0; 8]).unwrap(), 1);
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        let clone = self.socket.get_ref().try_clone()?;
        Ok(Self {
            socket: self.socket.sharing_options(clone),
        })
    }

    /// The address of this socket. Does not park.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    ///
    /// let (a, _b) = UnixDatagram::pair().unwrap();
    /// assert!(a.local_addr().unwrap().is_unnamed());
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    /// The address of the socket that this one is connected to. Does not park.
    ///
    /// # Errors
    /// `NotConnected`: it is connected to none.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    ///
    /// let (a, _b) = UnixDatagram::pair().unwrap();
    /// assert!(a.peer_addr().unwrap().is_unnamed());
    /// assert!(UnixDatagram::unbound().unwrap().peer_addr().is_err());
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().peer_addr()
    }

    /// Receives a datagram, with the address of its sender. Parks until there is one. What does not
    /// fit into the buffer is lost.
    ///
    /// # Errors
    /// The system's. [`WouldBlock`](ErrorKind::WouldBlock): the timeout is over.
    /// [`TimedOut`](ErrorKind::TimedOut): the deadline has passed.
    /// [`NotConnected`](ErrorKind::NotConnected): [`close`](Self::close) was called.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    ///
    /// let (a, b) = UnixDatagram::pair().unwrap();
    /// a.send(b"hello").unwrap();
    /// let (n, addr) = b.recv_from(&mut [0; 64]).unwrap();
    /// assert!(n == 5 && addr.is_unnamed());
    /// ```
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.read(|socket| match socket.recv_from(buffer) {
            // From nobody.
            Err(error) if self.has_ended(&error) => Ok((0, SocketAddr::from_pathname("")?)),
            got => got,
        })
    }

    /// Receives a datagram. Parks until there is one. What does not fit into the buffer is lost.
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    ///
    /// # Panics
    /// As there.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    ///
    /// let (a, b) = UnixDatagram::pair().unwrap();
    /// let receiver = gort::spawn(move || b.recv(&mut [0; 64]).unwrap());
    /// a.send(b"hello").unwrap();
    /// assert_eq!(receiver.join().unwrap(), 5);
    /// ```
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(|socket| match socket.recv(buffer) {
            Err(error) if self.has_ended(&error) => Ok(0),
            got => got,
        })
    }

    /// Whether nothing will come any more, when a receive has failed so. A call that blocks says 0
    /// then; to one that does not, Linux says that it would block.
    fn has_ended(&self, error: &io::Error) -> bool {
        error.kind() == ErrorKind::WouldBlock
            && !self.socket.is_nonblocking()
            && is_shut_for_reading(self.socket.get_ref())
    }

    /// Sends a datagram to the socket at `path`. Parks while that one's queue is full.
    ///
    /// The system has no event for that, so the call looks again and again, less often as time goes
    /// by: a deadline may end it 16 ms late. Where much is sent, [`connect`](Self::connect).
    ///
    /// # Errors
    /// `NotFound`: there is no such path; `ConnectionRefused`: it is nobody's any more; the
    /// system's; those of [`recv_from`](Self::recv_from).
    ///
    /// # Panics
    /// As [`recv_from`](Self::recv_from).
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-dsend-{}", std::process::id()));
    /// let bound = UnixDatagram::bind(&path)?;
    /// UnixDatagram::unbound()?.send_to(b"hello", &path)?;
    /// assert_eq!(bound.recv(&mut [0; 64])?, 5);
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    pub fn send_to<P: AsRef<Path>>(&self, data: &[u8], path: P) -> io::Result<usize> {
        let path = path.as_ref();
        self.send_in_turn(|socket| socket.send_to(data, path))
    }

    /// As [`send_to`](Self::send_to), with an address, which may be an abstract one.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = std::env::temp_dir().join(format!("gort-doc-dsenda-{}", std::process::id()));
    /// let bound = UnixDatagram::bind(&path)?;
    /// UnixDatagram::unbound()?.send_to_addr(b"hello", &bound.local_addr()?)?;
    /// assert_eq!(bound.recv(&mut [0; 64])?, 5);
    /// # std::fs::remove_file(&path)
    /// # }
    /// ```
    pub fn send_to_addr(&self, data: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        self.send_in_turn(|socket| socket.send_to_addr(data, addr))
    }

    /// Sends a datagram to the socket that this one is connected to. Parks while that one's queue
    /// is full.
    ///
    /// # Errors
    /// `NotConnected`: it is connected to none; else as [`send_to`](Self::send_to).
    ///
    /// # Panics
    /// As [`recv_from`](Self::recv_from).
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    ///
    /// let (a, _b) = UnixDatagram::pair().unwrap();
    /// assert_eq!(a.send(b"hello").unwrap(), 5);
    /// ```
    pub fn send(&self, data: &[u8]) -> io::Result<usize> {
        self.socket.write(|socket| socket.send(data))
    }

    /// A send to a socket that this one is not connected to. If the queue of that one is full, this
    /// one is writable none the less: there is no event to wait for.
    fn send_in_turn(
        &self,
        mut send: impl FnMut(&net::UnixDatagram) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut pause: Option<Pause> = None;
        loop {
            let sent = self.socket.write(|socket| match send(socket) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
                sent => sent.map(Some),
            })?;
            match sent {
                Some(n) => return Ok(n),
                None if self.socket.is_nonblocking() => return Err(ErrorKind::WouldBlock.into()),
                None if pause.is_none() => pause = Some(Pause::new(self.write_timeout()?)),
                None => {}
            }
            if let Some(pause) = &mut pause {
                pause.sleep()?;
            }
        }
    }

    /// Ends one direction, or both, for all clones. Does not park. Calls under way end too.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    /// use std::net::Shutdown;
    ///
    /// let (a, _b) = UnixDatagram::pair().unwrap();
    /// a.shutdown(Shutdown::Both).unwrap();
    /// assert_eq!(a.recv(&mut [0]).unwrap(), 0);
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.get_ref().shutdown(how)
    }

    /// Ends the calls of this handle, those under way too, with the error
    /// [`NotConnected`](ErrorKind::NotConnected): Go's `Close`. Does not park.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    /// use std::sync::Arc;
    ///
    /// let (a, _b) = UnixDatagram::pair().unwrap();
    /// let a = Arc::new(a);
    /// let receiver = gort::spawn({
    ///     let a = Arc::clone(&a);
    ///     move || a.recv(&mut [0])
    /// });
    /// a.close();
    /// assert!(receiver.join().unwrap().is_err());
    /// ```
    #[doc(alias = "Close")]
    pub fn close(&self) {
        self.socket.io().close();
    }
}

/// Whether this socket was shut down for reading.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_shut_for_reading(socket: &net::UnixDatagram) -> bool {
    use std::os::fd::AsRawFd;
    let mut poll = libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLRDHUP,
        revents: 0,
    };
    // SAFETY: one entry, which lives through the call.
    unsafe { libc::poll(&raw mut poll, 1, 0) > 0 && poll.revents & libc::POLLRDHUP != 0 }
}

/// Elsewhere the receive itself says so.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_shut_for_reading(_socket: &net::UnixDatagram) -> bool {
    false
}

impl From<net::UnixDatagram> for UnixDatagram {
    /// Sets it so that its calls do not block, with all its clones. Its timeouts stay.
    fn from(socket: net::UnixDatagram) -> Self {
        // It fails for what is not open only, and then every call does.
        let _ = socket.set_nonblocking(true);
        let (read, write) = (socket.read_timeout(), socket.write_timeout());
        Self {
            socket: Socket::with_timeouts(socket, read, write),
        }
    }
}

impl FromRawFd for UnixDatagram {
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller's: it is open, and nobody else's.
        Self::from(unsafe { net::UnixDatagram::from_raw_fd(fd) })
    }
}

socket_conversions!(UnixDatagram, net::UnixDatagram);
