//! Memory for cells, in large aligned pieces: a cell's address tells which one it is in.

use std::{
    alloc::{self, Layout},
    ptr::{self, NonNull},
    thread,
    time::Duration,
};

/// The size of a chunk, and what it is aligned to.
pub(crate) const CHUNK: usize = 2 << 20;

/// For the report when there is no memory.
const CHUNK_LAYOUT: Layout = match Layout::from_size_align(CHUNK, CHUNK) {
    Ok(layout) => layout,
    Err(_) => panic!("chunk layout"),
};

/// A chunk's memory: zeroed, aligned to its size, and touched only where it is used (an allocator
/// would clear it all at once).
fn try_to_map() -> Option<NonNull<u8>> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping, twice as large as needed so that an aligned piece lies within.
    let wide = unsafe { libc::mmap(ptr::null_mut(), 2 * CHUNK, access, flags, -1, 0) };
    if wide == libc::MAP_FAILED {
        return None;
    }
    let wide = wide.cast::<u8>();
    let before = wide.align_offset(CHUNK);
    let base = wide.wrapping_add(before);
    // SAFETY: the two ends of the mapping above, which nobody uses; either may be empty.
    unsafe {
        if before > 0 {
            libc::munmap(wide.cast(), before);
        }
        libc::munmap(base.wrapping_add(CHUNK).cast(), CHUNK - before);
    }
    NonNull::new(base)
}

/// A chunk's memory. At an end of addresses it tries again for some ms: threads that start take
/// many for a moment, as an allocator's arena is mapped twice as large as it will be. If that does
/// not help, the process ends as with every allocation that fails.
pub(crate) fn map_chunk() -> NonNull<u8> {
    (0..10)
        .find_map(|attempt| {
            if attempt > 0 {
                thread::sleep(Duration::from_millis(1));
            }
            try_to_map()
        })
        .unwrap_or_else(|| alloc::handle_alloc_error(CHUNK_LAYOUT))
}
