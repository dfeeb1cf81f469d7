//! A tiny spin lock for sections of a few dozen instructions: the waiter lists of the locks above
//! it.
//!
//! Test-and-test-and-set (Rudolph and Segall, 1984). Nothing parks, allocates or runs user code
//! while it is held, so its holder is either running or was preempted by the kernel; hence waiting
//! spins briefly, then gives the processor away. It is not fair and must not guard long sections.

use crate::runtime::prims::{
    AtomicBool, Ordering, UnsafeCell, const_fn, exclusive, shared, spin_loop, yield_now,
};
use std::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    panic::{RefUnwindSafe, UnwindSafe},
};

/// Pauses before each `yield_now`. A guess: more than any section guarded by it takes.
const PAUSES_BEFORE_YIELD: u32 = 32;

/// A value that one thread at a time may reach.
pub(crate) struct SpinLock<T> {
    locked: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the lock gives `&mut T` to one thread at a time, so sharing it only ever moves access to
// `T` between threads.
unsafe impl<T: Send> Sync for SpinLock<T> {}

// No panic happens while it is held (user code never runs there), so an unwinding cannot leave the
// value half changed.
impl<T> UnwindSafe for SpinLock<T> {}
impl<T> RefUnwindSafe for SpinLock<T> {}

impl<T> SpinLock<T> {
    const_fn! {
        /// A free lock around `value`.
        pub(crate) fn new(value: T) -> Self {
            Self {
                locked: AtomicBool::new(false),
                value: UnsafeCell::new(value),
            }
        }
    }

    /// Takes the lock; spins, never parks.
    #[inline]
    pub(crate) fn lock(&self) -> SpinGuard<'_, T> {
        // Acquire: pairs with the Release in `SpinGuard::drop`.
        if self.locked.swap(true, Ordering::Acquire) {
            self.lock_slow();
        }
        SpinGuard {
            lock: self,
            _not_send: PhantomData,
        }
    }

    #[cold]
    fn lock_slow(&self) {
        let mut pauses = 0;
        loop {
            while self.locked.load(Ordering::Relaxed) {
                if pauses < PAUSES_BEFORE_YIELD {
                    pauses += 1;
                    spin_loop();
                } else {
                    yield_now();
                }
            }
            // Acquire: pairs with the Release in `SpinGuard::drop`.
            if !self.locked.swap(true, Ordering::Acquire) {
                return;
            }
        }
    }
}

impl<T> fmt::Debug for SpinLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpinLock").finish_non_exhaustive()
    }
}

/// Holds a [`SpinLock`]; releases it when dropped.
pub(crate) struct SpinGuard<'a, T> {
    lock: &'a SpinLock<T>,
    /// Keeps it off other threads, and so makes a `Sync` bound on `T` unnecessary.
    _not_send: PhantomData<*const ()>,
}

impl<'a, T> SpinGuard<'a, T> {
    /// The lock that `guard` holds.
    pub(crate) fn lock_of(guard: &Self) -> &'a SpinLock<T> {
        guard.lock
    }
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock, so nobody else has a reference to the value.
        unsafe { shared(&self.lock.value) }
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock and is borrowed mutably, so this is the only reference.
        unsafe { exclusive(&self.lock.value) }
    }
}

impl<T> Drop for SpinGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `lock` and `lock_slow`.
        self.lock.locked.store(false, Ordering::Release);
    }
}

impl<T> fmt::Debug for SpinGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpinGuard").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use crate::sync::spin::SpinLock;
    use std::thread;

    #[test]
    fn counts_every_increment() {
        let counter = SpinLock::new(0u64);
        thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for _ in 0..10_000 {
                        *counter.lock() += 1;
                    }
                });
            }
        });
        assert_eq!(*counter.lock(), 40_000);
    }
}
