//! The hard scenarios of channels and locks, at the figures that Go and crossbeam use for theirs
//! (in unoptimised builds, less of the same).
//!
//! Each is told to run under a watchdog: that it ends is half of what it shows.

mod support;

use gort::{
    Builder, sleep,
    sync::{
        Cond, Mutex, RwMutex, Semaphore, WaitGroup,
        channel::{Receiver, Select, Sender, TryRecvError, bounded, never, select, unbounded},
    },
    yield_now,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use support::{
    Random,
    party::{Party, spawn},
};

/// So many in an optimised build, a tenth otherwise.
const fn scaled(n: usize) -> usize {
    if cfg!(debug_assertions) { n / 10 } else { n }
}

fn us(n: u64) -> Duration {
    Duration::from_micros(n)
}

fn join_all<T>(parties: impl IntoIterator<Item = Party<T>>) -> Vec<T> {
    parties
        .into_iter()
        .map(|party| party.join().unwrap())
        .collect()
}

/// Two ways: in goroutines, and mixed with threads.
#[track_caller]
fn two_ways(test: impl Fn() + Sync) {
    support::party::in_goroutines(&test);
    support::party::mixed(&test);
}

/// Go's `TestSelectStress`: four channels (of capacity 0, 0, 2, 3); to each sends one party and
/// from each one receives, and one more sends to all four in selects, and one receives so. Some of
/// the selects give up.
#[test]
fn selects_and_plain_operations_over_four_channels_lose_nothing() {
    let n = scaled(100_000) / 5;
    two_ways(|| {
        let ends: Arc<Vec<_>> = Arc::new([0, 0, 2, 3].into_iter().map(bounded::<usize>).collect());
        let mut parties = Vec::new();
        for k in 0..4 {
            let theirs = ends.clone();
            parties.push(spawn(move || {
                for i in 0..n {
                    theirs[k].0.send(i).unwrap();
                    if i % 64 == 0 {
                        yield_now();
                    }
                }
                0
            }));
            let theirs = ends.clone();
            parties.push(spawn(move || {
                (0..n).map(|_| theirs[k].1.recv().unwrap()).sum()
            }));
        }
        let theirs = ends.clone();
        parties.push(spawn(move || {
            let mut random = Random::new(1);
            let mut left = [n; 4];
            let mut i = 0;
            while left.iter().any(|&n| n > 0) {
                let mut sel = Select::new();
                let arms: Vec<_> = (0..4).filter(|&k| left[k] > 0).collect();
                arms.iter().for_each(|&k| {
                    sel.send(&theirs[k].0);
                });
                let Ok(op) = sel.select_timeout(us(random.below(500))) else {
                    continue;
                };
                let k = arms[op.index()];
                op.send(&theirs[k].0, n - left[k]).unwrap();
                left[k] -= 1;
                i += 1;
                if i % 1000 == 0 {
                    yield_now();
                }
            }
            0
        }));
        let theirs = ends.clone();
        parties.push(spawn(move || {
            let mut left = [n; 4];
            let mut sum = 0;
            let off = never();
            while left.iter().any(|&n| n > 0) {
                let rx = |k: usize| if left[k] > 0 { &theirs[k].1 } else { &off };
                let (k, msg) = select! {
                    recv(rx(0)) -> msg => (0, msg),
                    recv(rx(1)) -> msg => (1, msg),
                    recv(rx(2)) -> msg => (2, msg),
                    recv(rx(3)) -> msg => (3, msg),
                };
                left[k] -= 1;
                sum += msg.unwrap();
            }
            sum
        }));
        let sum: usize = join_all(parties).into_iter().sum();
        assert_eq!(sum, 4 * 2 * (n * (n - 1) / 2));
        assert!(ends.iter().all(|(tx, _)| tx.is_empty()));
    });
}

/// Go's `TestNonblockSelectRace`: a value is put into the first of two channels, then that one is
/// taken out and one put into the second. A select with a default that begins between the two finds
/// one: it judges both channels at one instant.
#[test]
fn a_select_with_a_default_sees_one_instant() {
    let n = scaled(100_000);
    for close in [false, true] {
        two_ways(|| {
            let (request_tx, request) = bounded::<(Receiver<()>, Receiver<()>)>(1);
            let (answer_tx, answer) = bounded(1);
            let looker = spawn(move || {
                for (one, two) in request {
                    let found = select! {
                        recv(one) -> _ => true,
                        recv(two) -> _ => true,
                        default => false,
                    };
                    answer_tx.send(found).unwrap();
                }
            });
            for _ in 0..n / 5 {
                let (one_tx, one) = bounded(1);
                let (two_tx, two) = bounded(1);
                one_tx.send(()).unwrap();
                // (Kept, that the second channel stays open.)
                request_tx.send((one.clone(), two.clone())).unwrap();
                if close {
                    two_tx.close();
                } else {
                    two_tx.send(()).unwrap();
                }
                let _ = one.try_recv();
                assert_eq!(answer.recv(), Ok(true));
            }
            drop(request_tx);
            looker.join().unwrap();
        });
    }
}

/// Counts itself, and knows whether it is whole.
struct Canary(usize, Arc<AtomicUsize>, usize);

impl Canary {
    fn new(n: usize, drops: &Arc<AtomicUsize>) -> Self {
        Self(n, drops.clone(), !n)
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        assert_eq!(self.0, !self.2);
        self.1.fetch_add(1, SeqCst);
    }
}

/// Go's `TestMultiConsumer`: 23 consumers. Here some of them leave on the way, at any time, and
/// others come.
#[test]
fn each_value_comes_once_and_goes_once_though_receivers_leave() {
    let n = scaled(271_828) / 4;
    support::party::in_goroutines(|| {
        for (tx, rx) in [bounded::<Canary>(0), bounded(23), unbounded()] {
            let drops = Arc::new(AtomicUsize::new(0));
            let sum = Arc::new(AtomicUsize::new(0));
            let consumers: Vec<_> = (0..23)
                .map(|seed| (rx.clone(), sum.clone(), Random::new(seed + 1)))
                .map(|(rx, sum, mut random)| {
                    spawn(move || {
                        let mut rx = rx;
                        let mut received = 0_usize;
                        while let Ok(value) = rx.recv() {
                            sum.fetch_add(value.0, SeqCst);
                            received += 1;
                            match random.below(1000) {
                                0 => rx = rx.clone(),
                                1 => sleep(us(5)),
                                2..20 => yield_now(),
                                _ => (),
                            }
                            // The first must stay: the channel would close.
                            if seed_leaves(&mut random) && received > n / 23 {
                                break;
                            }
                        }
                        received
                    })
                })
                .collect();
            for i in 0..n {
                assert!(tx.send(Canary::new(i, &drops)).is_ok());
                if i % 100 == 0 {
                    yield_now();
                }
            }
            drop(tx);
            let mut rest = 0;
            for value in &rx {
                sum.fetch_add(value.0, SeqCst);
                rest += 1;
            }
            let received: usize = join_all(consumers).into_iter().sum();
            assert_eq!((received + rest, drops.load(SeqCst)), (n, n));
            assert_eq!(sum.load(SeqCst), n * (n - 1) / 2);
        }
    });
}

fn seed_leaves(random: &mut Random) -> bool {
    random.below(500) == 0
}

/// A hog that takes the lock for 100 us at a time and others beside it: all waits stay below a
/// hundred holds or so for each that contends.
#[test]
fn a_contended_lock_comes_to_each_in_time() {
    let hold = us(20);
    let worst = |lock: &Arc<Mutex<()>>| {
        let stop = Arc::new(AtomicBool::new(false));
        let parties: Vec<_> = (0..64)
            .map(|_| (lock.clone(), stop.clone()))
            .map(|(lock, stop)| {
                spawn(move || {
                    let mut worst = Duration::ZERO;
                    while !stop.load(SeqCst) {
                        let start = Instant::now();
                        let guard = lock.lock();
                        worst = worst.max(start.elapsed());
                        support::compute(hold);
                        drop(guard);
                    }
                    worst
                })
            })
            .collect();
        sleep(Duration::from_millis(200));
        stop.store(true, SeqCst);
        join_all(parties).into_iter().max().unwrap()
    };
    support::under(&[1, 2], |_| {
        let lock = Arc::new(Mutex::new(()));
        support::party::goroutines_here();
        // The best of some: a busy machine may spoil one.
        let best = (0..10)
            .map(|_| worst(&lock))
            .find(|worst| *worst < 64 * 100 * hold);
        assert!(best.is_some());
    });
}

/// A value, a close, the end of a timeout and the other side's leaving, all at about the same
/// moment.
#[test]
fn whatever_comes_first_nothing_is_lost_between_a_timeout_and_a_partner() {
    let n = scaled(100_000) as u64 / 5;
    two_ways(|| {
        let drops = Arc::new(AtomicUsize::new(0));
        let mut made = 0;
        // The offset of the two sides sweeps over some microseconds, to and fro.
        for round in 0..n / 50 {
            let (tx, rx) = bounded((round % 2) as usize);
            let theirs = drops.clone();
            let sender = spawn(move || {
                let mut sent = 0;
                for i in 0..50 {
                    let value = Canary::new(i, &theirs);
                    let limit = us((i as u64 + round) % 7);
                    let res = match i % 3 {
                        0 => tx.send_timeout(value, limit).is_ok(),
                        1 => tx.try_send(value).is_ok(),
                        _ => {
                            select! {
                                send(tx, value) -> res => res.is_ok(),
                                default(limit) => false,
                            }
                        }
                    };
                    sent += usize::from(res);
                    if i == 40 && round % 5 == 0 {
                        tx.close();
                    }
                }
                sent
            });
            made += 50;
            let (mut received, mut i) = (0, round);
            let is_whole = round % 7 != 0;
            loop {
                i += 1;
                let limit = us(i % 5);
                let got = match i % 3 {
                    0 => rx
                        .recv_timeout(limit)
                        .map_err(|error| error.is_disconnected()),
                    1 => rx
                        .try_recv()
                        .map_err(|error| error == TryRecvError::Disconnected),
                    _ => {
                        select! {
                            recv(rx) -> msg => msg.map_err(|_| true),
                            default(limit) => Err(false),
                        }
                    }
                };
                match got {
                    Ok(_) => received += 1,
                    Err(true) => break,
                    Err(false) if !is_whole && received > 10 => break,
                    Err(false) => yield_now(),
                }
            }
            let left = rx.len();
            drop(rx);
            let sent = sender.join().unwrap();
            if is_whole {
                assert_eq!((sent, left), (received, 0));
            }
            // A select's message that was not sent was not made: its value is still the sender's,
            // and gone with its frame.
            assert_eq!(drops.load(SeqCst), made);
        }
    });
}

/// What it costs, in seconds, to be rid of `n` waiting goroutines.
type Cost = fn(n: usize) -> f64;

/// Has `n` goroutines wait, of which every second gives up at the same moment; then wakes the
/// others. Seconds from that moment on.
fn crowd<S: Send + Sync + 'static>(
    n: usize,
    shared: &Arc<S>,
    wait: fn(&S, Option<Duration>),
    wake: impl FnOnce(),
) -> f64 {
    let [hasty, patient] = [WaitGroup::new(), WaitGroup::new()];
    // By then all have parked.
    let end = Instant::now() + us(12 * n as u64);
    for i in 0..n {
        let is_hasty = i % 2 == 0;
        let group = if is_hasty { &hasty } else { &patient };
        let (shared, group) = (shared.clone(), group.clone());
        group.add(1);
        let body = move || {
            wait(&shared, is_hasty.then(|| end - Instant::now()));
            group.done();
        };
        drop(Builder::new().stack_size(16 << 10).spawn(body).unwrap());
    }
    hasty.wait();
    wake();
    patient.wait();
    end.elapsed().as_secs_f64()
}

