//! Unix sockets for goroutines: std's types, whose calls park instead of blocking a thread.
//!
//! The module has what [`std::os::unix::net`] has, under the same names, so that a program changes
//! its `use` line:
//!
//! ```
//! use gort::net::unix::{UnixListener, UnixStream};
//! use std::io::{self, Read, Write};
//!
//! # fn main() -> io::Result<()> {
//! # let path = std::env::temp_dir().join(format!("gort-doc-unix-{}", std::process::id()));
//! let listener = UnixListener::bind(&path)?;
//! gort::spawn(move || -> io::Result<()> {
//!     for stream in listener.incoming() {
//!         let stream = stream?;
//!         gort::spawn(move || io::copy(&mut &stream, &mut &stream)); // an echo
//!     }
//!     Ok(())
//! });
//!
//! let mut stream = UnixStream::connect(&path)?;
//! stream.write_all(b"hello")?;
//! let mut answer = [0; 5];
//! stream.read_exact(&mut answer)?;
//! assert_eq!(&answer, b"hello");
//! # std::fs::remove_file(&path)
//! # }
//! ```
//!
//! A call that has to wait parks its goroutine, and the thread runs others; on a plain thread it
//! blocks that thread. [`Read`](std::io::Read) and [`Write`](std::io::Write) are there for a stream
//! and for a reference to it: one goroutine can read from an `Arc<UnixStream>` while another one
//! writes to it.
//!
//! # Beyond std
//!
//! - Deadlines, as in Go: [`set_deadline`](UnixStream::set_deadline) and its kin end the calls
//!   under way too, with the error [`TimedOut`](std::io::ErrorKind::TimedOut), and can be moved at
//!   any time. A timeout, as std has it, is for each call, and its error is
//!   [`WouldBlock`](std::io::ErrorKind::WouldBlock), as std's is.
//! - [`UnixListener::close`] and [`UnixDatagram::close`] end the calls of others;
//!   [`UnixStream::shutdown`] does, as that of std.
//!
//! # From and into std
//!
//! All three come [`From`] std's types and from descriptors, and go back [`Into`] them. The
//! descriptor of a socket of this module does not block: it has `O_NONBLOCK`, and whoever uses it
//! by [`AsFd`](std::os::fd::AsFd) sees that. The conversion from std sets it so, that into std sets
//! it back, unless [`set_nonblocking`](UnixStream::set_nonblocking) was called with `true`. All
//! clones of a descriptor share that flag in the kernel, so they should all be on one side.

mod connect;
mod datagram;
mod listener;
mod pause;
mod stream;

pub use crate::net::unix::{
    datagram::UnixDatagram,
    listener::{Incoming, UnixListener},
    stream::UnixStream,
};
#[doc(no_inline)]
pub use std::{net::Shutdown, os::unix::net::SocketAddr};
