//! The two ends of a channel are two types: who has a `Sender` can only send, who has a `Receiver`
//! can only receive. Run it with `cargo run --example one_way`.
//!
//! In Go: `make(chan T)` gives both in one, and the parameter types `chan<- T` and `<-chan T` take
//! one direction away. Here the ends are apart from the beginning; `tx.recv()` is not a mistake
//! that compiles.

use std::error::Error;

use gort::sync::channel::{Receiver, RecvError, SendError, Sender, bounded};
use gort::{go, runtime};

/// Go: `func ping(pings chan<- string, message string)`.
fn ping(pings: &Sender<String>, message: &str) -> Result<(), SendError<String>> {
    pings.send(message.to_owned())
}

/// Go: `func relay(pings <-chan string, pongs chan<- string)`.
fn relay(pings: Receiver<String>, pongs: Sender<String>) {
    for message in pings {
        if pongs.send(format!("{message}, passed on")).is_err() {
            return; // nobody listens any more
        }
    }
}

/// Go: `func pong(pongs <-chan string) string`.
fn pong(pongs: &Receiver<String>) -> Result<String, RecvError> {
    pongs.recv()
}

#[runtime::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (pings, relay_in) = bounded(0);
    let (relay_out, pongs) = bounded(0);
    go!(relay(relay_in, relay_out));
    for message in ["first", "second"] {
        ping(&pings, message)?;
        println!("{}", pong(&pongs)?);
    }
    drop(pings); // the relay's loop ends, and with it its own sender
    println!("the end: {}", pongs.recv().is_err());
    Ok(())
}
