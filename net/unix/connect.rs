//! Connections to Unix sockets, made without blocking the thread.

use crate::net::unix::pause::Pause;
use socket2::{Domain, SockAddr, Socket, Type};
#[cfg(target_os = "android")]
use std::os::android::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;
use std::{
    io::{self, ErrorKind},
    os::{
        fd::OwnedFd,
        unix::net::{SocketAddr, UnixStream},
    },
};

/// A connection to the listener at `addr`, which does not block.
///
/// The system makes it at once, or says that the listener's queue is full. It has no event for a
/// place in the queue, so the call is made again after a while.
pub(crate) fn connect(addr: &SocketAddr) -> io::Result<UnixStream> {
    let to = for_socket(addr)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    let mut pause = Pause::new(None);
    loop {
        match socket.connect(&to) {
            Ok(()) => return Ok(UnixStream::from(OwnedFd::from(socket))),
            Err(error) if error.kind() == ErrorKind::WouldBlock => pause.sleep()?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The same address in the crate `socket2`.
fn for_socket(addr: &SocketAddr) -> io::Result<SockAddr> {
    if let Some(path) = addr.as_pathname() {
        return SockAddr::unix(path);
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = addr.as_abstract_name() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
        let name = [b"\0", name].concat();
        return SockAddr::unix(OsStr::from_bytes(&name));
    }
    SockAddr::unix("")
}
