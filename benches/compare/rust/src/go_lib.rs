//! The peer go-lib: stackful goroutines after Go's model, under the names of gort's scenarios.
//!
//! Its `Mutex` and `RwLock` are std's, which block the thread: there are no scenarios of locks. It
//! maps each stack by itself, so it stops near `vm.max_map_count` / 2 goroutines at once (about
//! 32,700): some scenarios need a smaller `--n` there.

#[path = "../../../scenarios/cli.rs"]
mod cli;
#[path = "../../../scenarios/report.rs"]
mod report;
#[path = "../../../scenarios/work.rs"]
mod work;

use cli::{Measured, Plan, Scenario};
use go_lib::{
    chan::{Sender, chan},
    go, gosched,
    sync::WaitGroup,
};
use report::{Memory, Sample, per_op};
use std::{
    hint::black_box,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use work::{nanos_since, piece_of_work, spin_for};

type Body = fn(usize) -> Sample;

const fn go(name: &'static str, default_n: usize, body: Body) -> Scenario<Body> {
    Scenario::new(name, default_n, body, "")
}

const TABLE: &[Scenario<Body>] = &[
    go("spawn_fanout", 1_000_000, fanout),
    go("spawn_chain", 1_000_000, chain),
    go("spawn_capture4", 1_000_000, capture4),
    go("skynet_1m", 1_000_000, skynet),
    go("pingpong", 1_000_000, pingpong),
    go("chan_1p1c_0", 1_000_000, |n| flow(1, 1, 0, n)),
    go("chan_1p1c_1", 1_000_000, |n| flow(1, 1, 1, n)),
    go("chan_1p1c_128", 5_000_000, |n| flow(1, 1, 128, n)),
    go("chan_4p4c_0", 1_000_000, |n| flow(4, 4, 0, n)),
    go("chan_4p4c_1", 1_000_000, |n| flow(4, 4, 1, n)),
    go("chan_4p4c_128", 5_000_000, |n| flow(4, 4, 128, n)),
    go("yield_1", 5_000_000, |n| yields(1, n)),
    go("yield_1000", 5_000_000, |n| yields(1000, n)),
    go("pool_balance", 8192, pool_balance).under(&[1, 2]),
    go("steal_latency", 5_000, steal_latency).at_least(2),
    go("parked_1m", 1_000_000, parked),
    go("churn", 2_000_000, churn),
    go("sleepers", 1_000_000, sleepers),
];

#[go_lib::main]
fn main() {
    cli::main("go-lib", TABLE, |scenario, plan| run(scenario.body, plan));
}

fn run(body: Body, plan: Plan) -> Measured {
    go_lib::set_gomaxprocs(plan.workers);
    (
        (0..plan.rounds).map(|_| body(plan.n)).collect(),
        String::new(),
    )
}

/// Starts `n` goroutines, and waits until each has said that it is done.
fn together<F: FnOnce() + Send + 'static>(n: usize, mut make: impl FnMut(usize) -> F) {
    let wg = Arc::new(WaitGroup::new());
    wg.add(n as i64);
    for i in 0..n {
        let (wg, work) = (wg.clone(), make(i));
        go!(move || {
            work();
            wg.done();
        });
    }
    wg.wait();
}

fn fanout(n: usize) -> Sample {
    let start = Instant::now();
    together(n, |_| || {});
    Sample::timed(n, start.elapsed())
}

fn chain(n: usize) -> Sample {
    fn link(left: usize, done: Sender<()>) {
        if left == 0 {
            done.send(());
        } else {
            go!(move || link(left - 1, done));
        }
    }
    let (done, end) = chan(1);
    let start = Instant::now();
    link(n, done);
    assert!(end.recv().is_some());
    Sample::timed(n, start.elapsed())
}

fn capture4(n: usize) -> Sample {
    let groups = n.div_ceil(4);
    let start = Instant::now();
    for _ in 0..groups {
        together(4, |i| {
            move || {
                black_box(i);
            }
        });
    }
    Sample::timed(groups * 4, start.elapsed())
}

fn node(parent: Sender<usize>, first: usize, leaves: usize) {
    if leaves == 1 {
        return parent.send(first);
    }
    let (tx, rx) = chan(0);
    for i in 0..10 {
        let tx = tx.clone();
        go!(move || node(tx, first + i * (leaves / 10), leaves / 10));
    }
    parent.send((0..10).map(|_| rx.recv().unwrap()).sum());
}

fn skynet(n: usize) -> Sample {
    let leaves = 10_usize.pow(n.max(10).ilog10());
    let start = Instant::now();
    let (tx, rx) = chan(0);
    go!(move || node(tx, 0, leaves));
    assert_eq!(rx.recv(), Some(leaves * (leaves - 1) / 2));
    Sample::timed((leaves * 10 - 1) / 9, start.elapsed())
}

