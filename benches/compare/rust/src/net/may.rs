//! The peer may: a coroutine for each connection, and the crate `may_minihttp` for HTTP.

#[path = "blocking.rs"]
mod blocking;
#[path = "cli.rs"]
mod cli;

use cli::Service;
use may::{go, net::TcpListener};
use may_minihttp::{HttpServer, HttpService, Request, Response};
use std::io;

fn main() -> io::Result<()> {
    let options = cli::parse();
    may::config().set_workers(options.workers);
    match options.service {
        Service::Echo => echo(&options.addr),
        Service::Http => http(&options.addr),
    }
}

fn echo(addr: &str) -> io::Result<()> {
    let listener = TcpListener::bind(addr)?;
    cli::announce(listener.local_addr()?);
    let accept = go!(move || -> io::Result<()> {
        for stream in listener.incoming() {
            let stream = stream?;
            stream.set_nodelay(true)?;
            go!(move || blocking::echo(stream).ok());
        }
        Ok(())
    });
    accept.join().expect("accepting does not panic")
}

#[derive(Clone)]
struct Hello;

impl HttpService for Hello {
    fn call(&mut self, _: Request, response: &mut Response) -> io::Result<()> {
        response.header("Content-Type: text/plain");
        response.body("Hello, world!");
        Ok(())
    }
}

/// `may_minihttp` binds by itself and does not say to which port: a port 0 is made a free one
/// first.
fn http(addr: &str) -> io::Result<()> {
    let addr = std::net::TcpListener::bind(addr)?.local_addr()?;
    let server = HttpServer(Hello).start(addr)?;
    cli::announce(addr);
    server
        .join()
        .map_err(|_| io::Error::other("the server panicked"))
}
