//! An unbuffered channel is a hand-shake: a send returns only when a receiver has taken the value.
//! Run it with `cargo run --example unbuffered`.
//!
//! In Go: `make(chan string)`, `ch <- letter`, `<-acknowledged`.

use std::error::Error;
use std::time::Duration;

use gort::sync::channel::{TrySendError, bounded};
use gort::{go, runtime};

#[runtime::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (letters, post_box) = bounded(0);
    println!("capacity {:?}", letters.capacity());
    match letters.try_send("too early") {
        Err(TrySendError::Full(letter)) => println!("nobody takes {letter:?}: it comes back"),
        other => println!("unexpected: {other:?}"),
    }

    let (acknowledge, acknowledged) = bounded(0);
    go!({
        gort::sleep(Duration::from_millis(50)); // the sender waits meanwhile
        for letter in &post_box {
            println!("received {letter:?}");
            acknowledge.send(()).expect("main waits for this");
        }
    });

    for letter in ["first", "second"] {
        letters.send(letter)?;
        acknowledged.recv()?;
        println!("{letter:?} has been read");
    }
    Ok(())
}
