//! The one spin lock, for sections of a few dozen instructions: lists of those who wait, lists of
//! children, and the insides of channels.
//!
//! Test-and-test-and-set (Rudolph and Segall, 1984): taking it is one read-modify-write, leaving it
//! one plain store. Nothing parks, allocates or runs user code while it is held, so its holder is
//! either running or was preempted by the kernel; hence who waits for it spins briefly, then gives
//! the processor away between its looks. It is not fair and must not guard long sections.
//!
//! Most users keep a value in the lock and reach it through the guard. A select locks many channels
//! in the order of their addresses, so for it there is also the raw pair
//! [`acquire`](SpinLock::acquire) and [`release`](SpinLock::release).

use crate::runtime::prims::{
    AtomicBool, Ordering, UnsafeCell, const_fn, exclusive, shared, spin_loop, yield_now,
};
use std::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    panic::{RefUnwindSafe, UnwindSafe},
};

/// How a thread waits for a lock that is taken; in pauses of the processor (`spin_loop`).
pub(crate) trait Backoff {
    /// Between the first two looks at the lock. Doubled from look to look.
    const FIRST: u32;
    /// Between two looks, at most.
    const MOST: u32;
    /// In all, before the thread is yielded for the first time. From then on it is yielded after
    /// each look: the holder may be off its core.
    const BEFORE_YIELD: u32;
}

/// For a lock that is seldom waited for: looks all the time.
#[derive(Debug)]
pub(crate) struct Steady;

impl Backoff for Steady {
    const FIRST: u32 = 1;
    const MOST: u32 = 1;
    /// A guess: more than any section of a lock takes.
    const BEFORE_YIELD: u32 = 32;
}

/// For a lock whose holder is likely to take it again: looks less and less often.
///
/// Who holds the lock of a channel most often does several operations in a row, and each look takes
/// the line away from it (four producers and four consumers on two workers: 76 ns a message if the
/// waiter looks all the time, see `chan_4p4c_128`).
#[derive(Debug)]
pub(crate) struct Exponential;

impl Backoff for Exponential {
    const FIRST: u32 = 8;
    const MOST: u32 = 64;
    /// 8, 16, 32 and 64.
    const BEFORE_YIELD: u32 = 120;
}

/// A value that one thread at a time may reach; `B` says how others wait meanwhile.
pub(crate) struct SpinLock<T, B = Steady> {
    locked: AtomicBool,
    value: UnsafeCell<T>,
    backoff: PhantomData<B>,
}

// SAFETY: the lock gives `&mut T` to one thread at a time, so sharing it only ever moves access to
// `T` between threads. There is no `B` in it.
unsafe impl<T: Send, B> Sync for SpinLock<T, B> {}

// No panic happens while it is held (user code never runs there), so an unwinding cannot leave the
// value half changed.
impl<T, B> UnwindSafe for SpinLock<T, B> {}
impl<T, B> RefUnwindSafe for SpinLock<T, B> {}

impl<T, B> SpinLock<T, B> {
    const_fn! {
        /// A free lock around `value`.
        pub(crate) fn new(value: T) -> Self {
            Self {
                locked: AtomicBool::new(false),
                value: UnsafeCell::new(value),
                backoff: PhantomData,
            }
        }
    }

    /// Takes the lock until the guard is dropped, if it is free.
    #[inline(always)]
    pub(crate) fn try_lock(&self) -> Option<SpinGuard<'_, T, B>> {
        // Acquire: pairs with the Release in `release`.
        let was_taken = self.locked.swap(true, Ordering::Acquire);
        if was_taken {
            None
        } else {
            Some(SpinGuard::of_taken(self))
        }
    }

    /// Whether nobody holds the lock; and then what its last holder did has happened before.
    pub(crate) fn is_free(&self) -> bool {
        // Acquire: pairs with the Release in `release`.
        !self.locked.load(Ordering::Acquire)
    }

    /// Leaves the lock.
    ///
    /// # Safety
    /// The caller holds the lock: it owes a `release`, or has a guard that it will not drop.
    #[inline]
    pub(crate) unsafe fn release(&self) {
        // Release: pairs with the Acquires in `try_lock`, `acquire`, `acquire_slow` and `is_free`.
        self.locked.store(false, Ordering::Release);
    }
}

impl<T, B: Backoff> SpinLock<T, B> {
    /// Takes the lock until the guard is dropped; spins, never parks.
    #[inline]
    pub(crate) fn lock(&self) -> SpinGuard<'_, T, B> {
        self.acquire();
        SpinGuard::of_taken(self)
    }

    /// Takes the lock; the caller owes a [`release`](Self::release).
    #[inline]
    pub(crate) fn acquire(&self) {
        // Acquire: pairs with the Release in `release`.
        if self.locked.swap(true, Ordering::Acquire) {
            self.acquire_slow();
        }
    }

    #[cold]
    fn acquire_slow(&self) {
        let (mut pauses, mut total) = (B::FIRST, 0);
        loop {
            for _ in 0..pauses {
                spin_loop();
            }
            // Acquire: pairs with the Release in `release`.
            if !self.locked.load(Ordering::Relaxed) && !self.locked.swap(true, Ordering::Acquire) {
                return;
            }
            if total < B::BEFORE_YIELD {
                total += pauses;
            }
            if total >= B::BEFORE_YIELD {
                // The holder may be off its core.
                yield_now();
            }
            pauses = (pauses * 2).min(B::MOST);
        }
    }
}

impl<T, B> fmt::Debug for SpinLock<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpinLock").finish_non_exhaustive()
    }
}

/// Holds a [`SpinLock`]; releases it when dropped, also when a panic unwinds through the holder.
pub(crate) struct SpinGuard<'a, T, B = Steady> {
    lock: &'a SpinLock<T, B>,
    /// Keeps it off other threads, and so makes a `Sync` bound on `T` unnecessary.
    _not_send: PhantomData<*const ()>,
}

impl<'a, T, B> SpinGuard<'a, T, B> {
    /// For a lock that the caller has just taken.
    #[inline(always)]
    fn of_taken(lock: &'a SpinLock<T, B>) -> Self {
        Self {
            lock,
            _not_send: PhantomData,
        }
    }

    /// The lock that `guard` holds.
    pub(crate) fn lock_of(guard: &Self) -> &'a SpinLock<T, B> {
        guard.lock
    }
}

impl<T, B> Deref for SpinGuard<'_, T, B> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock, so nobody else has a reference to the value.
        unsafe { shared(&self.lock.value) }
    }
}

impl<T, B> DerefMut for SpinGuard<'_, T, B> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock and is borrowed mutably, so this is the only reference.
        unsafe { exclusive(&self.lock.value) }
    }
}

impl<T, B> Drop for SpinGuard<'_, T, B> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: a guard is only made of a lock that was taken for it.
        unsafe { self.lock.release() }
    }
}

impl<T, B> fmt::Debug for SpinGuard<'_, T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpinGuard").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
