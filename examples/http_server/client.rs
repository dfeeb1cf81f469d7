//! One connection: requests, one after the other, and their answers.

use crate::{
    answer::{Answer, Failure},
    body,
    head::{self, BodyLength, Head},
    input::Input,
    options::Options,
    routes::{self, Route},
};
use gort::net::{Connection, TcpStream};
use std::{
    io::{self, ErrorKind, Read, Write},
    net::Shutdown,
    time::{Duration, Instant},
};

/// How long a client that was refused may go on to send what nobody reads.
const LINGER: Duration = Duration::from_secs(5);

pub(crate) struct Client<'a> {
    connection: &'a Connection,
    options: &'a Options,
    input: Input<'a>,
}

impl<'a> Client<'a> {
    pub(crate) fn new(connection: &'a Connection, options: &'a Options) -> Self {
        Self {
            connection,
            options,
            input: Input::new(connection),
        }
    }

    /// Answers until the client ends the connection, or the server does.
    pub(crate) fn run(&mut self) -> io::Result<()> {
        self.connection.set_nodelay(true)?;
        while self.has_request()? {
            match self.one_request() {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(Failure::Refused(answer)) => return self.refuse(&answer),
                Err(Failure::Broken(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Waits for the first byte of a request; `false` if none comes.
    fn has_request(&mut self) -> io::Result<bool> {
        if !self.input.rest().is_empty() {
            return Ok(true); // it was sent behind the one before
        }
        self.read_until(self.options.idle);
        match self.input.fill_idle() {
            Ok(read) => Ok(read > 0),
            Err(error) if error.kind() == ErrorKind::TimedOut => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads a request and answers it. Says whether there may be another one.
    fn one_request(&mut self) -> Result<bool, Failure> {
        self.read_until(self.options.head);
        let head = self.head()?;
        let (answer, is_read) = match routes::find(&head) {
            Ok(route) => (self.call(route, &head)?, true),
            Err(answer) => (answer, head.body == BodyLength::None),
        };
        let has_body = head.method != "HEAD";
        if !is_read {
            self.send(&answer, Some("close"), has_body)?;
            self.linger();
            return Ok(false);
        }
        if !head.is_kept_alive || self.connection.is_stopping() {
            self.send(&answer, Some("close"), has_body)?;
            return Ok(false);
        }
        self.send(&answer, head.is_old.then_some("keep-alive"), has_body)?;
        Ok(true)
    }

    fn head(&mut self) -> Result<Head, Failure> {
        loop {
            if let Some((head, length)) = head::parse(self.input.rest())? {
                self.input.consume(length);
                return Ok(head);
            }
            if self.input.fill()? == 0 {
                return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
            }
        }
    }

    /// Reads the body, and computes the answer.
    fn call(&mut self, route: Route, head: &Head) -> Result<Answer, Failure> {
        body::check(head.body)?;
        let has_body = head.body != BodyLength::None;
        if has_body && head.expects_continue && self.input.rest().is_empty() {
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        self.read_until(self.options.body);
        let body = body::read(&mut self.input, head.body)?;
        Ok(route.call(head, body))
    }

    /// Reads end with an error when this much time is over.
    fn read_until(&self, time: Duration) {
        self.connection
            .set_read_deadline(Some(Instant::now() + time));
    }

    fn send(&self, answer: &Answer, connection: Option<&str>, has_body: bool) -> io::Result<()> {
        self.write(&answer.bytes(connection, has_body))
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let until = Instant::now() + self.options.write;
        self.connection.set_write_deadline(Some(until));
        let written = (&**self.connection).write_all(bytes);
        // A write that takes too long is no request that does: the client does not hear of it.
        written.map_err(|error| match error.kind() {
            ErrorKind::TimedOut => ErrorKind::ConnectionAborted.into(),
            _ => error,
        })
    }

    /// Says why there is no other answer.
    fn refuse(&mut self, answer: &Answer) -> io::Result<()> {
        self.send(answer, Some("close"), true)?;
        self.linger();
        Ok(())
    }

    /// Ends the connection so that the client gets the answer: were the socket closed while there
    /// is something to read, the kernel would send a reset, and the client might lose it.
    fn linger(&mut self) {
        let mut stream: &TcpStream = self.connection;
        self.read_until(LINGER);
        let mut unused = [0; 1024];
        // An error, as that of the deadline, ends it as well as the client's end does.
        if stream.shutdown(Shutdown::Write).is_ok() {
            while stream.read(&mut unused).is_ok_and(|read| read > 0) {}
        }
    }
}
