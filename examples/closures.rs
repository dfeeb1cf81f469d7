//! Any closure can be a goroutine. What it uses of its surroundings it takes along.
//! Run it with `cargo run --example closures`.
//!
//! In Go: `go func() { ... }()`, and `go func(n int) { ... }(n)` to give it a value of its own. A
//! Go closure shares the variables around it with everybody, by accident too; here `move` gives it
//! its own, and sharing has to be written out.

use std::sync::Arc;
use std::thread;

use gort::sync::Mutex;
use gort::{go, runtime};

/// A function that makes closures.
fn multiply_by(factor: u32) -> impl Fn(u32) -> u32 + Copy + Send + 'static {
    move |n| n * factor
}

#[runtime::main]
fn main() -> thread::Result<()> {
    let word = String::from("hello");
    go!(move || println!("{word} from a closure")).join()?;

    // Each goroutine has an `n` of its own.
    let squares = [1, 2, 3].map(|n| go!(move || n * n));
    for square in squares {
        println!("square {}", square.join()?);
    }

    // A closure with a name is called like a function; its arguments are worked out here, and only
    // the call goes there.
    let triple = multiply_by(3);
    let (ten, eleven) = (go!(triple(10)), go!(triple(10 + 1)));
    println!("triples {} and {}", ten.join()?, eleven.join()?);

    // What goroutines share is in an `Arc`, and behind a lock if they change it.
    let visits = Arc::new(Mutex::new(0));
    let visitors = [1, 2, 3].map(|_| {
        let visits = Arc::clone(&visits);
        go!(move || *visits.lock() += 1)
    });
    for visitor in visitors {
        visitor.join()?;
    }
    println!("{} visits", visits.lock());
    Ok(())
}
