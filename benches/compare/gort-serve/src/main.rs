//! gort's servers: a goroutine for each connection, in the blocking code that may and threads run.

#[path = "../../rust/src/net/blocking.rs"]
mod blocking;
#[path = "../../rust/src/net/cli.rs"]
mod cli;

use cli::{Options, Service};
use gort::{net::TcpListener, runtime::Builder};
use std::io;

fn main() -> io::Result<()> {
    let options = cli::parse();
    let runtime = Builder::new().workers(options.workers).build()?;
    runtime.run(move || serve(&options))
}

fn serve(options: &Options) -> io::Result<()> {
    let listener = TcpListener::bind(&options.addr)?;
    cli::announce(listener.local_addr()?);
    let service = options.service;
    loop {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        gort::go!(move || {
            // A connection that ends by an error ends its goroutine only.
            let _ = match service {
                Service::Echo => blocking::echo(stream),
                Service::Http => blocking::http(stream),
            };
        });
    }
}
