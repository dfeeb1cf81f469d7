//! Schedules chosen by a seed: the same seed gives the same run, other seeds give others, and races
//! are found. Then what gort offers, under many schedules.

mod support;

use gort::{
    go, spawn,
    sync::{
        Barrier, Cond, Mutex, Once, RwMutex, Semaphore, WaitGroup,
        channel::{bounded, select, unbounded},
        errgroup::Group,
    },
    testing::explore,
};
use std::{
    collections::BTreeSet,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Mutex as StdMutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use support::Watchdog;

fn watch(what: &str) -> Watchdog {
    Watchdog::with(support::PATIENCE, what, || String::from("no dump\n"))
}

/// What a run does to a shared log.
type Log = Arc<StdMutex<Vec<u64>>>;

fn say(log: &Log, what: u64) {
    log.lock().unwrap().push(what);
}

/// Some goroutines with all sorts of operations, whose order the log shows.
fn jumble(log: &Log) {
    let (tx, rx) = bounded(1);
    let lock = Arc::new(Mutex::new(()));
    let all = WaitGroup::new();
    for i in 0..4 {
        let (log, tx, lock) = (Arc::clone(log), tx.clone(), Arc::clone(&lock));
        all.go(move || {
            say(&log, i);
            drop(lock.lock());
            say(&log, 10 + i);
            tx.send(i).unwrap();
            gort::sleep(Duration::from_millis(i % 2));
            say(&log, 20 + i);
        });
    }
    let (done, ended) = bounded::<()>(0);
    let listener = {
        let log = Arc::clone(log);
        go!(move || loop {
            select! {
                recv(rx) -> msg => match msg {
                    Ok(i) => say(&log, 30 + i),
                    Err(_) => break,
                },
                recv(ended) -> _ => break,
            }
        })
    };
    all.wait();
    drop(done);
    listener.join().unwrap();
}

fn run_of(seed: u64) -> Vec<u64> {
    let log = Log::default();
    let of_run = Arc::clone(&log);
    explore([seed], move || jumble(&of_run));
    let log = log.lock().unwrap();
    log.clone()
}

#[test]
fn a_seed_gives_the_same_run_each_time() {
    let _watchdog = watch("same seed");
    for seed in 0..20 {
        let first = run_of(seed);
        for _ in 0..3 {
            assert_eq!(run_of(seed), first, "seed {seed}");
        }
    }
}

#[test]
fn other_seeds_give_other_runs() {
    let _watchdog = watch("other seeds");
    let runs: BTreeSet<_> = (0..50).map(run_of).collect();
    assert!(runs.len() > 40, "{} different runs of 50", runs.len());
}

/// Whether some seed makes `f` fail, and the same one does so again.
fn is_found(seeds: u64, f: impl Fn() + Send + Sync + 'static) -> bool {
    let f = Arc::new(f);
    let fails = |seed| {
        let f = Arc::clone(&f);
        let run = || explore([seed], move || f());
        panic::catch_unwind(AssertUnwindSafe(run)).is_err()
    };
    let Some(seed) = (0..seeds).find(|&seed| fails(seed)) else {
        return false;
    };
    assert!(fails(seed), "seed {seed} failed once only");
    true
}

#[test]
fn races_are_found() {
    let _watchdog = watch("races");
    // Two locks in two orders.
    assert!(is_found(100, || {
        let locks = Arc::new((Mutex::new(0), Mutex::new(0)));
        let other = Arc::clone(&locks);
        let child = spawn(move || {
            let (_b, _a) = (other.1.lock(), other.0.lock());
        });
        {
            let (_a, _b) = (locks.0.lock(), locks.1.lock());
        }
        child.join().unwrap();
    }));
    // A value that is read under one lock and written under the next.
    assert!(is_found(100, || {
        let count = Arc::new(Mutex::new(0));
        let all = WaitGroup::new();
        for _ in 0..2 {
            let count = Arc::clone(&count);
            all.go(move || {
                let seen = *count.lock();
                *count.lock() = seen + 1;
            });
        }
        all.wait();
        assert_eq!(*count.lock(), 2);
    }));
    // A select that takes the wrong arm for granted.
    assert!(is_found(100, || {
        let (a, b) = (bounded(1), bounded(1));
        a.0.send(1).unwrap();
        b.0.send(2).unwrap();
        let first = select! { recv(a.1) -> m => m, recv(b.1) -> m => m };
        assert_eq!(first, Ok(1));
    }));
    // And nothing where there is nothing.
    assert!(!is_found(50, || jumble(&Log::default())));
}

#[test]
fn channels_lose_and_double_nothing() {
    let _watchdog = watch("channels");
    for cap in [Some(0), Some(1), Some(3), None] {
        explore(support::seeds(150), move || {
            let (tx, rx) = cap.map_or_else(unbounded, bounded);
            let senders: Vec<_> = (0..3)
                .map(|s| {
                    let tx = tx.clone();
                    spawn(move || (0..4).for_each(|i| tx.send(10 * s + i).unwrap()))
                })
                .collect();
            drop(tx);
            let takers: Vec<_> = (0..2)
                .map(|_| {
                    let rx = rx.clone();
                    spawn(move || rx.iter().collect::<Vec<_>>())
                })
                .collect();
            senders.into_iter().for_each(|s| s.join().unwrap());
            let taken: Vec<Vec<_>> = takers.into_iter().map(|t| t.join().unwrap()).collect();
            for got in &taken {
                for s in 0..3 {
                    let of_one: Vec<_> = got.iter().filter(|v| *v / 10 == s).collect();
                    assert!(of_one.is_sorted(), "{got:?}");
                }
            }
            let mut all: Vec<_> = taken.concat();
            all.sort_unstable();
            let sent: Vec<_> = (0..3)
                .flat_map(|s| (0..4).map(move |i| 10 * s + i))
                .collect();
            assert_eq!(all, sent);
        });
    }
}

#[test]
fn selects_lose_and_double_nothing() {
    let _watchdog = watch("selects");
    for cap in [0, 1, 2] {
        explore(support::seeds(150), move || {
            let (a, b) = (bounded(cap), bounded(cap));
            let (sent, taken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let all = WaitGroup::new();
            for i in 1..4 {
                let (a, b, sent) = (a.0.clone(), b.0.clone(), Arc::clone(&sent));
                all.go(move || {
                    for _ in 0..3 {
                        let sent_to = select! {
                            send(a, i) -> r => r,
                            send(b, i) -> r => r,
                        };
                        sent_to.unwrap();
                        sent.fetch_add(i, SeqCst);
                    }
                });
            }
            drop((a.0, b.0));
            let (a, b) = (a.1, b.1);
            let takers: Vec<_> = (0..2)
                .map(|_| {
                    let (a, b, taken) = (a.clone(), b.clone(), Arc::clone(&taken));
                    spawn(move || {
                        loop {
                            let got = select! {
                                recv(a) -> m => m,
                                recv(b) -> m => m,
                                default(Duration::from_secs(1)) => break,
                            };
                            match got {
                                Ok(i) => taken.fetch_add(i, SeqCst),
                                Err(_) => break,
                            };
                        }
                        // What the other channel still has.
                        for i in a.iter().chain(b.iter()) {
                            taken.fetch_add(i, SeqCst);
                        }
                    })
                })
                .collect();
            all.wait();
            takers.into_iter().for_each(|t| t.join().unwrap());
            assert_eq!(sent.load(SeqCst), 18);
            assert_eq!(taken.load(SeqCst), 18);
        });
    }
}

#[test]
fn locks_exclude_each_other() {
    let _watchdog = watch("locks");
    explore(support::seeds(150), || {
        let (mutex, lock) = (Arc::new(Mutex::new(0)), Arc::new(RwMutex::new((0, 0))));
        let all = WaitGroup::new();
        for i in 0..4 {
            let (mutex, lock) = (Arc::clone(&mutex), Arc::clone(&lock));
            all.go(move || {
                let mut count = mutex.lock();
                let seen = *count;
                gort::yield_now();
                *count = seen + 1;
                drop(count);
                if i % 2 == 0 {
                    let mut both = lock.write();
                    both.0 += 1;
                    gort::yield_now();
                    both.1 += 1;
                } else {
                    let both = lock.read();
                    gort::yield_now();
                    assert_eq!(both.0, both.1);
                }
            });
        }
        all.wait();
        assert_eq!(*mutex.lock(), 4);
        assert_eq!(*lock.read(), (2, 2));
    });
}

#[test]
fn permits_conditions_and_barriers_let_through_whom_they_should() {
    let _watchdog = watch("permits");
    explore(support::seeds(150), || {
        let permits = Arc::new(Semaphore::new(2));
        let inside = Arc::new(AtomicUsize::new(0));
        let queue = Arc::new((Mutex::new(0), Cond::new()));
        let barrier = Arc::new(Barrier::new(3));
        let once = Arc::new((Once::new(), AtomicUsize::new(0)));
        let leaders = Arc::new(AtomicUsize::new(0));
        let all = WaitGroup::new();
        for _ in 0..3 {
            let (permits, inside) = (Arc::clone(&permits), Arc::clone(&inside));
            let (queue, barrier) = (Arc::clone(&queue), Arc::clone(&barrier));
            let (once, leaders) = (Arc::clone(&once), Arc::clone(&leaders));
            all.go(move || {
                {
                    let _permit = permits.acquire(1);
                    assert!(inside.fetch_add(1, SeqCst) < 2);
                    gort::yield_now();
                    inside.fetch_sub(1, SeqCst);
                }
                once.0.call_once(|| {
                    gort::yield_now();
                    once.1.fetch_add(1, SeqCst);
                });
                assert_eq!(once.1.load(SeqCst), 1);
                let is_leader = barrier.wait().is_leader();
                leaders.fetch_add(usize::from(is_leader), SeqCst);
                *queue.0.lock() += 1;
                queue.1.notify_one();
            });
        }
        let mut left = 3;
        while left > 0 {
            let mut there = queue.0.lock();
            queue.1.wait_while(&mut there, |there| *there == 0);
            *there -= 1;
            left -= 1;
        }
        all.wait();
        assert_eq!(leaders.load(SeqCst), 1);
    });
}

#[test]
fn groups_and_contexts_end_those_who_listen() {
    let _watchdog = watch("groups");
    explore(support::seeds(150), || {
        let (group, context) = Group::<&str>::with_context(&gort::context::background());
        for i in 0..3 {
            let context = context.clone();
            group.go(move || {
                if i == 1 {
                    gort::sleep(Duration::from_millis(1));
                    return Err("one failed");
                }
                select! {
                    recv(context.done()) -> _ => Ok(()),
                    default(Duration::from_secs(5)) => panic!("nobody said so"),
                }
            });
        }
        assert_eq!(group.wait(), Err("one failed"));
        assert!(context.err().is_some());
    });
}
