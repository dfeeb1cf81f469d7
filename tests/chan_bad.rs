//! Bad things get tried: ends dropped under those who wait, panics half-way, values that misbehave
//! when they are dropped, selects of any size.

mod support;

use gort::{
    sleep,
    sync::{
        Mutex,
        channel::{
            Receiver, RecvError, Select, SendError, Sender, bounded, never, select, unbounded,
        },
    },
    yield_now,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use support::{
    DELIBERATE, Random, message,
    party::{Party, spawn, three_ways},
    silence,
};

three_ways! {
    a_side_goes_while_others_wait_in_every_way,
    close_while_selects_commit,
    a_panic_in_the_middle_of_an_iteration,
    a_panic_in_an_arm_and_in_a_message,
    a_message_that_uses_its_own_channel,
    a_message_that_closes_its_own_channel,
    sixty_four_arms,
    three_hundred_arms,
    three_hundred_arms_of_one_channel,
    a_crowd_that_sends_and_receives_in_one_select,
    values_without_a_size,
    large_values_in_selects,
    values_whose_drop_parks,
    values_whose_drop_uses_the_channel,
    values_whose_drop_panics,
    a_channel_that_holds_its_own_ends,
    a_select_that_is_abandoned_while_it_parks_and_used_again,
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn join_all<T>(parties: impl IntoIterator<Item = Party<T>>) -> Vec<T> {
    parties
        .into_iter()
        .map(|party| party.join().unwrap())
        .collect()
}

fn a_side_goes_while_others_wait_in_every_way() {
    type Wait = fn(Receiver<i32>) -> bool;
    let waits: [Wait; 6] = [
        |rx| rx.recv() == Err(RecvError),
        |rx| {
            rx.recv_timeout(Duration::MAX)
                .unwrap_err()
                .is_disconnected()
        },
        |rx| rx.into_iter().next().is_none(),
        |rx| select! { recv(rx) -> msg => msg.is_err(), recv(never::<i32>()) -> _ => false },
        |rx| select! { recv(rx) -> msg => msg.is_err(), default(Duration::MAX) => false },
        |rx| {
            let mut sel = Select::new();
            sel.recv(&rx);
            sel.ready() == 0 && rx.try_recv().unwrap_err().is_disconnected()
        },
    ];
    for cap in [Some(0), Some(2), None] {
        let (tx, rx) = cap.map_or_else(unbounded, bounded);
        let waiting: Vec<_> = waits.map(|wait| (wait, rx.clone())).into();
        let waiting: Vec<_> = waiting
            .into_iter()
            .map(|(wait, rx)| spawn(move || wait(rx)))
            .collect();
        sleep(ms(3));
        drop((tx, rx));
        assert_eq!(join_all(waiting), [true; 6]);
    }
    type Press = fn(Sender<i32>) -> bool;
    let presses: [Press; 5] = [
        |tx| tx.send(5) == Err(SendError(5)),
        |tx| tx.send_timeout(5, Duration::MAX).unwrap_err().into_inner() == 5,
        |tx| {
            select! {
                send(tx, 5) -> res => res == Err(SendError(5)),
                recv(never::<i32>()) -> _ => false,
            }
        },
        |tx| select! { send(tx, 5) -> res => res.is_err(), default(Duration::MAX) => false },
        |tx| {
            let mut sel = Select::new();
            sel.send(&tx);
            sel.ready() == 0 && tx.try_send(5).unwrap_err().is_disconnected()
        },
    ];
    for cap in [0, 2] {
        let (tx, rx) = bounded(cap);
        (0..cap).for_each(|_| tx.send(0).unwrap());
        let waiting: Vec<_> = presses.map(|press| (press, tx.clone())).into();
        let waiting: Vec<_> = waiting
            .into_iter()
            .map(|(press, tx)| spawn(move || press(tx)))
            .collect();
        sleep(ms(3));
        drop((tx, rx));
        assert_eq!(join_all(waiting), [true; 5]);
    }
}

/// Whatever a select says it has sent is received, and whatever it has received was sent, up to the
/// moment of the close.
fn close_while_selects_commit() {
    for round in 0..200_u64 {
        let cap = (round % 3) as usize;
        let ends: [_; 2] = [bounded(cap), bounded(cap)];
        let [(tx, rx), (tx2, rx2)] = ends;
        let senders: Vec<_> = (0..2)
            .map(|_| (tx.clone(), tx2.clone()))
            .map(|(tx, tx2)| {
                spawn(move || {
                    let mut sent = 0_usize;
                    loop {
                        let res = select! { send(tx, 1) -> res => res, send(tx2, 1) -> res => res };
                        if res.is_err() {
                            return sent;
                        }
                        sent += 1;
                    }
                })
            })
            .collect();
        let receivers: Vec<_> = (0..2)
            .map(|_| (rx.clone(), rx2.clone()))
            .map(|(rx, rx2)| {
                spawn(move || {
                    let mut received = 0_usize;
                    let (mut one, mut two) = (rx, rx2);
                    for _ in 0..2 {
                        loop {
                            let (msg, first) = select! {
                                recv(one) -> msg => (msg, true),
                                recv(two) -> msg => (msg, false),
                            };
                            match (msg, first) {
                                (Ok(_), _) => received += 1,
                                (Err(_), true) => break one = never(),
                                (Err(_), false) => break two = never(),
                            }
                        }
                    }
                    received
                })
            })
            .collect();
        sleep(Duration::from_micros(round * 3));
        if round % 2 == 0 {
            tx.close();
            tx2.close();
        } else {
            rx2.close();
            rx.close();
        }
        let sent: usize = join_all(senders).into_iter().sum();
        let received: usize = join_all(receivers).into_iter().sum();
        assert_eq!(sent, received, "round {round}");
    }
}

fn a_panic_in_the_middle_of_an_iteration() {
    silence();
    for (tx, rx) in [bounded(0), bounded(3), unbounded()] {
        let other = rx.clone();
        let sender = spawn(move || (0..100).for_each(|i| tx.send(i).unwrap()));
        let result = catch_unwind(AssertUnwindSafe(|| {
            for i in &rx {
                assert!(i < 10, "{DELIBERATE}");
            }
        }));
        assert!(message(&*result.unwrap_err()).contains(DELIBERATE));
        // What it had not taken yet is there for others.
        let result = catch_unwind(AssertUnwindSafe(|| {
            for i in rx {
                assert!(i < 20, "{DELIBERATE}");
            }
        }));
        assert!(result.is_err());
        assert!(other.iter().eq(21..100));
        sender.join().unwrap();
    }
}

fn explode<T>() -> T {
    panic!("{DELIBERATE}")
}

fn a_panic_in_an_arm_and_in_a_message() {
    silence();
    for cap in [0, 1] {
        let (tx, rx) = bounded(cap);
        let receiver = spawn(move || rx.iter().collect::<Vec<i32>>());
        for i in 0..30 {
            let result = catch_unwind(AssertUnwindSafe(|| {
                select! {
                    send(tx, if i % 3 == 0 { explode() } else { i }) -> res => {
                        res.unwrap();
                        if i % 3 == 1 {
                            explode::<()>();
                        }
                    }
                }
            }));
            assert_eq!(result.is_err(), i % 3 != 2);
        }
        drop(tx);
        assert!(
            receiver
                .join()
                .unwrap()
                .into_iter()
                .eq((0..30).filter(|i| i % 3 != 0))
        );
    }
}

/// The arm has been chosen when its message is made: a place in the buffer is kept for it, and
/// others may use the rest.
fn a_message_that_uses_its_own_channel() {
    let (tx, rx) = bounded(2);
    select! {
        send(tx, {
            tx.try_send(1).unwrap();
            assert!(tx.try_send(9).is_err());
            2
        }) -> res => res.unwrap(),
    }
    assert!(rx.try_iter().eq([1, 2]));
    select! {
        send(tx, { assert!(rx.try_recv().is_err()); 3 }) -> res => res.unwrap(),
    }
    assert_eq!(rx.recv(), Ok(3));
    let (tx, rx) = unbounded();
    select! {
        send(tx, { tx.send(1).unwrap(); rx.recv().unwrap() + 1 }) -> res => res.unwrap(),
    }
    assert_eq!(rx.recv(), Ok(2));
}

fn a_message_that_closes_its_own_channel() {
    for (tx, rx) in [bounded(2), unbounded()] {
        select! {
            send(tx, { rx.close(); 2 }) -> res => assert_eq!(res, Err(SendError(2))),
        }
        assert!(rx.recv().is_err());
    }
    // A receiver that was chosen already gets the value.
    let (tx, rx) = bounded(0);
    let receiver = spawn(move || rx.recv());
    sleep(ms(2));
    let closes = tx.clone();
    let res = select! { send(tx, { closes.close(); 3 }) -> res => res };
    assert_eq!(
        (res.is_ok(), receiver.join().unwrap().is_ok()),
        (true, true)
    );
}

/// A `select!` with an arm for each number from 0 to 63, which receives from the channel of that
/// number, or with `@send` sends to it.
macro_rules! arms {
    ($ins:ident, $outs:ident) => {
        arms!(@all [] $ins, $outs)
    };
    (@send $ins:ident, $outs:ident) => {
        arms!(@all [@send] $ins, $outs)
    };
    (@all [$($how:tt)*] $ins:ident, $outs:ident) => {
        arms!($($how)* $ins, $outs:
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
            32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60
            61 62 63)
    };
    ($ins:ident, $outs:ident: $($i:literal)*) => {
        select! {
            $(recv($ins[$i].1) -> msg => ($i, msg.ok()),)*
        }
    };
    (@send $ins:ident, $outs:ident: $($i:literal)*) => {
        select! {
            $(send($outs[$i].0, $i) -> res => ($i, res.ok().map(|()| $i)),)*
            default => (usize::MAX, None),
        }
    };
}

fn sixty_four_arms() {
    let ins: Vec<_> = (0..64).map(|_| unbounded::<usize>()).collect();
    let outs: Vec<_> = (0..64).map(|_| bounded::<usize>(1)).collect();
    for n in 0..200 {
        let i = n * 29 % 64;
        ins[i].0.send(n).unwrap();
        let got = arms!(ins, outs);
        assert_eq!(got, (i, Some(n)));
    }
    let mut taken = [false; 64];
    for _ in 0..64 {
        let (i, sent) = arms!(@send ins, outs);
        assert_eq!(sent, Some(i));
        assert!(!std::mem::replace(&mut taken[i], true));
    }
    assert_eq!(arms!(@send ins, outs), (usize::MAX, None));
}

fn three_hundred_arms() {
    let mut random = Random::new(7);
    let ends: Vec<_> = (0..300).map(|i| bounded(i % 3)).collect();
    let txs: Vec<_> = ends.iter().map(|(tx, _)| tx.clone()).collect();
    let sender = spawn(move || {
        for i in 0..600 {
            txs[random.below(300) as usize].send(i).unwrap();
        }
    });
    let mut sel = Select::new();
    ends.iter().for_each(|(_, rx)| {
        sel.recv(rx);
    });
    let mut got: Vec<i32> = (0..600)
        .map(|_| {
            let op = sel.select();
            let index = op.index();
            op.recv(&ends[index].1).unwrap()
        })
        .collect();
    got.sort_unstable();
    assert!(got.into_iter().eq(0..600));
    sender.join().unwrap();
}

fn three_hundred_arms_of_one_channel() {
    let (tx, rx) = bounded(0);
    let sender = spawn(move || {
        for i in 0..200 {
            let mut sel = Select::new();
            (0..150).for_each(|_| {
                sel.send(&tx);
            });
            sel.select().send(&tx, i).unwrap();
        }
    });
    let mut sel = Select::new();
    (0..300).for_each(|_| {
        sel.recv(&rx);
    });
    for i in 0..200 {
        assert_eq!(sel.select().recv(&rx), Ok(i));
    }
    assert!(sel.select().recv(&rx).is_err());
    sender.join().unwrap();
}

/// Each offers and asks at once; whoever meets whom, as many have sent as have received.
fn a_crowd_that_sends_and_receives_in_one_select() {
    let (tx, rx) = bounded(0);
    let parties: Vec<_> = (0..8_usize)
        .map(|i| {
            let (tx, rx) = (tx.clone(), rx.clone());
            spawn(move || {
                let (mut sent, mut received) = (0, 0);
                for n in 0..300 {
                    select! {
                        send(tx, i * 1000 + n) -> res => { res.unwrap(); sent += i * 1000 + n }
                        recv(rx) -> msg => received += msg.unwrap(),
                        default(ms(200)) => break,
                    }
                }
                (sent, received)
            })
        })
        .collect();
    let sums = join_all(parties);
    let (sent, received) = sums
        .iter()
        .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(sent > 0);
    assert_eq!(sent, received);
}

fn values_without_a_size() {
    #[derive(Clone, Copy)]
    #[repr(align(128))]
    struct Nothing;
    for (tx, rx) in [bounded(0), bounded(1), bounded(usize::MAX), unbounded()] {
        let sender = spawn(move || {
            for i in 0..200 {
                if i % 2 == 0 {
                    tx.send(Nothing).unwrap();
                } else {
                    select! { send(tx, Nothing) -> res => res.unwrap() }
                }
            }
        });
        let mut count = 0;
        while select! { recv(rx) -> msg => msg.is_ok() } {
            count += 1;
        }
        assert_eq!(count, 200);
        sender.join().unwrap();
    }
}

fn large_values_in_selects() {
    type Large = Box<[u64]>;
    const WORDS: usize = 9 << 10;
    /// 72 KiB by value.
    struct Block([u64; WORDS]);
    fn block(n: u64) -> Box<Block> {
        // Made on the heap: unoptimised code would copy it over the stack many times.
        let words: Large = vec![n; WORDS].into();
        // SAFETY: a `Block` is an array of as many words, and a box of either has the same layout.
        unsafe { Box::from_raw(Box::into_raw(words).cast::<Block>()) }
    }
    for (tx, rx) in [bounded(0), bounded(2), unbounded()] {
        let sender = spawn(move || {
            for n in 0..20 {
                if n % 2 == 0 {
                    assert!(tx.send(*block(n)).is_ok());
                } else {
                    select! { send(tx, *block(n)) -> res => assert!(res.is_ok()) }
                }
            }
        });
        for n in 0..20 {
            let got = if n % 3 == 0 {
                rx.recv()
            } else {
                select! { recv(rx) -> msg => msg }
            };
            assert!(got.is_ok_and(|block| block.0.iter().all(|&word| word == n)));
        }
        sender.join().unwrap();
    }
}

/// Parks when it is dropped.
struct Sleepy(Arc<AtomicUsize>);

impl Drop for Sleepy {
    fn drop(&mut self) {
        yield_now();
        sleep(Duration::from_micros(50));
        self.0.fetch_add(1, SeqCst);
    }
}

fn values_whose_drop_parks() {
    for (tx, rx) in [bounded(50), unbounded()] {
        let drops = Arc::new(AtomicUsize::new(0));
        (0..50).for_each(|_| assert!(tx.send(Sleepy(drops.clone())).is_ok()));
        // Others use the channel meanwhile: no lock of it is held.
        let (other, seen) = (tx.clone(), drops.clone());
        let party = spawn(move || {
            while !other.is_closed() {
                yield_now();
            }
            drop(other.send(Sleepy(seen)));
            other.len()
        });
        drop(rx);
        assert_eq!(party.join().unwrap(), 0);
        assert_eq!(drops.load(SeqCst), 51);
    }
}

/// Sends something over the channel that it was in when it is dropped, and receives something.
struct Busy(Sender<Option<Busy>>, Receiver<()>, Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        assert!(self.0.try_send(None).is_err());
        assert!(self.0.send(None).is_err());
        self.0.close();
        assert!(select! { send(self.0, None) -> res => res.is_err() });
        assert_eq!(self.1.recv(), Ok(()));
        self.2.fetch_add(1, SeqCst);
    }
}

fn values_whose_drop_uses_the_channel() {
    let drops = Arc::new(AtomicUsize::new(0));
    let (ticks_tx, ticks) = bounded(0);
    let ticker = spawn(move || while ticks_tx.send(()).is_ok() {});
    for (tx, rx) in [bounded(20), unbounded()] {
        for _ in 0..20 {
            let busy = Busy(tx.clone(), ticks.clone(), drops.clone());
            assert!(tx.send(Some(busy)).is_ok());
        }
        drop(rx);
        assert!(tx.is_closed() && tx.is_empty());
    }
    assert_eq!(drops.load(SeqCst), 40);
    drop(ticks);
    ticker.join().unwrap();
}

struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
        if !std::thread::panicking() {
            panic!("{DELIBERATE}");
        }
    }
}

