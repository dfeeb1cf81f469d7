//! What timers cost that nobody waits for. A program of its own, with one test: it measures the
//! process.

mod support;

use gort::{
    select,
    sync::channel::{Receiver, after, unbounded},
};
use std::{fs, time::Duration};

const HOUR: Duration = Duration::from_secs(3600);

/// In bytes.
fn resident() -> usize {
    let text = fs::read_to_string("/proc/self/statm").expect("procfs is there");
    let pages = text.split(' ').nth(1).expect("a second number");
    pages.parse::<usize>().expect("a number") * 4096
}

#[test]
fn timers_cost_a_little_memory_and_nothing_else() {
    const N: usize = 100_000;
    // An allocation of about 130 bytes, and the handle in the vector, twice while that grows.
    const ENOUGH: usize = N * 256;
    let runtime = support::runtime(2);
    runtime.run(|| {
        let threads = support::threads_named("");
        let (before, metrics) = (resident(), runtime.metrics());
        let timers: Vec<_> = (0..N).map(|_| after(HOUR)).collect();
        assert!(timers.iter().all(Receiver::is_empty));
        let grown = resident() - before;
        assert!(grown < ENOUGH, "{grown} bytes for {N} timers");
        drop(timers);

        // Made and dropped, and lost in selects: nothing piles up.
        let (tx, rx) = unbounded();
        for n in 0..5 * N {
            drop(after(HOUR));
            tx.send(n).unwrap();
            select! {
                recv(rx) -> msg => assert_eq!(msg, Ok(n)),
                recv(after(HOUR)) -> _ => panic!("too early"),
                default => {
                    // The toss goes to those that are ready only.
                    panic!("a value is there");
                }
            }
        }
        let grown = resident().saturating_sub(before);
        assert!(grown < ENOUGH, "{grown} bytes after it all");
        let after = runtime.metrics();
        assert_eq!(after.spawned, metrics.spawned);
        assert_eq!(after.parks, metrics.parks);
        assert_eq!(support::threads_named(""), threads);
    });
}
