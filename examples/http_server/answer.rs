//! What a client gets.

use httpdate::HttpDate;
use std::{
    io::{self, Write},
    time::SystemTime,
};

/// An answer, which is text or what the client has sent itself.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    /// The methods that a path has, if another one was asked for.
    pub(crate) allow: Option<&'static str>,
    pub(crate) body: Vec<u8>,
}

/// Why a request comes to nothing.
pub(crate) enum Failure {
    /// The client is told, and the connection ends: where the next request would begin is not known
    /// or is too far away.
    Refused(Answer),
    /// The connection is broken.
    Broken(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => refuse(408, "the request takes too long"),
            io::ErrorKind::UnexpectedEof => refuse(400, "the request ends in the middle"),
            _ => Self::Broken(error),
        }
    }
}

/// A failure of which the client is told.
pub(crate) fn refuse(status: u16, why: &str) -> Failure {
    Failure::Refused(Answer::text(status, why))
}

impl Answer {
    /// A line of text.
    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            allow: None,
            body: format!("{text}\n").into_bytes(),
        }
    }

    /// The bytes of the answer, to be written at once.
    pub(crate) fn bytes(&self, connection: Option<&str>, has_body: bool) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(256 + self.body.len());
        self.write_head(&mut bytes, connection)
            .expect("a Vec takes all");
        if has_body {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }

    fn write_head(&self, out: &mut Vec<u8>, connection: Option<&str>) -> io::Result<()> {
        write!(out, "HTTP/1.1 {} {}\r\n", self.status, reason(self.status))?;
        write!(out, "Date: {}\r\n", HttpDate::from(SystemTime::now()))?;
        write!(out, "Content-Type: {}\r\n", self.content_type)?;
        write!(out, "Content-Length: {}\r\n", self.body.len())?;
        if let Some(methods) = self.allow {
            write!(out, "Allow: {methods}\r\n")?;
        }
        if let Some(connection) = connection {
            write!(out, "Connection: {connection}\r\n")?;
        }
        out.write_all(b"\r\n")
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        411 => "Length Required",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
