//! Descriptors of any kind that goroutines wait for.
//!
//! For what [`net`](crate::net) has no type for: an inotify or netlink socket, a serial line, the
//! descriptor of a library in C. [`Pollable`] wraps something that is used again and again;
//! [`wait_readable`] and [`wait_writable`] are for a wait now and then.
//!
//! While a goroutine waits, its thread runs others; no thread is kept. On Linux that is `epoll`; on
//! other Unix systems each wait is a call of `poll` on a thread for blocking calls
//! ([`runtime::blocking`](crate::runtime::blocking)), of which there are at most 512 at a time.

mod pollable;
mod wait;

pub use crate::io::{
    pollable::Pollable,
    wait::{wait_readable, wait_readable_until, wait_writable, wait_writable_until},
};
