//! A chat: `cargo run --example chat -- [ADDRESS]`, then `nc 127.0.0.1 7010`, `telnet`, or the page
//! http://127.0.0.1:7010/, which talks over a WebSocket, on the same port. A line is a message to
//! all in the room, or `/nick NAME`, `/join ROOM`, `/who`, `/quit`. Whoever is not a browser is in
//! the chat once a first line has come: until then nobody knows.
//!
//! One goroutine reads from a client (`lines.rs`, `web.rs`), and one writes what stands in its
//! queue (`outbox.rs`). Who is in which room is in `hub.rs`.

mod hub;
#[path = "../support/idle.rs"]
mod idle;
mod lines;
mod outbox;
#[path = "../support/serve.rs"]
mod serve;
mod web;

use gort::net::Connection;
use gort::runtime;
use hub::Hub;
use std::io::{self, BufReader};
use std::{env, sync::Arc};

/// How much is read at once.
const BUFFER: usize = 4 << 10;

#[runtime::main]
fn main() -> io::Result<()> {
    let address = env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:7010");
    let hub = Hub::default();
    serve::serve("chat", address, move |connection| client(connection, &hub))
}

/// Serves a client: its first line says whether it is a browser.
fn client(connection: &Connection, hub: &Hub) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut input = BufReader::with_capacity(BUFFER, idle::Idle(connection));
    // Others write into its queue, and must reach the connection if it does not read.
    let stream = &Arc::new(connection.try_clone()?);
    match lines::read_line(&mut input)? {
        Some(line) if web::is_request(&line) => web::serve(stream, hub, line, input),
        first => lines::serve(stream, hub, first, input),
    }
}
