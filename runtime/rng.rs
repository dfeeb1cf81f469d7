//! A tiny random number generator (wyrand): which worker to rob first, which ready arm of a `select!` to take.
//!
//! One add, one wide multiplication, one xor. Not for secrets.
#![forbid(unsafe_code)]

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
};

/// The generator: 64 bits of state, each value of which is a fine seed.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// The generator that starts at `seed`; equal seeds give equal sequences.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 32 random bits.
    #[inline]
    pub(crate) fn next_u32(&mut self) -> u32 {
        // The two constants are wyrand's (wyhash 4): odd, and half of their bits set.
        self.0 = self.0.wrapping_add(0xa076_1d64_78bd_642f);
        let product = u128::from(self.0) * u128::from(self.0 ^ 0xe703_7ed1_a0b4_28db);
        ((product >> 64) as u64 ^ product as u64) as u32
    }

    /// A random number below `n`, by multiply and shift; 0 if `n` is 0.
    ///
    /// Its bias is less than `n / 2^32`: nothing, for workers and arms.
    #[inline]
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(n)) >> 32) as u32
    }
}

/// A seed that differs from call to call and from run to run, from the keys that std draws for its hash maps.
pub(crate) fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use crate::runtime::rng::{Rng, seed};

    #[test]
    fn equal_seeds_give_equal_sequences() {
        let (mut a, mut b, mut other) = (Rng::new(7), Rng::new(7), Rng::new(8));
        let a: Vec<u32> = (0..100).map(|_| a.next_u32()).collect();
        let b: Vec<u32> = (0..100).map(|_| b.next_u32()).collect();
        let other: Vec<u32> = (0..100).map(|_| other.next_u32()).collect();
        assert_eq!(a, b);
        assert_ne!(a, other);
    }

    #[test]
    fn below_is_even_and_in_range() {
        for first in [0, 1, u64::MAX, seed()] {
            let mut rng = Rng::new(first);
            for n in [1_u32, 2, 3, 7, 64] {
                let mut hits = vec![0_u32; n as usize];
                for _ in 0..n * 10_000 {
                    hits[rng.below(n) as usize] += 1;
                }
                // 10,000 expected each, standard deviation below 100.
                assert!(
                    hits.iter().all(|h| (9_300..10_700).contains(h)),
                    "{first} {n} {hits:?}"
                );
            }
        }
    }

    #[test]
    fn below_survives_the_extremes() {
        let mut rng = Rng::new(3);
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.below(1), 0);
        assert!(rng.below(u32::MAX) < u32::MAX);
    }

    #[test]
    fn every_bit_is_alive() {
        let mut rng = Rng::new(0);
        let (mut ones, mut zeros) = (0, 0);
        for _ in 0..200 {
            let bits = rng.next_u32();
            ones |= bits;
            zeros |= !bits;
        }
        assert_eq!((ones, zeros), (u32::MAX, u32::MAX));
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(seed(), seed());
    }
}
