//! What the system tells of descriptors: which of them can be read or written again.
//!
//! On Linux an epoll instance, edge-triggered: a descriptor is added once, and each change for the
//! better is told once. Elsewhere, and where the build is told so (`GORT_POLLER=none`),
//! `unsupported` stands in, which refuses: see [`crate::runtime::source`] for what happens then.
//!
//! Not `mio`: its waits have whole milliseconds, and timers of ours are due in fractions of them.
//! Not `polling`: each of its waits makes three more system calls.

#[cfg(gort_poller = "epoll")]
mod epoll;
#[cfg(gort_poller = "none")]
mod unsupported;

#[cfg(gort_poller = "epoll")]
pub(crate) use self::epoll::{Events, OsPoller};
#[cfg(gort_poller = "none")]
pub(crate) use self::unsupported::{Events, OsPoller};

use std::time::Duration;

/// How long a wait for events may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// It does not wait.
    Now,
    /// That long.
    AtMost(Duration),
    /// Until there is an event.
    Never,
}

/// What has happened to one descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// As it was given when the descriptor was added.
    pub(crate) key: u64,
    /// It can be read, or has ended, or failed.
    pub(crate) is_readable: bool,
    /// It can be written, or nobody reads any more, or it failed.
    pub(crate) is_writable: bool,
    /// Nobody writes any more, or it failed, or a read may stop before all that there is: out of
    /// band data lie in between.
    pub(crate) is_odd: bool,
}
