//! A send on a closed channel fails, and gives the value back.
//! Run it with `cargo run --example send_closed`.
//!
//! In Go: it panics, and so does closing twice; so there only the one sender may close. Here
//! anybody may, the receiver too, and a send is a `Result`.

use std::error::Error;
use std::time::Duration;

use gort::sync::channel::{SendError, bounded};
use gort::{go, runtime};

#[runtime::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (tx, rx) = bounded(2);
    tx.send("in time")?;
    tx.close();
    tx.close(); // again: does nothing
    match tx.send("too late") {
        Ok(()) => println!("unexpected: sent"),
        Err(SendError(letter)) => println!("{letter:?} came back"),
    }
    println!("{:?} was sent before, and arrives", rx.recv()?);

    // One that waits is told as well.
    let (tx, rx) = bounded(0);
    let waiting = go!(move || tx.send("patience"));
    gort::sleep(Duration::from_millis(50));
    rx.close();
    match waiting.join() {
        Ok(Err(SendError(letter))) => println!("{letter:?} waited in vain"),
        other => println!("unexpected: {other:?}"),
    }

    // A receiver that has seen enough ends its senders by going away: nobody is left waiting, as
    // would be in Go.
    let (numbers, some) = bounded(0);
    let producer = go!(move || (1..).find(|&n| numbers.send(n).is_err()));
    println!("took {:?}", some.iter().take(3).collect::<Vec<u32>>());
    drop(some);
    match producer.join() {
        Ok(Some(n)) => println!("the producer noticed at {n}"),
        other => println!("unexpected: {other:?}"),
    }
    Ok(())
}
