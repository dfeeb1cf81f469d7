//! Ready arms are chosen uniformly: 10,000 selects, each arm within 4.9 standard deviations of its
//! share (one false alarm in a million). Those who wait are served in their order.

mod support;

use gort::{
    sleep,
    sync::channel::{Receiver, Select, Sender, bounded, never, select, unbounded},
    testing, yield_now,
};
use std::time::Duration;
use support::party::{spawn, three_ways};

three_ways! {
    two_receivers,
    two_senders,
    a_receiver_and_a_sender,
    three_and_more_arms,
    duplicates_count_as_arms,
    a_list_of_arms,
    a_list_that_asks_what_is_ready,
    arms_that_are_not_ready_take_no_share,
    closed_channels,
    after_parking,
    among_receivers_of_one_channel,
}

const TRIALS: usize = 10_000;

/// Each of these should have had the same share.
#[track_caller]
fn assert_fair(hits: &[usize]) {
    let trials: usize = hits.iter().sum();
    let p = 1.0 / hits.len() as f64;
    let sigma = (trials as f64 * p * (1.0 - p)).sqrt();
    for &n in hits {
        let off = (n as f64 - trials as f64 * p).abs();
        assert!(off < 4.9 * sigma, "{hits:?}: off by {off}, sigma {sigma}");
    }
}

/// A receiver that has a value every time.
fn plenty() -> (Sender<()>, Receiver<()>) {
    let (tx, rx) = unbounded();
    (0..TRIALS).for_each(|_| tx.send(()).unwrap());
    (tx, rx)
}

fn two_receivers() {
    let ((_a_tx, a), (_b_tx, b)) = (plenty(), plenty());
    let mut hits = [0; 2];
    for _ in 0..TRIALS {
        select! {
            recv(a) -> _ => hits[0] += 1,
            recv(b) -> _ => hits[1] += 1,
        }
    }
    assert_fair(&hits);
    let mut hits = [0; 2];
    for _ in 0..TRIALS {
        select! {
            recv(a) -> msg => hits[0] += usize::from(msg.is_ok()),
            recv(b) -> msg => hits[1] += usize::from(msg.is_ok()),
            default => break,
        }
    }
    assert_eq!(hits.iter().sum::<usize>(), TRIALS);
}

fn two_senders() {
    let ((a, _a_rx), (b, _b_rx)) = (bounded(TRIALS), unbounded());
    let mut hits = [0; 2];
    for _ in 0..TRIALS {
        select! {
            send(a, ()) -> _ => hits[0] += 1,
            send(b, ()) -> _ => hits[1] += 1,
        }
    }
    assert_fair(&hits);
}

fn a_receiver_and_a_sender() {
    let ((_tx, rx), (tx, _rx)) = (plenty(), bounded(TRIALS));
    let mut hits = [0; 2];
    for _ in 0..TRIALS {
        select! {
            recv(rx) -> _ => hits[0] += 1,
            send(tx, ()) -> _ => hits[1] += 1,
        }
    }
    assert_fair(&hits);
}

fn three_and_more_arms() {
    let ends: Vec<_> = (0..5).map(|_| plenty()).collect();
    let rx = |i: usize| &ends[i].1;
    let mut hits = [0; 3];
    for _ in 0..TRIALS {
        select! {
            recv(rx(0)) -> _ => hits[0] += 1,
            recv(rx(1)) -> _ => hits[1] += 1,
            recv(rx(2)) -> _ => hits[2] += 1,
        }
    }
    assert_fair(&hits);
    let ends: Vec<_> = (0..5).map(|_| plenty()).collect();
    let rx = |i: usize| &ends[i].1;
    let mut hits = [0; 5];
    for _ in 0..TRIALS {
        select! {
            recv(rx(0)) -> _ => hits[0] += 1,
            recv(rx(1)) -> _ => hits[1] += 1,
            recv(rx(2)) -> _ => hits[2] += 1,
            recv(rx(3)) -> _ => hits[3] += 1,
            recv(rx(4)) -> _ => hits[4] += 1,
        }
    }
    assert_fair(&hits);
}

fn duplicates_count_as_arms() {
    let ((_tx, rx), (_tx2, rx2)) = (plenty(), plenty());
    let mut hits = [0; 3];
    for _ in 0..TRIALS {
        select! {
            recv(rx) -> _ => hits[0] += 1,
            recv(rx2) -> _ => hits[1] += 1,
            recv(rx) -> _ => hits[2] += 1,
        }
    }
    assert_fair(&hits);
}

fn a_list_of_arms() {
    let ends: Vec<_> = (0..7).map(|_| plenty()).collect();
    let mut sel = Select::new();
    ends.iter().for_each(|(_, rx)| {
        sel.recv(rx);
    });
    let mut hits = [0; 7];
    for _ in 0..TRIALS {
        let op = sel.select();
        let index = op.index();
        op.recv(&ends[index].1).unwrap();
        hits[index] += 1;
    }
    assert_fair(&hits);
}

fn a_list_that_asks_what_is_ready() {
    let ends: Vec<_> = (0..4).map(|_| plenty()).collect();
    let mut sel = Select::new();
    ends.iter().for_each(|(_, rx)| {
        sel.recv(rx);
    });
    let mut hits = [0; 4];
    for i in 0..TRIALS {
        let index = if i % 2 == 0 {
            sel.ready()
        } else {
            sel.try_ready().unwrap()
        };
        hits[index] += 1;
    }
    assert_fair(&hits);
}

