//! Scenarios of locks: some goroutines share one.

use crate::report::Sample;
use gort::sync::{Mutex, RwMutex, WaitGroup};
use std::{hint::black_box, sync::Arc, time::Instant};

/// `n` times lock, add one, unlock, shared out among the goroutines.
pub(crate) fn mutex(goroutines: usize, n: usize) -> Sample {
    let total = Arc::new(Mutex::new(0));
    let each = n.div_ceil(goroutines);
    let start = Instant::now();
    let wg = WaitGroup::new();
    for _ in 0..goroutines {
        let total = Arc::clone(&total);
        wg.go(move || {
            for _ in 0..each {
                *total.lock() += 1;
            }
        });
    }
    wg.wait();
    let sample = Sample::timed(each * goroutines, start.elapsed());
    assert_eq!(*total.lock(), each * goroutines);
    sample
}

/// `n` times read, or each 100th time write.
pub(crate) fn rw_mutex(goroutines: usize, n: usize) -> Sample {
    let total = Arc::new(RwMutex::new(0));
    let each = n.div_ceil(goroutines);
    let start = Instant::now();
    let wg = WaitGroup::new();
    for _ in 0..goroutines {
        let total = Arc::clone(&total);
        wg.go(move || {
            for i in 0..each {
                if i % 100 == 0 {
                    *total.write() += 1;
                } else {
                    black_box(*total.read());
                }
            }
        });
    }
    wg.wait();
    let sample = Sample::timed(each * goroutines, start.elapsed());
    assert_eq!(*total.read(), each.div_ceil(100) * goroutines);
    sample
}
