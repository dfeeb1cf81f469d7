//! A connection is made: the call does not block, and its end is waited for.

use crate::io::Pollable;
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// A TCP connection to `addr`, which does not block. Parks until it is made, for `timeout` at most
/// if there is one.
///
/// # Errors
/// The system's; `TimedOut`: the time is up.
pub(crate) fn connect(
    addr: SocketAddr,
    timeout: Option<Duration>,
) -> io::Result<Pollable<TcpStream>> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    let is_made = match socket.connect(&addr.into()) {
        Ok(()) => true,
        Err(error) if is_under_way(&error) => false,
        Err(error) => return Err(error),
    };
    let stream = Pollable::new(TcpStream::from(socket));
    if !is_made {
        stream.write_in(timeout, look).map_err(|error| {
            // Only the wait says so.
            match error.kind() {
                ErrorKind::WouldBlock => {
                    io::Error::new(ErrorKind::TimedOut, "connection timed out")
                }
                _ => error,
            }
        })?;
    }
    Ok(stream)
}

/// Whether `connect` goes on behind the caller's back. A signal that interrupts the call does not
/// end the attempt.
fn is_under_way(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
        || matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// How an attempt stands: `WouldBlock` while it is under way.
fn look(stream: &TcpStream) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotConnected => Err(ErrorKind::WouldBlock.into()),
        Err(error) => Err(error),
    }
}
