//! The process's poller: what is watched, and who sleeps in it.

use crate::runtime::{
    os::futex,
    os_poller::{Events, Limit, OsPoller},
    prims::{Ordering, statics::AtomicUsize},
    sched::{
        idle::sleep_word::Sleeper,
        poller::{
            cell::{Direction, SourceCell},
            lookout::Lookout,
        },
        worker::shared::WorkerShared,
    },
};
use std::{
    ffi::c_int,
    io, ptr,
    sync::{Mutex, OnceLock, PoisonError},
};

/// Made for the first descriptor that somebody waits for.
static OS: OnceLock<OsPoller> = OnceLock::new();

/// Held while it is made.
static OPENING: Mutex<()> = Mutex::new(());

/// How many descriptors are watched.
static WATCHED: AtomicUsize = AtomicUsize::new(0);

/// Who sleeps in it, by the worker's address.
static LOOKOUT: Lookout = Lookout::new();

/// Whether any descriptor is watched, so that looking can pay.
#[inline]
pub(crate) fn is_open() -> bool {
    // Relaxed: a hint. Whoever enrols is awake, or wakes somebody, and looks when it goes to sleep.
    WATCHED.load(Ordering::Relaxed) > 0
}

/// Whether a sleeping worker gets up for events.
#[inline]
pub(crate) fn has_lookout() -> bool {
    LOOKOUT.is_taken()
}

/// Whether a worker that is awake should look: something is watched, and nobody sleeps for it.
#[inline]
pub(crate) fn is_unattended() -> bool {
    is_open() && !has_lookout()
}

fn opened() -> io::Result<&'static OsPoller> {
    if let Some(os) = OS.get() {
        return Ok(os);
    }
    let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(os) = OS.get() {
        return Ok(os);
    }
    let new = OsPoller::open()?;
    Ok(OS.get_or_init(|| new))
}

/// Begins to watch a descriptor. What it can do already is an event.
///
/// # Errors
/// The system's: no descriptors or no memory left; or it cannot watch this kind.
pub(crate) fn enrol(fd: c_int, cell: &SourceCell) -> io::Result<()> {
    let os = opened()?;
    // Before the first event, so that nobody goes to sleep without a look at the poller.
    WATCHED.fetch_add(1, Ordering::Relaxed);
    let added = os.add(fd, cell.key());
    if added.is_err() {
        WATCHED.fetch_sub(1, Ordering::Relaxed);
    }
    added
}

/// Ends that, before the descriptor is closed.
pub(crate) fn leave(fd: c_int) {
    if let Some(os) = OS.get() {
        os.remove(fd);
        WATCHED.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a look into the poller has brought: buffers that are used again.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Made for the first look.
    events: Option<Events>,
    /// The directions of descriptors that somebody waits for, as the look has shown.
    pub(crate) ready: Vec<(&'static SourceCell, Direction)>,
}

impl Found {
    /// Whether somebody is to be woken.
    #[inline]
    pub(crate) fn is_any(&self) -> bool {
        !self.ready.is_empty()
    }
}

/// Looks for events, and notes who waits for them. Wakes nobody yet: a caller that sleeps has to
/// get up first (N2).
pub(crate) fn look(found: &mut Found, limit: Limit) {
    let Some(os) = OS.get() else {
        return;
    };
    let Found { events, ready } = found;
    let events = events.get_or_insert_with(Events::new);
    os.wait(events, limit);
    for event in events.iter() {
        let Some(cell) = SourceCell::of(event.key) else {
            continue;
        };
        if event.is_odd {
            cell.set_odd();
        }
        for (is_ready, direction) in [
            (event.is_readable, Direction::Read),
            (event.is_writable, Direction::Write),
        ] {
            if is_ready && cell.report(direction) {
                ready.push((cell, direction));
            }
        }
    }
}

/// Becomes the lookout, if nobody is (see [`Lookout::stand`]).
#[must_use]
pub(crate) fn stand_lookout(worker: &WorkerShared) -> bool {
    LOOKOUT.stand(ptr::from_ref(worker).addr())
}

/// The lookout gets up.
pub(crate) fn stand_down() {
    LOOKOUT.stand_down();
}

/// Wakes the thread of a worker whose sleep word the caller has changed: it sleeps in the poller,
/// or on the word.
pub(crate) fn rouse(worker: &WorkerShared, sleeper: Sleeper) {
    if !nudge(worker) {
        futex::wake_one(worker.remote.sleep.waits_on(sleeper).0);
    }
}

/// Ends the wait of this worker in the poller. False: it is not the lookout.
fn nudge(worker: &WorkerShared) -> bool {
    let Some(os) = OS.get() else {
        return false;
    };
    let is_lookout = LOOKOUT.is_at(ptr::from_ref(worker).addr());
    if is_lookout {
        os.nudge();
    }
    is_lookout
}
