//! The alternate signal stack: what a handler runs on when the goroutine's own stack is used up.
//!
//! Each worker holds one for as long as it runs goroutines. std gives one to the threads that it
//! starts, but a small one; one that is large enough, whoever made it, is kept.

use crate::runtime::stack::guard::{map, page_size};
use std::{
    io,
    marker::PhantomData,
    mem::MaybeUninit,
    ptr::{self, NonNull},
};

/// The least bytes of an alternate stack: the signal frame, the handler's 2 KiB of text, and
/// whatever handler is chained to (std's formats with its own machinery).
const ALT_STACK_BYTES: usize = 64 << 10;

/// The alternate signal stack of the thread that made it, below it a guard. Dropping it restores
/// the previous one.
#[derive(Debug)]
pub(crate) struct AltStack {
    /// The mapping and the stack it replaced; `None` when the thread had one that is large enough.
    ours: Option<(NonNull<u8>, libc::stack_t)>,
    /// Belongs to its thread.
    _thread: PhantomData<*mut ()>,
}

impl AltStack {
    /// Gives this thread an alternate stack, unless it has one at least as large.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(crate) fn new() -> io::Result<Self> {
        let previous = swap_alt_stack(None)?;
        let enough = previous.ss_flags & libc::SS_DISABLE == 0 && previous.ss_size >= alt_bytes();
        let ours = if enough {
            None
        } else {
            Some((map_alt_stack()?, previous))
        };
        Ok(Self {
            ours,
            _thread: PhantomData,
        })
    }
}

impl Drop for AltStack {
    fn drop(&mut self) {
        let Some((map, mut previous)) = self.ours else {
            return;
        };
        let in_place = swap_alt_stack(None).is_ok_and(|now| now.ss_sp == stack_start(map).cast());
        // Apple's kernel wants a valid size even for "none".
        previous.ss_size = previous.ss_size.max(libc::MINSIGSTKSZ);
        previous.ss_flags &= libc::SS_DISABLE;
        // If somebody has put another in its place it may be restored later, so it must stay
        // mapped.
        if in_place && swap_alt_stack(Some(&previous)).is_ok() {
            // SAFETY: this object's own mapping, which the thread does not use any more.
            unsafe { libc::munmap(map.as_ptr().cast(), page_size() + alt_bytes()) };
        }
    }
}

/// Maps an alternate stack with a guard page below, and puts it in place.
fn map_alt_stack() -> io::Result<NonNull<u8>> {
    let (page, bytes) = (page_size(), page_size() + alt_bytes());
    let map = map(bytes).ok_or_else(io::Error::last_os_error)?;
    let stack = libc::stack_t {
        ss_sp: stack_start(map).cast(),
        ss_flags: 0,
        ss_size: alt_bytes(),
    };
    // SAFETY: the first page of the new mapping, which nobody uses.
    let guarded = unsafe { libc::mprotect(map.as_ptr().cast(), page, libc::PROT_NONE) } == 0;
    let done = if guarded {
        swap_alt_stack(Some(&stack)).map(|_| map)
    } else {
        Err(io::Error::last_os_error())
    };
    if done.is_err() {
        // SAFETY: the mapping made above, which was not put in place.
        unsafe { libc::munmap(map.as_ptr().cast(), bytes) };
    }
    done
}

/// Where the stack in such a mapping starts: above the guard page.
fn stack_start(map: NonNull<u8>) -> *mut u8 {
    map.as_ptr().wrapping_add(page_size())
}

/// Bytes of an alternate stack: four times what the kernel says a signal frame takes at least on
/// this processor, as AVX-512 and AMX state are in it.
fn alt_bytes() -> usize {
    #[cfg(target_os = "linux")]
    // SAFETY: no preconditions; 0 when the kernel does not say.
    let frame = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
    #[cfg(not(target_os = "linux"))]
    let frame = libc::MINSIGSTKSZ;
    ALT_STACK_BYTES.max(frame * 4).next_multiple_of(page_size())
}

/// Replaces this thread's alternate stack, or only asks for it, and returns the one before.
fn swap_alt_stack(new: Option<&libc::stack_t>) -> io::Result<libc::stack_t> {
    let mut old = MaybeUninit::<libc::stack_t>::zeroed();
    // SAFETY: `new` is null or a valid description of memory that its owner keeps mapped; `old` is
    // memory of its type.
    let done =
        unsafe { libc::sigaltstack(new.map_or(ptr::null(), ptr::from_ref), old.as_mut_ptr()) };
    if done == 0 {
        // SAFETY: written by the system; zeroes are valid too.
        Ok(unsafe { old.assume_init() })
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn current() -> (usize, usize) {
        let now = swap_alt_stack(None).unwrap();
        (now.ss_sp.addr(), now.ss_size)
    }

    #[test]
    fn replaces_a_small_one_and_restores_it() {
        thread::spawn(|| {
            let before = current();
            let alt = AltStack::new().unwrap();
            let during = current();
            assert!(during.1 >= ALT_STACK_BYTES && during != before);
            let second = AltStack::new().unwrap();
            assert_eq!(current(), during, "a large one is kept");
            drop(second);
            assert_eq!(current(), during);
            drop(alt);
            assert_eq!(current().0, before.0);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn leaves_a_later_one_alone() {
        thread::spawn(|| {
            let alt = AltStack::new().unwrap();
            let mut memory = vec![0_u8; 2 * alt_bytes()];
            let later = libc::stack_t {
                ss_sp: memory.as_mut_ptr().cast(),
                ss_flags: 0,
                ss_size: memory.len(),
            };
            let ours = swap_alt_stack(Some(&later)).unwrap();
            drop(alt);
            assert_eq!(current().0, memory.as_ptr().addr());
            // Ours is mapped still, so whoever replaced it may restore it.
            swap_alt_stack(Some(&ours)).unwrap();
        })
        .join()
        .unwrap();
    }
}
