//! The lock of one channel: a test-and-test-and-set spin lock.
//!
//! A channel's critical sections are a few dozen instructions (look at a counter, move one value,
//! link one node), they never park and never run code of the user (no `Drop`, no `Clone`), so a
//! holder is gone before a parked waiter could be woken. Taking it is one read-modify-write,
//! leaving it one plain store. A caller who has waited for some time yields its OS thread: on an
//! oversubscribed machine the holder may be off its core.
//!
//! Used by `core` (one lock at a time, through [`Held`]) and by `select` (many, in address order,
//! through the raw pair).

use crate::runtime::prims::{AtomicBool, Ordering, spin_loop, yield_now};

/// How long a waiter pauses between its first two looks at the lock, and at most, in pauses of the
/// processor.
///
/// It looks less and less often: who holds the lock most often does several operations in a row,
/// and each look takes the line away from it (four producers and four consumers on two workers: 76
/// ns a message if the waiter looks all the time, see `chan_4p4c_128`).
const PAUSES: (u32, u32) = (8, 64);

/// A lock without data.
#[derive(Debug)]
pub(crate) struct SpinLock {
    taken: AtomicBool,
}

impl SpinLock {
    pub(crate) fn new() -> Self {
        Self {
            taken: AtomicBool::new(false),
        }
    }

    /// Takes the lock until the guard is dropped.
    #[inline]
    pub(crate) fn hold(&self) -> Held<'_> {
        self.acquire();
        Held(self)
    }

    /// Takes the lock until the guard is dropped, if it is free.
    #[inline(always)]
    pub(crate) fn try_hold(&self) -> Option<Held<'_>> {
        // Acquire: pairs with the Release in `release`.
        let was_taken = self.taken.swap(true, Ordering::Acquire);
        if was_taken { None } else { Some(Held(self)) }
    }

    /// Takes the lock; the caller owes a [`release`](Self::release).
    #[inline]
    pub(crate) fn acquire(&self) {
        // Acquire: pairs with the Release in `release`.
        if self.taken.swap(true, Ordering::Acquire) {
            self.contend();
        }
    }

    #[cold]
    fn contend(&self) {
        let mut pauses = PAUSES.0;
        loop {
            for _ in 0..pauses {
                spin_loop();
            }
            // Acquire: pairs with the Release in `release`.
            if !self.taken.load(Ordering::Relaxed) && !self.taken.swap(true, Ordering::Acquire) {
                return;
            }
            if pauses < PAUSES.1 {
                pauses *= 2;
            } else {
                // The holder may be off its core.
                yield_now();
            }
        }
    }

    /// Whether nobody holds the lock; and then what its last holder did has happened before.
    pub(crate) fn is_free(&self) -> bool {
        // Acquire: pairs with the Release in `release`.
        !self.taken.load(Ordering::Acquire)
    }

    /// Leaves the lock.
    ///
    /// # Safety
    /// The caller holds the lock.
    #[inline]
    pub(crate) unsafe fn release(&self) {
        // Release: pairs with the Acquires in `acquire`, `contend` and `is_free`.
        self.taken.store(false, Ordering::Release);
    }
}

/// Proof that the lock is held; dropping it leaves the lock, also when a panic unwinds through the
/// holder.
#[derive(Debug)]
pub(crate) struct Held<'a>(&'a SpinLock);

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a `Held` is only made by `hold`, which took the lock.
        unsafe { self.0.release() }
    }
}
