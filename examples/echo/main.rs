//! A server that sends back what it is sent: `cargo run --example echo -- [ADDRESS]`, then
//! `nc 127.0.0.1 7007`. One goroutine a connection, in plain blocking code; how it is started and
//! stopped is in `support/serve.rs`. In Go: `go func() { io.Copy(conn, conn) }()`.

#[path = "../support/serve.rs"]
mod serve;

use gort::net::Connection;
use gort::runtime;
use std::env;
use std::io::{self, Write};

#[runtime::main]
fn main() -> io::Result<()> {
    let address = env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:7007");
    serve::serve("echo", address, echo)
}

/// Sends back what comes until the peer has no more to say. While the peer does not read, the write
/// parks, and nothing more is read: the memory of a connection is this buffer.
fn echo(connection: &Connection) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match connection.read_idle(&mut buffer)? {
            0 => return Ok(()),
            n => (&**connection).write_all(&buffer[..n])?,
        }
    }
}