const COSTS: &[(&str, Cost)] = &[
    ("channel", |n| {
        let (tx, rx) = bounded::<()>(0);
        let shared = Arc::new(rx);
        let wait = |rx: &Receiver<()>, limit: Option<Duration>| match limit {
            Some(limit) => assert!(rx.recv_timeout(limit).is_err()),
            None => assert!(rx.recv().is_err()),
        };
        crowd(n, &shared, wait, || tx.close())
    }),
    ("select", |n| {
        let (tx, rx) = bounded::<()>(0);
        let shared = Arc::new((rx, unbounded::<()>()));
        type Ends = (Receiver<()>, (Sender<()>, Receiver<()>));
        let wait = |ends: &Ends, limit: Option<Duration>| {
            let limit = limit.unwrap_or(Duration::MAX);
            select! {
                recv(ends.0) -> msg => assert!(msg.is_err()),
                recv(ends.1.1) -> _ => unreachable!(),
                default(limit) => {}
            }
        };
        crowd(n, &shared, wait, || tx.close())
    }),
    ("mutex", |n| {
        let shared = Arc::new(Mutex::new(()));
        let guard = shared.lock();
        let wait = |lock: &Mutex<()>, limit: Option<Duration>| match limit {
            Some(limit) => drop(lock.try_lock_for(limit)),
            None => drop(lock.lock()),
        };
        crowd(n, &shared.clone(), wait, || drop(guard))
    }),
    ("rw mutex", |n| {
        let shared = Arc::new(RwMutex::new(()));
        let guard = shared.write();
        let wait = |lock: &RwMutex<()>, limit: Option<Duration>| match limit {
            Some(limit) => drop(lock.try_write_for(limit)),
            None => drop(lock.read()),
        };
        crowd(n, &shared.clone(), wait, || drop(guard))
    }),
    ("cond", |n| {
        let shared = Arc::new((Mutex::new(false), Cond::new()));
        let wait = |shared: &(Mutex<bool>, Cond), limit: Option<Duration>| {
            let mut guard = shared.0.lock();
            match limit {
                Some(limit) => drop(shared.1.wait_while_for(&mut guard, |set| !*set, limit)),
                None => shared.1.wait_while(&mut guard, |set| !*set),
            }
        };
        let theirs = shared.clone();
        crowd(n, &shared, wait, move || {
            *theirs.0.lock() = true;
            theirs.1.notify_all();
        })
    }),
    ("semaphore", |n| {
        let shared = Arc::new(Semaphore::new(0));
        let theirs = shared.clone();
        let wait = |semaphore: &Semaphore, limit: Option<Duration>| match limit {
            Some(limit) => drop(semaphore.acquire_timeout(1, limit)),
            None => drop(semaphore.acquire(1)),
        };
        crowd(n, &shared, wait, move || theirs.add_permits(1))
    }),
    ("wait group", |n| {
        // It has no limit: none of these leaves before it is woken.
        let shared = Arc::new(WaitGroup::new());
        shared.add(1);
        let theirs = shared.clone();
        let wait = |group: &WaitGroup, _: Option<Duration>| group.wait();
        let waker = gort::spawn(move || {
            sleep(us(12 * n as u64));
            theirs.done();
        });
        let cost = crowd(n, &shared, wait, || ());
        waker.join().unwrap();
        cost
    }),
];

