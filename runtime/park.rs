//! The one door for blocking: park the caller, be it a goroutine or a plain OS thread.
//!
//! Contract (protocol P in `runtime/README.md`):
//!
//! * A caller takes its own [`Unparker`], publishes it where a waker will find it, then parks.
//! * Each published unparker that a waker *claims* (takes out of a list, under that list's lock) gets exactly one `unpark`.
//! * `park` returns only when that `unpark` has happened, never spuriously. So a waker may touch the parked side
//!   (node on its stack, its task cell) up to and including its `unpark` call, and not after it.
//! * `park_until` may return `TimedOut`. The caller then locks the list: if its node is still linked it unlinks it and is done; if
//!   not, a waker has claimed it and its `unpark` is on the way: the caller must `park` once more to consume it.

use crate::runtime::{
    park_thread::ThreadParker,
    sched::{
        after::After, current, events, roster::WorkerShared, unparker::THREAD_BIT,
        worker::WorkerCore,
    },
    task::header::{PINNED, TaskRef},
};
use std::{ptr::NonNull, thread, time::Instant};

pub(crate) use crate::runtime::{park_thread::Unparked, sched::unparker::Unparker};

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
}

impl WaitReason {
    /// All, in the order of their numbers.
    const ALL: [Self; 17] = [
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
        }
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
    /// Under a `forbid_yield` guard. Here, where nothing is published yet, and not in `park`, which never unwinds.
    #[track_caller]
    pub(crate) fn current() -> Self {
        Self::allowed().unwrap_or_else(|| refuse())
    }

    /// As `current`, but `None` under a `forbid_yield` guard. Does not unwind.
    #[inline]
    pub(crate) fn allowed() -> Option<Self> {
        // SAFETY: the worker is not used.
        match unsafe { current::task() } {
            Some((_, task)) => (task.forbid.get() == 0).then(|| Self(task.as_ptr() as usize)),
            None => (current::thread_forbid() == 0)
                .then(|| Self(ThreadParker::current().as_ptr() as usize | THREAD_BIT)),
        }
    }

    /// As `current`, for a caller who may park as it knows. Does not unwind.
    pub(crate) fn unchecked() -> Self {
        // SAFETY: the worker is not used.
        match unsafe { current::task() } {
            Some((_, task)) => Self(task.as_ptr() as usize),
            None => Self(ThreadParker::current().as_ptr() as usize | THREAD_BIT),
        }
    }
}

/// Parks the caller until its unparker is used.
#[inline]
pub(crate) fn park(reason: WaitReason) {
    // SAFETY: `core` is used up before the goroutine suspends.
    match unsafe { current::task() } {
        Some((core, task)) => park_task(core, task, reason),
        None => ThreadParker::park(),
    }
}

#[inline]
fn park_task(core: &WorkerCore, task: TaskRef, reason: WaitReason) {
    if task.park.take_early() {
        return;
    }
    prepare(core, task, reason);
    core.suspend(task, After::Park);
    task.park.take();
    resumed(task);
}

/// Parks the caller until its unparker is used or `deadline` has passed.
pub(crate) fn park_until(reason: WaitReason, deadline: Instant) -> Unparked {
    // SAFETY: `core` is used up before the goroutine suspends.
    match unsafe { current::task() } {
        Some((core, task)) => park_task_until(core, task, reason, deadline),
        None => ThreadParker::park_until(deadline),
    }
}

fn park_task_until(
    core: &WorkerCore,
    task: TaskRef,
    reason: WaitReason,
    deadline: Instant,
) -> Unparked {
    if task.park.take_early() {
        return Unparked::Notified;
    }
    prepare(core, task, reason);
    let timers: NonNull<WorkerShared> = NonNull::from(core.shared());
    // On the worker that it runs on, which fires between goroutines only (T1).
    let key = core.shared().sleepers.add(deadline, task);
    core.suspend(task, After::Park);
    // SAFETY: the roster of a goroutine that has not ended is alive.
    unsafe { timers.as_ref() }.sleepers.take(key);
    // The timer has fired or never will, so the word has no other writer but the one unpark.
    let notified = task.park.take_timed();
    resumed(task);
    if notified {
        Unparked::Notified
    } else {
        Unparked::TimedOut
    }
}

#[inline]
fn prepare(core: &WorkerCore, task: TaskRef, reason: WaitReason) {
    task.wait.begin(core.roster.time(), reason as u8);
    events::parked(core, task, reason.words());
    if core.roster.config.migrate && thread::panicking() {
        task.set(PINNED);
    }
}

#[inline]
fn resumed(task: TaskRef) {
    task.wait.end();
    if task.has(PINNED) {
        task.clear(PINNED);
    }
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
    // SAFETY: the worker is not used.
    match unsafe { current::task() } {
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
    // SAFETY: `core` is used up before the goroutine suspends.
    match unsafe { current::task() } {
        Some((core, task)) => {
            if task.forbid.get() != 0 {
                refuse();
            }
            if core.has_other_work() {
                prepare(core, task, WaitReason::None);
                core.suspend(task, After::Yield);
                resumed(task);
            }
        }
        None => thread::yield_now(),
    }
}

/// For operations that may be done again and again without a park, as a select that always finds a ready arm: yields if this goroutine has
/// done so for 1 ms. Does nothing on a plain thread, or under a `forbid_yield` guard.
#[inline]
pub(crate) fn take_turns() {
    // SAFETY: the worker is used up before the goroutine suspends.
    if let Some((core, task)) = unsafe { current::task() }
        && core.is_turn_over()
        && task.forbid.get() == 0
        && core.has_work_after_turn()
    {
        prepare(core, task, WaitReason::None);
        core.suspend(task, After::Yield);
        resumed(task);
    }
}

/// Whether the caller would do better to spin a little than to park: another worker may be about to
/// release what is waited for, and this one has nothing else to run.
pub(crate) fn can_spin() -> bool {
    // SAFETY: used up at once.
    match unsafe { current::task() } {
        Some((core, _)) => core.roster.parallel && core.has_nothing_queued(),
        None => true,
    }
}
