//! The two state words of a goroutine, as verbs. No unsafe code.
//!
//! `Life` (who frees the cell):
//!
//! | bits | meaning |
//! |---|---|
//! | none | not finished; a handle exists |
//! | DETACHED | not finished; nobody will ask for the output |
//! | JOINING | not finished; a joiner's unparker is in the cell |
//! | DONE | finished; the handle owns output and cell |
//! | DONE + JOINING | finished; the joiner was or is being unparked and owns output and cell |
//!
//! DETACHED + JOINING cannot be: joining consumes the handle. DONE + DETACHED is seen only by the side that set its bit second, which frees.
//!
//! `ParkWord` (protocol P in `runtime/README.md`):
//!
//! | bits | meaning |
//! |---|---|
//! | none | running, or on its way to park |
//! | NOTIFIED | the one unpark came before the park was committed |
//! | PARKED | parked: stack pointer saved, in no queue |
//! | PARKED + NOTIFIED and/or TIMEOUT | woken: whoever set the first of the two put it into a queue |
//!
//! MOVABLE stands beside them, set at birth for good in migration mode. Then any thread changes the word, atomically: commit against unpark against timer.
//! Without it only the home worker's thread does, with plain stores: a waker elsewhere puts the goroutine into the home's inbox, and its arrival there is the
//! unpark. The thread that takes it out is the one that the goroutine runs on, so it is off the CPU by then: there is nothing to commit.
#![forbid(unsafe_code)]

use crate::runtime::prims::{AtomicU8, Ordering};

const DONE: u8 = 1;
const DETACHED: u8 = 2;
const JOINING: u8 = 4;

/// Who frees the cell; see the table above.
#[derive(Debug)]
pub(crate) struct Life(AtomicU8);

/// What the goroutine's end leaves to do.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Finished {
    /// The handle is alive and will take the output.
    LeftToHandle,
    /// The handle went just now: drop the output, free the cell.
    Free,
    /// A joiner waits: read its unparker, then unpark it, and do not touch the cell after.
    WakeJoiner,
}

/// What asking for the output found.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Joining {
    /// The output is there.
    Ready,
    /// Park: the end will unpark the joiner.
    Wait,
}

impl Life {
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    pub(crate) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// The goroutine has ended and its output is written.
    pub(crate) fn finish(&self) -> Finished {
        // Release: the output, for the Acquire in `is_done`, `join` and `detach`. Acquire: the joiner's unparker, from `join`.
        let before = self.0.fetch_or(DONE, Ordering::AcqRel);
        match before & (DETACHED | JOINING) {
            0 => Finished::LeftToHandle,
            JOINING => Finished::WakeJoiner,
            _ => Finished::Free,
        }
    }

    /// The handle is gone, so nobody else will ever touch the cell.
    pub(crate) fn is_detached(&self) -> bool {
        // Acquire: the handle's last use of the cell, from `detach`.
        self.0.load(Ordering::Acquire) & DETACHED != 0
    }

    /// The handle is dropped. True: the goroutine had ended, so output and cell are the caller's to free.
    #[must_use]
    pub(crate) fn detach(&self) -> bool {
        // Acquire: the output, from `finish`. Release: the handle's last use of the cell happens before the free in `finish`.
        self.0.fetch_or(DETACHED, Ordering::AcqRel) & DONE != 0
    }

    /// The joiner's unparker is written into the cell; is there anything to wait for?
    pub(crate) fn join(&self) -> Joining {
        // Release: the unparker, for `finish`. Acquire: the output, from `finish`.
        if self.0.fetch_or(JOINING, Ordering::AcqRel) & DONE != 0 {
            Joining::Ready
        } else {
            Joining::Wait
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        // Acquire: the output, from `finish`.
        self.0.load(Ordering::Acquire) & DONE != 0
    }
}

const NOTIFIED: u8 = 1;
const PARKED: u8 = 2;
const TIMEOUT: u8 = 4;
const MOVABLE: u8 = 8;

/// Whether a goroutine is parked, and what ended the park.
#[derive(Debug)]
pub(crate) struct ParkWord(AtomicU8);

/// What `unpark` or a timer must do next.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Woken {
    /// It was parked and this call is the first to end that: put it into a queue.
    Enqueue,
    /// It is running, or queued already.
    Nothing,
}