fn pingpong(n: usize) -> Sample {
    let (ping, pings) = chan(0);
    let (pong, pongs) = chan(0);
    go!(move || {
        while let Some(v) = pings.recv() {
            pong.send(v);
        }
    });
    let start = Instant::now();
    for i in 0..n {
        ping.send(i);
        assert_eq!(pongs.recv(), Some(i));
    }
    let elapsed = start.elapsed();
    ping.close();
    Sample::timed(n, elapsed)
}

fn flow(producers: usize, consumers: usize, capacity: usize, n: usize) -> Sample {
    let (tx, rx) = chan(capacity);
    let each = n.div_ceil(producers);
    let received = Arc::new(AtomicUsize::new(0));
    let receiving = Arc::new(WaitGroup::new());
    receiving.add(consumers as i64);
    let start = Instant::now();
    for _ in 0..consumers {
        let (rx, received, wg) = (rx.clone(), received.clone(), receiving.clone());
        go!(move || {
            let count = std::iter::from_fn(|| rx.recv()).count();
            received.fetch_add(count, Relaxed);
            wg.done();
        });
    }
    together(producers, |_| {
        let tx = tx.clone();
        move || (0..each).for_each(|i| tx.send(i))
    });
    tx.close();
    receiving.wait();
    assert_eq!(received.load(Relaxed), each * producers);
    Sample::timed(each * producers, start.elapsed())
}

fn yields(goroutines: usize, n: usize) -> Sample {
    let goroutines = goroutines.min(n);
    let each = n.div_ceil(goroutines);
    let start = Instant::now();
    together(goroutines, |_| move || (0..each).for_each(|_| gosched()));
    Sample::timed(each * goroutines, start.elapsed())
}

fn pool_balance(n: usize) -> Sample {
    const POOL: usize = 8;
    let (tx, rx) = chan(2 * POOL);
    let most = Arc::new(AtomicUsize::new(0));
    let wg = Arc::new(WaitGroup::new());
    wg.add(POOL as i64);
    let start = Instant::now();
    for _ in 0..POOL {
        let (rx, most, wg) = (rx.clone(), most.clone(), wg.clone());
        go!(move || {
            let count = std::iter::from_fn(|| rx.recv()).map(piece_of_work).count();
            most.fetch_max(count, Relaxed);
            wg.done();
        });
    }
    (0..n as u64).for_each(|i| tx.send(i));
    tx.close();
    wg.wait();
    let share = 100.0 * most.load(Relaxed) as f64 / n as f64;
    Sample::timed(n, start.elapsed()).with("largest_share_percent", share)
}

fn steal_latency(n: usize) -> Sample {
    let delays: Arc<[AtomicU64]> = (0..n).map(|_| AtomicU64::new(0)).collect();
    let start = Instant::now();
    let wg = Arc::new(WaitGroup::new());
    wg.add(n as i64);
    for i in 0..n {
        let (delays, wg) = (delays.clone(), wg.clone());
        let published = Instant::now();
        go!(move || {
            delays[i].store(nanos_since(published), Relaxed);
            wg.done();
        });
        spin_for(Duration::from_micros(100));
    }
    wg.wait();
    Sample::latency(
        start.elapsed(),
        delays.iter().map(|d| d.load(Relaxed)).collect(),
    )
}

fn parked(n: usize) -> Sample {
    static BEFORE: OnceLock<usize> = OnceLock::new();
    let before = *BEFORE.get_or_init(|| Memory::now().rss_kib);
    let (tx, rx) = chan::<()>(0);
    let (started, ended) = (Arc::new(WaitGroup::new()), Arc::new(WaitGroup::new()));
    let start = Instant::now();
    started.add(n as i64);
    ended.add(n as i64);
    for _ in 0..n {
        let (rx, started, ended) = (rx.clone(), started.clone(), ended.clone());
        go!(move || {
            started.done();
            assert!(rx.recv().is_none());
            ended.done();
        });
    }
    started.wait();
    let all_parked = start.elapsed();
    let held = Memory::now().rss_kib.saturating_sub(before) * 1024;
    let start = Instant::now();
    tx.close();
    ended.wait();
    Sample::timed(n, all_parked)
        .with("release_ns_per_op", per_op(start.elapsed(), n))
        .with("bytes_per_goroutine", held as f64 / n as f64)
}

fn churn(n: usize) -> Sample {
    fn live(left: Arc<AtomicUsize>, chains: Arc<WaitGroup>) {
        gosched();
        if left
            .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
            .is_ok()
        {
            go!(move || live(left, chains));
        } else {
            chains.done();
        }
    }
    let chains = n.min(1000);
    let left = Arc::new(AtomicUsize::new(n - chains));
    let start = Instant::now();
    let wg = Arc::new(WaitGroup::new());
    wg.add(chains as i64);
    for _ in 0..chains {
        let (left, wg) = (left.clone(), wg.clone());
        go!(move || live(left, wg));
    }
    wg.wait();
    Sample::timed(n, start.elapsed())
}

fn sleepers(n: usize) -> Sample {
    let start = Instant::now();
    together(n, |i| {
        move || go_lib::sleep(Duration::from_millis((i % 1000) as u64))
    });
    Sample::timed(n, start.elapsed())
}
