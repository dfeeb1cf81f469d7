//! Senders as sinks: what is sent comes in order and once, values come back from a closed channel,
//! and a sink that is closed or dropped gives up its sender and no other.

mod support;

use futures_util::{
    sink::{Sink, SinkExt},
    stream::StreamExt,
};
use gort::{
    runtime::block_on,
    spawn,
    sync::{
        WaitGroup,
        channel::{
            Receiver, SendError, SendSink, Sender, TryRecvError, bounded, never_sender, unbounded,
        },
    },
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

const CAPACITIES: [Option<usize>; 4] = [Some(0), Some(1), Some(5), None];

fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    capacity.map_or_else(unbounded, bounded)
}

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn counter() -> (Arc<Count>, Waker) {
    let count = Arc::new(Count::default());
    (Arc::clone(&count), Waker::from(count))
}

fn flush<T>(sink: &mut SendSink<'_, T>, waker: &Waker) -> Poll<Result<(), SendError<T>>> {
    Pin::new(sink).poll_flush(&mut Context::from_waker(waker))
}

fn start<T>(sink: &mut SendSink<'_, T>, value: T) -> Result<(), SendError<T>> {
    Pin::new(sink).start_send(value)
}

#[test]
fn all_values_come_once_and_in_order() {
    support::each_and_explored(Some(4), || {
        for capacity in CAPACITIES {
            let (tx, rx) = channel(capacity);
            let senders: Vec<_> = (0..3)
                .map(|i| {
                    let mut sink = tx.clone().into_sink();
                    spawn(move || {
                        block_on(async {
                            for n in 0..200 {
                                sink.send(1000 * i + n).await.unwrap();
                            }
                        });
                    })
                })
                .collect();
            drop(tx);
            let got: Vec<_> = rx.iter().collect();
            senders.into_iter().for_each(|s| s.join().unwrap());
            for i in 0..3 {
                let of_one = got.iter().filter(|n| **n / 1000 == i);
                assert!(of_one.copied().eq(1000 * i..1000 * i + 200), "{capacity:?}");
            }
            assert_eq!(got.len(), 600);
        }
    });
}

#[test]
fn a_stream_is_forwarded_to_a_sink() {
    support::each_and_explored(Some(4), || {
        for capacity in CAPACITIES {
            let (first, from) = channel(capacity);
            let (to, last) = channel(capacity);
            let sender = spawn(move || (0..300).for_each(|n| first.send(n).unwrap()));
            let between = spawn(move || {
                block_on(
                    from.into_stream()
                        .map(|n| Ok(2 * n))
                        .forward(to.into_sink()),
                )
            });
            // Ends since the sink is closed, and its sender was the last one.
            assert!(last.iter().eq((0..300).map(|n| 2 * n)), "{capacity:?}");
            sender.join().unwrap();
            assert_eq!(between.join().unwrap(), Ok(()));
        }
    });
}

#[test]
fn tokio_tasks_send_into_a_sink() {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    support::beside(&[1, 2], |runtime| {
        for capacity in CAPACITIES {
            let (tx, rx) = channel(capacity);
            let receiver = runtime.spawn(move || rx.iter().sum::<u64>());
            let tasks: Vec<_> = (0..2)
                .map(|_| {
                    let mut sink = tx.clone().into_sink();
                    tokio.spawn(async move {
                        for n in 1..=100 {
                            sink.feed(n).await.unwrap();
                        }
                        sink.close().await.unwrap();
                    })
                })
                .collect();
            drop(tx);
            for task in tasks {
                tokio.block_on(task).unwrap();
            }
            assert_eq!(receiver.join().unwrap(), 2 * 5050, "{capacity:?}");
        }
    });
}

