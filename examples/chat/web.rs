//! Browsers: the page, and a WebSocket, which the crate tungstenite speaks over a stream of ours.
//! It reads in one goroutine and writes in another, so two of its sockets share the connection: one
//! reads, and what it has to answer goes into the queue; the other writes what is in the queue.

use crate::hub::{After, Hub, Id};
use crate::outbox::{Out, Outbox, TOO_SLOW};
use gort::net::TcpStream;
use std::io::{self, BufRead, Chain, Cursor, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

const PAGE: &str = include_str!("page.html");
/// The longest head of a request.
const MAX_HEAD: usize = 8 << 10;
/// The longest message of a WebSocket.
const MAX_MESSAGE: usize = 4 << 10;
/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a client's first line is that of a request.
pub(crate) fn is_request(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0")
}

/// Answers one request, or chats.
pub(crate) fn serve(
    stream: &Arc<TcpStream>,
    hub: &Hub,
    first: Vec<u8>,
    mut input: impl BufRead,
) -> io::Result<()> {
    let line = String::from_utf8_lossy(&first).into_owned();
    stream.set_read_deadline(Some(Instant::now() + PATIENCE));
    let Some(head) = read_head(first, &mut input)? else {
        let text = "the head of the request is too long";
        return respond(stream, "431 Request Header Fields Too Large", "", text);
    };
    stream.set_read_deadline(None);
    let mut words = line.split_whitespace();
    match (words.next(), words.next()) {
        (Some("GET"), Some("/")) => {
            let html = "Content-Type: text/html; charset=utf-8\r\n";
            respond(stream, "200 OK", html, PAGE)
        }
        (Some("GET"), Some("/ws")) => {
            let (outbox, waiting) = Outbox::new(stream);
            gort::scope(|s| {
                s.spawn(|| write(stream, &outbox, &waiting));
                let wire = Wire {
                    input: Cursor::new(head).chain(input),
                    outbox: outbox.clone(),
                };
                chat(wire, hub, &outbox);
                outbox.finish();
            });
            Ok(())
        }
        (_, Some("/" | "/ws")) => respond(
            stream,
            "405 Method Not Allowed",
            "Allow: GET\r\n",
            "GET only",
        ),
        _ => respond(stream, "404 Not Found", "", "there is / and /ws"),
    }
}

/// Reads up to the empty line behind the head; `None` if it is too long.
fn read_head(mut head: Vec<u8>, input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    loop {
        let start = head.len();
        let room = (MAX_HEAD - start) as u64 + 1;
        if input.by_ref().take(room).read_until(b'\n', &mut head)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if head.len() > MAX_HEAD {
            return Ok(None);
        }
        if head[start..].trim_ascii().is_empty() {
            return Ok(Some(head));
        }
    }
}

fn respond(mut stream: &TcpStream, status: &str, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n");
    stream.write_all(format!("{head}{headers}\r\n{body}").as_bytes())?;
    crate::lines::linger(stream);
    Ok(())
}

/// What tungstenite reads from and answers to: the head again, then what follows; answers go into
/// the queue, each in one piece.
struct Wire<I> {
    input: Chain<Cursor<Vec<u8>>, I>,
    outbox: Outbox,
}

impl<I: BufRead> Read for Wire<I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer)
    }
}

impl<I> Write for Wire<I> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let pushed = self.outbox.push(Out::Raw(bytes.to_vec()));
        pushed.map_err(|_| ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(crate::BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
}

/// Shakes hands, and hears messages until the client closes.
fn chat(wire: Wire<impl BufRead>, hub: &Hub, outbox: &Outbox) {
    let Ok(mut socket) = tungstenite::accept_with_config(wire, Some(config())) else {
        let answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = outbox.push(Out::Raw(answer.into()));
        return;
    };
    let id = hub.enter(outbox.clone());
    // Whatever ended it, the client has gone.
    let _ = hear(&mut socket, hub, id);
    hub.leave(id);
}

fn hear(socket: &mut WebSocket<Wire<impl BufRead>>, hub: &Hub, id: Id) -> Result<(), Error> {
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                if text.lines().any(|line| hub.hear(id, line) == After::Leave) {
                    return socket.close(None);
                }
            }
            Ok(_) => {} // pings and closes are answered by the next read
            Err(Error::Capacity(_)) => {
                let code = CloseCode::Size;
                let reason = "a message is too long".into();
                return socket.close(Some(CloseFrame { code, reason }));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Writes what is in the queue.
fn write(stream: &TcpStream, outbox: &Outbox, waiting: &gort::sync::channel::Receiver<Out>) {
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, Some(config()));
    let write = |out| match out {
        Out::Raw(bytes) => socket.get_mut().write_all(&bytes),
        Out::Line(line) if &*line == TOO_SLOW => {
            let code = CloseCode::Policy;
            let reason = "you read too slowly and were dropped".into();
            let close = socket.close(Some(CloseFrame { code, reason }));
            close.map_err(io::Error::other)
        }
        Out::Line(line) => socket.send(Message::text(&*line)).map_err(io::Error::other),
    };
    outbox.drain(waiting, write, None);
}
