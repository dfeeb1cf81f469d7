//! A small random number generator per OS thread, for the choice among ready arms.

use crate::runtime::{park, random};
use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
};

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0u64));
}

/// A uniformly random number below `n`, which is not 0.
///
/// Not inlined: the thread-local's address must not be kept by a goroutine across a park.
#[inline(never)]
pub(crate) fn below(n: usize) -> usize {
    // While the thread's locals are being destroyed there is no state left: any choice will do.
    let word = STATE
        .try_with(|state| {
            let next = state.get().wrapping_add(random::STEP);
            state.set(next);
            random::mix(next)
        })
        .unwrap_or(0);
    random::below(word, n)
}

/// Where a test chooses the schedule: a random order of the arms of one select. It goes by their
/// indices, since the order in which they are locked goes by addresses, which differ from run to
/// run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExploredOrder(u64);

impl ExploredOrder {
    /// A new one; `None` where no test chooses.
    #[inline]
    pub(crate) fn new() -> Option<Self> {
        park::explored_choice(usize::MAX).map(|choice| Self(choice as u64))
    }

    /// What arms are sorted by.
    pub(crate) fn key(self, index: usize) -> u64 {
        random::mix(self.0 ^ (index as u64).wrapping_mul(random::STEP))
    }
}
