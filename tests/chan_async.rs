//! Channels in `async` code: `recv_async`, `send_async` and streams under several executors, beside
//! goroutines and threads; dropped and forgotten futures lose nothing.

mod support;

use futures_core::Stream;
use gort::{
    runtime::block_on,
    spawn,
    sync::{
        Mutex, WaitGroup,
        channel::{
            Receiver, RecvError, RecvFuture, SendError, Sender, TrySendError, after, bounded,
            never, tick, unbounded,
        },
    },
};
use std::{
    collections::BTreeSet,
    future::{Future, IntoFuture, poll_fn},
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker},
    thread,
    time::{Duration, Instant},
};
use support::Random;

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl Count {
    fn pair() -> (Arc<Self>, Waker) {
        let count = Arc::new(Self::default());
        (Arc::clone(&count), Waker::from(count))
    }

    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// A value that says when it is dropped.
#[derive(Debug)]
struct Token {
    number: usize,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Token {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, SeqCst);
    }
}

fn tokens() -> (Arc<AtomicUsize>, impl Fn(usize) -> Token) {
    let dropped = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&dropped);
    let make = move |number| Token {
        number,
        dropped: Arc::clone(&theirs),
    };
    (dropped, make)
}

fn channel<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    capacity.map_or_else(unbounded, bounded)
}

const CAPACITIES: [Option<usize>; 4] = [Some(0), Some(1), Some(5), None];

fn send_all(tx: Sender<usize>, numbers: std::ops::Range<usize>, is_async: bool) {
    for number in numbers {
        if is_async {
            block_on(tx.send_async(number)).unwrap();
        } else {
            tx.send(number).unwrap();
        }
    }
}

fn recv_all(rx: Receiver<usize>, is_async: bool) -> Vec<usize> {
    if is_async {
        block_on(async {
            let mut got = Vec::new();
            while let Ok(number) = rx.recv_async().await {
                got.push(number);
            }
            got
        })
    } else {
        rx.iter().collect()
    }
}

#[test]
fn futures_and_goroutines_send_and_receive_side_by_side() {
    const EACH: usize = 200;
    support::each(|_| {
        for capacity in CAPACITIES {
            for kinds in [[true, true], [true, false], [false, true]] {
                let (tx, rx) = channel(capacity);
                let senders: Vec<_> = (0..4)
                    .map(|i| {
                        let tx = tx.clone();
                        spawn(move || send_all(tx, i * EACH..(i + 1) * EACH, kinds[i % 2]))
                    })
                    .collect();
                drop(tx);
                let receivers: Vec<_> = (0..4)
                    .map(|i| {
                        let rx = rx.clone();
                        spawn(move || recv_all(rx, kinds[i / 2]))
                    })
                    .collect();
                senders.into_iter().for_each(|s| s.join().unwrap());
                let got = receivers.into_iter().flat_map(|r| r.join().unwrap());
                let mut got: Vec<_> = got.collect();
                got.sort_unstable();
                assert!(got.into_iter().eq(0..4 * EACH), "{capacity:?} {kinds:?}");
            }
        }
    });
}

#[test]
fn values_of_one_sender_come_in_order() {
    support::each_and_explored(Some(4), || {
        for capacity in CAPACITIES {
            let (tx, rx) = channel(capacity);
            let sender = spawn(move || send_all(tx, 0..500, true));
            assert!(recv_all(rx, true).into_iter().eq(0..500));
            sender.join().unwrap();
        }
    });
}

/// One future that does both halves: it must not wait for a thread or a goroutine.
#[test]
fn two_futures_of_one_task_meet() {
    for capacity in CAPACITIES {
        for receiver_first in [true, false] {
            let (tx, rx) = channel(capacity);
            let mut send = tx.send_async(7);
            let mut recv = rx.recv_async();
            let (mut sent, mut got) = (None, None);
            block_on(poll_fn(|context| {
                for receives in [receiver_first, !receiver_first] {
                    if receives && got.is_none() {
                        if let Poll::Ready(value) = Pin::new(&mut recv).poll(context) {
                            got = Some(value);
                        }
                    } else if !receives
                        && sent.is_none()
                        && let Poll::Ready(done) = Pin::new(&mut send).poll(context)
                    {
                        sent = Some(done);
                    }
                }
                match (sent, got) {
                    (Some(_), Some(_)) => Poll::Ready(()),
                    _ => Poll::Pending,
                }
            }));
            assert_eq!((sent, got), (Some(Ok(())), Some(Ok(7))), "{capacity:?}");
        }
    }
}

