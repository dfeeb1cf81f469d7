//! A busy connection: what it sends, what it expects, and what it counts.

use crate::options::{Mode, Options};
use hdrhistogram::Histogram;
use std::{
    cell::{Cell, RefCell},
    io,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n";
const BODY: &[u8] = b"Hello, world!";

/// What an answer to one request may take: a server's headers are shorter.
const MAX_HTTP_ANSWER: usize = 1 << 10;

/// Nanoseconds, one hour; what takes longer counts as this.
const LONGEST_DELAY: u64 = 3_600_000_000_000;

/// How many connections are opened at the same time: fewer than any server's backlog.
const OPENING: usize = 64;

/// What every connection sends, and how it knows the answer.
pub struct Exchange {
    mode: Mode,
    request: Vec<u8>,
    /// Requests in one `request`.
    pub pipeline: usize,
    /// Bytes of the whole answer. HTTP's are found in the first one; all others are as long.
    expected: Cell<Option<usize>>,
}

impl Exchange {
    pub fn new(options: &Options) -> io::Result<Self> {
        let one = match options.mode {
            Mode::Echo => (0..options.size).map(|i| i as u8).collect(),
            Mode::Http => REQUEST.to_vec(),
        };
        let length = one.len().checked_mul(options.pipeline);
        let length = length.ok_or(io::Error::other("such a request is too long"))?;
        let expected = (options.mode == Mode::Echo).then_some(length);
        Ok(Self {
            mode: options.mode,
            request: one.repeat(options.pipeline),
            pipeline: options.pipeline,
            expected: Cell::new(expected),
        })
    }

    /// A buffer for one whole answer. It has room for a byte more, so that an answer that is too
    /// long is seen, and so that a read that gets it all leaves the buffer unfilled.
    pub fn buffer(&self) -> Vec<u8> {
        let most = match self.mode {
            Mode::Echo => self.request.len(),
            Mode::Http => MAX_HTTP_ANSWER * self.pipeline,
        };
        vec![0; most + 1]
    }

    /// Sends the requests and waits for all answers.
    pub async fn once(&self, stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<()> {
        // Most requests are taken at once. If not, the rest is sent while answers are read: a
        // server need not take all before it answers.
        let sent = stream.write(&self.request).await?;
        if sent == self.request.len() {
            return self.receive(stream, buffer).await;
        }
        let (mut reader, mut writer) = stream.split();
        let rest = &self.request[sent..];
        tokio::try_join!(writer.write_all(rest), self.receive(&mut reader, buffer)).map(|_| ())
    }

    async fn receive(
        &self,
        stream: &mut (impl AsyncReadExt + Unpin),
        buffer: &mut [u8],
    ) -> io::Result<()> {
        let mut filled = 0;
        loop {
            match stream.read(&mut buffer[filled..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => filled += n,
            }
            if self.is_whole(&buffer[..filled])? {
                return Ok(());
            }
        }
    }

    /// Whether `bytes` are the whole answer; an error if they can never become it.
    fn is_whole(&self, bytes: &[u8]) -> io::Result<bool> {
        let expected = match self.expected.get() {
            Some(expected) => expected,
            None => match http_length(bytes)? {
                Some(one) => one * self.pipeline,
                None => return Ok(false),
            },
        };
        if bytes.len() > expected {
            return Err(bad("an answer is longer than it should be"));
        }
        if bytes.len() < expected {
            return Ok(false);
        }
        match self.mode {
            Mode::Echo if bytes != self.request => return Err(bad("an echo says something else")),
            Mode::Http => check_http(bytes, expected / self.pipeline)?,
            Mode::Echo => {}
        }
        self.expected.set(Some(expected));
        Ok(true)
    }
}

/// The length of the first answer in `bytes`, or `None` if its head is not all there.
fn http_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response.parse(bytes) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(bad("an answer is not HTTP")),
    };
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| {
            std::str::from_utf8(header.value)
                .ok()?
                .parse::<usize>()
                .ok()
        })
        .ok_or_else(|| bad("an answer has no content length"))?;
    if length != BODY.len() {
        return Err(bad("a body has another length"));
    }
    Ok(Some(head + length))
}

/// Each answer of `one` bytes begins and ends as it should.
fn check_http(bytes: &[u8], one: usize) -> io::Result<()> {
    let is_right = |answer: &[u8]| answer.starts_with(b"HTTP/1.1 200 ") && answer.ends_with(BODY);
    if bytes.chunks(one).all(is_right) {
        Ok(())
    } else {
        Err(bad("an answer is not the one expected"))
    }
}

fn bad(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// When answers count.
pub struct Window {
    pub start: Instant,
    pub end: Instant,
}

/// What all connections count together; one thread has them all.
pub struct Tally {
    window: Window,
    pub requests: Cell<u64>,
    pub errors: Cell<u64>,
    /// The last error, in words.
    pub last_error: RefCell<String>,
    /// Connections that got an answer in the window.
    pub served: Cell<usize>,
    /// Nanoseconds.
    pub delays: RefCell<Histogram<u64>>,
}

impl Tally {
    pub fn new(window: Window) -> io::Result<Self> {
        let delays = Histogram::new_with_bounds(1, LONGEST_DELAY, 3).map_err(io::Error::other)?;
        Ok(Self {
            window,
            requests: Cell::new(0),
            errors: Cell::new(0),
            last_error: RefCell::default(),
            served: Cell::new(0),
            delays: RefCell::new(delays),
        })
    }

    /// Counts `requests` that were all answered after `delay`.
    fn count(&self, requests: u64, delay: Duration) {
        self.requests.set(self.requests.get() + requests);
        let nanos = delay.as_nanos() as u64;
        self.delays
            .borrow_mut()
            .saturating_record_n(nanos, requests);
    }

    fn fail(&self, error: &io::Error) {
        self.errors.set(self.errors.get() + 1);
        *self.last_error.borrow_mut() = error.to_string();
    }
}

/// Opens `n` connections, a few at a time.
pub async fn open(addr: &str, n: usize) -> io::Result<Vec<TcpStream>> {
    let mut streams = Vec::with_capacity(n);
    while streams.len() < n {
        let batch = OPENING.min(n - streams.len());
        let addr = addr.to_string();
        let opening: Vec<_> = (0..batch)
            .map(|_| tokio::spawn(TcpStream::connect(addr.clone())))
            .collect();
        for one in opening {
            let stream = one.await.map_err(io::Error::other)??;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
    }
    Ok(streams)
}

/// Makes one exchange after the other until the window ends or one fails. The requests of a
/// pipeline all have the delay of the last answer.
pub async fn keep_asking(mut stream: TcpStream, exchange: Rc<Exchange>, tally: Rc<Tally>) {
    let mut buffer = exchange.buffer();
    let mut is_served = false;
    let mut sent = Instant::now();
    loop {
        if let Err(error) = exchange.once(&mut stream, &mut buffer).await {
            tally.fail(&error);
            return;
        }
        let now = Instant::now();
        if now >= tally.window.end {
            return;
        }
        if now >= tally.window.start {
            tally.count(exchange.pipeline as u64, now - sent);
            if !is_served {
                is_served = true;
                tally.served.set(tally.served.get() + 1);
            }
        }
        sent = now;
    }
}

#[cfg(test)]
mod tests;
