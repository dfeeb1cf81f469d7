//! A rocket's countdown: a ticker for the seconds (short ones), a timer for the start, and a button
//! that calls it all off. Run it with `cargo run --example ticker`.
//!
//! In Go: `time.NewTicker(d)` with its channel `ticker.C`, `time.AfterFunc(d, f)`, and a `select`
//! that also listens to an abort channel. Here the channel is `ticker.receiver()`, dropping the
//! ticker stops it, and in `select_biased!` the abort goes first.

use std::time::Duration;

use gort::sync::channel::{Receiver, bounded, never};
use gort::time::{Ticker, after_func};
use gort::{runtime, select_biased};

const SECOND: Duration = Duration::from_millis(100);

fn launch(abort: &Receiver<&str>) {
    let seconds = Ticker::new(SECOND);
    for left in (1..=3).rev() {
        println!("{left}");
        select_biased! {
            recv(abort) -> why => return println!("aborted: {}", why.unwrap_or("no reason given")),
            recv(seconds.receiver()) -> _ => {}
        }
    }
    println!("lift-off");
}

#[runtime::main]
fn main() {
    launch(&never());

    let (abort, aborted) = bounded(1);
    let button = after_func(SECOND / 20, move || {
        let _ = abort.try_send("a cow on the pad");
    });
    launch(&aborted);
    println!("the button can still be pressed: {}", button.stop());

    let button = after_func(Duration::from_secs(3600), || {
        println!("nobody waits for this")
    });
    println!("this one in time: {}", button.stop());
}
