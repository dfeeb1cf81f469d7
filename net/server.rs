//! A server that stops in three steps: it accepts no more, lets requests finish, then cuts.

mod connection;

use crate::{
    net::{TcpListener, TcpStream},
    runtime::{sleep, spawn},
    sync::{Cond, Mutex},
};
use std::{
    collections::HashMap,
    fmt,
    io::{self, ErrorKind},
    net::{Shutdown, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

pub use crate::net::server::connection::Connection;

/// How long a server that can accept nothing, since there are no descriptors, waits before it tries
/// again: first and longest. As Go's `http.Server`.
const RETRY: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// Accepts connections, gives each a goroutine, and can be stopped gracefully.
///
/// The steps of a stop: nobody is accepted any more; connections that are idle, that is, in
/// [`Connection::read_idle`], read their end; the others go on, so that a request that has begun
/// is answered. What is not done when the grace is over is cut: its connection is shut down, so
/// that its reads and writes end.
///
/// Unix only, for now.
///
/// # Examples
/// ```
/// use gort::net::{Server, TcpListener, TcpStream};
/// use std::{
///     io::{self, Read, Write},
///     time::Duration,
/// };
///
/// # fn main() -> io::Result<()> {
/// let server = Server::new(TcpListener::bind("127.0.0.1:0")?);
/// let addr = server.local_addr()?;
/// let stopper = server.stopper();
/// let serving = gort::spawn(move || {
///     server.serve(|connection| {
///         let mut buffer = [0; 512];
///         while let Ok(n @ 1..) = connection.read_idle(&mut buffer) {
///             if (&**connection).write_all(&buffer[..n]).is_err() {
///                 return;
///             }
///         }
///     })
/// });
/// let mut client = TcpStream::connect(addr)?;
/// client.write_all(b"hello")?;
/// let mut answer = [0; 5];
/// client.read_exact(&mut answer)?;
/// assert_eq!(&answer, b"hello");
///
/// stopper.stop(Duration::from_secs(5)); // the client is idle, so this takes no time
/// let stopped = serving.join().unwrap()?;
/// assert_eq!((stopped.finished, stopped.cut), (1, 0));
/// assert_eq!(client.read(&mut answer)?, 0);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "Shutdown")]
#[derive(Debug)]
pub struct Server {
    shared: Arc<ServerShared>,
}

/// Stops a [`Server`]: see [`Server::stopper`]. Clones stop the same one.
///
/// # Examples
/// ```
/// use gort::net::{Server, Stopper, TcpListener};
/// use std::time::Duration;
///
/// let server = Server::new(TcpListener::bind("127.0.0.1:0").unwrap());
/// let stopper: Stopper = server.stopper();
/// gort::spawn(move || stopper.stop(Duration::from_secs(1)));
/// server.serve(|_| ()).unwrap(); // until then
/// ```
#[derive(Clone, Debug)]
pub struct Stopper {
    shared: Arc<ServerShared>,
}

/// How a [`Server`] has ended.
///
/// # Examples
/// ```
/// use gort::net::{Server, TcpListener};
///
/// let server = Server::new(TcpListener::bind("127.0.0.1:0").unwrap());
/// server.stopper().stop(std::time::Duration::ZERO);
/// let stopped = server.serve(|_| ()).unwrap();
/// println!("{} connections ended, {} were cut", stopped.finished, stopped.cut);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stopped {
    /// Connections whose handlers returned by themselves, of all that there have been.
    pub finished: u64,
    /// Connections that were cut.
    pub cut: u64,
}

/// What the server, its stoppers and its connections share.
struct ServerShared {
    state: Mutex<ServerState>,
    /// A connection has ended, or the server is to stop.
    changed: Cond,
}

impl fmt::Debug for ServerShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerShared").finish_non_exhaustive()
    }
}

struct ServerState {
    /// Taken out by a stop, so that it is closed when nobody accepts any more.
    listener: Option<Arc<TcpListener>>,
    open: HashMap<u64, Arc<Connection>>,
    accepted: u64,
    cut: u64,
    /// When what is left is cut; none: the server goes on.
    cut_at: Option<Instant>,
}

impl Server {
    /// A server of what this listener accepts.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{Server, TcpListener};
    ///
    /// let server = Server::new(TcpListener::bind("127.0.0.1:0").unwrap());
    /// # let _ = server;
    /// ```
    pub fn new(listener: TcpListener) -> Self {
        Self {
            shared: Arc::new(ServerShared {
                state: Mutex::new(ServerState {
                    listener: Some(Arc::new(listener)),
                    open: HashMap::new(),
                    accepted: 0,
                    cut: 0,
                    cut_at: None,
                }),
                changed: Cond::new(),
            }),
        }
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// The system's; [`NotConnected`](ErrorKind::NotConnected): it has been stopped.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{Server, TcpListener};
    ///
    /// let server = Server::new(TcpListener::bind("127.0.0.1:0").unwrap());
    /// assert_ne!(server.local_addr().unwrap().port(), 0);
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        match self.shared.listener() {
            Some(listener) => listener.local_addr(),
            None => Err(io::Error::new(
                ErrorKind::NotConnected,
                "the server has been stopped",
            )),
        }
    }

