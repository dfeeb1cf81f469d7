//! The dump: what every goroutine of a runtime is doing.

use crate::runtime::{
    park::WaitReason,
    prims::Ordering,
    sched::roster::{Roster, WorkerShared},
    task::{header::HOMELESS, pool},
};
use std::fmt::Write;

struct Row {
    id: u64,
    state: &'static str,
    home: Option<usize>,
    site: Option<&'static std::panic::Location<'static>>,
}

/// One line a goroutine: id, state or wait reason, home worker, spawn site.
pub(crate) fn of(roster: &Roster) -> String {
    let mut rows = rows(roster);
    rows.sort_unstable_by_key(|row| row.id);
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} goroutines on {} workers",
        rows.len(),
        roster.config.workers
    );
    for row in rows {
        let _ = write!(text, "goroutine {} [{}]", row.id, row.state);
        if let Some(home) = row.home {
            let _ = write!(text, " on worker {home}");
        }
        if let Some(site) = row.site {
            let _ = write!(text, ", spawned at {site}");
        }
        text.push('\n');
    }
    text
}

fn rows(roster: &Roster) -> Vec<Row> {
    let mut rows = Vec::new();
    pool::each_cell(|cell| {
        let id = cell.id.load(Ordering::Relaxed);
        if id == 0 || cell.life.is_done() {
            return;
        }
        let home = cell.home.load(Ordering::Relaxed);
        let homeless = home.addr() == roster.address().addr() | HOMELESS;
        let index = roster
            .workers
            .iter()
            .position(|w| std::ptr::eq(w, home.cast::<WorkerShared>()));
        if !homeless && index.is_none() {
            return;
        }
        let state = if homeless {
            "not started"
        } else if cell.park.looks_parked() {
            WaitReason::words_of(cell.reason.load(Ordering::Relaxed))
        } else {
            "running or ready"
        };
        // SAFETY: only `&'static Location`s are stored.
        let site = unsafe { cell.site.load(Ordering::Relaxed).as_ref() };
        rows.push(Row {
            id,
            state,
            home: index,
            site,
        });
    });
    rows
}
