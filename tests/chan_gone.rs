//! Channels that outlive a runtime in which goroutines waited for them: nobody is paired with
//! those.

mod support;

use gort::{
    runtime::Runtime,
    sync::channel::{Receiver, Select, Sender, TryRecvError, TrySendError, bounded, never, select},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};
use support::{PATIENCE, Watchdog, runtime, within};

const LONG: Duration = Duration::from_secs(50);

fn watch(what: &str) -> Watchdog {
    Watchdog::with(PATIENCE, what, || String::from("no dump\n"))
}

/// A runtime that is dropped once so many of its goroutines wait for a channel.
fn left_waiting(workers: usize, count: usize, start: impl Fn(&Runtime)) {
    let runtime = runtime(workers);
    start(&runtime);
    let waiting = || {
        let dump = runtime.dump();
        let words = ["[chan send", "[chan receive", "[select"];
        let rows = dump.lines().filter(|row| row.starts_with("goroutine "));
        rows.filter(|row| words.iter().any(|word| row.contains(word)))
            .count()
    };
    let all_wait = within(LONG, || {
        waiting() == count && runtime.num_goroutines() == count
    });
    assert!(all_wait, "{}", runtime.dump());
    drop(runtime);
}

fn each(body: impl Fn(usize)) {
    let _watchdog = watch("a channel that outlives a runtime");
    support::WORKERS.iter().for_each(|workers| body(*workers));
}

#[test]
fn no_value_is_given_to_receivers_that_are_gone() {
    each(|workers| {
        for cap in [0, 1] {
            let (tx, rx) = bounded(cap);
            left_waiting(workers, 3, |runtime| {
                let (a, b, c) = (rx.clone(), rx.clone(), rx.clone());
                drop(runtime.spawn(move || a.recv()));
                drop(runtime.spawn(move || b.recv_timeout(Duration::MAX)));
                drop(
                    runtime.spawn(
                        move || select! { recv(c) -> msg => msg, recv(never()) -> msg => msg },
                    ),
                );
            });
            if cap == 0 {
                assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
                select! { send(tx, 1) -> _ => unreachable!(), default => {} }
                assert!(!is_ready_to_send(&tx));
            } else {
                assert_eq!(tx.try_send(1), Ok(()));
                assert_eq!(rx.recv(), Ok(1));
            }
            let alive = rx.clone();
            let receiver = thread::spawn(move || alive.recv());
            assert_eq!(tx.send_timeout(2, LONG), Ok(()));
            assert_eq!(receiver.join().unwrap(), Ok(2));
        }
    });
}

fn is_ready_to_send(tx: &Sender<i32>) -> bool {
    let mut sel = Select::new();
    sel.send(tx);
    sel.try_ready().is_ok()
}

#[test]
fn no_place_is_reserved_for_selects_that_are_gone() {
    each(|workers| {
        let (tx, rx) = bounded(1);
        tx.send(0).unwrap();
        left_waiting(workers, 2, |runtime| {
            for _ in 0..2 {
                let tx = tx.clone();
                drop(runtime.spawn(move || {
                    select! { send(tx, 1) -> res => res.is_ok(), recv(never::<()>()) -> _ => false }
                }));
            }
        });
        assert_eq!(rx.recv(), Ok(0));
        assert_eq!(tx.try_send(2), Ok(()));
        assert_eq!(rx.try_recv(), Ok(2));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn no_receiver_waits_for_the_message_of_a_select_that_is_gone() {
    each(|workers| {
        let (tx, rx) = bounded(0);
        left_waiting(workers, 1, |runtime| {
            let tx = tx.clone();
            drop(runtime.spawn(move || {
                select! { send(tx, 1) -> res => res.is_ok(), recv(never::<()>()) -> _ => false }
            }));
        });
        let mut sel = Select::new();
        sel.recv(&rx);
        assert!(sel.try_ready().is_err());
        let sender = thread::spawn(move || tx.send(2));
        assert_eq!(rx.recv(), Ok(2));
        assert_eq!(sender.join().unwrap(), Ok(()));
    });
}

#[test]
fn the_value_of_a_sender_that_is_gone_is_received() {
    each(|workers| {
        for cap in [0, 1] {
            let (tx, rx) = bounded(cap);
            (0..cap).for_each(|_| tx.send(0).unwrap());
            left_waiting(workers, 1, |runtime| {
                let tx = tx.clone();
                drop(runtime.spawn(move || tx.send(1)));
            });
            (0..cap).for_each(|_| assert_eq!(rx.recv(), Ok(0)));
            assert_eq!(rx.recv(), Ok(1));
        }
    });
}

#[test]
fn a_message_for_a_receiver_that_is_gone_by_then_goes_to_the_next() {
    each(|workers| {
        let (tx, rx) = bounded(0);
        let mut sel = Select::new();
        sel.send(&tx);
        // Chosen while its runtime still runs, and given the message after that has ended.
        let runtime = runtime(workers);
        let theirs = rx.clone();
        drop(runtime.spawn(move || theirs.recv()));
        let operation = sel.select();
        drop(runtime);
        assert_eq!(operation.send(&tx, 3), Ok(()));
        assert_eq!(rx.recv_deadline(Instant::now() + LONG), Ok(3));
    });
}

/// Goroutines that pass numbers on in every way until their runtime ends, which may be at any
/// moment.
fn populate(runtime: &Runtime, tx: &Sender<u64>, rx: &Receiver<u64>, next: &Arc<AtomicU64>) {
    for kind in 0..8 {
        let (tx, rx, next) = (tx.clone(), rx.clone(), next.clone());
        let number = move || next.fetch_add(1, SeqCst);
        drop(runtime.spawn(move || {
            loop {
                match kind % 4 {
                    0 => assert!(tx.send(number()).is_ok()),
                    1 => assert!(rx.recv().is_ok()),
                    2 => select! {
                        send(tx, number()) -> res => assert!(res.is_ok()),
                        recv(rx) -> msg => assert!(msg.is_ok()),
                    },
                    _ => select! {
                        send(tx, number()) -> res => assert!(res.is_ok()),
                        recv(rx) -> msg => assert!(msg.is_ok()),
                        default(Duration::from_micros(50)) => {}
                    },
                }
            }
        }));
    }
}

#[test]
fn a_runtime_ends_in_the_middle_of_it_all() {
    each(|workers| {
        for round in 0..12 {
            let (tx, rx) = bounded(0);
            let next = Arc::new(AtomicU64::new(0));
            let runtime = runtime(workers);
            populate(&runtime, &tx, &rx, &next);
            let has_ended = Arc::new(AtomicBool::new(false));
            let (theirs, ended) = (rx.clone(), has_ended.clone());
            let outside = thread::spawn(move || {
                let mut seen = Vec::new();
                while !ended.load(SeqCst) {
                    seen.extend(theirs.recv_timeout(Duration::from_micros(200)));
                    seen.extend(theirs.try_recv());
                }
                // What is left: values of those that are gone, and of promises that they kept.
                seen.extend(theirs.try_iter());
                seen
            });
            thread::sleep(Duration::from_micros(round * 150));
            drop(runtime);
            has_ended.store(true, SeqCst);
            let mut seen = outside.join().unwrap();
            let count = seen.len();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), count, "a number came twice");
            // Those that are left over hold nobody up.
            let receiver = thread::spawn(move || rx.recv_timeout(LONG));
            assert_eq!(tx.send_timeout(u64::MAX, LONG), Ok(()));
            assert_eq!(receiver.join().unwrap(), Ok(u64::MAX));
        }
    });
}
