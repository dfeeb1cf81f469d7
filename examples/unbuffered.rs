//! An unbuffered channel is a hand-shake: a send returns only when a receiver has taken the value.
//! Run it with `cargo run --example unbuffered`.

use std::time::Duration;

use gort::sync::channel::{TrySendError, bounded};
use gort::{go, runtime};

#[runtime::main]
fn main() {
    let (letters, post_box) = bounded(0);

    match letters.try_send("too early") {
        Err(TrySendError::Full(letter)) => println!("nobody takes {letter:?}: it comes back"),
        other => println!("unexpected: {other:?}"),
    }
    println!(
        "capacity {:?}, waiting {}",
        letters.capacity(),
        letters.len()
    );

    let (acknowledge, acknowledged) = bounded(0);
    go!(move || {
        gort::sleep(Duration::from_millis(50)); // the sender waits meanwhile
        for letter in &post_box {
            println!("received {letter:?}");
            acknowledge.send(()).expect("main waits for this");
        }
    });

    for letter in ["first", "second"] {
        letters.send(letter).expect("the receiver is there");
        acknowledged.recv().expect("one acknowledgement a letter");
        println!("{letter:?} has been read");
    }
}
