//! `RwMutex<T>`: the typed shell around the algorithm of `raw_rw_mutex`.

use crate::sync::guard::{debug_lock, impl_guard};
use crate::sync::raw_rw_mutex::RawRwMutex;
use crate::sync::wait_list::deadline_after;
use std::{
    cell::UnsafeCell,
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    time::Duration,
};

/// A lock for many readers or one writer that parks goroutines (and plain threads) instead of
/// blocking workers.
///
/// A waiting writer stops new readers; the readers that waited behind a writer all get in before
/// the next one. So neither side starves. It follows that a goroutine that reads must not `read`
/// again before it has left: a writer that came in between would wait for the first, and the second
/// for the writer. It is not poisoned by a panic.
///
/// # Examples
/// ```
/// use gort::sync::RwMutex;
///
/// let limits = RwMutex::new(vec![10, 20]);
/// {
///     let (a, b) = (limits.read(), limits.read());
///     assert_eq!(a[0] + b[1], 30);
/// }
/// limits.write().push(30);
/// assert_eq!(limits.read().len(), 3);
/// ```
#[doc(alias = "RWMutex")]
#[doc(alias = "RwLock")]
pub struct RwMutex<T: ?Sized> {
    /// The algorithm.
    raw: RawRwMutex,
    /// Written by the writer, read by whoever is in.
    value: UnsafeCell<T>,
}

// SAFETY: sending the lock sends the value in it.
unsafe impl<T: ?Sized + Send> Send for RwMutex<T> {}
// SAFETY: a writer has the value alone, which moves access between threads (`Send`); readers share
// it (`Sync`).
unsafe impl<T: ?Sized + Send + Sync> Sync for RwMutex<T> {}

impl<T> RwMutex<T> {
    /// A free lock around `value`. Usable in statics.
    ///
    /// ```
    /// static LEVEL: gort::sync::RwMutex<u8> = gort::sync::RwMutex::new(3);
    /// assert_eq!(*LEVEL.read(), 3);
    /// ```
    pub const fn new(value: T) -> Self {
        Self {
            raw: RawRwMutex::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// The value, out of the lock.
    ///
    /// ```
    /// assert_eq!(gort::sync::RwMutex::new(7).into_inner(), 7);
    /// ```
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwMutex<T> {
    /// Locks for reading; parks the caller while a writer is in or waits.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it has to wait.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(*gort::sync::RwMutex::new(7).read(), 7);
    /// ```
    #[doc(alias = "RLock")]
    #[inline]
    pub fn read(&self) -> RwMutexReadGuard<'_, T> {
        self.raw.read_until(None);
        RwMutexReadGuard::new(self)
    }

    /// Locks for writing; parks the caller while anyone is in.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it has to wait.
    ///
    /// # Examples
    /// ```
    /// let level = gort::sync::RwMutex::new(7);
    /// *level.write() += 1;
    /// assert_eq!(*level.read(), 8);
    /// ```
    #[inline]
    pub fn write(&self) -> RwMutexWriteGuard<'_, T> {
        self.raw.write_until(None);
        RwMutexWriteGuard::new(self)
    }

    /// Locks for reading if no writer is in or waits. Never parks.
    ///
    /// ```
    /// let level = gort::sync::RwMutex::new(7);
    /// let writing = level.write();
    /// assert!(level.try_read().is_none());
    /// ```
    #[inline]
    pub fn try_read(&self) -> Option<RwMutexReadGuard<'_, T>> {
        self.raw.try_read().then(|| RwMutexReadGuard::new(self))
    }

