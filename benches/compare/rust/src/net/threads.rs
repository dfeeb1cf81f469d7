//! The peer std: a thread for each connection.

#[path = "blocking.rs"]
mod blocking;
#[path = "cli.rs"]
mod cli;

use cli::Service;
use std::{io, net::TcpListener, thread};

/// The stack of a connection's thread: room for a parser, little address space for 10,000 of them.
const STACK: usize = 64 << 10;

fn main() -> io::Result<()> {
    let options = cli::parse();
    let listener = TcpListener::bind(&options.addr)?;
    cli::announce(listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        let serve = move || match options.service {
            Service::Echo => blocking::echo(stream),
            Service::Http => blocking::http(stream),
        };
        // A connection that ends by an error ends its thread only, as in every server here.
        thread::Builder::new()
            .stack_size(STACK)
            .spawn(|| serve().ok())?;
    }
    Ok(())
}
