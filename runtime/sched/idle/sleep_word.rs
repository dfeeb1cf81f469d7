//! One worker's sleep word: who wakes it, and what for. No unsafe code.
//!
//! | word | meaning |
//! |---|---|
//! | AWAKE | it runs, searches, or is on its way to either |
//! | SLEEPING | it sleeps or is about to, and counts as a sleeper: any waker may choose it |
//! | RESTING | the same, but it does not count: a spare that is not needed now |
//! | WORK | woken to look at what is its own |
//! | SEARCH | woken as a searcher, and counted as one |
//!
//! Whoever changes SLEEPING takes the worker off the count of sleepers; whoever changes SLEEPING or
//! RESTING wakes its thread, which waits for the word to change.
#![forbid(unsafe_code)]

use crate::runtime::prims::{AtomicU32, Ordering};

const AWAKE: u32 = 0;
const SLEEPING: u32 = 1;
const RESTING: u32 = 2;
const WORK: u32 = 3;
const SEARCH: u32 = 4;

/// Whether a worker's sleep counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sleeper {
    /// It may be chosen to search.
    Counted,
    /// It is woken by its own word only.
    Uncounted,
}

/// The word.
#[derive(Debug)]
pub(crate) struct SleepWord(AtomicU32);

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Awoken {
    /// Woken to look at its own queues.
    ToWork,
    /// Woken as a searcher; already counted.
    ToSearch,
    /// By itself. If it was a counted sleeper it must take itself off the count.
    Alone(Sleeper),
}

impl SleepWord {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(AWAKE))
    }

    /// The worker announces its sleep: the first half of `IdleCounts::announce`, whose fence (S3)
    /// stands between this and the last look.
    pub(crate) fn announce(&self, sleeper: Sleeper) {
        let word = match sleeper {
            Sleeper::Counted => SLEEPING,
            Sleeper::Uncounted => RESTING,
        };
        // Release (K1): the turns before, for who sees it asleep in `is_asleep`.
        self.0.store(word, Ordering::Release);
    }

    /// Whether it should go on sleeping.
    pub(crate) fn is_asleep(&self) -> bool {
        // Acquire: what the waker did before `change`; for the detector, what the worker did before
        // `announce` (K1).
        matches!(self.0.load(Ordering::Acquire), SLEEPING | RESTING)
    }

    /// What to wait on while [`is_asleep`](Self::is_asleep): the word, and the value that it must
    /// change from.
    pub(crate) fn waits_on(&self, sleeper: Sleeper) -> (&AtomicU32, u32) {
        match sleeper {
            Sleeper::Counted => (&self.0, SLEEPING),
            Sleeper::Uncounted => (&self.0, RESTING),
        }
    }

    /// The worker gets up.
    pub(crate) fn get_up(&self) -> Awoken {
        // Acquire: what the waker did before `change`.
        match self.0.swap(AWAKE, Ordering::Acquire) {
            WORK => Awoken::ToWork,
            SEARCH => Awoken::ToSearch,
            RESTING => Awoken::Alone(Sleeper::Uncounted),
            _ => Awoken::Alone(Sleeper::Counted),
        }
    }

    /// Wakes it to look at its own queues. `None`: it is awake. Else the caller wakes its thread,
    /// and takes a counted sleeper off the count.
    #[must_use]
    pub(crate) fn wake_to_work(&self) -> Option<Sleeper> {
        // SeqCst (S1): after the SeqCst step of whoever has work for this worker only; partner of
        // the fence in `IdleCounts::announce` (S3).
        match self.0.load(Ordering::SeqCst) {
            SLEEPING if self.change(SLEEPING, WORK) => Some(Sleeper::Counted),
            RESTING if self.change(RESTING, WORK) => Some(Sleeper::Uncounted),
            _ => None,
        }
    }

    /// Wakes a counted sleeper as a searcher. True: the caller takes it off the count of sleepers,
    /// counts it as a searcher, and wakes its thread.
    #[must_use]
    pub(crate) fn wake_to_search(&self) -> bool {
        self.0.load(Ordering::Relaxed) == SLEEPING && self.change(SLEEPING, SEARCH)
    }

    fn change(&self, from: u32, to: u32) -> bool {
        // Release: what the waker did, for `is_asleep` and `get_up`.
        self.0
            .compare_exchange(from, to, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }
}
