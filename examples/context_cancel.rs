//! Cancelling a context stops all who work under it, and under the contexts that were derived from
//! it; nobody else. Run it with `cargo run --example context_cancel`.
//!
//! In Go: `ctx, cancel := context.WithCancel(parent); defer cancel()`, and
//! `case <-ctx.Done(): return` in each goroutine. Here the cancel function cancels when it is
//! dropped: there is no `defer` to forget.

use std::error::Error;

use gort::context::{self, Context};
use gort::sync::channel::{Receiver, bounded};
use gort::{JoinHandle, go, runtime, select};

/// Counts until the context ends. Returns what it sends, and a handle that tells how far it came
/// and why it stopped.
fn count(ctx: Context) -> (Receiver<u32>, JoinHandle<String>) {
    let (tx, numbers) = bounded(0);
    let counter = go!({
        let mut n = 1;
        loop {
            select! {
                send(tx, n) -> _ => n += 1,
                recv(ctx.done()) -> _ => {
                    let why = ctx.err().map_or_else(String::new, |why| why.to_string());
                    return format!("next was {n}: {why}");
                }
            }
        }
    });
    (numbers, counter)
}

#[runtime::main]
fn main() -> Result<(), Box<dyn Error>> {
    let (house, cancel_house) = context::with_cancel(&Context::background());
    let (kitchen, cancel_kitchen) = context::with_cancel(&house);
    let (hall, _cancel_hall) = context::with_cancel(&house);

    let (plates, cook) = count(kitchen.clone());
    let (guests, porter) = count(hall.clone());
    println!(
        "plates {} and {}, guest {}",
        plates.recv()?,
        plates.recv()?,
        guests.recv()?
    );

    cancel_kitchen.cancel();
    println!("the cook: {}", cook.join().expect("no panic"));
    println!(
        "the hall goes on: {}, guest {}",
        hall.err().is_none(),
        guests.recv()?
    );

    cancel_house.cancel();
    println!("the porter: {}", porter.join().expect("no panic"));
    println!("a latecomer: {:?}", context::with_cancel(&house).0.err());
    Ok(())
}
