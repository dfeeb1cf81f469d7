//! Which of the workers sleeps in the poller (N1). No unsafe code.
//!
//! A worker that goes to sleep becomes the *lookout* if nobody is, and then sleeps in the poller.
//! Whoever wakes a worker changes its sleep word first, then looks whether it is the lookout, and
//! ends its wait in the poller if so. The worker becomes the lookout first, then looks at its sleep
//! word again. So one of the two sees the other.
#![forbid(unsafe_code)]

use crate::runtime::prims::{AtomicUsize, Ordering, const_fn, fence};

/// The place: 0, or a number of the worker that has it, such as its address.
#[derive(Debug)]
pub(crate) struct Lookout(AtomicUsize);

impl Lookout {
    const_fn! {
        /// Nobody has the place.
        pub(crate) fn new() -> Self {
            Self(AtomicUsize::new(0))
        }
    }

    /// Whether somebody has the place.
    #[inline]
    pub(crate) fn is_taken(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// Takes the place, if it is free. Then the worker looks at its sleep word once more, sleeps in
    /// the poller, and calls [`stand_down`](Self::stand_down).
    #[must_use]
    pub(crate) fn stand(&self, worker: usize) -> bool {
        let place = &self.0;
        let taken = place.compare_exchange(0, worker, Ordering::Relaxed, Ordering::Relaxed);
        // SeqCst (N1): before the look at the sleep word; partner of the fence in `is_at`.
        fence(Ordering::SeqCst);
        taken.is_ok()
    }

    /// Leaves the place.
    pub(crate) fn stand_down(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether a worker has the place whose sleep word the caller has changed.
    #[must_use]
    pub(crate) fn is_at(&self, worker: usize) -> bool {
        // SeqCst (N1): after the change of the word; partner of the fence in `stand`.
        fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed) == worker
    }
}
