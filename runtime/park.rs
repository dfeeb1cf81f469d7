//! The one door for blocking: park the caller, be it a goroutine or a plain OS thread.
//!
//! Contract (see `runtime/README.md`, protocol P):
//!
//! * A caller takes its own [`Unparker`], publishes it where a waker will find it, then parks.
//! * Each published unparker that a waker *claims* (takes out of a list, under that list's lock) gets exactly one `unpark`.
//! * `park` returns only when that `unpark` has happened, never spuriously. So a waker may touch the parked side
//!   (node on its stack, its task cell) up to and including its `unpark` call, and not after it.
//! * `park_until` may return `TimedOut`. The caller then locks the list: if its node is still linked it unlinks it and is done; if
//!   not, a waker has claimed it and its `unpark` is on the way: the caller must `park` once more to consume it.

use std::time::Instant;

/// Why a goroutine is parked; shown in dumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum WaitReason {
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
}

/// How a `park_until` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Unparked {
    /// The one `unpark` came.
    Notified,
    /// The deadline passed first; see the module contract for what the caller owes.
    TimedOut,
}

// TEMPORARY thread-only implementation (the scheduler-backed one replaces it; same names and contract).
use super::park_thread::ThreadParker;

/// Wakes one parked goroutine or thread, once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unparker(std::ptr::NonNull<ThreadParker>);

// SAFETY: it points at the parker of a thread that, by the contract, stays parked until `unpark`.
unsafe impl Send for Unparker {}

impl Unparker {
    /// The unparker of the caller.
    pub(crate) fn current() -> Self {
        Self(ThreadParker::current())
    }

    /// Ends the park that this unparker was published for.
    ///
    /// # Safety
    /// The unparker was claimed by the caller, who calls this once, and whose target has not been unparked for this park before.
    pub(crate) unsafe fn unpark(self) {
        // SAFETY: by the caller's promise the target is parked, or about to, so its parker is alive.
        unsafe { ThreadParker::unpark(self.0) }
    }
}

/// Parks the caller until its unparker is used.
pub(crate) fn park(_reason: WaitReason) {
    ThreadParker::park()
}

/// Parks the caller until its unparker is used or `deadline` has passed.
pub(crate) fn park_until(_reason: WaitReason, deadline: Instant) -> Unparked {
    ThreadParker::park_until(deadline)
}

/// Whether the caller would do better to spin a little than to park: another worker may be about to
/// release what is waited for, and this one has nothing else to run.
pub(crate) fn can_spin() -> bool {
    true
}
