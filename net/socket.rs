//! What all sockets have: something to wait with, and options that their clones share.

use crate::{
    io::Pollable,
    runtime::prims::{AtomicBool, AtomicU64, Ordering},
};
use std::{
    io,
    os::fd::AsFd,
    sync::{Arc, OnceLock},
    time::Duration,
};

/// A timeout that can be changed while others read it.
#[derive(Debug, Default)]
pub(crate) struct Timeout {
    /// In nanoseconds; 0: there is none.
    nanos: AtomicU64,
}

impl Timeout {
    pub(crate) fn set(&self, timeout: Option<Duration>) {
        let nanos = timeout.map_or(0, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        self.nanos.store(nanos, Ordering::Relaxed);
    }

    fn get(&self) -> Option<Duration> {
        match self.nanos.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }
}

/// What the kernel keeps for the clones of a descriptor together, as far as it must be known here.
#[derive(Debug, Default)]
pub(crate) struct SocketOptions {
    pub(crate) read_timeout: Timeout,
    pub(crate) write_timeout: Timeout,
    /// The user has asked that no call waits.
    is_nonblocking: AtomicBool,
}

/// A socket of std that does not block, and what waits for it.
#[derive(Debug)]
pub(crate) struct Socket<T: AsFd> {
    io: Pollable<T>,
    /// Nothing until an option is set or a clone made.
    options: OnceLock<Arc<SocketOptions>>,
}

impl<T: AsFd> Socket<T> {
    /// A socket without timeouts. `inner` does not block.
    pub(crate) fn new(inner: T) -> Self {
        Self::waiting_with(Pollable::new(inner))
    }

    /// As [`new`](Self::new), of something that has been waited for before.
    pub(crate) fn waiting_with(io: Pollable<T>) -> Self {
        Self {
            io,
            options: OnceLock::new(),
        }
    }

    /// A socket with the timeouts that `inner` has, which does not block.
    pub(crate) fn with_timeouts(
        inner: T,
        read: io::Result<Option<Duration>>,
        write: io::Result<Option<Duration>>,
    ) -> Self {
        let socket = Self::new(inner);
        if let Ok(Some(timeout)) = read {
            socket.options().read_timeout.set(Some(timeout));
        }
        if let Ok(Some(timeout)) = write {
            socket.options().write_timeout.set(Some(timeout));
        }
        socket
    }

    /// A socket that shares the options of this one. `inner` is a clone of its descriptor.
    pub(crate) fn sharing_options(&self, inner: T) -> Self {
        Self {
            io: Pollable::new(inner),
            options: OnceLock::from(Arc::clone(self.options())),
        }
    }

    /// What `self` was made of, and whether the user has asked that no call waits.
    pub(crate) fn into_parts(self) -> (T, bool) {
        let is_nonblocking = self.options.get().is_some_and(|options| {
            // Relaxed: a flag on its own, here as everywhere in this file.
            options.is_nonblocking.load(Ordering::Relaxed)
        });
        (self.io.into_inner(), is_nonblocking)
    }

    #[inline]
    pub(crate) fn get_ref(&self) -> &T {
        self.io.get_ref()
    }

    /// What waits: for deadlines, and to close it.
    pub(crate) fn io(&self) -> &Pollable<T> {
        &self.io
    }

    pub(crate) fn options(&self) -> &Arc<SocketOptions> {
        self.options.get_or_init(Arc::default)
    }

    /// Whether the user has asked that no call waits.
    pub(crate) fn is_nonblocking(&self) -> bool {
        self.options
            .get()
            .is_some_and(|options| options.is_nonblocking.load(Ordering::Relaxed))
    }

    /// From now on calls of all clones wait, or do not.
    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        let options = self.options();
        options.is_nonblocking.store(nonblocking, Ordering::Relaxed);
    }

    /// Makes a call that reads, and waits as long as it would block.
    #[inline]
    pub(crate) fn read<R>(&self, call: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.io.read_in(self.read_timeout(), call)
    }

    /// As [`read`](Self::read), of at most `len` bytes of a TCP connection.
    #[inline]
    pub(crate) fn read_tcp(
        &self,
        len: usize,
        call: impl FnMut(&T) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.io.read_tcp(self.read_timeout(), len, call)
    }

    /// Makes a call that writes, and waits as long as it would block.
    #[inline]
    pub(crate) fn write<R>(&self, call: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        self.io.write_in(self.write_timeout(), call)
    }

    #[inline]
    fn read_timeout(&self) -> Option<Duration> {
        self.options_of_call()?.read_timeout.get()
    }

    #[inline]
    fn write_timeout(&self) -> Option<Duration> {
        self.options_of_call()?.write_timeout.get()
    }

    /// The options, of which some may have been set through a clone.
    #[inline]
    fn options_of_call(&self) -> Option<&SocketOptions> {
        let options = self.options.get()?;
        let is_nonblocking = options.is_nonblocking.load(Ordering::Relaxed);
        self.io.set_nonblocking(is_nonblocking);
        Some(options)
    }
}

/// The conversions that make no difference between kinds of sockets. `$socket` has a field `socket`
/// and comes from `$std`.
macro_rules! socket_conversions {
    ($socket:ident, $std:ty) => {
        impl From<$socket> for $std {
            /// Calls of what it returns block, unless `set_nonblocking(true)` was called.
            fn from(socket: $socket) -> Self {
                let (inner, is_nonblocking) = socket.socket.into_parts();
                if !is_nonblocking {
                    // It fails for what is not open only, and then every call does.
                    let _ = inner.set_nonblocking(false);
                }
                inner
            }
        }

        impl From<::std::os::fd::OwnedFd> for $socket {
            fn from(fd: ::std::os::fd::OwnedFd) -> Self {
                Self::from(<$std>::from(fd))
            }
        }

        impl From<$socket> for ::std::os::fd::OwnedFd {
            fn from(socket: $socket) -> Self {
                Self::from(<$std>::from(socket))
            }
        }

        impl ::std::os::fd::AsFd for $socket {
            fn as_fd(&self) -> ::std::os::fd::BorrowedFd<'_> {
                self.socket.get_ref().as_fd()
            }
        }

        impl ::std::os::fd::AsRawFd for $socket {
            fn as_raw_fd(&self) -> ::std::os::fd::RawFd {
                self.socket.get_ref().as_raw_fd()
            }
        }

        impl ::std::os::fd::IntoRawFd for $socket {
            fn into_raw_fd(self) -> ::std::os::fd::RawFd {
                <$std>::from(self).into_raw_fd()
            }
        }

        impl ::std::fmt::Debug for $socket {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                // Its name is the same.
                ::std::fmt::Debug::fmt(self.socket.get_ref(), f)
            }
        }
    };
}

pub(crate) use socket_conversions;