impl ParkWord {
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    /// At birth.
    pub(crate) fn reset(&self, movable: bool) {
        let word = if movable { MOVABLE } else { 0 };
        self.0.store(word, Ordering::Relaxed);
    }

    /// Whether the goroutine may move between threads; never changes.
    #[inline]
    pub(crate) fn is_movable(&self) -> bool {
        self.0.load(Ordering::Relaxed) & MOVABLE != 0
    }

    /// Consumes an unpark that came before the park. The goroutine itself.
    #[inline]
    pub(crate) fn take_early(&self) -> bool {
        // Acquire (P3): what the waker did before its unpark (P2).
        let word = self.0.load(Ordering::Acquire);
        if word & NOTIFIED == 0 {
            return false;
        }
        self.0.store(word & MOVABLE, Ordering::Relaxed);
        true
    }

    /// The worker, once the stack pointer is saved. False: woken meanwhile, so run it on.
    #[must_use]
    #[inline]
    pub(crate) fn commit(&self) -> bool {
        let word = self.0.load(Ordering::Relaxed);
        if word & MOVABLE == 0 {
            if word & NOTIFIED != 0 {
                return false;
            }
            self.0.store(PARKED, Ordering::Relaxed);
            return true;
        }
        // Release (P1): the saved stack pointer, for the Acquire in `wake` (P2). Acquire on failure (P3): the waker's writes.
        self.0
            .compare_exchange(
                MOVABLE,
                MOVABLE | PARKED,
                Ordering::Release,
                Ordering::Acquire,
            )
            .is_ok()
    }

    /// The one unpark of a homed goroutine's park; on its home's thread.
    #[inline]
    pub(crate) fn notify_home(&self) -> Woken {
        self.wake_home(NOTIFIED)
    }

    /// The deadline of a homed goroutine's park has passed; on its home's thread.
    pub(crate) fn time_out_home(&self) -> Woken {
        self.wake_home(TIMEOUT)
    }

    #[inline]
    fn wake_home(&self, bit: u8) -> Woken {
        let before = self.0.load(Ordering::Relaxed);
        debug_assert!(before & MOVABLE == 0);
        self.0.store(before | bit, Ordering::Relaxed);
        if before == PARKED {
            Woken::Enqueue
        } else {
            Woken::Nothing
        }
    }

    /// The one unpark of a park.
    pub(crate) fn notify(&self) -> Woken {
        self.wake(NOTIFIED)
    }

    /// The deadline of a park has passed.
    pub(crate) fn time_out(&self) -> Woken {
        self.wake(TIMEOUT)
    }

    fn wake(&self, bit: u8) -> Woken {
        // Release (P2): the waker's writes, for `take_early`, a commit that fails, and `take_timed` (P3). Acquire: the saved stack pointer (P1).
        // An addition sets the bit: each is set at most once a park. (An or whose old value is needed is a loop on x86.)
        let before = self.0.fetch_add(bit, Ordering::AcqRel);
        debug_assert!(before & bit == 0);
        if before & PARKED != 0 && before & (NOTIFIED | TIMEOUT) == 0 {
            Woken::Enqueue
        } else {
            Woken::Nothing
        }
    }

    /// The goroutine, running again after a park that had no deadline.
    pub(crate) fn take(&self) {
        // Relaxed: the unpark happened before this, by way of the queue or of the failed commit. So the waker's writes have come, and nobody else
        // writes now.
        debug_assert!(self.0.load(Ordering::Relaxed) & NOTIFIED != 0);
        let word = self.0.load(Ordering::Relaxed);
        self.0.store(word & MOVABLE, Ordering::Relaxed);
    }

    /// The goroutine, running again after a park whose timer is cancelled or has fired. True: notified.
    #[must_use]
    pub(crate) fn take_timed(&self) -> bool {
        // Acquire (P3): the waker's writes, if it was the waker. A swap, since the unpark may come at this very moment.
        let word = self.0.load(Ordering::Relaxed);
        if word & MOVABLE == 0 {
            self.0.store(0, Ordering::Relaxed);
            return word & NOTIFIED != 0;
        }
        self.0.swap(MOVABLE, Ordering::Acquire) & NOTIFIED != 0
    }

    /// For dumps only.
    pub(crate) fn looks_parked(&self) -> bool {
        self.0.load(Ordering::Relaxed) & !MOVABLE == PARKED
    }
}
