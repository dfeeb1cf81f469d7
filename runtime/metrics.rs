//! What a runtime has done so far, in numbers.

use crate::runtime::{
    prims::Ordering,
    sched::{
        home::data::Home,
        scheduler::Scheduler,
        worker::shared::{OwnLine, WorkerShared},
    },
    stack::{self, GuardMode},
};
use std::sync::OnceLock;

/// Counters of one runtime, as [`runtime::metrics`](crate::runtime::metrics) gives them; those of
/// the stacks are the process's.
///
/// They are read one by one while the runtime works, so they need not fit each other exactly.
///
/// # Examples
/// ```
/// let runtime = gort::runtime::Builder::new().workers(2).build()?;
/// for _ in 0..10 {
///     runtime.run(gort::yield_now);
/// }
/// let metrics = runtime.metrics();
/// assert_eq!((metrics.workers, metrics.spawned), (2, 10));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Worker threads, spares not counted.
    pub workers: usize,
    /// Spare workers that have been started because workers were stuck.
    pub spare_workers: usize,
    /// Goroutines that have been spawned and have not ended.
    pub goroutines: usize,
    /// Goroutines spawned so far.
    pub spawned: u64,
    /// Times that a worker took fresh goroutines from another.
    pub steals: u64,
    /// Goroutines taken that way.
    pub stolen: u64,
    /// Fresh goroutines handed to another worker's home (only where homes are not lent).
    pub handed_over: u64,
    /// Times that a goroutine parked.
    pub parks: u64,
    /// Times that a worker went to sleep.
    pub sleeps: u64,
    /// Homes that have been made so far: thread identities that goroutines live in.
    pub homes: usize,
    /// `"lent"` if any worker may enter any home; else the reason why each worker keeps one home
    /// of its own.
    pub identity: &'static str,
    /// Goroutines that live in each home.
    pub homed: Vec<usize>,
    /// Stacks carved so far in this process.
    pub stacks: usize,
    /// Stacks in no goroutine's use, of which the memory is still there.
    pub stacks_cached: usize,
    /// Stacks in no goroutine's use, of which the memory has been given back.
    pub stacks_cold: usize,
    /// How stacks are guarded: `"guard-install"` or `"mprotect"`.
    pub guard_mode: &'static str,
    /// Threads for blocking calls.
    pub blocking_threads: usize,
}

pub(crate) fn of(scheduler: &Scheduler) -> Metrics {
    let sum = |field: fn(&OwnLine) -> u64| scheduler.workers().map(|w| field(&w.own)).sum();
    let stacks = stack::stats();
    let outside = scheduler.spawned_outside.load(Ordering::Relaxed);
    let is_started_spare = |w: &&WorkerShared| scheduler.is_spare(w) && w.has_thread();
    Metrics {
        workers: scheduler.config.workers,
        spare_workers: scheduler.workers().filter(is_started_spare).count(),
        goroutines: scheduler.live(),
        spawned: outside + sum(|l| l.spawned.load(Ordering::Relaxed)),
        steals: sum(|l| l.steals.load(Ordering::Relaxed)),
        stolen: sum(|l| l.stolen.load(Ordering::Relaxed)),
        handed_over: sum(|l| l.handed_over.load(Ordering::Relaxed)),
        parks: sum(|l| l.parks.load(Ordering::Relaxed)),
        sleeps: sum(|l| l.sleeps.load(Ordering::Relaxed)),
        homes: scheduler.homes.count(),
        identity: identity_of(scheduler),
        homed: scheduler.homes().map(Home::live).collect(),
        stacks: stacks.mapped_slots,
        stacks_cached: stacks.cached,
        stacks_cold: stacks.cold,
        guard_mode: match stacks.guard_mode {
            GuardMode::Install => "guard-install",
            GuardMode::Protect => "mprotect",
        },
        blocking_threads: scheduler.blocking.threads(),
    }
}

/// Whether homes are lent, or why not.
fn identity_of(scheduler: &Scheduler) -> &'static str {
    /// The reason in words. It is the process's, so one text does for all runtimes.
    static REASON: OnceLock<String> = OnceLock::new();
    match scheduler.lending {
        Ok(()) => "lent",
        Err(reason) => REASON.get_or_init(|| reason.to_string()),
    }
}
