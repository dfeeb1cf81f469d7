//! A buffered channel takes as many values as it has room for, without anybody receiving.
//! Run it with `cargo run --example buffered`.
//!
//! In Go: `make(chan string, 3)`, `len(ch)`, `cap(ch)`.

use std::error::Error;

use gort::runtime;
use gort::sync::channel::{TrySendError, bounded};

#[runtime::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (tx, rx) = bounded(3);
    println!("len {} of {:?}", rx.len(), rx.capacity());

    for word in ["one", "two", "three"] {
        tx.send(word)?;
        println!("sent {word}, len {}", rx.len());
    }
    match tx.try_send("four") {
        Err(TrySendError::Full(word)) => println!("no room for {word}: `send` would wait"),
        other => println!("unexpected: {other:?}"),
    }

    while let Ok(word) = rx.try_recv() {
        println!("received {word}, len {}", rx.len());
    }
    println!("empty: {}", rx.is_empty());
    Ok(())
}