fn tokio_runtimes() -> [tokio::runtime::Runtime; 2] {
    use tokio::runtime::Builder;
    [
        Builder::new_current_thread().build().unwrap(),
        Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap(),
    ]
}

#[test]
fn tokio_tasks_talk_with_goroutines() {
    for tokio in tokio_runtimes() {
        support::beside(&[1, 2], |runtime| {
            for capacity in CAPACITIES {
                let (questions, asked) = channel(capacity);
                let (replies, answers) = channel(capacity);
                let server = runtime.spawn(move || {
                    for question in &asked {
                        replies.send(question * 2).unwrap();
                    }
                });
                let sum = tokio.block_on(async move {
                    let asker = tokio::spawn(async move {
                        for n in 0..300_u64 {
                            questions.send_async(n).await.unwrap();
                        }
                    });
                    let mut sum = 0;
                    while let Ok(answer) = answers.recv_async().await {
                        sum += answer;
                    }
                    asker.await.unwrap();
                    sum
                });
                assert_eq!(sum, 300 * 299);
                server.join().unwrap();
            }
        });
    }
}

#[test]
fn a_dropped_receive_takes_no_value_with_it() {
    for capacity in [Some(1), Some(5), None] {
        let (tx, rx) = channel(capacity);
        let (count, waker) = Count::pair();
        let mut waits = rx.recv_async();
        assert!(poll(&mut waits, &waker).is_pending());
        tx.try_send(1).unwrap();
        assert_eq!(count.get(), 1, "it is woken, and was not given the value");
        drop(waits);
        assert_eq!(rx.try_recv(), Ok(1));

        let mut waits = rx.recv_async();
        assert!(poll(&mut waits, &waker).is_pending());
        drop(waits);
        tx.try_send(2).unwrap();
        assert_eq!(rx.try_recv(), Ok(2));
        assert_eq!(Arc::strong_count(&count), 2, "no waker is kept");
    }
}

#[test]
fn one_that_is_told_and_dropped_leaves_the_value_to_another_that_waits() {
    let (tx, rx) = bounded(1);
    let (waker, other) = (Count::pair(), Count::pair());
    let (mut first, mut second) = (rx.recv_async(), rx.recv_async());
    assert!(poll(&mut first, &waker.1).is_pending());
    assert!(poll(&mut second, &other.1).is_pending());
    tx.send(1).unwrap();
    drop(first);
    assert_eq!(other.0.get(), 1);
    assert_eq!(poll(&mut second, &other.1), Poll::Ready(Ok(1)));
}

#[test]
fn a_dropped_send_is_not_sent_and_drops_its_value_once() {
    for capacity in [0, 1] {
        let (dropped, token) = tokens();
        let (tx, rx) = bounded(capacity);
        for i in 0..capacity {
            tx.send(token(i)).unwrap();
        }
        let (_, waker) = Count::pair();
        drop(tx.send_async(token(7)));
        assert_eq!(dropped.load(SeqCst), 1, "never polled");
        let mut waits = tx.send_async(token(8));
        assert!(poll(&mut waits, &waker).is_pending());
        drop(waits);
        assert_eq!(dropped.load(SeqCst), 2);
        drop(tx);
        let got: Vec<_> = rx.iter().map(|token| token.number).collect();
        assert!(got.into_iter().eq(0..capacity));
    }
}

