//! Scenarios of the scheduler: yielding, sharing work out, stealing, waking a worker that sleeps.

use crate::{
    report::Sample,
    work::{arithmetic, nanos_since, piece_of_work, spin_for},
};
use gort::sync::{
    WaitGroup,
    channel::{Receiver, Sender, bounded},
};
use std::{
    hint::spin_loop,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// `n` yields, shared out among the goroutines.
pub(crate) fn yields(goroutines: usize, n: usize) -> Sample {
    let goroutines = goroutines.min(n);
    let each = n.div_ceil(goroutines);
    let start = Instant::now();
    let wg = WaitGroup::new();
    for _ in 0..goroutines {
        wg.go(move || {
            for _ in 0..each {
                gort::yield_now();
            }
        });
    }
    wg.wait();
    Sample::timed(each * goroutines, start.elapsed())
}

/// A pool of 8, all spawned before the parent first parks, fed through one channel.
///
/// Every member is long-lived and soon homed, so where they first start decides how even the load
/// is.
pub(crate) fn pool_balance(n: usize) -> Sample {
    const POOL: usize = 8;
    let (tx, rx) = bounded(2 * POOL);
    let start = Instant::now();
    let members: Vec<_> = (0..POOL)
        .map(|_| {
            let rx = rx.clone();
            gort::spawn(move || rx.iter().map(piece_of_work).count())
        })
        .collect();
    drop(rx);
    for i in 0..n as u64 {
        tx.send(i).expect("the pool waits");
    }
    drop(tx);
    let shares: Vec<usize> = members
        .into_iter()
        .map(|m| m.join().expect("it cannot panic"))
        .collect();
    let elapsed = start.elapsed();
    assert_eq!(shares.iter().sum::<usize>(), n);
    let most = shares.iter().max().map_or(0, |&most| most);
    Sample::timed(n, elapsed).with("largest_share_percent", 100.0 * most as f64 / n as f64)
}

/// A pool of so many, all parked before the parent hands out the first of `n` jobs over an
/// unbuffered channel.
pub(crate) fn pool(members: usize, n: usize) -> Sample {
    let (tx, rx) = bounded(0);
    let members: Vec<_> = (0..members)
        .map(|_| {
            let rx = rx.clone();
            gort::spawn(move || rx.iter().map(job).count())
        })
        .collect();
    drop(rx);
    gort::sleep(Duration::from_millis(20));
    let start = Instant::now();
    for i in 0..n as u64 {
        tx.send(i).expect("the pool waits");
    }
    drop(tx);
    let done: usize = members
        .into_iter()
        .map(|m| m.join().expect("it cannot panic"))
        .sum();
    let elapsed = start.elapsed();
    assert_eq!(done, n);
    Sample::timed(n, elapsed)
}

/// A job of such a pool: about 0.8 ms.
fn job(seed: u64) -> u64 {
    arithmetic(seed, 400_000)
}

/// A producer that never parks publishes one goroutine each 100 us; only another worker can run it.
pub(crate) fn steal_latency(n: usize) -> Sample {
    let delays: Arc<[AtomicU64]> = (0..n).map(|_| AtomicU64::new(0)).collect();
    let start = Instant::now();
    let wg = WaitGroup::new();
    for i in 0..n {
        let delays = Arc::clone(&delays);
        let published = Instant::now();
        wg.go(move || delays[i].store(nanos_since(published), Ordering::Relaxed));
        spin_for(Duration::from_micros(100));
    }
    wg.wait();
    let each_ns = delays.iter().map(|d| d.load(Ordering::Relaxed)).collect();
    Sample::latency(start.elapsed(), each_ns)
}

/// A goroutine wakes one that started on another worker, which has gone to sleep since.
pub(crate) fn wake_idle(n: usize) -> Sample {
    let (tx, rx) = bounded(1);
    let started = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&started);
    let sleeper = gort::spawn(move || {
        flag.store(true, Ordering::Relaxed);
        delays(&rx)
    });
    while !started.load(Ordering::Relaxed) {
        spin_loop(); // not a yield: another worker must start it
    }
    let start = Instant::now();
    wake_each_millisecond(&tx, n, spin_for);
    drop(tx);
    let each_ns = sleeper.join().expect("it cannot panic");
    Sample::latency(start.elapsed(), each_ns)
}

/// A plain thread wakes this goroutine, whose worker has gone to sleep.
pub(crate) fn wake_idle_thread(n: usize) -> Sample {
    let (tx, rx) = bounded(1);
    let start = Instant::now();
    let waker = thread::spawn(move || wake_each_millisecond(&tx, n, thread::sleep));
    let each_ns = delays(&rx);
    let sample = Sample::latency(start.elapsed(), each_ns);
    waker.join().expect("it cannot panic"); // it has ended: its channel is closed
    sample
}

fn wake_each_millisecond(to: &Sender<Instant>, n: usize, pause: fn(Duration)) {
    for _ in 0..n {
        pause(Duration::from_millis(1));
        to.send(Instant::now()).expect("the other side waits");
    }
}

/// How long each message was on its way, until the channel is closed.
fn delays(from: &Receiver<Instant>) -> Vec<u64> {
    from.iter().map(nanos_since).collect()
}
