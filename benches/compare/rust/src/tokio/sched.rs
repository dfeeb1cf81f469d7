//! Scenarios of the scheduler and of many tasks at once.

use crate::{
    Countdown, Task,
    report::{Memory, Sample, per_op},
    together,
    work::{nanos_since, piece_of_work, spin_for},
};
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{Mutex, Semaphore, mpsc},
    task::yield_now,
};

pub(crate) async fn yields(tasks: usize, n: usize) -> Sample {
    let tasks = tasks.min(n);
    let each = n.div_ceil(tasks);
    let start = Instant::now();
    together(tasks, || async move {
        for _ in 0..each {
            yield_now().await;
        }
    })
    .await;
    Sample::timed(each * tasks, start.elapsed())
}

pub(crate) async fn pool_balance(n: usize) -> Sample {
    let (tx, rx) = mpsc::channel(16);
    let rx = Arc::new(Mutex::new(rx));
    let start = Instant::now();
    let member = || {
        let rx = rx.clone();
        async move {
            let mut count = 0;
            loop {
                let Some(seed) = rx.lock().await.recv().await else {
                    return count;
                };
                piece_of_work(seed);
                count += 1;
            }
        }
    };
    let members: Vec<_> = (0..8).map(|_| tokio::spawn(member())).collect();
    for i in 0..n as u64 {
        tx.send(i).await.unwrap();
    }
    drop(tx);
    let mut most = 0;
    for one in members {
        most = most.max(one.await.unwrap());
    }
    let share = 100.0 * f64::from(most) / n as f64;
    Sample::timed(n, start.elapsed()).with("largest_share_percent", share)
}

pub(crate) async fn steal_latency(n: usize) -> Sample {
    let delays: Arc<[AtomicU64]> = (0..n).map(|_| AtomicU64::new(0)).collect();
    let start = Instant::now();
    let left = Countdown::new(n);
    for i in 0..n {
        let (delays, left) = (delays.clone(), left.clone());
        let published = Instant::now();
        tokio::spawn(async move {
            delays[i].store(nanos_since(published), Relaxed);
            left.done();
        });
        spin_for(Duration::from_micros(100));
    }
    left.wait().await;
    Sample::latency(
        start.elapsed(),
        delays.iter().map(|d| d.load(Relaxed)).collect(),
    )
}

pub(crate) async fn wake_idle_thread(n: usize) -> Sample {
    let (tx, mut rx) = mpsc::channel(1);
    let start = Instant::now();
    std::thread::spawn(move || {
        for _ in 0..n {
            std::thread::sleep(Duration::from_millis(1));
            tx.blocking_send(Instant::now()).unwrap();
        }
    });
    let mut delays = Vec::with_capacity(n);
    while let Some(sent) = rx.recv().await {
        delays.push(nanos_since(sent));
    }
    Sample::latency(start.elapsed(), delays)
}

pub(crate) async fn parked(n: usize) -> Sample {
    static BEFORE: OnceLock<usize> = OnceLock::new();
    let before = *BEFORE.get_or_init(|| Memory::now().rss_kib);
    let gate = Arc::new(Semaphore::new(0));
    let start = Instant::now();
    let (started, ended) = (Countdown::new(n), Countdown::new(n));
    for _ in 0..n {
        let (gate, started, ended) = (gate.clone(), started.clone(), ended.clone());
        tokio::spawn(async move {
            started.done();
            assert!(gate.acquire().await.is_err());
            ended.done();
        });
    }
    started.wait().await;
    let all_parked = start.elapsed();
    let held = Memory::now().rss_kib.saturating_sub(before) * 1024;
    let start = Instant::now();
    gate.close();
    ended.wait().await;
    Sample::timed(n, all_parked)
        .with("release_ns_per_op", per_op(start.elapsed(), n))
        .with("bytes_per_goroutine", held as f64 / n as f64)
}

pub(crate) async fn churn(n: usize) -> Sample {
    fn live(left: Arc<AtomicUsize>, chains: Arc<Countdown>) -> Task<()> {
        Box::pin(async move {
            yield_now().await;
            if left
                .fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1))
                .is_ok()
            {
                tokio::spawn(live(left, chains));
            } else {
                chains.done();
            }
        })
    }
    let chains = n.min(1000);
    let left = Arc::new(AtomicUsize::new(n - chains));
    let start = Instant::now();
    let ended = Countdown::new(chains);
    for _ in 0..chains {
        tokio::spawn(live(left.clone(), ended.clone()));
    }
    ended.wait().await;
    Sample::timed(n, start.elapsed())
}

pub(crate) async fn sleepers(n: usize) -> Sample {
    let start = Instant::now();
    let left = Countdown::new(n);
    for i in 0..n {
        let left = left.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis((i % 1000) as u64)).await;
            left.done();
        });
    }
    left.wait().await;
    Sample::timed(n, start.elapsed())
}
