//! The two reference counts of a channel, in one allocation with it.
//!
//! Each side's last handle closes the channel; whichever side does that second frees it. The counts work as `Arc`'s do.

use crate::{
    runtime::prims::{AtomicBool, AtomicUsize, Ordering},
    sync::channel::chan::Chan,
};
use crossbeam_utils::CachePadded;

/// A channel with its counts, padded so that they share no line.
pub(crate) struct Counted<T> {
    chan: CachePadded<Chan<T>>,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    /// One side has gone.
    abandoned: AtomicBool,
}

impl<T> Counted<T> {
    /// A channel with one sender and one receiver.
    pub(crate) fn allocate(capacity: Option<usize>) -> *mut Self {
        Box::into_raw(Box::new(Self {
            chan: CachePadded::new(Chan::new(capacity)),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
            abandoned: AtomicBool::new(false),
        }))
    }

    #[inline]
    pub(crate) fn chan(&self) -> &Chan<T> {
        &self.chan
    }

    pub(crate) fn add_sender(&self) {
        increment(&self.senders);
    }

    pub(crate) fn add_receiver(&self) {
        increment(&self.receivers);
    }

    /// Gives one sender up.
    ///
    /// # Safety
    /// The caller owned that sender and does not use `this` again.
    pub(crate) unsafe fn drop_sender(this: *mut Self) {
        // SAFETY: the caller's sender keeps it alive up to `Leave`.
        let counted = unsafe { &*this };
        // AcqRel: pairs with itself: the last one sees all that the others did.
        if counted.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            let _leave = Leave(this);
            counted.chan.hub.close();
        }
    }

    /// Gives one receiver up; with the last one, the values that nobody will receive.
    ///
    /// # Safety
    /// The caller owned that receiver and does not use `this` again.
    pub(crate) unsafe fn drop_receiver(this: *mut Self) {
        // SAFETY: the caller's receiver keeps it alive up to `Leave`.
        let counted = unsafe { &*this };
        // AcqRel: pairs with itself: the last one sees all that the others did.
        if counted.receivers.fetch_sub(1, Ordering::AcqRel) == 1 {
            let _leave = Leave(this);
            counted.chan.hub.close();
            drop(counted.chan.take_leftovers());
        }
    }
}

/// One side's last use of a channel, made by that side's last handle: also when a value's destructor panics.
struct Leave<T>(*mut Counted<T>);

impl<T> Drop for Leave<T> {
    fn drop(&mut self) {
        // SAFETY: each side leaves once, and the second one frees it.
        let counted = unsafe { &*self.0 };
        // AcqRel: pairs with itself: the second side sees all that the first did before it frees.
        if counted.abandoned.swap(true, Ordering::AcqRel) {
            // SAFETY: it came from `Box::into_raw`, and neither side uses it again.
            drop(unsafe { Box::from_raw(self.0) });
        }
    }
}

fn increment(count: &AtomicUsize) {
    // Relaxed: a new handle is made from an existing one. Handles can be leaked, so the count could wrap; as in `Arc`, abort
    // at half the range, which leaves the other half to the threads that are just here.
    if count.fetch_add(1, Ordering::Relaxed) > isize::MAX as usize {
        std::process::abort();
    }
}
