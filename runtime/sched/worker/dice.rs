//! Random numbers for choosing victims (xorshift, Marsaglia 2003).

use std::cell::Cell;

/// A worker's generator.
#[derive(Debug)]
pub(crate) struct Dice(Cell<u32>);

impl Dice {
    /// A generator whose numbers differ from those of other seeds.
    pub(crate) fn new(seed: usize) -> Self {
        Self(Cell::new(
            0x9e37_79b9 ^ (seed as u32).wrapping_mul(0x85eb_ca6b) | 1,
        ))
    }

    /// A number below `below`, which is not 0.
    pub(crate) fn roll(&self, below: usize) -> usize {
        let mut x = self.0.get();
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.0.set(x);
        x as usize % below
    }
}
