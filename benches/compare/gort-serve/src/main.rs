//! gort's servers: a goroutine for each connection, in the blocking code that may and threads run.

#[path = "../../rust/src/net/blocking.rs"]
mod blocking;
#[path = "../../rust/src/net/cli.rs"]
mod cli;

use cli::{Options, Service};
use gort::{io::Pollable, runtime::Builder};
use std::{io, net::TcpListener};

fn main() -> io::Result<()> {
    let options = cli::parse();
    let runtime = Builder::new().workers(options.workers).build()?;
    runtime.run(move || serve(&options))
}

fn serve(options: &Options) -> io::Result<()> {
    let listener = TcpListener::bind(&options.addr)?;
    listener.set_nonblocking(true)?;
    cli::announce(listener.local_addr()?);
    let (listener, service) = (Pollable::new(listener), options.service);
    loop {
        let (stream, _) = listener.read_with(TcpListener::accept)?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let stream = Pollable::new(stream);
        gort::go!(move || {
            // A connection that ends by an error ends its goroutine only.
            let _ = match service {
                Service::Echo => blocking::echo(stream),
                Service::Http => blocking::http(stream),
            };
        });
    }
}
