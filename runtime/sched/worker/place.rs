//! Protocol B: in which home a fresh goroutine starts, where it then lives for good.
//!
//! Goroutines of one home never run at the same time, and those of two homes pay a little more for
//! talking to each other. So a few goroutines start in a home each: a pool of eight ends in eight
//! homes, and all processors work for it. Thousands come in *chunks*, neighbours together, since
//! goroutines that were spawned in a row tend to talk to each other.
//!
//! Each home has a limit, at first 1.
//!
//! 1. The home at hand takes a fresh goroutine while fewer are active there than its limit.
//!    Goroutines that end without having parked never count, so short ones all run in one home; nor
//!    do those that wait for others to end, so a parent that joins its children has them at hand
//!    (B1).
//! 2. Else the home of the worker's last chunk takes it, by the same rule.
//! 3. Else the emptiest idle home, or a new one, begins a chunk: with `n` that are active there its
//!    limit becomes `2n + 1`. It falls again when most of them have ended (B2).

use crate::runtime::{
    prims::Ordering,
    sched::{
        home::{data::Home, held::Held},
        owners,
        worker::{data::Worker, hand_over, out_of_stacks, submit},
    },
    task::header::TaskRef,
};

/// Where a fresh goroutine starts.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) enum Start {
    /// In the home that the worker is in.
    Here(TaskRef),
    /// In this home, which the worker holds now and is to enter.
    In(&'static Home),
    /// Elsewhere, or later: the worker has nothing to do for it.
    Elsewhere,
}

/// Whether fresh goroutines may start in the home at hand (B1).
#[inline]
pub(crate) fn may_start_here(here: Held) -> bool {
    here.home().active() < here.home().limit()
}

/// Chooses where a fresh goroutine starts. `here` is the home that the worker is in, if it is in
/// one.
pub(crate) fn place(worker: &Worker, here: Option<Held>, task: TaskRef) -> Start {
    // Rule 1: the home at hand, which costs nothing.
    if let Some(here) = here
        && may_start_here(here)
    {
        return Start::Here(task);
    }
    if let Some(only) = worker.only_home.get() {
        return place_where_not_lent(worker, here, only, task);
    }
    // Rule 2: beside those that were spawned before it, if nobody is in their home.
    if let Some(home) = worker.chunk.get()
        && home.active() < home.limit()
        && home.claim()
    {
        return start_in(home, task);
    }
    // Rule 3: another home, where a new chunk begins.
    match choose(worker, here) {
        Chosen::Here(here) => {
            begin_chunk(worker, here);
            Start::Here(task)
        }
        Chosen::Claimed(home) => {
            // SAFETY: claimed.
            begin_chunk(worker, unsafe { Held::new(home) });
            start_in(home, task)
        }
        Chosen::Busy(home) => {
            // SAFETY: the worker took it from a queue, so it holds it.
            unsafe { submit::send_fresh(worker, home, task) };
            Start::Elsewhere
        }
        // A runtime always has a home, unless threads could not be had: wait for one.
        Chosen::None => {
            out_of_stacks::keep(worker, task);
            Start::Elsewhere
        }
    }
}

/// Sets the goroutine as the first that runs when the home is entered. The caller has claimed it.
fn start_in(home: &'static Home, task: TaskRef) -> Start {
    // SAFETY: claimed by the caller.
    unsafe { Held::new(home) }.handoff.set(Some(task));
    Start::In(home)
}

/// From now on fresh goroutines start in this home, until enough are active there (B2).
fn begin_chunk(worker: &Worker, held: Held) {
    held.raise_limit(2 * held.home().active() + 1);
    worker.chunk.set(Some(held.home()));
}

/// A worker that has one home starts what it has there, unless another worker's holds clearly
/// fewer.
fn place_where_not_lent(
    worker: &Worker,
    here: Option<Held>,
    only: &'static Home,
    task: TaskRef,
) -> Start {
    if hand_over::gave_away(worker, only, task) {
        return Start::Elsewhere;
    }
    if here.is_some() {
        return Start::Here(task);
    }
    // Only this worker enters the home, so it is idle, or busy for its sake.
    let _is_idle = only.shared.word.claim();
    start_in(only, task)
}

/// A home for a fresh goroutine.
enum Chosen {
    /// The one that the worker is in.
    Here(Held),
    /// An idle one, which the worker holds now.
    Claimed(&'static Home),
    /// One that somebody else holds, since all are held and there may be no more.
    Busy(&'static Home),
    /// There is none at all.
    None,
}

/// The emptiest home that nobody is in, or a new one if all have somebody living there.
fn choose(worker: &Worker, here: Option<Held>) -> Chosen {
    let homes = &worker.scheduler.homes;
    for _ in 0..TRIES {
        let found = emptiest(worker, here);
        let is_empty = found.is_some_and(|home| home.active() == 0);
        let most = most_homes(worker);
        // A new home is worth its thread only if no home is empty.
        if !is_empty && homes.count() < most {
            match owners::make(worker.scheduler, most) {
                Ok(Some(home)) => return Chosen::Claimed(home),
                Ok(None) => {}
                Err(error) => out_of_stacks::tell_no_home(worker.scheduler, &error),
            }
        }
        if let Some(here) = here
            && found.is_some_and(|home| here.is(home))
        {
            return Chosen::Here(here);
        }
        match found {
            Some(home) if home.claim() => return Chosen::Claimed(home),
            // Somebody was faster.
            Some(_) => {}
            None => break,
        }
    }
    // Others were faster each time. The home at hand is held already, so it takes one more.
    if let Some(here) = here {
        return Chosen::Here(here);
    }
    // All homes are held by others: one at random gets the goroutine into its inbox.
    let count = homes.count();
    match (count > 0)
        .then(|| homes.get(worker.dice.roll(count)))
        .flatten()
    {
        Some(home) => Chosen::Busy(home),
        None => Chosen::None,
    }
}

/// How often a worker looks again when the home that it chose has just been taken.
const TRIES: usize = 4;

/// The home in which the fewest live, of those that are idle and the one at hand.
fn emptiest(worker: &Worker, here: Option<Held>) -> Option<&'static Home> {
    let homes = &worker.scheduler.homes;
    let count = homes.count();
    let mut best = here.map(Held::home);
    let from = if count == 0 {
        0
    } else {
        worker.dice.roll(count)
    };
    for i in 0..count {
        // One that is being added is not there yet.
        let Some(&home) = homes.get((from + i) % count) else {
            continue;
        };
        if home.shared.word.is_busy() || best.is_some_and(|best| best.active() <= home.active()) {
            continue;
        }
        best = Some(home);
        if home.active() == 0 {
            break;
        }
    }
    best
}

/// How many homes the runtime may have now. Each stuck worker keeps one to itself, which gives the
/// right to another.
fn most_homes(worker: &Worker) -> usize {
    let scheduler = worker.scheduler;
    let stuck = scheduler.stuck.load(Ordering::Relaxed);
    let cap = scheduler.homes_cap.load(Ordering::Relaxed);
    scheduler.config.homes.min(cap) + stuck
}
