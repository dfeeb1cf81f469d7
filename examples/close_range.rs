//! Closing a channel: what was sent still arrives, the receiving loop ends, and later sends fail.
//! Run it with `cargo run --example close_range`.
//!
//! Where Go panics on a send to a closed channel, `send` returns the value in an error; and Go's `v, ok := <-ch` is a
//! `Result`, so that nobody mistakes a zero value for a received one.

use gort::sync::channel::{RecvError, SendError, bounded};
use gort::{go, runtime};

#[runtime::main]
fn main() {
    let (tx, rx) = bounded(2);
    let sender = tx.clone();
    go!(move || {
        for n in 1..=4 {
            sender.send(n).expect("closed only after the last send");
        }
        sender.close();
    });

    for n in &rx {
        println!("received {n}");
    }
    println!("the loop is over: closed {}", rx.is_closed());

    match rx.recv() {
        Ok(n) => println!("unexpected: {n}"),
        Err(RecvError) => println!("recv: closed and drained"),
    }
    match tx.send(5) {
        Ok(()) => println!("unexpected: sent"),
        Err(SendError(n)) => println!("send: closed, and {n} comes back"),
    }
    tx.close(); // again: does nothing, where Go would panic
}
