//! What is kept of a descriptor that somebody has waited for.
//!
//! Cells are used again and never freed, so an event that is read late, when its descriptor is
//! gone, finds a cell all the same; the generation, which is part of the event's key, says that it
//! is not meant. Should that be missed, somebody looks once for nothing.

use crate::runtime::{
    clock,
    prims::{AtomicBool, AtomicU32, Ordering},
    sched::poller::ready_word::{ReadyWord, Seen},
};
use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// What a caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// To read, or to accept.
    Read,
    /// To write, or to be connected.
    Write,
}

/// All cells that were ever made.
static CELLS: boxcar::Vec<SourceCell> = boxcar::Vec::new();

/// Those of them that nobody uses.
static FREE: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn lock_free() -> MutexGuard<'static, Vec<u32>> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One descriptor.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct SourceCell {
    /// Its place among the cells.
    index: u32,
    /// Changes when the cell is given back. Written by its user, read by who has an event.
    generation: AtomicU32,
    /// An event has said that the end has come, or that a read may stop before all that there is.
    /// Written by who has the event, before the tick.
    is_odd: AtomicBool,
    read: Readiness,
    write: Readiness,
}

/// One direction.
#[derive(Debug)]
struct Readiness {
    ready: ReadyWord,
    waits: Mutex<Waits>,
}

/// Who waits, and how long one may.
#[derive(Debug, Default)]
struct Waits {
    /// Unparkers, as their `into_raw` gives them. A goroutine or thread stands here once at most.
    waiters: Vec<usize>,
    /// No wait goes on after that.
    deadline: Option<Instant>,
    /// All waits have ended, and there will be none.
    has_ended: bool,
}

/// How a caller that wants to wait goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Begun {
    /// It is in the list, and parks, until this instant at most.
    Waits(Option<Instant>),
    /// There was an event since it looked: it tries again.
    Ready,
    /// The deadline has passed.
    TimedOut,
    /// All waits have been ended.
    Ended,
}

impl Readiness {
    fn new() -> Self {
        Self {
            ready: ReadyWord::new(),
            waits: Mutex::default(),
        }
    }

    /// Nothing panics and no code of the user runs under the lock.
    fn lock(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SourceCell {
    /// A cell for one more descriptor.
    pub(crate) fn take() -> &'static Self {
        let index = lock_free().pop().unwrap_or_else(|| {
            let index = CELLS.push_with(|index| Self {
                index: u32::try_from(index).expect("fewer than 2^32 descriptors"),
                generation: AtomicU32::new(0),
                is_odd: AtomicBool::new(false),
                read: Readiness::new(),
                write: Readiness::new(),
            });
            u32::try_from(index).expect("fewer than 2^32 descriptors")
        });
        &CELLS[index as usize]
    }

    /// The descriptor is gone, and nobody waits for it, but for goroutines of runtimes that have
    /// ended.
    pub(crate) fn give_back(&'static self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
        self.is_odd.store(false, Ordering::Relaxed);
        for way in [&self.read, &self.write] {
            let mut waits = way.lock();
            *waits = Waits {
                waiters: mem::take(&mut waits.waiters),
                ..Waits::default()
            };
            waits.waiters.clear();
            way.ready.settle(true);
        }
        lock_free().push(self.index);
    }

    /// By which the cell is found when there is an event.
    pub(crate) fn key(&self) -> u64 {
        u64::from(self.generation.load(Ordering::Relaxed)) << 32 | u64::from(self.index)
    }

    /// The cell that an event is for; none if it is late.
    pub(crate) fn of(key: u64) -> Option<&'static Self> {
        let cell = CELLS.get(usize::try_from(key & 0xFFFF_FFFF).ok()?)?;
        (cell.key() == key).then_some(cell)
    }

    fn way(&self, direction: Direction) -> &Readiness {
        match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        }
    }

    /// The events so far.
    pub(crate) fn look(&self, direction: Direction) -> Seen {
        self.way(direction).ready.look()
    }

    /// An event says that a short read does not mean that there is no more; before
    /// [`report`](Self::report).
    pub(crate) fn set_odd(&self) {
        // Relaxed: the Release in `report` follows.
        self.is_odd.store(true, Ordering::Relaxed);
    }

    /// Whether a short read says that there was no more; after [`look`](Self::look).
    pub(crate) fn is_short_read_the_last(&self) -> bool {
        // Relaxed: after the Acquire in `look`.
        !self.is_odd.load(Ordering::Relaxed)
    }

    /// An event has come. True: the caller takes the waiters out and wakes them (R2).
    #[must_use]
    pub(crate) fn report(&self, direction: Direction) -> bool {
        self.way(direction).ready.report()
    }

    /// Takes out all who wait, for the caller to unpark them, each once.
    pub(crate) fn take_waiters(&self, direction: Direction, into: &mut Vec<usize>) {
        let way = self.way(direction);
        let mut waits = way.lock();
        into.append(&mut waits.waiters);
        way.ready.settle(true);
    }

    /// Puts a caller in the list, who then parks, unless there is a reason not to (R1). `limit` is
    /// its own, and `caller` its unparker.
    pub(crate) fn begin_wait(
        &self,
        direction: Direction,
        seen: Seen,
        limit: Option<Instant>,
        caller: usize,
    ) -> Begun {
        let way = self.way(direction);
        let mut waits = way.lock();
        if waits.has_ended {
            return Begun::Ended;
        }
        let deadline = waits.deadline.into_iter().chain(limit).min();
        if deadline.is_some_and(|deadline| deadline <= clock::now()) {
            return Begun::TimedOut;
        }
        if !way.ready.begin_wait(seen) {
            way.ready.settle(waits.waiters.is_empty());
            return Begun::Ready;
        }
        waits.waiters.push(caller);
        Begun::Waits(deadline)
    }

    /// Takes a caller out whose time is up; false if it has been taken out already, and will be
    /// unparked.
    #[must_use]
    pub(crate) fn leave(&self, direction: Direction, caller: usize) -> bool {
        let way = self.way(direction);
        let mut waits = way.lock();
        let Some(at) = waits.waiters.iter().position(|&waiter| waiter == caller) else {
            return false;
        };
        waits.waiters.swap_remove(at);
        way.ready.settle(waits.waiters.is_empty());
        true
    }

    /// The instant at which waits end.
    pub(crate) fn deadline(&self, direction: Direction) -> Option<Instant> {
        self.way(direction).lock().deadline
    }

    /// Sets that. The caller then wakes all who wait, so that they look again (R3).
    pub(crate) fn set_deadline(&self, direction: Direction, deadline: Option<Instant>) {
        self.way(direction).lock().deadline = deadline;
    }

    /// Ends all waits. The caller then wakes all who wait (R3).
    pub(crate) fn end(&self) {
        for way in [&self.read, &self.write] {
            way.lock().has_ended = true;
        }
    }

    /// Whether all waits have been ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.read.lock().has_ended
    }
}

/// Whether anybody waits for whom `is_meant` says yes.
pub(crate) fn has_waiter(is_meant: impl Fn(usize) -> bool) -> bool {
    CELLS.iter().any(|(_, cell)| {
        [&cell.read, &cell.write].into_iter().any(|way| {
            let waits = way.lock();
            waits.waiters.iter().any(|&waiter| is_meant(waiter))
        })
    })
}
