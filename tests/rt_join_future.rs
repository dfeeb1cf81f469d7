//! `handle.await`: a goroutine's end under several executors; futures that are dropped before and
//! after the end.

mod support;

use gort::{
    JoinHandle, go,
    runtime::{JoinFuture, block_on},
    spawn,
    sync::channel::bounded,
};
use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

fn poll<T>(future: &mut JoinFuture<T>, waker: &Waker) -> Poll<std::thread::Result<T>> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Counts its drops.
struct Output(Arc<AtomicUsize>);

impl Drop for Output {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn an_awaited_handle_gives_the_output_or_the_panic() {
    support::silence();
    support::each(|_| {
        block_on(async {
            let handles: Vec<_> = (0..200)
                .map(|i| {
                    spawn(move || {
                        if i % 3 == 0 {
                            gort::yield_now();
                        }
                        assert!(i % 7 != 6, "deliberate: {i}");
                        vec![i; 40]
                    })
                })
                .collect();
            for (i, handle) in handles.into_iter().enumerate() {
                match handle.await {
                    Ok(output) => assert_eq!(output, vec![i; 40]),
                    Err(payload) => {
                        assert_eq!(support::message(&*payload), format!("deliberate: {i}"));
                    }
                }
            }
            let exit = go!({ gort::runtime::goexit() }).await.unwrap_err();
            assert!(support::message(&*exit).contains("called goexit"));
        });
    });
}

#[test]
fn tokio_tasks_await_goroutines() {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    support::beside(&[1, 2], |runtime| {
        let (tx, rx) = bounded::<usize>(0);
        let waits: Vec<JoinHandle<usize>> = (0..100)
            .map(|_| {
                let rx = rx.clone();
                runtime.spawn(move || rx.recv().unwrap())
            })
            .collect();
        let sum = tokio.block_on(async move {
            let tasks: Vec<_> = waits
                .into_iter()
                .map(|w| tokio::spawn(w.into_future()))
                .collect();
            for n in 0..100 {
                tx.send_async(n).await.unwrap();
            }
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap().unwrap();
            }
            sum
        });
        assert_eq!(sum, 4950);
    });
}

#[test]
fn the_end_wakes_the_last_waker_once() {
    support::each(|_| {
        let (tx, rx) = bounded::<()>(0);
        let (old, new) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let mut end = spawn(move || rx.recv().is_err()).into_future();
        assert!(poll(&mut end, &Waker::from(Arc::clone(&old))).is_pending());
        let waker = Waker::from(Arc::clone(&new));
        assert!(poll(&mut end, &waker).is_pending());
        drop(tx);
        let woken = || new.0.load(SeqCst) == 1;
        assert!(support::within_yielding(support::PATIENCE, woken));
        assert_eq!(old.0.load(SeqCst), 0);
        let Poll::Ready(Ok(true)) = poll(&mut end, &waker) else {
            panic!("not ready");
        };
    });
}

/// Before the first poll, while it waits, and when the goroutine has ended and nobody looked.
#[test]
fn a_dropped_future_detaches_and_the_output_is_dropped_once() {
    support::each(|_| {
        for polled in [false, true] {
            for ended_first in [false, true] {
                let drops = Arc::new(AtomicUsize::new(0));
                let output = Output(Arc::clone(&drops));
                let (tx, rx) = bounded::<()>(0);
                let handle = spawn(move || {
                    let _ = rx.recv();
                    output
                });
                let ends = handle.goroutine().clone();
                let count = Arc::new(Count::default());
                let mut end = handle.into_future();
                if polled {
                    assert!(poll(&mut end, &Waker::from(Arc::clone(&count))).is_pending());
                }
                if ended_first {
                    drop(tx);
                    if polled {
                        let woken = || count.0.load(SeqCst) == 1;
                        assert!(support::within_yielding(support::PATIENCE, woken));
                        assert_eq!(drops.load(SeqCst), 0, "kept for the future: {ends:?}");
                    }
                    drop(end);
                } else {
                    drop(end);
                    assert_eq!(Arc::strong_count(&count), 1, "no waker is kept");
                    assert_eq!(drops.load(SeqCst), 0, "it goes on");
                    drop(tx);
                }
                let dropped = || drops.load(SeqCst) == 1;
                assert!(support::within_yielding(support::PATIENCE, dropped));
            }
        }
    });
}

/// The drop and the end at the same time, again and again.
#[test]
fn futures_dropped_while_their_goroutines_end_free_all_once() {
    support::under(&[2, 3], |_| {
        let drops = Arc::new(AtomicUsize::new(0));
        let waker = Waker::from(Arc::new(Count::default()));
        for round in 0..2000 {
            let output = Output(Arc::clone(&drops));
            let mut end = spawn(move || {
                if round % 2 == 0 {
                    gort::yield_now();
                }
                output
            })
            .into_future();
            drop(poll(&mut end, &waker));
            if round % 3 == 0 {
                gort::yield_now();
            }
        }
        let all = || drops.load(SeqCst) == 2000;
        assert!(support::within_yielding(support::PATIENCE, all));
    });
}

/// What dropped outputs do may park, as for handles that are dropped.
#[test]
fn an_output_that_nobody_waits_for_is_dropped_as_part_of_its_goroutine() {
    struct Parks(gort::sync::channel::Sender<gort::runtime::GoroutineId>);
    impl Drop for Parks {
        fn drop(&mut self) {
            gort::sleep(std::time::Duration::from_millis(1));
            let _ = self.0.send(gort::current().id());
        }
    }
    support::each(|_| {
        let (tell, told) = bounded(0);
        let (tx, rx) = bounded::<()>(0);
        let handle = spawn(move || {
            let _ = rx.recv();
            Parks(tell)
        });
        let id = handle.goroutine().id();
        let mut end = handle.into_future();
        let waker = Waker::from(Arc::new(Count::default()));
        assert!(poll(&mut end, &waker).is_pending());
        drop(end);
        drop(tx);
        assert_eq!(told.recv(), Ok(id));
    });
}

#[test]
fn goroutines_whose_output_is_not_send_are_awaited_in_their_home() {
    support::each(|_| {
        let local = gort::spawn_local(|| {
            gort::yield_now();
            Rc::new(7)
        });
        assert_eq!(*block_on(local.into_future()).unwrap(), 7);
    });
}
