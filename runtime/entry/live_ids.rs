//! The live ids: which goroutines of a runtime are alive.

use crate::runtime::{
    prims::Ordering,
    sched::scheduler::Scheduler,
    task::{header::HOMELESS_BIT, pool},
};
use std::collections::BTreeSet;

/// The ids of those that have been spawned and have not ended.
pub(crate) fn of(scheduler: &Scheduler) -> BTreeSet<u64> {
    let mut ids = BTreeSet::new();
    pool::each_cell(|cell| {
        let id = cell.id.load(Ordering::Relaxed);
        if id == 0 || cell.life.is_done() {
            return;
        }
        let home = cell.home.load(Ordering::Relaxed);
        let is_homeless = home.addr() == scheduler.address().addr() | HOMELESS_BIT;
        if is_homeless || scheduler.homes().any(|h| std::ptr::eq(h, home.cast())) {
            ids.insert(id);
        }
    });
    ids
}
