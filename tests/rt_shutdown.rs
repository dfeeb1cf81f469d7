//! The end of a runtime: its threads end, what never started is dropped, what is suspended stays
//! suspended and does no harm.

mod support;

use gort::{
    JoinHandle,
    runtime::{Builder, Runtime, block_on, blocking},
    sleep, spawn,
    sync::{Semaphore, WaitGroup},
    yield_now,
};
use std::{
    any::Any,
    future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::{Poll, Waker},
    thread,
    time::{Duration, Instant},
};
use support::{Watchdog, compute, message, threads_named, within};

/// Threads that are on their way out need a moment, those in a blocking call longer.
const GONE_WITHIN: Duration = Duration::from_secs(20);

fn watch(what: &str) -> Watchdog {
    Watchdog::with(support::PATIENCE, what, || String::from("no dump\n"))
}

fn named(name: &str, workers: usize) -> Runtime {
    let builder = Builder::new().workers(workers).thread_name(name);
    builder.build().expect("a runtime starts")
}

/// How many threads of this name are left that may run something. The owners of homes in which
/// goroutines are parked stay for good, and what those goroutines have borrowed from thread-locals
/// with them.
fn running_threads(name: &str) -> usize {
    ["worker", "monitor", "blocking"]
        .iter()
        .map(|kind| threads_named(&format!("{name}-{}", &kind[..6])))
        .sum()
}

/// Goroutines in every state that there is.
fn populate(runtime: &Runtime, gate: &Arc<Semaphore>) {
    for i in 0..100_u64 {
        let gate = Arc::clone(gate);
        match i % 6 {
            0 => drop(runtime.spawn(move || gate.acquire(1).forget())),
            1 => drop(runtime.spawn(|| sleep(Duration::from_secs(3600)))),
            2 => drop(
                runtime.spawn(move || blocking(|| thread::sleep(Duration::from_millis(i % 5)))),
            ),
            3 => drop(runtime.spawn(|| {
                loop {
                    yield_now();
                }
            })),
            4 => drop(runtime.spawn(move || {
                let child = spawn(move || gate.acquire(1).forget());
                child.join()
            })),
            _ => drop(runtime.spawn(|| ())),
        }
    }
}

#[test]
fn two_hundred_runtimes_leave_no_thread_behind() {
    let _watchdog = watch("200 runtimes");
    let gate = Arc::new(Semaphore::new(0));
    for round in 0..200 {
        let runtime = named("sd-many", [1, 2, 3, 8][round % 4]);
        populate(&runtime, &gate);
        if round % 3 == 0 {
            thread::sleep(Duration::from_micros(round as u64 * 20));
        }
        let start = Instant::now();
        drop(runtime);
        assert!(start.elapsed() < Duration::from_secs(10));
    }
    let gone = within(GONE_WITHIN, || running_threads("sd-many") == 0);
    assert!(gone, "{} threads are left", running_threads("sd-many"));
    // Those that were parked on it are unparked now, with nobody to run them.
    gate.add_permits(100_000);
}

