//! The roll: which goroutines of a runtime are alive.

use crate::runtime::{
    prims::Ordering,
    sched::roster::{Roster, WorkerShared},
    task::{header::HOMELESS, pool},
};
use std::collections::BTreeSet;

/// The ids of those that have been spawned and have not ended.
pub(crate) fn of(roster: &Roster) -> BTreeSet<u64> {
    let mut ids = BTreeSet::new();
    pool::each_cell(|cell| {
        let id = cell.id.load(Ordering::Relaxed);
        if id == 0 || cell.life.is_done() {
            return;
        }
        let home = cell.home.load(Ordering::Relaxed);
        let is_homeless = home.addr() == roster.address().addr() | HOMELESS;
        let is_homed = |w: &WorkerShared| std::ptr::eq(w, home.cast::<WorkerShared>());
        if is_homeless || roster.workers.iter().any(is_homed) {
            ids.insert(id);
        }
    });
    ids
}
