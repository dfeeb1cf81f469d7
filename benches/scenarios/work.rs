//! Work and waiting that is no runtime's doing: the same in every program that is compared.

use std::{
    hint::{black_box, spin_loop},
    time::{Duration, Instant},
};

/// A fixed amount of dependent arithmetic: the same number of steps each time.
pub(crate) fn piece_of_work(seed: u64) -> u64 {
    arithmetic(seed, 20_000)
}

/// So many dependent steps, of about 2 ns each; never zero.
pub(crate) fn arithmetic(seed: u64, steps: u32) -> u64 {
    let mut x = seed | 1;
    for _ in 0..steps {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    black_box(x)
}

/// How long ago that was.
pub(crate) fn nanos_since(then: Instant) -> u64 {
    then.elapsed().as_nanos() as u64
}

/// Keeps the thread busy.
pub(crate) fn spin_for(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        spin_loop();
    }
}
