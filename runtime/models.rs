//! Models of the protocols: loom runs each in every interleaving with at most
//! `LOOM_MAX_PREEMPTIONS` pre-emptions (`ci/loom.sh`).
//!
//! They use the types that the runtime uses, with threads in the place of goroutines, workers and
//! wakers. A queue of goroutines or homes is a flag that releases and acquires, as every queue
//! does, and nothing more; where a protocol claims to order things by itself, what stands beside it
//! is `Relaxed`.
//!
//! A model must be able to fail. The table in `runtime/README.md`, *Models*, names for each the
//! change that makes it fail.

mod deque;
mod future;
mod homes;
mod leaving;
mod lookout;
mod monitor;
mod plain;
mod readiness;
mod slot;
mod task;
mod timers;
mod waking;
mod workers;

pub(crate) use self::plain::Plain;

/// Runs a model; 2 pre-emptions unless the environment says otherwise.
pub(crate) fn check(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(2);
    builder.max_branches = 10_000;
    builder.check(model);
}
