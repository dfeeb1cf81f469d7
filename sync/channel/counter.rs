//! The two reference counts of a channel, in one allocation with it.
//!
//! Each side's last handle closes the channel; whichever side does that second frees it. The counts work as `Arc`'s do.
//!
//! A channel begins at the start of a cache line. It is put there by hand: allocators take a slow path for blocks that are
//! to be aligned (100 ns of a request with a reply channel were spent there).

use crate::{
    runtime::prims::{AtomicBool, AtomicUsize, Ordering},
    sync::channel::chan::Chan,
};
use std::{
    alloc::{self, Layout},
    ptr,
};

/// What a channel is aligned to, and the counts are kept apart from it by.
const LINE: usize = 64;

/// A channel with its counts, which share no line with the channel's lock.
#[repr(C)]
pub(crate) struct Counted<T> {
    chan: Chan<T>,
    _apart: [u8; LINE],
    /// The start of the block of memory in which this lies.
    block: *mut u8,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    /// One side has gone.
    abandoned: AtomicBool,
}

impl<T> Counted<T> {
    /// A block that holds it wherever the first line begins.
    const BLOCK: Layout = {
        let size = size_of::<Self>() + LINE;
        match Layout::from_size_align(size, align_of::<Self>()) {
            Ok(layout) => layout,
            Err(_) => panic!("a channel is too large"),
        }
    };

    /// A channel with one sender and one receiver.
    pub(crate) fn allocate(capacity: Option<usize>) -> *mut Self {
        const { assert!(align_of::<Self>() <= LINE) };
        let chan = Chan::new(capacity);
        // SAFETY: the size is not 0.
        let block = unsafe { alloc::alloc(Self::BLOCK) };
        if block.is_null() {
            alloc::handle_alloc_error(Self::BLOCK);
        }
        let counted = Self {
            chan,
            _apart: [0; LINE],
            block,
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
            abandoned: AtomicBool::new(false),
        };
        // SAFETY: at most a line further on, so it fits into the block.
        let this = unsafe { block.add(block.align_offset(LINE)) }.cast::<Self>();
        // SAFETY: free memory, aligned.
        unsafe { this.write(counted) };
        this
    }

    /// Drops the channel and gives its memory back.
    ///
    /// # Safety
    /// From `allocate`; nobody uses it again.
    unsafe fn free(this: *mut Self) {
        // SAFETY: alive until here; the block was allocated with this layout.
        unsafe {
            let block = (*this).block;
            ptr::drop_in_place(this);
            alloc::dealloc(block, Self::BLOCK);
        }
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
            // SAFETY: neither side uses it again.
            unsafe { Counted::free(self.0) };
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
