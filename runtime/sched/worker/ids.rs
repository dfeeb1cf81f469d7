//! Goroutine ids, taken in blocks so that workers do not share a counter for each spawn.

use crate::runtime::task::pool;
use std::cell::Cell;

/// Ids that a worker takes at a time.
const BLOCK: u64 = 1024;

/// The rest of a worker's block.
#[derive(Debug)]
pub(crate) struct Ids {
    next: Cell<u64>,
    end: Cell<u64>,
}

impl Ids {
    pub(crate) const fn new() -> Self {
        Self {
            next: Cell::new(0),
            end: Cell::new(0),
        }
    }

    /// An unused goroutine id.
    #[inline]
    pub(crate) fn take(&self) -> u64 {
        let id = self.next.get();
        if id < self.end.get() {
            self.next.set(id + 1);
            return id;
        }
        self.refill()
    }

    #[cold]
    fn refill(&self) -> u64 {
        let first = pool::take_ids(BLOCK);
        self.next.set(first + 1);
        self.end.set(first + BLOCK);
        first
    }
}
