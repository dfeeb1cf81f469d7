//! The one door for blocking: park the caller, be it a goroutine or a plain OS thread.
//!
//! Contract (protocol P in `runtime/README.md`):
//!
//! * A caller takes its own [`Unparker`], publishes it where a waker will find it, then parks.
//! * Each published unparker that a waker *claims* (takes out of a list, under that list's lock)
//!   gets exactly one `unpark`.
//! * `park` returns only when that `unpark` has happened, never spuriously. So a waker may touch
//!   the parked side (node on its stack, its task cell) up to and including its `unpark` call, and
//!   not after it.
//! * `park_until` may return `TimedOut`. The caller then locks the list: if its node is still
//!   linked it unlinks it and is done; if not, a waker has claimed it and its `unpark` is on the
//!   way: the caller must `park` once more to consume it.

use crate::runtime::{
    coroutine::Coroutine,
    on_abandon::OnAbandon,
    os::park_thread::ThreadParker,
    sched::{
        events, explorer,
        home::{after::After, current, held::Held},
        scheduler::Scheduler,
        spans,
        unparker::THREAD_BIT,
        worker::{coop, current::worker_in},
    },
    task::header::TaskRef,
};
use std::{thread, time::Instant};

pub(crate) use crate::runtime::{
    os::park_thread::Unparked,
    sched::{unparker::Unparker, worker::submit::Delivery},
};

/// Why a goroutine is parked; shown in dumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum WaitReason {
    /// Not parked yet.
    None,
    /// Sending on a channel.
    ChanSend,
    /// Receiving from a channel.
    ChanRecv,
    /// In `select!`.
    Select,
    /// Locking a `Mutex`.
    Mutex,
    /// Locking a `RwMutex` for reading.
    RwMutexRead,
    /// Locking a `RwMutex` for writing.
    RwMutexWrite,
    /// In `WaitGroup::wait`.
    WaitGroup,
    /// Waiting for another's initialisation.
    Once,
    /// Waiting on a condition variable.
    Cond,
    /// Waiting for permits.
    Semaphore,
    /// Waiting at a barrier.
    Barrier,
    /// Waiting for a goroutine's end.
    Join,
    /// In `sleep`.
    Sleep,
    /// Waiting for a call on a blocking thread.
    Blocking,
    /// Waiting for a future.
    Future,
    /// Waiting until all others of the bubble are blocked.
    Settle,
    /// Waiting for a descriptor.
    Io,
}

impl WaitReason {
    /// All, in the order of their numbers.
    const ALL: [Self; 18] = [
        Self::None,
        Self::ChanSend,
        Self::ChanRecv,
        Self::Select,
        Self::Mutex,
        Self::RwMutexRead,
        Self::RwMutexWrite,
        Self::WaitGroup,
        Self::Once,
        Self::Cond,
        Self::Semaphore,
        Self::Barrier,
        Self::Join,
        Self::Sleep,
        Self::Blocking,
        Self::Future,
        Self::Settle,
        Self::Io,
    ];

    /// The words for dumps, as Go has them where Go has the thing.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::None => "running",
            Self::ChanSend => "chan send",
            Self::ChanRecv => "chan receive",
            Self::Select => "select",
            Self::Mutex => "sync.Mutex.lock",
            Self::RwMutexRead => "sync.RwMutex.read",
            Self::RwMutexWrite => "sync.RwMutex.write",
            Self::WaitGroup => "sync.WaitGroup.wait",
            Self::Once => "sync.Once",
            Self::Cond => "sync.Cond.wait",
            Self::Semaphore => "semacquire",
            Self::Barrier => "sync.Barrier.wait",
            Self::Join => "join",
            Self::Sleep => "sleep",
            Self::Blocking => "blocking call",
            Self::Future => "block_on",
            Self::Settle => "testing.wait",
            Self::Io => "IO wait",
        }
    }

    /// Whether the caller waits until others have ended, and so keeps nobody from running in its
    /// home.
    #[inline]
    const fn is_for_end(self) -> bool {
        matches!(self, Self::Join | Self::WaitGroup)
    }

    /// The words for a number from a task's header.
    pub(crate) fn words_of(number: u8) -> &'static str {
        Self::ALL
            .get(usize::from(number))
            .map_or("unknown", |r| r.words())
    }
}

