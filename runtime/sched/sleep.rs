//! One worker's sleep word: who wakes it, and what for. No unsafe code.
//!
//! | word | meaning |
//! |---|---|
//! | AWAKE | it runs, searches, or is on its way to either |
//! | SLEEPING | it sleeps or is about to; whoever changes the word takes it off the count of sleepers and unparks its thread |
//! | WORK | woken to look at its own queues |
//! | SEARCH | woken as a searcher, and counted as one |
#![forbid(unsafe_code)]

use crate::runtime::prims::{AtomicU8, Ordering};

const AWAKE: u8 = 0;
const SLEEPING: u8 = 1;
const WORK: u8 = 2;
const SEARCH: u8 = 3;

/// The word.
#[derive(Debug)]
pub(crate) struct SleepWord(AtomicU8);

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Awoken {
    /// Woken to look at its own queues.
    ToWork,
    /// Woken as a searcher; already counted.
    ToSearch,
    /// By itself: it must take itself off the count of sleepers.
    Alone,
}

impl SleepWord {
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(AWAKE))
    }

    /// The worker announces its sleep: the first half of `IdleCounts::announce`, whose fence (S3) stands between this and the last look.
    pub(crate) fn announce(&self) {
        // Release (K1): the turns before, for who sees it asleep in `is_sleeping`.
        self.0.store(SLEEPING, Ordering::Release);
    }

    /// Whether it should go on sleeping.
    pub(crate) fn is_sleeping(&self) -> bool {
        // Acquire: what the waker did before `change`; for the detector, what the worker did before `announce` (K1).
        self.0.load(Ordering::Acquire) == SLEEPING
    }

    /// The worker gets up.
    pub(crate) fn get_up(&self) -> Awoken {
        // Acquire: what the waker did before `change`.
        match self.0.swap(AWAKE, Ordering::Acquire) {
            WORK => Awoken::ToWork,
            SEARCH => Awoken::ToSearch,
            _ => Awoken::Alone,
        }
    }

    /// True: the caller takes it off the count of sleepers and unparks its thread.
    #[must_use]
    pub(crate) fn wake_to_work(&self) -> bool {
        self.change(WORK)
    }

    /// As `wake_to_work`; the caller counts it as a searcher.
    #[must_use]
    pub(crate) fn wake_to_search(&self) -> bool {
        self.change(SEARCH)
    }

    fn change(&self, to: u8) -> bool {
        // SeqCst (S1): after the SeqCst push into the inbox; partner of the fence in `IdleCounts::announce` (S3).
        self.0.load(Ordering::SeqCst) == SLEEPING
            && self
                .0
                // Release: what the waker did, for `is_sleeping` and `get_up`.
                .compare_exchange(SLEEPING, to, Ordering::Release, Ordering::Relaxed)
                .is_ok()
    }
}
