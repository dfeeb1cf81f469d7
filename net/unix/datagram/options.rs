//! What can be set of a Unix socket for datagrams.

use crate::net::unix::datagram::UnixDatagram;
use std::{
    io,
    time::{Duration, Instant},
};

impl UnixDatagram {
    /// Sets how long a receive waits at most; then its error is
    /// [`WouldBlock`](io::ErrorKind::WouldBlock). With `None` for ever. Clones share it.
    ///
    /// # Errors
    /// `InvalidInput`: the timeout is zero.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    /// use std::{io::ErrorKind, time::Duration};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (a, _b) = UnixDatagram::pair()?;
    /// a.set_read_timeout(Some(Duration::from_millis(5)))?;
    /// assert_eq!(a.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.get_ref().set_read_timeout(timeout)?;
        self.socket.options().read_timeout.set(timeout);
        Ok(())
    }

    /// Sets how long a send waits at most; else as
    /// [`set_read_timeout`](Self::set_read_timeout).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    /// use std::{io::ErrorKind, time::Duration};
    ///
    /// let (a, _b) = UnixDatagram::pair().unwrap();
    /// let error = a.set_write_timeout(Some(Duration::ZERO)).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::InvalidInput);
    /// ```
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.get_ref().set_write_timeout(timeout)?;
        self.socket.options().write_timeout.set(timeout);
        Ok(())
    }

    /// What [`set_read_timeout`](Self::set_read_timeout) has set.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    /// use std::time::Duration;
    ///
    /// let (a, _b) = UnixDatagram::pair().unwrap();
    /// a.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    /// assert_eq!(a.read_timeout().unwrap(), Some(Duration::from_secs(2)));
    /// ```
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        self.socket.get_ref().read_timeout()
    }

    /// What [`set_write_timeout`](Self::set_write_timeout) has set.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    ///
    /// let (a, _b) = UnixDatagram::pair().unwrap();
    /// assert_eq!(a.write_timeout().unwrap(), None);
    /// ```
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        self.socket.get_ref().write_timeout()
    }

    /// Sets when receives end with the error [`TimedOut`](io::ErrorKind::TimedOut), those under way
    /// too: Go's `SetReadDeadline`. With `None` never.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    /// use std::{io::ErrorKind, time::Instant};
    ///
    /// let (a, _b) = UnixDatagram::pair().unwrap();
    /// a.set_read_deadline(Some(Instant::now()));
    /// assert_eq!(a.recv(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    /// ```
    #[doc(alias = "SetReadDeadline")]
    pub fn set_read_deadline(&self, deadline: Option<Instant>) {
        self.socket.io().set_read_deadline(deadline);
    }

    /// As [`set_read_deadline`](Self::set_read_deadline), for sends.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    /// use std::{io::ErrorKind, time::Instant};
    ///
    /// let (a, _b) = UnixDatagram::pair().unwrap();
    /// a.set_write_deadline(Some(Instant::now()));
    /// assert_eq!(a.send(b"x").unwrap_err().kind(), ErrorKind::TimedOut);
    /// ```
    #[doc(alias = "SetWriteDeadline")]
    pub fn set_write_deadline(&self, deadline: Option<Instant>) {
        self.socket.io().set_write_deadline(deadline);
    }

    /// Both of them: Go's `SetDeadline`.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    /// use std::{io::ErrorKind, time::{Duration, Instant}};
    ///
    /// let (a, _b) = UnixDatagram::pair().unwrap();
    /// a.set_deadline(Some(Instant::now() + Duration::from_millis(5)));
    /// assert_eq!(a.recv(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    /// a.set_deadline(None);
    /// ```
    #[doc(alias = "SetDeadline")]
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        self.socket.io().set_deadline(deadline);
    }

    /// Sets whether a call that would wait says [`WouldBlock`](io::ErrorKind::WouldBlock) instead.
    /// Clones share it.
    ///
    /// # Errors
    /// None so far.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    /// use std::io::ErrorKind;
    ///
    /// let (a, _b) = UnixDatagram::pair().unwrap();
    /// a.set_nonblocking(true).unwrap();
    /// assert_eq!(a.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking);
        Ok(())
    }

    /// The error that the system keeps for the socket (`SO_ERROR`), which it then forgets.
    ///
    /// # Errors
    /// The system's, of this call itself.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UnixDatagram;
    ///
    /// let (a, _b) = UnixDatagram::pair().unwrap();
    /// assert!(a.take_error().unwrap().is_none());
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.get_ref().take_error()
    }
}
