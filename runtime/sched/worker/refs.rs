//! References to one counted thing that a worker keeps at hand.
//!
//! Whoever spawns a thousand goroutines that share a wait group takes a reference for each, and
//! each gives one back; with one atomic step for each, two workers fight for the count's cache line
//! all the time. So a worker takes many at once, hands them out, and keeps those that come back.
//! When it turns to another thing, or sleeps, it gives up what it has left.
//!
//! So the thing is freed a little later than its last user went. That is for things whose end
//! nobody can notice: freeing them runs no code of users.

use crate::runtime::prims::{AtomicUsize, Ordering, fence};
use std::{cell::Cell, process, ptr, ptr::NonNull};

/// How many references a worker takes at once (guess).
const MANY: usize = 64;

/// Frees what is counted, given its count.
pub(crate) type Free = unsafe fn(NonNull<AtomicUsize>);

/// The references at hand. Used by one thread.
#[derive(Debug)]
pub(crate) struct SpareRefs {
    /// The count of the thing that they are for; null: none.
    of: Cell<*mut AtomicUsize>,
    spare: Cell<usize>,
    free: Cell<Option<Free>>,
}

impl SpareRefs {
    pub(crate) const fn new() -> Self {
        Self {
            of: Cell::new(ptr::null_mut()),
            spare: Cell::new(0),
            free: Cell::new(None),
        }
    }

    /// One more reference, for the caller.
    ///
    /// # Safety
    /// The caller has a reference; `free` is the function for this count.
    #[inline]
    pub(crate) unsafe fn take(&self, of: NonNull<AtomicUsize>, free: Free) {
        let spare = self.spare.get();
        if self.of.get() == of.as_ptr() && spare > 0 {
            self.spare.set(spare - 1);
            return;
        }
        self.flush();
        // SAFETY: the caller's reference keeps it alive.
        unsafe { add(of, MANY) };
        self.keep(of, MANY - 1, free);
    }

    /// Takes one reference from the caller.
    ///
    /// # Safety
    /// It was the caller's, who does not use it again; `free` is the function for this count.
    #[inline]
    pub(crate) unsafe fn give(&self, of: NonNull<AtomicUsize>, free: Free) {
        let spare = self.spare.get();
        if self.of.get() == of.as_ptr() && spare > 0 {
            self.spare.set(spare + 1);
            return;
        }
        self.flush();
        self.keep(of, 1, free);
    }

    fn keep(&self, of: NonNull<AtomicUsize>, spare: usize, free: Free) {
        self.of.set(of.as_ptr());
        self.spare.set(spare);
        self.free.set(Some(free));
    }

    /// Gives up what is at hand.
    pub(crate) fn flush(&self) {
        let spare = self.spare.replace(0);
        let Some(of) = NonNull::new(self.of.replace(ptr::null_mut())) else {
            return;
        };
        if let Some(free) = self.free.get()
            && spare > 0
        {
            // SAFETY: so many references are ours, and forgotten here.
            unsafe { sub(of, spare, free) };
        }
    }
}

/// Adds references.
///
/// # Safety
/// The caller has one.
pub(crate) unsafe fn add(of: NonNull<AtomicUsize>, count: usize) {
    // SAFETY: the caller's reference keeps it alive. Relaxed, as in `Arc`: a new one comes from one
    // that is there.
    let before = unsafe { of.as_ref() }.fetch_add(count, Ordering::Relaxed);
    // As `Arc`: a program that forgets so many handles must not wrap the count to zero.
    if before > isize::MAX as usize {
        process::abort();
    }
}

/// Gives references up, and frees the thing with the last ones.
///
/// # Safety
/// They were the caller's, who does not use them again; `free` is the function for this count.
pub(crate) unsafe fn sub(of: NonNull<AtomicUsize>, count: usize, free: Free) {
    // SAFETY: alive, by the references. Release: pairs with the fence below: whoever frees it has
    // all uses behind him.
    if unsafe { of.as_ref() }.fetch_sub(count, Ordering::Release) == count {
        fence(Ordering::Acquire);
        // SAFETY: nobody else has one.
        unsafe { free(of) };
    }
}
