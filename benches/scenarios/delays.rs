//! Scenarios of being late: what is woken, or due, or fresh while others compute.

use crate::{
    report::Sample,
    work::{nanos_since, spin_for},
};
use gort::{
    runtime::{Runtime, workers},
    sync::{WaitGroup, channel::bounded},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

/// A goroutine wakes another, then computes on for 300 us. Both were spawned: neither is the
/// parent.
pub(crate) fn wake_to_run(n: usize) -> Sample {
    wake_each(n, || spin_for(WAKER_COMPUTES))
}

/// The same, and before each wake-up the waker plays 200 rounds of ping-pong with a third one.
pub(crate) fn wake_to_run_mix(n: usize) -> Sample {
    let (ping, pings) = bounded(0);
    let (pong, pongs) = bounded(0);
    let partner = gort::spawn(move || {
        for () in &pings {
            pong.send(()).expect("the other side waits");
        }
    });
    let sample = wake_each(n, move || {
        for _ in 0..200 {
            ping.send(()).expect("the other side waits");
            pongs.recv().expect("the other side answers");
        }
    });
    partner.join().expect("it cannot panic"); // it has ended: the waker has dropped its channel
    sample
}

const WAKER_COMPUTES: Duration = Duration::from_micros(300);

fn wake_each(n: usize, before: impl Fn() + Send + 'static) -> Sample {
    let (wakes, own_end) = bounded::<Instant>(1);
    let (seen, waker_end) = bounded(1);
    let woken = gort::spawn(move || {
        let mut each_ns = Vec::with_capacity(n);
        for sent in &own_end {
            each_ns.push(nanos_since(sent));
            seen.send(()).expect("the waker waits");
        }
        each_ns
    });
    let start = Instant::now();
    let waker = gort::spawn(move || {
        for _ in 0..n {
            before();
            wakes.send(Instant::now()).expect("the other side waits");
            spin_for(WAKER_COMPUTES);
            waker_end.recv().expect("the other side runs at last");
        }
    });
    waker.join().expect("it cannot panic");
    let elapsed = start.elapsed();
    Sample::latency(elapsed, woken.join().expect("it cannot panic"))
}

/// 200 goroutines sleep 20 ms over and over, beside one that computes for 3 s.
///
/// What is measured is by how much each of the 200 was late at its worst. A plain thread spawns all
/// of them, so that it cannot be held up itself.
pub(crate) fn late_sleepers(runtime: &Runtime, _n: usize) -> Sample {
    const SLEEP: Duration = Duration::from_millis(20);
    let start = Instant::now();
    let sleepers: Vec<_> = (0..200)
        .map(|_| {
            runtime.spawn(move || {
                let mut worst = 0;
                while start.elapsed() < Duration::from_millis(3500) {
                    worst = worst.max(lateness_of(SLEEP));
                }
                worst
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(200));
    let spinner = runtime.spawn(|| spin_for(Duration::from_secs(3)));
    thread::sleep(Duration::from_millis(100));
    let published = Instant::now();
    let fresh: Vec<_> = (0..100)
        .map(|_| runtime.spawn(move || nanos_since(published)))
        .collect();
    let all_started = fresh
        .into_iter()
        .map(|f| f.join().expect("it cannot panic"))
        .max();
    let worst: Vec<u64> = sleepers
        .into_iter()
        .map(|s| s.join().expect("it cannot panic"))
        .collect();
    spinner.join().expect("it cannot panic");
    let elapsed = start.elapsed();
    let late = worst
        .iter()
        .filter(|&&ns| u128::from(ns) > SLEEP.as_nanos());
    let late = late.count() as f64;
    Sample::latency(elapsed, worst)
        .with("late_sleepers", late)
        .with(
            "fresh_start_max_ns",
            all_started.map_or(0.0, |ns| ns as f64),
        )
}

/// Sleeps; by how many nanoseconds it took longer.
fn lateness_of(sleep: Duration) -> u64 {
    let start = Instant::now();
    gort::sleep(sleep);
    start.elapsed().saturating_sub(sleep).as_nanos() as u64
}

/// How long a turn of `timers_beside_turns` computes.
const TURN: Duration = Duration::from_millis(5);

/// A stream of goroutines that compute for 5 ms each, 8 more than there are workers. Beside it one
/// sleeps 2 ms 100 times, and a plain thread spawns one goroutine 50 times; neither begins anew
/// after 3 s.
pub(crate) fn timers_beside_turns(runtime: &Runtime, _n: usize) -> Sample {
    let start = Instant::now();
    let is_over = move || start.elapsed() > Duration::from_secs(3);
    let stop = Arc::new(AtomicBool::new(false));
    let stream = WaitGroup::new();
    let members = 8 + runtime.run(workers);
    stream.add(members);
    for _ in 0..members {
        let (stop, stream) = (Arc::clone(&stop), stream.clone());
        runtime.spawn(move || take_turn(stop, stream));
    }
    let sleeper = runtime.spawn(move || {
        let mut late = vec![lateness_of(Duration::from_millis(2))];
        while late.len() < 100 && !is_over() {
            late.push(lateness_of(Duration::from_millis(2)));
        }
        late
    });
    let mut starts = Vec::with_capacity(50);
    while starts.is_empty() || starts.len() < 50 && !is_over() {
        thread::sleep(Duration::from_millis(1));
        let published = Instant::now();
        let fresh = runtime.spawn(move || nanos_since(published));
        starts.push(fresh.join().expect("it cannot panic"));
    }
    let late = sleeper.join().expect("it cannot panic");
    stop.store(true, Relaxed);
    stream.wait();
    starts.sort_unstable();
    Sample::latency(start.elapsed(), late)
        .with("spawn_p50_ns", starts[(starts.len() - 1) / 2] as f64)
        .with("spawn_max_ns", starts[starts.len() - 1] as f64)
}

/// Computes, and spawns its successor.
fn take_turn(stop: Arc<AtomicBool>, stream: WaitGroup) {
    spin_for(TURN);
    if stop.load(Relaxed) {
        stream.done();
    } else {
        gort::spawn(move || take_turn(stop, stream));
    }
}
