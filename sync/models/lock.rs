//! A lock with the spin lock's interface, over loom's mutex. Two threads that spin for a third have
//! endless unfair schedules, all of which loom would try; so the lists are guarded by this, and the
//! spin lock has a model of its own.

use std::ops::{Deref, DerefMut};

#[derive(Debug)]
pub(crate) struct SpinLock<T>(loom::sync::Mutex<T>);

#[derive(Debug)]
pub(crate) struct SpinGuard<'a, T> {
    lock: &'a SpinLock<T>,
    guard: loom::sync::MutexGuard<'a, T>,
}

impl<T> SpinLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> SpinGuard<'_, T> {
        let guard = self.0.lock().expect("no model panics under a lock");
        SpinGuard { lock: self, guard }
    }
}

impl<'a, T> SpinGuard<'a, T> {
    pub(crate) fn lock_of(guard: &Self) -> &'a SpinLock<T> {
        guard.lock
    }
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}
