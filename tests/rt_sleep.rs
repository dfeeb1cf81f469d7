//! Sleeping: never too short, in order, by the thousand, beside goroutines that never rest; and on
//! plain threads.

mod support;

use gort::{runtime::sleep_until, sleep, spawn, yield_now};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, ThreadId},
    time::{Duration, Instant},
};
use support::{Noise, Random};

/// How late a sleeper may be, on a machine that does other things, too.
const LATE: Duration = Duration::from_millis(50);

/// Sleeps; returns how late it was.
#[track_caller]
fn lateness(duration: Duration) -> Duration {
    let start = Instant::now();
    sleep(duration);
    let took = start.elapsed();
    assert!(took >= duration, "{took:?} instead of {duration:?}");
    took - duration
}

/// One of ten attempts must be in time; a defect spoils all.
#[track_caller]
fn in_time(attempt: impl Fn() -> Duration) {
    let mut tries = Vec::new();
    for _ in 0..10 {
        let noise = Noise::start();
        let late = attempt();
        let allowed = LATE.max(2 * noise.stop());
        if late < allowed {
            return;
        }
        tries.push((late, allowed));
    }
    panic!("late by, and allowed: {tries:?}");
}

#[test]
fn a_sleep_is_never_too_short() {
    support::each(|_| {
        let handles: Vec<_> = (0..200)
            .map(|i| {
                spawn(move || {
                    let mut random = Random::new(i);
                    for _ in 0..20 {
                        lateness(Duration::from_nanos(random.below(3_000_000)));
                    }
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn ten_thousand_sleepers_wake_in_time() {
    let _alone = support::alone();
    support::each(|_| {
        in_time(|| {
            let handles: Vec<_> = (0..10_000_u64)
                .map(|i| {
                    let duration = Duration::from_millis(100 + i % 100);
                    spawn(move || lateness(duration))
                })
                .collect();
            let late = handles.into_iter().map(|h| h.join().unwrap());
            late.max().unwrap()
        });
    });
}

/// What woke, in order, in each home. Homes are told apart by their identity.
struct Orders<T>(Mutex<HashMap<ThreadId, Vec<T>>>);

impl<T> Orders<T> {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    fn push(&self, item: T) {
        let mut orders = self.0.lock().unwrap();
        orders.entry(thread::current().id()).or_default().push(item);
    }

    fn take(&self) -> Vec<Vec<T>> {
        self.0
            .lock()
            .unwrap()
            .drain()
            .map(|(_, order)| order)
            .collect()
    }
}

/// One that has slept: until when it wanted to, and when it went on.
#[derive(Clone, Copy)]
struct Slept {
    deadline: Instant,
    woke: Instant,
}

impl Orders<Slept> {
    /// Sleeps, and notes it, unless the deadline has passed before.
    fn sleep_until(&self, deadline: Instant) {
        if Instant::now() < deadline {
            sleep_until(deadline);
            let woke = Instant::now();
            assert!(woke >= deadline);
            self.push(Slept { deadline, woke });
        }
    }
}

/// Lets a crowd sleep; returns in which order they went on in each home.
fn crowd(homes: usize) -> Vec<Vec<Slept>> {
    let size = if cfg!(debug_assertions) {
        20_000
    } else {
        100_000
    };
    let orders = Orders::new();
    support::with_homes(&[1], homes, |_| {
        let mut random = Random::new(5);
        let start = Instant::now() + Duration::from_secs(1);
        let handles: Vec<_> = (0..size)
            .map(|i| {
                if i % 128 == 0 {
                    yield_now(); // or a spare worker would come to help
                }
                let orders = Arc::clone(&orders);
                let deadline = start + Duration::from_micros(random.below(300_000));
                spawn(move || {
                    // On a busy machine some come too late to be woken at all.
                    orders.sleep_until(deadline);
                })
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
    });
    let orders = orders.take();
    let slept: usize = orders.iter().map(Vec::len).sum();
    assert!(slept > size / 2, "only {slept} slept");
    orders
}

/// How many were in time, and yet behind one with a later deadline. To the tick of the wheel (65.5
/// us).
fn count_overtaken(order: &[Slept]) -> usize {
    const TICK: Duration = Duration::from_micros(66);
    // Then the monitor takes care of a timer, or another worker does.
    const IN_TIME: Duration = Duration::from_millis(2);
    let mut latest = order[0].deadline;
    let mut count = 0;
    for slept in order {
        let is_in_time = slept.woke < slept.deadline + IN_TIME;
        count += usize::from(is_in_time && slept.deadline + TICK < latest);
        latest = latest.max(slept.deadline);
    }
    count
}

/// Lets 200 sleep; how many of them were overtaken, and in how many homes they slept.
fn overtaken_of_few(homes: usize) -> (usize, usize) {
    let seen = Mutex::new((0, 0));
    support::with_homes(&[1], homes, |_| {
        let orders = Orders::new();
        let start = Instant::now() + Duration::from_millis(100);
        let handles: Vec<_> = (0..200)
            .map(|i| {
                let deadline = start + Duration::from_micros(300 * (i * 7 % 200));
                let orders = Arc::clone(&orders);
                spawn(move || orders.sleep_until(deadline))
            })
            .collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
        let orders = orders.take();
        let overtaken = orders.iter().map(|order| count_overtaken(order)).sum();
        *seen.lock().unwrap() = (overtaken, orders.len());
    });
    seen.into_inner().unwrap()
}

/// With one home that is the order of all. A busy machine may spoil some attempts: where the worker
/// gets no processor, others fire timers beside it.
#[test]
fn sleepers_of_one_home_wake_in_order() {
    let _alone = support::alone();
    for homes in [1, 8] {
        let mut tries = Vec::new();
        while !matches!(tries.last(), Some((0, 1..))) {
            assert!(tries.len() < 10, "overtaken, and homes: {tries:?}");
            tries.push(overtaken_of_few(homes));
        }
        assert!(tries.iter().all(|(_, used)| *used <= homes), "{tries:?}");
    }
}

/// All but a few, that is: where a worker is late, the monitor or a spare worker fires timers
/// beside it.
#[test]
fn a_crowd_of_sleepers_wakes_in_order() {
    let _alone = support::alone();
    for homes in [1, 8] {
        let mut tries = Vec::new();
        loop {
            let orders = crowd(homes);
            let slept: usize = orders.iter().map(Vec::len).sum();
            let overtaken: usize = orders.iter().map(|order| count_overtaken(order)).sum();
            if overtaken <= slept / 20 {
                break;
            }
            tries.push((overtaken, slept));
            assert!(tries.len() < 5, "overtaken, of: {tries:?}, {homes} homes");
        }
    }
}

#[test]
fn zero_and_the_past_return_at_once() {
    let _alone = support::alone();
    support::each(|_| {
        in_time(|| {
            let start = Instant::now();
            for _ in 0..1000 {
                sleep(Duration::ZERO);
                sleep_until(start);
            }
            start.elapsed()
        });
    });
}

/// Zero yields, as any sleep does: a loop of such sleeps keeps nobody away.
#[test]
fn a_sleep_of_zero_lets_others_run() {
    support::under(&[1], |_| {
        let done = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&done);
        let handle = spawn(move || theirs.store(true, SeqCst));
        while !done.load(SeqCst) {
            sleep(Duration::ZERO);
        }
        handle.join().unwrap();
    });
}

#[test]
fn a_sleeper_wakes_in_time_beside_one_that_yields_in_a_loop() {
    let _alone = support::alone();
    support::under(&[1, 2], |_| {
        let stop = Arc::new(AtomicBool::new(false));
        let loops: Vec<_> = (0..3)
            .map(|_| {
                let stop = Arc::clone(&stop);
                spawn(move || {
                    while !stop.load(SeqCst) {
                        yield_now();
                    }
                })
            })
            .collect();
        in_time(|| {
            let sleepers: Vec<_> = (0..20)
                .map(|_| {
                    spawn(|| {
                        let naps = (0..20).map(|_| lateness(Duration::from_millis(2)));
                        naps.max().unwrap()
                    })
                })
                .collect();
            let late = sleepers.into_iter().map(|h| h.join().unwrap());
            late.max().unwrap()
        });
        stop.store(true, SeqCst);
        loops.into_iter().for_each(|h| h.join().unwrap());
    });
}

/// The one yielding goroutine is alone with the sleeper: its yields find nothing else to run, and
/// still the timer must fire.
#[test]
fn a_sleeper_wakes_in_time_beside_a_single_yielder() {
    let _alone = support::alone();
    support::under(&[1], |_| {
        in_time(|| {
            let sleeper = spawn(|| lateness(Duration::from_millis(5)));
            while !sleeper.is_finished() {
                yield_now();
            }
            sleeper.join().unwrap()
        });
    });
}

#[test]
fn a_short_sleep_is_not_delayed_by_long_ones() {
    let _alone = support::alone();
    support::under(&[1, 2], |runtime| {
        let long: Vec<_> = (0..1000)
            .map(|i| runtime.spawn(move || sleep(Duration::from_millis(300 + i % 50))))
            .collect();
        sleep(Duration::from_millis(5));
        in_time(|| lateness(Duration::from_millis(1)));
        long.into_iter().for_each(|h| h.join().unwrap());
    });
}

#[test]
fn a_plain_thread_sleeps_itself() {
    for duration in [
        Duration::ZERO,
        Duration::from_micros(1),
        Duration::from_millis(5),
    ] {
        lateness(duration);
    }
    let start = Instant::now();
    sleep_until(start + Duration::from_millis(3));
    assert!(start.elapsed() >= Duration::from_millis(3));
    sleep_until(start);
    let threads: Vec<_> = (0..20)
        .map(|_| thread::spawn(|| lateness(Duration::from_millis(2))))
        .collect();
    threads.into_iter().for_each(|t| assert!(t.join().is_ok()));
}

/// Longer than the clock can tell, and nobody waits for it.
#[test]
fn an_endless_sleep_keeps_sleeping() {
    let runtime = support::runtime(2);
    let endless = runtime.spawn(|| sleep(Duration::MAX));
    let days = runtime.spawn(|| sleep(Duration::from_secs(1 << 40)));
    assert!(runtime.run(|| lateness(Duration::from_millis(5)) < Duration::from_secs(5)));
    assert!(!endless.is_finished() && !days.is_finished());
}
