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
//! DETACHED + JOINING cannot be: joining consumes the handle. A joiner that gives up before the end
//! turns JOINING into DETACHED. DONE + DETACHED is seen only by the
//! side that set its bit second, which frees.
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
//! Only the holder of the goroutine's home changes the word, with plain stores. A waker elsewhere
//! sends the goroutine to the home's inbox, and its arrival there is the unpark. Whoever takes it
//! out holds the home, so the goroutine is off the processor by then: there is nothing for a commit
//! to race with.
#![forbid(unsafe_code)]

use crate::runtime::prims::{AtomicU8, Ordering};

const DONE_BIT: u8 = 1;
const DETACHED_BIT: u8 = 2;
const JOINING_BIT: u8 = 4;

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
        // Release: the output, for the Acquire in `is_done`, `join` and `detach`. Acquire: the
        // joiner's unparker, from `join`.
        let before = self.0.fetch_or(DONE_BIT, Ordering::AcqRel);
        match before & (DETACHED_BIT | JOINING_BIT) {
            0 => Finished::LeftToHandle,
            JOINING_BIT => Finished::WakeJoiner,
            _ => Finished::Free,
        }
    }

    /// The handle is gone, so nobody else will ever touch the cell.
    pub(crate) fn is_detached(&self) -> bool {
        // Acquire: the handle's last use of the cell, from `detach`.
        self.0.load(Ordering::Acquire) & DETACHED_BIT != 0
    }

    /// The handle is dropped. True: the goroutine had ended, so output and cell are the caller's to
    /// free.
    #[must_use]
    pub(crate) fn detach(&self) -> bool {
        // Acquire: the output, from `finish`. Release: the handle's last use of the cell happens
        // before the free in `finish`.
        self.0.fetch_or(DETACHED_BIT, Ordering::AcqRel) & DONE_BIT != 0
    }

    /// The joiner's unparker is written into the cell; is there anything to wait for?
    pub(crate) fn join(&self) -> Joining {
        // Release: the unparker, for `finish`. Acquire: the output, from `finish`.
        if self.0.fetch_or(JOINING_BIT, Ordering::AcqRel) & DONE_BIT != 0 {
            Joining::Ready
        } else {
            Joining::Wait
        }
    }

    /// The joiner does not wait any more: from now on nobody will ask for the output. False: the
    /// goroutine has ended, and the joiner was or is being unparked.
    #[must_use]
    pub(crate) fn give_up_join(&self) -> bool {
        // Release: the joiner's last use of the cell, for the free after `is_detached` and in
        // `finish`. Acquire on failure: the output, from `finish`.
        self.0
            .compare_exchange(
                JOINING_BIT,
                DETACHED_BIT,
                Ordering::AcqRel,
                Ordering::Acquire,
            )
            .is_ok()
    }

    pub(crate) fn is_done(&self) -> bool {
        // Acquire: the output, from `finish`.
        self.0.load(Ordering::Acquire) & DONE_BIT != 0
    }
}

const NOTIFIED_BIT: u8 = 1;
const PARKED_BIT: u8 = 2;
const TIMEOUT_BIT: u8 = 4;

/// Whether a goroutine is parked, and what ended the park. An atomic for dumps, which read it
/// anywhere.
#[derive(Debug)]
pub(crate) struct ParkWord(AtomicU8);

/// What `notify` or `time_out` leaves to do.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Woken {
    /// It was parked and this call is the first to end that: put it into a queue.
    Enqueue,
    /// It is running, or queued already.
    Nothing,
}

/// All but `looks_parked` are for the holder of the goroutine's home.
impl ParkWord {
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    /// At birth.
    pub(crate) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Consumes an unpark that came before the park. The goroutine itself.
    #[inline]
    pub(crate) fn take_early(&self) -> bool {
        let is_notified = self.0.load(Ordering::Relaxed) & NOTIFIED_BIT != 0;
        if is_notified {
            self.0.store(0, Ordering::Relaxed);
        }
        is_notified
    }

    /// The root, once the stack pointer is saved. False: woken meanwhile, so run it on.
    #[must_use]
    #[inline]
    pub(crate) fn commit(&self) -> bool {
        let is_notified = self.0.load(Ordering::Relaxed) & NOTIFIED_BIT != 0;
        if !is_notified {
            self.0.store(PARKED_BIT, Ordering::Relaxed);
        }
        !is_notified
    }

    /// The one unpark of a park.
    #[inline]
    pub(crate) fn notify(&self) -> Woken {
        self.wake(NOTIFIED_BIT)
    }

    /// The deadline of a park has passed.
    #[inline]
    pub(crate) fn time_out(&self) -> Woken {
        self.wake(TIMEOUT_BIT)
    }

    #[inline]
    fn wake(&self, bit: u8) -> Woken {
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(before | bit, Ordering::Relaxed);
        if before == PARKED_BIT {
            Woken::Enqueue
        } else {
            Woken::Nothing
        }
    }

    /// The goroutine, running again after a park that had no deadline.
    #[inline]
    pub(crate) fn take(&self) {
        debug_assert!(self.0.load(Ordering::Relaxed) & NOTIFIED_BIT != 0);
        self.0.store(0, Ordering::Relaxed);
    }

    /// The goroutine, running again after a park whose timer is cancelled or has fired. True:
    /// notified.
    #[must_use]
    pub(crate) fn take_timed(&self) -> bool {
        let word = self.0.load(Ordering::Relaxed);
        self.0.store(0, Ordering::Relaxed);
        word & NOTIFIED_BIT != 0
    }

    /// Whether the unpark of a suspended goroutine has come; for the holder of its home.
    pub(crate) fn is_notified(&self) -> bool {
        self.0.load(Ordering::Relaxed) & NOTIFIED_BIT != 0
    }

    /// For dumps and for the monitor, from any thread.
    pub(crate) fn looks_parked(&self) -> bool {
        self.0.load(Ordering::Relaxed) == PARKED_BIT
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Finished, Joining, Life};
    use std::sync::atomic::AtomicU8;

    fn life() -> Life {
        Life(AtomicU8::new(0))
    }

    /// Whoever comes last frees the cell, and only he.
    #[test]
    fn a_cell_is_freed_by_the_end_or_by_the_handle() {
        let one = life();
        assert_eq!(one.finish(), Finished::LeftToHandle);
        assert!(one.detach(), "the handle came last");
        let one = life();
        assert!(!one.detach());
        assert_eq!(one.finish(), Finished::Free);
    }

    #[test]
    fn a_joiner_that_has_left_leaves_the_cell_to_the_end() {
        let one = life();
        assert_eq!(one.join(), Joining::Wait);
        assert_eq!(one.finish(), Finished::WakeJoiner);
        assert!(!one.give_up_join(), "it is being woken");
        let one = life();
        assert_eq!(one.join(), Joining::Wait);
        assert!(one.give_up_join());
        assert_eq!(one.finish(), Finished::Free);
        let one = life();
        assert_eq!(one.finish(), Finished::LeftToHandle);
        assert_eq!(one.join(), Joining::Ready);
    }
}
