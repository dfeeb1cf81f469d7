//! The three timed phases, one after the other, on one runtime.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gort::runtime;
use gort::sync::WaitGroup;
use gort::sync::channel::{Receiver, bounded};

use crate::memory::{self, Memory};

/// Goroutines that have run; are about to park; have been released.
pub(crate) static RAN: Tally = Tally::new();
pub(crate) static STARTED: Tally = Tally::new();
pub(crate) static RELEASED: Tally = Tally::new();

/// A count kept on many cache lines: workers on different blocks of goroutines do not fight over
/// one line.
pub(crate) struct Tally([Line; Tally::LINES]);

#[repr(align(128))]
struct Line(AtomicU64);

impl Tally {
    const LINES: usize = 64;
    /// Neighbours share a line: they tend to run on the same worker.
    const BLOCK: usize = 1024;

    const fn new() -> Self {
        Self([const { Line(AtomicU64::new(0)) }; Self::LINES])
    }

    fn add_one(&self, goroutine: usize) {
        self.0[goroutine / Self::BLOCK % Self::LINES]
            .0
            .fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> u64 {
        self.0
            .iter()
            .map(|line| line.0.load(Ordering::Relaxed))
            .sum()
    }

    fn expect(&self, n: usize, what: &str) -> Result<(), String> {
        let total = self.total();
        if total == n as u64 {
            Ok(())
        } else {
            Err(format!("{total} of {n} goroutines {what}"))
        }
    }
}

/// All that was measured.
pub(crate) struct Report {
    pub(crate) n: usize,
    pub(crate) workers: usize,
    pub(crate) spawn_and_run: Duration,
    pub(crate) start_and_park: Duration,
    pub(crate) release: Duration,
    pub(crate) steals: u64,
    pub(crate) memory: Memory,
}

/// What the parked goroutines share. Each captures a plain reference to it, so that its closure
/// stays two words.
struct Gate {
    started: WaitGroup,
    closed: Receiver<()>,
}

impl Gate {
    fn hold(&self, goroutine: usize) {
        STARTED.add_one(goroutine);
        self.started.done();
        if self.closed.recv().is_err() {
            RELEASED.add_one(goroutine);
        }
    }
}

pub(crate) fn run(n: usize) -> Result<Report, String> {
    let rss_at_start = memory::resident();

    let spawn_and_run = spawn_and_run(n);
    RAN.expect(n, "ran")?;

    let (open, closed) = bounded(0);
    // Leaked, a few words once: a reference count would be one more line for all workers to fight
    // over.
    let gate: &'static Gate = Box::leak(Box::new(Gate {
        started: WaitGroup::new(),
        closed,
    }));
    let finished = WaitGroup::new();
    let start_and_park = start_and_park(n, gate, &finished);
    STARTED.expect(n, "started")?;

    // The last one on each worker has counted itself and may still be on its way into `recv`.
    gort::sleep(Duration::from_millis(20));
    let parked = memory::Parked::now();
    RELEASED.expect(0, "were let go too early")?;

    let start = Instant::now();
    open.close();
    finished.wait();
    let release = start.elapsed();
    RELEASED.expect(n, "were released")?;

    Ok(Report {
        n,
        workers: runtime::workers(),
        spawn_and_run,
        start_and_park,
        release,
        steals: runtime::metrics().steals,
        memory: Memory::after(rss_at_start, parked),
    })
}

/// From the first spawn until the last goroutine has run: each adds one to a count, and parks
/// nowhere.
fn spawn_and_run(n: usize) -> Duration {
    let start = Instant::now();
    let wg = WaitGroup::new();
    for goroutine in 0..n {
        wg.go(move || RAN.add_one(goroutine));
    }
    wg.wait();
    start.elapsed()
}

/// From the first spawn until the last goroutine stands before its `recv`, each on a stack of its
/// own.
fn start_and_park(n: usize, gate: &'static Gate, finished: &WaitGroup) -> Duration {
    let start = Instant::now();
    gate.started.add(n);
    for goroutine in 0..n {
        finished.go(move || gate.hold(goroutine));
    }
    gate.started.wait();
    start.elapsed()
}
