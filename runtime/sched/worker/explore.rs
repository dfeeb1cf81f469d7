//! What runs next where a test chooses the schedule: any of those that can run, by its dice.

use crate::runtime::{
    sched::{explorer::Explorer, home::held::Held, worker::data::Worker},
    task::header::{LOCAL_BIT, TaskRef},
};

/// Takes any of the goroutines that can run, fresh ones included. They all run in the home at hand:
/// the only one.
pub(crate) fn pick(worker: &Worker, here: Held, explorer: &Explorer) -> Option<TaskRef> {
    here.take_arrivals();
    let started = drain(|| here.next_woken().or_else(|| here.next_yielded()));
    let fresh = drain(|| worker.fresh.pop().or_else(|| worker.take_injected()));
    let count = started.len() + fresh.len();
    if count == 0 {
        return None;
    }
    let chosen = explorer.below(count);
    let mut picked = None;
    for (i, task) in started.into_iter().chain(fresh).enumerate() {
        if i == chosen {
            picked = Some(task);
        } else if task.is_fresh() && !task.has(LOCAL_BIT) {
            worker.fresh.push(task);
        } else {
            here.woken.push(task);
        }
    }
    picked
}

fn drain(mut next: impl FnMut() -> Option<TaskRef>) -> Vec<TaskRef> {
    std::iter::from_fn(&mut next).collect()
}
