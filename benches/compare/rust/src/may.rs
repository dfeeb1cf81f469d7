//! The peer may: stackful coroutines under the names of gort's scenarios.
//!
//! All its channels are unbounded: so are those of `pingpong`, `ring_503` and `skynet_1m`, and no
//! other `chan_*` exists here. It maps each stack by itself, so it stops near `vm.max_map_count` /
//! 2 coroutines at once (about 32,700): some scenarios need a smaller `--n` there. It takes its
//! number of workers once: one `--workers` a run.

#[allow(dead_code)] // it takes its workers once: no scenario is `under` several
#[path = "../../../scenarios/cli.rs"]
mod cli;
#[path = "../../../scenarios/report.rs"]
mod report;
#[path = "../../../scenarios/work.rs"]
mod work;

use cli::{Measured, Plan, Scenario};
use may::{
    coroutine::{self, yield_now},
    go,
    sync::{Mutex, RwLock, Semphore, mpmc, mpsc},
};
use report::{Memory, Sample, per_op};
use std::{
    hint::black_box,
    sync::{
        Arc, OnceLock,
        atomic::{
            AtomicU64, AtomicUsize,
            Ordering::{AcqRel, Relaxed},
        },
    },
    time::{Duration, Instant},
};
use work::{nanos_since, piece_of_work, spin_for};

enum Body {
    Coroutine(fn(usize) -> Sample),
    Thread(fn(usize) -> Sample),
}

const fn go(name: &'static str, default_n: usize, body: fn(usize) -> Sample) -> Scenario<Body> {
    Scenario::new(name, default_n, Body::Coroutine(body), "")
}

const TABLE: &[Scenario<Body>] = &[
    go("spawn_fanout", 1_000_000, fanout),
    go("spawn_chain", 1_000_000, chain),
    go("spawn_join", 1_000_000, join),
    go("spawn_capture4", 1_000_000, capture4),
    Scenario::new("spawn_remote", 1_000_000, Body::Thread(fanout), ""),
    go("skynet_1m", 1_000_000, skynet),
    go("pingpong", 1_000_000, pingpong),
    go("chan_1p1c_unbounded", 5_000_000, |n| flow(1, 1, n)),
    go("chan_4p4c_unbounded", 5_000_000, |n| flow(4, 4, n)),
    go("ring_503", 1_000_000, ring),
    go("mutex_1", 10_000_000, |n| mutex(1, n)),
    go("mutex_2", 2_000_000, |n| mutex(2, n)),
    go("mutex_100", 2_000_000, |n| mutex(100, n)),
    go("rwmutex_1", 10_000_000, |n| rw_mutex(1, n)),
    go("rwmutex_100", 2_000_000, |n| rw_mutex(100, n)),
    go("yield_1", 5_000_000, |n| yields(1, n)),
    go("yield_1000", 5_000_000, |n| yields(1000, n)),
    go("yield_100k", 2_000_000, |n| yields(100_000, n)),
    go("pool_balance", 8192, pool_balance),
    go("steal_latency", 5_000, steal_latency).at_least(2),
    go("wake_idle_thread", 500, wake_idle_thread),
    go("parked_1m", 1_000_000, parked),
    go("churn", 2_000_000, churn),
    go("sleepers", 1_000_000, sleepers),
];

fn main() {
    cli::main("may", TABLE, |scenario, plan| run(&scenario.body, plan));
}

fn run(body: &Body, plan: Plan) -> Measured {
    static WORKERS: OnceLock<usize> = OnceLock::new();
    let workers = *WORKERS.get_or_init(|| {
        may::config().set_workers(plan.workers);
        plan.workers
    });
    assert_eq!(workers, plan.workers, "one --workers a run");
    let n = plan.n;
    let rounds = (0..plan.rounds)
        .map(|_| match *body {
            Body::Coroutine(f) => go!(move || f(n)).join().expect("the scenario failed"),
            Body::Thread(f) => f(n),
        })
        .collect();
    (rounds, String::new())
}

/// A count down to zero, awaited by one.
struct Countdown(AtomicUsize, Semphore);

impl Countdown {
    fn new(n: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(n), Semphore::new(0)))
    }
    fn done(&self) {
        if self.0.fetch_sub(1, AcqRel) == 1 {
            self.1.post();
        }
    }
    fn wait(&self) {
        self.1.wait();
    }
}

