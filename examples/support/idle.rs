//! A connection as a `Read`, for what takes one.

use gort::net::Connection;
use std::io::{self, Read};

/// Reads from a connection, for as long as the server is not stopped.
#[derive(Clone, Copy)]
pub(crate) struct Idle<'a>(pub(crate) &'a Connection);

impl Read for Idle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_idle(buffer)
    }
}
