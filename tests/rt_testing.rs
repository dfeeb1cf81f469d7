//! Bubbles with a fake clock, and the search for leaks.

mod support;

use gort::{
    context, go,
    runtime::{Builder, blocking},
    sync::{
        Cond, Mutex, RwMutex, Semaphore, WaitGroup,
        channel::{bounded, never, select, unbounded},
    },
    testing::{LeakCheck, bubble, bubble_with, no_leaks, wait},
    time,
};
use std::{
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use support::{DELIBERATE, WORKERS, Watchdog, message, silence};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
/// Real time that nothing here may take.
const LONG: Duration = Duration::from_secs(20);
/// What a bubble in a deadlock says.
const DEADLOCK: &str = "deadlock: all goroutines in the bubble are blocked";

/// Runs `f` in a bubble for each number of workers, and checks that it takes little real time.
#[track_caller]
fn each(f: fn()) {
    for &n in WORKERS {
        let what = format!("{n} workers");
        let _watchdog = Watchdog::with(LONG * 2, &what, gort::runtime::dump);
        let start = Instant::now();
        bubble_with(Builder::new().workers(n), f);
        let took = start.elapsed();
        assert!(took < LONG, "{what}: {took:?}");
    }
}

/// The time by which all that waits goes.
fn now() -> Instant {
    gort::time::now()
}

/// What `f` panics with.
#[track_caller]
fn panic_of<T>(f: impl FnOnce() -> T) -> String {
    silence();
    match panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it does not panic"),
        Err(payload) => message(&*payload).to_owned(),
    }
}

#[test]
fn an_hour_of_sleeps_takes_no_time_and_is_exact() {
    each(|| {
        let start = now();
        for n in 1..=60 {
            gort::sleep(Duration::from_secs(60));
            assert_eq!(now() - start, Duration::from_secs(60 * n));
        }
        gort::sleep(Duration::from_nanos(1));
        assert_eq!(now() - start, HOUR + Duration::from_nanos(1));
    });
}

#[test]
fn time_stands_still_while_somebody_runs() {
    bubble(|| {
        let start = now();
        let sleeper = go!(|| gort::sleep(Duration::from_nanos(1)));
        support::compute(Duration::from_millis(30));
        for _ in 0..1000 {
            gort::yield_now();
        }
        assert!(!sleeper.is_finished());
        assert_eq!(now(), start);
        sleeper.join().unwrap();
        assert_eq!(now() - start, Duration::from_nanos(1));
    });
}

#[test]
fn a_thousand_timers_fire_in_the_order_of_their_deadlines() {
    each(|| {
        let (tx, rx) = unbounded();
        let start = now();
        let mut random = support::Random::new(7);
        let mut delays: Vec<u64> = (1..=1000).collect();
        for i in (1..delays.len()).rev() {
            delays.swap(i, random.below(i as u64 + 1) as usize);
        }
        for delay in delays {
            let tx = tx.clone();
            // Nanoseconds apart: far closer than the wheel's ticks.
            go!(move || {
                let until = start + Duration::from_nanos(delay);
                gort::runtime::sleep_until(until);
                tx.send((delay, now() - start)).unwrap();
            });
        }
        drop(tx);
        // By two, because this one has to be asleep as the others are.
        let got: Vec<_> = rx.iter().collect();
        assert_eq!(got.len(), 1000);
        for (at, (delay, time)) in got.into_iter().enumerate() {
            assert_eq!((delay, time), (at as u64 + 1, Duration::from_nanos(delay)));
        }
    });
}

