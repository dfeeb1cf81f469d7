//! A lock with the interface of a channel's, over loom's mutex: see `lock.rs` for why. The real one
//! has a model of its own. Stands in for `sync/channel/spin.rs`.

use loom::{
    cell::UnsafeCell,
    sync::{Mutex, MutexGuard},
};
use std::mem;

#[derive(Debug)]
pub(crate) struct SpinLock {
    /// What the holder keeps; dropped before `mutex` is.
    guard: UnsafeCell<Option<MutexGuard<'static, ()>>>,
    mutex: Mutex<()>,
}

// SAFETY: `guard` is for whoever holds the mutex.
unsafe impl Sync for SpinLock {}
// SAFETY: as above.
unsafe impl Send for SpinLock {}

impl SpinLock {
    pub(crate) fn new() -> Self {
        Self {
            guard: UnsafeCell::new(None),
            mutex: Mutex::new(()),
        }
    }

    pub(crate) fn hold(&self) -> Held<'_> {
        self.acquire();
        Held(self)
    }

    /// Waits, as what the caller does if the lock is taken is the same from a held lock on.
    pub(crate) fn try_hold(&self) -> Option<Held<'_>> {
        Some(self.hold())
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

    /// The channel is freed: loom reports whoever leaves the lock later than this, or at once.
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
pub(crate) struct Held<'a>(&'a SpinLock);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `hold`, which took the lock.
        unsafe { self.0.release() }
    }
}
