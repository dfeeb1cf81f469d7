//! Joining: every result reaches its joiner once, from goroutines and threads, however the two ends
//! race.

mod support;

use gort::{Builder, JoinHandle, go, runtime::goexit, sleep, spawn, sync::WaitGroup, yield_now};
use std::{
    panic,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};
use support::Random;

#[test]
fn what_a_goroutine_returns_reaches_its_joiner() {
    support::each(|_| {
        let handles: Vec<_> = (0..1000_u64).map(|i| go!(move || i * i)).collect();
        for (i, handle) in (0..).zip(handles) {
            assert_eq!(handle.join().unwrap(), i * i);
        }
        let text = go!(|| vec![String::from("a"), String::from("b")]);
        assert_eq!(text.join().unwrap(), ["a", "b"]);
        assert_eq!(go!(|| Err::<(), _>(5)).join().unwrap(), Err(5));
    });
}

#[test]
fn join_works_whichever_side_is_first() {
    support::each(|_| {
        let mut random = Random::new(1);
        for _ in 0..2000 {
            let (before, after) = (random.below(20), random.below(20));
            let handle = spawn(move || {
                for _ in 0..before {
                    yield_now();
                }
                before
            });
            for _ in 0..after {
                yield_now();
            }
            assert_eq!(handle.join().unwrap(), before);
        }
    });
}

/// The race of a handle's drop with the goroutine's end, and with what it returns.
#[test]
fn a_handle_may_be_dropped_at_any_moment() {
    struct Output(Arc<AtomicUsize>);
    impl Drop for Output {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    support::each(|_| {
        let drops = Arc::new(AtomicUsize::new(0));
        let mut random = Random::new(2);
        for _ in 0..3000 {
            let output = Output(Arc::clone(&drops));
            let (theirs, ours) = (random.below(300), random.below(300));
            let handle = spawn(move || {
                spin(theirs);
                output
            });
            if random.below(4) == 0 {
                yield_now();
            }
            spin(ours);
            drop(handle);
        }
        let all = || drops.load(SeqCst) == 3000;
        assert!(support::within_yielding(Duration::from_secs(10), all));
    });
}

fn spin(times: u64) {
    for _ in 0..times {
        std::hint::spin_loop();
    }
}

#[test]
fn a_handle_may_be_joined_by_another_goroutine_or_a_thread() {
    support::each(|_| {
        for i in 0..100 {
            let first = spawn(move || i);
            let second = spawn(move || first.join().unwrap() + 1);
            let third = thread::spawn(move || second.join().unwrap() + 1);
            assert_eq!(gort::runtime::blocking(|| third.join().unwrap()), i + 2);
        }
    });
}

#[test]
fn threads_join_while_goroutines_run_on() {
    support::beside(support::WORKERS, |runtime| {
        thread::scope(|threads| {
            for t in 0..4_u64 {
                let spawn = move |i: u64| {
                    runtime.spawn(move || {
                        if i.is_multiple_of(3) {
                            yield_now();
                        }
                        if i.is_multiple_of(50) {
                            sleep(Duration::from_micros(100));
                        }
                        t * 1000 + i
                    })
                };
                threads.spawn(move || {
                    for i in 0..500 {
                        assert_eq!(spawn(i).join().unwrap(), t * 1000 + i);
                    }
                });
            }
        });
    });
}

#[test]
fn chains_of_joins_end() {
    fn chain(left: u32) -> u32 {
        if left == 0 {
            return 0;
        }
        1 + spawn(move || chain(left - 1)).join().unwrap()
    }
    support::each(|_| assert_eq!(chain(2000), 2000));
}

#[test]
fn a_panic_is_what_join_returns() {
    support::each(|_| {
        let with_text: JoinHandle<u8> = go!(|| panic::resume_unwind(Box::new("text")));
        let payload = with_text.join().unwrap_err();
        assert_eq!(payload.downcast_ref::<&str>(), Some(&"text"));

        let with_value = go!(|| {
            sleep(Duration::from_micros(10));
            panic::resume_unwind(Box::new(vec![1, 2]));
        });
        let payload: Box<dyn std::any::Any + Send> = with_value.join().unwrap_err();
        assert_eq!(*payload.downcast::<Vec<i32>>().unwrap(), [1, 2]);
    });
}

#[test]
fn a_goexit_is_told_by_join() {
    support::each(|_| {
        let handle = Builder::new()
            .name("leaver".to_owned())
            .spawn(|| goexit())
            .unwrap();
        let payload: Box<dyn std::any::Any + Send> = handle.join().unwrap_err();
        assert!(support::message(&*payload).contains("goexit"));
    });
}

/// The joiner may be on its way to parking when the goroutine ends; many at once make that likely.
#[test]
fn a_thousand_pairs_join_at_once() {
    support::each(|_| {
        let gate = WaitGroup::new();
        gate.add(1);
        let pairs: Vec<_> = (0..1000_usize)
            .map(|i| {
                let (for_joined, for_joiner) = (gate.clone(), gate.clone());
                let joined = spawn(move || {
                    for_joined.wait();
                    i
                });
                spawn(move || {
                    for_joiner.wait();
                    joined.join().unwrap()
                })
            })
            .collect();
        gate.done();
        for (i, pair) in pairs.into_iter().enumerate() {
            assert_eq!(pair.join().unwrap(), i);
        }
    });
}

/// A handle in a value that is dropped by the goroutine that it belongs to.
#[test]
fn a_goroutine_may_drop_its_own_handle() {
    support::each(|_| {
        for _ in 0..100 {
            let slot = Arc::new(gort::sync::Mutex::new(None::<JoinHandle<String>>));
            let theirs = Arc::clone(&slot);
            let guard = slot.lock();
            let handle = spawn(move || {
                // Waits until the handle is there, then drops it, while running.
                drop(theirs.lock().take());
                String::from("for nobody")
            });
            let mut guard = guard;
            *guard = Some(handle);
            drop(guard);
            let gone = || slot.try_lock().is_some_and(|slot| slot.is_none());
            assert!(support::within_yielding(Duration::from_secs(10), gone));
        }
    });
}

#[test]
fn local_results_need_not_be_send() {
    support::each(|_| {
        let shared = Rc::new(5);
        let theirs = Rc::clone(&shared);
        let back = gort::spawn_local(move || theirs).join().unwrap();
        assert!(Rc::ptr_eq(&back, &shared));
        let dropped = gort::spawn_local({
            let back = Rc::clone(&back);
            move || back
        });
        drop(dropped);
        let gone = || Rc::strong_count(&shared) == 2;
        assert!(support::within_yielding(Duration::from_secs(10), gone));
    });
}
