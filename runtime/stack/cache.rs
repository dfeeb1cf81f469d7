//! The free stacks of one worker: a hot list a class, last in first out.
//!
//! The hot path is a push or a pop of a vector that belongs to one worker: no atomics, no locks. A
//! list that overflows gives the half that waited longest to the pool, an empty one takes a batch
//! from there, so the pool's lock is taken once in 32 stacks of the usual sizes at most.
#![forbid(unsafe_code)]

use crate::runtime::stack::{
    arena::Stack,
    pool::{put_warm, refill},
    size::{CLASSES, SizeClass, StackError},
};
use std::mem;

/// The free stacks of one worker. Not shared: no atomics, no locks while it is neither full nor
/// empty.
#[derive(Debug)]
pub(crate) struct LocalCache {
    hot: [Vec<Stack>; CLASSES],
}

impl LocalCache {
    /// An empty cache.
    pub(crate) const fn new() -> Self {
        Self {
            hot: [const { Vec::new() }; CLASSES],
        }
    }

    /// A stack of the class: the one that came back last, if there is one here.
    ///
    /// # Errors
    /// When there is none anywhere and the system has no room or no guard for another.
    #[inline]
    pub(crate) fn take(&mut self, class: SizeClass) -> Result<Stack, StackError> {
        match self.hot[class.index()].pop() {
            Some(stack) => Ok(stack),
            None => self.take_slow(class),
        }
    }

    #[cold]
    fn take_slow(&mut self, class: SizeClass) -> Result<Stack, StackError> {
        let hot = &mut self.hot[class.index()];
        refill(class, hot)?;
        Ok(hot.pop().expect("a refill without an error yields a stack"))
    }

    /// Takes a stack back. Nobody may be on it, nor will be, and nothing on it may be needed.
    #[inline]
    pub(crate) fn give(&mut self, stack: Stack) {
        let class = stack.class();
        let hot = &mut self.hot[class.index()];
        hot.push(stack);
        if hot.len() > class.hot_cap() {
            spill(class, hot);
        }
    }

    /// Gives all to the pool, where they can be trimmed: for a worker that goes to sleep for long,
    /// or ends.
    pub(crate) fn flush(&mut self) {
        for class in SizeClass::all() {
            let hot = mem::take(&mut self.hot[class.index()]);
            if !hot.is_empty() {
                put_warm(class, hot);
            }
        }
    }
}

impl Drop for LocalCache {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Moves the coldest batch of a full hot list to the pool.
#[cold]
fn spill(class: SizeClass, hot: &mut Vec<Stack>) {
    let batch: Vec<Stack> = hot.drain(..class.batch()).collect();
    put_warm(class, batch);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::stack::pool::trim;
    use std::time::Duration;

    #[test]
    fn the_last_one_back_is_the_first_one_out() {
        let mut cache = LocalCache::new();
        let [a, b] = [(); 2].map(|()| cache.take(SizeClass::DEFAULT).unwrap());
        let (at_a, at_b) = (a.base(), b.base());
        assert_ne!(at_a, at_b);
        cache.give(a);
        cache.give(b);
        assert_eq!(cache.take(SizeClass::DEFAULT).unwrap().base(), at_b);
        assert_eq!(cache.take(SizeClass::DEFAULT).unwrap().base(), at_a);
    }

    #[test]
    fn no_two_workers_hold_the_same_stack() {
        // A class that no other test uses, as the pools are the process's.
        let class = SizeClass::for_bytes(128 << 10).unwrap();
        let rounds = |seed: usize| {
            let mut cache = LocalCache::new();
            for i in 0..200 {
                let n = (i * 7 + seed) % 150;
                let mut mine: Vec<_> = (0..n).map(|_| cache.take(class).unwrap()).collect();
                mine.iter_mut().for_each(|s| s.write_both_ends(seed));
                std::thread::yield_now();
                for s in mine {
                    assert_eq!(s.read_both_ends(), (seed, seed));
                    cache.give(s);
                }
                if i % 16 == seed {
                    trim(Duration::ZERO, 100);
                }
            }
        };
        std::thread::scope(|s| {
            for seed in 1..=4 {
                s.spawn(move || rounds(seed));
            }
        });
    }
}