#[test]
fn a_sink_keeps_what_has_no_room_until_it_has() {
    let (tx, rx) = bounded(1);
    let (count, waker) = counter();
    let mut sink = tx.sink();
    start(&mut sink, 1).unwrap();
    assert_eq!(rx.len(), 1, "there was room, so it is sent without a poll");
    assert_eq!(flush(&mut sink, &waker), Poll::Ready(Ok(())));
    start(&mut sink, 2).unwrap();
    assert!(flush(&mut sink, &waker).is_pending());
    let ready = Pin::new(&mut sink).poll_ready(&mut Context::from_waker(&waker));
    assert!(ready.is_pending(), "it takes no second one");
    assert_eq!(rx.recv(), Ok(1));
    assert!(count.0.load(SeqCst) > 0, "it is told");
    assert_eq!(flush(&mut sink, &waker), Poll::Ready(Ok(())));
    assert_eq!(rx.recv(), Ok(2));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn a_value_that_waits_has_its_place_among_parked_senders() {
    support::each_and_explored(None, || {
        let (tx, rx) = bounded(0);
        let (_, waker) = counter();
        let mut sink = tx.sink();
        start(&mut sink, 1).unwrap();
        assert!(flush(&mut sink, &waker).is_pending());
        let all = WaitGroup::new();
        let other = tx.clone();
        all.go(move || other.send(2).unwrap());
        assert_eq!(rx.recv(), Ok(1));
        assert_eq!(rx.recv(), Ok(2));
        assert_eq!(flush(&mut sink, &waker), Poll::Ready(Ok(())));
        all.wait();
    });
}

#[test]
fn a_closed_channel_gives_values_back() {
    let (_, waker) = counter();
    for by_drop in [true, false] {
        let (tx, rx) = bounded(0);
        let mut sink = tx.sink();
        start(&mut sink, "kept").unwrap();
        let mut waiting = tx.sink();
        start(&mut waiting, "waits").unwrap();
        assert!(flush(&mut waiting, &waker).is_pending());
        if by_drop {
            drop(rx);
        } else {
            tx.close();
        }
        assert_eq!(
            flush(&mut sink, &waker),
            Poll::Ready(Err(SendError("kept")))
        );
        assert_eq!(
            flush(&mut waiting, &waker),
            Poll::Ready(Err(SendError("waits")))
        );
        assert_eq!(start(&mut sink, "late"), Err(SendError("late")));
        assert_eq!(
            flush(&mut sink, &waker),
            Poll::Ready(Ok(())),
            "nothing is left"
        );
    }
}

#[test]
fn closing_a_sink_flushes_and_drops_its_own_sender_only() {
    let (tx, rx) = bounded(1);
    let (_, waker) = counter();
    let mut context = Context::from_waker(&waker);
    let mut lent = tx.sink();
    assert!(Pin::new(&mut lent).poll_close(&mut context).is_ready());
    assert_eq!(start(&mut lent, 0), Err(SendError(0)), "it is closed");
    assert!(!rx.is_closed(), "and its sender is there");
    drop(lent);

    let mut first = tx.clone().into_sink();
    assert!(Pin::new(&mut first).poll_close(&mut context).is_ready());
    assert!(!rx.is_closed(), "there is another sender");

    let mut last = tx.into_sink();
    start(&mut last, 1).unwrap();
    start(&mut last, 2).unwrap();
    assert!(Pin::new(&mut last).poll_close(&mut context).is_pending());
    assert!(!rx.is_closed(), "it has a value to send");
    assert_eq!(rx.recv(), Ok(1));
    assert!(Pin::new(&mut last).poll_close(&mut context).is_ready());
    assert!(rx.is_closed());
    assert_eq!(rx.recv(), Ok(2));
    assert!(
        Pin::new(&mut last).poll_close(&mut context).is_ready(),
        "again"
    );
}

#[test]
fn what_was_not_sent_is_dropped_with_the_sink() {
    let (tx, rx) = bounded(0);
    let (_, waker) = counter();
    let value = Arc::new(());
    for waits in [false, true] {
        let mut sink = tx.sink();
        start(&mut sink, Arc::clone(&value)).unwrap();
        if waits {
            assert!(flush(&mut sink, &waker).is_pending());
        }
        assert_eq!(Arc::strong_count(&value), 2);
        drop(sink);
        assert_eq!(Arc::strong_count(&value), 1);
        assert!(rx.try_recv().is_err(), "it has left the queue");
    }
    let mut owned = tx.into_sink();
    start(&mut owned, Arc::clone(&value)).unwrap();
    assert!(flush(&mut owned, &waker).is_pending());
    drop(owned);
    assert_eq!(Arc::strong_count(&value), 1);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn a_value_before_the_sink_is_ready_is_refused() {
    support::silence();
    let (tx, rx) = bounded(0);
    let mut sink = tx.sink();
    start(&mut sink, 1).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| start(&mut sink, 2))).unwrap_err();
    assert_eq!(
        support::message(&*panic),
        "gort: a `SendSink` was given a value before it was ready"
    );
    let receiver = spawn(move || rx.recv());
    block_on(sink.flush()).unwrap();
    assert_eq!(
        receiver.join().unwrap(),
        Ok(1),
        "and the first one is not lost"
    );
}

#[test]
fn a_sink_of_a_nil_channel_waits_for_ever() {
    let (_, waker) = counter();
    let mut sink = never_sender().into_sink();
    start(&mut sink, 1).unwrap();
    for _ in 0..3 {
        assert!(flush(&mut sink, &waker).is_pending());
    }
}
