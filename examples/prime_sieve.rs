//! The concurrent prime sieve: a chain of goroutines, each of which filters out the multiples of
//! one prime. Run it with `cargo run --example prime_sieve`.
//!
//! In Go: the same program, whose goroutines wait for ever when `main` has its primes. Here each
//! ends when the next one has.

use gort::sync::channel::{Receiver, RecvError, Sender, bounded};
use gort::{go, runtime};

const PRIMES: usize = 25;

/// Sends 2, 3, 4, ... until nobody receives any more.
fn generate(numbers: Sender<u64>) {
    let _ = (2..).try_for_each(|n| numbers.send(n));
}

/// Passes on what `prime` does not divide.
fn filter(numbers: Receiver<u64>, survivors: Sender<u64>, prime: u64) {
    for n in numbers.iter().filter(|n| n % prime != 0) {
        if survivors.send(n).is_err() {
            return; // dropping `numbers` tells the filter before this one in turn
        }
    }
}

#[runtime::main]
fn main() -> Result<(), RecvError> {
    let (first, mut numbers) = bounded(0);
    go!(generate(first));
    for _ in 0..PRIMES {
        let prime = numbers.recv()?;
        println!("{prime}");
        let (survivors, next) = bounded(0);
        go!(filter(numbers, survivors, prime));
        numbers = next;
    }
    Ok(())
}
