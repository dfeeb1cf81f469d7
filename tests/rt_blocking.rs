//! `blocking`: calls on threads of their own, with their values and panics, while the workers go
//! on.

mod support;

use gort::{
    runtime::{Builder, blocking, goexit},
    sleep, spawn,
    sync::WaitGroup,
    yield_now,
};
use std::{
    any::Any,
    cell::Cell,
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
    let _alone = support::alone();
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
        // The best of some: a busy machine may spoil one.
        let soon = Duration::from_millis(50);
        assert!((0..10).any(|_| attempt() < soon));
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

/// There is no goroutine on those threads, so it cannot exit: it says so, by a panic that reaches
/// the caller.
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
    let _alone = support::alone();
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

#[test]
fn no_more_calls_run_at_a_time_than_the_program_allows() {
    let _alone = support::alone();
    for most in [1, 3, 600] {
        let builder = Builder::new().workers(2).max_blocking_threads(most);
        let runtime = Arc::new(builder.build().unwrap());
        let _watchdog = support::Watchdog::start(&runtime, support::PATIENCE, "a limit");
        let (running, highest) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let all = std::sync::Barrier::new(most);
        runtime.run(|| {
            gort::scope(|s| {
                for _ in 0..2 * most {
                    s.spawn(|| {
                        blocking(|| {
                            highest.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                            // All that are allowed come to run at the same time.
                            all.wait();
                            running.fetch_sub(1, SeqCst);
                        });
                    });
                }
            });
        });
        assert_eq!(highest.load(SeqCst), most);
        assert_eq!(runtime.metrics().blocking_threads, most);
    }
}

/// A `Cell` and a receiver are not `Sync`, so a call may not share them; but their owner is parked
/// meanwhile.
#[test]
fn a_call_may_borrow_mutably_what_is_not_sync() {
    support::each(|_| {
        let (tx, mut rx) = mpsc::channel();
        let mut count = Cell::new(0);
        for i in 1..=20 {
            tx.send(i).unwrap();
            let (rx, count) = (&mut rx, &mut count);
            let got = blocking(move || {
                count.set(count.get() + 1);
                rx.recv()
            });
            assert_eq!(got, Ok(i));
        }
        assert_eq!(count.get(), 20);
    });
}

/// The runtime is dropped while a call runs that has borrowed from its goroutine's stack.
#[test]
fn what_a_call_has_borrowed_outlives_its_runtime() {
    const SIZE: usize = 8192;
    let runtime = Builder::new().workers(2).build().unwrap();
    let (begun_tx, begun) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let (sum_tx, sum) = mpsc::channel();
    runtime.spawn(move || {
        let mut borrowed = [1_u8; SIZE];
        let lent = &mut borrowed;
        blocking(move || {
            begun_tx.send(()).unwrap();
            let _ = wait.recv();
            lent[SIZE / 2] += 1;
            let sum: usize = lent.iter().map(|byte| usize::from(*byte)).sum();
            sum_tx.send(sum).unwrap();
        });
    });
    begun.recv().unwrap();
    drop(runtime);
    // Others use the stacks that are free.
    support::under(&[2], |_| {
        let fill = |i| spawn(move || std::hint::black_box([i; SIZE]).len());
        let others: Vec<_> = (0..50).map(fill).collect();
        for other in others {
            assert_eq!(other.join().unwrap(), SIZE);
        }
    });
    drop(go_on);
    assert_eq!(sum.recv(), Ok(SIZE + 1));
}