fn fanout(n: usize) -> Sample {
    let start = Instant::now();
    let left = Countdown::new(n);
    for _ in 0..n {
        let left = left.clone();
        go!(move || left.done());
    }
    left.wait();
    Sample::timed(n, start.elapsed())
}

fn chain(n: usize) -> Sample {
    fn link(left: usize, done: Arc<Countdown>) {
        if left == 0 {
            done.done();
        } else {
            go!(move || link(left - 1, done));
        }
    }
    let start = Instant::now();
    let done = Countdown::new(1);
    link(n, done.clone());
    done.wait();
    Sample::timed(n, start.elapsed())
}

fn join(n: usize) -> Sample {
    let start = Instant::now();
    for i in 0..n {
        assert_eq!(go!(move || i).join().unwrap(), i);
    }
    Sample::timed(n, start.elapsed())
}

fn capture4(n: usize) -> Sample {
    let groups = n.div_ceil(4);
    let start = Instant::now();
    for _ in 0..groups {
        let left = Countdown::new(4);
        for i in 0..4 {
            let left = left.clone();
            go!(move || {
                black_box(i);
                left.done();
            });
        }
        left.wait();
    }
    Sample::timed(groups * 4, start.elapsed())
}

fn node(parent: mpsc::Sender<usize>, first: usize, leaves: usize) {
    if leaves == 1 {
        return parent.send(first).unwrap();
    }
    let (tx, rx) = mpsc::channel();
    for i in 0..10 {
        let tx = tx.clone();
        go!(move || node(tx, first + i * (leaves / 10), leaves / 10));
    }
    let sum = (0..10).map(|_| rx.recv().unwrap()).sum();
    parent.send(sum).unwrap();
}

fn skynet(n: usize) -> Sample {
    let leaves = 10_usize.pow(n.max(10).ilog10());
    let start = Instant::now();
    let (tx, rx) = mpsc::channel();
    go!(move || node(tx, 0, leaves));
    assert_eq!(rx.recv(), Ok(leaves * (leaves - 1) / 2));
    Sample::timed((leaves * 10 - 1) / 9, start.elapsed())
}

fn pingpong(n: usize) -> Sample {
    let (ping, pings) = mpsc::channel();
    let (pong, pongs) = mpsc::channel();
    go!(move || {
        for v in pings.iter() {
            pong.send(v).unwrap();
        }
    });
    let start = Instant::now();
    for i in 0..n {
        ping.send(i).unwrap();
        assert_eq!(pongs.recv(), Ok(i));
    }
    Sample::timed(n, start.elapsed())
}

fn flow(producers: usize, consumers: usize, n: usize) -> Sample {
    let (tx, rx) = mpmc::channel();
    let each = n.div_ceil(producers);
    let start = Instant::now();
    let consume = |rx: mpmc::Receiver<usize>| go!(move || rx.iter().count());
    let ends: Vec<_> = (0..consumers).map(|_| consume(rx.clone())).collect();
    for _ in 0..producers {
        let tx = tx.clone();
        go!(move || (0..each).for_each(|i| tx.send(i).unwrap()));
    }
    drop((tx, rx));
    let received: usize = ends.into_iter().map(|end| end.join().unwrap()).sum();
    assert_eq!(received, each * producers);
    Sample::timed(received, start.elapsed())
}

fn ring(n: usize) -> Sample {
    const SIZE: usize = 503;
    let (first, mut last) = mpsc::channel::<usize>();
    for _ in 1..SIZE {
        let (next, end) = mpsc::channel();
        let from = std::mem::replace(&mut last, end);
        go!(move || {
            for left in from.iter() {
                if next.send(left - 1).is_err() {
                    return;
                }
            }
        });
    }
    let laps = n.div_ceil(SIZE);
    let start = Instant::now();
    for lap in (1..=laps).rev() {
        first.send(lap * SIZE).unwrap();
        assert_eq!(last.recv(), Ok((lap - 1) * SIZE + 1));
    }
    Sample::timed(laps * SIZE, start.elapsed())
}

/// Runs `work` in so many coroutines, and waits for all of them.
fn together(coroutines: usize, work: impl Fn() + Clone + Send + 'static) {
    let all: Vec<_> = (0..coroutines)
        .map(|_| {
            let work = work.clone();
            go!(work)
        })
        .collect();
    for one in all {
        one.join().unwrap();
    }
}

