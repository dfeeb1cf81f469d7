//! Where a test chooses the schedule: one random number generator for a whole runtime, so that one
//! seed says who runs next, after which operations a goroutine lets others run, and which of
//! several ready arms a select takes.

use crate::runtime::{
    prims::{AtomicU64, AtomicUsize, Ordering},
    random,
};

/// How many tests of this process explore now. Read by operations that would let others run then.
static EXPLORING: AtomicUsize = AtomicUsize::new(0);

/// Whether any test of this process explores now.
#[inline]
pub(crate) fn is_any() -> bool {
    // Relaxed: whoever explores has started its runtime after this, so its goroutines see it.
    EXPLORING.load(Ordering::Relaxed) != 0
}

/// A test explores as long as this lives.
#[derive(Debug)]
pub(crate) struct Exploring(());

impl Exploring {
    pub(crate) fn start() -> Self {
        EXPLORING.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Exploring {
    fn drop(&mut self) {
        EXPLORING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One operation in so many lets others run (guess: short races show within a few seeds, and long
/// programs get on).
const POINTS_PER_YIELD: usize = 3;

/// The choices of one runtime.
#[derive(Debug)]
pub(crate) struct Explorer {
    /// Used by the runtime's one worker only; an atomic since all see the scheduler.
    state: AtomicU64,
}

impl Explorer {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
        }
    }

    /// A number below `n`, which is not 0.
    pub(crate) fn below(&self, n: usize) -> usize {
        let next = self.state.load(Ordering::Relaxed);
        let next = next.wrapping_add(random::STEP);
        self.state.store(next, Ordering::Relaxed);
        random::below(random::mix(next), n)
    }

    /// Whether the goroutine that comes to an operation lets others run first.
    pub(crate) fn yields_here(&self) -> bool {
        self.below(POINTS_PER_YIELD) == 0
    }
}