impl Unparker {
    /// The unparker of the caller, who is going to park.
    ///
    /// # Panics
    /// Under a `forbid_yield` guard. Here, where nothing is published yet, and not in `park`, which
    /// never unwinds.
    #[track_caller]
    pub(crate) fn current() -> Self {
        Self::allowed().unwrap_or_else(|| refuse())
    }

    /// As `current`, but `None` under a `forbid_yield` guard. Does not unwind.
    #[inline]
    pub(crate) fn allowed() -> Option<Self> {
        match current::task() {
            Some((_, task)) => (task.forbid.get() == 0).then(|| Self(task.as_ptr() as usize)),
            None => (current::thread_forbid() == 0)
                .then(|| Self(ThreadParker::current().as_ptr() as usize | THREAD_BIT)),
        }
    }

    /// As `current`, for a caller who may park as it knows. Does not unwind.
    pub(crate) fn unchecked() -> Self {
        match current::task() {
            Some((_, task)) => Self(task.as_ptr() as usize),
            None => Self(ThreadParker::current().as_ptr() as usize | THREAD_BIT),
        }
    }
}

/// Says what is to be done if the caller's goroutine is suspended and never runs again, because its
/// runtime has ended; `None`: nothing. On a plain thread this does nothing: threads do not end
/// while they are parked.
///
/// # Safety
/// What is said may be done until `None` is said, which is before what it lies on is gone.
#[inline]
pub(crate) unsafe fn set_on_abandon(what: Option<OnAbandon>) {
    if let Some((here, _)) = current::task()
        && let Some(coroutine) = here.coroutine.get()
    {
        // SAFETY: the caller is its goroutine.
        unsafe { Coroutine::on_abandon(coroutine) }.set(what);
    }
}

/// Parks the caller until its unparker is used.
#[inline]
pub(crate) fn park(reason: WaitReason) {
    match current::task() {
        Some((here, task)) => park_task(here, task, reason),
        None => ThreadParker::park(),
    }
}

#[inline(always)]
fn park_task(here: Held, task: TaskRef, reason: WaitReason) {
    if task.park.take_early() {
        return;
    }
    let is_join = reason.is_for_end();
    if is_join {
        here.begin_join(task);
    }
    prepare(here, task, reason);
    suspend(here, task, After::Park);
    task.park.take();
    task.wait.end();
    if is_join {
        here.end_join();
    }
}

/// Parks the caller until its unparker is used or `deadline` has passed.
pub(crate) fn park_until(reason: WaitReason, deadline: Instant) -> Unparked {
    match current::task() {
        Some((here, task)) => park_task_until(here, task, reason, deadline),
        None => ThreadParker::park_until(deadline),
    }
}

#[inline(never)]
fn park_task_until(here: Held, task: TaskRef, reason: WaitReason, deadline: Instant) -> Unparked {
    if task.park.take_early() {
        return Unparked::Notified;
    }
    prepare(here, task, reason);
    // With the worker that it runs on; whoever fires the timer leaves it to this home's holder,
    // which is this worker until the park is committed (T1). SAFETY: used up before the goroutine
    // suspends. The shared side lives on.
    let timers = unsafe { worker_in(here) }.shared;
    let key = timers.park_timers.add(deadline, task);
    suspend(here, task, After::Park);
    if timers.park_timers.take(key).is_none() {
        // It has fired, and may wait for this home's holder (T3).
        here.take_late();
    }
    // So the word has no other writer but the one unpark.
    let notified = task.park.take_timed();
    task.wait.end();
    if notified {
        Unparked::Notified
    } else {
        Unparked::TimedOut
    }
}

#[inline]
fn prepare(here: Held, task: TaskRef, reason: WaitReason) {
    task.wait
        .begin(Scheduler::of(here.home()).time(), reason as u8);
    events::parked(here, task, reason.words());
}

/// Suspends the caller, who takes the spans of `tracing` that it has entered along.
#[inline(always)]
fn suspend(here: Held, task: TaskRef, after: After) {
    if spans::may_be_entered() {
        suspend_traced(here, task, after);
    } else {
        here.suspend(task, after);
    }
}

#[cold]
#[inline(never)]
fn suspend_traced(here: Held, task: TaskRef, after: After) {
    let spans = spans::leave(here, task);
    here.suspend(task, after);
    if let Some(spans) = spans {
        spans.enter_again(here, task);
    }
}

/// Whether the caller is a goroutine.
pub(crate) fn is_goroutine() -> bool {
    current::task().is_some()
}