fn values_whose_drop_panics() {
    silence();
    for (tx, rx) in [bounded(4), unbounded()] {
        let drops = Arc::new(AtomicUsize::new(0));
        let send = |_| std::mem::forget(tx.send(Bomb(drops.clone())));
        (0..4).for_each(send);
        // While it is received.
        assert!(catch_unwind(AssertUnwindSafe(|| drop(rx.recv()))).is_err());
        // With the receiver: the first of them, and those after it are leaked.
        assert!(catch_unwind(AssertUnwindSafe(|| drop(rx))).is_err());
        assert_eq!(drops.load(SeqCst), 2);
        // In the error of a send.
        assert!(catch_unwind(AssertUnwindSafe(|| drop(tx.send(Bomb(drops.clone()))))).is_err());
        assert_eq!((drops.load(SeqCst), tx.len()), (3, 0));
    }
    // In a goroutine or thread that then ends by it.
    let drops = Arc::new(AtomicUsize::new(0));
    let (tx, rx) = bounded(1);
    let theirs = drops.clone();
    let party = spawn(move || drop(tx.send(Bomb(theirs))));
    party.join().unwrap();
    let result = spawn(move || drop(rx.recv())).join();
    assert!(message(&*result.unwrap_err()).contains(DELIBERATE));
    assert_eq!(drops.load(SeqCst), 1);
}

