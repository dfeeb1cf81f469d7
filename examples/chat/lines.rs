//! Clients that speak in lines: netcat and telnet.

use crate::hub::{After, Hub, Id};
use crate::outbox::{Out, Outbox};
use gort::net::TcpStream;
use std::io::{self, BufRead, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest line, with its end.
pub(crate) const MAX_LINE: usize = 1024;
/// How long a connection that ends goes on reading, and how much.
const LAST_WORDS: Duration = Duration::from_secs(10);
const LAST_BYTES: u64 = 1 << 20;

/// A line with its end, which may be missing at the end of the input; one byte more than
/// [`MAX_LINE`] if it is too long; `None` at the end.
pub(crate) fn read_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut input = input.take(MAX_LINE as u64 + 1);
    Ok((input.read_until(b'\n', &mut line)? > 0).then_some(line))
}

/// Serves a client whose first line has been read.
pub(crate) fn serve(
    stream: &Arc<TcpStream>,
    hub: &Hub,
    first: Option<Vec<u8>>,
    mut input: impl BufRead,
) -> io::Result<()> {
    let (outbox, waiting) = Outbox::new(stream);
    let heard = gort::scope(|s| {
        s.spawn(|| outbox.drain(&waiting, |out| write(stream, &out), Some("* bye")));
        let id = hub.enter(outbox.clone());
        let heard = talk(hub, id, first, &mut input, &outbox);
        hub.leave(id);
        outbox.finish();
        heard
    });
    if heard? == Rest::Unread {
        linger(stream);
    }
    Ok(())
}

/// Goes on reading for a while what nobody wants any more, so that the client reads the last line:
/// bytes that were never read would turn the end of the connection into a reset.
pub(crate) fn linger(stream: &TcpStream) {
    // This fails if the client has gone, and then the reading ends at once.
    let _ = stream.shutdown(Shutdown::Write);
    stream.set_read_deadline(Some(Instant::now() + LAST_WORDS));
    // The client closes too, or has sent too much, or the time is over: all the same.
    let _ = io::copy(&mut stream.take(LAST_BYTES), &mut io::sink());
}

/// Whether there may be more from a client than was heard.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Nothing,
    Unread,
}

/// Hears line after line, until there are no more, or no more are wanted.
fn talk(
    hub: &Hub,
    id: Id,
    first: Option<Vec<u8>>,
    input: &mut impl BufRead,
    outbox: &Outbox,
) -> io::Result<Rest> {
    let mut line = first;
    while let Some(bytes) = line {
        if bytes.len() > MAX_LINE {
            let text = format!("* a line has {MAX_LINE} bytes at most");
            // One that is too slow for this has been told so.
            let _ = outbox.push(Out::Line(text.into()));
            return Ok(Rest::Unread);
        }
        if hub.hear(id, &String::from_utf8_lossy(&bytes)) == After::Leave {
            return Ok(Rest::Unread);
        }
        line = read_line(input)?;
    }
    Ok(Rest::Nothing)
}

/// A line's end is that of telnet; netcat's users do not see the difference.
fn write(mut stream: &TcpStream, out: &Out) -> io::Result<()> {
    match out {
        Out::Line(line) => stream.write_all(format!("{line}\r\n").as_bytes()),
        Out::Raw(bytes) => stream.write_all(bytes),
    }
}
