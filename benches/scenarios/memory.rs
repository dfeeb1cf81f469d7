//! Scenarios of many goroutines at once: what they hold, and what coming and going costs.

use crate::report::{Memory, Sample, per_op};
use gort::sync::{WaitGroup, channel::bounded};
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// `n` goroutines park on one channel; closing it releases them all.
///
/// Bytes a goroutine are counted from what the process held before the first round, so in warm
/// rounds too they are what is held while all are parked, and not what was added.
pub(crate) fn parked(n: usize) -> Sample {
    static BEFORE: OnceLock<usize> = OnceLock::new();
    let before = *BEFORE.get_or_init(|| Memory::now().rss_kib);
    let (tx, rx) = bounded::<()>(0);
    let started = WaitGroup::new();
    started.add(n);
    let start = Instant::now();
    let ended = WaitGroup::new();
    for _ in 0..n {
        let (rx, started) = (rx.clone(), started.clone());
        ended.go(move || {
            started.done();
            assert!(rx.recv().is_err(), "nothing is ever sent");
        });
    }
    started.wait();
    let all_parked = start.elapsed();
    let held = Memory::now().rss_kib.saturating_sub(before) * 1024;
    let start = Instant::now();
    drop(tx);
    ended.wait();
    let released = start.elapsed();
    Sample::timed(n, all_parked)
        .with("release_ns_per_op", per_op(released, n))
        .with("bytes_per_goroutine", held as f64 / n as f64)
}

/// 1000 goroutines live at any time, until there were `n` in all.
pub(crate) fn churn(n: usize) -> Sample {
    fn live(left: Arc<AtomicUsize>, chains: WaitGroup) {
        gort::yield_now(); // so that each needs a stack
        let more = left
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
            .is_ok();
        if more {
            gort::spawn(move || live(left, chains));
        } else {
            chains.done();
        }
    }
    let chains = n.min(1000);
    let left = Arc::new(AtomicUsize::new(n - chains));
    let start = Instant::now();
    let wg = WaitGroup::new();
    wg.add(chains);
    for _ in 0..chains {
        let (left, wg) = (Arc::clone(&left), wg.clone());
        gort::spawn(move || live(left, wg));
    }
    wg.wait();
    Sample::timed(n, start.elapsed())
}

/// `n` goroutines sleep, each for one of 1000 whole numbers of milliseconds.
pub(crate) fn sleepers(n: usize) -> Sample {
    let start = Instant::now();
    let wg = WaitGroup::new();
    for i in 0..n {
        wg.go(move || gort::sleep(Duration::from_millis((i % 1000) as u64)));
    }
    wg.wait();
    Sample::timed(n, start.elapsed())
}
