//! Closing a channel ends the loop over it, once what was sent has arrived.
//! Run it with `cargo run --example close_range`.
//!
//! In Go: `close(ch)`, and `for n := range ch`. Forgetting the `close` leaves that loop waiting for
//! ever; here dropping the last sender closes, too. What closing means for a send and for a single
//! receive: `send_closed`, `comma_ok`.

use std::error::Error;

use gort::sync::channel::{SendError, Sender, bounded};
use gort::{go, runtime};

fn count_to(last: u32, tx: &Sender<u32>) -> Result<(), SendError<u32>> {
    (1..=last).try_for_each(|n| tx.send(n))
}

#[runtime::main]
fn main() -> Result<(), Box<dyn Error>> {
    // The loop runs while the sender does, and ends with the close.
    let (tx, rx) = bounded(0);
    let counter = tx.clone();
    go!({
        count_to(4, &counter)?;
        counter.close();
        Ok::<_, SendError<u32>>(())
    });
    for n in &rx {
        println!("received {n}");
    }
    println!("closed: {}", tx.is_closed());

    // What was sent before the close is not lost.
    let (tx, rx) = bounded(3);
    count_to(3, &tx)?;
    tx.close();
    println!(
        "closed, and {} are still to come: {:?}",
        rx.len(),
        rx.iter().collect::<Vec<_>>()
    );

    // No `close` at all: the sender is dropped when its goroutine ends.
    let (tx, rx) = bounded(0);
    go!(move || count_to(10, &tx));
    println!("the sum is {}", rx.iter().sum::<u32>());
    Ok(())
}
