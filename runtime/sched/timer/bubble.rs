//! A runtime whose clock is fake: time stands still while any of its goroutines can run, and jumps
//! to the next deadline when none can. What such a runtime has beside others; who jumps, and when,
//! is in `advance`.
#![forbid(unsafe_code)]

use crate::runtime::{
    fake_clock::FakeClock,
    prims::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// What a runtime with a fake clock has beside others.
#[derive(Debug)]
pub(crate) struct Bubble {
    pub(crate) clock: Arc<FakeClock>,
    /// How often a worker has got up.
    ups: AtomicU64,
    /// Calls out of the bubble that hold the time.
    held: AtomicUsize,
    /// The main goroutine has returned or unwound: time stands still for good.
    main_returned: AtomicBool,
    state: Mutex<BubbleState>,
}

/// What the worker decides by that lets the clock go on; behind the bubble's lock.
#[derive(Debug, Default)]
pub(crate) struct BubbleState {
    /// The unparker of the goroutine that waits until all others are blocked.
    pub(crate) blocked_waiter: Option<usize>,
    /// The unparker of the caller of the bubble, who waits for its end.
    pub(crate) watcher: Option<usize>,
    pub(crate) end: Option<BubbleEnd>,
    /// Since when all have been blocked with no deadline ahead, and `ups` at that time.
    pub(crate) stalled: Option<(Instant, u64)>,
}

/// How a bubble ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BubbleEnd {
    /// All goroutines have.
    Finished,
    /// Those that are left are blocked for ever.
    Stalled,
}

impl Bubble {
    pub(crate) fn new(start: Instant) -> Self {
        Self {
            clock: Arc::new(FakeClock::new(start)),
            ups: AtomicU64::new(0),
            held: AtomicUsize::new(0),
            main_returned: AtomicBool::new(false),
            state: Mutex::default(),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, BubbleState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker has got up.
    pub(crate) fn count_up(&self) {
        // Release: pairs with the Acquire in `ups`.
        self.ups.fetch_add(1, Ordering::Release);
    }

    /// How often a worker has got up.
    pub(crate) fn ups(&self) -> u64 {
        // Acquire: pairs with the Release in `count_up`.
        self.ups.load(Ordering::Acquire)
    }

    /// Whether something outside holds the time.
    pub(crate) fn is_held(&self) -> bool {
        // Acquire: pairs with the Release in `release`.
        self.held.load(Ordering::Acquire) > 0
    }

    /// Holds the time until `release`.
    pub(crate) fn hold(&self) {
        self.held.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends a `hold`; by one who runs.
    pub(crate) fn release(&self) {
        // Release: pairs with the Acquire in `is_held`.
        self.held.fetch_sub(1, Ordering::Release);
    }

    /// The main goroutine has come to its end.
    pub(crate) fn main_returns(&self) {
        self.main_returned.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_main_returned(&self) -> bool {
        self.main_returned.load(Ordering::Relaxed)
    }

    /// How it ended, after the watcher's park.
    pub(crate) fn end(&self) -> Option<BubbleEnd> {
        self.lock().end
    }
}