#[test]
fn a_send_that_was_taken_and_is_dropped_was_sent_once() {
    for capacity in [0, 1] {
        let (dropped, token) = tokens();
        let (tx, rx) = bounded(capacity);
        for i in 0..capacity {
            tx.send(token(i)).unwrap();
        }
        let (count, waker) = Count::pair();
        let mut waits = tx.send_async(token(capacity));
        assert!(poll(&mut waits, &waker).is_pending());
        let first = rx.try_recv().unwrap();
        assert_eq!((first.number, count.get()), (0, 1));
        drop(waits);
        drop((first, tx));
        let got: Vec<_> = rx.iter().map(|token| token.number).collect();
        assert!(got.into_iter().eq(1..=capacity));
        assert_eq!(dropped.load(SeqCst), capacity + 1);
    }
}

#[test]
fn a_close_ends_futures_that_wait() {
    let (dropped, token) = tokens();
    let (tx, rx) = bounded(0);
    let (count, waker) = Count::pair();
    let (mut send, mut other) = (tx.send_async(token(1)), tx.send_async(token(2)));
    assert!(poll(&mut send, &waker).is_pending());
    assert!(poll(&mut other, &waker).is_pending());
    rx.close();
    assert_eq!(count.get(), 2);
    let Poll::Ready(Err(SendError(back))) = poll(&mut send, &waker) else {
        panic!("not refused");
    };
    assert_eq!((back.number, dropped.load(SeqCst)), (1, 0));
    drop(other); // closed, and not seen
    assert_eq!(dropped.load(SeqCst), 1);

    let (tx, rx) = bounded::<u8>(1);
    let mut recv = rx.recv_async();
    assert!(poll(&mut recv, &waker).is_pending());
    drop(tx);
    assert_eq!(count.get(), 3);
    assert_eq!(poll(&mut recv, &waker), Poll::Ready(Err(RecvError)));
}

#[test]
fn forgotten_futures_do_no_harm() {
    let (tx, rx) = bounded(0);
    let (_, waker) = Count::pair();
    let mut send = tx.send_async(String::from("forgotten, and sent all the same"));
    assert!(poll(&mut send, &waker).is_pending());
    mem::forget(send);
    assert!(rx.try_recv().unwrap().starts_with("forgotten"));
    let mut recv = rx.recv_async();
    assert!(poll(&mut recv, &waker).is_pending());
    mem::forget(recv);
    let mut send = tx.send_async(String::from("not seen by anybody"));
    assert!(poll(&mut send, &waker).is_pending());
    mem::forget(send);
    drop((tx, rx));
}

#[test]
fn the_last_waker_that_was_given_is_woken() {
    let (tx, rx) = bounded(1);
    let (old, new) = (Count::pair(), Count::pair());
    let mut recv = rx.recv_async();
    assert!(poll(&mut recv, &old.1).is_pending());
    assert!(poll(&mut recv, &new.1).is_pending());
    tx.send(1).unwrap();
    assert_eq!((old.0.get(), new.0.get()), (0, 1));
    assert_eq!(poll(&mut recv, &new.1), Poll::Ready(Ok(1)));

    tx.send(2).unwrap();
    let mut send = tx.send_async(3);
    assert!(poll(&mut send, &old.1).is_pending());
    assert!(poll(&mut send, &new.1).is_pending());
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!((old.0.get(), new.0.get()), (0, 2));
    assert_eq!(poll(&mut send, &new.1), Poll::Ready(Ok(())));
}

/// As documented: on a channel without room only a receiver that is parked is one for `try_send`.
#[test]
fn try_send_does_not_meet_a_future() {
    let (tx, rx) = bounded(0);
    let (_, waker) = Count::pair();
    let mut recv = rx.recv_async();
    assert!(poll(&mut recv, &waker).is_pending());
    assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
    drop(recv);
    let mut send = tx.send_async(2);
    assert!(poll(&mut send, &waker).is_pending());
    assert_eq!(rx.try_recv(), Ok(2), "but try_recv does");
}

