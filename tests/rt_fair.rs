//! Fairness: under every kind of load a probe goroutine is scheduled at least every 50 ms (100 ms
//! without optimisation), with 1 and with 2 workers.

mod support;

use gort::{
    runtime::{Builder, Runtime},
    sleep, spawn,
    sync::{
        Mutex, Semaphore, WaitGroup,
        channel::{RecvError, TryRecvError, bounded, never, select, unbounded},
    },
    yield_now,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use support::{Noise, Watchdog};

/// The longest that the probe may wait for its turn; more only if a thread of its own would have
/// waited nearly as long.
const LONGEST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 100 } else { 50 });
/// How long one look takes. A busy machine may spoil some; a defect spoils each of the `LOOKS`.
const LOOK: Duration = Duration::from_millis(500);
const LOOKS: usize = 10;

/// What says that it is enough.
type Stop = Arc<AtomicBool>;

/// What a probe does in each of its turns.
type Turn = fn();
const YIELDS: Turn = yield_now;
const SLEEPS: Turn = || sleep(Duration::from_millis(1));
const SPAWNS_AND_JOINS: Turn = || spawn(|| ()).join().unwrap();

/// Watches a load with all probes.
#[track_caller]
fn probe_under(start_load: impl Fn(&Stop, &WaitGroup) + Sync) {
    probe_with(&[YIELDS, SLEEPS, SPAWNS_AND_JOINS], start_load);
}

/// Watches a load with these probes.
#[track_caller]
fn probe_with(probes: &[Turn], start_load: impl Fn(&Stop, &WaitGroup) + Sync) {
    let _alone = support::alone();
    support::under(&[1, 2], |_: &Runtime| {
        let stop = Stop::default();
        let load = WaitGroup::new();
        start_load(&stop, &load);
        let mut gaps = Vec::new();
        let mut allowed = Duration::ZERO;
        for _ in 0..LOOKS {
            let noise = Noise::start();
            let looks: Vec<_> = probes
                .iter()
                .map(|&turn| spawn(move || longest_gap(turn)))
                .collect();
            let look: Vec<_> = looks.into_iter().map(|l| l.join().unwrap()).collect();
            gaps.push(look);
            allowed = allowed.max(LONGEST.max(2 * noise.stop()));
            if gaps.last().unwrap().iter().all(|gap| *gap < allowed) {
                break;
            }
        }
        stop.store(true, SeqCst);
        load.wait();
        for probe in 0..probes.len() {
            let of_this = gaps.iter().map(|look| look[probe]);
            assert!(
                of_this.min().unwrap() < allowed,
                "gaps {gaps:?}, {allowed:?}"
            );
        }
    });
}

fn longest_gap(turn: Turn) -> Duration {
    let start = Instant::now();
    let (mut last, mut longest) = (start, Duration::ZERO);
    while start.elapsed() < LOOK {
        turn();
        longest = longest.max(last.elapsed());
        last = Instant::now();
    }
    longest
}

/// Calls `turn` until it is enough. A load that panics is none: then the process ends.
fn repeat(stop: &Stop, load: &WaitGroup, turn: impl Fn() + Send + 'static) {
    struct Abort;
    impl Drop for Abort {
        fn drop(&mut self) {
            std::process::abort();
        }
    }
    let stop = Arc::clone(stop);
    load.go(move || {
        let unwinding = Abort;
        while !stop.load(SeqCst) {
            turn();
        }
        std::mem::forget(unwinding);
    });
}

#[test]
fn under_yield_loops() {
    probe_under(|stop, load| (0..100).for_each(|_| repeat(stop, load, yield_now)));
}

#[test]
fn under_short_sleepers() {
    probe_under(|stop, load| {
        for i in 0..200 {
            repeat(stop, load, move || {
                sleep(Duration::from_nanos(30 + i * 100))
            });
        }
    });
}

