//! How many workers sleep and how many search: one packed word. No unsafe code.
//!
//! Implements protocol S of `runtime/README.md`: whoever makes public work available wakes a sleeper unless somebody searches already; the last
//! searcher that finds work wakes the next one. At most half of the workers search, and with two workers one does.
#![forbid(unsafe_code)]

use crate::runtime::prims::{AtomicU32, Ordering};

const ONE_SLEEPING: u32 = 1;
const ONE_SEARCHING: u32 = 1 << 16;
const SLEEPING_MASK: u32 = ONE_SEARCHING - 1;

/// The counts: low half sleeping, high half searching.
#[derive(Debug)]
pub(crate) struct IdleCounts {
    word: AtomicU32,
    max_searching: u32,
}

impl IdleCounts {
    pub(crate) fn new(workers: usize) -> Self {
        let half = u32::try_from(workers.div_ceil(2)).unwrap_or(u32::MAX);
        Self {
            word: AtomicU32::new(0),
            max_searching: half.max(1),
        }
    }

    /// A worker out of work asks to search. False: enough do.
    #[must_use]
    pub(crate) fn start_search(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word >> 16 < self.max_searching {
            // SeqCst (S2): a spawner that sees this searcher does not wake another (S1); the searcher looks at all queues after it.
            match self.word.compare_exchange_weak(
                word,
                word + ONE_SEARCHING,
                Ordering::SeqCst,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// A searcher stops. True: it was the last one.
    pub(crate) fn end_search(&self) -> bool {
        // SeqCst (S2): before the last look at the queues (sleep) or the wake-up of the next searcher (found).
        (self.word.fetch_sub(ONE_SEARCHING, Ordering::SeqCst) >> 16) == 1
    }

    /// A worker announces that it will sleep.
    pub(crate) fn add_sleeper(&self) {
        // SeqCst (S3): before its last look at the queues; partner of the load in `claim_wake` (S1).
        self.word.fetch_add(ONE_SLEEPING, Ordering::SeqCst);
    }

    /// A worker does not sleep any more; done by whoever changed its sleep word.
    pub(crate) fn remove_sleeper(&self) {
        self.word.fetch_sub(ONE_SLEEPING, Ordering::Relaxed);
    }

    /// A cheap hint: is there somebody to wake, and nobody searching?
    pub(crate) fn could_wake(&self) -> bool {
        let word = self.word.load(Ordering::Relaxed);
        word & SLEEPING_MASK != 0 && word >> 16 == 0
    }

    /// Claims the right to wake one sleeper, which will then count as a searcher.
    #[must_use]
    pub(crate) fn claim_wake(&self) -> bool {
        // SeqCst (S1): after the push of the work; partner of `add_sleeper` (S3) and `end_search` (S2).
        let word = self.word.load(Ordering::SeqCst);
        if word & SLEEPING_MASK == 0 || word >> 16 != 0 {
            return false;
        }
        self.word
            .compare_exchange(
                word,
                word + ONE_SEARCHING,
                Ordering::SeqCst,
                Ordering::Relaxed,
            )
            .is_ok()
            || self.claim_wake()
    }

    pub(crate) fn sleeping(&self) -> usize {
        (self.word.load(Ordering::Relaxed) & SLEEPING_MASK) as usize
    }

    pub(crate) fn searching(&self) -> usize {
        (self.word.load(Ordering::Relaxed) >> 16) as usize
    }
}
