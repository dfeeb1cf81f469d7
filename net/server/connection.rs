//! One connection of a server: idle, or in a request.

use crate::{net::TcpStream, sync::Mutex};
use std::{
    io::{self, ErrorKind, Read},
    net::SocketAddr,
    ops::Deref,
    time::Instant,
};

/// A connection that a [`Server`](crate::net::Server) has accepted; used as a [`TcpStream`].
///
/// # Examples
/// ```
/// use gort::net::{Connection, Server, TcpListener};
/// use std::io::Write;
///
/// fn greet(connection: &Connection) {
///     let _ = writeln!(&**connection, "hello, {}", connection.peer());
/// }
///
/// let server = Server::new(TcpListener::bind("127.0.0.1:0").unwrap());
/// # server.stopper().stop(std::time::Duration::ZERO);
/// server.serve(greet).unwrap();
/// ```
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    /// Whether its goroutine waits for a request. Held while that or `is_stopping` is changed.
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    is_idle: bool,
    /// The server stops, so whoever is idle reads the end.
    is_stopping: bool,
}

impl Connection {
    /// A connection that was accepted.
    pub(crate) fn new(stream: TcpStream, peer: SocketAddr) -> Self {
        Self {
            stream,
            peer,
            idle: Mutex::new(Idle::default()),
        }
    }

    /// The address of the other side.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{Server, TcpListener};
    ///
    /// # let server = Server::new(TcpListener::bind("127.0.0.1:0").unwrap());
    /// # server.stopper().stop(std::time::Duration::ZERO);
    /// server.serve(|connection| println!("hello, {}", connection.peer())).unwrap();
    /// ```
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Whether the server stops, so that this request should be the last.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{Server, TcpListener};
    ///
    /// # let server = Server::new(TcpListener::bind("127.0.0.1:0").unwrap());
    /// # server.stopper().stop(std::time::Duration::ZERO);
    /// server
    ///     .serve(|connection| {
    ///         let header = match connection.is_stopping() {
    ///             true => "connection: close",
    ///             false => "connection: keep-alive",
    ///         };
    ///         println!("{header}");
    ///     })
    ///     .unwrap();
    /// ```
    pub fn is_stopping(&self) -> bool {
        self.idle.lock().is_stopping
    }

    /// Reads as [`Read::read`] does, and is idle while it waits: when the server stops it returns
    /// 0, as at the end of the connection. For the first bytes of a request.
    ///
    /// It uses the read deadline for that: one that was set before has no effect after a stop.
    ///
    /// # Errors
    /// As those of a read.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{Server, TcpListener, TcpStream};
    /// use std::{
    ///     io::{Read, Write},
    ///     time::Duration,
    /// };
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let server = Server::new(TcpListener::bind("127.0.0.1:0")?);
    /// let (addr, stopper) = (server.local_addr()?, server.stopper());
    /// let serving = gort::spawn(move || {
    ///     server.serve(|connection| {
    ///         let mut byte = [0];
    ///         while let Ok(1) = connection.read_idle(&mut byte) {
    ///             (&**connection).write_all(&byte).unwrap();
    ///         }
    ///     })
    /// });
    /// let mut client = TcpStream::connect(addr)?;
    /// client.write_all(b"x")?;
    /// client.read_exact(&mut [0])?;
    /// stopper.stop(Duration::from_secs(5));
    /// assert_eq!(serving.join().unwrap()?.cut, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_idle(&self, buffer: &mut [u8]) -> io::Result<usize> {
        {
            let mut idle = self.idle.lock();
            if idle.is_stopping {
                return Ok(0);
            }
            idle.is_idle = true;
        }
        let read = (&self.stream).read(buffer);
        let mut idle = self.idle.lock();
        idle.is_idle = false;
        if !idle.is_stopping {
            return read;
        }
        // A stop has set the deadline: what was read meanwhile is a request that is to be served.
        self.stream.set_read_deadline(None);
        match read {
            Err(error) if error.kind() == ErrorKind::TimedOut => Ok(0),
            read => read,
        }
    }

    /// The server stops: whoever is idle, or will be, reads the end.
    pub(crate) fn stop_if_idle(&self) {
        let mut idle = self.idle.lock();
        idle.is_stopping = true;
        if idle.is_idle {
            self.stream.set_read_deadline(Some(Instant::now()));
        }
    }
}

impl Deref for Connection {
    type Target = TcpStream;

    fn deref(&self) -> &TcpStream {
        &self.stream
    }
}
