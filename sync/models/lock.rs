//! A lock with the spin lock's interface, over loom's mutex. Two threads that spin for a third have
//! endless unfair schedules, all of which loom would try; so the lists and the channels are guarded
//! by this, and the spin lock has a model of its own.

pub(crate) use crate::sync::real_spin::{Exponential, Steady};
use loom::{
    cell::UnsafeCell,
    sync::{Mutex, MutexGuard},
};
use std::{
    marker::PhantomData,
    mem,
    ops::{Deref, DerefMut},
};

#[derive(Debug)]
pub(crate) struct SpinLock<T, B = Steady> {
    /// What the holder keeps; dropped before `mutex` is.
    guard: UnsafeCell<Option<MutexGuard<'static, ()>>>,
    mutex: Mutex<()>,
    value: std::cell::UnsafeCell<T>,
    backoff: PhantomData<B>,
}

// SAFETY: `guard` and `value` are for whoever holds the mutex.
unsafe impl<T: Send, B> Sync for SpinLock<T, B> {}
// SAFETY: as above.
unsafe impl<T: Send, B> Send for SpinLock<T, B> {}

impl<T, B> SpinLock<T, B> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            guard: UnsafeCell::new(None),
            mutex: Mutex::new(()),
            value: std::cell::UnsafeCell::new(value),
            backoff: PhantomData,
        }
    }

    pub(crate) fn lock(&self) -> SpinGuard<'_, T, B> {
        self.acquire();
        SpinGuard(self)
    }

    /// Waits, as what the caller does if the lock is taken is the same from a held lock on.
    pub(crate) fn try_lock(&self) -> Option<SpinGuard<'_, T, B>> {
        Some(self.lock())
    }

    pub(crate) fn acquire(&self) {
        let guard = self.mutex.lock().expect("no model panics under a lock");
        // SAFETY: the guard goes before the lock does, and the lock does not move while it is held.
        let guard = unsafe { mem::transmute::<MutexGuard<'_, ()>, MutexGuard<'static, ()>>(guard) };
        // SAFETY: the mutex is held.
        self.guard.with_mut(|place| unsafe { *place = Some(guard) });
    }

    pub(crate) fn is_free(&self) -> bool {
        self.mutex.try_lock().is_ok()
    }

    /// What it guards is freed: loom reports whoever leaves the lock later than this, or at once.
    pub(crate) fn end(&self) {
        self.guard.with_mut(|_| ());
    }

    /// # Safety
    /// The caller holds the lock.
    pub(crate) unsafe fn release(&self) {
        // SAFETY: the mutex is held; the place is empty before it is not.
        let guard = self.guard.with_mut(|place| unsafe { (*place).take() });
        drop(guard.expect("a lock that is held is left"));
    }
}

#[derive(Debug)]
pub(crate) struct SpinGuard<'a, T, B = Steady>(&'a SpinLock<T, B>);

impl<'a, T, B> SpinGuard<'a, T, B> {
    pub(crate) fn lock_of(guard: &Self) -> &'a SpinLock<T, B> {
        guard.0
    }
}

impl<T, B> Deref for SpinGuard<'_, T, B> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        unsafe { &*self.0.value.get() }
    }
}

impl<T, B> DerefMut for SpinGuard<'_, T, B> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock and is borrowed mutably.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T, B> Drop for SpinGuard<'_, T, B> {
    fn drop(&mut self) {
        // SAFETY: made by `lock`, which took it.
        unsafe { self.0.release() }
    }
}
