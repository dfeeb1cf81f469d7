//! The goroutine that runs now: whether it should let others have a turn.

use crate::runtime::sched::{
    home::held::Held,
    poller::{deliver, shared as poller},
    worker::{data::Worker, submit},
};
use std::time::Instant;

/// Whether a yield would let something else run. Counts as a turn: a goroutine that yields in a
/// loop lets timers fire and outside work in.
#[inline]
pub(crate) fn has_other_work(worker: &Worker, here: Held) -> bool {
    !worker.has_nothing_queued(here)
        || worker.scheduler.has_requests()
        || (worker.count_turn() && lets_others_in(worker, here))
}

/// Whether the goroutine has gone on for long without a park. Operations that might have parked,
/// but did not, ask here.
#[inline]
pub(crate) fn is_over_budget(worker: &Worker) -> bool {
    worker.shared.is_overdue()
        || (worker.budget.is_used_up(worker.turn()) && worker.scheduler.explorer.is_none())
}

/// As [`has_other_work`], of a goroutine whose turn is over: looks at the timers each time.
#[cold]
pub(crate) fn has_work_over_budget(worker: &Worker, here: Held) -> bool {
    worker.count_turn();
    lets_others_in(worker, here) || worker.scheduler.is_closing()
}

/// Queues what timers and outside threads have for this worker. The turn that it takes has been
/// counted, so the root may not come to look.
#[cold]
fn lets_others_in(worker: &Worker, here: Held) -> bool {
    submit::fire_timers(worker, Some(here), worker.shared);
    if poller::is_unattended() {
        deliver::poll(worker, Some(here));
    }
    if let Some(task) = worker.take_injected() {
        worker.fresh.push(task);
    }
    if let Some(home) = worker.scheduler.take_woken_home() {
        worker.runnable.push_back(home);
    }
    let is_alone = worker.has_nothing_queued(here);
    if is_alone {
        // Else the root looks around when the goroutine has yielded.
        worker.begin_look(Instant::now());
    }
    !is_alone
}
