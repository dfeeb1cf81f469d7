//! The dialogue with a mail server.

use crate::lines;
use gort::net::{self, TcpStream};
use std::{
    io::{self, BufReader, ErrorKind, Write},
    time::{Duration, Instant},
};

/// What everybody gets.
pub(crate) struct Mail {
    pub(crate) server: String,
    pub(crate) from: String,
    /// Header fields, an empty line, and the text.
    pub(crate) text: String,
    /// How long the server may take for each of its replies.
    pub(crate) timeout: Duration,
}

/// A connection to a mail server.
struct Dialogue {
    input: BufReader<TcpStream>,
    timeout: Duration,
}

impl Mail {
    /// Sends it to one address. The error says what the server has said, and to what.
    pub(crate) fn send(&self, to: &str) -> io::Result<()> {
        check(&self.from)?;
        check(to)?;
        let stream = connect(&self.server, self.timeout)?;
        let mut dialogue = Dialogue {
            input: BufReader::new(stream),
            timeout: self.timeout,
        };
        dialogue.expect(220, "greeting")?;
        dialogue.say("EHLO localhost", 250)?;
        dialogue.say(&format!("MAIL FROM:<{}>", self.from), 250)?;
        dialogue.say(&format!("RCPT TO:<{to}>"), 250)?;
        dialogue.say("DATA", 354)?;
        dialogue.send(&on_the_wire(to, &self.text))?;
        dialogue.expect(250, "end of the text")?;
        // The mail is the server's now. What becomes of the connection does not matter.
        let _ = dialogue.say("QUIT", 221);
        Ok(())
    }
}

/// An address goes into a command: nothing in it may end that, or the address.
fn check(address: &str) -> io::Result<()> {
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !"<>".contains(c);
    let has_both = |(name, host): (&str, &str)| !name.is_empty() && !host.is_empty();
    if address.split_once('@').is_some_and(has_both)
        && address.len() <= 250
        && address.chars().all(is_plain)
    {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::InvalidInput, "no such address"))
}

/// Tries all addresses that the server's name has.
fn connect(server: &str, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the server has no address");
    for address in net::lookup_host(server)? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(io::Error::new(last.kind(), format!("connect: {last}")))
}

/// The text as SMTP wants it: lines end in CR LF, one that begins with a dot gets another one, and
/// a dot alone is the end.
fn on_the_wire(to: &str, text: &str) -> Vec<u8> {
    let mut wire = format!("To: <{to}>\r\n");
    for line in text.lines() {
        if line.starts_with('.') {
            wire.push('.');
        }
        wire.push_str(line);
        wire.push_str("\r\n");
    }
    wire.push_str(".\r\n");
    wire.into_bytes()
}

impl Dialogue {
    /// Says a line, and wants a reply with this code.
    fn say(&mut self, line: &str, code: u16) -> io::Result<()> {
        self.send(format!("{line}\r\n").as_bytes())?;
        self.expect(code, line)
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.input.get_mut();
        stream.set_deadline(Some(Instant::now() + self.timeout));
        stream.write_all(bytes)
    }

    /// Reads a reply, which may have several lines. `asked` is for the error.
    fn expect(&mut self, code: u16, asked: &str) -> io::Result<()> {
        let stream = self.input.get_mut();
        stream.set_deadline(Some(Instant::now() + self.timeout));
        loop {
            let line = match lines::read(&mut self.input) {
                Ok(Some(line)) => line,
                Ok(None) => return Err(io::Error::other(format!("{asked}: the server hangs up"))),
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    return Err(io::Error::new(
                        error.kind(),
                        format!("{asked}: no reply in time"),
                    ));
                }
                Err(error) => return Err(error),
            };
            if !line.starts_with(code.to_string().as_bytes()) {
                let line = String::from_utf8_lossy(&line);
                return Err(io::Error::other(format!("{asked}: {line}")));
            }
            // A dash says that more lines follow.
            if line.get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}
