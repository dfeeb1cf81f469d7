//! Closing: who sees what, and when. Every operation on every kind of channel in every state.

mod support;

use gort::{
    sleep,
    sync::channel::{
        Receiver, RecvError, RecvTimeoutError, Select, SendError, SendTimeoutError, Sender,
        TryRecvError, TrySendError, bounded, select, unbounded,
    },
};
use std::time::Duration;
use support::party::{explored, spawn, three_ways};

three_ways! {
    truth_table,
    close_gives_values_back_to_parked_senders,
    close_while_a_thousand_wait,
    close_races_with_both_sides,
}

explored! {
    truth_table,
    close_gives_values_back_to_parked_senders,
    close_while_a_thousand_wait = 1,
}

const SHORT: Duration = Duration::from_millis(5);

/// How the channel comes to an end.
type End = fn(Sender<i32>, Receiver<i32>) -> (Option<Sender<i32>>, Option<Receiver<i32>>);

const ENDS: [End; 6] = [
    |tx, rx| {
        tx.close();
        (Some(tx), Some(rx))
    },
    |tx, rx| {
        rx.close();
        (Some(tx), Some(rx))
    },
    |tx, rx| {
        tx.close();
        rx.close();
        tx.clone().close();
        (Some(tx), Some(rx))
    },
    |tx, rx| {
        drop(tx);
        (None, Some(rx))
    },
    |tx, rx| {
        drop(rx);
        (Some(tx), None)
    },
    |tx, rx| {
        tx.close();
        drop(rx);
        (Some(tx), None)
    },
];

fn sends_fail(tx: &Sender<i32>) {
    assert!(tx.is_closed());
    assert_eq!(tx.send(1), Err(SendError(1)));
    assert_eq!(tx.try_send(2), Err(TrySendError::Disconnected(2)));
    assert_eq!(
        tx.send_timeout(3, SHORT),
        Err(SendTimeoutError::Disconnected(3))
    );
    assert_eq!(select! { send(tx, 4) -> res => res }, Err(SendError(4)));
    assert_eq!(
        select! { send(tx, 5) -> res => res, default => Ok(()) },
        Err(SendError(5))
    );
    let mut sel = Select::new();
    sel.send(tx);
    assert_eq!(sel.ready(), 0);
    assert_eq!(sel.select().send(tx, 6), Err(SendError(6)));
}

fn receives_fail(rx: &Receiver<i32>) {
    assert!(rx.is_closed() && rx.is_empty());
    assert_eq!(rx.recv(), Err(RecvError));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(rx.recv_timeout(SHORT), Err(RecvTimeoutError::Disconnected));
    assert_eq!(select! { recv(rx) -> msg => msg }, Err(RecvError));
    assert_eq!(
        select! { recv(rx) -> msg => msg, default => Ok(0) },
        Err(RecvError)
    );
    let mut sel = Select::new();
    sel.recv(rx);
    assert_eq!(sel.ready(), 0);
    assert_eq!(sel.select().recv(rx), Err(RecvError));
    assert_eq!((rx.iter().next(), rx.try_iter().next()), (None, None));
}

fn truth_table() {
    for end in ENDS {
        for (cap, fill) in [
            (Some(0), 0),
            (Some(1), 0),
            (Some(1), 1),
            (Some(5), 3),
            (None, 0),
            (None, 70),
        ] {
            let (tx, rx) = cap.map_or_else(unbounded, bounded);
            (0..fill).for_each(|i| tx.send(i).unwrap());
            assert!(!tx.is_closed() && !rx.is_closed());
            let (tx, rx) = end(tx, rx);
            if let Some(tx) = &tx {
                sends_fail(tx);
                assert_eq!(tx.len(), if rx.is_some() { fill as usize } else { 0 });
            }
            if let Some(rx) = &rx {
                assert!(rx.is_closed());
                // Each way of receiving drains what was sent before.
                for i in 0..fill {
                    let got = match i % 5 {
                        0 => rx.recv().ok(),
                        1 => rx.try_recv().ok(),
                        2 => rx.recv_timeout(SHORT).ok(),
                        3 => select! { recv(rx) -> msg => msg.ok() },
                        _ => rx.iter().next(),
                    };
                    assert_eq!(got, Some(i));
                }
                receives_fail(rx);
            }
            if let Some(tx) = &tx {
                sends_fail(tx);
            }
        }
    }
}

fn close_gives_values_back_to_parked_senders() {
    for cap in [0, 2] {
        let (tx, rx) = bounded(cap);
        (0..cap).for_each(|_| tx.send(-1).unwrap());
        let waiting: Vec<_> = (0..8)
            .map(|i| {
                let tx = tx.clone();
                spawn(move || match i % 3 {
                    0 => tx.send(i).unwrap_err().into_inner() == i,
                    1 => tx.send_timeout(i, Duration::MAX).unwrap_err().into_inner() == i,
                    _ => select! { send(tx, i) -> res => res.unwrap_err().into_inner() == i },
                })
            })
            .collect();
        sleep(Duration::from_millis(30));
        rx.close();
        assert!(waiting.into_iter().all(|waiter| waiter.join().unwrap()));
        assert_eq!(rx.iter().count(), cap);
    }
}

fn close_while_a_thousand_wait() {
    for round in 0..2 {
        let (tx, rx) = bounded::<usize>(0);
        let waiting: Vec<_> = (0..1_000usize)
            .map(|i| {
                let (tx, rx) = (tx.clone(), rx.clone());
                let wait = move || {
                    if round == 0 {
                        rx.recv().is_err()
                    } else {
                        tx.send(i) == Err(SendError(i))
                    }
                };
                spawn(wait)
            })
            .collect();
        sleep(Duration::from_millis(50));
        tx.close();
        assert!(waiting.into_iter().all(|waiter| waiter.join().unwrap()));
    }
}

fn close_races_with_both_sides() {
    // Whatever was acknowledged is received; whatever was not comes back.
    for round in 0..300u64 {
        let (tx, rx) = match round % 3 {
            0 => bounded(0),
            1 => bounded(2),
            _ => unbounded(),
        };
        let closer = tx.clone();
        let sender = spawn(move || {
            // An unbounded channel makes no sender wait, so it leaves room to others by itself.
            let send = |&i: &usize| {
                if i % 64 == 63 {
                    gort::yield_now();
                }
                tx.send(i).is_ok()
            };
            (0..).take_while(send).count()
        });
        let receiver = spawn(move || rx.iter().count());
        sleep(Duration::from_micros(round));
        closer.close();
        assert_eq!(sender.join().unwrap(), receiver.join().unwrap());
    }
}
