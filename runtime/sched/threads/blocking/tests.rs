//! Tests of the blocking pool.

use crate::runtime::sched::threads::blocking::{BlockingPool, Job, StartThread};
use std::{
    collections::HashSet,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(60);

/// Waits until `condition` holds, for a minute at most.
#[track_caller]
fn wait_until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LONG, "waited in vain");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Submits a job that must be accepted.
#[track_caller]
fn submit(pool: &BlockingPool, job: impl FnOnce() + Send + 'static) {
    assert!(pool.submit(Box::new(job)).is_ok(), "refused");
}

/// Submits `n` jobs, each of which runs until the returned sender is dropped.
fn occupy(pool: &BlockingPool, n: usize) -> Vec<mpsc::Sender<()>> {
    let occupy_one = |_| {
        let (release, released) = mpsc::channel::<()>();
        submit(pool, move || {
            let _: Result<(), mpsc::RecvError> = released.recv();
        });
        release
    };
    (0..n).map(occupy_one).collect()
}

/// Starts threads as the system does, as long as `may_start`.
fn start_if(may_start: impl Fn() -> bool + Send + Sync + 'static) -> StartThread {
    Box::new(move |name: String, body: Job| {
        if !may_start() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        thread::Builder::new().name(name).spawn(body).map(drop)
    })
}

#[test]
fn a_thousand_jobs_run_on_at_most_eight_threads() {
    let pool = BlockingPool::new("many", 8, LONG);
    let (done, names) = (
        Arc::new(AtomicUsize::new(0)),
        Arc::new(Mutex::new(HashSet::new())),
    );
    for _ in 0..1_000 {
        let (done, names) = (Arc::clone(&done), Arc::clone(&names));
        submit(&pool, move || {
            let name = thread::current().name().expect("named").to_owned();
            names.lock().expect("not poisoned").insert(name);
            done.fetch_add(1, Ordering::Relaxed);
        });
        assert!(pool.threads() <= 8);
    }
    wait_until(|| pool.pending() == 0);
    assert_eq!(done.load(Ordering::Relaxed), 1_000);
    let names = names.lock().expect("not poisoned");
    assert!(
        names.len() <= 8 && names.iter().all(|n| n.starts_with("many-")),
        "{names:?}"
    );
}

#[test]
fn it_grows_only_while_no_thread_is_idle() {
    let pool = BlockingPool::new("grow", 4, LONG);
    assert_eq!((pool.threads(), pool.pending()), (0, 0));
    for _ in 0..50 {
        submit(&pool, || ());
        wait_until(|| pool.pending() == 0);
    }
    assert_eq!(pool.threads(), 1, "one job at a time needs one thread");
    let held = occupy(&pool, 3);
    assert_eq!(
        pool.threads(),
        3,
        "a burst gets a thread for each job, even before any has begun"
    );
    let more = occupy(&pool, 3);
    assert_eq!((pool.threads(), pool.pending()), (4, 6));
    drop(held);
    wait_until(|| pool.pending() == 3);
    drop(more);
    wait_until(|| pool.pending() == 0);
    assert_eq!(pool.threads(), 4);
}

#[test]
fn jobs_begin_in_order() {
    let pool = BlockingPool::new("order", 1, LONG);
    let (send, receive) = mpsc::channel();
    for number in 0..100 {
        let send = send.clone();
        submit(&pool, move || send.send(number).expect("the test receives"));
    }
    drop(send);
    assert_eq!(
        receive.iter().collect::<Vec<_>>(),
        (0..100).collect::<Vec<_>>()
    );
}

#[test]
fn idle_threads_end_and_are_replaced() {
    let pool = BlockingPool::new("shrink", 8, Duration::from_millis(20));
    for _ in 0..3 {
        drop(occupy(&pool, 8));
        wait_until(|| pool.threads() == 0);
        assert_eq!(pool.pending(), 0);
    }
}

#[test]
fn without_any_thread_the_job_comes_back() {
    let may_start = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&may_start);
    let start = start_if(move || flag.load(Ordering::SeqCst));
    let pool = BlockingPool::with_start_thread("none".into(), 8, LONG, start);
    let (send, receive) = mpsc::channel();
    let job = pool.submit(Box::new(move || send.send(7).expect("the test receives")));
    let job = job.expect_err("no thread could be started");
    assert_eq!((pool.threads(), pool.pending()), (0, 0));
    may_start.store(true, Ordering::SeqCst);
    assert!(pool.submit(job).is_ok());
    assert_eq!(receive.recv(), Ok(7));
}

