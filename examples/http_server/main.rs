//! An HTTP/1.1 server in plain blocking code: `cargo run --example http_server -- [ADDRESS]`, then
//! `curl 'http://127.0.0.1:8080/factorial?n=100'`. One goroutine a connection; heads are parsed by
//! the crate `httparse`. It answers `/`, `/echo` (POST), `/factorial?n=` and `/sleep?ms=`. In Go:
//! `net/http`, whose limits and whose `Shutdown` it has.
//!
//! * `client`: a client's requests, one after the other, and how long they may take.
//! * `input`, `head`, `body`: what clients send.
//! * `routes`, `answer`: what they get.

mod answer;
mod body;
mod client;
mod head;
mod input;
mod options;
mod routes;

use client::Client;
use gort::{
    go,
    net::{Server, TcpListener},
    signal,
};
use options::Options;
use std::{
    env,
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

#[gort::main]
fn main() -> ExitCode {
    let options = match Options::parse(env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("http_server: {message}\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    let address = options.address.clone();
    match serve(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("http_server: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Listens, prints the address as the first line, and answers until SIGINT comes. Then no more
/// connections are taken, idle ones end, and requests under way have some time, which a second
/// SIGINT cuts short.
fn serve(options: Options) -> io::Result<()> {
    let interrupts = signal::ctrl_c()?;
    let server = Server::new(TcpListener::bind(&*options.address)?);
    println!("listening on {}", server.local_addr()?);
    io::stdout().flush()?;

    let (stopper, grace) = (server.stopper(), options.grace);
    go!(move || {
        for grace in [grace, Duration::ZERO] {
            // It is disconnected only when the program ends.
            if interrupts.recv().is_ok() {
                stopper.stop(grace);
            }
        }
    });
    let stopped = server.serve(move |connection| {
        // A connection that breaks is the client's affair: there is nobody to answer.
        let _ = Client::new(connection, &options).run();
    })?;
    if stopped.cut > 0 {
        eprintln!("http_server: {} connections cut", stopped.cut);
    }
    Ok(())
}
