//! Select: exactly one arm, fairly, at one instant; the macros and the builder.

mod support;

use gort::{
    sleep,
    sync::channel::{
        Receiver, RecvError, Select, SendError, Sender, TryRecvError, bounded, never, select,
        select_biased, unbounded,
    },
    time::now,
    yield_now,
};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use support::party::{explored, spawn, three_ways};

three_ways! {
    fairness,
    fairness_over_sends_and_duplicates,
    fairness_among_parked_duplicates,
    biased_takes_the_first,
    double_select,
    stress_rendezvous,
    stress_buffered,
    plain_and_select_partners_mix,
    two_selects_meet,
    a_select_does_not_meet_itself,
    duplicates,
    losing_arms_consume_nothing,
    one_instant,
    timeouts_and_defaults,
    timeouts_race_with_partners,
    closing_wakes_selects,
    the_macro_takes_what_people_write,
    the_builder,
    many_arms,
    unfinished_operations_give_back_what_they_hold,
    a_place_that_gets_free_leads_to_those_who_wait_on_both_sides,
    a_panicking_message_leaves_the_channel_whole,
    try_recv_meets_a_parked_select,
    ready_waits_for_each_kind_of_readiness,
}

explored! {
    biased_takes_the_first,
    double_select = 1,
    stress_rendezvous,
    stress_buffered = 6,
    plain_and_select_partners_mix = 12,
    two_selects_meet,
    a_select_does_not_meet_itself,
    duplicates = 12,
    losing_arms_consume_nothing,
    one_instant = 2,
    timeouts_and_defaults,
    timeouts_race_with_partners,
    closing_wakes_selects,
    the_macro_takes_what_people_write,
    the_builder,
    many_arms,
    unfinished_operations_give_back_what_they_hold,
    a_place_that_gets_free_leads_to_those_who_wait_on_both_sides,
    a_panicking_message_leaves_the_channel_whole,
    try_recv_meets_a_parked_select,
    ready_waits_for_each_kind_of_readiness,
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn fairness() {
    // Ten thousand choices between two ready channels: 4.9 standard deviations of a fair coin.
    const TRIALS: usize = 10_000;
    let (_tx1, rx1) = (0..TRIALS).fold(unbounded(), |c, _| (c.0.send(1).unwrap(), c).1);
    let (_tx2, rx2) = (0..TRIALS).fold(unbounded(), |c, _| (c.0.send(2).unwrap(), c).1);
    let mut first = 0;
    for _ in 0..TRIALS {
        select! {
            recv(rx1) -> _ => first += 1,
            recv(rx2) -> _ => {}
        }
    }
    let bound = 4.9 * (TRIALS as f64 / 4.0).sqrt();
    assert!(
        (first as f64 - TRIALS as f64 / 2.0).abs() < bound,
        "{first} of {TRIALS}"
    );
}

fn fairness_over_sends_and_duplicates() {
    let (tx, _rx) = unbounded();
    let mut hits = [0; 4];
    for _ in 0..8_000 {
        select! {
            send(tx, 0) -> _ => hits[0] += 1,
            send(tx, 1) -> _ => hits[1] += 1,
            send(&tx, 2) -> _ => hits[2] += 1,
            send(tx.clone(), 3) -> _ => hits[3] += 1,
        }
    }
    // 4.9 sigma of B(8000, 1/4).
    assert!(
        hits.iter().all(|&n: &i32| (n - 2_000).abs() < 190),
        "{hits:?}"
    );
}

fn fairness_among_parked_duplicates() {
    const TRIALS: usize = 10_000;
    let (tx, rx) = bounded(0);
    let receiver = spawn(move || {
        let mut hits = [0; 3];
        for _ in 0..TRIALS {
            select! {
                recv(rx) -> _ => hits[0] += 1,
                recv(rx) -> _ => hits[1] += 1,
                recv(rx) -> _ => hits[2] += 1,
            }
        }
        hits
    });
    let mut hits = [0; 2];
    for n in 0..TRIALS {
        select! {
            send(tx, n) -> res => { res.unwrap(); hits[0] += 1 }
            send(tx, n) -> res => { res.unwrap(); hits[1] += 1 }
        }
    }
    let sigma = |p: f64| (TRIALS as f64 * p * (1.0 - p)).sqrt();
    let fair = |n: usize, p: f64| (n as f64 - TRIALS as f64 * p).abs() < 4.9 * sigma(p);
    assert!(hits.iter().all(|&n| fair(n, 1.0 / 2.0)), "{hits:?}");
    let hits = receiver.join().unwrap();
    assert!(hits.iter().all(|&n| fair(n, 1.0 / 3.0)), "{hits:?}");
}

fn biased_takes_the_first() {
    let (tx, rx) = unbounded();
    let (tx2, rx2) = unbounded();
    for _ in 0..100 {
        tx.send(1).unwrap();
        tx2.send(2).unwrap();
    }
    let mut order = Vec::new();
    while !(rx.is_empty() && rx2.is_empty()) {
        select_biased! {
            recv(rx2) -> msg => order.push(msg.unwrap()),
            recv(rx) -> msg => order.push(msg.unwrap()),
        }
    }
    assert_eq!(order, [[2; 100], [1; 100]].concat());
}

fn double_select() {
    // Two selects on the same pair of channels against two senders, each value received exactly
    // once, in order per channel.
    const N: usize = 100_000;
    for cap in [0, 1, 10] {
        let n = if cap == 0 { N / 4 } else { N };
        let (tx1, rx1) = bounded(cap);
        let (tx2, rx2) = bounded(cap);
        let sender = spawn(move || {
            let (mut a, mut b) = (0, 0);
            while a < n || b < n {
                let (one, two) = (
                    if a < n { Some(&tx1) } else { None },
                    if b < n { Some(&tx2) } else { None },
                );
                match (one, two) {
                    (Some(one), Some(two)) => select! {
                        send(one, a) -> res => { res.unwrap(); a += 1 },
                        send(two, b) -> res => { res.unwrap(); b += 1 },
                    },
                    (Some(one), None) => {
                        one.send(a).unwrap();
                        a += 1
                    }
                    (None, Some(two)) => {
                        two.send(b).unwrap();
                        b += 1
                    }
                    (None, None) => {}
                }
            }
        });
        let (mut a, mut b) = (0, 0);
        while a < n || b < n {
            select! {
                recv(if a < n { &rx1 } else { const { &never() } }) -> msg => {
                    assert_eq!(msg, Ok(a));
                    a += 1
                }
                recv(if b < n { &rx2 } else { const { &never() } }) -> msg => {
                    assert_eq!(msg, Ok(b));
                    b += 1
                }
            }
        }
        sender.join().unwrap();
    }
}

/// Each of the parties both sends and receives, all in selects, over four channels of this
/// capacity.
fn stress(cap: usize, rounds: usize) {
    let channels: Arc<Vec<(Sender<usize>, Receiver<usize>)>> =
        Arc::new((0..4).map(|_| bounded(cap)).collect());
    let (sent, received) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let total = 4 * rounds;
    let parties: Vec<_> = (0..8)
        .map(|party| {
            let (channels, sent, received) = (channels.clone(), sent.clone(), received.clone());
            spawn(move || {
                let (mut out, mut sum) = (0, 0);
                loop {
                    let mut sel = Select::new();
                    let sending = party < 4;
                    if sending && out == rounds {
                        return sum;
                    }
                    for (tx, rx) in channels.iter() {
                        if sending {
                            sel.send(tx)
                        } else {
                            sel.recv(rx)
                        };
                    }
                    let Ok(op) = sel.select_timeout(ms(20)) else {
                        if !sending && received.load(Ordering::SeqCst) == total {
                            return sum;
                        }
                        continue;
                    };
                    let (tx, rx) = &channels[op.index()];
                    if sending {
                        out += 1;
                        let value = sent.fetch_add(1, Ordering::SeqCst) + 1;
                        op.send(tx, value).unwrap();
                    } else {
                        sum += op.recv(rx).unwrap();
                        received.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
        })
        .collect();
    let sum: usize = parties.into_iter().map(|party| party.join().unwrap()).sum();
    assert_eq!(sum, total * (total + 1) / 2);
}

fn stress_rendezvous() {
    stress(0, 2_000);
}

fn stress_buffered() {
    stress(1, 5_000);
    stress(3, 5_000);
}

fn plain_and_select_partners_mix() {
    for cap in [0, 1] {
        let (tx, rx) = bounded(cap);
        let (tx2, rx2) = bounded(cap);
        let senders: Vec<_> = (0..4)
            .map(|i| {
                let (tx, tx2) = (tx.clone(), tx2.clone());
                spawn(move || {
                    for n in 0..3_000usize {
                        match i {
                            0 => tx.send(n).unwrap(),
                            1 => tx2.send(n).unwrap(),
                            _ => select! {
                                send(tx, n) -> res => res.unwrap(),
                                send(tx2, n) -> res => res.unwrap(),
                            },
                        }
                    }
                })
            })
            .collect();
        drop((tx, tx2));
        let receivers: Vec<_> = (0..4)
            .map(|i| {
                let (rx, rx2) = (rx.clone(), rx2.clone());
                spawn(move || {
                    let (mut one, mut two, mut sum) = (rx, rx2, 0);
                    match i {
                        0 => sum = one.iter().sum::<usize>(),
                        1 => sum = two.iter().sum::<usize>(),
                        _ => {
                            let mut open = 2;
                            while open > 0 {
                                select! {
                                    recv(one) -> msg => match msg {
                                        Ok(n) => sum += n,
                                        Err(_) => { one = never(); open -= 1 }
                                    },
                                    recv(two) -> msg => match msg {
                                        Ok(n) => sum += n,
                                        Err(_) => { two = never(); open -= 1 }
                                    },
                                }
                            }
                        }
                    }
                    sum
                })
            })
            .collect();
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
        let sum: usize = receivers
            .into_iter()
            .map(|receiver| receiver.join().unwrap())
            .sum();
        assert_eq!(sum, 4 * 2_999 * 1_500);
    }
}

fn two_selects_meet() {
    // Both sides only ever select; each has a second arm that nobody serves.
    let (tx, rx) = bounded(0);
    let (idle_tx, idle_rx) = bounded::<usize>(0);
    let other = idle_rx.clone();
    let sender = spawn(move || {
        for n in 0..20_000usize {
            select! {
                send(tx, n) -> res => res.unwrap(),
                recv(other) -> _ => unreachable!(),
            }
        }
    });
    for n in 0..20_000usize {
        select! {
            recv(rx) -> msg => assert_eq!(msg, Ok(n)),
            recv(idle_rx) -> _ => unreachable!(),
        }
    }
    sender.join().unwrap();
    drop(idle_tx);
}

fn a_select_does_not_meet_itself() {
    let (tx, rx) = bounded(0);
    let both = |wait| {
        select! {
            send(tx, 1) -> _ => true,
            recv(rx) -> _ => true,
            default(wait) => false,
        }
    };
    assert!(!both(ms(0)));
    assert!(!both(ms(30)));
    // Two of them meet each other, one each way.
    let partner = {
        let (tx, rx) = (tx.clone(), rx.clone());
        spawn(move || {
            select! {
                send(tx, 2) -> res => { res.unwrap(); true }
                recv(rx) -> msg => { assert_eq!(msg, Ok(1)); false }
            }
        })
    };
    let sent = select! {
        send(tx, 1) -> res => { res.unwrap(); true }
        recv(rx) -> msg => { assert_eq!(msg, Ok(2)); false }
    };
    assert_ne!(sent, partner.join().unwrap());
}

fn duplicates() {
    let (tx, rx) = bounded(0);
    let receiver = spawn(move || {
        (0..5_000)
            .map(|_| {
                select! {
                    recv(rx) -> msg => msg.unwrap(),
                    recv(&rx) -> msg => msg.unwrap(),
                    recv(rx.clone()) -> msg => msg.unwrap(),
                }
            })
            .collect::<Vec<usize>>()
    });
    for n in 0..5_000 {
        select! {
            send(tx, n) -> res => res.unwrap(),
            send(&tx, n) -> res => res.unwrap(),
        }
    }
    assert_eq!(receiver.join().unwrap(), (0..5_000).collect::<Vec<_>>());
}

fn losing_arms_consume_nothing() {
    let (tx, rx) = bounded(1);
    let (tx2, rx2) = bounded(1);
    for n in 0..1_000 {
        tx.send(n).unwrap();
        tx2.send(n).unwrap();
        let evaluated = Cell::new(0);
        let value = |v| {
            evaluated.set(evaluated.get() + 1);
            v
        };
        select! {
            recv(rx) -> msg => { assert_eq!(msg, Ok(n)); assert_eq!(rx2.try_recv(), Ok(n)) }
            recv(rx2) -> msg => { assert_eq!(msg, Ok(n)); assert_eq!(rx.try_recv(), Ok(n)) }
            send(tx, value(99)) -> _ => unreachable!(),
        }
        assert_eq!(evaluated.get(), 0);
        assert!(rx.is_empty() && rx2.is_empty());
    }
}

fn one_instant() {
    // At every instant one of the two channels holds a value; a select with a default must never
    // take the default.
    let (tx1, rx1) = bounded(1);
    let (tx2, rx2) = bounded(1);
    tx1.send(()).unwrap();
    let (rx1b, rx2b) = (rx1.clone(), rx2.clone());
    let mover = spawn(move || {
        for _ in 0..50_000 {
            tx2.send(()).unwrap();
            if rx1.recv().is_err() {
                return;
            }
            tx1.send(()).unwrap();
            if rx2.recv().is_err() {
                return;
            }
        }
    });
    let mut ready = Select::new_biased();
    ready.recv(&rx2b);
    ready.recv(&rx1b);
    while !mover.is_finished() {
        // Only looked at: taking one would break the invariant.
        assert!(ready.try_ready().is_ok() || mover.is_finished());
        yield_now();
    }
    mover.join().unwrap();
}

fn timeouts_and_defaults() {
    let (tx, rx) = bounded::<i32>(0);
    let start = now();
    let out = select! {
        recv(rx) -> _ => 1,
        send(tx, 1) -> _ => 2,
        default(ms(40)) => 3,
    };
    assert_eq!(out, 3);
    assert!(now() - start >= ms(40));
    assert_eq!(select! { recv(rx) -> _ => 1, default => 2 }, 2);
    select! { default => {} }
    select! { default(ms(1)) => {} }
    let mut sel = Select::new();
    sel.recv(&rx);
    assert!(sel.try_select().is_err() && sel.try_ready().is_err());
    assert!(sel.select_timeout(ms(10)).is_err() && sel.ready_timeout(ms(10)).is_err());
    assert!(sel.select_deadline(start).is_err() && sel.ready_deadline(start).is_err());
    let sender = spawn(move || {
        sleep(ms(20));
        tx.send(4)
    });
    assert_eq!(
        select! { recv(rx) -> msg => msg, default(ms(5_000)) => Ok(0) },
        Ok(4)
    );
    sender.join().unwrap().unwrap();
}

fn timeouts_race_with_partners() {
    for cap in [0, 1] {
        let (tx, rx) = bounded(cap);
        let sender = spawn(move || {
            (0..3_000u64)
                .filter(|&n| {
                    select! {
                        send(tx, n) -> res => { res.unwrap(); true }
                        default(Duration::from_micros(n % 60)) => false,
                    }
                })
                .collect::<Vec<_>>()
        });
        let mut got = Vec::new();
        for n in 0.. {
            select! {
                recv(rx) -> msg => match msg {
                    Ok(msg) => got.push(msg),
                    Err(RecvError) => break,
                },
                default(Duration::from_micros(n % 50)) => {}
            }
        }
        assert_eq!(sender.join().unwrap(), got);
    }
}

fn closing_wakes_selects() {
    for cap in [0, 1] {
        let (tx, rx) = bounded::<usize>(cap);
        let (full, _keep) = bounded(0);
        let waiting: Vec<_> = (0..8usize)
            .map(|n| {
                let (rx, full) = (rx.clone(), full.clone());
                spawn(move || {
                    select! {
                        recv(rx) -> msg => msg == Err(RecvError),
                        send(full, n) -> _ => false,
                    }
                })
            })
            .collect();
        sleep(ms(20));
        tx.close();
        assert!(waiting.into_iter().all(|waiter| waiter.join().unwrap()));
        assert_eq!(select! { send(tx, 5) -> res => res }, Err(SendError(5)));
    }
}

#[test]
fn an_arm_may_replace_its_channel() {
    // As Go programs set a channel to nil that has ended.
    let ended = bounded::<i32>(0).1;
    let (mut a, mut b, mut c, mut left) = (ended.clone(), ended.clone(), ended, 3);
    while left > 0 {
        select! {
            recv(a) -> _ => { a = never(); left -= 1 }
        }
        select! {
            recv(b) -> _ => { b = never(); left -= 1 }
            default => b = never(),
        }
        select! {
            recv(c) -> _ => { c = never(); left -= 1 }
            default(ms(1)) => c = never(),
        }
    }
    for receiver in [&a, &b, &c] {
        assert!(receiver.same_channel(&never()));
    }
}

#[test]
fn the_macro_takes_what_people_write() {
    let (tx, rx) = unbounded::<Option<u8>>();
    let shared = Arc::new(rx.clone());
    let make = Cell::new(0);
    let receiver = || {
        make.set(make.get() + 1);
        rx.clone()
    };
    for i in 0..6u8 {
        tx.send(Some(i)).unwrap();
        match i {
            0 => select! { recv(rx) -> msg => { assert_eq!(msg, Ok(Some(0))) } },
            1 => select! { recv(&&rx) -> _msg => (), },
            2 => select! { recv(shared) -> _ => {} default => unreachable!() },
            3 => select! { recv(receiver(),) -> _ => {}, },
            4 => {
                let (Ok(v) | Err(v)) = select! { recv(rx) -> msg => msg.map_err(|_| None) };
                assert_eq!(v, Some(4))
            }
            _ => loop {
                select! { recv(rx) -> _ => break, default(ms(1)) => continue }
            },
        }
    }
    assert_eq!(make.get(), 1);
    let message = String::from("moved only if sent");
    select! {
        send(bounded(0).0, message) -> res => { let _: Result<(), SendError<String>> = res; }
        default => {}
    }
}

fn the_builder() {
    let (tx1, rx1) = unbounded();
    let (tx2, rx2) = bounded(1);
    let mut sel = Select::new();
    let a = sel.recv(&rx1);
    let b = sel.send(&tx2);
    sel.remove(b);
    assert!(sel.clone().try_select().is_err());
    let c = sel.send(&tx2);
    assert_eq!((a, b, c), (0, 1, 2));
    let op = sel.select();
    assert_eq!(op.index(), c);
    op.send(&tx2, String::from("x")).unwrap();
    assert_eq!(rx2.recv().unwrap(), "x");
    sel.remove(c);
    tx1.send([7u64; 100]).unwrap();
    assert_eq!(sel.ready(), a);
    assert_eq!(sel.select().recv(&rx1), Ok([7; 100]));
    assert!(catch_unwind(AssertUnwindSafe(|| sel.remove(b))).is_err());
    assert!(catch_unwind(|| Select::new().select()).is_err());
    assert!(catch_unwind(|| Select::new().ready()).is_err());
}

fn many_arms() {
    let channels: Vec<_> = (0..100).map(|_| bounded(0)).collect();
    let (txs, rxs): (Vec<_>, Vec<_>) = channels.into_iter().unzip();
    let sender = spawn(move || (0..1_000).for_each(|n: usize| txs[n * 37 % 100].send(n).unwrap()));
    let mut sel = Select::new();
    rxs.iter().for_each(|rx| {
        sel.recv(rx);
    });
    for n in 0..1_000 {
        let op = sel.select();
        let index = op.index();
        assert_eq!((index, op.recv(&rxs[index])), (n * 37 % 100, Ok(n)));
    }
    sender.join().unwrap();
}

fn unfinished_operations_give_back_what_they_hold() {
    // A reserved place.
    let (tx, rx) = bounded(1);
    let mut sel = Select::new();
    sel.send(&tx);
    let op = sel.select();
    assert!(tx.try_send(1).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(op))).is_err());
    tx.try_send(2).unwrap();
    assert_eq!(rx.recv(), Ok(2));
    // A receiver that was promised a value looks again.
    let (tx, rx) = bounded(0);
    let receiver = spawn(move || rx.recv());
    let mut sel = Select::new();
    sel.send(&tx);
    let op = sel.select();
    assert!(catch_unwind(AssertUnwindSafe(|| op.send(&tx.clone(), 3))).is_err());
    tx.send(4).unwrap();
    assert_eq!(receiver.join().unwrap(), Ok(4));
}

/// A value of a sender that waits for the place goes to the receiver that waits for a value.
fn a_place_that_gets_free_leads_to_those_who_wait_on_both_sides() {
    for is_sent in [false, true] {
        let (tx, rx) = bounded(1);
        let mut sel = Select::new();
        sel.send(&tx);
        let op = sel.select();
        // In this order: a sender that finds a receiver waiting needs no place.
        let sender = tx.clone();
        let sender = spawn(move || sender.send(6));
        sleep(ms(20));
        let receivers: Vec<_> = (0..1 + usize::from(is_sent))
            .map(|_| rx.clone())
            .map(|rx| spawn(move || rx.recv_timeout(ms(20_000))))
            .collect();
        sleep(ms(20));
        let mut expected = vec![6];
        if is_sent {
            op.send(&tx, 5).unwrap();
            expected.push(5);
        } else {
            assert!(catch_unwind(AssertUnwindSafe(|| drop(op))).is_err());
        }
        sender.join().unwrap().unwrap();
        let received = receivers.into_iter().map(|r| r.join().unwrap().unwrap());
        let mut received: Vec<_> = received.collect();
        received.sort_by_key(|n| std::cmp::Reverse(*n));
        assert_eq!(received, expected);
        assert!(rx.is_empty());
    }
}

fn explode() -> i32 {
    panic!("no message")
}

fn a_panicking_message_leaves_the_channel_whole() {
    let (tx, rx) = bounded(0);
    let receiver = spawn(move || rx.recv());
    let result = catch_unwind(AssertUnwindSafe(|| {
        select! {
            send(tx, explode()) -> _ => {}
        }
    }));
    assert!(result.is_err());
    tx.send(1).unwrap();
    assert_eq!(receiver.join().unwrap(), Ok(1));
    // The same, chosen while parked: the receiver looks again.
    let (tx, rx) = bounded::<i32>(0);
    let sender = spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(|| {
            select! {
                send(tx, explode()) -> _ => {}
            }
        }));
        assert!(result.is_err());
        tx.send(2)
    });
    sleep(ms(20));
    assert_eq!(rx.recv(), Ok(2));
    sender.join().unwrap().unwrap();
}