fn mutex(coroutines: usize, n: usize) -> Sample {
    let total = Arc::new(Mutex::new(0));
    let each = n.div_ceil(coroutines);
    let start = Instant::now();
    together(coroutines, move || {
        for _ in 0..each {
            *total.lock().unwrap() += 1;
        }
    });
    Sample::timed(each * coroutines, start.elapsed())
}

fn rw_mutex(coroutines: usize, n: usize) -> Sample {
    let total = Arc::new(RwLock::new(0));
    let each = n.div_ceil(coroutines);
    let start = Instant::now();
    together(coroutines, move || {
        for i in 0..each {
            if i % 100 == 0 {
                *total.write().unwrap() += 1;
            } else {
                black_box(*total.read().unwrap());
            }
        }
    });
    Sample::timed(each * coroutines, start.elapsed())
}

fn yields(coroutines: usize, n: usize) -> Sample {
    let coroutines = coroutines.min(n);
    let each = n.div_ceil(coroutines);
    let start = Instant::now();
    together(coroutines, move || (0..each).for_each(|_| yield_now()));
    Sample::timed(each * coroutines, start.elapsed())
}

fn pool_balance(n: usize) -> Sample {
    let (tx, rx) = mpmc::channel();
    let start = Instant::now();
    let member = |rx: mpmc::Receiver<u64>| go!(move || rx.iter().map(piece_of_work).count());
    let members: Vec<_> = (0..8).map(|_| member(rx.clone())).collect();
    for i in 0..n as u64 {
        tx.send(i).unwrap();
    }
    drop(tx);
    let most = members
        .into_iter()
        .map(|m| m.join().unwrap())
        .max()
        .unwrap_or(0);
    Sample::timed(n, start.elapsed()).with("largest_share_percent", 100.0 * most as f64 / n as f64)
}

fn steal_latency(n: usize) -> Sample {
    let delays: Arc<[AtomicU64]> = (0..n).map(|_| AtomicU64::new(0)).collect();
    let start = Instant::now();
    let left = Countdown::new(n);
    for i in 0..n {
        let (delays, left) = (delays.clone(), left.clone());
        let published = Instant::now();
        go!(move || {
            delays[i].store(nanos_since(published), Relaxed);
            left.done();
        });
        spin_for(Duration::from_micros(100));
    }
    left.wait();
    Sample::latency(
        start.elapsed(),
        delays.iter().map(|d| d.load(Relaxed)).collect(),
    )
}

fn wake_idle_thread(n: usize) -> Sample {
    let (tx, rx) = mpsc::channel();
    let start = Instant::now();
    std::thread::spawn(move || {
        for _ in 0..n {
            std::thread::sleep(Duration::from_millis(1));
            tx.send(Instant::now()).unwrap();
        }
    });
    let delays = rx.iter().map(nanos_since).collect();
    Sample::latency(start.elapsed(), delays)
}

fn parked(n: usize) -> Sample {
    static BEFORE: OnceLock<usize> = OnceLock::new();
    let before = *BEFORE.get_or_init(|| Memory::now().rss_kib);
    let gate = Arc::new(Semphore::new(0));
    let start = Instant::now();
    let (started, ended) = (Countdown::new(n), Countdown::new(n));
    for _ in 0..n {
        let (gate, started, ended) = (gate.clone(), started.clone(), ended.clone());
        go!(move || {
            started.done();
            gate.wait();
            ended.done();
        });
    }
    started.wait();
    let all_parked = start.elapsed();
    let held = Memory::now().rss_kib.saturating_sub(before) * 1024;
    let start = Instant::now();
    for _ in 0..n {
        gate.post();
    }
    ended.wait();
    Sample::timed(n, all_parked)
        .with("release_ns_per_op", per_op(start.elapsed(), n))
        .with("bytes_per_goroutine", held as f64 / n as f64)
}

fn churn(n: usize) -> Sample {
    fn live(left: Arc<AtomicUsize>, chains: Arc<Countdown>) {
        yield_now();
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
    let ended = Countdown::new(chains);
    for _ in 0..chains {
        let (left, ended) = (left.clone(), ended.clone());
        go!(move || live(left, ended));
    }
    ended.wait();
    Sample::timed(n, start.elapsed())
}

fn sleepers(n: usize) -> Sample {
    let start = Instant::now();
    let left = Countdown::new(n);
    for i in 0..n {
        let left = left.clone();
        go!(move || {
            coroutine::sleep(Duration::from_millis((i % 1000) as u64));
            left.done();
        });
    }
    left.wait();
    Sample::timed(n, start.elapsed())
}
