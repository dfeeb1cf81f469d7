//! The types that all targets share.

use crate::runtime::{
    prims::{AtomicUsize, Ordering},
    switch::identity::isa,
};
use core::mem::offset_of;

/// The thread pointer of an OS thread: what its thread-locals are found by.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Identity {
    /// Zero until its owner has adopted it: entering it by mistake faults at the first
    /// thread-local.
    thread_pointer: AtomicUsize,
}

// The assembly reads the thread pointer at the identity's address.
const _: () = assert!(offset_of!(Identity, thread_pointer) == 0);

impl Identity {
    /// One that no thread has adopted yet: it must not be visited.
    pub(crate) const fn new() -> Self {
        Self {
            thread_pointer: AtomicUsize::new(0),
        }
    }

    /// Called on the owner's thread: this is the calling thread's identity from now on.
    pub(crate) fn adopt_calling_thread(&self) {
        // Relaxed: whoever publishes the identity orders this before the first visit.
        self.thread_pointer
            .store(isa::thread_pointer(), Ordering::Relaxed);
    }
}

/// What a tour calls under an identity.
///
/// `at` is the identity that it runs under; `left` is the one visited just before, null at first:
/// this thread does not use it any more, so it may be handed on. Returns the next identity to go on
/// under, or null to end the tour. Must not unwind, and must not begin a tour.
pub(crate) type Visit =
    unsafe extern "C" fn(arg: *mut (), at: *mut Identity, left: *mut Identity) -> *mut Identity;
