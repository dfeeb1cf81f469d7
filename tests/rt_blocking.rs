//! `blocking`: calls on threads of their own, with their values and panics, while the workers go on.

mod support;

use gort::{
    runtime::{blocking, goexit},
    sleep, spawn,
    sync::WaitGroup,
    yield_now,
};
use std::{
    any::Any,
    panic::{self, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};
use support::{message, silence};

#[test]
fn a_call_returns_its_value_and_may_borrow() {
    support::each(|_| {
        let text = String::from("borrowed");
        let mut number = 1;
        let length = blocking(|| {
            number += 1;
            text.len()
        });
        assert_eq!((length, number), (8, 2));
        let large = blocking(|| [7_u8; 4096]);
        assert!(large.iter().all(|b| *b == 7));
    });
}

#[test]
fn a_thousand_calls_at_once_while_a_probe_goes_on() {
    support::under(&[1, 2], |_| {
        let attempt = || {
            let stop = Arc::new(AtomicBool::new(false));
            let theirs = Arc::clone(&stop);
            let probe = spawn(move || {
                let (mut last, mut gap) = (Instant::now(), Duration::ZERO);
                while !theirs.load(SeqCst) {
                    sleep(Duration::from_millis(1));
                    gap = gap.max(last.elapsed());
                    last = Instant::now();
                }
                gap
            });
            let ran = Arc::new(AtomicUsize::new(0));
            let group = WaitGroup::new();
            for _ in 0..1000 {
                let ran = Arc::clone(&ran);
                group.go(move || {
                    blocking(|| {
                        thread::sleep(Duration::from_millis(20));
                        ran.fetch_add(1, SeqCst);
                    })
                });
            }
            group.wait();
            assert_eq!(ran.load(SeqCst), 1000);
            stop.store(true, SeqCst);
            probe.join().unwrap()
        };
        let gaps: Vec<_> = (0..3).map(|_| attempt()).collect();
        let soon = Duration::from_millis(50);
        assert!(gaps.iter().any(|gap| *gap < soon), "gaps {gaps:?}");
    });
}

/// All at once means all at once: each call waits for another one that must be running, too.
#[test]
fn calls_run_at_the_same_time() {
    support::under(&[1, 2], |_| {
        let barrier = Arc::new(std::sync::Barrier::new(100));
        let group = WaitGroup::new();
        for _ in 0..100 {
            let barrier = Arc::clone(&barrier);
            group.go(move || blocking(|| _ = barrier.wait()));
        }
        group.wait();
    });
}

#[test]
fn panics_are_passed_on_and_the_pool_lives() {
    silence();
    support::each(|_| {
        let handles: Vec<_> = (0..200)
            .map(|i| {
                spawn(move || {
                    blocking(|| {
                        assert!(i % 2 == 0, "deliberate: {i}");
                        i
                    })
                })
            })
            .collect();
        for (i, handle) in handles.into_iter().enumerate() {
            match handle.join() {
                Ok(value) => assert_eq!((value, i % 2), (i, 0)),
                Err(payload) => assert_eq!(message(&*payload), format!("deliberate: {i}")),
            }
        }
        let value = catch_unwind(|| blocking(|| panic::resume_unwind(Box::new(vec![1]))));
        let payload: Box<dyn Any + Send> = value.unwrap_err();
        assert_eq!(*payload.downcast::<Vec<i32>>().unwrap(), [1]);
    });
}

#[test]
fn a_call_within_a_call_runs_in_place() {
    support::each(|_| {
        let handles: Vec<_> = (0..50)
            .map(|i| {
                spawn(move || {
                    blocking(|| {
                        let outer = thread::current().id();
                        blocking(|| {
                            assert_eq!(thread::current().id(), outer);
                            blocking(|| i)
                        })
                    })
                })
            })
            .collect();
        for (i, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.join().unwrap(), i);
        }
    });
}

#[test]
fn a_plain_thread_calls_in_place() {
    let here = thread::current().id();
    assert_eq!(blocking(|| thread::current().id()), here);
    silence();
    assert!(catch_unwind(|| blocking(|| panic!("deliberate: in place"))).is_err());
}

#[test]
fn a_call_may_use_primitives_and_wake_goroutines() {
    support::each(|runtime| {
        for _ in 0..100 {
            let (ready, go_on) = (WaitGroup::new(), WaitGroup::new());
            ready.add(1);
            go_on.add(1);
            let (theirs, gate) = (ready.clone(), go_on.clone());
            let waits = spawn(move || {
                theirs.wait();
                gate.done();
            });
            blocking(|| {
                ready.done();
                go_on.wait();
                assert_eq!(runtime.spawn(|| 6).join().unwrap(), 6);
            });
            waits.join().unwrap();
        }
    });
}

/// There is no goroutine on those threads, so it cannot exit: it says so, by a panic that reaches the caller.
#[test]
fn goexit_in_a_call_is_refused() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !message(info.payload()).contains("goexit was called") {
            print(info);
        }
    }));
    support::under(&[1], |_| {
        let caught = catch_unwind(|| blocking(|| goexit()));
        let payload: Box<dyn Any + Send> = caught.unwrap_err();
        assert!(message(&*payload).contains("goexit"));
    });
}

/// More calls than threads: those in line run when others end.
#[test]
fn more_calls_than_threads_all_run() {
    support::under(&[2], |runtime| {
        let (release, released) = mpsc::channel::<()>();
        let released = Arc::new(std::sync::Mutex::new(released));
        let group = WaitGroup::new();
        for _ in 0..700 {
            let released = Arc::clone(&released);
            group.go(move || blocking(|| _ = released.lock().unwrap().recv()));
        }
        let full = || runtime.metrics().blocking_threads >= 512;
        assert!(support::within_yielding(Duration::from_secs(20), full));
        for _ in 0..100 {
            yield_now();
        }
        assert_eq!(runtime.metrics().blocking_threads, 512);
        drop(release);
        group.wait();
    });
}
