//! `after_func`: when the function runs, where, how often, and what `stop` and `reset` say.

mod support;

use gort::{
    runtime::try_current,
    sync::{
        WaitGroup,
        channel::{TryRecvError, bounded, unbounded},
    },
    time::{Timer, after_func, now, sleep},
};
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};
use support::Random;

const HOUR: Duration = Duration::from_secs(3600);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn add_one(count: &AtomicUsize) {
    count.fetch_add(1, SeqCst);
}

/// On a plain thread, and in a goroutine under each number of workers.
fn everywhere(body: impl Fn() + Sync) {
    body();
    support::each(|_| body());
}

#[test]
fn it_runs_once_in_a_goroutine_and_not_early() {
    everywhere(|| {
        let (tx, rx) = unbounded();
        let start = now();
        let timer = after_func(ms(3), move || {
            tx.send((now(), try_current().is_some())).unwrap()
        });
        let (at, in_goroutine) = rx.recv().unwrap();
        assert!(at >= start + ms(3));
        assert!(in_goroutine);
        assert!(!timer.stop());
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(timer.receiver().try_recv(), Err(TryRecvError::Empty));
        assert_eq!(timer.receiver().capacity(), Some(0));
    });
}

#[test]
fn a_stopped_function_never_runs() {
    everywhere(|| {
        let count = Arc::new(AtomicUsize::new(0));
        for delay in [HOUR, Duration::MAX, ms(20)] {
            let theirs = Arc::clone(&count);
            let before = now();
            let timer = after_func(delay, move || add_one(&theirs));
            let stopped = timer.stop();
            assert!(stopped || now() > before + ms(20), "it was not due");
            assert!(!timer.stop());
            if !stopped {
                return; // this machine was busy for 20 ms
            }
        }
        sleep(ms(25));
        assert_eq!(count.load(SeqCst), 0);
        // And the function is gone with the timer.
        assert_eq!(Arc::strong_count(&count), 1);
    });
}

#[test]
fn each_reset_is_one_more_run() {
    everywhere(|| {
        let (tx, rx) = unbounded();
        let mut runs = 0;
        let timer = after_func(HOUR, move || {
            runs += 1;
            tx.send(runs).unwrap();
        });
        assert!(timer.reset(ms(1)));
        assert_eq!(rx.recv(), Ok(1));
        assert!(!timer.reset(ms(1)));
        assert_eq!(rx.recv(), Ok(2));
        assert!(!timer.reset(HOUR));
        assert!(timer.reset(HOUR));
        assert!(timer.stop());
        assert!(!timer.reset(Duration::ZERO));
        assert_eq!(rx.recv(), Ok(3));
        assert!(!timer.stop());
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    });
}

#[test]
fn runs_do_not_overlap() {
    everywhere(|| {
        let running = Arc::new(AtomicBool::new(false));
        let (tx, rx) = unbounded();
        let timer = after_func(Duration::ZERO, move || {
            assert!(!running.swap(true, SeqCst), "two at once");
            tx.send(()).unwrap();
            sleep(ms(1));
            running.store(false, SeqCst);
            tx.send(()).unwrap();
        });
        let mut runs = 1;
        for _ in 0..10 {
            // While the one before may still run.
            sleep(Duration::from_micros(300));
            runs += usize::from(!timer.reset(Duration::ZERO));
        }
        assert_eq!(rx.iter().take(2 * runs).count(), 2 * runs);
        assert!(!timer.stop());
    });
}

#[test]
fn stop_does_not_wait_for_a_run() {
    everywhere(|| {
        let (started_tx, started) = bounded(0);
        let (go_on, gate) = bounded::<()>(0);
        let timer = after_func(Duration::ZERO, move || {
            started_tx.send(()).unwrap();
            let _ = gate.recv();
        });
        started.recv().unwrap();
        assert!(!timer.stop());
        go_on.send(()).unwrap();
    });
}

#[test]
fn a_function_may_reset_its_own_timer() {
    everywhere(|| {
        let timer: Arc<OnceLock<Timer>> = Arc::default();
        let theirs = Arc::downgrade(&timer);
        let (tx, rx) = unbounded();
        let mut left = 5;
        let new = after_func(ms(1), move || {
            left -= 1;
            tx.send(left).unwrap();
            if left > 0
                && let Some(cell) = theirs.upgrade()
            {
                let timer = cell
                    .get()
                    .expect("set before it fires, or at least reset below");
                assert!(!timer.reset(Duration::from_micros(200)));
            }
        });
        new.stop();
        let _ = timer.set(new);
        timer.get().unwrap().reset(Duration::ZERO);
        let mut last = rx.recv().unwrap();
        while last > 0 {
            last = rx.recv().unwrap();
        }
    });
}

