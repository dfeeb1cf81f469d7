//! Taking work from elsewhere: from the other workers, and from the queues that outside threads
//! fill.

use crate::runtime::{
    sched::{
        events,
        home::data::Home,
        worker::{
            data::{STEAL_BATCH, Worker},
            shared::{WorkerShared, bump},
        },
    },
    task::header::TaskRef,
};

/// A victim with at least this many fresh goroutines is stolen from at once. With fewer, it most
/// likely runs them itself in a moment.
const MANY: usize = 4;

/// What a search has brought.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FoundWork {
    /// A home that can run; the worker holds it.
    Home(&'static Home),
    /// A fresh goroutine.
    Fresh(TaskRef),
}

/// From the queues that outside threads fill.
pub(crate) fn take_injected(worker: &Worker) -> Option<FoundWork> {
    let home = worker.scheduler.take_woken_home().map(FoundWork::Home);
    home.or_else(|| worker.take_injected().map(FoundWork::Fresh))
}

/// What a thief takes from another worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// All but the newest home, and the last few fresh ones.
    Rest,
    /// These too.
    All,
}

/// From the other workers, beginning with one at random.
pub(crate) fn steal(worker: &Worker, take: Take) -> Option<FoundWork> {
    let workers = &worker.scheduler.workers;
    let count = workers.count();
    let from = worker.dice.roll(count);
    for i in 0..count {
        let Some(&victim) = workers.get((from + i) % count) else {
            continue;
        };
        if victim.index != worker.shared.index
            && let Some(found) = steal_from(worker, victim, take)
        {
            return Some(found);
        }
    }
    None
}

fn steal_from(worker: &Worker, victim: &WorkerShared, take: Take) -> Option<FoundWork> {
    let home = match take {
        Take::Rest => victim.runnable.steal(),
        Take::All => victim
            .runnable
            .steal()
            .or_else(|| victim.runnable.take_slot()),
    };
    if let Some(home) = home {
        count_steal(worker, victim, 1);
        return Some(FoundWork::Home(home));
    }
    let least = match take {
        Take::Rest => MANY,
        Take::All => 1,
    };
    if victim.fresh.len() < least {
        return None;
    }
    let (task, more) = victim.fresh.steal_half(&worker.fresh, STEAL_BATCH)?;
    count_steal(worker, victim, 1 + more);
    Some(FoundWork::Fresh(task))
}

/// Takes another worker's newest home, to the caller's own queue. False: it was gone.
pub(crate) fn take_slot(worker: &Worker, victim: &WorkerShared) -> bool {
    let Some(home) = victim.runnable.take_slot() else {
        return false;
    };
    count_steal(worker, victim, 1);
    worker.runnable.push_back(home);
    true
}

fn count_steal(worker: &Worker, victim: &WorkerShared, number: usize) {
    let own = &worker.shared.own;
    bump(&own.steals, 1);
    bump(&own.stolen, number as u64);
    events::stole(worker, victim.index);
}
