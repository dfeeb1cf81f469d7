//! What runs next on a worker that is in a home. Order of the queues, and why:
//!
//! 1. goroutines of this home that may go on: they hold stacks, and finishing them first bounds
//!    memory. The woken ones and those whose deadline has passed take turns;
//! 2. other homes that can run: the same, at the price of a change of identity;
//! 3. fresh goroutines, newest first: depth first through trees of goroutines, so few stacks are
//!    live at once. Each starts where `place` says;
//! 4. those that yielded, here and in homes where nobody else can run: behind fresh ones, or a
//!    yielding goroutine would starve what it waits for. But those that had yielded when the worker
//!    entered run before it turns to another home: else workers would go from home to home for one
//!    turn in each.
//!
//! After 61 turns, or about 0.5 ms where turns are long, timers fire, and one of the later ones
//! comes first, in turn, so that none starves. Those of this home that yielded take turns with the
//! woken ones from then on. Every 10 ms those fresh ones that are there go before newer ones: else
//! one below the bursts of others would wait as long as they come.

use crate::runtime::{
    sched::{
        home::{data::Home, held::Held},
        inspect::reply,
        poller::{deliver, shared as poller},
        worker::{
            budget::First,
            data::Worker,
            explore,
            place::{self, Start},
            shared::WorkerShared,
            submit,
        },
    },
    task::header::TaskRef,
};
use std::time::Instant;

/// What a worker does next.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(crate) enum Next {
    /// Run this goroutine in the home at hand.
    Run(TaskRef),
    /// Enter this home, which the worker holds.
    Enter(&'static Home),
    /// Leave the home: there is nothing to run, or the runtime ends.
    Leave,
}

/// What the worker does next in `here`.
#[inline]
pub(crate) fn next(worker: &Worker, here: Held) -> Next {
    loop {
        // `place`, or a coroutine that stopped for it, has chosen this one already.
        if let Some(task) = here.handoff.get() {
            here.handoff.set(None);
            return Next::Run(task);
        }
        // Before anything new is begun: a dump wants replies, or the runtime ends.
        if worker.scheduler.has_requests() {
            reply::send_replies(worker.scheduler, here);
            if worker.scheduler.is_closing() {
                return Next::Leave;
            }
        }
        if let Some(next) = find(worker, here) {
            return next;
        }
    }
}

/// One pass over the queues. `None`: what was found has gone elsewhere; look again.
#[inline]
fn find(worker: &Worker, here: Held) -> Option<Next> {
    if worker.count_turn()
        && let Some(found) = look_around(worker, here)
    {
        return found;
    }
    // What others have sent or woken here since the last pass.
    here.take_arrivals();
    // First those of this home: they hold stacks, and cost no change of identity.
    if let Some(task) = here.next_woken() {
        return Some(Next::Run(task));
    }
    // Goroutines that had yielded here before the worker entered run before it goes elsewhere.
    let owes_turns = here.owes_turns();
    if !owes_turns && let Some(home) = worker.pop_home() {
        return Some(Next::Enter(home));
    }
    // Few live here, so the newest fresh goroutine starts here, with nothing to choose.
    if place::may_start_here(here)
        && let Some(task) = worker.pop_fresh()
    {
        return Some(Next::Run(task));
    }
    // A fresh one would lead the worker to another home, so those that are owed a turn come first.
    if owes_turns && let Some(task) = here.next_yielded() {
        return Some(Next::Run(task));
    }
    // This home is full: `place` chooses another one.
    if let Some(task) = worker.pop_fresh() {
        return start(worker, here, task);
    }
    // Nothing is left but goroutines that yielded, in other homes first: this one had its stay.
    if let Some(home) = worker.runnable.pop_yielded() {
        return Some(Next::Enter(home));
    }
    Some(here.next_yielded().map_or(Next::Leave, Next::Run))
}

/// Where a fresh goroutine starts. `None`: not here.
#[inline]
fn start(worker: &Worker, here: Held, task: TaskRef) -> Option<Next> {
    match place::place(worker, Some(here), task) {
        Start::Here(task) => Some(Next::Run(task)),
        Start::In(home) => Some(Next::Enter(home)),
        Start::Elsewhere => None,
    }
}

/// Fires timers, and puts one of the later queues first, each in its turn, or the next one that
/// holds something. `None`: nothing was found, so the usual order holds.
#[cold]
fn look_around(worker: &Worker, here: Held) -> Option<Option<Next>> {
    let now = Instant::now();
    worker.begin_look(now);
    submit::fire_timers(worker, Some(here), worker.shared);
    // In a test that explores schedules, chance decides, and no other rule.
    if let Some(explorer) = &worker.scheduler.explorer {
        let task = explore::pick(worker, here, explorer);
        return Some(Some(task.map_or(Next::Leave, Next::Run)));
    }
    submit::fire_timers(worker, Some(here), any_other(worker));
    // No worker sleeps in the poller, so this one looks whether descriptors are ready.
    if poller::is_unattended() {
        deliver::poll(worker, Some(here));
    }
    // Every 10 ms: else a fresh goroutine below the bursts of others would wait for ever.
    if worker.budget.is_sweep_due(now) {
        worker.age_fresh();
    }
    here.take_arrivals();
    // The home was entered for goroutines that can run in it: one of them runs first. Else workers
    // that look around at each turn would go from home to home and run nothing.
    if !here.is_stay_used() {
        return None;
    }
    here.pass_over();
    let injected = || {
        let task = worker.take_injected();
        task.map(|task| start(worker, here, task))
    };
    let fresh = || {
        let oldest = worker.shared.fresh.steal();
        oldest.map(|task| start(worker, here, task))
    };
    let woken_outside = || worker.scheduler.take_woken_home().map(enter);
    let woken_home = || worker.pop_oldest_home().map(enter);
    let yielded_home = || worker.runnable.pop_yielded().map(enter);
    match worker.budget.pick() {
        First::Usual => None,
        First::Injected => injected()
            .or_else(woken_outside)
            .or_else(woken_home)
            .or_else(fresh),
        First::WokenOutside => woken_outside()
            .or_else(injected)
            .or_else(woken_home)
            .or_else(fresh),
        First::Fresh => fresh().or_else(woken_home).or_else(injected),
        First::OtherHome { yielded: true } => yielded_home().or_else(woken_home),
        First::OtherHome { yielded: false } => woken_home().or_else(yielded_home),
    }
}

/// What a worker does with a home that it has taken.
fn enter(home: &'static Home) -> Option<Next> {
    Some(Next::Enter(home))
}

/// A worker at random, whose timers may be late since it is in one goroutine for long.
fn any_other(worker: &Worker) -> &'static WorkerShared {
    let workers = &worker.scheduler.workers;
    let chosen = workers.get(worker.dice.roll(workers.count()));
    chosen.copied().unwrap_or(worker.shared)
}
