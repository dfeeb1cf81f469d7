//! Scenarios of spawning: how much it costs to start a goroutine and to know that it has ended.

use crate::report::Sample;
use gort::{
    runtime::Runtime,
    sync::{
        WaitGroup,
        channel::{Sender, bounded},
    },
};
use std::{
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Instant,
};

/// What the empty goroutines count in, so that none can be left out.
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn bump() {
    COUNT.fetch_add(1, Relaxed);
}

/// One parent, `n` children.
pub(crate) fn fanout(n: usize) -> Sample {
    COUNT.store(0, Relaxed);
    let start = Instant::now();
    let wg = WaitGroup::new();
    for _ in 0..n {
        wg.go(bump);
    }
    wg.wait();
    let sample = Sample::timed(n, start.elapsed());
    assert_eq!(COUNT.load(Relaxed), n);
    sample
}

/// Each spawns the next.
pub(crate) fn chain(n: usize) -> Sample {
    fn link(left: usize, done: Sender<()>) {
        if left == 0 {
            done.send(()).expect("the parent waits");
        } else {
            gort::spawn(move || link(left - 1, done));
        }
    }
    let (done, end) = bounded(1);
    let start = Instant::now();
    link(n, done);
    end.recv().expect("the last link sends");
    Sample::timed(n, start.elapsed())
}

/// Spawn, join, and again.
pub(crate) fn join(n: usize) -> Sample {
    let start = Instant::now();
    let mut sum = 0;
    for i in 0..n {
        sum += gort::spawn(move || i).join().expect("it cannot panic");
    }
    let sample = Sample::timed(n, start.elapsed());
    assert_eq!(sum, (0..n).sum());
    sample
}

/// Four at a time, each with a capture.
pub(crate) fn capture4(n: usize) -> Sample {
    COUNT.store(0, Relaxed);
    let groups = n.div_ceil(4);
    let start = Instant::now();
    for _ in 0..groups {
        let wg = WaitGroup::new();
        for i in 0..4 {
            wg.go(move || {
                black_box(i);
                bump();
            });
        }
        wg.wait();
    }
    let sample = Sample::timed(groups * 4, start.elapsed());
    assert_eq!(COUNT.load(Relaxed), groups * 4);
    sample
}

/// From a thread that is no worker.
pub(crate) fn remote(runtime: &Runtime, n: usize) -> Sample {
    let start = Instant::now();
    let wg = WaitGroup::new();
    wg.add(n);
    for _ in 0..n {
        let wg = wg.clone();
        runtime.spawn(move || wg.done());
    }
    wg.wait();
    Sample::timed(n, start.elapsed())
}

const CHILDREN: usize = 10;

/// The tree with the largest power of ten up to `n` as its number of leaves.
pub(crate) fn skynet(n: usize) -> Sample {
    let leaves = CHILDREN.pow(n.max(CHILDREN).ilog10());
    let start = Instant::now();
    let (tx, rx) = bounded(0);
    gort::spawn(move || node(tx, 0, leaves));
    let sum: usize = rx.recv().expect("the root sends");
    let elapsed = start.elapsed();
    assert_eq!(sum, leaves * (leaves - 1) / 2);
    Sample::timed((leaves * CHILDREN - 1) / (CHILDREN - 1), elapsed)
}

fn node(parent: Sender<usize>, first: usize, leaves: usize) {
    if leaves == 1 {
        return parent.send(first).expect("the parent waits");
    }
    let (tx, rx) = bounded(0);
    let share = leaves / CHILDREN;
    for i in 0..CHILDREN {
        let tx = tx.clone();
        gort::spawn(move || node(tx, first + i * share, share));
    }
    let sum = (0..CHILDREN)
        .map(|_| rx.recv().expect("each child sends"))
        .sum();
    parent.send(sum).expect("the parent waits");
}
