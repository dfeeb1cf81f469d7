//! The peer tokio: stackless tasks under the names of gort's scenarios.
//!
//! It has no unbuffered channel: `pingpong`, `ring_503` and `skynet_1m` use capacity 1, and there
//! is no `chan_*_0`. Its channels have one receiver: there is no `chan_4p4c_*`, and `pool_balance`
//! shares the receiver under a lock.

#[path = "../../../../scenarios/cli.rs"]
mod cli;
#[path = "../../../../scenarios/report.rs"]
mod report;
mod sched;
#[path = "../../../../scenarios/work.rs"]
mod work;

use cli::{Measured, Plan, Scenario};
use report::Sample;
use std::{
    hint::black_box,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::AcqRel},
    },
    time::Instant,
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::{Mutex, Notify, RwLock, mpsc},
};

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum Body {
    Task(fn(usize) -> Task<Sample>),
    Thread(fn(&Runtime, usize) -> Sample),
}

const fn task(
    name: &'static str,
    default_n: usize,
    body: fn(usize) -> Task<Sample>,
) -> Scenario<Body> {
    Scenario::new(name, default_n, Body::Task(body), "")
}

const TABLE: &[Scenario<Body>] = &[
    task("spawn_fanout", 1_000_000, |n| Box::pin(fanout(n))),
    task("spawn_chain", 1_000_000, |n| Box::pin(chain(n))),
    task("spawn_join", 1_000_000, |n| Box::pin(join(n))),
    task("spawn_capture4", 1_000_000, |n| Box::pin(capture4(n))),
    Scenario::new("spawn_remote", 1_000_000, Body::Thread(remote), ""),
    task("skynet_1m", 1_000_000, |n| Box::pin(skynet(n))),
    task("pingpong", 1_000_000, |n| Box::pin(pingpong(n))),
    task("chan_1p1c_1", 1_000_000, |n| Box::pin(bounded(1, n))),
    task("chan_1p1c_128", 5_000_000, |n| Box::pin(bounded(128, n))),
    task("chan_1p1c_unbounded", 5_000_000, |n| Box::pin(unbounded(n))),
    task("chan_uncontended", 10_000_000, |n| Box::pin(uncontended(n))),
    task("ring_503", 1_000_000, |n| Box::pin(ring(n))),
    task("mutex_1", 10_000_000, |n| Box::pin(mutex(1, n))),
    task("mutex_2", 2_000_000, |n| Box::pin(mutex(2, n))),
    task("mutex_100", 2_000_000, |n| Box::pin(mutex(100, n))),
    task("rwmutex_1", 10_000_000, |n| Box::pin(rw_mutex(1, n))),
    task("rwmutex_100", 2_000_000, |n| Box::pin(rw_mutex(100, n))),
    task("yield_1", 5_000_000, |n| Box::pin(sched::yields(1, n))),
    task("yield_1000", 5_000_000, |n| {
        Box::pin(sched::yields(1000, n))
    }),
    task("yield_100k", 2_000_000, |n| {
        Box::pin(sched::yields(100_000, n))
    }),
    task("pool_balance", 8192, |n| Box::pin(sched::pool_balance(n))).under(&[1, 2]),
    task("steal_latency", 5_000, |n| {
        Box::pin(sched::steal_latency(n))
    })
    .at_least(2),
    task("wake_idle_thread", 500, |n| {
        Box::pin(sched::wake_idle_thread(n))
    }),
    task("parked_1m", 1_000_000, |n| Box::pin(sched::parked(n))),
    task("churn", 2_000_000, |n| Box::pin(sched::churn(n))),
    task("sleepers", 1_000_000, |n| Box::pin(sched::sleepers(n))),
];

fn main() {
    cli::main("tokio", TABLE, |scenario, plan| run(&scenario.body, plan));
}

fn run(body: &Body, plan: Plan) -> Measured {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder
        .worker_threads(plan.workers)
        .enable_time()
        .build()
        .unwrap();
    let rounds = (0..plan.rounds)
        .map(|_| match body {
            Body::Task(f) => runtime.block_on(runtime.spawn(f(plan.n))).unwrap(),
            Body::Thread(f) => f(&runtime, plan.n),
        })
        .collect();
    (rounds, String::new())
}

/// A count down to zero, awaited by one.
struct Countdown(AtomicUsize, Notify);

impl Countdown {
    fn new(n: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(n), Notify::new()))
    }
    fn done(&self) {
        if self.0.fetch_sub(1, AcqRel) == 1 {
            self.1.notify_one();
        }
    }
    async fn wait(&self) {
        self.1.notified().await;
    }
}

async fn fanout(n: usize) -> Sample {
    let start = Instant::now();
    let left = Countdown::new(n);
    for _ in 0..n {
        let left = left.clone();
        tokio::spawn(async move { left.done() });
    }
    left.wait().await;
    Sample::timed(n, start.elapsed())
}

async fn chain(n: usize) -> Sample {
    fn link(left: usize, done: Arc<Countdown>) -> Task<()> {
        Box::pin(async move {
            if left == 0 {
                done.done();
            } else {
                tokio::spawn(link(left - 1, done));
            }
        })
    }
    let start = Instant::now();
    let done = Countdown::new(1);
    tokio::spawn(link(n, done.clone()));
    done.wait().await;
    Sample::timed(n, start.elapsed())
}

