//! The frames of a suspended goroutine, as addresses. What they are called is for the dump to find
//! out.

use crate::runtime::coroutine::Coroutine;
use std::ptr::NonNull;

/// The most frames that are kept of a goroutine: more than people read (Go: 100).
const MOST: usize = 100;

/// Return addresses, innermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Frames {
    pub(crate) addresses: Vec<usize>,
    /// There were more.
    pub(crate) cut: bool,
}

impl Frames {
    /// Adds those of one suspended coroutine. False: with this build's switch they cannot be had.
    ///
    /// # Safety
    /// As [`Coroutine::look`].
    unsafe fn add(&mut self, coroutine: NonNull<Coroutine>) -> bool {
        let mut found = false;
        let mut take = |address: usize, first: usize| {
            // Before it come those of this very look.
            found |= address == first;
            if found && self.addresses.len() == MOST {
                self.cut = true;
            // Some unwinders report the end of a stack as a frame at 0.
            } else if found && address != 0 {
                self.addresses.push(address);
            }
            !self.cut
        };
        let walk = |first: usize| {
            // SAFETY: on the systems that we build for, the unwinder is safe for use by several
            // threads at once.
            unsafe {
                backtrace::trace_unsynchronized(|frame| take(frame.ip().addr(), first));
            }
        };
        // SAFETY: passed on; nothing in `walk` panics.
        unsafe { Coroutine::look(coroutine, walk) }
    }

    /// The frames of a goroutine that is suspended on `coroutine`, those on the stacks from which
    /// it went to bigger ones included. `None`: with this build's switch they cannot be had.
    ///
    /// # Safety
    /// The goroutine is suspended on that coroutine, and stays so until this returns.
    pub(crate) unsafe fn of_suspended(coroutine: NonNull<Coroutine>) -> Option<Self> {
        // SAFETY: passed on; those outside a suspended coroutine are suspended too.
        unsafe { Self::of_chain(Some(coroutine)) }
    }

    /// As `of_suspended`, for a goroutine that runs on `coroutine`, and only the stacks from which
    /// it went there.
    ///
    /// # Safety
    /// The caller runs on that coroutine.
    pub(crate) unsafe fn of_outer(coroutine: NonNull<Coroutine>) -> Option<Self> {
        // SAFETY: the coroutine that the caller runs on is alive; those outside of it are suspended
        // until it ends.
        unsafe { Self::of_chain(Coroutine::outer(coroutine)) }
    }

    /// # Safety
    /// The coroutine and those outside of it are suspended, and stay so.
    unsafe fn of_chain(mut next: Option<NonNull<Coroutine>>) -> Option<Self> {
        let mut frames = Self::default();
        while let Some(coroutine) = next {
            // SAFETY: suspended by the caller's promise.
            if !unsafe { frames.add(coroutine) } {
                return None;
            }
            // SAFETY: alive, being suspended.
            next = unsafe { Coroutine::outer(coroutine) };
        }
        Some(frames)
    }
}
