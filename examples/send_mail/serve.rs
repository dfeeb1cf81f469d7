//! A mail server for tests: it takes mails and forgets them. To `nobody@...` it says that there is
//! no such user, to `later@...` that it is busy, and to `slow@...` nothing, for a minute.

use crate::lines;
use gort::{
    go,
    net::{Connection, Server, TcpListener, TcpStream},
    signal,
};
use std::{
    io::{self, BufReader, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

/// How long a client may take for a line.
const PATIENCE: Duration = Duration::from_secs(60);
const MOST_BYTES: usize = 1024 * 1024;

/// Listens on the address, prints it, and serves until SIGINT.
pub(crate) fn main(address: &str) -> ExitCode {
    match serve(address) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("send_mail: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(address: &str) -> io::Result<()> {
    let interrupts = signal::ctrl_c()?;
    let server = Server::new(TcpListener::bind(address)?);
    println!("listening on {}", server.local_addr()?);
    io::stdout().flush()?;
    let stopper = server.stopper();
    go!(move || {
        // It is disconnected only when the program ends.
        if interrupts.recv().is_ok() {
            stopper.stop(Duration::ZERO);
        }
    });
    server.serve(|connection| {
        // Whoever hangs up in the middle has sent no mail.
        let _ = talk(connection);
    })?;
    Ok(())
}

/// One client, from the greeting to the end.
fn talk(connection: &Connection) -> io::Result<()> {
    let mut stream: &TcpStream = connection;
    let mut input = BufReader::new(stream);
    let (mut from, mut to): (Option<String>, Vec<String>) = (None, Vec::new());
    stream.write_all(b"220 a server for tests\r\n")?;
    loop {
        stream.set_deadline(Some(Instant::now() + PATIENCE));
        let Some(line) = lines::read(&mut input)? else {
            return Ok(());
        };
        let line = String::from_utf8_lossy(&line).into_owned();
        let upper = line.to_ascii_uppercase();
        let reply = match &*upper {
            "QUIT" => return stream.write_all(b"221 bye\r\n"),
            "DATA" if to.is_empty() => "503 to whom?",
            "DATA" => {
                stream.write_all(b"354 go on, and end with a dot\r\n")?;
                let length = text_length(&mut input)?;
                let from = from.take().unwrap_or_default();
                println!("{length} bytes from {from} to {}", to.join(", "));
                to.clear();
                "250 taken"
            }
            _ if upper.starts_with("EHLO ") => "250-hello\r\n250 8BITMIME",
            _ if upper.starts_with("HELO ") => "250 hello",
            _ if upper.starts_with("MAIL FROM:") => {
                from = Some(address(&line));
                to.clear();
                "250 good"
            }
            _ if upper.starts_with("RCPT TO:") && from.is_none() => "503 from whom?",
            _ if upper.starts_with("RCPT TO:") => recipient(address(&line), &mut to),
            _ => "500 what?",
        };
        stream.write_all(format!("{reply}\r\n").as_bytes())?;
    }
}

/// What stands between the angle brackets.
fn address(line: &str) -> String {
    let inner = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or("", |(address, _)| address).to_owned()
}

fn recipient(address: String, to: &mut Vec<String>) -> &'static str {
    match address.split('@').next() {
        Some("nobody") => "550 no such user here",
        Some("later") => "451 try again later",
        Some("slow") => {
            gort::sleep(PATIENCE);
            "451 that was slow"
        }
        _ => {
            to.push(address);
            "250 good"
        }
    }
}

/// Reads a text up to the dot that ends it, and says how long it is without the dots that were
/// added.
fn text_length(input: &mut BufReader<&TcpStream>) -> io::Result<usize> {
    let mut length = 0;
    while let Some(line) = lines::read(input)? {
        if line == b"." {
            return Ok(length);
        }
        length += line.strip_prefix(b".").unwrap_or(&line).len() + 2;
        if length > MOST_BYTES {
            return Err(io::Error::other("the text is too long"));
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}
