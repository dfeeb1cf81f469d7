//! The live ids: which goroutines of a runtime are alive.

use crate::runtime::{prims::Ordering, sched::scheduler::Scheduler, task::pool};
use std::collections::BTreeSet;

/// The ids of those that have been spawned and have not ended.
pub(crate) fn of(scheduler: &Scheduler) -> BTreeSet<u64> {
    let mut ids = BTreeSet::new();
    pool::each_live_cell(|cell, id| {
        let home = cell.home.load(Ordering::Relaxed);
        if cell.is_homeless_in(scheduler.address())
            || scheduler.homes().any(|h| std::ptr::eq(h, home.cast()))
        {
            ids.insert(id);
        }
    });
    ids
}