/// As Go's `chanlinear`: four times the waiters of one primitive, of which half give up by
/// themselves, cost about four times as much, not sixteen.
#[test]
fn one_of_many_waiters_leaves_in_constant_time() {
    const FEW: usize = 4_000;
    support::under(&[1], |_| {
        for (name, cost) in COSTS {
            let mut ratios = Vec::new();
            while ratios.len() < 5 && ratios.last().is_none_or(|ratio| *ratio > 8.0) {
                ratios.push(cost(4 * FEW) / cost(FEW));
            }
            let last = *ratios.last().unwrap();
            assert!(
                last < 8.0,
                "{name}: four times the waiters took {ratios:?} times as long"
            );
        }
    });
}

/// 5,000 sleepers and goroutines that select with short timeouts all the time: none is late for
/// long, and it ends.
#[test]
fn many_sleepers_and_short_limits_get_on() {
    let selects = scaled(20_000) / 10;
    support::under(&[1, 2], |_| {
        let group = WaitGroup::new();
        for i in 0..5_000_u64 {
            group.go(move || sleep(us(i * 37 % 50_000)));
        }
        for seed in 0..50 {
            group.go(move || {
                let (_tx, rx) = unbounded::<()>();
                let mut random = Random::new(seed + 1);
                for _ in 0..selects {
                    select! {
                        recv(rx) -> _ => unreachable!(),
                        default(us(random.below(50))) => {}
                    }
                }
            });
        }
        group.wait();
        // Limits of nothing, and without end.
        let (tx, rx) = bounded(1);
        for _ in 0..scaled(1_000_000) / 10 {
            assert!(rx.recv_timeout(Duration::ZERO).is_err());
        }
        tx.send(1).unwrap();
        assert_eq!(rx.recv_timeout(Duration::MAX), Ok(1));
    });
}
