//! Models of the protocols: loom runs each in every interleaving with at most `LOOM_MAX_PREEMPTIONS` pre-emptions (`ci/loom.sh`).
//!
//! They use the types that the runtime uses, with threads in the place of goroutines and workers. A queue of goroutines is a flag that
//! releases and acquires, as every queue does, and nothing more; where a protocol claims to order things by itself, what stands beside it is `Relaxed`.
//!
//! A model must be able to fail. The table in `runtime/README.md`, *Models*, names for each the change that makes it fail.

mod deque;
mod home;
mod locks;
mod task;
mod waking;

use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// Runs a model; 2 pre-emptions unless the environment says otherwise.
fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(2);
    builder.max_branches = 10_000;
    builder.check(model);
}

/// A flag that orders nothing.
struct Flag(AtomicBool);

impl Flag {
    fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn wait(&self) {
        while !self.is_set() {
            thread::yield_now();
        }
    }

    /// As a push to a queue.
    fn hand_over(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// As a pop from that queue.
    fn take_over(&self) {
        while !self.0.load(Ordering::Acquire) {
            thread::yield_now();
        }
    }
}

/// Plain memory, of which loom reports every race.
struct Plain(UnsafeCell<u32>);

// SAFETY: loom checks the accesses.
unsafe impl Sync for Plain {}
// SAFETY: as above.
unsafe impl Send for Plain {}

impl Plain {
    fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    #[track_caller]
    fn set(&self, value: u32) {
        // SAFETY: loom checks that nobody else looks.
        self.0.with_mut(|at| unsafe { *at = value });
    }

    #[track_caller]
    fn get(&self) -> u32 {
        // SAFETY: loom checks that nobody writes.
        self.0.with(|at| unsafe { *at })
    }

    #[track_caller]
    fn add(&self, by: u32) {
        // SAFETY: loom checks that nobody else looks.
        self.0.with_mut(|at| unsafe { *at += by });
    }
}
