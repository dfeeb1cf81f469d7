//! What a goroutine waits for and since when, for dumps: one word, written by the goroutine before
//! each park. No unsafe code.
//!
//! | goroutine | low byte | the other three |
//! |---|---|---|
//! | fresh | 0 | the size class of the stack that it wants |
//! | started | a `WaitReason` as a number; 0 while it runs | the time of its last park or yield |
//!
//! The two share the word because the header's first cache line has no more room. They can: once a
//! goroutine has a stack, nobody asks for the class any more.
#![forbid(unsafe_code)]

use crate::runtime::prims::{AtomicU32, Ordering};

const SHIFT: u32 = 8;

/// A time in seconds since the start of the runtime, as it stands in a [`WaitWord`]. It comes round
/// after 194 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(u32);

impl Stamp {
    pub(crate) fn at(seconds: u64) -> Self {
        // The highest bits do not fit, and are lost on purpose: it comes round.
        Self((seconds as u32) << SHIFT)
    }

    /// Seconds from `earlier` to this.
    pub(crate) fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0) >> SHIFT
    }

    pub(crate) fn to_bits(self) -> u32 {
        self.0
    }

    pub(crate) fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

/// The word.
#[derive(Debug)]
pub(crate) struct WaitWord(AtomicU32);

impl WaitWord {
    /// At birth.
    pub(crate) fn reset(&self, stack_class: u8) {
        self.0
            .store(u32::from(stack_class) << SHIFT, Ordering::Relaxed);
    }

    /// The size class of the stack that it wants; for the holder of a fresh goroutine.
    #[inline]
    pub(crate) fn stack_class(&self) -> u8 {
        (self.0.load(Ordering::Relaxed) >> SHIFT) as u8
    }

    /// Before a park. The goroutine itself.
    #[inline]
    pub(crate) fn begin(&self, now: Stamp, reason: u8) {
        self.0.store(now.0 | u32::from(reason), Ordering::Relaxed);
    }

    /// After a park. The goroutine itself.
    #[inline]
    pub(crate) fn end(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// The reason's number, and since when; for a started goroutine.
    pub(crate) fn get(&self) -> (u8, Stamp) {
        let word = self.0.load(Ordering::Relaxed);
        (word as u8, Stamp(word & !0xff))
    }
}