#[test]
fn with_some_thread_the_job_waits_for_it() {
    let left = AtomicUsize::new(2);
    let take = move || {
        left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        })
        .is_ok()
    };
    let pool = BlockingPool::with_start_thread("few".into(), 8, LONG, start_if(take));
    let held = occupy(&pool, 2);
    let done = Arc::new(AtomicUsize::new(0));
    for _ in 0..10 {
        let done = Arc::clone(&done);
        submit(&pool, move || {
            done.fetch_add(1, Ordering::SeqCst);
        });
    }
    assert_eq!(
        (pool.threads(), pool.pending(), done.load(Ordering::SeqCst)),
        (2, 12, 0)
    );
    drop(held);
    wait_until(|| pool.pending() == 0);
    assert_eq!((pool.threads(), done.load(Ordering::SeqCst)), (2, 10));
}

#[test]
fn a_job_is_held_back_if_no_thread_is_there_for_it_and_none_can_be_started() {
    let pool = BlockingPool::new("held", 2, LONG);
    let held = occupy(&pool, 2);
    assert_eq!(pool.held_back(), None, "each has its thread");
    let before = Instant::now();
    let more = occupy(&pool, 3);
    let after = Instant::now();
    wait_until(|| pool.shared.lock().idle == 0);
    let told = pool.held_back().expect("three wait");
    assert_eq!((told.waiting, told.threads), (3, 2));
    assert!((before..=after).contains(&told.since));
    drop((held, more));
    wait_until(|| pool.pending() == 0);
    assert_eq!(pool.held_back(), None);
}

#[test]
fn a_panic_ends_the_job_and_not_the_thread() {
    let pool = BlockingPool::new("panic", 1, LONG);
    for _ in 0..3 {
        // `resume_unwind` panics without a message on stderr.
        submit(&pool, || {
            std::panic::resume_unwind(Box::new("expected by the test"))
        });
    }
    let (send, receive) = mpsc::channel();
    submit(&pool, move || {
        send.send(thread::current().name().map(str::to_owned))
            .expect("open")
    });
    assert_eq!(receive.recv(), Ok(Some("panic-0".to_owned())));
    wait_until(|| pool.pending() == 0);
    assert_eq!(pool.threads(), 1);
}

#[test]
fn shutdown_ends_idle_threads_and_refuses_jobs_but_keeps_promises() {
    let pool = BlockingPool::new("shut", 2, LONG);
    let held = occupy(&pool, 2);
    let done = Arc::new(AtomicUsize::new(0));
    for _ in 0..10 {
        let done = Arc::clone(&done);
        submit(&pool, move || {
            done.fetch_add(1, Ordering::SeqCst);
        });
    }
    pool.shutdown();
    assert!(pool.submit(Box::new(|| ())).is_err());
    assert_eq!((pool.threads(), pool.pending()), (2, 12));
    drop(held);
    wait_until(|| pool.threads() == 0);
    assert_eq!(done.load(Ordering::SeqCst), 10);
    assert!(pool.submit(Box::new(|| ())).is_err());

    let idle = BlockingPool::new("idle", 4, LONG);
    drop(occupy(&idle, 4));
    wait_until(|| idle.pending() == 0);
    assert_eq!(idle.threads(), 4);
    idle.shutdown();
    wait_until(|| idle.threads() == 0);
}

#[test]
fn dropping_the_pool_lets_its_threads_end() {
    let pool = BlockingPool::new("drop", 4, LONG);
    let held = occupy(&pool, 2);
    let shared = Arc::clone(&pool.shared);
    drop(pool);
    assert_eq!(shared.lock().threads, 2);
    drop(held);
    wait_until(|| shared.lock().threads == 0 && Arc::strong_count(&shared) == 1);
}

#[test]
fn many_submitters_and_dying_threads_lose_no_job() {
    // The keep-alive is shorter than the pauses: threads end while jobs arrive.
    let pool = Arc::new(BlockingPool::new("race", 3, Duration::from_micros(50)));
    let done = Arc::new(AtomicUsize::new(0));
    let submitters = (0..4_u64).map(|submitter| {
        let (pool, done) = (Arc::clone(&pool), Arc::clone(&done));
        thread::spawn(move || {
            for number in 0..500 {
                let done = Arc::clone(&done);
                submit(&pool, move || {
                    done.fetch_add(1, Ordering::SeqCst);
                });
                if number % 8 == submitter {
                    thread::sleep(Duration::from_micros(100));
                }
            }
        })
    });
    for submitter in submitters.collect::<Vec<_>>() {
        submitter.join().expect("no panic");
    }
    wait_until(|| pool.pending() == 0);
    assert_eq!(done.load(Ordering::SeqCst), 2_000);
    wait_until(|| pool.threads() == 0);
}