fn arms_that_are_not_ready_take_no_share() {
    let ((_a_tx, a), (_b_tx, b)) = (plenty(), plenty());
    let (full, _full_rx) = bounded(0);
    let nil = never::<()>();
    let mut hits = [0; 2];
    for _ in 0..TRIALS {
        select! {
            recv(nil) -> _ => unreachable!(),
            recv(a) -> _ => hits[0] += 1,
            send(full, ()) -> _ => unreachable!(),
            recv(b) -> _ => hits[1] += 1,
            recv(nil) -> _ => unreachable!(),
        }
    }
    assert_fair(&hits);
}

fn closed_channels() {
    let ((a, a_rx), (b_tx, b)) = (bounded::<()>(0), bounded::<()>(0));
    drop((a_rx, b_tx));
    let mut hits = [0; 2];
    for _ in 0..TRIALS {
        select! {
            send(a, ()) -> res => { assert!(res.is_err()); hits[0] += 1 }
            recv(b) -> msg => { assert!(msg.is_err()); hits[1] += 1 }
        }
    }
    assert_fair(&hits);
}

/// The partner decides which channel comes, evenly; what the select adds must not skew it, and of
/// two arms on that channel either may get it.
fn after_parking() {
    let (tx, rx) = bounded(0);
    let (parked_tx, parked) = bounded(0);
    let party = spawn(move || {
        let mut hits = [0; 2];
        for _ in 0..TRIALS {
            parked_tx.send(()).unwrap();
            select! {
                recv(rx) -> msg => hits[0] += usize::from(msg.is_ok()),
                recv(rx) -> msg => hits[1] += usize::from(msg.is_ok()),
            }
        }
        hits
    });
    for _ in 0..TRIALS {
        parked.recv().unwrap();
        // Most of them have parked when the value comes.
        yield_now();
        tx.send(()).unwrap();
    }
    let hits = party.join().unwrap();
    assert_eq!(hits.iter().sum::<usize>(), TRIALS);
    assert_fair(&hits);
}

/// First come, first served: of those who wait nobody is passed over.
fn among_receivers_of_one_channel() {
    let (tx, rx) = bounded(0);
    let (here_tx, here) = unbounded();
    let receivers: Vec<_> = (0..4)
        .map(|_| (rx.clone(), here_tx.clone()))
        .map(|(rx, here_tx)| {
            spawn(move || {
                here_tx.send(()).unwrap();
                let mut hits = 0_usize;
                while rx.recv().is_ok() {
                    hits += 1;
                    yield_now();
                }
                hits
            })
        })
        .collect();
    drop(rx);
    assert_eq!(here.iter().take(4).count(), 4);
    // All have parked by then.
    sleep(Duration::from_millis(5));
    (0..TRIALS).for_each(|_| tx.send(()).unwrap());
    drop(tx);
    let hits: Vec<_> = receivers
        .into_iter()
        .map(|receiver| receiver.join().unwrap())
        .collect();
    assert_eq!(hits.iter().sum::<usize>(), TRIALS);
    // No equal shares: some may wait longer for their core than others. But each has some.
    assert!(hits.iter().all(|&n| n > 0), "{hits:?}");
}

/// Sends or receives, by an operation of its own or as an arm of a select.
fn send_by(way: usize, tx: &Sender<usize>, value: usize) {
    match way % 2 {
        0 => tx.send(value).unwrap(),
        _ => select! {
            send(tx, value) -> sent => sent.unwrap(),
            recv(never::<()>()) -> _ => unreachable!(),
        },
    }
}

fn receive_by(way: usize, rx: &Receiver<usize>) -> usize {
    match way % 2 {
        0 => rx.recv().unwrap(),
        _ => select! {
            recv(rx) -> value => value.unwrap(),
            recv(never::<()>()) -> _ => unreachable!(),
        },
    }
}

/// In a bubble it is certain that one waits before the next one comes.
#[test]
fn those_who_wait_are_served_in_the_order_in_which_they_came() {
    const WAITING: usize = 5;
    for cap in [Some(0), Some(1), Some(3), None] {
        testing::bubble(move || {
            let (tx, rx) = cap.map_or_else(unbounded, bounded);
            let receivers: Vec<_> = (0..WAITING)
                .map(|i| {
                    let rx = rx.clone();
                    let receiver = gort::spawn(move || receive_by(i, &rx));
                    testing::wait();
                    receiver
                })
                .collect();
            (0..WAITING).for_each(|i| send_by(i / 2, &tx, i));
            for (i, receiver) in receivers.into_iter().enumerate() {
                assert_eq!(receiver.join().unwrap(), i, "{cap:?}");
            }
        });
        let Some(cap) = cap else { continue };
        testing::bubble(move || {
            let (tx, rx) = bounded(cap);
            (0..cap).for_each(|i| tx.send(i).unwrap());
            for i in cap..cap + WAITING {
                // A select's message is made after its turn has come; so it may come into a buffer
                // after the next one's.
                let way = if cap == 0 { i } else { 0 };
                let tx = tx.clone();
                gort::spawn(move || send_by(way, &tx, i));
                testing::wait();
            }
            for i in 0..cap + WAITING {
                assert_eq!(receive_by(i / 2, &rx), i, "capacity {cap}");
            }
        });
    }
}
