//! A UDP socket.

mod options;

use crate::net::{
    resolve::{each_addr, resolve},
    socket::{Socket, socket_conversions},
};
use std::{
    io::{self, ErrorKind},
    net::{self, SocketAddr, ToSocketAddrs},
    os::fd::{FromRawFd, RawFd},
};

/// A UDP socket: [`std::net::UdpSocket`], whose calls park the goroutine.
///
/// Goroutines share it by reference or by an [`Arc`](std::sync::Arc): all calls take `&self`. On a
/// plain thread they block that thread. It is closed when it is dropped.
///
/// Unix only, for now.
///
/// # Examples
/// ```
/// use gort::net::UdpSocket;
///
/// # fn main() -> std::io::Result<()> {
/// let server = UdpSocket::bind("127.0.0.1:0")?;
/// let addr = server.local_addr()?;
/// let echo = gort::spawn(move || -> std::io::Result<()> {
///     let mut buffer = [0; 1500];
///     let (len, from) = server.recv_from(&mut buffer)?; // parks
///     server.send_to(&buffer[..len], from)?;
///     Ok(())
/// });
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// client.send_to(b"hello", addr)?;
/// let mut answer = [0; 5];
/// assert_eq!(client.recv_from(&mut answer)?, (5, addr));
/// assert_eq!(&answer, b"hello");
/// echo.join().unwrap()
/// # }
/// ```
pub struct UdpSocket {
    socket: Socket<net::UdpSocket>,
}

impl UdpSocket {
    /// Binds a socket to `addr`; to a free port if that of `addr` is 0.
    ///
    /// If there are several addresses they are tried one by one. Parks if a name has to be looked
    /// up, as [`lookup_host`](crate::net::lookup_host) does.
    ///
    /// # Errors
    /// That of the last address; `InvalidInput`: there is no address; those of the lookup.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// assert_ne!(socket.local_addr().unwrap().port(), 0);
    /// ```
    #[doc(alias = "ListenPacket")]
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        each_addr(&addr, net::UdpSocket::bind).map(Self::from)
    }

    /// Takes the next datagram, and says how long it is and who has sent it. Parks until there is
    /// one. What does not fit into `buffer` is lost.
    ///
    /// # Errors
    /// The system's; `WouldBlock`: the timeout is over; `TimedOut`: the deadline has passed.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.send_to(b"hi", socket.local_addr().unwrap()).unwrap();
    /// let mut buffer = [0; 8];
    /// let (len, from) = socket.recv_from(&mut buffer).unwrap();
    /// assert_eq!((len, from), (2, socket.local_addr().unwrap()));
    /// ```
    #[doc(alias = "ReadFrom")]
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.read(|socket| socket.recv_from(buffer))
    }

    /// As [`recv_from`](Self::recv_from), and leaves the datagram where it is.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.send_to(b"hi", socket.local_addr().unwrap()).unwrap();
    /// let mut buffer = [0; 8];
    /// assert_eq!(socket.peek_from(&mut buffer).unwrap().0, 2);
    /// assert_eq!(socket.recv_from(&mut buffer).unwrap().0, 2);
    /// ```
    pub fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.read(|socket| socket.peek_from(buffer))
    }

    /// Sends a datagram to the first address of `addr`. Parks while the system has no room for it,
    /// or a name is looked up.
    ///
    /// # Errors
    /// The system's; `InvalidInput`: there is no address; those of the lookup.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// assert_eq!(socket.send_to(b"hi", socket.local_addr().unwrap()).unwrap(), 2);
    /// ```
    #[doc(alias = "WriteTo")]
    pub fn send_to<A: ToSocketAddrs>(&self, data: &[u8], addr: A) -> io::Result<usize> {
        let Some(addr) = resolve(&addr)?.next() else {
            let what = "no addresses to send data to";
            return Err(io::Error::new(ErrorKind::InvalidInput, what));
        };
        self.socket.write(|socket| socket.send_to(data, addr))
    }

    /// Sets whom [`send`](Self::send) sends to, and from whom alone datagrams are taken.
    ///
    /// If there are several addresses they are tried one by one. Parks if a name has to be looked
    /// up.
    ///
    /// # Errors
    /// That of the last address; `InvalidInput`: there is no address; those of the lookup.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.connect(socket.local_addr().unwrap()).unwrap();
    /// assert_eq!(socket.peer_addr().unwrap(), socket.local_addr().unwrap());
    /// ```
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        each_addr(&addr, |addr| self.socket.get_ref().connect(addr))
    }

    /// Sends a datagram to whom [`connect`](Self::connect) has set. Parks while the system has no
    /// room for it.
    ///
    /// # Errors
    /// The system's: for one, nobody has been set.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.connect(socket.local_addr().unwrap()).unwrap();
    /// assert_eq!(socket.send(b"hi").unwrap(), 2);
    /// ```
    pub fn send(&self, data: &[u8]) -> io::Result<usize> {
        self.socket.write(|socket| socket.send(data))
    }

    /// Takes the next datagram, and says how long it is. Parks until there is one.
    ///
    /// # Errors
    /// As those of [`recv_from`](Self::recv_from).
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.connect(socket.local_addr().unwrap()).unwrap();
    /// socket.send(b"hi").unwrap();
    /// assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 2);
    /// ```
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(|socket| socket.recv(buffer))
    }

    /// As [`recv`](Self::recv), and leaves the datagram where it is.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.connect(socket.local_addr().unwrap()).unwrap();
    /// socket.send(b"hi").unwrap();
    /// assert_eq!(socket.peek(&mut [0; 8]).unwrap(), 2);
    /// assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 2);
    /// ```
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(|socket| socket.peek(buffer))
    }

    /// The address of whom [`connect`](Self::connect) has set.
    ///
    /// # Errors
    /// `NotConnected`: nobody has been set.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// assert!(socket.peer_addr().is_err());
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().peer_addr()
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// assert!(socket.local_addr().unwrap().ip().is_loopback());
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    /// Another handle of the same socket, with a descriptor of its own. Options are shared,
    /// timeouts and [`set_nonblocking`](Self::set_nonblocking) too; deadlines are not.
    ///
    /// # Errors
    /// There are too many descriptors.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// let clone = socket.try_clone().unwrap();
    /// assert_eq!(clone.local_addr().unwrap(), socket.local_addr().unwrap());
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        let clone = self.socket.get_ref().try_clone()?;
        Ok(Self {
            socket: self.socket.sharing_options(clone),
        })
    }

    /// Ends the calls of this handle, those under way too, with the error
    /// [`NotConnected`](ErrorKind::NotConnected): what Go's `Close` does to them. The socket itself
    /// is closed when it is dropped.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.close();
    /// assert!(socket.recv_from(&mut [0]).is_err());
    /// ```
    #[doc(alias = "Close")]
    pub fn close(&self) {
        self.socket.io().close();
    }
}

impl From<net::UdpSocket> for UdpSocket {
    /// Sets it so that its calls do not block, with all its clones. Its timeouts stay.
    fn from(socket: net::UdpSocket) -> Self {
        // It fails for what is not open only, and then every call does.
        let _ = socket.set_nonblocking(true);
        let (read, write) = (socket.read_timeout(), socket.write_timeout());
        Self {
            socket: Socket::with_timeouts(socket, read, write),
        }
    }
}

impl FromRawFd for UdpSocket {
    unsafe fn from_raw_fd(fd: RawFd) -> Self {
        // SAFETY: the caller's: it is open, and nobody else's.
        Self::from(unsafe { net::UdpSocket::from_raw_fd(fd) })
    }
}

socket_conversions!(UdpSocket, net::UdpSocket);
