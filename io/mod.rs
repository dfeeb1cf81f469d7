//! Pipes and the standard input for goroutines, and descriptors of any kind to wait for.
//!
//! [`pipe`] and [`stdin`] are std's, but that their calls park. The rest is for what
//! [`net`](crate::net) has no type for: an inotify or netlink socket, a serial line, the descriptor
//! of a library in C. [`Pollable`] wraps something that is used again and again; [`wait_readable`]
//! and [`wait_writable`] are for a wait now and then.
//!
//! While a goroutine waits, its thread runs others; no thread is kept. On Linux that is `epoll`; on
//! other Unix systems each wait is a call of `poll` on a thread for blocking calls
//! ([`runtime::blocking`](crate::runtime::blocking)), of which there are at most 512 at a time.

mod pipe;
mod pollable;
mod stdin;
mod wait;

pub use crate::io::{
    pipe::{PipeReader, PipeWriter, pipe},
    pollable::Pollable,
    stdin::{Stdin, StdinLock, stdin},
    wait::{wait_readable, wait_readable_until, wait_writable, wait_writable_until},
};
