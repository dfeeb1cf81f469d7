//! The bytes that have come from a client and are not used yet.

use gort::net::Connection;
use std::io::{self, ErrorKind, Read};

/// How much is read at once.
const PART: usize = 4096;

pub(crate) struct Input<'a> {
    connection: &'a Connection,
    bytes: Vec<u8>,
    /// What stands before it has been used.
    start: usize,
}

impl<'a> Input<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            bytes: Vec::new(),
            start: 0,
        }
    }

    /// What is there.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The first `length` bytes have been used.
    pub(crate) fn consume(&mut self, length: usize) {
        self.start += length;
    }

    /// Waits for more, and says how much has come: nothing at the end.
    pub(crate) fn fill(&mut self) -> io::Result<usize> {
        let connection = self.connection;
        self.fill_by(|room| (&**connection).read(room))
    }

    /// As [`Input::fill`], between two requests: when the server stops, this is the end.
    pub(crate) fn fill_idle(&mut self) -> io::Result<usize> {
        let connection = self.connection;
        self.fill_by(|room| connection.read_idle(room))
    }

    fn fill_by(
        &mut self,
        mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.bytes.drain(..self.start);
        self.start = 0;
        let length = self.bytes.len();
        if length == 0 {
            // An idle connection keeps no more than this.
            self.bytes.shrink_to(PART);
        }
        self.bytes.resize(length + PART, 0);
        let result = loop {
            match read(&mut self.bytes[length..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.bytes
            .truncate(length + result.as_ref().map_or(0, |&n| n));
        result
    }

    /// Moves exactly `length` bytes to the end of `body`.
    pub(crate) fn take_into(&mut self, body: &mut Vec<u8>, length: usize) -> io::Result<()> {
        let here = length.min(self.rest().len());
        body.extend_from_slice(&self.rest()[..here]);
        self.consume(here);
        let missing = length - here;
        // Memory grows as bytes come, not as the client says.
        let read = (&**self.connection)
            .take(missing as u64)
            .read_to_end(body)?;
        if read < missing {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}
