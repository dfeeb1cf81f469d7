//! The goroutines of a runtime, and what their workers know of them.

use crate::runtime::{
    park::WaitReason,
    prims::Ordering,
    sched::{
        home::{data::Home, held::Held},
        inspect::{
            frames::Frames,
            reply,
            request::{Question, Reply},
        },
        scheduler::Scheduler,
        worker::{current::worker, submit},
    },
    task::{extras, header::TaskHeader, pool, wait::Stamp},
};
use std::{collections::HashMap, panic::Location, ptr, sync::Arc};

/// The most goroutines whose backtraces a dump takes; its workers stand still for some 10 us each
/// (Go has no bound, but nor has it so many goroutines).
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
    /// This build's switch cannot look at a stack.
    NoLook,
    /// The holder of its home did not reply.
    NoReply,
}

/// One goroutine.
#[derive(Debug)]
pub(crate) struct Row {
    cell: *mut TaskHeader,
    pub(crate) id: u64,
    pub(crate) doing: Doing,
    /// For so many seconds.
    pub(crate) seconds: u32,
    /// The number of its home, once it has one.
    pub(crate) home: Option<usize>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) site: Option<&'static Location<'static>>,
    pub(crate) trace: Trace,
}

/// All goroutines of a runtime, by id.
pub(crate) fn of(scheduler: &'static Scheduler) -> Vec<Row> {
    scheduler.keep_time();
    let mut rows = walk(scheduler);
    rows.sort_unstable_by_key(|row| row.id);
    if !scheduler.is_closing() {
        let chosen = choose(&rows);
        ask(scheduler, &mut rows, &chosen);
    }
    rows
}

/// As `of`, but without backtraces.
pub(crate) fn without_traces(scheduler: &'static Scheduler) -> Vec<Row> {
    scheduler.keep_time();
    let mut rows = walk(scheduler);
    rows.sort_unstable_by_key(|row| row.id);
    rows
}

fn walk(scheduler: &'static Scheduler) -> Vec<Row> {
    let mut rows = Vec::new();
    let now = scheduler.time();
    let homes = scheduler.homes();
    let homes: HashMap<_, _> = homes
        .map(|home| (ptr::from_ref(home).addr(), home))
        .collect();
    pool::each_live_cell(|cell, id| {
        let home = cell.home.load(Ordering::Relaxed);
        let home = homes.get(&home.addr()).copied();
        if !cell.is_homeless_in(scheduler.address()) && home.is_none() {
            return;
        }
        let (doing, seconds) = view(cell, home, now);
        let trace = match doing {
            Doing::NotStarted => Trace::NoStack,
            _ => Trace::TooMany,
        };
        rows.push(Row {
            cell: ptr::from_ref(cell).cast_mut(),
            id,
            doing,
            seconds,
            home: home.map(|home| home.index),
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
fn view(cell: &TaskHeader, home: Option<&Home>, now: Stamp) -> (Doing, u32) {
    let Some(home) = home else {
        return (Doing::NotStarted, 0);
    };
    if cell.park.looks_parked() {
        let (reason, since) = cell.wait.get();
        (Doing::Waits(reason), seconds(now, since))
    } else if ptr::eq(home.current(), cell) {
        (Doing::Running, 0)
    } else if cell.coroutine.load(Ordering::Relaxed).is_null() {
        (Doing::NotStarted, 0)
    } else {
        (Doing::Runnable, 0)
    }
}

/// From `since` to `now`; nothing if the two were read out of order.
fn seconds(now: Stamp, since: Stamp) -> u32 {
    Some(now.since(since)).filter(|n| *n < 1 << 23).unwrap_or(0)
}

/// The rows whose backtraces are taken. Each kind of goroutine (spawn site and what it does) has
/// its share, so that the one odd goroutine is among them and not only thousands that are all
/// alike.
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
fn ask(scheduler: &'static Scheduler, rows: &mut Vec<Row>, chosen: &[usize]) {
    let mut questions: Vec<Vec<Question>> = vec![Vec::new(); scheduler.homes.count()];
    let mut places: Vec<Vec<usize>> = vec![Vec::new(); scheduler.homes.count()];
    for &i in chosen {
        let row = &rows[i];
        if let Some(home) = row.home {
            let (cell, id) = (row.cell, row.id);
            questions[home].push(Question { cell, id });
            places[home].push(i);
        }
    }
    let answers = reply::ask(scheduler, questions, give_back);
    let now = scheduler.time();
    let mut gone = vec![false; rows.len()];
    for (places, answers) in places.into_iter().zip(answers) {
        let mut answers = answers.map(Vec::into_iter);
        for i in places {
            match answers.as_mut().map(Iterator::next) {
                Some(answer) => gone[i] = !take(&mut rows[i], answer, now),
                None => rows[i].trace = Trace::NoReply,
            }
        }
    }
    let mut gone = gone.into_iter();
    rows.retain(|_| gone.next() != Some(true));
}

/// Puts an answer into its row; false if the goroutine has ended meanwhile.
fn take(row: &mut Row, answer: Option<Reply>, now: Stamp) -> bool {
    let trace = |frames: Option<Frames>| frames.map_or(Trace::NoLook, Trace::Frames);
    (row.doing, row.seconds, row.trace) = match answer {
        None | Some(Reply::Gone) => return false,
        Some(Reply::Fresh) => (Doing::NotStarted, 0, Trace::NoStack),
        Some(Reply::Running(frames)) => (Doing::Running, 0, trace(frames)),
        Some(Reply::Suspended {
            reason: Some(reason),
            since,
            frames,
        }) => (Doing::Waits(reason), seconds(now, since), trace(frames)),
        Some(Reply::Suspended { frames, .. }) => (Doing::Runnable, 0, trace(frames)),
    };
    true
}

/// Gives up a home that was looked into: to nobody, or to a queue if something has come in.
fn give_back(held: Held) {
    if !held.home().shared.word.give_back() {
        // SAFETY: used up at once.
        submit::schedule(unsafe { worker() }, held.home());
    }
}
