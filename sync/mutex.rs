//! `Mutex<T>`: the typed shell around the algorithm of `raw_mutex`.

use crate::runtime::park::WaitReason;
use crate::sync::guard::{debug_lock, impl_guard};
use crate::sync::raw_mutex::RawMutex;
use crate::sync::wait_list::deadline_after;
use std::{
    cell::UnsafeCell,
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    time::Duration,
};

/// A mutual exclusion lock that parks goroutines (and plain threads) instead of blocking workers.
///
/// It is not poisoned by a panic: the guard's drop releases it, and the data is as the panicking
/// holder left it. Locking it twice from one goroutine is a deadlock. A running goroutine may
/// overtake waiters, which makes a busy lock fast; a waiter that has waited for a millisecond is
/// handed the lock next, so nobody starves.
///
/// A guard may be held while its goroutine parks: for channel operations, I/O or other locks.
///
/// # Examples
/// ```
/// use gort::sync::Mutex;
/// use std::thread;
///
/// static HITS: Mutex<u32> = Mutex::new(0);
///
/// thread::scope(|s| {
///     for _ in 0..4 {
///         s.spawn(|| *HITS.lock() += 1);
///     }
/// });
/// assert_eq!(*HITS.lock(), 4);
/// ```
#[doc(alias = "sync.Mutex")]
pub struct Mutex<T: ?Sized> {
    /// The algorithm.
    raw: RawMutex,
    /// Read and written by whoever holds the lock.
    value: UnsafeCell<T>,
}

// SAFETY: sending the mutex sends the value in it.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: the lock gives one holder at a time access to the value, so sharing the mutex only moves
// access between threads.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// A free mutex around `value`. Usable in statics.
    ///
    /// ```
    /// static NAMES: gort::sync::Mutex<Vec<String>> = gort::sync::Mutex::new(Vec::new());
    /// NAMES.lock().push("gopher".into());
    /// ```
    pub const fn new(value: T) -> Self {
        Self {
            raw: RawMutex::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// The value, out of the mutex.
    ///
    /// ```
    /// assert_eq!(gort::sync::Mutex::new(7).into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks the mutex; parks the caller while another holds it.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it has to wait.
    ///
    /// # Examples
    /// ```
    /// let m = gort::sync::Mutex::new(1);
    /// *m.lock() += 1;
    /// assert_eq!(*m.lock(), 2);
    /// ```
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.raw.lock(WaitReason::Mutex);
        MutexGuard::new(self)
    }

    /// Locks the mutex if that is possible at once. Never parks.
    ///
    /// ```
    /// let m = gort::sync::Mutex::new(1);
    /// let held = m.try_lock();
    /// assert!(held.is_some() && m.try_lock().is_none());
    /// ```
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        self.raw.try_lock().then(|| MutexGuard::new(self))
    }

    /// Locks the mutex, or gives up after `timeout`. Parks the caller while another holds it.
    ///
    /// ```
    /// use std::time::Duration;
    /// let m = gort::sync::Mutex::new(1);
    /// let held = m.lock();
    /// assert!(m.try_lock_for(Duration::from_millis(1)).is_none());
    /// drop(held);
    /// assert!(m.try_lock_for(Duration::from_millis(1)).is_some());
    /// ```
    pub fn try_lock_for(&self, timeout: Duration) -> Option<MutexGuard<'_, T>> {
        let taken = self.raw.try_lock()
            || self
                .raw
                .lock_until(WaitReason::Mutex, deadline_after(timeout));
        taken.then(|| MutexGuard::new(self))
    }

    /// The value, without locking: `&mut self` proves that nobody else has the mutex.
    ///
    /// ```
    /// let mut m = gort::sync::Mutex::new(1);
    /// *m.get_mut() = 2;
    /// assert_eq!(*m.lock(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.try_lock();
        debug_lock(f, "Mutex", value.as_ref().map(|value| value as _))
    }
}

/// Access to the value of a locked [`Mutex`]; unlocks it when dropped.
///
/// It cannot be sent to another goroutine or thread, just as `std`'s: the one who locks is the one
/// who unlocks, which is what readers of a dump or of a deadlock report rely on. Moving it would
/// also need `T: Send` and gain nothing.
///
/// ```compile_fail,E0277
/// let m = gort::sync::Mutex::new(1);
/// let held = m.lock();
/// std::thread::scope(|s| { s.spawn(move || drop(held)); });
/// ```
///
/// ```
/// use gort::sync::Mutex;
///
/// let names = Mutex::new(vec!["ann"]);
/// let mut guard = names.lock();
/// guard.push("bob"); // used as the value itself
/// drop(guard); // unlocks
/// assert_eq!(names.lock().len(), 2);
/// ```
#[must_use = "the mutex is unlocked as soon as the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    /// What is unlocked when the guard is dropped.
    lock: &'a Mutex<T>,
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives out `&T` only.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl_guard!(MutexGuard, Mutex, RawMutex);

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock, so nobody else has a reference to the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock and is borrowed mutably, so this is the only reference.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.unlock();
    }
}

#[cfg(test)]
mod tests;
