//! Room for one value of a type known only by its layout: where a select receives into.
//!
//! Small values stay inline, so that a select over ordinary channels allocates nothing.

use std::{
    alloc::{self, Layout},
    mem::MaybeUninit,
    ptr::NonNull,
};

/// Bytes kept inline.
const INLINE: usize = 64;

/// Room for a value of at most this size and alignment.
#[derive(Clone, Copy)]
#[repr(align(16))]
struct Inline([MaybeUninit<u8>; INLINE]);

/// Room for a value. Dropping it frees the room and leaves the value alone.
pub(crate) struct Slot {
    /// Room for a small value.
    inline: Inline,
    /// Room on the heap for one that is too large or too strictly aligned, with its layout.
    heap: Option<(NonNull<u8>, Layout)>,
}

impl Slot {
    /// Room for a value of any of these layouts.
    pub(crate) fn fitting(layouts: impl Iterator<Item = Layout>) -> Self {
        let mut slot = Self {
            inline: Inline([MaybeUninit::uninit(); INLINE]),
            heap: None,
        };
        let (mut size, mut align) = (0, 1);
        for layout in layouts {
            size = size.max(layout.size());
            align = align.max(layout.align());
        }
        if size > INLINE || align > align_of::<Inline>() {
            // A zero-sized type may still be over-aligned; the allocator wants a size.
            let layout = Layout::from_size_align(size.max(1), align)
                .expect("a value is larger than the address range allows");
            // SAFETY: the size is not 0.
            let room = NonNull::new(unsafe { alloc::alloc(layout) });
            let Some(room) = room else {
                alloc::handle_alloc_error(layout)
            };
            slot.heap = Some((room, layout));
        }
        slot
    }

    /// Where the value is. An inline slot must not move while others use this.
    pub(crate) fn room(&mut self) -> *mut u8 {
        match self.heap {
            Some((room, _)) => room.as_ptr(),
            None => self.inline.0.as_mut_ptr().cast(),
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some((room, layout)) = self.heap {
            // SAFETY: allocated by `fitting` with this layout.
            unsafe { alloc::dealloc(room.as_ptr(), layout) }
        }
    }
}
