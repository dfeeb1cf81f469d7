//! How many workers sleep and how many search: one packed word. No unsafe code.
//!
//! Implements protocol S of `runtime/README.md`: whoever makes public work available wakes a
//! sleeper unless somebody searches already (S1); the last searcher looks once more when it stops,
//! and wakes the next if there is work (S4). At most half of the workers search, and with two
//! workers one does.
//!
//! The count of sleepers is never too low: a worker adds itself before it sets its sleep word, and
//! whoever changes that word takes it off. It is too high for moments, which costs a waker a vain
//! look at the words.
#![forbid(unsafe_code)]

use crate::runtime::{
    prims::{AtomicU32, Ordering, fence},
    sched::idle::sleep_word::{Awoken, SleepWord, Sleeper},
};

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
            // Relaxed (S2): whoever sees this searcher relies on what it does when it stops (S4),
            // not on how it starts.
            match self.word.compare_exchange_weak(
                word,
                word + ONE_SEARCHING,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// A searcher stops. True: it was the last one, and there is public work, which others may have
    /// left to it: the caller wakes somebody.
    #[must_use]
    pub(crate) fn end_search(&self, has_work: impl Fn() -> bool) -> bool {
        let last = self.word.fetch_sub(ONE_SEARCHING, Ordering::Relaxed) >> 16 == 1;
        // SeqCst (S4): between the end and the look; partner of the fence between push and
        // `claim_wake` (S1).
        fence(Ordering::SeqCst);
        last && has_work()
    }

    /// A worker announces that it will sleep; its last look at the queues comes after this.
    pub(crate) fn announce(&self, word: &SleepWord, sleeper: Sleeper) {
        if sleeper == Sleeper::Counted {
            self.word.fetch_add(ONE_SLEEPING, Ordering::Relaxed);
        }
        word.announce(sleeper);
        // SeqCst (S3): before the last look; partner of the fence between push and `claim_wake`,
        // and of the two accesses of whoever has work for one worker only (S1).
        fence(Ordering::SeqCst);
    }

    /// The worker does not sleep any more.
    pub(crate) fn get_up(&self, word: &SleepWord) -> Awoken {
        let awoken = word.get_up();
        if awoken == Awoken::Alone(Sleeper::Counted) {
            self.remove_sleeper();
        }
        awoken
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

    /// Wakes one of `count` workers, whose sleep words are `word(0)` and so on, to search, unless
    /// somebody searches already. Returns whose thread the caller must wake.
    ///
    /// A caller that must not lose the wake-up puts a SeqCst fence between its push and this (S1).
    #[must_use]
    pub(crate) fn wake_one<'a>(
        &self,
        count: usize,
        word: impl Fn(usize) -> &'a SleepWord,
        has_work: impl Fn() -> bool,
    ) -> Option<usize> {
        if !self.claim_wake() {
            return None;
        }
        let from = self.sleeping() % count;
        let mut order = (from..count).chain(0..from);
        let woken = order.clone().find(|&i| word(i).wake_to_search());
        if woken.is_some() {
            self.remove_sleeper();
            return woken;
        }
        // They all woke up by themselves, or are not quite asleep. Meanwhile others may have left
        // work to the searcher that this claim counted (S4). This time nobody is counted, so nobody
        // relies on this second look.
        if !self.end_search(has_work) {
            return None;
        }
        order.find(|&i| match word(i).wake_to_work() {
            Some(Sleeper::Counted) => {
                self.remove_sleeper();
                true
            }
            Some(Sleeper::Uncounted) => true,
            None => false,
        })
    }

    /// Claims the right to wake one sleeper, which will then count as a searcher.
    fn claim_wake(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        while word & SLEEPING_MASK != 0 && word >> 16 == 0 {
            match self.word.compare_exchange_weak(
                word,
                word + ONE_SEARCHING,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    pub(crate) fn sleeping(&self) -> usize {
        (self.word.load(Ordering::Relaxed) & SLEEPING_MASK) as usize
    }

    pub(crate) fn searching(&self) -> usize {
        (self.word.load(Ordering::Relaxed) >> 16) as usize
    }
}
