//! A context with a timeout gives a request so much time, and no more.
//! Run it with `cargo run --example context_timeout`.
//!
//! In Go: `ctx, cancel := context.WithTimeout(parent, d)`, and `ctx.Err()` is
//! `context.DeadlineExceeded` in the end.

use std::time::Duration;

use gort::context::{self, Context};
use gort::sync::channel::bounded;
use gort::{go, runtime, select};

/// A server that answers after a while.
fn ask(ctx: &Context, server: &'static str, takes: Duration) -> Result<String, context::Error> {
    let (tx, answer) = bounded(1); // room for an answer that nobody waits for any more
    go!({
        gort::sleep(takes);
        let _ = tx.send(format!("{server} says hello"));
    });
    select! {
        recv(answer) -> text => Ok(text.unwrap_or_default()),
        recv(ctx.done()) -> _ => Err(ctx.err().unwrap_or(context::Error::Canceled)),
    }
}

#[runtime::main]
fn main() {
    let (patience, haste) = (Duration::from_secs(20), Duration::from_millis(20));
    for (name, timeout) in [("patient", patience), ("hasty", haste)] {
        let (ctx, _cancel) = context::with_timeout(&Context::background(), timeout);
        match ask(&ctx, "the slow server", Duration::from_millis(300)) {
            Ok(text) => println!("{name}: {text}"),
            Err(error) => println!("{name}: {error}"),
        }
    }
}
