//! What is to be written to a client: a queue with few places, which others fill, and a goroutine
//! of the client's, which empties it. Nobody waits for a client that does not read.

use gort::net::TcpStream;
use gort::sync::channel::{self, Receiver, Sender, TrySendError};
use std::io;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How many lines may wait for a client, beside what the system keeps for it.
const PLACES: usize = 256;
/// How long a client that is leaving may take to read the rest.
const GRACE: Duration = Duration::from_secs(10);

/// What a client that was dropped reads last.
pub(crate) const TOO_SLOW: &str = "* you read too slowly and were dropped";

/// Something to be written.
pub(crate) enum Out {
    /// A line of the chat.
    Line(Arc<str>),
    /// Bytes that go out as they are: what WebSockets answer by themselves.
    Raw(Vec<u8>),
}

/// The queue was full; the client is being dropped.
pub(crate) struct TooSlow;

/// The end of the queue that others have.
#[derive(Clone)]
pub(crate) struct Outbox {
    queue: Sender<Out>,
    stream: Arc<TcpStream>,
    is_too_slow: Arc<AtomicBool>,
}

impl Outbox {
    pub(crate) fn new(stream: &Arc<TcpStream>) -> (Self, Receiver<Out>) {
        let (queue, waiting) = channel::bounded(PLACES);
        let outbox = Self {
            queue,
            stream: Arc::clone(stream),
            is_too_slow: Arc::default(),
        };
        (outbox, waiting)
    }

    /// Never waits. What is pushed to a client that has gone is lost.
    pub(crate) fn push(&self, out: Out) -> Result<(), TooSlow> {
        match self.queue.try_send(out) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
            Err(TrySendError::Full(_)) => {
                self.is_too_slow.store(true, Ordering::Relaxed);
                self.finish();
                // This ends the goroutine that reads.
                let _ = self.stream.shutdown(Shutdown::Read);
                Err(TooSlow)
            }
        }
    }

    /// Nothing more is taken. What waits is still written, if the client reads it in time.
    pub(crate) fn finish(&self) {
        self.queue.close();
        let until = Instant::now() + GRACE;
        self.stream.set_write_deadline(Some(until));
    }

    pub(crate) fn is_too_slow(&self) -> bool {
        self.is_too_slow.load(Ordering::Relaxed)
    }

    /// Writes what is pushed until [`finish`](Self::finish), and then the last words.
    pub(crate) fn drain(
        &self,
        waiting: &Receiver<Out>,
        mut write: impl FnMut(Out) -> io::Result<()>,
        last: Option<&str>,
    ) {
        let mut written = waiting.iter().try_for_each(&mut write);
        let last = if self.is_too_slow() {
            Some(TOO_SLOW)
        } else {
            last
        };
        if let (Ok(()), Some(last)) = (&written, last) {
            written = write(Out::Line(last.into()));
        }
        let how = if written.is_ok() {
            Shutdown::Write
        } else {
            Shutdown::Both
        };
        self.queue.close();
        // This fails if the client has gone, which ends the goroutine that reads as well.
        let _ = self.stream.shutdown(how);
    }
}
