//! Channels: capacity, order, rendezvous, timeouts, disconnection, ownership of values.

mod support;

use gort::{
    sleep,
    sync::channel::{
        Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError,
        TrySendError, bounded, never, unbounded,
    },
    time::now,
    yield_now,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use support::party::{explored, spawn, three_ways};

three_ways! {
    capacity_and_len,
    never_is_a_nil_channel,
    fifo,
    unbounded_keeps_order_across_segments_of_every_phase,
    a_rendezvous_waits_for_its_partner,
    try_meets_a_parked_partner,
    timeouts,
    a_partner_within_the_timeout_counts,
    timeouts_race_with_partners,
    dropping_the_senders_wakes_receivers,
    dropping_the_receivers_wakes_senders,
    clones_keep_the_channel_open,
    iterators,
    zero_sized_values,
    large_values,
    channels_through_channels,
    everybody_starts_at_once,
}

explored! {
    capacity_and_len,
    never_is_a_nil_channel,
    fifo = 4,
    a_rendezvous_waits_for_its_partner,
    try_meets_a_parked_partner,
    timeouts,
    a_partner_within_the_timeout_counts,
    timeouts_race_with_partners,
    dropping_the_senders_wakes_receivers,
    dropping_the_receivers_wakes_senders,
    clones_keep_the_channel_open,
    iterators,
    zero_sized_values,
    large_values,
    channels_through_channels,
    everybody_starts_at_once = 8,
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// One of each kind: a rendezvous, small and larger rings, an unbounded channel.
fn kinds<T>() -> Vec<(Sender<T>, Receiver<T>)> {
    vec![
        bounded(0),
        bounded(1),
        bounded(3),
        bounded(128),
        unbounded(),
    ]
}

fn capacity_and_len() {
    for cap in [0, 1, 2, 10, 200] {
        let (tx, rx) = bounded(cap);
        assert_eq!((tx.capacity(), rx.capacity()), (Some(cap), Some(cap)));
        for i in 0..cap {
            assert_eq!((tx.len(), rx.len()), (i, i));
            assert!(!tx.is_full() && !rx.is_full());
            tx.try_send(i).unwrap();
            assert!(!tx.is_empty() && !rx.is_empty());
        }
        assert!(tx.is_full() && rx.is_full());
        assert_eq!(tx.try_send(7), Err(TrySendError::Full(7)));
        for i in 0..cap {
            assert_eq!(rx.try_recv(), Ok(i));
        }
        assert!(tx.is_empty() && rx.is_empty());
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    }
    let (tx, rx) = unbounded();
    assert_eq!((tx.capacity(), rx.capacity()), (None, None));
    (0..1000).for_each(|i| tx.send(i).unwrap());
    assert_eq!((tx.len(), rx.len()), (1000, 1000));
    assert!(!tx.is_full() && !rx.is_full());
}

fn never_is_a_nil_channel() {
    let rx = never::<i32>();
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(rx.recv_timeout(ms(20)), Err(RecvTimeoutError::Timeout));
    assert_eq!((rx.len(), rx.capacity()), (0, Some(0)));
    assert!(rx.is_empty() && rx.is_full() && !rx.is_closed());
    rx.close();
    assert!(!rx.clone().is_closed() && rx.same_channel(&never()));
}

fn fifo() {
    for (tx, rx) in kinds() {
        let sender = spawn(move || (0..10_000).for_each(|i| tx.send(i).unwrap()));
        for i in 0..10_000 {
            assert_eq!(rx.recv(), Ok(i));
        }
        assert_eq!(rx.recv(), Err(RecvError));
        sender.join().unwrap();
    }
}

fn unbounded_keeps_order_across_segments_of_every_phase() {
    let (tx, rx) = unbounded();
    let (mut sent, mut received) = (0, 0);
    for step in 0..2_000 {
        for _ in 0..step % 71 {
            tx.send(sent).unwrap();
            sent += 1;
        }
        for _ in 0..step % 67 {
            if let Ok(value) = rx.try_recv() {
                assert_eq!(value, received);
                received += 1;
            }
        }
        assert_eq!(rx.len(), sent - received);
    }
    drop(tx);
    assert_eq!(
        rx.iter().collect::<Vec<_>>(),
        (received..sent).collect::<Vec<_>>()
    );
}

fn a_rendezvous_waits_for_its_partner() {
    let (tx, rx) = bounded(0);
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    let received = Arc::new(AtomicUsize::new(0));
    let seen = received.clone();
    let receiver = spawn(move || {
        sleep(ms(50));
        // Set before the receive: a send that returned early would not see it.
        seen.store(1, Ordering::SeqCst);
        rx.recv()
    });
    tx.send(5).unwrap();
    assert_eq!(received.load(Ordering::SeqCst), 1);
    assert_eq!(receiver.join().unwrap(), Ok(5));
}

fn try_meets_a_parked_partner() {
    let (tx, rx) = bounded(0);
    let receiver = spawn(move || (rx.recv(), rx));
    while tx.try_send(3).is_err() {
        yield_now();
    }
    let (got, rx) = receiver.join().unwrap();
    assert_eq!(got, Ok(3));
    let sender = spawn(move || tx.send(4));
    let got = loop {
        match rx.try_recv() {
            Err(TryRecvError::Empty) => yield_now(),
            other => break other,
        }
    };
    assert_eq!(got, Ok(4));
    sender.join().unwrap().unwrap();
}

fn timeouts() {
    for (tx, rx) in kinds() {
        let start = now();
        assert_eq!(rx.recv_timeout(ms(30)), Err(RecvTimeoutError::Timeout));
        assert_eq!(
            rx.recv_deadline(start + ms(60)),
            Err(RecvTimeoutError::Timeout)
        );
        assert!(now() - start >= ms(60));
        assert_eq!(rx.recv_deadline(start), Err(RecvTimeoutError::Timeout));
        if let Some(cap) = tx.capacity() {
            (0..cap).for_each(|i| tx.send(i).unwrap());
            let start = now();
            assert_eq!(
                tx.send_timeout(999, ms(30)),
                Err(SendTimeoutError::Timeout(999))
            );
            assert!(now() - start >= ms(30));
            assert_eq!(
                tx.send_deadline(998, start),
                Err(SendTimeoutError::Timeout(998))
            );
        }
        drop(tx);
        let left = rx.try_iter().count();
        assert_eq!(left, rx.capacity().unwrap_or(0));
        assert_eq!(
            rx.recv_timeout(Duration::MAX),
            Err(RecvTimeoutError::Disconnected)
        );
    }
}

fn a_partner_within_the_timeout_counts() {
    for (tx, rx) in kinds() {
        let sender = spawn(move || {
            sleep(ms(20));
            tx.send_timeout(7, ms(5_000))
        });
        assert_eq!(rx.recv_timeout(ms(5_000)), Ok(7));
        sender.join().unwrap().unwrap();
    }
}

fn timeouts_race_with_partners() {
    // Both sides give up all the time; what was sent must be what was received.
    for (tx, rx) in [bounded(0), bounded(1)] {
        let sender = spawn(move || {
            (0..3_000u64)
                .filter(
                    |&i| match tx.send_timeout(i, Duration::from_micros(i % 60)) {
                        Ok(()) => true,
                        Err(error) => {
                            assert!(error.is_timeout());
                            assert_eq!(error.into_inner(), i);
                            false
                        }
                    },
                )
                .collect::<Vec<_>>()
        });
        let mut got = Vec::new();
        for i in 0.. {
            match rx.recv_timeout(Duration::from_micros(i % 50)) {
                Ok(value) => got.push(value),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        assert_eq!(sender.join().unwrap(), got);
    }
}

fn dropping_the_senders_wakes_receivers() {
    for (tx, rx) in kinds::<i32>() {
        let waiting: Vec<_> = (0..4)
            .map(|_| rx.clone())
            .map(|rx| spawn(move || rx.recv()))
            .collect();
        sleep(ms(20));
        drop(tx);
        for receiver in waiting {
            assert_eq!(receiver.join().unwrap(), Err(RecvError));
        }
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    }
}

fn dropping_the_receivers_wakes_senders() {
    for cap in [0, 1, 3] {
        let (tx, rx) = bounded(cap);
        (0..cap).for_each(|i| tx.send(i).unwrap());
        let waiting: Vec<_> = (0..4)
            .map(|i| (i, tx.clone()))
            .map(|(i, tx)| spawn(move || (i, tx.send(i))))
            .collect();
        sleep(ms(20));
        drop(rx);
        for sender in waiting {
            let (i, result) = sender.join().unwrap();
            assert_eq!(result, Err(SendError(i)));
        }
        assert_eq!(tx.try_send(9), Err(TrySendError::Disconnected(9)));
        assert_eq!(
            tx.send_timeout(9, ms(1)),
            Err(SendTimeoutError::Disconnected(9))
        );
    }
}

fn clones_keep_the_channel_open() {
    let (tx, rx) = unbounded();
    let (tx2, rx2) = (tx.clone(), rx.clone());
    drop((tx, rx));
    tx2.send(1).unwrap();
    assert_eq!(rx2.recv(), Ok(1));
    assert!(!tx2.is_closed() && !rx2.is_closed());
    drop(tx2);
    assert!(rx2.is_closed());
}

fn iterators() {
    let (tx, rx) = unbounded();
    (0..5).for_each(|i| tx.send(i).unwrap());
    assert_eq!(rx.try_iter().take(2).collect::<Vec<_>>(), [0, 1]);
    assert_eq!((&rx).into_iter().take(1).collect::<Vec<_>>(), [2]);
    drop(tx);
    assert_eq!(rx.into_iter().collect::<Vec<_>>(), [3, 4]);
}

fn zero_sized_values() {
    for (tx, rx) in [bounded(0), bounded(1), bounded(usize::MAX), unbounded()] {
        let sender = spawn(move || (0..1000).for_each(|_| tx.send(()).unwrap()));
        assert_eq!(rx.iter().count(), 1000);
        sender.join().unwrap();
    }
}

fn large_values() {
    type Large = [usize; 8 * 1024];
    for (tx, rx) in [bounded::<Large>(0), bounded(2), unbounded()] {
        let sender = spawn(move || (0..50).for_each(|i| tx.send([i; 8 * 1024]).unwrap()));
        let mut count = 0;
        while let Ok(value) = rx.recv() {
            assert!(value.iter().all(|&word| word == count));
            count += 1;
        }
        assert_eq!(count, 50);
        sender.join().unwrap();
    }
}

fn channels_through_channels() {
    let (tx, rx) = bounded(0);
    let sender = spawn(move || {
        let mut tx: Sender<Box<dyn std::any::Any + Send>> = tx;
        for _ in 0..1_000 {
            let (next_tx, next_rx) = bounded::<Box<dyn std::any::Any + Send>>(1);
            tx.send(Box::new(next_rx)).unwrap();
            tx = next_tx;
        }
    });
    let mut rx: Receiver<Box<dyn std::any::Any + Send>> = rx;
    while let Ok(next) = rx.recv() {
        rx = *next.downcast().unwrap();
    }
    sender.join().unwrap();
}

fn everybody_starts_at_once() {
    // Eight parties, each both sides, over one rendezvous: all values come through.
    let (tx, rx) = bounded(0);
    let start = Arc::new(gort::sync::Barrier::new(8));
    let parties: Vec<_> = (0..8usize)
        .map(|i| {
            let (tx, rx, start) = (tx.clone(), rx.clone(), start.clone());
            spawn(move || {
                start.wait();
                if i % 2 == 0 {
                    (0..1_000).for_each(|n| tx.send(n).unwrap());
                    0
                } else {
                    (0..1_000).map(|_| rx.recv().unwrap()).sum::<usize>()
                }
            })
        })
        .collect();
    let sum: usize = parties.into_iter().map(|party| party.join().unwrap()).sum();
    assert_eq!(sum, 4 * 999 * 500);
}
