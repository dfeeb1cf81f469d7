//! One direction of a descriptor: how often the system has said that it is ready, and whether
//! somebody waits for that. No unsafe code.
//!
//! | part | meaning |
//! |---|---|
//! | WAITS_BIT | the list of waiters is not empty, or is about to be filled by who holds its lock |
//! | the other bits | the *tick*: how many events there have been |
//!
//! An event bumps the tick and sees in the same step whether somebody waits (R2). Whoever is about
//! to wait sets WAITS_BIT and sees in the same step whether there was an event since it looked
//! (R1). So one of the two sees the other.
#![forbid(unsafe_code)]

use crate::runtime::prims::{AtomicU32, Ordering};

const WAITS_BIT: u32 = 1;
const ONE_EVENT: u32 = 2;

/// The word.
#[derive(Debug)]
pub(crate) struct ReadyWord(AtomicU32);

/// How many events a caller has seen. It looks before it tries what it wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen(u32);

impl Seen {
    /// As a number that is not 0.
    pub(crate) fn number(self) -> u32 {
        self.0 | WAITS_BIT
    }
}

impl ReadyWord {
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// The events so far.
    #[inline]
    pub(crate) fn look(&self) -> Seen {
        // Acquire: pairs with the Release in `report`: what was reported is there to be had.
        Seen(self.0.load(Ordering::Acquire) & !WAITS_BIT)
    }

    /// Whether the caller may wait: there was no event since it looked. It holds the lock of the
    /// list, puts itself in before it leaves the lock, and otherwise calls
    /// [`settle`](Self::settle).
    #[must_use]
    pub(crate) fn begin_wait(&self, seen: Seen) -> bool {
        // Relaxed (R1): one step with the look at the tick. Who is told that there was an event
        // looks again, and acquires there.
        let word = self.0.fetch_or(WAITS_BIT, Ordering::Relaxed);
        word & !WAITS_BIT == seen.0
    }

    /// Says whether the list is empty, under its lock.
    pub(crate) fn settle(&self, is_empty: bool) {
        if is_empty {
            self.0.fetch_and(!WAITS_BIT, Ordering::Relaxed);
        }
    }

    /// An event has come. True: somebody may wait for it, and the caller wakes all of the list.
    #[must_use]
    #[inline]
    pub(crate) fn report(&self) -> bool {
        // Release (R2): pairs with the Acquire in `look`.
        self.0.fetch_add(ONE_EVENT, Ordering::Release) & WAITS_BIT != 0
    }
}
