//! One client, from its first byte to its last.

use crate::commands::{self, After};
use crate::idle::Idle;
use crate::resp::{Malformed, Parser, Replies, Request};
use crate::store::Store;
use gort::net::{Connection, TcpStream};
use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

/// What a connection keeps between requests.
const BUFFER: usize = 16 << 10;
/// Replies go out when so many bytes have come together, also in the middle of a pipeline.
const MANY_REPLIES: usize = 1 << 20;
/// How long a connection that is closed on the client goes on reading, and how much.
const LAST_WORDS: Duration = Duration::from_secs(10);
const LAST_BYTES: u64 = 1 << 20;

/// Serves a client. All requests that came in one read are answered in one write, unless the
/// answers are very long. A client that does not read its answers is not read from either.
pub(crate) fn serve(connection: &Connection, store: &Store) -> io::Result<()> {
    let mut stream: &TcpStream = connection;
    // Each write is a whole answer: it shall not wait for others.
    stream.set_nodelay(true)?;
    let mut input = Input::default();
    let mut replies = Replies::default();
    loop {
        if input.fill(Idle(connection))? == 0 {
            return Ok(());
        }
        let after = answer(stream, store, &mut input, &mut replies)?;
        stream.write_all(&replies.bytes)?;
        replies.bytes.clear();
        replies.bytes.shrink_to(BUFFER);
        if after == After::Close {
            return close(stream);
        }
    }
}

/// Runs all requests that have come whole.
fn answer(
    mut stream: &TcpStream,
    store: &Store,
    input: &mut Input,
    replies: &mut Replies,
) -> io::Result<After> {
    loop {
        let request = match input.next_request() {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(After::GoOn),
            Err(malformed) => {
                replies.error(&format!("ERR {}", malformed.0));
                return Ok(After::Close);
            }
        };
        let after = commands::run(store, &request.arguments, replies);
        let length = request.length;
        input.consume(length);
        if after == After::Close {
            return Ok(after);
        }
        if replies.bytes.len() >= MANY_REPLIES {
            stream.write_all(&replies.bytes)?;
            replies.bytes.clear();
        }
    }
}

/// Closes a connection so that the client sees the last answer. Bytes that nobody has read would
/// turn the close into a reset, which takes away what the client has not read yet.
fn close(stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_deadline(Some(Instant::now() + LAST_WORDS));
    // The client closes too, or has sent too much, or the time is over: all the same.
    let _ = io::copy(&mut stream.take(LAST_BYTES), &mut io::sink());
    Ok(())
}

/// Bytes that were read and are not parsed yet.
#[derive(Debug, Default)]
struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    parser: Parser,
}

impl Input {
    fn next_request(&mut self) -> Result<Option<Request<'_>>, Malformed> {
        self.parser.parse(&self.bytes[self.start..self.end])
    }

    fn consume(&mut self, length: usize) {
        self.start += length;
    }

    /// Reads once, as much as there is room for.
    fn fill(&mut self, mut from: impl Read) -> io::Result<usize> {
        self.make_room();
        loop {
            match from.read(&mut self.bytes[self.end..]) {
                Ok(n) => {
                    self.end += n;
                    return Ok(n);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What is left moves to the front; if it fills the buffer, that doubles. The parser's limits
    /// bound it: a request that is longer has failed before.
    fn make_room(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() != BUFFER {
                self.bytes = vec![0; BUFFER];
            }
        }
        if self.end < self.bytes.len() {
            return;
        }
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.end == self.bytes.len() {
            self.bytes.resize(self.end * 2, 0);
        }
    }
}
