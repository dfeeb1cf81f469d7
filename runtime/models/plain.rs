//! Plain memory, of which loom reports every race.

use loom::cell::UnsafeCell;

/// A number. Every access must be ordered after the last write, and every write after all accesses
/// before, by whatever the model claims to order them.
pub(crate) struct Plain(UnsafeCell<u32>);

// SAFETY: loom checks the accesses.
unsafe impl Sync for Plain {}
// SAFETY: as above.
unsafe impl Send for Plain {}

impl Plain {
    pub(crate) fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    #[track_caller]
    pub(crate) fn set(&self, value: u32) {
        // SAFETY: loom checks that nobody else looks.
        self.0.with_mut(|at| unsafe { *at = value });
    }

    #[track_caller]
    pub(crate) fn get(&self) -> u32 {
        // SAFETY: loom checks that nobody writes.
        self.0.with(|at| unsafe { *at })
    }

    #[track_caller]
    pub(crate) fn add(&self, by: u32) {
        // SAFETY: loom checks that nobody else looks.
        self.0.with_mut(|at| unsafe { *at += by });
    }
}
