//! The lock of one channel: a test-and-test-and-set spin lock.
//!
//! A channel's critical sections are a few dozen instructions (look at a counter, move one value, link one node), they never
//! park and never run code of the user (no `Drop`, no `Clone`), so a holder is gone before a parked waiter could be woken.
//! Taking it is one read-modify-write, leaving it one plain store. A caller who has spun [`SPINS`] times yields its OS thread:
//! on an oversubscribed machine the holder may be off its core.
//!
//! Used by `hub` (one lock at a time, through [`Held`]) and by `select` (many, in address order, through the raw pair).

use crate::runtime::prims::{AtomicBool, Ordering};

/// How often a waiter looks at the lock before it offers its core to the holder. A guess: about two cache misses' worth.
const SPINS: u32 = 64;

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
        let mut spins = 0;
        loop {
            while self.taken.load(Ordering::Relaxed) {
                if spins < SPINS {
                    spins += 1;
                    std::hint::spin_loop();
                } else {
                    std::thread::yield_now();
                }
            }
            // Acquire: pairs with the Release in `release`.
            if !self.taken.swap(true, Ordering::Acquire) {
                return;
            }
        }
    }

    /// Leaves the lock.
    ///
    /// # Safety
    /// The caller holds the lock.
    #[inline]
    pub(crate) unsafe fn release(&self) {
        // Release: pairs with the Acquires in `acquire` and `contend`.
        self.taken.store(false, Ordering::Release);
    }
}

/// Proof that the lock is held; dropping it leaves the lock, also when a panic unwinds through the holder.
#[derive(Debug)]
pub(crate) struct Held<'a>(&'a SpinLock);

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a `Held` is only made by `hold`, which took the lock.
        unsafe { self.0.release() }
    }
}
