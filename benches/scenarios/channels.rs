//! Scenarios of channels: round trips, flows between producers and consumers, and a ring.

use crate::report::Sample;
use gort::sync::{
    WaitGroup,
    channel::{Receiver, bounded, unbounded},
};
use std::time::Instant;

/// Two goroutines, two unbuffered channels.
pub(crate) fn pingpong(n: usize) -> Sample {
    let (ping, pings) = bounded(0);
    let (pong, pongs) = bounded(0);
    let peer = gort::spawn(move || {
        for v in &pings {
            pong.send(v).expect("the other side waits");
        }
    });
    let start = Instant::now();
    for i in 0..n {
        ping.send(i).expect("the other side waits");
        assert_eq!(pongs.recv(), Ok(i));
    }
    let elapsed = start.elapsed();
    drop(ping);
    peer.join().expect("it cannot panic");
    Sample::timed(n, elapsed)
}

/// The same between two goroutines that were both spawned, so that neither is the parent and each
/// can live apart from the other.
pub(crate) fn pingpong_far(n: usize) -> Sample {
    let (ping, pings) = bounded(0);
    let (pong, pongs) = bounded(0);
    let peer = gort::spawn(move || {
        for v in &pings {
            pong.send(v).expect("the other side waits");
        }
    });
    let player = gort::spawn(move || {
        let start = Instant::now();
        for i in 0..n {
            ping.send(i).expect("the other side waits");
            assert_eq!(pongs.recv(), Ok(i));
        }
        start.elapsed()
    });
    let elapsed = player.join().expect("it cannot panic");
    peer.join().expect("it cannot panic");
    Sample::timed(n, elapsed)
}

/// `n` messages from some producers to some consumers; no capacity: unbounded.
pub(crate) fn flow(
    producers: usize,
    consumers: usize,
    capacity: Option<usize>,
    n: usize,
) -> Sample {
    let (tx, rx) = capacity.map_or_else(unbounded, bounded);
    let each = n.div_ceil(producers);
    let start = Instant::now();
    let ends: Vec<_> = (0..consumers)
        .map(|_| {
            let rx = rx.clone();
            gort::spawn(move || rx.iter().count())
        })
        .collect();
    drop(rx);
    let wg = WaitGroup::new();
    for _ in 0..producers {
        let tx = tx.clone();
        wg.go(move || {
            for i in 0..each {
                tx.send(i).expect("the consumers wait");
            }
        });
    }
    drop(tx);
    wg.wait();
    let received: usize = ends
        .into_iter()
        .map(|end| end.join().expect("it cannot panic"))
        .sum();
    let sample = Sample::timed(each * producers, start.elapsed());
    assert_eq!(received, each * producers);
    sample
}

/// One goroutine alone: 100 sends, then 100 receives.
pub(crate) fn uncontended(n: usize) -> Sample {
    const BATCH: usize = 100;
    let (tx, rx) = bounded(BATCH);
    let batches = n.div_ceil(BATCH);
    let start = Instant::now();
    for _ in 0..batches {
        for i in 0..BATCH {
            tx.send(i).expect("there is room");
        }
        for i in 0..BATCH {
            assert_eq!(rx.recv(), Ok(i));
        }
    }
    Sample::timed(batches * BATCH, start.elapsed())
}

/// A token handed on `n` times in a ring of 503; the parent is one of them.
pub(crate) fn ring(n: usize) -> Sample {
    const SIZE: usize = 503;
    let (first, mut last): (_, Receiver<usize>) = bounded(0);
    for _ in 1..SIZE {
        let (next, end) = bounded(0);
        let from = std::mem::replace(&mut last, end);
        gort::spawn(move || {
            for left in &from {
                if next.send(left - 1).is_err() {
                    return; // the parent has seen the end
                }
            }
        });
    }
    let laps = n.div_ceil(SIZE);
    let start = Instant::now();
    for lap in (1..=laps).rev() {
        first.send(lap * SIZE).expect("the ring waits");
        let left = last.recv().expect("the ring is whole");
        assert_eq!(left, (lap - 1) * SIZE + 1);
    }
    Sample::timed(laps * SIZE, start.elapsed())
}