async fn join(n: usize) -> Sample {
    let start = Instant::now();
    for i in 0..n {
        assert_eq!(tokio::spawn(async move { i }).await.unwrap(), i);
    }
    Sample::timed(n, start.elapsed())
}

async fn capture4(n: usize) -> Sample {
    let groups = n.div_ceil(4);
    let start = Instant::now();
    for _ in 0..groups {
        let left = Countdown::new(4);
        for i in 0..4 {
            let left = left.clone();
            tokio::spawn(async move {
                black_box(i);
                left.done();
            });
        }
        left.wait().await;
    }
    Sample::timed(groups * 4, start.elapsed())
}

fn remote(runtime: &Runtime, n: usize) -> Sample {
    let start = Instant::now();
    let left = Countdown::new(n);
    for _ in 0..n {
        let left = left.clone();
        runtime.spawn(async move { left.done() });
    }
    runtime.block_on(left.wait());
    Sample::timed(n, start.elapsed())
}

fn node(parent: mpsc::Sender<usize>, first: usize, leaves: usize) -> Task<()> {
    Box::pin(async move {
        if leaves == 1 {
            return parent.send(first).await.unwrap();
        }
        let (tx, mut rx) = mpsc::channel(1);
        for i in 0..10 {
            tokio::spawn(node(tx.clone(), first + i * (leaves / 10), leaves / 10));
        }
        let mut sum = 0;
        for _ in 0..10 {
            sum += rx.recv().await.unwrap();
        }
        parent.send(sum).await.unwrap();
    })
}

async fn skynet(n: usize) -> Sample {
    let leaves = 10_usize.pow(n.max(10).ilog10());
    let start = Instant::now();
    let (tx, mut rx) = mpsc::channel(1);
    tokio::spawn(node(tx, 0, leaves));
    assert_eq!(rx.recv().await, Some(leaves * (leaves - 1) / 2));
    Sample::timed((leaves * 10 - 1) / 9, start.elapsed())
}

async fn pingpong(n: usize) -> Sample {
    let (ping, mut pings) = mpsc::channel(1);
    let (pong, mut pongs) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(v) = pings.recv().await {
            pong.send(v).await.unwrap();
        }
    });
    let start = Instant::now();
    for i in 0..n {
        ping.send(i).await.unwrap();
        assert_eq!(pongs.recv().await, Some(i));
    }
    Sample::timed(n, start.elapsed())
}

async fn bounded(capacity: usize, n: usize) -> Sample {
    let (tx, mut rx) = mpsc::channel(capacity);
    let start = Instant::now();
    tokio::spawn(async move {
        for i in 0..n {
            tx.send(i).await.unwrap();
        }
    });
    for i in 0..n {
        assert_eq!(rx.recv().await, Some(i));
    }
    Sample::timed(n, start.elapsed())
}

async fn unbounded(n: usize) -> Sample {
    let (tx, mut rx) = mpsc::unbounded_channel();
    let start = Instant::now();
    tokio::spawn(async move { (0..n).for_each(|i| tx.send(i).unwrap()) });
    for i in 0..n {
        assert_eq!(rx.recv().await, Some(i));
    }
    Sample::timed(n, start.elapsed())
}

async fn uncontended(n: usize) -> Sample {
    let (tx, mut rx) = mpsc::channel(100);
    let batches = n.div_ceil(100);
    let start = Instant::now();
    for _ in 0..batches {
        for i in 0..100 {
            tx.send(i).await.unwrap();
        }
        for i in 0..100 {
            assert_eq!(rx.recv().await, Some(i));
        }
    }
    Sample::timed(batches * 100, start.elapsed())
}

async fn ring(n: usize) -> Sample {
    const SIZE: usize = 503;
    let (first, mut last) = mpsc::channel(1);
    for _ in 1..SIZE {
        let (next, end) = mpsc::channel(1);
        let mut from = std::mem::replace(&mut last, end);
        tokio::spawn(async move {
            while let Some(left) = from.recv().await {
                if next.send(left - 1).await.is_err() {
                    return;
                }
            }
        });
    }
    let laps = n.div_ceil(SIZE);
    let start = Instant::now();
    for lap in (1..=laps).rev() {
        first.send(lap * SIZE).await.unwrap();
        assert_eq!(last.recv().await, Some((lap - 1) * SIZE + 1));
    }
    Sample::timed(laps * SIZE, start.elapsed())
}

/// Spawns the futures that `make` makes, and waits for all of them.
async fn together<F>(tasks: usize, make: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let all: Vec<_> = (0..tasks).map(|_| tokio::spawn(make())).collect();
    for one in all {
        one.await.unwrap();
    }
}

async fn mutex(tasks: usize, n: usize) -> Sample {
    let total = Arc::new(Mutex::new(0));
    let each = n.div_ceil(tasks);
    let start = Instant::now();
    together(tasks, || {
        let total = total.clone();
        async move {
            for _ in 0..each {
                *total.lock().await += 1;
            }
        }
    })
    .await;
    Sample::timed(each * tasks, start.elapsed())
}

async fn rw_mutex(tasks: usize, n: usize) -> Sample {
    let total = Arc::new(RwLock::new(0));
    let each = n.div_ceil(tasks);
    let start = Instant::now();
    together(tasks, || {
        let total = total.clone();
        async move {
            for i in 0..each {
                if i % 100 == 0 {
                    *total.write().await += 1;
                } else {
                    black_box(*total.read().await);
                }
            }
        }
    })
    .await;
    Sample::timed(each * tasks, start.elapsed())
}
