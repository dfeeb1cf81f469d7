//! `CachedArc`: an `Arc` of which a worker keeps some references in reserve, so that most clones
//! and drops on it do not write to the shared count.

use crate::runtime::{
    prims::AtomicUsize,
    sched::worker::{current::worker, refs},
};
use std::{fmt, marker::PhantomData, ops::Deref, ptr::NonNull};

/// A counted reference, as `Arc`. The references that a worker keeps in reserve may keep the value
/// alive for a while after the last `CachedArc` has gone, so it is for values whose drop runs no
/// code of users. (`runtime/sched/worker/refs.rs` says why and how.)
pub(crate) struct CachedArc<T> {
    /// What all references share.
    inner: NonNull<WithCount<T>>,
    /// Dropping the last one drops a value.
    owns: PhantomData<WithCount<T>>,
}

/// A value and the count of its references, those in workers' reserves among them.
#[repr(C)]
struct WithCount<T> {
    /// First, so that the address of the count is that of the whole.
    count: AtomicUsize,
    /// What the references give access to.
    value: T,
}

// SAFETY: as `Arc`: all threads share the value, and any may be the one that drops it.
unsafe impl<T: Send + Sync> Send for CachedArc<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for CachedArc<T> {}

impl<T> CachedArc<T> {
    pub(crate) fn new(value: T) -> Self {
        let inner = Box::new(WithCount {
            count: AtomicUsize::new(1),
            value,
        });
        Self {
            inner: NonNull::from(Box::leak(inner)),
            owns: PhantomData,
        }
    }

    /// Where the count is.
    fn count(&self) -> NonNull<AtomicUsize> {
        self.inner.cast()
    }

    /// Frees the value and its count.
    ///
    /// # Safety
    /// `count` is that of an `WithCount<T>` from `new`, to which nobody has a reference.
    unsafe fn free(count: NonNull<AtomicUsize>) {
        // SAFETY: passed on; the count is its first field.
        drop(unsafe { Box::from_raw(count.cast::<WithCount<T>>().as_ptr()) });
    }
}

impl<T> Deref for CachedArc<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this reference keeps it alive.
        &unsafe { self.inner.as_ref() }.value
    }
}

impl<T> Clone for CachedArc<T> {
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: the core is used up at once; `self` is a reference, and `free` is for its type.
        unsafe {
            match worker() {
                Some(worker) => worker.refs.take(self.count(), Self::free),
                None => refs::add(self.count(), 1),
            }
        }
        Self {
            inner: self.inner,
            owns: PhantomData,
        }
    }
}

impl<T> Drop for CachedArc<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the core is used up at once; the reference is this one, which is gone after;
        // `free` is for its type.
        unsafe {
            match worker() {
                Some(worker) => worker.refs.give(self.count(), Self::free),
                None => refs::sub(self.count(), 1, Self::free),
            }
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for CachedArc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests;