#[test]
fn a_dropped_timer_still_calls_its_function() {
    everywhere(|| {
        let (tx, rx) = bounded(1);
        drop(after_func(ms(2), move || tx.send(()).unwrap()));
        assert_eq!(rx.recv(), Ok(()));
        // Then the function goes.
        assert!(rx.recv().is_err());
    });
}

#[test]
fn a_panic_is_one_of_that_goroutine_and_the_next_run_comes() {
    support::silence();
    support::each(|_| {
        let (tx, rx) = unbounded();
        let mut runs = 0;
        let timer = after_func(Duration::ZERO, move || {
            runs += 1;
            tx.send(runs).unwrap();
            assert!(runs > 2, "{}", support::DELIBERATE);
        });
        for run in 1..5 {
            assert_eq!(rx.recv(), Ok(run));
            assert!(!timer.reset(Duration::ZERO));
        }
        assert_eq!(rx.recv(), Ok(5));
    });
}

/// Many stop and reset at once, goroutines and threads: each run that was set happens, or is called
/// off by one `true`.
#[test]
fn every_run_happens_or_is_called_off_once() {
    support::each(|_| {
        let rounds = if cfg!(debug_assertions) { 300 } else { 2000 };
        let runs = Arc::new(AtomicUsize::new(0));
        let (set, called_off) = (Arc::new(AtomicUsize::new(1)), Arc::new(AtomicUsize::new(0)));
        let theirs = Arc::clone(&runs);
        let timer = after_func(Duration::ZERO, move || add_one(&theirs));
        let timer = Arc::new(timer);
        let hammer = |seed: u64| {
            let (timer, set) = (Arc::clone(&timer), Arc::clone(&set));
            let called_off = Arc::clone(&called_off);
            move || {
                let mut random = Random::new(seed);
                for _ in 0..rounds {
                    let was_to_run = if random.below(3) == 0 {
                        timer.stop()
                    } else {
                        set.fetch_add(1, SeqCst);
                        timer.reset(Duration::from_micros(random.below(150)))
                    };
                    called_off.fetch_add(usize::from(was_to_run), SeqCst);
                    match random.below(20) {
                        0 => sleep(Duration::from_micros(random.below(200))),
                        1 => gort::yield_now(),
                        _ => {}
                    }
                }
            }
        };
        let group = WaitGroup::new();
        for seed in 0..4 {
            group.go(hammer(seed));
        }
        let threads: Vec<_> = (4..6).map(|seed| thread::spawn(hammer(seed))).collect();
        group.wait();
        gort::runtime::blocking(|| threads.into_iter().for_each(|t| t.join().unwrap()));
        let stopped = usize::from(timer.stop());
        let to_run = set.load(SeqCst) - called_off.load(SeqCst) - stopped;
        // The last ones may be on their way.
        assert!(support::within_yielding(ms(10_000), || runs.load(SeqCst) >= to_run));
        sleep(ms(1));
        assert_eq!(runs.load(SeqCst), to_run);
        assert!(to_run > 0);
    });
}

#[test]
fn a_crowd_of_functions_runs_and_none_is_early() {
    let crowd = if cfg!(debug_assertions) {
        20_000
    } else {
        200_000
    };
    support::each(|_| {
        let early = Arc::new(AtomicUsize::new(0));
        let group = WaitGroup::new();
        let mut random = Random::new(11);
        for _ in 0..crowd {
            let delay = Duration::from_micros(random.below(200_000));
            let instant = now() + delay;
            let (early, done) = (Arc::clone(&early), group.clone());
            group.add(1);
            drop(after_func(delay, move || {
                early.fetch_add(usize::from(now() < instant), SeqCst);
                done.done();
            }));
        }
        group.wait();
        assert_eq!(early.load(SeqCst), 0);
    });
}

#[test]
fn timers_of_a_runtime_that_ends_end_with_it() {
    let count = Arc::new(AtomicUsize::new(0));
    let runtime = support::runtime(2);
    let theirs = Arc::clone(&count);
    let timer = runtime.run(|| after_func(HOUR, move || add_one(&theirs)));
    drop(runtime);
    // It belongs to nobody now; a reset from here goes to the default runtime.
    let _ = timer.stop();
    assert!(!timer.reset(Duration::ZERO));
    assert!(support::within(ms(10_000), || count.load(SeqCst) == 1));
}
