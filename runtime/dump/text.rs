//! The look of a dump: close to Go's.

use crate::runtime::{
    big_stack,
    dump::{
        rows::{self, MOST_FRAMES, Row, Trace},
        symbols::Symbols,
    },
    plural,
    sched::scheduler::Scheduler,
};
use std::{collections::HashMap, fmt::Write};

/// Room for finding symbols, which takes far more stack than goroutines must have.
const ROOM: usize = 1 << 20;
/// The most goroutines of a kind that have a line of their own.
const MOST_LINES: usize = 20;

/// Each goroutine of a runtime: id, what it does or waits for and for how long, name, home worker,
/// spawn site, and backtrace. Goroutines with the same spawn site, state and backtrace stand
/// together.
///
/// For any caller at any place: it does not park. It blocks the thread until the workers have
/// answered, or 200 ms have passed.
pub(crate) fn of(scheduler: &'static Scheduler) -> String {
    big_stack::try_on_big_stack(ROOM, || write(scheduler, rows::of(scheduler)))
        // Little room, so no symbols either.
        .unwrap_or_else(|_| write(scheduler, rows::without_traces(scheduler)))
}

fn write(scheduler: &'static Scheduler, rows: Vec<Row>) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} on {}",
        plural::count(rows.len(), "goroutine"),
        plural::count(scheduler.config.workers, "worker")
    );
    let mut symbols = Symbols::new();
    for group in groups(&rows) {
        text.push('\n');
        for row in group.iter().take(MOST_LINES) {
            write_row(&mut text, row);
        }
        if let Some(more) = group.len().checked_sub(MOST_LINES).filter(|n| *n > 0) {
            let _ = writeln!(
                text,
                "and {} like these",
                plural::count(more, "more goroutine")
            );
        }
        match &group[0].trace {
            Trace::Frames(frames) => symbols.write(&mut text, frames),
            Trace::NoReply => text.push_str(
                "   (no backtrace: a goroutine of the same home does not let others run)\n",
            ),
            Trace::NoStack | Trace::TooMany | Trace::NoLook => {}
        }
    }
    write_notes(&mut text, &rows);
    text
}

/// Rows that differ only in id, time, name and worker, by the first id.
fn groups(rows: &[Row]) -> Vec<Vec<&Row>> {
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    let mut places = HashMap::new();
    for row in rows {
        let kind = (row.doing, row.site.map(std::ptr::from_ref), &row.trace);
        let place = *places.entry(kind).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups
}

fn write_row(text: &mut String, row: &Row) {
    let _ = write!(text, "goroutine {} [{}", row.id, row.doing.words());
    let _ = match row.seconds {
        // Times are whole seconds: this one may be a moment.
        0 | 1 => Ok(()),
        n @ 2..60 => write!(text, ", {n} seconds"),
        n @ 60..120 => write!(text, ", {} minute", n / 60),
        n => write!(text, ", {} minutes", n / 60),
    };
    text.push(']');
    if let Some(name) = &row.name {
        let _ = write!(text, " {name:?}");
    }
    if let Some(home) = row.home {
        let _ = write!(text, " in home {home}");
    }
    if let Some(site) = row.site {
        let _ = write!(text, ", spawned at {site}");
    }
    text.push('\n');
}

/// Why backtraces are missing, where it is the same for many.
fn write_notes(text: &mut String, rows: &[Row]) {
    let count = |trace: &Trace| rows.iter().filter(|row| row.trace == *trace).count();
    let too_many = count(&Trace::TooMany);
    if too_many > 0 {
        let _ = writeln!(
            text,
            "\n{} no backtrace here: a dump takes those of {MOST_FRAMES}",
            plural::count_with(too_many, "goroutine", ["has", "have"])
        );
    }
    if count(&Trace::NoLook) > 0 {
        text.push_str(
            "\nno backtraces: this build's context switch (corosensei) cannot tell them\n",
        );
    }
}
