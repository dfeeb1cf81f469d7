//! Blocks of memory of one size that a worker keeps for those who will need one soon.
//!
//! Channels made for one reply are allocated by the goroutine that asks and freed by the one that
//! answers. Most often both run on the same worker, but in two homes, so under two identities: an
//! allocator that keeps free blocks for each thread, as glibc's does, sees one thread that only
//! allocates and one that only frees, and takes its slow path both times.

use std::{
    alloc::{self, Layout},
    cell::Cell,
    ptr::NonNull,
};

/// What each block can hold.
pub(crate) const BLOCK: Layout = match Layout::from_size_align(256, 16) {
    Ok(layout) => layout,
    Err(_) => unreachable!(),
};

/// The most blocks that a worker keeps: 16 KiB.
const MOST: usize = 64;

/// A free block.
struct Free {
    next: Option<NonNull<Free>>,
}

/// The blocks at hand. Used by one thread.
#[derive(Debug)]
pub(crate) struct SpareBlocks {
    /// The one that was given back last, linked to the ones before it.
    newest: Cell<Option<NonNull<Free>>>,
    len: Cell<usize>,
}

impl SpareBlocks {
    pub(crate) const fn new() -> Self {
        Self {
            newest: Cell::new(None),
            len: Cell::new(0),
        }
    }

    /// A block for the caller.
    #[inline]
    pub(crate) fn take(&self) -> NonNull<u8> {
        let Some(block) = self.newest.get() else {
            return allocate();
        };
        // SAFETY: a block that is kept here is free, and begins with its link.
        self.newest.set(unsafe { block.as_ref() }.next);
        self.len.set(self.len.get() - 1);
        block.cast()
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// It is from `take` or `allocate`, and nobody uses it any more.
    #[inline]
    pub(crate) unsafe fn give(&self, block: NonNull<u8>) {
        let len = self.len.get();
        if len == MOST {
            // SAFETY: passed on.
            return unsafe { free(block) };
        }
        let block = block.cast::<Free>();
        let next = self.newest.get();
        // SAFETY: the block is free, and large and aligned enough.
        unsafe { block.write(Free { next }) };
        self.newest.set(Some(block));
        self.len.set(len + 1);
    }
}

impl Drop for SpareBlocks {
    fn drop(&mut self) {
        while self.len.get() > 0 {
            let block = self.take();
            // SAFETY: taken just now.
            unsafe { free(block) };
        }
    }
}

/// A block from the allocator.
pub(crate) fn allocate() -> NonNull<u8> {
    // SAFETY: the size is not 0.
    let block = unsafe { alloc::alloc(BLOCK) };
    NonNull::new(block).unwrap_or_else(|| alloc::handle_alloc_error(BLOCK))
}

/// Gives a block to the allocator.
///
/// # Safety
/// As for `SpareBlocks::give`.
pub(crate) unsafe fn free(block: NonNull<u8>) {
    // SAFETY: allocated with this layout.
    unsafe { alloc::dealloc(block.as_ptr(), BLOCK) };
}

#[cfg(test)]
mod tests {
    use super::{MOST, SpareBlocks};
    use std::collections::BTreeSet;

    #[test]
    fn blocks_in_use_are_different_ones_and_those_given_back_come_again() {
        let blocks = SpareBlocks::new();
        let mut kept = BTreeSet::new();
        for most in [1, 2, 3, MOST, MOST + 1, 3 * MOST] {
            let taken: Vec<_> = (0..most).map(|_| blocks.take()).collect();
            let different: BTreeSet<_> = taken.iter().copied().collect();
            assert_eq!(different.len(), most, "one was given out twice");
            assert!(
                kept.is_subset(&different),
                "some that were kept are not used again"
            );
            for block in &taken {
                // SAFETY: taken above, once.
                unsafe { blocks.give(*block) };
            }
            assert_eq!(blocks.len.get(), most.min(MOST), "16 KiB at most");
            kept = taken.into_iter().take(MOST).collect();
        }
    }
}
