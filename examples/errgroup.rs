//! Parts of one task in goroutines: the first error ends the others, and is what the task returns.
//! Run it with `cargo run --example errgroup`.
//!
//! In Go: `g, ctx := errgroup.WithContext(ctx)`, `g.SetLimit(n)`, `g.Go(func() error { ... })`,
//! `err := g.Wait()`. Here a panic of a part comes out of `wait`, too.

use std::num::ParseIntError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use gort::context::Context;
use gort::runtime;
use gort::sync::errgroup::Group;

/// Adds up the numbers in the lines, two lines at a time.
fn sum(lines: &'static str) -> Result<u32, ParseIntError> {
    let (group, ctx) = Group::with_context_cause(&Context::background(), ParseIntError::clone);
    group.set_limit(2);
    let sum = Arc::new(AtomicU32::new(0));
    for line in lines.lines() {
        let (ctx, sum) = (ctx.clone(), Arc::clone(&sum));
        group.go(move || {
            for word in line.split_whitespace() {
                if ctx.err().is_some() {
                    break; // another line has failed: no need to go on
                }
                sum.fetch_add(word.parse()?, Ordering::Relaxed);
            }
            Ok(())
        }); // waits while two are at work
    }
    group.wait()?;
    Ok(sum.load(Ordering::Relaxed))
}

#[runtime::main]
fn main() {
    for text in ["1 2 3\n4 5\n6", "1 2\n3 four 5\n6"] {
        match sum(text) {
            Ok(sum) => println!("the sum is {sum}"),
            Err(error) => println!("no sum: {error}"),
        }
    }
}