/// Two at a time that wake each other, each time before anything else gets its turn.
#[test]
fn under_pairs_that_wake_each_other() {
    probe_under(|stop, load| {
        for _ in 0..20 {
            let ends = Arc::new([Semaphore::new(1), Semaphore::new(0)]);
            for side in 0..2 {
                let ends = Arc::clone(&ends);
                let stop = Arc::clone(stop);
                load.go(move || {
                    while !stop.load(SeqCst) {
                        ends[side].acquire(1).forget();
                        ends[1 - side].add_permits(1);
                    }
                    ends[1 - side].add_permits(1);
                });
            }
        }
    });
}

/// Homes in which somebody can always go on, yielders among those, and one home of yielders only.
#[test]
fn beside_homes_that_never_rest() {
    let _alone = support::alone();
    for homes in [1, 2, 4] {
        support::with_homes(&[1, 2], homes, |_| {
            let stop = Stop::default();
            let load = WaitGroup::new();
            for _ in 0..3 * homes {
                let ends = Arc::new([Semaphore::new(1), Semaphore::new(0)]);
                for side in 0..2 {
                    let ends = Arc::clone(&ends);
                    let stop = Arc::clone(&stop);
                    load.go(move || {
                        while !stop.load(SeqCst) {
                            ends[side].acquire(1).forget();
                            ends[1 - side].add_permits(1);
                        }
                        ends[1 - side].add_permits(1);
                    });
                }
            }
            let look = || {
                let probes = (0..2 * homes).map(|_| spawn(|| longest_gap(yield_now)));
                let probes: Vec<_> = probes.collect();
                let gaps = probes.into_iter().map(|probe| probe.join().unwrap());
                gaps.max().unwrap()
            };
            let best = (0..LOOKS).map(|_| look()).find(|gap| *gap < LONGEST);
            stop.store(true, SeqCst);
            load.wait();
            assert!(best.is_some(), "each time longer than {LONGEST:?}");
        });
    }
}

/// Threads outside wake a goroutine while those inside wake each other without rest.
#[test]
fn wake_ups_from_outside_get_their_turn_under_load() {
    let _alone = support::alone();
    support::beside(&[1, 2], |runtime| {
        let stop = Stop::default();
        let load = WaitGroup::new();
        for _ in 0..6 {
            let ends = Arc::new([Semaphore::new(1), Semaphore::new(1)]);
            for side in 0..2 {
                let ends = Arc::clone(&ends);
                let stop = Arc::clone(&stop);
                let done = load.clone();
                load.add(1);
                runtime.spawn(move || {
                    while !stop.load(SeqCst) {
                        ends[side].acquire(1).forget();
                        ends[1 - side].add_permits(1);
                    }
                    ends[1 - side].add_permits(1);
                    done.done();
                });
            }
        }
        let (tx, rx) = unbounded();
        let (back, answers) = unbounded();
        let answerer = runtime.spawn(move || rx.iter().for_each(|i: u32| back.send(i).unwrap()));
        let turn = |i| {
            // Parked by then.
            std::thread::sleep(Duration::from_millis(1));
            let start = Instant::now();
            tx.send(i).unwrap();
            assert_eq!(answers.recv_timeout(Duration::from_secs(20)), Ok(i));
            start.elapsed()
        };
        let mut took: Vec<_> = (0..200).map(turn).collect();
        drop(tx);
        answerer.join().unwrap();
        stop.store(true, SeqCst);
        load.wait();
        took.sort_unstable();
        assert!(took[took.len() * 9 / 10] < LONGEST, "{took:?}");
    });
}

/// As Go's test of the same: values go to and fro over two channels without a buffer.
#[test]
fn under_ping_pong_pairs() {
    probe_under(|stop, load| {
        for _ in 0..20 {
            let (ping, pinged) = bounded(0);
            let (pong, ponged) = bounded(0);
            let stop = Arc::clone(stop);
            load.go(move || {
                while !stop.load(SeqCst) {
                    ping.send(()).unwrap();
                    ponged.recv().unwrap();
                }
            });
            load.go(move || pinged.iter().all(|()| pong.send(()).is_ok()));
        }
    });
}

