//! `Shared`: an `Arc` whose clones and drops on a worker most often touch nothing that is shared.

use crate::runtime::{
    prims::AtomicUsize,
    sched::worker::{current::worker, refs},
};
use std::{fmt, marker::PhantomData, ops::Deref, ptr::NonNull};

/// A counted reference, as `Arc`; a worker may keep the thing alive for a while after the last one
/// has gone. So it is for things whose drop runs no code of users. (`runtime/sched/worker/refs.rs`
/// says why and how.)
pub(crate) struct Shared<T> {
    inner: NonNull<Inner<T>>,
    owns: PhantomData<Inner<T>>,
}

#[repr(C)]
struct Inner<T> {
    /// First, so that the address of the count is that of the whole.
    count: AtomicUsize,
    value: T,
}

// SAFETY: as `Arc`: all threads share the value, and any may be the one that drops it.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) fn new(value: T) -> Self {
        let inner = Box::new(Inner {
            count: AtomicUsize::new(1),
            value,
        });
        Self {
            inner: NonNull::from(Box::leak(inner)),
            owns: PhantomData,
        }
    }

    fn count(&self) -> NonNull<AtomicUsize> {
        self.inner.cast()
    }

    /// # Safety
    /// `count` is that of an `Inner<T>` from `new`, to which nobody has a reference.
    unsafe fn free(count: NonNull<AtomicUsize>) {
        // SAFETY: passed on; the count is its first field.
        drop(unsafe { Box::from_raw(count.cast::<Inner<T>>().as_ptr()) });
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this reference keeps it alive.
        &unsafe { self.inner.as_ref() }.value
    }
}

impl<T> Clone for Shared<T> {
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

impl<T> Drop for Shared<T> {
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

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests;
