//! Fan-out: several goroutines take their work from one channel. Fan-in: what they find comes
//! together in one channel again. Run it with `cargo run --example fan_out_fan_in`.
//!
//! In Go: the same, and `merge` needs one more goroutine, to close the common channel once all are
//! done. Here the channel ends by itself, when the last goroutine that has a sender is gone.

use gort::sync::channel::{Receiver, Sender, bounded};
use gort::{go, runtime};

const WORKERS: usize = 4;

/// All numbers below `end`.
fn numbers(end: u64) -> Receiver<u64> {
    let (tx, rx) = bounded(64);
    go!(move || (0..end).try_for_each(|n| tx.send(n)));
    rx
}

fn is_prime(n: u64) -> bool {
    n > 1
        && (2..)
            .take_while(|d| d * d <= n)
            .all(|d| !n.is_multiple_of(d))
}

/// One of the workers: each has a receiver of its own to the same channel, and whoever is free
/// takes the next number.
fn find_primes(numbers: Receiver<u64>) -> Receiver<u64> {
    let (found, primes) = bounded(16);
    go!({
        for n in numbers.iter().filter(|&n| is_prime(n)) {
            if found.send(n).is_err() {
                return; // nobody wants more
            }
        }
    });
    primes
}

fn pass_on(from: Receiver<u64>, to: Sender<u64>) {
    // An error: nobody wants more.
    let _ = from.iter().try_for_each(|n| to.send(n));
}

/// Many channels in, one out.
fn merge(inputs: Vec<Receiver<u64>>) -> Receiver<u64> {
    let (output, merged) = bounded(16);
    for input in inputs {
        go!(pass_on(input, output.clone()));
    }
    merged
}

#[runtime::main]
fn main() {
    let numbers = numbers(10_000);
    let workers = (0..WORKERS).map(|_| find_primes(numbers.clone()));
    let primes = merge(workers.collect());

    let mut found: Vec<u64> = primes.iter().collect();
    found.sort_unstable(); // they come in the order in which they were found
    println!("{} primes below 10000", found.len());
    println!("the first: {:?}", &found[..5]);
    println!("the last: {:?}", &found[found.len() - 5..]);
}
