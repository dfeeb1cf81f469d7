//! A goroutine that keeps its worker does not keep others from starting, whenever it begins to.

#[path = "support/child.rs"]
mod child;

use child::{Child, Role};
use gort::{go, runtime::Builder};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const ROLES: &[Role] = &[("others_start", others_start)];

#[test]
fn plays_a_role() {
    child::play(ROLES);
}

/// A goroutine spawns another and holds the only worker until that has run, which takes a spare worker. It begins around the time of a look of
/// the monitor at the worker, a little later each time.
fn others_start() {
    for round in 0..80 {
        let runtime = Builder::new().workers(1).build().unwrap();
        thread::sleep(Duration::from_micros(9_000 + 25 * round));
        runtime.run(|| {
            let ran = Arc::new(AtomicBool::new(false));
            let by_other = Arc::clone(&ran);
            drop(go!(move || by_other.store(true, Ordering::Relaxed)));
            let start = Instant::now();
            while !ran.load(Ordering::Relaxed) {
                let waited = start.elapsed();
                assert!(waited < Duration::from_secs(5), "round {round}");
                thread::sleep(Duration::from_micros(500));
            }
        });
    }
}

#[test]
fn a_spare_worker_starts_what_a_stuck_one_does_not() {
    Child::new("others_start").run().passes();
}