fn try_recv_meets_a_parked_select() {
    let (tx, rx) = bounded(0);
    let (_keep, idle) = bounded::<i32>(0);
    let sender = spawn(move || {
        for n in 0..1_000 {
            select! { send(tx, n) -> res => res.unwrap(), recv(idle) -> _ => unreachable!() }
        }
    });
    let mut next = 0;
    while next < 1_000 {
        match rx.try_recv() {
            Ok(n) => {
                assert_eq!(n, next);
                next += 1
            }
            Err(TryRecvError::Empty) => yield_now(),
            Err(TryRecvError::Disconnected) => break,
        }
    }
    assert_eq!(next, 1_000);
    sender.join().unwrap();
}

fn ready_waits_for_each_kind_of_readiness() {
    for cap in [0, 1] {
        // A value comes.
        let (tx, rx) = bounded(cap);
        let sender = spawn(move || {
            sleep(ms(20));
            tx.send(1).unwrap();
            tx
        });
        let mut sel = Select::new();
        sel.recv(&rx);
        assert_eq!(sel.ready(), 0);
        assert_eq!(rx.recv(), Ok(1));
        // Room, or a receiver, comes.
        let tx = sender.join().unwrap();
        (0..cap).for_each(|_| tx.send(2).unwrap());
        let receiver = spawn(move || {
            sleep(ms(20));
            rx.recv().unwrap();
            rx.recv()
        });
        let mut sel = Select::new();
        sel.send(&tx);
        assert_eq!(sel.ready(), 0);
        tx.send(3).unwrap();
        if cap == 0 {
            tx.send(4).unwrap();
        }
        assert!(receiver.join().unwrap().is_ok());
        // The end comes.
        assert_eq!(sel.ready(), 0);
        // A select on the other side comes.
        let (tx, rx) = bounded(0);
        let sender = spawn(move || {
            sleep(ms(20));
            select! { send(tx, 5) -> res => res.unwrap() }
        });
        let mut sel = Select::new();
        sel.recv(&rx);
        let mut received = Err(TryRecvError::Empty);
        while received.is_err() {
            // It may take longer than a try to make the message.
            assert_eq!(sel.ready(), 0);
            received = rx.try_recv();
        }
        assert_eq!(received, Ok(5));
        sender.join().unwrap();
    }
}
