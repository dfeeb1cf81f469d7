//! Servers of one connection in plain blocking code: for gort, may and threads alike.

use std::{
    io::{self, Read, Write},
    time::{SystemTime, UNIX_EPOCH},
};

/// Bytes that an echo server reads at most at once; the same in every server.
pub const ECHO_BUFFER: usize = 16 << 10;

/// What a request head takes at most.
const MAX_HEAD: usize = 4 << 10;

const MAX_HEADERS: usize = 32;

/// Sends back what comes, until the client ends.
pub fn echo(mut stream: impl Read + Write) -> io::Result<()> {
    let mut buffer = vec![0; ECHO_BUFFER];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}

/// Answers each request by 13 bytes, until the client ends. Requests that came together get their
/// answers by one write.
#[allow(dead_code)] // may has a crate for it
pub fn http(mut stream: impl Read + Write) -> io::Result<()> {
    let mut buffer = vec![0; MAX_HEAD];
    let (mut filled, mut answers, mut date) = (0, Vec::new(), Date::new());
    loop {
        match stream.read(&mut buffer[filled..])? {
            0 => return Ok(()),
            n => filled += n,
        }
        let mut start = 0;
        while let Some(length) = head_length(&buffer[start..filled])? {
            start += length;
            answer(&mut answers, date.now());
        }
        buffer.copy_within(start..filled, 0);
        filled -= start;
        if filled == buffer.len() {
            return Err(bad("a request head is too long"));
        }
        if !answers.is_empty() {
            stream.write_all(&answers)?;
            answers.clear();
        }
    }
}

/// The length of the request head that `bytes` begin with, or `None` if more bytes are to come.
fn head_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Partial) => Ok(None),
        Ok(httparse::Status::Complete(length)) if request.method == Some("GET") => Ok(Some(length)),
        Ok(_) => Err(bad("only GET is served")),
        Err(_) => Err(bad("not a request")),
    }
}

fn bad(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// The headers are those that Go's `net/http` and hyper send too.
fn answer(answers: &mut Vec<u8>, date: &str) {
    answers.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n");
    answers.extend_from_slice(b"Content-Length: 13\r\nDate: ");
    answers.extend_from_slice(date.as_bytes());
    answers.extend_from_slice(b"\r\n\r\nHello, world!");
}

/// The value of the header `Date`, written anew when the second has changed.
struct Date {
    second: u64,
    text: String,
}

impl Date {
    fn new() -> Self {
        Self {
            second: 0,
            text: httpdate::fmt_http_date(UNIX_EPOCH),
        }
    }

    fn now(&mut self) -> &str {
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        if second != self.second {
            self.second = second;
            self.text = httpdate::fmt_http_date(now);
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{net::Shutdown, os::unix::net::UnixStream, thread};

    /// What the client gets that sends `pieces` one by one, and how the server ends.
    fn talk(
        pieces: &[&[u8]],
        serve: fn(UnixStream) -> io::Result<()>,
    ) -> (Vec<u8>, io::Result<()>) {
        let (mut client, server) = UnixStream::pair().unwrap();
        let server = thread::spawn(move || serve(server));
        for piece in pieces {
            client.write_all(piece).unwrap();
        }
        client.shutdown(Shutdown::Write).unwrap();
        let mut answers = Vec::new();
        client.read_to_end(&mut answers).unwrap();
        (answers, server.join().unwrap())
    }

    #[test]
    fn an_echo_is_what_was_sent() {
        let sent: Vec<u8> = (0..3 * ECHO_BUFFER + 1).map(|i| i as u8).collect();
        let (answers, end) = talk(&[&sent], echo);
        assert!(end.is_ok() && answers == sent);
    }

    #[test]
    fn each_request_is_answered_once_however_it_comes() {
        let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        let three = request.repeat(3);
        let bytes: Vec<&[u8]> = three.chunks(1).collect();
        let (all, split) = ([&three[..]], [&three[..40], &three[40..]]);
        for pieces in [&all[..], &split[..], &bytes[..]] {
            let (answers, end) = talk(pieces, http);
            let text = String::from_utf8(answers).unwrap();
            assert!(end.is_ok());
            assert_eq!(text.matches("HTTP/1.1 200 OK\r\n").count(), 3, "{text}");
            assert_eq!(text.matches("\r\n\r\nHello, world!").count(), 3, "{text}");
        }
    }

    #[test]
    fn a_connection_with_nonsense_ends() {
        let (answers, end) = talk(&[b"POST / HTTP/1.1\r\n\r\n"], http);
        assert!(answers.is_empty() && end.is_err());
        let long = [b"GET / HTTP/1.1\r\na: ".to_vec(), vec![b'x'; MAX_HEAD]].concat();
        let (answers, end) = talk(&[&long[..MAX_HEAD]], http);
        assert!(answers.is_empty() && end.is_err());
    }
}
