//! Waits for a descriptor that is waited for now and then.

use crate::runtime::source::{Direction, Source};
use std::{
    io::{self, ErrorKind},
    os::fd::AsFd,
    time::Instant,
};

/// Parks until the descriptor is readable, has ended or has failed. It need not be such that its
/// calls do not block.
///
/// Takes a few system calls each time; [`Pollable`](crate::io::Pollable) is for what is waited for
/// often. A file on a disk is always ready.
///
/// # Errors
/// The descriptor is not open, or the system can watch no more of them.
///
/// # Panics
/// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it would have to park.
///
/// # Examples
/// ```
/// use std::io::{Read, Write, pipe};
///
/// # fn main() -> std::io::Result<()> {
/// let (mut reader, mut writer) = pipe()?;
/// let waiting = gort::spawn(move || -> std::io::Result<u8> {
///     gort::io::wait_readable(&reader)?;
///     let mut byte = [0];
///     reader.read_exact(&mut byte)?; // does not block its thread
///     Ok(byte[0])
/// });
/// writer.write_all(b"x")?;
/// assert_eq!(waiting.join().unwrap()?, b'x');
/// # Ok(())
/// # }
/// ```
pub fn wait_readable(fd: impl AsFd) -> io::Result<()> {
    wait(&fd, Direction::Read, None)
}

/// As [`wait_readable`], until `deadline` at most.
///
/// # Errors
/// As there; [`TimedOut`](ErrorKind::TimedOut): the deadline has passed.
///
/// # Panics
/// As there.
///
/// # Examples
/// ```
/// use std::{
///     io::{ErrorKind, pipe},
///     time::{Duration, Instant},
/// };
///
/// let (reader, _writer) = pipe().unwrap();
/// let soon = Instant::now() + Duration::from_millis(5);
/// let error = gort::io::wait_readable_until(&reader, soon).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::TimedOut);
/// ```
pub fn wait_readable_until(fd: impl AsFd, deadline: Instant) -> io::Result<()> {
    wait(&fd, Direction::Read, Some(deadline))
}

/// As [`wait_readable`], until the descriptor can be written to.
///
/// # Errors
/// As there.
///
/// # Panics
/// As there.
///
/// # Examples
/// ```
/// let (_reader, writer) = std::io::pipe().unwrap();
/// gort::io::wait_writable(&writer).unwrap();
/// ```
pub fn wait_writable(fd: impl AsFd) -> io::Result<()> {
    wait(&fd, Direction::Write, None)
}

/// As [`wait_writable`], until `deadline` at most.
///
/// # Errors
/// As [`wait_readable_until`].
///
/// # Panics
/// As [`wait_readable`].
///
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
///
/// let (_reader, writer) = std::io::pipe().unwrap();
/// let later = Instant::now() + Duration::from_secs(1);
/// gort::io::wait_writable_until(&writer, later).unwrap();
/// ```
pub fn wait_writable_until(fd: impl AsFd, deadline: Instant) -> io::Result<()> {
    wait(&fd, Direction::Write, Some(deadline))
}

fn wait(fd: &impl AsFd, direction: Direction, deadline: Option<Instant>) -> io::Result<()> {
    let source = Source::new(fd.as_fd());
    let waited = source.wait_until_ready(direction, deadline);
    waited.map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => ErrorKind::TimedOut.into(),
        _ => error,
    })
}
