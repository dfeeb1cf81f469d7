//! Three stages joined by channels: generate numbers, square them, keep the even ones.
//! Run it with `cargo run --example pipeline`.
//!
//! In Go: the same, with `defer close(out)` in each stage, and a `done` channel to stop it early.
//! Here each stage owns its ends, and drops them when it is through: so the end of the input walks
//! down the pipeline by itself, and "enough" walks up.

use gort::sync::channel::{Receiver, bounded};
use gort::{go, runtime};

/// Starts a goroutine that passes on what `stage` makes of each input, and returns where it comes
/// out.
fn then<A, B>(input: Receiver<A>, stage: impl Fn(A) -> Option<B> + Send + 'static) -> Receiver<B>
where
    A: Send + 'static,
    B: Send + 'static,
{
    let (output, next) = bounded(0);
    go!(move || {
        for made in input.iter().filter_map(stage) {
            if output.send(made).is_err() {
                return; // nobody wants more
            }
        }
    });
    next
}

fn generate(mut numbers: std::ops::RangeInclusive<u64>) -> Receiver<u64> {
    let (output, next) = bounded(0);
    go!(move || numbers.try_for_each(|n| output.send(n)));
    next
}

#[runtime::main]
fn main() {
    let squares = then(generate(1..=10), |n| Some(n * n));
    let even = then(squares, |n| (n % 2 == 0).then_some(n));
    for n in &even {
        println!("{n}");
    }
}
