//! One goroutine listens to two channels at once with `select!`, and has other things to do when
//! neither has anything. Run it with `cargo run --example multiplexer`.
//!
//! In Go:
//! `for { select { case n, ok := <-numbers: ...; case w, ok := <-words: ...; default: ... } }`, and
//! a channel that has ended is set to `nil`, which is ready never: here, to `never()`.

use std::time::Duration;

use gort::sync::channel::{Receiver, bounded, never};
use gort::{go, runtime, select};

/// A goroutine that sends these, with a pause before each.
fn source<T: Send + 'static>(values: Vec<T>, pause: Duration) -> Receiver<T> {
    let (tx, rx) = bounded(0);
    go!({
        for value in values {
            gort::sleep(pause);
            if tx.send(value).is_err() {
                return; // nobody listens any more
            }
        }
    });
    rx
}

#[runtime::main]
fn main() {
    let mut numbers = source(vec![1, 2, 3, 4], Duration::from_millis(15));
    let mut words = source(vec!["so", "it", "goes"], Duration::from_millis(20));
    let (mut open, mut sum, mut text, mut idle) = (2, 0, Vec::new(), 0);

    while open > 0 {
        select! {
            recv(numbers) -> number => match number {
                Ok(number) => sum += number,
                Err(_) => {
                    numbers = never();
                    open -= 1;
                }
            },
            recv(words) -> word => match word {
                Ok(word) => text.push(word),
                Err(_) => {
                    words = never();
                    open -= 1;
                }
            },
            default => {
                idle += 1; // other things
                gort::sleep(Duration::from_millis(1));
            }
        }
    }
    println!("the numbers' sum is {sum}");
    println!("the words are {:?}", text.join(" "));
    println!("time for other things: {}", idle > 0);
}