/// Refuses under a `forbid_yield` guard.
#[track_caller]
pub(crate) fn check_may_park() {
    if !may_park() {
        refuse();
    }
}

/// Whether no `forbid_yield` guard of the caller is alive.
pub(crate) fn may_park() -> bool {
    match current::task() {
        Some((_, task)) => task.forbid.get() == 0,
        None => current::thread_forbid() == 0,
    }
}

/// Panics about a `forbid_yield` guard.
#[cold]
#[track_caller]
pub(crate) fn refuse() -> ! {
    panic!(
        "gort: a call that may park or yield under a `forbid_yield` guard; drop the guard before it"
    );
}

/// Gives other goroutines a turn, or other threads.
pub(crate) fn yield_now() {
    match current::task() {
        Some((here, task)) => {
            if task.forbid.get() != 0 {
                refuse();
            }
            // SAFETY: used up before the goroutine suspends.
            if coop::has_other_work(unsafe { worker_in(here) }, here) {
                suspend_to_yield(here, task);
            }
        }
        None => thread::yield_now(),
    }
}

#[inline]
fn suspend_to_yield(here: Held, task: TaskRef) {
    prepare(here, task, WaitReason::None);
    suspend(here, task, After::Yield);
    task.wait.end();
}

/// Whether a test of this process chooses a schedule now.
pub(crate) fn is_explored() -> bool {
    explorer::is_any()
}

/// Where an operation begins that others might come before: lets them, if a test that chooses the
/// schedule says so.
#[inline]
pub(crate) fn explore() {
    if explorer::is_any() {
        explore_slow();
    }
}

#[cold]
fn explore_slow() {
    let Some((here, task)) = current::task() else {
        return;
    };
    if let Some(explorer) = &Scheduler::of(here.home()).explorer
        && task.forbid.get() == 0
        && explorer.yields_here()
    {
        suspend_to_yield(here, task);
    }
}

/// A number below `n`, which is not 0, by the dice of a test that chooses the schedule.
#[inline]
pub(crate) fn explored_choice(n: usize) -> Option<usize> {
    if !explorer::is_any() {
        return None;
    }
    let (here, _) = current::task()?;
    let explorer = Scheduler::of(here.home()).explorer.as_ref()?;
    Some(explorer.below(n))
}

/// For operations that may be done again and again without a park, as a select that always finds a
/// ready arm: yields if this goroutine has done so for 1 ms. Does nothing on a plain thread, or
/// under a `forbid_yield` guard.
#[inline]
pub(crate) fn yield_if_over_budget() {
    explore();
    if let Some((here, task)) = current::task()
        // SAFETY: used up before the goroutine suspends.
        && coop::is_over_budget(unsafe { worker_in(here) })
    {
        yield_over_budget(here, task, None);
    }
}

/// As [`yield_if_over_budget`], for a caller that holds what others wait for: if it yields and
/// never runs again, `what` is done.
///
/// # Safety
/// `what` may be done until this returns.
#[inline]
pub(crate) unsafe fn yield_if_over_budget_or(what: OnAbandon) {
    if explorer::is_any() {
        // SAFETY: passed on; and taken back at once.
        unsafe { set_on_abandon(Some(what)) };
        explore_slow();
        // SAFETY: none.
        unsafe { set_on_abandon(None) };
    }
    if let Some((here, task)) = current::task()
        // SAFETY: used up before the goroutine suspends.
        && coop::is_over_budget(unsafe { worker_in(here) })
    {
        yield_over_budget(here, task, Some(what));
    }
}

#[cold]
fn yield_over_budget(here: Held, task: TaskRef, what: Option<OnAbandon>) {
    // SAFETY: used up before the goroutine suspends.
    if task.forbid.get() == 0 && coop::has_work_over_budget(unsafe { worker_in(here) }, here) {
        // SAFETY: passed on; and taken back below.
        unsafe { set_on_abandon(what) };
        suspend_to_yield(here, task);
        // SAFETY: none.
        unsafe { set_on_abandon(None) };
    }
}

/// Whether the caller would do better to spin a little than to park: another worker may be about to
/// release what is waited for, and this one has nothing else to run.
pub(crate) fn can_spin() -> bool {
    match current::task() {
        Some((here, _)) => {
            // SAFETY: used up at once.
            let worker = unsafe { worker_in(here) };
            worker.scheduler.parallel && worker.has_nothing_queued(here)
        }
        None => true,
    }
}
