//! The two reference counts of a channel, in one allocation with it.
//!
//! Each side's last handle closes the channel; whichever side does that second frees it. The counts
//! work as `Arc`'s do.
//!
//! All channels have one size, whatever their values: these are in the buffer. So their memory
//! comes from the blocks that a worker keeps; on plain threads from the allocator. A channel begins
//! at the start of a cache line. It is put there by hand: allocators take a slow path for blocks
//! that are to be aligned.

use crate::{
    runtime::{
        prims::{AtomicUsize, Ordering},
        sched::worker::{
            blocks::{self, BLOCK},
            current::worker,
        },
    },
    sync::channel::{chan::Chan, core::Departure},
};
use std::ptr::NonNull;

/// What a channel is aligned to, and the counts are kept apart from it by.
const LINE: usize = 64;

/// A channel with its counts.
#[repr(C)]
pub(crate) struct Counted<T> {
    /// The channel itself.
    chan: Chan<T>,
    /// On a cache line of their own: handles are cloned while others operate on the channel.
    counts: Counts,
}

/// The handles of each side; they share no line with the channel's lock.
#[repr(align(64))]
struct Counts {
    /// How many senders there are. Raised by a clone, lowered by a drop.
    senders: AtomicUsize,
    /// How many receivers there are, in the same way.
    receivers: AtomicUsize,
    /// The start of the block of memory in which this lies.
    block: NonNull<u8>,
}

impl<T> Counted<T> {
    /// A channel with one sender and one receiver.
    pub(crate) fn allocate(capacity: Option<usize>) -> *mut Self {
        const {
            assert!(align_of::<Self>() == LINE);
            assert!(size_of::<Self>() + LINE - BLOCK.align() <= BLOCK.size());
        }
        let chan = Chan::new(capacity);
        // SAFETY: the worker is used up in here, with no suspend.
        let block = match unsafe { worker() } {
            Some(worker) => worker.blocks.take(),
            None => blocks::allocate(),
        };
        let counts = Counts {
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
            block,
        };
        let counted = Self { chan, counts };
        let start = block.as_ptr();
        // SAFETY: at most a line less the block's alignment further on, so it fits into the block.
        let this = unsafe { start.add(start.align_offset(LINE)) }.cast::<Self>();
        // SAFETY: free memory, aligned.
        unsafe { this.write(counted) };
        this
    }

    /// Drops the channel and gives its memory back.
    ///
    /// # Safety
    /// From `allocate`; nobody uses it again.
    unsafe fn free(this: *mut Self) {
        // SAFETY: alive until here; the block is what `allocate` took. The worker is used up, with
        // no suspend.
        unsafe {
            let block = (*this).counts.block;
            this.drop_in_place();
            match worker() {
                Some(worker) => worker.blocks.give(block),
                None => blocks::free(block),
            }
        }
    }

    #[inline]
    pub(crate) fn chan(&self) -> &Chan<T> {
        &self.chan
    }

    pub(crate) fn add_sender(&self) {
        increment(&self.counts.senders);
    }

    pub(crate) fn add_receiver(&self) {
        increment(&self.counts.receivers);
    }

    /// Gives one sender up.
    ///
    /// # Safety
    /// The caller owned that sender and does not use `this` again.
    pub(crate) unsafe fn drop_sender(this: *mut Self) {
        // SAFETY: the caller's sender keeps it alive until its side has left.
        let counted = unsafe { &*this };
        if is_last(&counted.counts.senders)
            && (counted.chan.core.is_abandoned()
                || counted.chan.leave_senders() == Departure::Second)
        {
            // SAFETY: both sides have left. Without receivers nothing is in the channel.
            unsafe { Self::free(this) };
        }
    }

    /// Gives one receiver up; with the last one, the values that nobody will receive.
    ///
    /// # Safety
    /// The caller owned that receiver and does not use `this` again.
    pub(crate) unsafe fn drop_receiver(this: *mut Self) {
        // SAFETY: the caller's receiver keeps it alive until its side has left.
        let counted = unsafe { &*this };
        if !is_last(&counted.counts.receivers) {
            return;
        }
        // The senders have left for good: nobody else can touch the channel, so no lock is needed.
        let (is_second, leftovers) = if counted.chan.core.is_abandoned() {
            // SAFETY: nobody else can touch the channel.
            (true, unsafe { counted.chan.take_leftovers() })
        } else {
            let (departure, leftovers) = counted.chan.leave_receivers();
            (departure == Departure::Second, leftovers)
        };
        if is_second {
            // SAFETY: both sides have left.
            unsafe { Self::free(this) };
        }
        // Last: destructors of values may panic, and may park.
        drop(leftovers);
    }
}

/// Takes one handle off. True: it was the last.
#[inline]
fn is_last(count: &AtomicUsize) -> bool {
    // A count of 1 is the caller's own handle, from which alone others could be made. AcqRel, and
    // Acquire, pairs with the AcqRel here: the last one sees all that the others did.
    count.load(Ordering::Acquire) == 1 || count.fetch_sub(1, Ordering::AcqRel) == 1
}

fn increment(count: &AtomicUsize) {
    // Relaxed: a new handle is made from an existing one. Handles can be leaked, so the count could
    // wrap; as in `Arc`, abort at half the range, which leaves the other half to the threads that
    // are just here.
    if count.fetch_add(1, Ordering::Relaxed) > isize::MAX as usize {
        std::process::abort();
    }
}
