//! Who in this process could still run: a snapshot of all runtimes, of the threads parked in them,
//! and of the threads that are not theirs (protocol K in `runtime/README.md`).
//!
//! One snapshot proves nothing: it is not taken in one moment. Two that are equal prove that
//! nothing ran in between.

use crate::runtime::{
    os::{os_threads, park_thread},
    prims::{Ordering, fence, statics::AtomicUsize},
    sched::{poller::deliver, scheduler::Scheduler},
};
use std::{
    ptr,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// All runtimes whose threads have not been ended.
static SCHEDULERS: Mutex<Vec<&'static Scheduler>> = Mutex::new(Vec::new());

fn lock_schedulers() -> MutexGuard<'static, Vec<&'static Scheduler>> {
    SCHEDULERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A runtime starts.
pub(crate) fn enter(scheduler: &'static Scheduler) {
    lock_schedulers().push(scheduler);
}

/// A runtime's threads have been ended. One that has not ended yet counts as foreign from now on.
pub(crate) fn leave(scheduler: &'static Scheduler) {
    lock_schedulers().retain(|other| !ptr::eq(*other, scheduler));
}

/// All runtimes.
pub(crate) fn schedulers() -> Vec<&'static Scheduler> {
    lock_schedulers().clone()
}

/// How many [`OutsideSource`]s there are.
static SOURCES: AtomicUsize = AtomicUsize::new(0);

/// Something outside of all goroutines that may wake one: a socket that is waited for, a signal
/// that is subscribed to, a runtime that is being built. While there is one, nobody speaks of a
/// deadlock.
///
/// Make it before the goroutine can park for it; drop it when it cannot wake anybody any more. Not
/// for hot paths: all share one counter.
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
    SOURCES.load(Ordering::Acquire) > 0 || deliver::has_waiters()
}

/// Lists the calling thread as one of a runtime's own, which does nothing to goroutines that the
/// runtime does not know of, until dropped.
#[derive(Debug)]
pub(crate) struct RegisteredThread<'a> {
    scheduler: &'a Scheduler,
    id: u32,
}

impl<'a> RegisteredThread<'a> {
    pub(crate) fn new(scheduler: &'a Scheduler) -> Self {
        let id = os_threads::own_id();
        lock_ids(scheduler).push(id);
        Self { scheduler, id }
    }
}

impl Drop for RegisteredThread<'_> {
    fn drop(&mut self) {
        lock_ids(self.scheduler).retain(|other| *other != self.id);
    }
}

fn lock_ids(scheduler: &Scheduler) -> MutexGuard<'_, Vec<u32>> {
    let ids = &scheduler.thread_ids;
    ids.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a verdict needs of all runtimes and threads, each part as it was when it was looked at.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// Workers that have been started, all asleep: address and turns.
    workers: Vec<(usize, u64)>,
    /// Plain threads that are parked without a deadline: thread and number of the park.
    pub(crate) waiting: Vec<(u32, u64)>,
    /// All other threads but monitors and idle threads for blocking calls.
    pub(crate) others: Vec<u32>,
}

/// Equal if nothing that the two show has run in between. Other threads may come and go.
impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        self.workers == other.workers && self.waiting == other.waiting
    }
}

impl Snapshot {
    /// `None` if something of some runtime runs, or will go on by itself; or if nobody can tell.
    pub(crate) fn take() -> Option<Self> {
        // SeqCst (K1, K2): what got up or left its park before this is seen to have.
        fence(Ordering::SeqCst);
        let schedulers = schedulers();
        let waiting = park_thread::stuck();
        let mut workers = Vec::new();
        for scheduler in &schedulers {
            if !note_workers(scheduler, &mut workers) {
                return None;
            }
        }
        // SeqCst (K3): after the sleep words, before what can only have been left by those who ran
        // before; partner of the fence in `Monitor::round`.
        fence(Ordering::SeqCst);
        if has_sources() || !schedulers.iter().all(|scheduler| is_still(scheduler)) {
            return None;
        }
        let others = foreign(&schedulers, &waiting)?;
        Some(Self {
            workers,
            waiting,
            others,
        })
    }
}

/// Notes the workers of a runtime; false if one of them is not asleep.
fn note_workers(scheduler: &Scheduler, noted: &mut Vec<(usize, u64)>) -> bool {
    for worker in scheduler.workers() {
        // It has not started yet, or could not be started: it runs nothing.
        if !worker.has_thread() {
            continue;
        }
        if !worker.remote.sleep.is_asleep() {
            return false;
        }
        // After the word (K1): the turns before this sleep.
        let turns = worker.own.turns.load(Ordering::Relaxed);
        noted.push((ptr::from_ref(worker).addr(), turns));
    }
    true
}

/// Whether nothing of a runtime whose workers sleep will go on by itself: no timer is set, the
/// monitor has nothing in its hands, no blocking call is under way, nothing is queued, and no home
/// is held. In this order: the monitor takes from timers, and both give to queues.
fn is_still(scheduler: &Scheduler) -> bool {
    // A timer will wake somebody, when its time has come.
    if scheduler.has_timers() {
        return false;
    }
    !scheduler.has_helpers()
        && !scheduler.has_public_work()
        && !scheduler.has_busy_home()
        && !scheduler.is_closing()
}

/// The threads of this process that are neither a runtime's own nor waiting.
fn foreign(schedulers: &[&'static Scheduler], waiting: &[(u32, u64)]) -> Option<Vec<u32>> {
    let mut known: Vec<u32> = waiting.iter().map(|(id, _)| *id).collect();
    known.extend(lock_resting().iter());
    for scheduler in schedulers {
        known.extend(lock_ids(scheduler).iter());
        known.extend(scheduler.blocking.thread_ids());
    }
    let mut all = os_threads::all()?;
    all.retain(|id| !known.contains(id));
    Some(all)
}

/// The threads of runtimes that have ended, which sleep for ever since goroutines are left in their
/// homes.
static RESTING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn lock_resting() -> MutexGuard<'static, Vec<u32>> {
    RESTING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the calling thread, and so its thread-locals, for the rest of the process. It wakes nobody
/// any more.
pub(crate) fn rest_for_ever(registered: RegisteredThread<'_>) -> ! {
    lock_resting().push(registered.id);
    drop(registered);
    loop {
        thread::sleep(Duration::MAX);
    }
}

/// What the goroutines of a runtime that are stuck may still be woken by.
#[derive(Debug)]
pub(crate) enum WakeSource {
    /// Nobody else can do anything for them.
    None,
    /// Other goroutines, a source outside, or nobody can tell.
    Unclear,
    /// Threads that are not the runtime's.
    Threads(Vec<u32>),
}

/// Whether anybody but the runtime's own workers, one of which calls, could do something for its
/// goroutines.
pub(crate) fn source_for(scheduler: &Scheduler) -> WakeSource {
    // SeqCst (K1, K2): as in `Snapshot::take`.
    fence(Ordering::SeqCst);
    let schedulers = schedulers();
    let waiting = park_thread::stuck();
    let mut others = schedulers
        .iter()
        .filter(|other| !ptr::eq::<Scheduler>(**other, scheduler));
    let still = others.all(|other| note_workers(other, &mut Vec::new()) && is_still(other));
    if !still || has_sources() {
        return WakeSource::Unclear;
    }
    match foreign(&schedulers, &waiting) {
        None => WakeSource::Unclear,
        Some(others) if others.is_empty() => WakeSource::None,
        Some(others) => WakeSource::Threads(others),
    }
}