/// Futures that are dropped at random moments, on several threads: each token is received once, or
/// dropped with its future.
#[test]
fn cancelled_futures_lose_and_double_nothing() {
    const EACH: usize = 400;
    support::under(&[1, 3], |_| {
        for capacity in CAPACITIES {
            let (dropped, token) = tokens();
            let token = Arc::new(token);
            let (tx, rx) = channel(capacity);
            let group = WaitGroup::new();
            let got = Arc::new(Mutex::new(BTreeSet::new()));
            for i in 0..3 {
                let (tx, token) = (tx.clone(), Arc::clone(&token));
                group.go(move || {
                    let mut random = Random::new(i as u64 + 1);
                    for n in 0..EACH {
                        let send = tx.send_async(token(i * EACH + n));
                        block_on(give_up_after(send, random.below(3)));
                    }
                });
            }
            drop(tx);
            for i in 0..3 {
                let (rx, got) = (rx.clone(), Arc::clone(&got));
                group.go(move || {
                    let mut random = Random::new(i + 10);
                    loop {
                        let recv = rx.recv_async();
                        match block_on(give_up_after(recv, random.below(3))) {
                            Some(Ok(token)) => {
                                assert!(got.lock().insert(token.number), "twice");
                            }
                            Some(Err(RecvError)) => break,
                            None => {}
                        }
                    }
                });
            }
            group.wait();
            drop(rx);
            assert_eq!(dropped.load(SeqCst), 3 * EACH, "{capacity:?}");
            if capacity.is_none() {
                assert_eq!(got.lock().len(), 3 * EACH, "nothing was cancelled");
            }
        }
    });
}

/// Polls a future at most so many times more after the first, with turns for others in between;
/// then drops it.
async fn give_up_after<F: Future>(future: F, polls: u64) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            context.waker().wake_by_ref();
            gort::yield_now();
            Poll::Pending
        }
    })
    .await
}

#[test]
fn timers_are_awaited() {
    let start = Instant::now();
    let short = Duration::from_millis(20);
    block_on(after(short).recv_async()).unwrap();
    assert!(start.elapsed() >= short);
    let ticks = tick(Duration::from_millis(5));
    for _ in 0..3 {
        block_on(ticks.recv_async()).unwrap();
    }
    assert!(start.elapsed() >= short + Duration::from_millis(15));
    for tokio in tokio_runtimes() {
        let early = after(Duration::from_millis(5));
        tokio.block_on(early.recv_async()).unwrap();
    }
    let (_, waker) = Count::pair();
    assert!(poll(&mut never::<u8>().recv_async(), &waker).is_pending());
}

#[test]
fn a_timer_that_is_set_to_an_earlier_instant_wakes_its_future() {
    support::under(&[1, 2], |_| {
        let timer = Arc::new(gort::time::Timer::new(Duration::from_secs(3600)));
        let theirs = Arc::clone(&timer);
        let waits = spawn(move || block_on(theirs.receiver().recv_async()));
        gort::yield_now();
        timer.reset(Duration::from_millis(1));
        waits.join().unwrap().unwrap();
    });
}

#[test]
fn a_stream_gives_all_values_and_ends() {
    support::each_and_explored(Some(4), || {
        for capacity in CAPACITIES {
            let (tx, rx) = channel(capacity);
            let sender = spawn(move || send_all(tx, 0..300, true));
            let other = rx.clone();
            let mut stream = rx.stream();
            let mut got = Vec::new();
            block_on(async {
                while let Some(n) = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await {
                    got.push(n);
                }
            });
            assert!(got.into_iter().eq(0..300));
            sender.join().unwrap();
            let mut ended = other.into_stream();
            let next = poll_fn(|cx| Pin::new(&mut ended).poll_next(cx));
            assert_eq!(block_on(next), None);
        }
    });
}

#[test]
fn a_stream_that_is_dropped_while_it_waits_leaves_the_channel_as_it_was() {
    let (tx, rx) = bounded(1);
    let (count, waker) = Count::pair();
    let mut stream = rx.clone().into_stream();
    let mut context = Context::from_waker(&waker);
    assert!(Pin::new(&mut stream).poll_next(&mut context).is_pending());
    tx.send(1).unwrap();
    drop(stream);
    assert_eq!(count.get(), 1);
    assert_eq!(rx.try_recv(), Ok(1));
}

/// Blocks the thread it is called on, and panics.
struct Rude(Arc<Count>);

impl Wake for Rude {
    fn wake(self: Arc<Self>) {
        self.0.0.fetch_add(1, SeqCst);
        gort::sleep(Duration::from_micros(100));
        panic!("deliberate: a waker");
    }
}

