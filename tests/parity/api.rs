//! The functions, the two ends, the iterators.

use super::{
    channel::{
        IntoIter, Iter, Receiver, RecvError, RecvTimeoutError, SendError, SendTimeoutError, Sender,
        TryIter, TryRecvError, TrySendError, bounded, never, unbounded,
    },
    run,
};
use crate::support::{DELIBERATE, message, party::spawn, silence};
use std::{
    cell::Cell,
    fmt::Debug,
    iter::FusedIterator,
    mem,
    panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn kinds<T>() -> Vec<(Sender<T>, Receiver<T>)> {
    vec![bounded(0), bounded(1), bounded(5), bounded(100), unbounded()]
}

#[test]
fn types_and_traits() {
    fn end<T: Send + Sync + Clone + Debug + UnwindSafe + RefUnwindSafe>() {}
    end::<Sender<std::cell::Cell<i32>>>();
    end::<Receiver<std::cell::Cell<i32>>>();
    // Ends of values that may not leave their thread exist, too.
    let (tx, rx) = unbounded::<Rc<i32>>();
    tx.send(Rc::new(1)).unwrap();
    assert_eq!(*rx.recv().unwrap(), 1);
    fn iterates<T, I: Iterator<Item = T> + Debug>() {}
    fn fused<I: FusedIterator>() {}
    iterates::<u8, Iter<'_, u8>>();
    iterates::<u8, TryIter<'_, u8>>();
    iterates::<u8, IntoIter<u8>>();
    fused::<Iter<'_, u8>>();
    fused::<IntoIter<u8>>();
    let (tx, rx) = bounded::<u8>(1);
    assert_eq!(format!("{tx:?} {rx:?}"), "Sender { .. } Receiver { .. }");
    assert_eq!(format!("{:?} {:?}", rx.iter(), rx.try_iter()), "Iter { .. } TryIter { .. }");
    assert_eq!(format!("{:?}", rx.into_iter()), "IntoIter { .. }");
}

#[test]
fn capacities() {
    run(|| {
        for (tx, rx) in kinds::<usize>() {
            assert_eq!(tx.capacity(), rx.capacity());
            let room = tx.capacity().unwrap_or(300);
            for i in 0..room {
                assert_eq!([tx.len(), rx.len()], [i; 2]);
                assert_eq!([tx.is_empty(), rx.is_empty()], [i == 0; 2]);
                assert_eq!([tx.is_full(), rx.is_full()], [false; 2]);
                tx.send(i).unwrap();
            }
            assert_eq!([tx.is_full(), rx.is_full()], [tx.capacity().is_some(); 2]);
            if tx.capacity().is_some() {
                assert_eq!(tx.try_send(9), Err(TrySendError::Full(9)));
                assert_eq!(tx.send_timeout(9, ms(1)), Err(SendTimeoutError::Timeout(9)));
                let past = Instant::now();
                assert_eq!(tx.send_deadline(9, past), Err(SendTimeoutError::Timeout(9)));
            }
            assert!(rx.try_iter().eq(0..room));
            assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
            assert_eq!(rx.recv_timeout(ms(1)), Err(RecvTimeoutError::Timeout));
            assert_eq!(rx.recv_deadline(Instant::now()), Err(RecvTimeoutError::Timeout));
        }
    });
}

#[test]
fn never_delivers_nothing() {
    run(|| {
        let rx = never::<i32>();
        let seen = (rx.len(), rx.is_empty(), rx.is_full(), rx.capacity());
        assert_eq!(seen, (0, true, true, Some(0)));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(rx.try_iter().next(), None);
        let start = Instant::now();
        assert_eq!(rx.recv_timeout(ms(5)), Err(RecvTimeoutError::Timeout));
        assert!(start.elapsed() >= ms(5));
        assert!(rx.same_channel(&rx.clone()));
        assert!(rx.same_channel(&never()));
        assert!(!rx.same_channel(&unbounded().1));
    });
}

#[test]
fn same_channel() {
    run(|| {
        for (tx, rx) in kinds::<u8>() {
            assert!(tx.same_channel(&tx) && tx.same_channel(&tx.clone()));
            assert!(rx.same_channel(&rx) && rx.same_channel(&rx.clone()));
            for (other_tx, other_rx) in kinds() {
                assert!(!tx.same_channel(&other_tx));
                assert!(!rx.same_channel(&other_rx) && !other_rx.same_channel(&rx));
            }
        }
    });
}

#[test]
fn a_side_is_gone_with_its_last_handle() {
    run(|| {
        for (tx, rx) in kinds() {
            let (tx2, rx2) = (tx.clone(), rx.clone());
            drop((tx, rx));
            if tx2.capacity() != Some(0) {
                tx2.send(1).unwrap();
            }
            let left = tx2.len();
            drop(tx2);
            assert_eq!(rx2.iter().count(), left);
            assert_eq!(rx2.recv(), Err(RecvError));
            assert_eq!(rx2.try_recv(), Err(TryRecvError::Disconnected));
            assert_eq!(rx2.recv_timeout(ms(9999)), Err(RecvTimeoutError::Disconnected));
            assert_eq!(rx2.recv_deadline(Instant::now()), Err(RecvTimeoutError::Disconnected));
        }
        for (tx, rx) in kinds() {
            drop(rx);
            assert_eq!(tx.send(1), Err(SendError(1)));
            assert_eq!(tx.try_send(2), Err(TrySendError::Disconnected(2)));
            assert_eq!(tx.send_timeout(3, ms(9999)), Err(SendTimeoutError::Disconnected(3)));
            let past = Instant::now();
            assert_eq!(tx.send_deadline(4, past), Err(SendTimeoutError::Disconnected(4)));
            assert_eq!(tx.len(), 0);
        }
    });
}

#[test]
fn iterators() {
    run(|| {
        for (tx, rx) in kinds() {
            let sender = spawn(move || (0..50).for_each(|i| tx.send(i).unwrap()));
            assert!(rx.iter().take(10).eq(0..10));
            let mut some = Vec::new();
            for i in &rx {
                some.push(i);
                if i == 19 {
                    break;
                }
            }
            assert!(some.into_iter().eq(10..20));
            let mut all = rx.into_iter();
            assert!(all.by_ref().eq(20..50));
            assert_eq!((all.next(), all.next()), (None, None));
            sender.join().unwrap();
        }
        let (tx, rx) = unbounded();
        (0..3).for_each(|i| tx.send(i).unwrap());
        let mut now = rx.try_iter();
        let four = (now.next(), now.next(), now.next(), now.next());
        assert_eq!(four, (Some(0), Some(1), Some(2), None));
        // It is no fused iterator: what comes later is found later.
        tx.send(4).unwrap();
        assert_eq!(now.next(), Some(4));
    });
}

/// Counts its drops.
#[derive(Clone)]
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn each_value_is_dropped_once() {
    run(|| {
        for (tx, rx) in kinds().into_iter().skip(1) {
            let drops = Arc::new(AtomicUsize::new(0));
            let count = tx.capacity().unwrap_or(77);
            (0..count).for_each(|_| drop(tx.send(Counted(drops.clone()))));
            assert_eq!(drops.load(SeqCst), 0);
            drop(rx.recv());
            assert_eq!(drops.load(SeqCst), 1);
            drop(rx);
            // An error holds the value; it goes with the error.
            let before = drops.load(SeqCst);
            let error = tx.send(Counted(drops.clone())).err();
            assert_eq!(drops.load(SeqCst), before);
            drop(error);
            assert_eq!(drops.load(SeqCst), before + 1);
            drop(tx);
            assert_eq!(drops.load(SeqCst), count + 1);
        }
        // With the senders nothing goes.
        let drops = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = unbounded();
        drop(tx.send(Counted(drops.clone())));
        drop(tx);
        assert_eq!(drops.load(SeqCst), 0);
        drop(rx);
        assert_eq!(drops.load(SeqCst), 1);
    });
}

#[test]
fn both_sides_wait_for_each_other() {
    run(|| {
        let (tx, rx) = bounded(0);
        let (other_tx, other_rx) = bounded(0);
        let partner = spawn(move || {
            for i in rx {
                other_tx.send(i * 2).unwrap();
            }
        });
        for i in 0..500 {
            tx.send(i).unwrap();
            assert_eq!(other_rx.recv(), Ok(i * 2));
        }
        drop(tx);
        assert_eq!(other_rx.recv(), Err(RecvError));
        partner.join().unwrap();
    });
}

#[test]
fn each_value_goes_to_one_receiver() {
    run(|| {
        for (tx, rx) in kinds::<usize>() {
            let receivers: Vec<_> = (0..4)
                .map(|_| rx.clone())
                .map(|rx| spawn(move || rx.iter().sum::<usize>()))
                .collect();
            let senders: Vec<_> = (0..4)
                .map(|_| tx.clone())
                .map(|tx| spawn(move || (0..500).for_each(|i| tx.send(i).unwrap())))
                .collect();
            drop((tx, rx));
            senders.into_iter().for_each(|sender| sender.join().unwrap());
            let sums = receivers.into_iter().map(|receiver| receiver.join().unwrap());
            assert_eq!(sums.sum::<usize>(), 4 * 499 * 250);
        }
    });
}

#[test]
fn odd_values() {
    run(|| {
        #[repr(align(256))]
        #[derive(Clone, Copy, Debug, PartialEq)]
        struct Aligned(u8);
        for (tx, rx) in kinds::<Aligned>() {
            let sender = spawn(move || (0..40).for_each(|i| tx.send(Aligned(i)).unwrap()));
            for i in 0..40 {
                let got = rx.recv().unwrap();
                assert_eq!((&raw const got).addr() % 256, 0);
                assert_eq!(got, Aligned(i));
            }
            sender.join().unwrap();
        }
        for (tx, rx) in kinds::<()>() {
            let sender = spawn(move || (0..40).for_each(|_| tx.send(()).unwrap()));
            assert_eq!(rx.iter().count(), 40);
            sender.join().unwrap();
        }
        // Values that are channels' ends themselves.
        let (tx, rx) = bounded::<Sender<u8>>(0);
        let answerer = spawn(move || rx.recv().unwrap().send(3).unwrap());
        let (answer_tx, answer) = bounded(0);
        tx.send(answer_tx).unwrap();
        assert_eq!(answer.recv(), Ok(3));
        answerer.join().unwrap();
    });
}

/// Its destructor panics, the first time; it notes that it ran.
struct Fragile<'a>(&'a Cell<u32>);

impl Drop for Fragile<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
        panic!("{DELIBERATE}: a destructor, run {}", self.0.get());
    }
}

#[test]
fn a_value_whose_drop_panics_leaks_those_after_it() {
    silence();
    run(|| {
        let drops = [Cell::new(0), Cell::new(0)];
        for (drops, (tx, rx)) in drops.iter().zip([bounded(3), unbounded()]) {
            for _ in 0..3 {
                tx.send(Fragile(drops)).map_err(mem::forget).unwrap();
            }
            drop(tx);
            let panic = catch_unwind(AssertUnwindSafe(|| drop(rx))).unwrap_err();
            assert!(message(&*panic).ends_with("run 1"), "{}", message(&*panic));
            assert_eq!(drops.get(), 1);
        }
    });
}
