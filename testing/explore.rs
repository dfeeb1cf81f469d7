//! Tests under schedules that a seed chooses.

use crate::{
    runtime::{
        entry::system::Builder,
        sched::{explorer::Exploring, scheduler::Clock},
    },
    testing::fake_time,
};
use std::{
    env,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

/// The variable that names the one seed to run.
const SEED: &str = "GORT_EXPLORE_SEED";

/// Runs `f` once for each seed, each time in a [`bubble`](fake_time::bubble) of its own whose
/// schedule the seed chooses. Parks the caller.
///
/// The seed says which goroutine runs next, which of several ready arms a `select!` takes, and
/// whether a goroutine that comes to an operation of gort (a send or receive, a lock, an `acquire`,
/// a `select!`, `yield_now`) lets others run before it. Goroutines run one at a time, so the same
/// seed gives the same run. Most errors in the order of things, such as a deadlock that needs two
/// goroutines to be between their two locks, or a check that another one overtakes, show within a
/// few hundred seeds that take a fraction of a second.
///
/// Seeds that fail once fail again: the message of a failure names the seed, and with
/// `GORT_EXPLORE_SEED=<seed>` in the environment only that one is run.
///
/// What does not follow the seed: other threads, [`blocking`](crate::runtime::blocking) calls, the
/// real clock, the order of a `HashMap`. Goroutines change only at operations of gort; for those on
/// atomics between them there is [loom](https://docs.rs/loom).
///
/// The idea is that of random schedules with replay: CHESS (Musuvathi et al., 2008), Shuttle.
///
/// # Panics
/// As [`bubble`](fake_time::bubble), with the payload of the first run that panics; before that it
/// prints the seed to the error stream. If `GORT_EXPLORE_SEED` is set to something other than a
/// number.
///
/// # Examples
/// ```should_panic
/// use gort::{go, sync::Mutex, testing};
/// use std::sync::Arc;
///
/// // Two goroutines that take two locks in different orders.
/// testing::explore(0..100, || {
///     let locks = Arc::new((Mutex::new(0), Mutex::new(0)));
///     let other = Arc::clone(&locks);
///     let child = go!(move || {
///         let (_b, _a) = (other.1.lock(), other.0.lock());
///     });
///     {
///         let (_a, _b) = (locks.0.lock(), locks.1.lock());
///     }
///     child.join().unwrap();
/// });
/// ```
#[track_caller]
pub fn explore<S, F>(seeds: S, f: F)
where
    S: IntoIterator<Item = u64>,
    F: Fn() + Send + Sync + 'static,
{
    let _exploring = Exploring::start();
    let f = Arc::new(f);
    match chosen_seed() {
        Some(seed) => run(seed, &f),
        None => seeds.into_iter().for_each(|seed| run(seed, &f)),
    }
}

/// The seed that the environment names.
fn chosen_seed() -> Option<u64> {
    let text = env::var(SEED).ok()?;
    match text.trim().parse() {
        Ok(seed) => Some(seed),
        Err(_) => panic!("gort::testing::explore: {SEED}={text}: a seed is a number from 0 on"),
    }
}

#[track_caller]
fn run<F>(seed: u64, f: &Arc<F>)
where
    F: Fn() + Send + Sync + 'static,
{
    let f = Arc::clone(f);
    let settings = Builder::new().workers(1).homes(1);
    let bubble = || fake_time::bubble_by(settings, Clock::Explored { seed }, move || f());
    // The closure is not used again after a panic.
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(bubble)) {
        eprintln!(
            "gort::testing::explore: failed under seed {seed}; {SEED}={seed} repeats this run alone"
        );
        panic::resume_unwind(payload);
    }
}
