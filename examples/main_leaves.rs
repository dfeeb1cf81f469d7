//! A goroutine counts to ten while `main` sleeps; then `main` leaves, and its return ends the
//! program, whatever still runs. Run it with `cargo run --example main_leaves`.
//!
//! In Go: `go count()`, then `time.Sleep` in `main`. Sleeping is no way to wait for a goroutine,
//! neither there nor here: `wait_group` shows a better one.

use std::time::Duration;

use gort::{go, runtime};

fn count() {
    for n in 1..=10 {
        println!("{n}");
        gort::sleep(Duration::from_millis(20));
    }
}

#[runtime::main]
fn main() {
    go!(count());
    go!({
        gort::sleep(Duration::from_secs(3600));
        println!("nobody is there to see this");
    });
    gort::sleep(Duration::from_secs(1));
    println!("main leaves");
}
