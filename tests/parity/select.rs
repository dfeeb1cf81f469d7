//! `Select` and `SelectedOperation`: indices, removal, what panics, what is ready.

use super::{
    channel::{
        Receiver, RecvError, Select, SelectedOperation, SendError, Sender, bounded, never,
        unbounded,
    },
    run,
};
use crate::support::party::spawn;
use gort::sleep;
use std::{
    fmt::Debug,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What `f` panics with.
fn panics<T>(f: impl FnOnce() -> T) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).err().expect("it panics");
    crate::support::message(&*payload).to_owned()
}

#[test]
fn traits() {
    fn select<T: Send + Sync + Clone + Default + Debug>() {}
    select::<Select<'_>>();
    fn operation<T: Debug>() {}
    operation::<SelectedOperation<'_>>();
    assert_eq!(format!("{:?}", Select::default()), "Select { .. }");
    let (tx, rx) = unbounded();
    tx.send(1).unwrap();
    let mut sel = Select::new();
    sel.recv(&rx);
    let op = sel.select();
    assert_eq!(format!("{op:?}"), "SelectedOperation { .. }");
    assert_eq!(op.recv(&rx), Ok(1));
}

#[test]
fn indices() {
    run(|| {
        let (tx, rx) = unbounded::<i32>();
        let (tx2, rx2) = bounded::<String>(0);
        let mut sel = Select::new();
        let indices = [sel.recv(&rx), sel.send(&tx2), sel.recv(&rx2), sel.send(&tx), sel.recv(&rx)];
        assert_eq!(indices, [0, 1, 2, 3, 4]);
        // What is removed keeps its number to itself.
        sel.remove(3);
        sel.remove(1);
        assert!(sel.try_select().is_err());
        assert_eq!(sel.send(&tx), 5);
        let op = sel.select();
        assert_eq!(op.index(), 5);
        op.send(&tx, 1).unwrap();
        sel.remove(5);
        let op = sel.select();
        let index = op.index();
        assert!(index == 0 || index == 4, "{index}");
        assert_eq!(op.recv(&rx), Ok(1));
    });
}

#[test]
fn what_panics() {
    run(|| {
        let none = "no operations have been added to `Select`";
        assert_eq!(panics(|| drop(Select::new().select())), none);
        assert_eq!(panics(|| Select::new().ready()), none);
        assert!(Select::new().try_select().is_err() && Select::new().try_ready().is_err());
        let start = Instant::now();
        assert!(Select::new().select_timeout(ms(5)).is_err());
        assert!(Select::new().ready_timeout(ms(5)).is_err());
        assert!(start.elapsed() >= ms(10));

        let (tx, _rx) = bounded::<i32>(1);
        let mut sel = Select::new();
        sel.send(&tx);
        panics(|| sel.remove(1));
        sel.remove(0);
        panics(|| sel.remove(0));

        let (tx, _rx) = bounded::<i32>(1);
        let mut sel = Select::new();
        sel.send(&tx);
        let unfinished = "dropped `SelectedOperation` without completing the operation";
        assert_eq!(panics(|| drop(sel.select())), unfinished);
    });
}

#[test]
fn used_again() {
    run(|| {
        let (tx, rx) = unbounded();
        let mut sel = Select::new();
        let arm = sel.recv(&rx);
        for i in 0..50 {
            assert!(sel.try_select().is_err());
            assert!(sel.select_timeout(Duration::ZERO).is_err());
            tx.send(i).unwrap();
            assert_eq!((sel.try_ready(), sel.ready()), (Ok(arm), arm));
            let op = sel.select();
            assert_eq!((op.index(), op.recv(&rx)), (arm, Ok(i)));
        }
        // A clone is a list of its own.
        let mut clone = sel.clone();
        clone.remove(arm);
        tx.send(1).unwrap();
        assert!(clone.try_ready().is_err());
        assert_eq!(sel.try_ready(), Ok(arm));
    });
}

#[test]
fn disconnected_channels_are_ready() {
    run(|| {
        let (tx, rx) = bounded::<i32>(0);
        let (tx2, rx2) = bounded(0);
        drop((tx, rx2));
        let mut sel = Select::new();
        let (a, b) = (sel.recv(&rx), sel.send(&tx2));
        let (mut received, mut sent) = (0, 0);
        for _ in 0..200 {
            assert!(sel.try_ready().is_ok());
            assert!(sel.ready_timeout(ms(9999)).is_ok());
            let op = sel.select();
            match op.index() {
                i if i == a => {
                    assert_eq!(op.recv(&rx), Err(RecvError));
                    received += 1;
                }
                i => {
                    assert_eq!(i, b);
                    assert_eq!(op.send(&tx2, 5), Err(SendError(5)));
                    sent += 1;
                }
            }
        }
        // Both, by chance: each with a probability of 1/2.
        assert!(received > 40 && sent > 40, "{received} {sent}");
    });
}