#[test]
fn runtimes_come_and_go_at_once() {
    let _watchdog = watch("16 threads with runtimes");
    let threads: Vec<_> = (0..16)
        .map(|t| {
            thread::spawn(move || {
                for i in 0..10 {
                    let runtime = named("sd-once", 1 + (t + i) % 3);
                    let sum = runtime.run(|| {
                        let parts: Vec<_> = (0..20).map(|n| spawn(move || n)).collect();
                        parts.into_iter().map(|p| p.join().unwrap()).sum::<i32>()
                    });
                    assert_eq!(sum, 190);
                    if i % 2 == 0 {
                        runtime.shutdown_timeout(Duration::from_secs(10)).unwrap();
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    assert!(within(GONE_WITHIN, || threads_named("sd-once") == 0));
}

/// Counts its drops.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// A runtime dropped with goroutines that had no chance to start; how many did not.
fn drop_before_start(drops: &Arc<AtomicUsize>) -> usize {
    let runtime = support::runtime(1);
    let (tx, rx) = mpsc::channel::<Vec<JoinHandle<Counted>>>();
    let theirs = Arc::clone(drops);
    runtime.spawn(move || {
        let keep = |i: usize| {
            let (captured, kept) = (Counted(Arc::clone(&theirs)), Counted(Arc::clone(&theirs)));
            spawn(move || {
                drop(captured);
                assert!(i < 100);
                kept
            })
        };
        let handles = (0..10).map(keep).collect();
        // Detached ones, too.
        (0..10).map(keep).for_each(drop);
        tx.send(handles).unwrap();
        // Shorter than the monitor's patience, so that no spare starts them.
        compute(Duration::from_millis(4));
    });
    let handles = rx.recv().unwrap();
    drop(runtime);
    let mut unstarted = 0;
    for handle in handles {
        assert!(handle.is_finished());
        if let Err(told) = handle.join() {
            let told: Box<dyn Any + Send> = told;
            assert!(message(&*told).contains("shut down"), "{}", message(&*told));
            unstarted += 1;
        }
    }
    unstarted
}

#[test]
fn what_never_started_is_dropped_once_and_its_joiner_is_told() {
    let _watchdog = watch("unstarted");
    let drops = Arc::new(AtomicUsize::new(0));
    let unstarted: usize = (0..20).map(|_| drop_before_start(&drops)).sum();
    assert_eq!(drops.load(SeqCst), 20 * 20 * 2);
    assert!(
        unstarted > 0,
        "each of them started; the test shows nothing"
    );
}

#[test]
fn what_is_suspended_keeps_what_it_holds() {
    let _watchdog = watch("suspended");
    let drops = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Semaphore::new(0));
    let runtime = named("sd-held", 2);
    let handles: Vec<_> = (0..10)
        .map(|_| {
            let (gate, held) = (Arc::clone(&gate), Counted(Arc::clone(&drops)));
            runtime.spawn(move || {
                gate.acquire(1).forget();
                drop(held);
            })
        })
        .collect();
    let parked = || runtime.metrics().parks >= 10;
    assert!(within(Duration::from_secs(10), parked));
    drop(runtime);
    gate.add_permits(10);
    thread::sleep(Duration::from_millis(5));
    assert!(handles.iter().all(|h| !h.is_finished()));
    drop(handles);
    assert_eq!(drops.load(SeqCst), 0);
}

#[test]
fn a_handle_may_outlive_its_runtime() {
    let _watchdog = watch("handles");
    let runtime = support::runtime(2);
    let kept = runtime.spawn(|| vec![1, 2, 3]);
    let dropped = runtime.spawn(|| vec![4]);
    assert!(within(GONE_WITHIN, || kept.is_finished() && dropped.is_finished()));
    let borrowed = runtime.run(|| spawn(|| 7));
    assert!(within(GONE_WITHIN, || borrowed.is_finished()));
    drop(runtime);
    assert_eq!(kept.join().unwrap(), [1, 2, 3]);
    assert_eq!(borrowed.join().unwrap(), 7);
    drop(dropped);
}

#[test]
fn an_abandoned_goroutine_may_be_woken() {
    let _watchdog = watch("woken after the end");
    for round in 0..50 {
        let runtime = named("sd-wake", 1 + round % 2);
        let (tx, rx) = mpsc::channel::<Waker>();
        let (gate, group) = (Arc::new(Semaphore::new(0)), WaitGroup::new());
        group.add(1);
        let (theirs, waits) = (Arc::clone(&gate), group.clone());
        runtime.spawn(move || theirs.acquire(1).forget());
        runtime.spawn(move || waits.wait());
        runtime.spawn(move || {
            block_on(future::poll_fn(move |context| {
                tx.send(context.waker().clone()).unwrap();
                Poll::<()>::Pending
            }))
        });
        let waker = rx.recv().unwrap();
        if round % 3 == 0 {
            thread::sleep(Duration::from_micros(200));
        }
        let wake = thread::spawn({
            let waker = waker.clone();
            move || waker.wake()
        });
        drop(runtime);
        gate.add_permits(1);
        group.done();
        waker.wake_by_ref();
        wake.join().unwrap();
        drop(waker);
    }
}

#[test]
fn shutdown_timeout_waits_for_the_last_goroutine() {
    let _watchdog = watch("shutdown in time");
    support::silence();
    for workers in [1, 2, 8] {
        let runtime = named("sd-wait", workers);
        let ended = Arc::new(AtomicUsize::new(0));
        for i in 0..50 {
            let ended = Arc::clone(&ended);
            runtime.spawn(move || {
                sleep(Duration::from_millis(i % 10));
                let ended = Arc::clone(&ended);
                spawn(move || {
                    yield_now();
                    ended.fetch_add(1, SeqCst);
                });
            });
        }
        let shut = runtime.shutdown_timeout(Duration::from_secs(30));
        assert!(shut.is_ok(), "{shut:?}");
        assert_eq!(ended.load(SeqCst), 50);
    }
    assert!(within(GONE_WITHIN, || threads_named("sd-wait") == 0));
}

/// Owners end with their runtime unless somebody is left in their homes.
#[test]
fn homes_that_nobody_lives_in_leave_no_thread_behind() {
    let _watchdog = watch("empty homes");
    let (mut lends, mut most) = (false, 0);
    for round in 0..200 {
        let runtime = named("sd-empty", 1 + round % 3);
        let handles: Vec<_> = (0..20)
            .map(|_| runtime.spawn(|| (0..3).for_each(|_| yield_now())))
            .collect();
        for handle in handles {
            handle.join().unwrap();
        }
        // A round whose goroutines end as fast as they come needs one home only.
        let metrics = runtime.metrics();
        lends |= metrics.identity == "lent";
        most = most.max(metrics.homes);
        drop(runtime);
    }
    assert!(!lends || most > 1, "at most {most} homes in a runtime");
    let gone = within(GONE_WITHIN, || threads_named("sd-empty") == 0);
    assert!(gone, "{} threads are left", threads_named("sd-empty"));
}

#[test]
fn shutdown_timeout_tells_who_still_runs() {
    let _watchdog = watch("shutdown out of time");
    let runtime = named("sd-left", 2);
    let gate = Arc::new(Semaphore::new(0));
    for _ in 0..3 {
        let gate = Arc::clone(&gate);
        runtime.spawn(move || gate.acquire(1).forget());
    }
    runtime.spawn(|| sleep(Duration::from_secs(3600)));
    assert!(within(GONE_WITHIN, || runtime.metrics().parks >= 4));
    let start = Instant::now();
    let left = runtime
        .shutdown_timeout(Duration::from_millis(20))
        .expect_err("they cannot end");
    assert!(start.elapsed() >= Duration::from_millis(20));
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(left.goroutines(), 4);
    for text in ["semacquire", "sleep", "rt_shutdown.rs"] {
        assert!(left.dump().contains(text), "{}", left.dump());
        assert!(left.to_string().contains(text));
    }
    assert!(within(GONE_WITHIN, || running_threads("sd-left") == 0));
}

/// A goroutine that computes cannot be stopped: its runtime waits a little, then leaves its thread
/// to end by itself.
#[test]
fn a_computing_goroutine_delays_the_end_and_does_not_prevent_it() {
    let _watchdog = watch("computing");
    let runtime = named("sd-busy", 1);
    let (tx, rx) = mpsc::channel();
    runtime.spawn(move || {
        tx.send(()).unwrap();
        compute(Duration::from_secs(3));
    });
    rx.recv().unwrap();
    let start = Instant::now();
    drop(runtime);
    assert!(
        start.elapsed() < Duration::from_millis(2800),
        "{:?}",
        start.elapsed()
    );
    assert!(within(GONE_WITHIN, || threads_named("sd-busy") == 0));
}

#[test]
fn a_runtime_runs_within_a_goroutine_of_another() {
    support::each(|outer| {
        let inner = named("sd-inner", 2);
        let text = String::from("borrowed through both");
        let length = inner.run(|| {
            assert_eq!(gort::runtime::workers(), 2);
            let back = outer.run(|| text.len());
            let child = spawn(gort::runtime::workers);
            assert_eq!(child.join().unwrap(), 2);
            back
        });
        assert_eq!(length, text.len());
        let handles: Vec<_> = (0..50).map(|i| inner.spawn(move || i)).collect();
        for (i, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.join().unwrap(), i);
        }
        drop(inner);
    });
    assert!(within(GONE_WITHIN, || threads_named("sd-inner") == 0));
}

/// The last owner of a runtime may be one of its own goroutines.
#[test]
fn a_runtime_may_be_dropped_by_its_own_goroutine() {
    let _watchdog = watch("own drop");
    let slot = Arc::new(Mutex::new(None));
    let (tx, rx) = mpsc::channel();
    let runtime = named("sd-own", 2);
    let theirs = Arc::clone(&slot);
    let (go, gate) = mpsc::channel::<()>();
    runtime.spawn(move || {
        gate.recv().unwrap();
        let runtime: Option<Runtime> = theirs.lock().unwrap().take();
        drop(runtime);
        tx.send(()).unwrap();
    });
    *slot.lock().unwrap() = Some(runtime);
    go.send(()).unwrap();
    rx.recv_timeout(Duration::from_secs(20)).unwrap();
    assert!(within(GONE_WITHIN, || threads_named("sd-own") == 0));
}

/// A worker may hand fresh goroutines over to one that has left its loop already.
#[test]
fn what_is_handed_over_at_the_end_is_dropped() {
    let _watchdog = watch("handed over");
    let mut unstarted = 0;
    for round in 0..100 {
        let runtime = support::runtime(2);
        let (tx, rx) = mpsc::channel();
        runtime.spawn(move || {
            for _ in 0..40 {
                for _ in 0..5 {
                    let started = Arc::new(AtomicUsize::new(0));
                    let starts = Arc::clone(&started);
                    let child = spawn(move || {
                        starts.store(1, SeqCst);
                        Semaphore::new(0).acquire(1).forget();
                    });
                    tx.send((started, child)).unwrap();
                }
                yield_now();
            }
        });
        thread::sleep(Duration::from_micros(round * 10));
        drop(runtime);
        for (started, child) in rx.try_iter() {
            let has_started = started.load(SeqCst) == 1;
            assert!(has_started || child.is_finished(), "round {round}");
            unstarted += usize::from(!has_started);
        }
        // The receiver must outlive a sender that is never dropped.
        std::mem::forget(rx);
    }
    assert!(unstarted > 0, "all started; the test shows nothing");
}

/// Waits, when it is dropped, until the other end of its channel is gone.
struct WaitsInDrop(gort::sync::Receiver<()>, Arc<AtomicUsize>);

impl Drop for WaitsInDrop {
    fn drop(&mut self) {
        let _ = self.0.recv();
        self.1.fetch_add(1, SeqCst);
    }
}

/// What a goroutine of the test below captures: something that waits for the next one's drop.
type Link = (WaitsInDrop, Option<gort::sync::Sender<()>>);

/// Three of them. The last one waits for nobody.
fn chain(drops: &Arc<AtomicUsize>) -> Vec<Link> {
    let mut before = None;
    let link = |_| {
        let (tx, rx) = gort::sync::bounded(0);
        (WaitsInDrop(rx, Arc::clone(drops)), before.replace(tx))
    };
    (0..3).map(link).collect()
}

/// Destructors of what never started may wait for each other: for what lies behind them in the same
/// queue, too.
#[test]
fn destructors_that_wait_for_each_other_leave_no_thread_behind() {
    let _watchdog = watch("waiting destructors");
    let (mut unstarted, mut rounds) = (0, 0);
    while unstarted < 4 {
        rounds += 1;
        assert!(
            rounds < 1000,
            "they start each time; the test shows nothing"
        );
        let [drops, starts] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        // Of its own: where goroutines were left, in another round, owners of homes stay.
        let name = format!("sd-w{rounds}");
        let runtime = named(&name, 1);
        let (tell, told) = mpsc::channel();
        let (theirs, started) = (Arc::clone(&drops), Arc::clone(&starts));
        runtime.spawn(move || {
            let mut links = chain(&theirs);
            if rounds % 2 == 0 {
                links.reverse();
            }
            for link in links {
                let started = Arc::clone(&started);
                drop(spawn(move || {
                    started.fetch_add(1, SeqCst);
                    drop(link);
                }));
            }
            tell.send(()).unwrap();
            // Shorter than the monitor's patience, so that no spare starts them.
            compute(Duration::from_millis(4));
        });
        told.recv().unwrap();
        drop(runtime);
        if starts.load(SeqCst) == 0 {
            assert!(within(GONE_WITHIN, || drops.load(SeqCst) == 3));
            let prefix = format!("{name}-");
            assert!(within(GONE_WITHIN, || threads_named(&prefix) == 0));
            unstarted += 1;
        }
    }
}
