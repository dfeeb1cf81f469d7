//! A context carries what belongs to a request, past all the functions that need not know of it.
//! Run it with `cargo run --example context_value`.
//!
//! In Go: `context.WithValue(ctx, key, value)` and `ctx.Value(key).(T)`, with a key type of one's
//! own so that no two packages meet. Here the value's type is the key, and no assertion can fail.

use gort::context::{self, Context};
use gort::sync::channel::{Sender, bounded};
use gort::{go, runtime};

struct RequestId(u32);
struct User(&'static str);

/// Knows of no request, but passes the context on.
fn handle(ctx: &Context, log: &Sender<String>) {
    write_log(ctx, "page read", log);
    let (admin, _cancel) = context::with_cancel(ctx);
    write_log(
        &context::with_value(&admin, User("root")),
        "page changed",
        log,
    );
}

fn write_log(ctx: &Context, what: &str, log: &Sender<String>) {
    let user = ctx.value::<User>();
    let user = user.map_or("somebody", |user| user.0);
    let line = match ctx.value::<RequestId>() {
        Some(id) => format!("request {}: {what} by {user}", id.0),
        None => format!("no request: {what} by {user}"),
    };
    log.send(line).expect("main reads the log");
}

#[runtime::main]
fn main() {
    let (log, lines) = bounded(0);
    for (id, user) in [(1, Some("ann")), (2, None), (3, Some("bob"))] {
        let log = log.clone();
        go!({
            let mut ctx = context::with_value(&Context::background(), RequestId(id));
            if let Some(user) = user {
                ctx = context::with_value(&ctx, User(user));
            }
            handle(&ctx, &log);
        });
    }
    go!(move || handle(&Context::background(), &log));

    let mut lines: Vec<String> = lines.iter().collect();
    lines.sort_unstable(); // the requests ran at the same time
    for line in lines {
        println!("{line}");
    }
}
