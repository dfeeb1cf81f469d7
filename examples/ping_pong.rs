//! Two goroutines pass one ball to and fro over two unbuffered channels.
//! Run it with `cargo run --example ping_pong`.
//!
//! In Go: `for ball := range table { ...; other <- ball }` on both sides, and care for who stops
//! first. Here a player that goes home drops its ends, and the other one's loop is over.

use gort::sync::channel::{Receiver, SendError, Sender, bounded};
use gort::{go, runtime};

const ROUNDS: u32 = 3;

/// Returns every ball that comes in, with one more hit on it, until the other side stops.
fn play(name: &str, balls: &Receiver<u32>, other_side: &Sender<u32>) {
    for hits in balls {
        println!("{name} {hits}");
        if other_side.send(hits + 1).is_err() {
            break; // the other player has gone home
        }
    }
}

#[runtime::main]
fn main() -> Result<(), SendError<u32>> {
    let (to_pong, at_pong) = bounded(0);
    let (to_ping, at_ping) = bounded(0);

    go!(move || play("  pong", &at_pong, &to_ping));

    // `main` serves first, and plays ping.
    to_pong.send(1)?;
    for hits in at_ping.iter().take(ROUNDS as usize) {
        println!("ping {hits}");
        if hits < 2 * ROUNDS {
            to_pong.send(hits + 1)?;
        }
    }
    Ok(())
}