#[test]
fn new_biased_takes_the_first_that_was_added() {
    run(|| {
        let (tx, rx) = unbounded();
        let (tx2, rx2) = unbounded();
        for i in 0..50 {
            tx.send(i).unwrap();
            tx2.send(i).unwrap();
        }
        let mut sel = Select::new_biased();
        let (second, first) = (sel.recv(&rx2), sel.recv(&rx));
        for i in 0..50 {
            assert_eq!(sel.ready(), second);
            assert_eq!(sel.select().recv(&rx2), Ok(i));
        }
        for i in 0..50 {
            let op = sel.select();
            assert_eq!((op.index(), op.recv(&rx)), (first, Ok(i)));
        }
    });
}

#[test]
fn limits() {
    run(|| {
        let rx = never::<i32>();
        let mut sel = Select::new();
        sel.recv(&rx);
        let start = Instant::now();
        assert!(sel.select_timeout(ms(5)).is_err());
        assert!(sel.select_deadline(start + ms(10)).is_err());
        assert!(sel.ready_timeout(ms(5)).is_err());
        assert!(sel.ready_deadline(start + ms(20)).is_err());
        assert!(start.elapsed() >= ms(20));
        assert!(sel.select_deadline(start).is_err() && sel.ready_deadline(start).is_err());
        // What is ready is taken, however late it is.
        let (tx, rx) = unbounded();
        tx.send(1).unwrap();
        let mut sel = Select::new();
        sel.recv(&rx);
        assert_eq!(sel.ready_deadline(start), Ok(0));
        assert_eq!(sel.select_deadline(start).unwrap().recv(&rx), Ok(1));
    });
}

#[test]
fn waits_for_whichever_comes() {
    run(|| {
        let (txs, rxs): (Vec<_>, Vec<_>) = (0..10).map(|_| bounded(0)).unzip();
        let sender = spawn(move || {
            for i in 0..100_usize {
                let tx: &Sender<usize> = &txs[i * 3 % 10];
                tx.send(i).unwrap();
            }
        });
        let mut sel = Select::new();
        for rx in &rxs {
            sel.recv(rx);
        }
        for i in 0..100 {
            let op = sel.select();
            let index = op.index();
            assert_eq!((index, op.recv(&rxs[index])), (i * 3 % 10, Ok(i)));
        }
        sender.join().unwrap();
    });
}

#[test]
fn ready_then_try() {
    run(|| {
        let (tx, rx) = bounded(0);
        let sender = spawn(move || {
            for i in 0..50 {
                tx.send(i).unwrap();
                if i % 16 == 0 {
                    sleep(ms(1));
                }
            }
        });
        let mut sel = Select::new();
        sel.recv(&rx);
        let mut got: Vec<i32> = Vec::new();
        loop {
            assert_eq!(sel.ready(), 0);
            match rx.try_recv() {
                Ok(value) => got.push(value),
                Err(error) if error.is_empty() => {}
                Err(_) => break,
            }
        }
        assert!(got.into_iter().eq(0..50));
        sender.join().unwrap();
    });
}

/// A function that people write: receives from whichever of a list.
fn recv_multiple<T>(rxs: &[Receiver<T>]) -> (usize, Result<T, RecvError>) {
    let mut sel = Select::new();
    for rx in rxs {
        sel.recv(rx);
    }
    loop {
        let index = sel.ready();
        let res = rxs[index].try_recv();
        if let Err(error) = res
            && error.is_empty()
        {
            continue;
        }
        return (index, res.map_err(|_| RecvError));
    }
}

#[test]
fn a_list_that_shrinks() {
    run(|| {
        let mut rxs = Vec::new();
        let parties: Vec<_> = (0..5)
            .map(|i| {
                let (tx, rx) = bounded(i % 3);
                rxs.push(rx);
                spawn(move || (0..20).for_each(|n| tx.send(i * 100 + n).unwrap()))
            })
            .collect();
        let mut sum = 0;
        while !rxs.is_empty() {
            match recv_multiple(&rxs) {
                (_, Ok(n)) => sum += n,
                (index, Err(RecvError)) => drop(rxs.remove(index)),
            }
        }
        assert_eq!(sum, 20 * 1000 + 5 * 190);
        parties.into_iter().for_each(|party| party.join().unwrap());
    });
}
