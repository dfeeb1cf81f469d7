//! Sockets for goroutines: std's types, whose calls park instead of blocking a thread.
//!
//! [`TcpListener`], [`TcpStream`] and [`UdpSocket`] have the names, methods, errors and traits that
//! those of [`std::net`] have, [`UnixListener`], [`UnixStream`] and [`UnixDatagram`] those of
//! [`std::os::unix::net`]. So a server is written as with a thread for each connection, and has
//! a goroutine for each instead:
//!
//! ```
//! use gort::net::{TcpListener, TcpStream};
//! use std::io::{self, Read, Write};
//!
//! # fn main() -> io::Result<()> {
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let addr = listener.local_addr()?;
//! gort::spawn(move || -> io::Result<()> {
//!     for stream in listener.incoming() {
//!         let mut stream = stream?;
//!         gort::spawn(move || io::copy(&mut &stream, &mut &stream)); // an echo
//!     }
//!     Ok(())
//! });
//!
//! let mut stream = TcpStream::connect(addr)?;
//! stream.write_all(b"hello")?;
//! let mut answer = [0; 5];
//! stream.read_exact(&mut answer)?;
//! assert_eq!(&answer, b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! A call that has to wait parks its goroutine, and the thread runs others; on a plain thread it
//! blocks that thread. [`Read`](std::io::Read) and [`Write`](std::io::Write) are there for a stream
//! and for a reference to it: one goroutine can read from an `Arc<TcpStream>` while another one
//! writes to it.
//!
//! # Beyond std
//!
//! - Deadlines, as in Go: [`set_deadline`](TcpStream::set_deadline) and its kin end the calls under
//!   way too, with the error [`TimedOut`](std::io::ErrorKind::TimedOut), and can be moved at any
//!   time. A timeout, as std has it, is for each call, and its error is
//!   [`WouldBlock`](std::io::ErrorKind::WouldBlock), as std's is.
//! - [`TcpListener::close`] and [`UdpSocket::close`] end the calls of others;
//!   [`TcpStream::shutdown`] does, as that of std.
//! - [`lookup_host`] resolves a name. Names are looked up on a thread for blocking calls
//!   ([`runtime::blocking`](crate::runtime::blocking)), also those that are given to `connect` and
//!   `bind`; addresses, and texts of addresses, are not.
//!
//! # From and into std
//!
//! All of them come [`From`] std's types and from descriptors, and go back [`Into`] them. The
//! descriptor of a socket of this module does not block: it has `O_NONBLOCK`, and whoever uses it
//! by [`AsFd`](std::os::fd::AsFd) sees that. The conversion from std sets it so, that into std sets
//! it back, unless [`set_nonblocking`](TcpStream::set_nonblocking) was called with `true`. All
//! clones of a descriptor share that flag in the kernel, so they should all be on one side.
//!
//! Unix only, for now.

mod connect;
mod resolve;
mod server;
mod socket;
mod tcp_listener;
mod tcp_stream;
mod udp_socket;
pub mod unix;

pub use crate::net::{
    resolve::lookup_host,
    server::{Connection, Server, Stopped, Stopper},
    tcp_listener::{Incoming, TcpListener},
    tcp_stream::TcpStream,
    udp_socket::UdpSocket,
    unix::{UnixDatagram, UnixListener, UnixStream},
};
#[doc(no_inline)]
pub use std::net::{
    AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, SocketAddrV4, SocketAddrV6,
    ToSocketAddrs,
};
