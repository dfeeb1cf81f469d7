//! A future that a thread waits for: the word that its waker and its poller share, over the model's
//! door.

use crate::runtime::{
    bridges::future,
    models::{Plain, check},
};
use loom::{sync::Arc, thread};
use std::{
    future::poll_fn,
    sync::Mutex,
    task::{Poll, Waker},
};

/// A future that is ready once woken; its waker is left where the other side finds it.
#[test]
fn a_future_is_polled_after_its_wake() {
    check(|| {
        let data = Arc::new(Plain::new());
        let slot: Arc<loom::sync::Mutex<(Option<Waker>, bool)>> = Arc::default();
        let theirs = (Arc::clone(&data), Arc::clone(&slot));
        let waker = thread::spawn(move || {
            theirs.0.set(7);
            let mut slot = theirs.1.lock().unwrap();
            slot.1 = true;
            let waker = slot.0.take();
            drop(slot);
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        future::block_on(poll_fn(|context| {
            let mut slot = slot.lock().unwrap();
            if slot.1 {
                return Poll::Ready(());
            }
            slot.0 = Some(context.waker().clone());
            Poll::Pending
        }));
        assert_eq!(data.get(), 7);
        waker.join().unwrap();
    });
}

/// The waker's word alone carries the waker's writes: nothing else orders them here.
#[test]
fn a_wake_brings_its_writes_to_the_next_poll() {
    check(|| {
        let data = Arc::new(Plain::new());
        // Not loom's: it orders nothing in the model.
        let slot: Arc<Mutex<Option<Waker>>> = Arc::default();
        let theirs = (Arc::clone(&data), Arc::clone(&slot));
        let mut started = None;
        let mut theirs = Some(theirs);
        let mut polls = 0;
        future::block_on(poll_fn(|context| {
            polls += 1;
            if polls == 1 {
                *slot.lock().unwrap() = Some(context.waker().clone());
                let (data, slot) = theirs.take().unwrap();
                started = Some(thread::spawn(move || {
                    data.set(7);
                    slot.lock().unwrap().take().unwrap().wake();
                }));
                return Poll::Pending;
            }
            // One wake, so the second poll follows it.
            assert_eq!(data.get(), 7);
            Poll::Ready(())
        }));
        started.unwrap().join().unwrap();
    });
}
