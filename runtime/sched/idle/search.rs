//! A worker out of work: it searches, then sleeps (protocol S in `runtime/README.md`).

use crate::runtime::{
    prims::Ordering,
    sched::{
        idle::{
            sleep,
            steal::{FoundWork, Take, steal, take_injected},
        },
        poller::{deliver, shared as poller},
        worker::{data::Worker, out_of_stacks, submit},
    },
};
use std::time::{Duration, Instant};

/// How long a searcher looks before it sleeps: about twice what waking a thread costs (5-7 us
/// measured on virtual machines). Longer does not pay, and on a busy machine it takes the processor
/// from others.
const SEARCH_TIME: Duration = Duration::from_micros(10);
/// How long a victim must have been in one goroutine before a searcher takes its newest home, or
/// its last few fresh ones: those its owner will most often run at once.
const PATIENCE: Duration = Duration::from_micros(5);

/// Looks everywhere, then sleeps, until there is something to run. `None`: the runtime shuts down.
pub(crate) fn search(worker: &Worker) -> Option<FoundWork> {
    // Whether this worker is counted as a searcher.
    let mut counted = false;
    loop {
        if worker.scheduler.is_closing() {
            // Whoever woke this worker has counted it as a searcher.
            if counted {
                worker.scheduler.end_search();
            }
            return None;
        }
        // Goroutines that the poller wakes are cheaper than what could be stolen, and theft would
        // only move work that has a worker already.
        if poller::is_unattended()
            && deliver::poll(worker, None)
            && let Some(found) = own(worker)
        {
            if counted {
                worker.scheduler.end_search();
            }
            return Some(found);
        }
        if let Some(found) = look(worker, counted).or_else(|| own(worker)) {
            return Some(found);
        }
        counted = sleep::sleep(worker);
        // Woken to work: its own queues first, and nobody relies on it as a searcher.
        if !counted && let Some(found) = own(worker) {
            return Some(found);
        }
    }
}

/// What waits at this worker itself.
fn own(worker: &Worker) -> Option<FoundWork> {
    // Timers of other workers, too: one that is in a goroutine for long does not come to its own.
    for each in worker.scheduler.workers() {
        submit::fire_timers(worker, None, each);
    }
    out_of_stacks::retry(worker);
    let home = worker.pop_home_outside().map(FoundWork::Home);
    home.or_else(|| worker.pop_fresh().map(FoundWork::Fresh))
}

/// One search. `counted`: this worker has been counted as a searcher already, by whoever woke it.
fn look(worker: &Worker, counted: bool) -> Option<FoundWork> {
    let scheduler = worker.scheduler;
    // A spare whose stuck worker has got on: it takes nothing from the regular ones.
    if !scheduler.is_needed(worker.shared) {
        if counted {
            scheduler.end_search();
        }
        return None;
    }
    // Enough others search. What comes from outside has no owner, so it is worth one look.
    if !counted && !scheduler.idle.start_search() {
        return take_injected(worker);
    }
    let found = search_for_a_while(worker);
    // Also with nothing found: something of its own may keep this worker from its last look, and
    // what came meanwhile was left to it (S4).
    scheduler.end_search();
    found
}

fn search_for_a_while(worker: &Worker) -> Option<FoundWork> {
    let start = Instant::now();
    let mut seen = (turns(worker), start);
    loop {
        let now = Instant::now();
        let turns = turns(worker);
        // Some victim gets on by itself: it is given more time before its last things are taken.
        if turns != seen.0 {
            seen = (turns, now);
        }
        let is_patient = worker.scheduler.parallel && now - seen.1 < PATIENCE;
        let from = if is_patient { Take::Rest } else { Take::All };
        if let Some(found) = take_injected(worker).or_else(|| steal(worker, from)) {
            return Some(found);
        }
        // It is wanted elsewhere; or spinning cannot bring anything, with one processor or with
        // nobody else awake; or it has looked for long enough.
        if worker.scheduler.has_requests()
            || !worker.scheduler.parallel
            || !is_other_awake(worker)
            || now - start >= SEARCH_TIME
        {
            return None;
        }
        for _ in 0..32 {
            std::hint::spin_loop();
        }
    }
}

/// Whether anybody could make work for this worker while it looks: those that sleep do not.
fn is_other_awake(worker: &Worker) -> bool {
    let mut others = worker.scheduler.workers();
    others.any(|other| other.index != worker.shared.index && other.is_awake())
}

/// Changes whenever a worker that has something in its own hands turns to another goroutine.
fn turns(worker: &Worker) -> u64 {
    let others = worker.scheduler.workers();
    others
        .filter(|w| !w.fresh.is_empty() || w.runnable.has_slot())
        .map(|w| w.own.turns.load(Ordering::Relaxed) + 1)
        .fold(0, u64::wrapping_add)
}
