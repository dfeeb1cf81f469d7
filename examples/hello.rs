//! The smallest program: one goroutine says hello, and `main` waits for it.
//! Run it with `cargo run --example hello`.

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
