//! The goroutines of a runtime, and what their workers know of them.

use crate::runtime::{
    park::WaitReason,
    prims::Ordering,
    sched::{
        frames::Frames,
        roster::{Roster, WorkerShared},
        survey::{Answer, Question},
    },
    task::{
        extras,
        header::{HOMELESS, TaskHeader},
        pool,
        wait::Stamp,
    },
};
use std::{collections::HashMap, panic::Location, ptr, sync::Arc};

/// The most goroutines whose backtraces a dump takes; its workers stand still for some 10 us each (Go has no bound, but nor has it so many goroutines).
pub(crate) const MOST_FRAMES: usize = 200;

/// What a goroutine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Doing {
    NotStarted,
    Running,
    /// It has run before and waits for its turn.
    Runnable,
    /// It is parked, for the reason with this number.
    Waits(u8),
}

impl Doing {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::NotStarted => "not started",
            Self::Running => "running",
            Self::Runnable => "runnable",
            Self::Waits(reason) => WaitReason::words_of(reason),
        }
    }
}

/// A goroutine's backtrace, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Trace {
    Frames(Frames),
    /// It has no stack yet.
    NoStack,
    /// The dump took those of others.
    TooMany,
    /// It may move between threads, so no thread can look at its stack.
    Moves,
    /// This build's switch cannot look at a stack.
    NoLook,
    /// Its worker did not answer.
    NoAnswer,
}

/// One goroutine.
#[derive(Debug)]
pub(crate) struct Row {
    cell: *mut TaskHeader,
    pub(crate) id: u64,
    pub(crate) doing: Doing,
    /// For so many seconds.
    pub(crate) seconds: u32,
    /// The index of its worker, once it has one.
    pub(crate) home: Option<usize>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) site: Option<&'static Location<'static>>,
    pub(crate) trace: Trace,
}

/// All goroutines of a runtime, by id.
pub(crate) fn of(roster: &Roster) -> Vec<Row> {
    roster.keep_time();
    let mut rows = walk(roster);
    rows.sort_unstable_by_key(|row| row.id);
    if !roster.config.migrate && !roster.is_closing() {
        let chosen = choose(&rows);
        ask(roster, &mut rows, &chosen);
    }
    rows
}

/// As `of`, but without backtraces.
pub(crate) fn without_traces(roster: &Roster) -> Vec<Row> {
    roster.keep_time();
    let mut rows = walk(roster);
    rows.sort_unstable_by_key(|row| row.id);
    rows
}

fn walk(roster: &Roster) -> Vec<Row> {
    let mut rows = Vec::new();
    let now = roster.time();
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
            .position(|w| ptr::eq(w, home.cast::<WorkerShared>()));
        if !homeless && index.is_none() {
            return;
        }
        let (doing, seconds) = glance(cell, index.map(|i| &roster.workers[i]), now);
        let trace = match doing {
            Doing::NotStarted => Trace::NoStack,
            _ if roster.config.migrate => Trace::Moves,
            _ => Trace::TooMany,
        };
        rows.push(Row {
            cell: ptr::from_ref(cell).cast_mut(),
            id,
            doing,
            seconds,
            home: index,
            // SAFETY: `each_cell` holds the lock.
            name: unsafe { extras::name_in_dump(cell, id) },
            // SAFETY: only `&'static Location`s are stored.
            site: unsafe { cell.site.load(Ordering::Relaxed).as_ref() },
            trace,
        });
    });
    rows
}

/// What it looks like from outside, while it goes on.
fn glance(cell: &TaskHeader, home: Option<&WorkerShared>, now: Stamp) -> (Doing, u32) {
    let Some(home) = home else {
        return (Doing::NotStarted, 0);
    };
    if cell.park.looks_parked() {
        let (reason, since) = cell.wait.get();
        (Doing::Waits(reason), seconds(now, since))
    } else if ptr::eq(home.own.current.load(Ordering::Relaxed), cell) {
        (Doing::Running, 0)
    } else if cell.carrier.load(Ordering::Relaxed).is_null() {
        (Doing::NotStarted, 0)
    } else {
        (Doing::Runnable, 0)
    }
}

/// From `since` to `now`; nothing if the two were read out of order.
fn seconds(now: Stamp, since: Stamp) -> u32 {
    Some(now.since(since)).filter(|n| *n < 1 << 23).unwrap_or(0)
}

/// The rows whose backtraces are taken. Each kind of goroutine (spawn site and what it does) has its share, so that the one odd goroutine is among them
/// and not only thousands that are all alike.
fn choose(rows: &[Row]) -> Vec<usize> {
    let wanted = |row: &&Row| row.home.is_some() && row.doing != Doing::NotStarted;
    let kind = |row: &Row| (row.doing, row.site.map(ptr::from_ref));
    let mut kinds: HashMap<_, usize> = HashMap::new();
    for row in rows.iter().filter(wanted) {
        kinds.insert(kind(row), 0);
    }
    let share = (MOST_FRAMES / kinds.len().max(1)).max(1);
    let mut first = Vec::new();
    let mut rest = Vec::new();
    for (i, row) in rows.iter().enumerate().filter(|(_, row)| wanted(row)) {
        let taken = kinds.entry(kind(row)).or_default();
        *taken += 1;
        let to = if *taken <= share {
            &mut first
        } else {
            &mut rest
        };
        if to.len() < MOST_FRAMES {
            to.push(i);
        }
    }
    first.extend(rest);
    first.truncate(MOST_FRAMES);
    first
}

/// Asks the workers about the chosen rows.
fn ask(roster: &Roster, rows: &mut Vec<Row>, chosen: &[usize]) {
    let mut questions: Vec<Vec<Question>> = vec![Vec::new(); roster.workers.len()];
    let mut places: Vec<Vec<usize>> = vec![Vec::new(); roster.workers.len()];
    for &i in chosen {
        let row = &rows[i];
        if let Some(home) = row.home {
            let (cell, id) = (row.cell, row.id);
            questions[home].push(Question { cell, id });
            places[home].push(i);
        }
    }
    let answers = roster.ask(questions);
    let now = roster.time();
    let mut gone = vec![false; rows.len()];
    for (places, answers) in places.into_iter().zip(answers) {
        let mut answers = answers.map(Vec::into_iter);
        for i in places {
            match answers.as_mut().map(Iterator::next) {
                Some(answer) => gone[i] = !take(&mut rows[i], answer, now),
                None => rows[i].trace = Trace::NoAnswer,
            }
        }
    }
    let mut gone = gone.into_iter();
    rows.retain(|_| gone.next() != Some(true));
}

/// Puts an answer into its row; false if the goroutine has ended meanwhile.
fn take(row: &mut Row, answer: Option<Answer>, now: Stamp) -> bool {
    let trace = |frames: Option<Frames>| frames.map_or(Trace::NoLook, Trace::Frames);
    (row.doing, row.seconds, row.trace) = match answer {
        None | Some(Answer::Gone) => return false,
        Some(Answer::Fresh) => (Doing::NotStarted, 0, Trace::NoStack),
        Some(Answer::Running(frames)) => (Doing::Running, 0, trace(frames)),
        Some(Answer::Suspended {
            reason: Some(reason),
            since,
            frames,
        }) => (Doing::Waits(reason), seconds(now, since), trace(frames)),
        Some(Answer::Suspended { frames, .. }) => (Doing::Runnable, 0, trace(frames)),
    };
    true
}