/// A sender tells futures while its own park has begun; a waker that parks must not take the
/// wake-up that is the sender's.
#[test]
fn wakers_that_park_and_panic_harm_nobody() {
    support::silence();
    support::each(|_| {
        let count = Arc::new(Count::default());
        let rude = Waker::from(Arc::new(Rude(Arc::clone(&count))));
        let (tx, rx) = bounded(0);
        for round in 0..20 {
            let mut waits = rx.recv_async();
            assert!(poll(&mut waits, &rude).is_pending());
            let tx = tx.clone();
            let sender = spawn(move || {
                tx.send(round).unwrap();
                tx.send(round).unwrap();
            });
            assert!(support::within_yielding(support::PATIENCE, || {
                count.get() > round
            }));
            drop(waits);
            assert_eq!((rx.recv(), rx.recv()), (Ok(round), Ok(round)));
            sender.join().unwrap();
        }
    });
}

/// Futures are handed from thread to thread while they wait.
#[test]
fn a_future_that_waits_may_move_to_another_thread() {
    let (tx, rx) = bounded(1);
    let (_, waker) = Count::pair();
    let mut recv = rx.recv_async();
    assert!(poll(&mut recv, &waker).is_pending());
    thread::scope(|s| {
        s.spawn(move || assert_eq!(block_on(recv), Ok(5)));
        tx.send(5).unwrap();
    });
}

/// A waker whose clone panics; everything else does nothing.
fn unclonable() -> Waker {
    static TABLE: RawWakerVTable =
        RawWakerVTable::new(|_| panic!("deliberate: a clone"), |_| (), |_| (), |_| ());
    // SAFETY: nothing is done with the pointer.
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &TABLE)) }
}

/// A poll that panics may be followed by another one, and by a drop.
#[test]
fn a_clone_of_a_waker_that_panics_harms_nobody() {
    support::silence();
    support::each(|_| {
        let (bad, (count, good)) = (unclonable(), Count::pair());
        let (tx, rx) = bounded(0);
        let mut recv = rx.recv_async();
        let poll_badly = |recv: &mut RecvFuture<'_, u32>| {
            assert!(catch_unwind(AssertUnwindSafe(|| poll(recv, &bad))).is_err());
        };
        poll_badly(&mut recv);
        for _ in 0..3 {
            assert!(poll(&mut recv, &good).is_pending());
            poll_badly(&mut recv);
        }
        let mut send = tx.send_async(7);
        assert!(poll(&mut send, &good).is_pending());
        assert_eq!(count.get(), 1);
        assert_eq!(poll(&mut recv, &good), Poll::Ready(Ok(7)));
        assert_eq!(poll(&mut send, &good), Poll::Ready(Ok(())));

        let mut send = tx.send_async(8);
        assert!(poll(&mut send, &good).is_pending());
        assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut send, &bad))).is_err());
        drop(send);
        assert!(rx.try_recv().is_err(), "not sent");

        // The goroutine has not ended, and nobody may take an output for its own.
        for is_first in [true, false] {
            let (go_on, wait) = bounded::<()>(0);
            let handle = spawn(move || {
                let _ = wait.recv();
                vec![1; 100]
            });
            let mut end = handle.into_future();
            if !is_first {
                assert!(poll(&mut end, &good).is_pending());
            }
            assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut end, &bad))).is_err());
            drop(end);
            drop(go_on);
        }
    });
}

/// A `select!` makes its value when its arm is chosen; a future that chooses it gets that value.
#[test]
fn a_sending_arm_of_a_select_meets_a_future() {
    support::each_and_explored(None, || {
        for round in 0..50 {
            let (tx, rx) = bounded(0);
            let (_quiet, never_ready) = bounded::<()>(0);
            let selects = spawn(move || {
                gort::select! {
                    send(tx, { gort::yield_now(); round }) -> sent => sent.is_ok(),
                    recv(never_ready) -> _ => false,
                }
            });
            assert_eq!(block_on(rx.recv_async()), Ok(round));
            assert!(selects.join().unwrap());
        }
    });
}
