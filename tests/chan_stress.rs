//! Channels under load: exactly once, nothing lost, nothing dropped twice, no quadratic waiting.

mod support;

use gort::{
    sync::channel::{Receiver, Select, Sender, bounded, select, unbounded},
    yield_now,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use support::party::{explored, spawn, three_ways};

three_ways! {
    four_to_four_exactly_once,
    linearizable_try,
    linearizable_select,
    every_value_is_dropped_once,
    values_dropped_on_disconnect_race,
    a_panicking_destructor_is_the_last_one,
    leaving_a_popular_channel_takes_constant_time,
    cloning_and_dropping_handles_races_with_use,
    ends_are_as_shareable_as_their_values,
}

explored! {
    four_to_four_exactly_once = 1,
    linearizable_try,
    linearizable_select = 8,
    every_value_is_dropped_once = 1,
    values_dropped_on_disconnect_race,
    a_panicking_destructor_is_the_last_one,
    cloning_and_dropping_handles_races_with_use,
}

fn kinds<T>() -> Vec<(Sender<T>, Receiver<T>)> {
    vec![
        bounded(0),
        bounded(1),
        bounded(7),
        bounded(128),
        unbounded(),
    ]
}

fn four_to_four_exactly_once() {
    const EACH: usize = 25_000;
    for (tx, rx) in kinds::<usize>() {
        let seen: Arc<Vec<AtomicUsize>> =
            Arc::new((0..4 * EACH).map(|_| AtomicUsize::new(0)).collect());
        let senders: Vec<_> = (0..4)
            .map(|s| (s, tx.clone()))
            .map(|(s, tx)| spawn(move || (0..EACH).for_each(|i| tx.send(s * EACH + i).unwrap())))
            .collect();
        drop(tx);
        let receivers: Vec<_> = (0..4)
            .map(|_| (rx.clone(), seen.clone()))
            .map(|(rx, seen)| {
                spawn(move || {
                    // Of one sender's values each receiver sees a growing sequence.
                    let mut last = [None; 4];
                    for value in rx {
                        let (s, i) = (value / EACH, value % EACH);
                        assert!(last[s] < Some(i));
                        last[s] = Some(i);
                        seen[value].fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        senders
            .into_iter()
            .chain(receivers)
            .for_each(|party| party.join().unwrap());
        assert!(seen.iter().all(|count| count.load(Ordering::Relaxed) == 1));
    }
}

fn linearizable_try() {
    // Who has just sent finds something: of the values in the channel each party has put in as many
    // as it has taken out.
    for (tx, rx) in [bounded(4), bounded(100), unbounded()] {
        let parties: Vec<_> = (0..4)
            .map(|_| (tx.clone(), rx.clone()))
            .map(|(tx, rx)| {
                spawn(move || {
                    for _ in 0..25_000 {
                        tx.try_send(()).unwrap();
                        rx.try_recv().unwrap();
                    }
                })
            })
            .collect();
        parties.into_iter().for_each(|party| party.join().unwrap());
    }
}

fn linearizable_select() {
    for (tx, rx) in [bounded(4), unbounded()] {
        let parties: Vec<_> = (0..4)
            .map(|_| (tx.clone(), rx.clone()))
            .map(|(tx, rx)| {
                spawn(move || {
                    for _ in 0..10_000 {
                        select! { send(tx, ()) -> res => res.unwrap(), default => unreachable!() }
                        select! { recv(rx) -> msg => msg.unwrap(), default => unreachable!() }
                    }
                })
            })
            .collect();
        parties.into_iter().for_each(|party| party.join().unwrap());
    }
}

/// Counts its drops.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn every_value_is_dropped_once() {
    let mut seed = 0x1234_5678_9abc_def1_u64;
    let mut random = |n: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % n
    };
    for run in 0..100 {
        let (steps, left) = (random(10_000) as usize, random(100) as usize);
        let drops = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = match run % 4 {
            0 => bounded(0),
            1 => bounded(1),
            2 => bounded(50),
            _ => unbounded(),
        };
        let sender = {
            let (tx, drops) = (tx.clone(), drops.clone());
            spawn(move || {
                for i in 0..steps {
                    let value = Counted(drops.clone());
                    let ok = match i % 3 {
                        0 => tx.send(value).is_ok(),
                        1 => tx.send_timeout(value, Duration::MAX).is_ok(),
                        _ => select! { send(tx, value) -> res => res.is_ok() },
                    };
                    assert!(ok);
                }
            })
        };
        for i in 0..steps {
            match i % 3 {
                0 => drop(rx.recv().unwrap()),
                1 => drop(rx.recv_timeout(Duration::MAX).ok().unwrap()),
                _ => select! { recv(rx) -> msg => drop(msg.unwrap()) },
            }
        }
        sender.join().unwrap();
        assert_eq!(drops.load(Ordering::SeqCst), steps);
        // What is still in the channel goes with the last receiver, while the sender lives on; what
        // was refused, at once.
        (0..left).for_each(|_| drop(tx.try_send(Counted(drops.clone()))));
        let inside = rx.len();
        assert_eq!(drops.load(Ordering::SeqCst), steps + left - inside);
        drop(rx);
        assert_eq!(drops.load(Ordering::SeqCst), steps + left);
        drop(tx);
        assert_eq!(drops.load(Ordering::SeqCst), steps + left);
    }
}

fn values_dropped_on_disconnect_race() {
    for run in 0..300 {
        let drops = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = if run % 2 == 0 {
            unbounded()
        } else {
            bounded(3)
        };
        let made = {
            let drops = drops.clone();
            spawn(move || {
                (1..=1_000)
                    .find(|_| tx.send(Counted(drops.clone())).is_err())
                    .unwrap_or(1_000)
            })
        };
        rx.iter().take(run % 50).for_each(drop);
        drop(rx);
        assert_eq!(made.join().unwrap(), drops.load(Ordering::SeqCst));
    }
}

fn a_panicking_destructor_is_the_last_one() {
    struct Bomb(Arc<AtomicUsize>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.0.fetch_add(1, Ordering::SeqCst) == 1 {
                panic!("the second one");
            }
        }
    }
    for (tx, rx) in [bounded(4), unbounded()] {
        let drops = Arc::new(AtomicUsize::new(0));
        (0..4).for_each(|_| assert!(tx.send(Bomb(drops.clone())).is_ok()));
        assert!(catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err());
        // The others are leaked, and the channel is done with.
        assert_eq!(drops.load(Ordering::SeqCst), 2);
        assert!(tx.is_closed() && tx.is_empty());
        assert!(tx.send(Bomb(drops.clone())).is_err());
        drop(tx);
        assert_eq!(drops.load(Ordering::SeqCst), 3);
    }
}

/// Seconds that `n` waiters on one channel take to join and leave it ten times.
fn leave(n: usize) -> f64 {
    // One select with n arms on one popular channel links and withdraws n nodes each time.
    let (_tx, popular) = bounded::<()>(0);
    let mut sel = Select::new();
    (0..n).for_each(|_| {
        sel.recv(&popular);
    });
    let start = Instant::now();
    for _ in 0..10 {
        assert!(sel.select_timeout(Duration::ZERO).is_err());
    }
    start.elapsed().as_secs_f64()
}

fn leaving_a_popular_channel_takes_constant_time() {
    leave(5_000);
    let best = (0..5)
        .map(|_| leave(10_000) / leave(5_000))
        .fold(f64::INFINITY, f64::min);
    assert!(best < 3.0, "twice the waiters took {best:.1} times as long");
}

fn cloning_and_dropping_handles_races_with_use() {
    let (tx, rx) = bounded(2);
    let parties: Vec<_> = (0..4)
        .map(|i| {
            let (tx, rx) = (tx.clone(), rx.clone());
            spawn(move || {
                for n in 0..5_000 {
                    let (tx, rx) = (tx.clone(), rx.clone());
                    if i % 2 == 0 {
                        tx.send(n).unwrap()
                    } else {
                        assert!(rx.recv().unwrap() < 5_000)
                    }
                }
            })
        })
        .collect();
    parties.into_iter().for_each(|party| party.join().unwrap());
    drop(tx);
    assert!(rx.recv().is_err());
    yield_now();
}

fn ends_are_as_shareable_as_their_values() {
    fn shareable<T: Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    shareable::<Sender<std::cell::Cell<u8>>>();
    shareable::<Receiver<std::cell::Cell<u8>>>();
    fn movable<T: Send + Sync>() {}
    movable::<Select<'_>>();
}
