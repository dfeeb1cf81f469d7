//! Ten processes of up to a second each run at once, so that all ten take one second, not five and
//! a half. Run it with `cargo run --example wait_group`.
//!
//! In Go: the same `sync.WaitGroup`, since 1.25 with the same `wg.Go(f)`. Here `go` also calls
//! `done` if the goroutine panics.

use std::time::{Duration, Instant};

use gort::runtime;
use gort::sync::WaitGroup;

/// Sleeping parks the goroutine: the worker under it runs the others meanwhile.
fn process(number: u64) {
    let work = Duration::from_millis(100 * number);
    gort::sleep(work);
    println!("process {number} took {} ms", work.as_millis());
}

#[runtime::main]
fn main() {
    let start = Instant::now();
    let wg = WaitGroup::new();
    for number in 1..=10 {
        wg.go(move || process(number)); // add(1), start it, done() at its end
    }
    wg.wait();
    println!("all ten took {:.0} s", start.elapsed().as_secs_f64());
}
