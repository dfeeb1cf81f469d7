//! A goroutine that panics ends alone: `join` hands its panic to whoever asks, and the others go
//! on. Run it with `cargo run --example panics`. (The panic's own message goes to stderr, as a
//! thread's would.)
//!
//! In Go: the whole program ends, unless the goroutine itself recovers.
//! `#[runtime::main(panic = "exit")]` does that here too.

use gort::{go, runtime};

fn divide(a: i32, b: i32) -> i32 {
    assert!(b != 0, "cannot divide {a} by nothing");
    a / b
}

#[runtime::main]
fn main() {
    let jobs = [(12, 3), (12, 0), (12, 4)].map(|(a, b)| (a, b, go!(divide(a, b))));
    for (a, b, job) in jobs {
        match job.join() {
            Ok(quotient) => println!("{a} / {b} = {quotient}"),
            Err(panic) => {
                let message = panic
                    .downcast_ref::<String>()
                    .map_or("no message", String::as_str);
                println!("{a} / {b}: the goroutine panicked: {message}");
            }
        }
    }
}
