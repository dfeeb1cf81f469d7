//! For tests of the example `http_server`: requests over sockets of the standard library.
#![allow(dead_code, reason = "each test program uses a part of it")]

#[path = "server.rs"]
pub(crate) mod server;

use server::{Server, read_to_end};
use std::{
    io::{BufRead, BufReader, Write},
    net::{Shutdown, TcpStream},
};

pub(crate) const CLOSE: &str = "Host: x\r\nConnection: close\r\n\r\n";

/// An answer as it was sent.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads one; with the bytes that its Content-Length promises if it `has_body`.
    pub(crate) fn read(input: &mut impl BufRead, has_body: bool) -> Self {
        let first = line(input);
        let status = first
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3));
        let status = status.unwrap_or_else(|| panic!("{first:?} begins an answer"));
        let mut answer = Self {
            status: status.parse().expect("three digits"),
            fields: Vec::new(),
            body: Vec::new(),
        };
        loop {
            let line = line(input);
            let Some((name, value)) = line.split_once(": ") else {
                assert_eq!(line, "");
                break;
            };
            answer
                .fields
                .push((name.to_ascii_lowercase(), value.to_owned()));
        }
        if let Some(length) = answer.field("content-length").filter(|_| has_body) {
            answer.body = vec![0; length.parse().expect("a number")];
            input
                .read_exact(&mut answer.body)
                .expect("the body is whole");
        }
        answer
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields
            .find(|(other, _)| other == name)
            .map(|(_, value)| &**value)
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("the body is text")
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16, text: &str) {
        assert_eq!((self.status, self.text()), (status, text));
    }
}

/// A line without its end.
pub(crate) fn line(input: &mut impl BufRead) -> String {
    let mut line = String::new();
    input.read_line(&mut line).expect("the server answers");
    let line = line.strip_suffix("\r\n");
    line.expect("lines end in CR LF").to_owned()
}

/// Sends this, says that nothing follows, and reads all that comes.
pub(crate) fn answers(server: &Server, request: impl AsRef<[u8]>) -> Vec<Answer> {
    let mut stream = server.connect();
    stream
        .write_all(request.as_ref())
        .expect("the server reads");
    stream.shutdown(Shutdown::Write).expect("it is open");
    let all = read_to_end(&stream);
    let (mut rest, mut answers) = (&*all, Vec::new());
    while !rest.is_empty() {
        answers.push(Answer::read(&mut rest, true));
    }
    answers
}

#[track_caller]
pub(crate) fn one(server: &Server, request: impl AsRef<[u8]>) -> Answer {
    let mut answers = answers(server, request);
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers.remove(0)
}

/// Such a request is refused with this status, and the connection ends even though the client has
/// not ended it.
#[track_caller]
pub(crate) fn refused(server: &Server, status: u16, request: impl AsRef<[u8]>) {
    let request = request.as_ref();
    let mut stream = server.connect();
    stream.write_all(request).expect("the server reads");
    let all = read_to_end(&stream);
    let mut rest = &*all;
    let answer = Answer::read(&mut rest, true);
    let shown = String::from_utf8_lossy(&request[..request.len().min(200)]);
    assert_eq!(
        (answer.status, rest.len()),
        (status, 0),
        "{shown}: {}",
        answer.text()
    );
    assert_eq!(answer.field("connection"), Some("close"), "{shown}");
    assert!(answer.text().len() > 5, "{shown}: a refusal says why");
}

/// A client that keeps its connection.
pub(crate) fn keep(server: &Server) -> BufReader<TcpStream> {
    BufReader::new(server.connect())
}

pub(crate) fn send(client: &mut BufReader<TcpStream>, bytes: &[u8]) {
    client.get_mut().write_all(bytes).expect("the server reads");
}