/// Selects that always find a ready arm: nothing ever parks.
#[test]
fn under_select_loops() {
    probe_under(|stop, load| {
        for cap in [1, 1, 3, 3, 64, 64] {
            let (tx, rx) = bounded(cap);
            repeat(stop, load, move || {
                select! {
                    send(tx, 1) -> res => res.unwrap(),
                    recv(rx) -> msg => assert_eq!(msg, Ok(1)),
                }
            });
        }
    });
}

/// Go's loops around a `select` with a `default`, and around a `try_recv`.
#[test]
fn under_loops_that_poll() {
    probe_under(|stop, load| {
        for is_open in [true, true, false] {
            let (tx, rx) = unbounded::<()>();
            let keep = is_open.then_some(tx);
            let other = rx.clone();
            repeat(stop, load, move || {
                let _keep = &keep;
                select! {
                    recv(rx) -> msg => assert!(msg.is_err() && !is_open),
                    recv(never::<()>()) -> _ => unreachable!(),
                    default => assert!(is_open),
                }
            });
            let third = other.clone();
            repeat(stop, load, move || {
                assert!(third.recv_timeout(Duration::ZERO).is_err())
            });
            repeat(stop, load, move || {
                if is_open {
                    assert_eq!(other.try_recv(), Err(TryRecvError::Empty));
                } else {
                    assert_eq!(other.recv(), Err(RecvError));
                }
            });
        }
    });
}

/// Goroutines whose partners are threads, which keep the channel full (empty): there is always
/// something to receive, and room to send.
#[test]
fn under_a_stream_to_and_from_threads() {
    probe_under(|stop, load| {
        for cap in [Some(1), Some(128), None, None] {
            let make = || cap.map_or_else(unbounded, bounded);
            let ((tx, rx), (out, back)) = (make(), make());
            // Enough for as long as the thread is off its core.
            let fill = move || {
                while tx.send(1).is_ok() {
                    while tx.len() > 1_000_000 && !tx.is_closed() {
                        std::thread::yield_now();
                    }
                }
            };
            std::thread::spawn(fill);
            std::thread::spawn(move || back.iter().for_each(drop));
            repeat(stop, load, move || assert_eq!(rx.recv(), Ok(1)));
            if cap.is_some() {
                repeat(stop, load, move || out.send(2).unwrap());
            }
        }
    });
}

/// One goroutine receives millions of values that are all there: it never parks, and yet a sleeper
/// gets its turn.
#[test]
fn while_a_full_channel_is_drained() {
    let _alone = support::alone();
    let values = if cfg!(debug_assertions) {
        2_000_000
    } else {
        20_000_000
    };
    support::under(&[1], |_| {
        let look = || {
            let (tx, rx) = unbounded();
            (0..values).for_each(|_| tx.send(()).unwrap());
            drop(tx);
            let drainer = spawn(move || rx.iter().count());
            let (mut last, mut longest) = (Instant::now(), Duration::ZERO);
            while !drainer.is_finished() {
                sleep(Duration::from_millis(1));
                longest = longest.max(last.elapsed());
                last = Instant::now();
            }
            assert_eq!(drainer.join().unwrap(), values);
            longest
        };
        let best = (0..LOOKS).map(|_| look()).find(|gap| *gap < LONGEST);
        assert!(best.is_some(), "each time longer than {LONGEST:?}");
    });
}

#[test]
fn under_fights_for_locks() {
    probe_under(|stop, load| {
        for _ in 0..20 {
            let lock = Arc::new(Mutex::new(0_u64));
            for _ in 0..2 {
                let lock = Arc::clone(&lock);
                repeat(stop, load, move || {
                    let mut guard = lock.lock();
                    *guard += 1;
                    yield_now();
                });
            }
        }
    });
}

/// Each goroutine starts the next one and ends.
#[test]
fn under_chains_of_spawns() {
    fn link(stop: Stop, load: WaitGroup) {
        if stop.load(SeqCst) {
            load.done();
        } else {
            spawn(move || link(stop, load));
        }
    }
    probe_under(|stop, load| {
        for _ in 0..20 {
            load.add(1);
            link(Arc::clone(stop), load.clone());
        }
    });
}

