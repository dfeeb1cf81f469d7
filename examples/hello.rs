//! The smallest program: one goroutine says hello, and `main` waits for it.
//! Run it with `cargo run --example hello`.
//!
//! In Go: `go greet("goroutine")`, and a channel or a `WaitGroup` to wait for it. Here `go!` also
//! returns a handle to wait with.

use gort::{go, runtime};

fn greet(name: &str) {
    println!("hello, {name}");
}

#[runtime::main]
fn main() {
    go!(greet("goroutine"))
        .join()
        .expect("the greeter does not panic");
}
