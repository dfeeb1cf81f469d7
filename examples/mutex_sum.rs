//! Goroutines add to one sum: first with a race, then under a mutex, then with far fewer lock
//! operations. Run it with `cargo run --example mutex_sum`.
//!
//! In Go: `sum += n` in many goroutines is a data race, which `go run -race` finds. Here it does
//! not compile. The race of its *logic* (read, then write back what somebody else has overtaken) is
//! still possible, and is what `unguarded` shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gort::sync::{Mutex, WaitGroup};
use gort::{runtime, yield_now};

const GOROUTINES: u64 = 10;
const NUMBERS: u64 = 1000;

/// Runs `add_up` in each of the goroutines and waits for all of them.
fn in_each(add_up: impl Fn() + Clone + Send + 'static) {
    let wg = WaitGroup::new();
    for _ in 0..GOROUTINES {
        wg.go(add_up.clone());
    }
    wg.wait();
}

/// Another goroutine may add between the read and the write: its addition is then lost.
fn unguarded() -> u64 {
    let sum = Arc::new(AtomicU64::new(0));
    let shared = Arc::clone(&sum);
    in_each(move || {
        for n in 1..=NUMBERS {
            let read = shared.load(Ordering::Relaxed);
            yield_now();
            shared.store(read + n, Ordering::Relaxed);
        }
    });
    sum.load(Ordering::Relaxed)
}

/// One lock for every number: right, but the goroutines queue up for the lock all the time.
fn lock_each_number() -> u64 {
    let sum = Arc::new(Mutex::new(0));
    let shared = Arc::clone(&sum);
    in_each(move || {
        for n in 1..=NUMBERS {
            *shared.lock() += n;
        }
    });
    *sum.lock()
}

/// Each goroutine sums up for itself and locks once: as right, and a thousand times fewer locks.
fn lock_each_goroutine() -> u64 {
    let sum = Arc::new(Mutex::new(0));
    let shared = Arc::clone(&sum);
    in_each(move || {
        let own: u64 = (1..=NUMBERS).sum();
        *shared.lock() += own;
    });
    *sum.lock()
}

#[runtime::main]
fn main() {
    let expected = GOROUTINES * NUMBERS * (NUMBERS + 1) / 2;
    let lost = if unguarded() < expected {
        "some additions were lost"
    } else {
        "lucky this time"
    };
    println!("expected         {expected}");
    println!("without a mutex  {lost}");
    println!(
        "{:>6} locks     {}",
        GOROUTINES * NUMBERS,
        lock_each_number()
    );
    println!("{GOROUTINES:>6} locks     {}", lock_each_goroutine());
}
