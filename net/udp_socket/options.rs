//! What can be set of a UDP socket.

use crate::net::udp_socket::UdpSocket;
use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr},
    time::{Duration, Instant},
};

impl UdpSocket {
    /// Sets for how long each call that receives waits at most; with `None` for as long as it
    /// takes. Then the error is [`WouldBlock`](io::ErrorKind::WouldBlock), as std's is on Unix.
    /// Clones share it.
    ///
    /// # Errors
    /// `InvalidInput`: the time is zero.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// use std::{io::ErrorKind, time::Duration};
    /// socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    /// assert_eq!(socket.recv_from(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// ```
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.get_ref().set_read_timeout(timeout)?;
        self.socket.options().read_timeout.set(timeout);
        Ok(())
    }

    /// What [`set_read_timeout`](Self::set_read_timeout) has set, as the system has rounded it.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// assert_eq!(socket.read_timeout().unwrap(), None);
    /// ```
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        self.socket.get_ref().read_timeout()
    }

    /// Sets for how long each call that sends waits at most; with `None` for as long as it takes.
    /// Then the error is [`WouldBlock`](io::ErrorKind::WouldBlock), as std's is on Unix. Clones
    /// share it.
    ///
    /// # Errors
    /// `InvalidInput`: the time is zero.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// use std::time::Duration;
    /// socket.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    /// assert!(socket.set_write_timeout(Some(Duration::ZERO)).is_err());
    /// ```
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.socket.get_ref().set_write_timeout(timeout)?;
        self.socket.options().write_timeout.set(timeout);
        Ok(())
    }

    /// What [`set_write_timeout`](Self::set_write_timeout) has set, as the system has rounded it.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// assert_eq!(socket.write_timeout().unwrap(), None);
    /// ```
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        self.socket.get_ref().write_timeout()
    }

    /// Sets when calls end with the error [`TimedOut`](io::ErrorKind::TimedOut), those under way
    /// too: Go's `SetDeadline`. With `None` never. Each clone has its own.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// use std::{io::ErrorKind, time::Instant};
    /// socket.set_deadline(Some(Instant::now()));
    /// assert_eq!(socket.recv_from(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    /// ```
    #[doc(alias = "SetDeadline")]
    pub fn set_deadline(&self, deadline: Option<Instant>) {
        self.socket.io().set_deadline(deadline);
    }

    /// As [`set_deadline`](Self::set_deadline), for calls that receive.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// use std::{io::ErrorKind, time::Instant};
    /// socket.set_read_deadline(Some(Instant::now()));
    /// assert_eq!(socket.recv_from(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    /// ```
    #[doc(alias = "SetReadDeadline")]
    pub fn set_read_deadline(&self, deadline: Option<Instant>) {
        self.socket.io().set_read_deadline(deadline);
    }

    /// As [`set_deadline`](Self::set_deadline), for calls that send.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// use std::{io::ErrorKind, time::Instant};
    /// socket.set_write_deadline(Some(Instant::now()));
    /// assert_eq!(socket.send_to(b"x", "127.0.0.1:9").unwrap_err().kind(), ErrorKind::TimedOut);
    /// ```
    #[doc(alias = "SetWriteDeadline")]
    pub fn set_write_deadline(&self, deadline: Option<Instant>) {
        self.socket.io().set_write_deadline(deadline);
    }

    /// Sets whether it may send to broadcast addresses (`SO_BROADCAST`).
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.set_broadcast(true).unwrap();
    /// assert_eq!(socket.broadcast().unwrap(), true);
    /// ```
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.socket.get_ref().set_broadcast(broadcast)
    }

    /// What [`set_broadcast`](Self::set_broadcast) has set.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.broadcast().unwrap();
    /// ```
    pub fn broadcast(&self) -> io::Result<bool> {
        self.socket.get_ref().broadcast()
    }

    /// Sets whether what it sends to a group comes back to this host (`IP_MULTICAST_LOOP`).
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.set_multicast_loop_v4(false).unwrap();
    /// assert_eq!(socket.multicast_loop_v4().unwrap(), false);
    /// ```
    pub fn set_multicast_loop_v4(&self, multicast_loop_v4: bool) -> io::Result<()> {
        self.socket
            .get_ref()
            .set_multicast_loop_v4(multicast_loop_v4)
    }

    /// What [`set_multicast_loop_v4`](Self::set_multicast_loop_v4) has set.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.multicast_loop_v4().unwrap();
    /// ```
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.socket.get_ref().multicast_loop_v4()
    }

    /// Sets over how many routers its multicast packets may go (`IP_MULTICAST_TTL`).
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.set_multicast_ttl_v4(7).unwrap();
    /// assert_eq!(socket.multicast_ttl_v4().unwrap(), 7);
    /// ```
    pub fn set_multicast_ttl_v4(&self, multicast_ttl_v4: u32) -> io::Result<()> {
        self.socket.get_ref().set_multicast_ttl_v4(multicast_ttl_v4)
    }

    /// What [`set_multicast_ttl_v4`](Self::set_multicast_ttl_v4) has set.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.multicast_ttl_v4().unwrap();
    /// ```
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.socket.get_ref().multicast_ttl_v4()
    }

    /// Sets over how many routers its packets may go (`IP_TTL`).
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.set_ttl(100).unwrap();
    /// assert_eq!(socket.ttl().unwrap(), 100);
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.get_ref().set_ttl(ttl)
    }

    /// What [`set_ttl`](Self::set_ttl) has set.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// socket.ttl().unwrap();
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.get_ref().ttl()
    }

    /// As [`set_multicast_loop_v4`](Self::set_multicast_loop_v4), for IPv6.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// // This one is bound to an address of IPv4.
    /// assert!(socket.set_multicast_loop_v6(true).is_err());
    /// ```
    pub fn set_multicast_loop_v6(&self, multicast_loop_v6: bool) -> io::Result<()> {
        self.socket
            .get_ref()
            .set_multicast_loop_v6(multicast_loop_v6)
    }

    /// What [`set_multicast_loop_v6`](Self::set_multicast_loop_v6) has set.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// assert!(socket.multicast_loop_v6().is_err());
    /// ```
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.socket.get_ref().multicast_loop_v6()
    }

    /// Makes it a member of a group, on the interface with this address.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// use std::net::Ipv4Addr;
    /// // No group has this address.
    /// assert!(socket.join_multicast_v4(&Ipv4Addr::LOCALHOST, &Ipv4Addr::UNSPECIFIED).is_err());
    /// ```
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.socket.get_ref().join_multicast_v4(group, interface)
    }

    /// Makes it a member of a group, on the interface with this number.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// use std::net::Ipv6Addr;
    /// // No group has this address.
    /// assert!(socket.join_multicast_v6(&Ipv6Addr::LOCALHOST, 0).is_err());
    /// ```
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket.get_ref().join_multicast_v6(group, interface)
    }

    /// Ends the membership in a group, on the interface with this address.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// use std::net::Ipv4Addr;
    /// // No group has this address.
    /// assert!(socket.leave_multicast_v4(&Ipv4Addr::LOCALHOST, &Ipv4Addr::UNSPECIFIED).is_err());
    /// ```
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.socket.get_ref().leave_multicast_v4(group, interface)
    }

    /// Ends the membership in a group, on the interface with this number.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// use std::net::Ipv6Addr;
    /// // No group has this address.
    /// assert!(socket.leave_multicast_v6(&Ipv6Addr::LOCALHOST, 0).is_err());
    /// ```
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket.get_ref().leave_multicast_v6(group, interface)
    }

    /// The error that the system keeps for the socket (`SO_ERROR`), which it then forgets.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// assert!(socket.take_error().unwrap().is_none());
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.get_ref().take_error()
    }

    /// Sets whether calls that would wait say [`WouldBlock`](io::ErrorKind::WouldBlock) instead.
    /// Clones share it. Calls that wait already go on waiting.
    ///
    /// # Errors
    /// None so far.
    ///
    /// # Examples
    /// ```
    /// use gort::net::UdpSocket;
    ///
    /// let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    /// use std::io::ErrorKind;
    /// socket.set_nonblocking(true).unwrap();
    /// assert_eq!(socket.recv_from(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.socket.set_nonblocking(nonblocking);
        Ok(())
    }
}