/// Ends of a channel inside of it: the receiver goes with the last one outside, and so does what it
/// holds.
fn a_channel_that_holds_its_own_ends() {
    struct Tail(#[allow(dead_code)] Option<Sender<Tail>>, Arc<AtomicUsize>);
    impl Drop for Tail {
        fn drop(&mut self) {
            self.1.fetch_add(1, SeqCst);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let (tx, rx) = unbounded();
    for _ in 0..10 {
        assert!(tx.send(Tail(Some(tx.clone()), drops.clone())).is_ok());
    }
    drop(tx);
    assert!(!rx.is_closed());
    drop(rx);
    assert_eq!(drops.load(SeqCst), 10);
}

/// A party's own receive, send and select give up again and again at the moment that a partner
/// comes.
fn a_select_that_is_abandoned_while_it_parks_and_used_again() {
    let (tx, rx) = bounded(0);
    let (tx2, rx2) = bounded(0);
    let log = Arc::new(Mutex::new([Vec::new(), Vec::new()]));
    let theirs = log.clone();
    let party = spawn(move || {
        let mut random = Random::new(3);
        let mut sel = Select::new();
        let first = sel.recv(&rx);
        sel.recv(&rx2);
        loop {
            let limit = Duration::from_micros(random.below(60));
            let Ok(op) = sel.select_timeout(limit) else {
                continue;
            };
            let is_first = op.index() == first;
            match op.recv(if is_first { &rx } else { &rx2 }) {
                Ok(n) => theirs.lock()[usize::from(!is_first)].push(n),
                Err(_) => return,
            }
        }
    });
    let mut random = Random::new(4);
    let mut sent = [Vec::new(), Vec::new()];
    for n in 0..2000 {
        let limit = Duration::from_micros(random.below(60));
        select! {
            send(tx, n) -> res => { res.unwrap(); sent[0].push(n) }
            send(tx2, n) -> res => { res.unwrap(); sent[1].push(n) }
            default(limit) => {}
        }
    }
    drop((tx, tx2));
    party.join().unwrap();
    // Each channel keeps its order. Not both together: a message whose receiver gave up on it,
    // while the sender was kept from making it, waits in its channel.
    assert_eq!(*log.lock(), sent);
}
