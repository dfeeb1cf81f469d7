//! Who in this process could still run: a photo of all runtimes, of the threads parked in them, and of the threads that are not theirs
//! (protocol K in `runtime/README.md`).
//!
//! One photo proves nothing: it is not taken in one moment. Two that are equal prove that nothing ran in between.

use crate::runtime::{
    os_threads, park_thread,
    prims::{Ordering, fence, statics::AtomicUsize},
    sched::roster::Roster,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All runtimes whose threads have not been ended.
static ROSTERS: Mutex<Vec<Arc<Roster>>> = Mutex::new(Vec::new());

fn lock_rosters() -> MutexGuard<'static, Vec<Arc<Roster>>> {
    ROSTERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A runtime starts.
pub(crate) fn enter(roster: &Arc<Roster>) {
    lock_rosters().push(Arc::clone(roster));
}

/// A runtime's threads have been ended. One that has not ended yet counts as foreign from now on.
pub(crate) fn leave(roster: &Arc<Roster>) {
    lock_rosters().retain(|other| !Arc::ptr_eq(other, roster));
}

/// All runtimes.
pub(crate) fn rosters() -> Vec<Arc<Roster>> {
    lock_rosters().clone()
}

/// How many [`OutsideSource`]s there are.
static SOURCES: AtomicUsize = AtomicUsize::new(0);

/// Something outside of all goroutines that may wake one: a socket that is waited for, a signal that is subscribed to, a runtime that is being built. While
/// there is one, nobody speaks of a deadlock.
///
/// Make it before the goroutine can park for it; drop it when it cannot wake anybody any more. Not for hot paths: all share one counter.
#[derive(Debug)]
pub(crate) struct OutsideSource(());

impl OutsideSource {
    /// Counts one more.
    pub(crate) fn new() -> Self {
        // Relaxed: who makes it runs, and whoever runs is seen.
        SOURCES.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for OutsideSource {
    fn drop(&mut self) {
        // Release (K4): what its holder has woken, for the Acquire in `has_sources`.
        SOURCES.fetch_sub(1, Ordering::Release);
    }
}

fn has_sources() -> bool {
    // Acquire (K4): what those that are gone have woken.
    SOURCES.load(Ordering::Acquire) > 0
}

/// Lists the calling thread as one of a runtime's own, which does nothing to goroutines that the runtime does not know of, until dropped.
#[derive(Debug)]
pub(crate) struct Listed<'a> {
    roster: &'a Roster,
    id: u32,
}

impl<'a> Listed<'a> {
    pub(crate) fn new(roster: &'a Roster) -> Self {
        let id = os_threads::own_id();
        lock_ids(roster).push(id);
        Self { roster, id }
    }
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        lock_ids(self.roster).retain(|other| *other != self.id);
    }
}

fn lock_ids(roster: &Roster) -> MutexGuard<'_, Vec<u32>> {
    let ids = &roster.thread_ids;
    ids.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All that matters, as it was seen one by one.
#[derive(Clone, Debug)]
pub(crate) struct Photo {
    /// Workers that have been started, all asleep: address and turns.
    workers: Vec<(usize, u64)>,
    /// Plain threads that are parked without a deadline: thread and number of the park.
    pub(crate) waiting: Vec<(u32, u64)>,
    /// All other threads but monitors and idle threads for blocking calls.
    pub(crate) others: Vec<u32>,
}

/// Equal if nothing that the two show has run in between. Other threads may come and go.
impl PartialEq for Photo {
    fn eq(&self, other: &Self) -> bool {
        self.workers == other.workers && self.waiting == other.waiting
    }
}

impl Photo {
    /// `None` if something of some runtime runs, or will go on by itself; or if nobody can tell.
    pub(crate) fn take() -> Option<Self> {
        // SeqCst (K1, K2): what got up or left its park before this is seen to have.
        fence(Ordering::SeqCst);
        let rosters = rosters();
        let waiting = park_thread::stuck();
        let mut workers = Vec::new();
        for roster in &rosters {
            if !note_workers(roster, &mut workers) {
                return None;
            }
        }
        // SeqCst (K3): after the sleep words, before what can only have been left by those who ran before; partner of the fence in `Monitor::round`.
        fence(Ordering::SeqCst);
        if has_sources() || !rosters.iter().all(|roster| is_still(roster)) {
            return None;
        }
        let others = foreign(&rosters, &waiting)?;
        Some(Self {
            workers,
            waiting,
            others,
        })
    }
}

/// Notes the workers of a runtime; false if one of them is not asleep.
fn note_workers(roster: &Roster, noted: &mut Vec<(usize, u64)>) -> bool {
    for worker in &roster.workers {
        if worker.thread.get().is_none() {
            continue;
        }
        if !worker.remote.sleep.is_sleeping() {
            return false;
        }
        // After the word (K1): the turns before this sleep.
        let turns = worker.own.ticks.load(Ordering::Relaxed);
        noted.push((std::ptr::from_ref(worker).addr(), turns));
    }
    true
}

/// Whether nothing of a runtime whose workers sleep will go on by itself: no timer is set, the monitor has nothing in its hands, nothing is queued, and no
/// blocking call is under way. In this order: the monitor takes from timers and gives to queues.
fn is_still(roster: &Roster) -> bool {
    if roster.workers.iter().any(|worker| worker.has_timers()) {
        return false;
    }
    // Acquire (K3): what the monitor put back into queues, from the Release in `Monitor::round`.
    let busy = roster.monitor_busy.load(Ordering::Acquire);
    let mut inboxes = roster.workers.iter().map(|w| &w.remote.inbox);
    !busy
        && !roster.has_public_work()
        && inboxes.all(|inbox| inbox.looks_empty())
        && roster.blocking.pending() == 0
        && !roster.is_closing()
}

/// The threads of this process that are neither a runtime's own nor waiting.
fn foreign(rosters: &[Arc<Roster>], waiting: &[(u32, u64)]) -> Option<Vec<u32>> {
    let mut known: Vec<u32> = waiting.iter().map(|(id, _)| *id).collect();
    for roster in rosters {
        known.extend(lock_ids(roster).iter());
        known.extend(roster.blocking.thread_ids());
    }
    let mut all = os_threads::all()?;
    all.retain(|id| !known.contains(id));
    Some(all)
}

/// What `roster`, whose goroutines are stuck, may still hope for.
#[derive(Debug)]
pub(crate) enum Hope {
    /// Nobody else can do anything for it.
    Gone,
    /// Other goroutines, a source outside, or nobody can tell.
    Unclear,
    /// Threads that are not the runtime's.
    Others(Vec<u32>),
}

/// Whether anybody but `roster`'s own workers, one of which calls, could do something for its goroutines.
pub(crate) fn hope_of(roster: &Roster) -> Hope {
    fence(Ordering::SeqCst);
    let rosters = rosters();
    let waiting = park_thread::stuck();
    let mut others = rosters
        .iter()
        .filter(|other| !std::ptr::eq(Arc::as_ptr(other), roster));
    let still = others.all(|other| note_workers(other, &mut Vec::new()) && is_still(other));
    if !still || has_sources() {
        return Hope::Unclear;
    }
    match foreign(&rosters, &waiting) {
        None => Hope::Unclear,
        Some(others) if others.is_empty() => Hope::Gone,
        Some(others) => Hope::Others(others),
    }
}
