//! A key-value store that `redis-cli` and `redis-benchmark` speak to:
//! `cargo run --release --example kv -- [ADDRESS]`, then `redis-cli -p 7009`. It knows strings with
//! numbers and expiry, lists, sets and hashes; the whole list of commands is in `commands.rs`.
//!
//! One goroutine a connection (`connection.rs`), which parses requests (`resp.rs`) and runs them
//! (`commands/`) on a map that all share (`store.rs`): as many maps as shards, each under a mutex.

mod commands;
mod connection;
mod glob;
#[path = "../support/idle.rs"]
mod idle;
mod resp;
#[path = "../support/serve.rs"]
mod serve;
mod store;

use gort::{go, runtime, time};
use std::io;
use std::{env, sync::Arc, time::Duration};
use store::Store;

/// How often keys whose time is over are removed that nobody asks for.
const SWEEP: Duration = Duration::from_millis(200);

#[runtime::main]
fn main() -> io::Result<()> {
    let address = env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:7009");
    let store = Arc::new(Store::new());
    go!(sweep(Arc::clone(&store)));
    serve::serve("kv", address, move |connection| {
        connection::serve(connection, &store)
    })
}

/// Removes keys whose time is over, for as long as the server runs.
fn sweep(store: Arc<Store>) {
    loop {
        time::sleep(SWEEP);
        store.remove_expired();
    }
}