#[test]
fn timers_of_one_deadline_fire_in_the_order_in_which_they_were_set() {
    bubble(|| {
        let (tx, rx) = unbounded();
        let until = now() + SECOND;
        for n in 0..100 {
            let tx = tx.clone();
            gort::spawn_local(move || {
                gort::runtime::sleep_until(until);
                tx.send(n).unwrap();
            });
        }
        drop(tx);
        assert_eq!(rx.iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn all_timeouts_go_by_the_fake_clock() {
    each(|| {
        let start = now();
        let mut passed = Duration::ZERO;
        let mut is_an_hour_later = || {
            passed += HOUR;
            assert_eq!(now() - start, passed);
        };
        let (tx, rx) = bounded::<()>(0);
        assert!(rx.recv_timeout(HOUR).is_err());
        is_an_hour_later();
        assert!(tx.send_timeout((), HOUR).is_err());
        is_an_hour_later();
        select! {
            recv(rx) -> _ => unreachable!(),
            recv(never::<()>()) -> _ => unreachable!(),
            default(HOUR) => {}
        }
        is_an_hour_later();
        let mutex = Mutex::new(());
        let mut guard = mutex.lock();
        assert!(mutex.try_lock_for(HOUR).is_none());
        is_an_hour_later();
        assert!(Cond::new().wait_for(&mut guard, HOUR).timed_out());
        is_an_hour_later();
        let rw_mutex = RwMutex::new(());
        let _reader = rw_mutex.read();
        assert!(rw_mutex.try_write_for(HOUR).is_none());
        is_an_hour_later();
        let semaphore = Semaphore::new(0);
        assert!(semaphore.acquire_timeout(1, HOUR).is_none());
        is_an_hour_later();
    });
}

#[test]
fn timers_and_tickers_go_by_the_fake_clock() {
    each(|| {
        let start = now();
        assert_eq!(time::after(HOUR).recv(), Ok(start + HOUR));
        let ticker = time::Ticker::new(SECOND);
        for n in 1..=1000 {
            let tick = ticker.receiver().recv().unwrap();
            assert_eq!(tick - start, HOUR + SECOND * n);
        }
        let timer = time::Timer::new(HOUR);
        gort::sleep(HOUR - Duration::from_nanos(1));
        assert!(timer.receiver().is_empty());
        assert!(timer.stop());
        assert_eq!(
            now() - start,
            HOUR * 2 + SECOND * 1000 - Duration::from_nanos(1)
        );
        select! {
            recv(time::after(SECOND)) -> at => assert_eq!(at, Ok(now())),
            recv(time::after(HOUR)) -> _ => unreachable!(),
        }
    });
}

#[test]
fn deadlines_of_contexts_go_by_the_fake_clock() {
    each(|| {
        let start = now();
        let (outer, _cancel) = context::with_timeout(&context::background(), HOUR);
        let (inner, _cancel) = context::with_timeout(&outer, HOUR * 2);
        assert!(inner.done().recv().is_err());
        assert_eq!(now() - start, HOUR);
        assert_eq!(inner.err(), Some(context::Error::DeadlineExceeded));
    });
}

#[test]
fn functions_run_at_their_time() {
    each(|| {
        let start = now();
        let (tx, rx) = unbounded();
        for n in (1..=100).rev() {
            let tx = tx.clone();
            drop(time::after_func(Duration::from_nanos(n), move || {
                tx.send((n, now() - start)).unwrap();
            }));
        }
        let never = time::after_func(HOUR, || unreachable!());
        drop(tx);
        let ran: Vec<_> = rx.iter().collect();
        let expected: Vec<_> = (1..=100).map(|n| (n, Duration::from_nanos(n))).collect();
        assert_eq!(ran, expected);
        assert!(never.stop());
    });
}

#[test]
fn a_timeout_that_is_met_costs_no_time() {
    each(|| {
        let start = now();
        let (tx, rx) = bounded(0);
        go!(move || {
            for n in 0..100 {
                tx.send(n).unwrap();
            }
        });
        for n in 0..100 {
            assert_eq!(rx.recv_timeout(HOUR), Ok(n));
        }
        assert_eq!(now(), start);
    });
}

#[test]
fn wait_returns_when_the_others_are_blocked() {
    each(|| {
        let start = now();
        let ran = Arc::new(AtomicUsize::new(0));
        let (tx, rx) = bounded(0);
        let workers: Vec<_> = (0..20)
            .map(|_| {
                let (ran, rx) = (Arc::clone(&ran), rx.clone());
                go!(move || {
                    ran.fetch_add(1, Ordering::Relaxed);
                    rx.recv().unwrap();
                    ran.fetch_add(1, Ordering::Relaxed);
                    gort::sleep(SECOND);
                    ran.fetch_add(1, Ordering::Relaxed);
                })
            })
            .collect();
        wait();
        assert_eq!(ran.load(Ordering::Relaxed), 20);
        for n in 1..=20 {
            tx.send(()).unwrap();
            wait();
            assert_eq!(ran.load(Ordering::Relaxed), 20 + n);
        }
        assert_eq!(now(), start, "waiting takes no time");
        gort::sleep(SECOND);
        wait();
        assert_eq!(ran.load(Ordering::Relaxed), 60);
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

#[test]
fn wait_with_nobody_else_returns() {
    each(|| {
        for _ in 0..100 {
            wait();
        }
    });
}

#[test]
fn misuse_of_wait_is_a_panic() {
    let text = panic_of(wait);
    assert!(text.contains("outside of a bubble"), "{text}");
    let text = no_leaks(|| go!(wait()).join().unwrap_err());
    assert!(message(&*text).contains("outside of a bubble"));
    bubble(|| {
        let first = go!(|| {
            wait();
        });
        let second = go!(|| {
            wait();
        });
        let ends = [first.join(), second.join()];
        let errors: Vec<_> = ends.into_iter().filter_map(Result::err).collect();
        assert_eq!(errors.len(), 1);
        assert!(message(&*errors[0]).contains("waits already"));
    });
}

#[test]
fn a_deadlock_in_a_bubble_is_a_panic_in_its_caller() {
    for &n in WORKERS {
        let text = panic_of(|| {
            bubble_with(Builder::new().workers(n), || {
                let (_tx, rx) = bounded::<()>(0);
                let group = WaitGroup::new();
                group.add(1);
                go!(move || group.wait());
                gort::sleep(HOUR);
                rx.recv()
            })
        });
        assert!(text.starts_with(DEADLOCK), "{text}");
        assert!(text.contains("chan receive"), "{text}");
        assert!(text.contains("sync.WaitGroup.wait"), "{text}");
    }
}

#[test]
fn a_bubble_waits_for_its_goroutines() {
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    for &n in WORKERS {
        ENDED.store(0, Ordering::Relaxed);
        bubble_with(Builder::new().workers(n), || {
            let (tx, rx) = bounded(0);
            for _ in 0..100 {
                let rx = rx.clone();
                go!(move || {
                    rx.recv().unwrap();
                    ENDED.fetch_add(1, Ordering::Relaxed);
                });
            }
            go!(move || (0..100).for_each(|_| tx.send(()).unwrap()));
        });
        assert_eq!(ENDED.load(Ordering::Relaxed), 100);
    }
}

#[test]
fn goroutines_that_are_left_are_a_panic() {
    for sleeps in [false, true] {
        let text = panic_of(|| {
            bubble(move || {
                go!(move || {
                    if sleeps {
                        // A ticker's goroutine that nobody stops would go on for ever.
                        gort::sleep(HOUR);
                    } else {
                        never::<()>().recv().unwrap();
                    }
                });
            })
        });
        assert!(text.starts_with(DEADLOCK), "{text}");
        assert!(text.contains("main goroutine has returned"), "{text}");
    }
}

#[test]
fn the_panic_of_main_goes_on_in_the_caller() {
    for &n in WORKERS {
        let text = panic_of(|| {
            bubble_with(Builder::new().workers(n), || {
                gort::sleep(SECOND);
                panic!("{DELIBERATE}, after a second");
            })
        });
        assert_eq!(text, format!("{DELIBERATE}, after a second"));
    }
    // Also if others are left.
    let text = panic_of(|| {
        bubble(|| {
            go!(|| never::<()>().recv());
            wait();
            panic!("{DELIBERATE}, with one left");
        })
    });
    assert_eq!(text, format!("{DELIBERATE}, with one left"));
}

#[test]
fn a_blocking_call_holds_the_time() {
    each(|| {
        let start = now();
        let sleeper = go!(|| gort::sleep(Duration::from_nanos(1)));
        let answer = blocking(|| {
            thread::sleep(Duration::from_millis(30));
            7
        });
        assert_eq!(answer, 7);
        assert!(!sleeper.is_finished());
        assert_eq!(now(), start);
        sleeper.join().unwrap();
    });
}

#[test]
fn a_thread_that_is_waited_for_in_a_blocking_call_can_send() {
    each(|| {
        let (tx, rx) = bounded(0);
        let thread = thread::spawn(move || {
            thread::sleep(Duration::from_millis(300));
            tx.send(7).unwrap();
        });
        let joins = go!(|| blocking(|| thread.join().unwrap()));
        // Longer than a bubble waits before it calls that a deadlock.
        assert_eq!(rx.recv(), Ok(7));
        joins.join().unwrap();
    });
}

#[test]
fn bubbles_have_clocks_of_their_own() {
    let threads: Vec<_> = (1..=4)
        .map(|n| {
            thread::spawn(move || {
                for _ in 0..5 {
                    bubble(move || {
                        let start = now();
                        for _ in 0..50 {
                            gort::sleep(HOUR * n);
                        }
                        assert_eq!(now() - start, HOUR * n * 50);
                    });
                }
            })
        })
        .collect();
    let before = Instant::now();
    let here = now();
    assert!(here - before < LONG, "a plain thread's clock is real");
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_bubble_in_a_bubble_holds_the_time_of_the_outer_one() {
    each(|| {
        let start = now();
        let sleeper = go!(|| gort::sleep(Duration::from_nanos(1)));
        let inner = bubble(move || {
            let inside = now();
            gort::sleep(HOUR);
            blocking(|| thread::sleep(Duration::from_millis(5)));
            now() - inside
        });
        assert_eq!(inner, HOUR);
        assert_eq!(now(), start);
        assert!(!sleeper.is_finished());
        sleeper.join().unwrap();
        assert_eq!(now() - start, Duration::from_nanos(1));
    });
}

#[test]
fn what_cannot_come_in_time_is_a_deadlock() {
    // Longer than clocks can tell: the sleep is for ever.
    let text = panic_of(|| bubble(|| gort::sleep(Duration::MAX)));
    assert!(text.starts_with(DEADLOCK), "{text}");
}

#[gort::test]
fn a_bubble_works_in_a_test_of_ours() {
    let real = now();
    let passed = bubble(|| {
        let start = now();
        gort::sleep(HOUR);
        now() - start
    });
    assert_eq!(passed, HOUR);
    assert!(now() - real < LONG);
}

#[test]
fn what_is_left_is_named() {
    let (tx, rx) = bounded::<()>(0);
    let text = panic_of(|| {
        no_leaks(|| {
            let there = rx.clone();
            go!(move || there.recv());
            go!(gort::yield_now());
        })
    });
    assert!(
        text.starts_with("goroutines are left behind: 1\n"),
        "{text}"
    );
    assert!(text.contains("chan receive"), "{text}");
    assert!(text.contains("tests/rt_testing.rs"), "{text}");
    assert_eq!(text.matches("goroutine ").count(), 1, "{text}");
    drop(tx);
}

#[test]
fn nothing_left_is_no_failure() {
    let answer = no_leaks(|| {
        let handles: Vec<_> = (0..100).map(|n| go!(move || n)).collect();
        handles.into_iter().map(|h| h.join().unwrap()).sum::<i32>()
    });
    assert_eq!(answer, 4950);
    // Those that end soon are waited for.
    no_leaks(|| {
        go!(|| gort::sleep(Duration::from_millis(50)));
    });
}

#[test]
fn leaks_elsewhere_do_not_count() {
    let (tx, rx) = bounded::<()>(0);
    let elsewhere = go!(move || rx.recv());
    no_leaks(|| go!(|| ()).join().unwrap());
    let text = panic_of(|| no_leaks(|| panic!("{DELIBERATE}")));
    assert_eq!(text, DELIBERATE);
    drop(tx);
    assert!(elsewhere.join().unwrap().is_err());
}

#[gort::test]
fn a_check_knows_who_was_there_before() {
    let (tx, rx) = bounded::<()>(0);
    let before = rx.clone();
    let old = go!(move || before.recv());
    let check = LeakCheck::new();
    go!(|| ()).join().unwrap();
    drop(check);
    let text = panic_of(|| {
        let check = LeakCheck::new().grace(Duration::from_millis(5));
        go!(move || rx.recv());
        drop(check);
    });
    assert!(text.contains("goroutines are left behind: 1\n"), "{text}");
    drop(tx);
    assert!(old.join().unwrap().is_err());
}

#[test]
fn a_check_in_a_bubble_waits_by_its_clock() {
    let start = Instant::now();
    bubble(|| {
        let check = LeakCheck::new().grace(HOUR);
        let sleeper = go!(|| gort::sleep(HOUR - SECOND));
        drop(check);
        assert!(sleeper.is_finished());
    });
    assert!(start.elapsed() < LONG);
}