    /// Locks for writing if nobody is in, and no reader is just arriving. Never parks.
    ///
    /// ```
    /// let level = gort::sync::RwMutex::new(7);
    /// let reading = level.read();
    /// assert!(level.try_write().is_none());
    /// ```
    #[inline]
    pub fn try_write(&self) -> Option<RwMutexWriteGuard<'_, T>> {
        self.raw.try_write().then(|| RwMutexWriteGuard::new(self))
    }

    /// Locks for reading, or gives up after `timeout`. Parks the caller while a writer is in or
    /// waits.
    ///
    /// ```
    /// use std::time::Duration;
    /// let level = gort::sync::RwMutex::new(7);
    /// let writing = level.write();
    /// assert!(level.try_read_for(Duration::from_millis(1)).is_none());
    /// ```
    pub fn try_read_for(&self, timeout: Duration) -> Option<RwMutexReadGuard<'_, T>> {
        let taken = self.raw.try_read() || self.raw.read_until(deadline_after(timeout));
        taken.then(|| RwMutexReadGuard::new(self))
    }

    /// Locks for writing, or gives up after `timeout`. Parks the caller while anyone is in. While
    /// it waits for readers to leave, new readers wait too.
    ///
    /// ```
    /// use std::time::Duration;
    /// let level = gort::sync::RwMutex::new(7);
    /// let reading = level.read();
    /// assert!(level.try_write_for(Duration::from_millis(1)).is_none());
    /// assert!(level.try_read().is_some());
    /// ```
    pub fn try_write_for(&self, timeout: Duration) -> Option<RwMutexWriteGuard<'_, T>> {
        let taken = self.raw.try_write() || self.raw.write_until(deadline_after(timeout));
        taken.then(|| RwMutexWriteGuard::new(self))
    }

    /// The value, without locking: `&mut self` proves that nobody else has the lock.
    ///
    /// ```
    /// let mut level = gort::sync::RwMutex::new(1);
    /// *level.get_mut() = 2;
    /// assert_eq!(*level.read(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: Default> Default for RwMutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> From<T> for RwMutex<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.try_read();
        debug_lock(f, "RwMutex", value.as_ref().map(|value| value as _))
    }
}

/// Access for reading to the value of a locked [`RwMutex`]; unlocks it when dropped. It stays with
/// the goroutine that locked.
///
/// ```
/// use gort::sync::RwMutex;
///
/// let names = RwMutex::new(vec!["ann", "bob"]);
/// let (one, two) = (names.read(), names.read()); // both at once
/// assert_eq!((one[0], two[1]), ("ann", "bob"));
/// assert!(names.try_write().is_none());
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwMutexReadGuard<'a, T: ?Sized> {
    /// What is unlocked when the guard is dropped.
    lock: &'a RwMutex<T>,
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives out `&T` only.
unsafe impl<T: ?Sized + Sync> Sync for RwMutexReadGuard<'_, T> {}

impl_guard!(RwMutexReadGuard, RwMutex, RawRwMutex);

impl<T: ?Sized> Deref for RwMutexReadGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard is a reader of the lock, so nobody has a mutable reference to the
        // value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for RwMutexReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.read_unlock();
    }
}

/// Access for writing to the value of a locked [`RwMutex`]; unlocks it when dropped. It stays with
/// the goroutine that locked.
///
/// ```
/// use gort::sync::RwMutex;
///
/// let names = RwMutex::new(vec!["ann"]);
/// let mut alone = names.write();
/// alone.push("bob");
/// assert!(names.try_read().is_none());
/// drop(alone); // unlocks
/// assert_eq!(names.read().len(), 2);
/// ```
#[must_use = "the lock is released as soon as the guard is dropped"]
pub struct RwMutexWriteGuard<'a, T: ?Sized> {
    /// What is unlocked when the guard is dropped.
    lock: &'a RwMutex<T>,
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives out `&T` only.
unsafe impl<T: ?Sized + Sync> Sync for RwMutexWriteGuard<'_, T> {}

impl_guard!(RwMutexWriteGuard, RwMutex, RawRwMutex);

impl<T: ?Sized> Deref for RwMutexWriteGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock alone, so nobody else has a reference to the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for RwMutexWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock alone and is borrowed mutably, so this is the only
        // reference.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for RwMutexWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.raw.write_unlock();
    }
}

#[cfg(test)]
mod tests;
