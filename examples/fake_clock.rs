//! A retry with backoff, tested: minutes of waiting take no time, and each attempt comes at its
//! exact second. Run it with `cargo run --example fake_clock`.
//!
//! In Go: `synctest.Test(t, func(t *testing.T) { ... })`, and `synctest.Wait()` until all that was
//! set going has come as far as it can. Here: `testing::bubble` and `testing::wait`.

use gort::{
    go,
    sync::channel::{Sender, unbounded},
    testing,
};
use std::time::{Duration, Instant};

/// Calls `attempt` until it succeeds, and waits 1, 2, 4, ... seconds between two calls.
fn retry(mut attempt: impl FnMut(u32) -> bool) -> u32 {
    let mut pause = Duration::from_secs(1);
    for number in 1.. {
        if attempt(number) {
            return number;
        }
        gort::sleep(pause);
        pause *= 2;
    }
    unreachable!("an attempt succeeds at some time")
}

/// A service that comes up at the eighth attempt, and tells of each.
fn flaky(log: &Sender<u32>, number: u32) -> bool {
    log.send(number).expect("the log is read");
    number == 8
}

fn main() {
    let real = Instant::now();
    testing::bubble(|| {
        let (log, attempts) = unbounded();
        let client = go!(move || retry(|number| flaky(&log, number)));
        for second in 0.. {
            // Until the client is asleep, or done.
            testing::wait();
            for number in attempts.try_iter() {
                println!("attempt {number} at {second} s");
            }
            if client.is_finished() {
                break;
            }
            gort::sleep(Duration::from_secs(1));
        }
        let attempts = client.join().expect("the client does not panic");
        println!("{attempts} attempts");
    });
    assert!(
        real.elapsed() < Duration::from_secs(20),
        "two minutes have passed"
    );
}