    /// What stops it, from any goroutine or thread.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{Server, TcpListener};
    /// use std::time::Duration;
    ///
    /// let server = Server::new(TcpListener::bind("127.0.0.1:0").unwrap());
    /// server.stopper().stop(Duration::ZERO);
    /// assert_eq!(server.serve(|_| ()).unwrap().finished, 0);
    /// ```
    pub fn stopper(&self) -> Stopper {
        Stopper {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Accepts until it is stopped, and calls `handler` in a new goroutine for each connection.
    /// Returns when all connections have ended or have been cut. Parks.
    ///
    /// Where no descriptor is left for one more connection, it waits a little and tries again. A
    /// handler that panics ends its connection only.
    ///
    /// # Errors
    /// The listener cannot accept any more, for another reason.
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
    pub fn serve<F>(&self, handler: F) -> io::Result<Stopped>
    where
        F: Fn(&Connection) + Send + Sync + 'static,
    {
        if let Some(listener) = self.shared.listener() {
            self.accept_all(&listener, &Arc::new(handler))?;
        }
        Ok(self.shared.wind_up())
    }

    /// Accepts until the server is stopped.
    fn accept_all<F>(&self, listener: &TcpListener, handler: &Arc<F>) -> io::Result<()>
    where
        F: Fn(&Connection) + Send + Sync + 'static,
    {
        let mut retry = RETRY.0;
        loop {
            match listener.accept() {
                Ok((stream, peer)) => {
                    retry = RETRY.0;
                    self.shared.start(stream, peer, Arc::clone(handler));
                }
                Err(_) if self.shared.is_stopping() => return Ok(()),
                Err(error) if is_for_now(&error) => {
                    sleep(retry);
                    retry = (retry * 2).min(RETRY.1);
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Whether the next accept may go well: the connection was gone already, or there is a lack of
/// descriptors or memory.
fn is_for_now(error: &io::Error) -> bool {
    let lacks = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM];
    let is_gone = error.kind() == ErrorKind::ConnectionAborted;
    is_gone
        || error
            .raw_os_error()
            .is_some_and(|code| lacks.contains(&code))
}

impl ServerShared {
    fn listener(&self) -> Option<Arc<TcpListener>> {
        self.state.lock().listener.clone()
    }

    fn is_stopping(&self) -> bool {
        self.state.lock().cut_at.is_some()
    }

    fn start<F>(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, handler: Arc<F>)
    where
        F: Fn(&Connection) + Send + Sync + 'static,
    {
        let mut state = self.state.lock();
        let connection = Arc::new(Connection::new(stream, peer));
        if state.cut_at.is_some() {
            // Accepted in the last moment: it reads its end.
            connection.stop_if_idle();
        }
        state.accepted += 1;
        let number = state.accepted;
        state.open.insert(number, Arc::clone(&connection));
        drop(state);
        let shared = Arc::clone(self);
        spawn(move || {
            // Also when the handler panics.
            let _end = ConnectionEnd { shared, number };
            handler(&connection);
        });
    }

    /// Waits for the connections that are left, then cuts them.
    fn wind_up(&self) -> Stopped {
        let mut state = self.state.lock();
        while !state.open.is_empty() {
            let left = state
                .cut_at
                .map(|at| at.saturating_duration_since(Instant::now()));
            let left = left.unwrap_or_default();
            if left.is_zero() {
                break;
            }
            self.changed.wait_for(&mut state, left);
        }
        state.cut = state.open.len() as u64;
        for connection in state.open.values() {
            // An error says that it has ended already.
            let _ = connection.shutdown(Shutdown::Both);
        }
        Stopped {
            finished: state.accepted - state.cut,
            cut: state.cut,
        }
    }
}

/// A connection's goroutine ends.
struct ConnectionEnd {
    shared: Arc<ServerShared>,
    number: u64,
}

impl Drop for ConnectionEnd {
    fn drop(&mut self) {
        let ended = self.shared.state.lock().open.remove(&self.number);
        // It is closed when the goroutine has dropped its own handle, too.
        drop(ended);
        self.shared.changed.notify_all();
    }
}

impl Stopper {
    /// Stops the server: it accepts nobody any more, idle connections end, and after `grace` all
    /// others do. Does not wait for that: [`Server::serve`] returns then. Of several calls the one
    /// whose grace is over first holds.
    ///
    /// # Examples
    /// ```
    /// use gort::net::{Server, TcpListener};
    /// use std::time::Duration;
    ///
    /// let server = Server::new(TcpListener::bind("127.0.0.1:0").unwrap());
    /// let stopper = server.stopper();
    /// gort::spawn(move || stopper.stop(Duration::from_secs(5)));
    /// assert_eq!(server.serve(|_| ()).unwrap().cut, 0);
    /// ```
    pub fn stop(&self, grace: Duration) {
        let now = Instant::now();
        let cut_at = now
            .checked_add(grace)
            .unwrap_or(now + Duration::from_secs(1 << 30));
        let mut state = self.shared.state.lock();
        state.cut_at = Some(state.cut_at.map_or(cut_at, |at| at.min(cut_at)));
        let open: Vec<_> = state.open.values().cloned().collect();
        let listener = state.listener.take();
        drop(state);
        if let Some(listener) = listener {
            listener.close();
        }
        self.shared.changed.notify_all();
        for connection in open {
            connection.stop_if_idle();
        }
    }
}
