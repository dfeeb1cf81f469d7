//! Has a value come, or is the channel closed? A received zero and "nothing any more" are two
//! different things. Run it with `cargo run --example comma_ok`.
//!
//! In Go: `v, ok := <-ch`, where a closed channel gives the zero value and `ok == false`. Here it
//! is a `Result`: without an `Ok` there is no value that could be mistaken for one.

use std::error::Error;

use gort::runtime;
use gort::sync::channel::{Receiver, RecvError, TryRecvError, bounded};

/// Go: `v, ok := <-ch`.
fn receive(rx: &Receiver<u32>) {
    match rx.recv() {
        Ok(v) => println!("recv: {v}"),
        Err(RecvError) => println!("recv: closed and drained"),
    }
}

/// Go: a `select` with `default`, and `v, ok` in its case.
fn look(rx: &Receiver<u32>) {
    match rx.try_recv() {
        Ok(v) => println!("try_recv: {v}"),
        Err(TryRecvError::Empty) => println!("try_recv: nothing yet"),
        Err(TryRecvError::Disconnected) => println!("try_recv: closed and drained"),
    }
}

#[runtime::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (tx, rx) = bounded(4);
    look(&rx);
    for v in [7, 0, 5] {
        tx.send(v)?;
    }
    tx.close();

    look(&rx);
    receive(&rx); // a zero that was sent
    receive(&rx);
    receive(&rx); // no value: closed
    look(&rx);

    // Go's `v := <-ch`, zero value and all, for those who want it.
    println!("or the default: {}", rx.recv().unwrap_or_default());
    Ok(())
}