/// Fresh ones are always there, and the newest runs first.
#[test]
fn under_bursts_of_spawns() {
    probe_under(|stop, load| {
        for _ in 0..4 {
            repeat(stop, load, || {
                let group = WaitGroup::new();
                for _ in 0..500 {
                    group.go(|| std::hint::black_box(1));
                }
                group.wait();
            });
        }
    });
}

/// A thread outside that spawns without rest.
#[test]
fn under_spawns_from_outside() {
    let _alone = support::alone();
    support::beside(&[1, 2], |runtime| {
        let stop = Stop::default();
        let gaps = std::thread::scope(|threads| {
            threads.spawn(|| {
                while !stop.load(SeqCst) {
                    let handles: Vec<_> = (0..100).map(|_| runtime.spawn(|| ())).collect();
                    handles.into_iter().for_each(|h| h.join().unwrap());
                }
            });
            let look = || runtime.spawn(|| longest_gap(yield_now)).join().unwrap();
            let gaps: Vec<_> = (0..LOOKS).map(|_| look()).collect();
            stop.store(true, SeqCst);
            gaps
        });
        assert!(gaps.iter().any(|gap| *gap < LONGEST), "gaps {gaps:?}");
    });
}

/// What comes from outside gets its turn under any load inside.
#[test]
fn spawns_from_outside_get_their_turn_under_load() {
    let _alone = support::alone();
    support::beside(&[1, 2], |runtime| {
        let stop = Stop::default();
        let load = WaitGroup::new();
        for _ in 0..100 {
            let stop = Arc::clone(&stop);
            load.add(1);
            let done = load.clone();
            runtime.spawn(move || {
                while !stop.load(SeqCst) {
                    yield_now();
                }
                done.done();
            });
        }
        let turn = || {
            let start = Instant::now();
            runtime.spawn(|| ()).join().unwrap();
            start.elapsed()
        };
        let mut took: Vec<_> = (0..200).map(|_| turn()).collect();
        stop.store(true, SeqCst);
        load.wait();
        took.sort_unstable();
        assert!(took[took.len() * 9 / 10] < LONGEST, "{took:?}");
    });
}

/// One goroutine that yields in a loop finds nothing else to run on its worker; what comes from
/// outside must get in all the same.
#[test]
fn a_single_yielder_lets_outside_goroutines_in() {
    support::beside(&[1], |runtime| {
        let stop = Stop::default();
        let stops = Arc::clone(&stop);
        let yielder = runtime.spawn(move || {
            while !stops.load(SeqCst) {
                yield_now();
            }
        });
        for _ in 0..1000 {
            runtime.spawn(|| ()).join().unwrap();
        }
        stop.store(true, SeqCst);
        yielder.join().unwrap();
    });
}

/// Goroutines that a thread wakes while their worker is busy run in the order in which they were
/// woken.
#[test]
fn those_that_a_thread_has_woken_run_in_their_order() {
    const COUNT: usize = 8;
    let runtime = Arc::new(Builder::new().workers(1).homes(1).build().unwrap());
    let _watchdog = Watchdog::start(&runtime, support::PATIENCE, "in order");
    let order = Arc::new(Mutex::new(Vec::new()));
    let (gates, all): (Vec<_>, Vec<_>) = (0..COUNT)
        .map(|i| {
            let (gate, waits) = bounded(1);
            let order = Arc::clone(&order);
            let waiter = runtime.spawn(move || {
                waits.recv().unwrap();
                order.lock().push(i);
            });
            (gate, waiter)
        })
        .unzip();
    assert!(support::within(support::PATIENCE, || {
        runtime.metrics().parks >= COUNT as u64
    }));
    // Keeps the worker until all have been woken.
    let (tell, told) = std::sync::mpsc::channel();
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let busy = runtime.spawn(move || {
        tell.send(()).unwrap();
        may_go_on.recv().unwrap();
    });
    told.recv().unwrap();
    gates.iter().for_each(|gate| gate.send(()).unwrap());
    go_on.send(()).unwrap();
    busy.join().unwrap();
    all.into_iter().for_each(|waiter| waiter.join().unwrap());
    assert!(order.lock().iter().copied().eq(0..COUNT), "{order:?}");
}
