//! Scopes: goroutines that borrow have ended before the scope returns, whatever panics, exits or is
//! dropped.

mod support;

use gort::{
    runtime::{blocking, goexit},
    scope, sleep, spawn,
    sync::{Mutex, WaitGroup},
    yield_now,
};
use std::{
    any::Any,
    panic::{self, AssertUnwindSafe},
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread,
    time::Duration,
};
use support::{message, silence};

/// What `f` panics with.
#[track_caller]
fn panic_of<T>(f: impl FnOnce() -> T) -> Box<dyn Any + Send> {
    match panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload,
    }
}

#[test]
fn scoped_goroutines_borrow_and_change_what_is_outside() {
    support::each_and_explored(None, || {
        let mut numbers = vec![0_usize; 1000];
        let text = String::from("shared");
        let lengths = AtomicUsize::new(0);
        scope(|s| {
            for chunk in numbers.chunks_mut(10) {
                let (text, lengths) = (&text, &lengths);
                s.spawn(move || {
                    for number in chunk {
                        *number += text.len();
                        yield_now();
                    }
                    lengths.fetch_add(1, SeqCst);
                });
            }
        });
        assert!(numbers.iter().all(|n| *n == 6));
        assert_eq!(lengths.into_inner(), 100);
    });
}

#[test]
fn a_scope_returns_what_its_closure_returns() {
    support::each_and_explored(None, || {
        assert_eq!(scope(|_| 5), 5);
        let list = [1, 2, 3];
        let sum = scope(|s| {
            let first = s.spawn(|| list[0]);
            let rest = s.spawn(|| &list[1..]);
            first.join().unwrap() + rest.join().unwrap().iter().sum::<i32>()
        });
        assert_eq!(sum, 6);
    });
}

#[test]
fn a_scope_waits_for_those_whose_handles_were_dropped() {
    support::each_and_explored(None, || {
        for i in 0..200 {
            let ended = AtomicUsize::new(0);
            scope(|s| {
                for k in 0..5 {
                    drop(s.spawn(|| {
                        if i % 10 == 0 {
                            sleep(Duration::from_micros(200));
                        }
                        ended.fetch_add(1, SeqCst);
                    }));
                    if k == i % 5 {
                        yield_now();
                    }
                }
            });
            assert_eq!(ended.into_inner(), 5);
        }
    });
}

#[test]
fn scopes_nest_a_thousand_deep() {
    fn nest(depth: u32, seen: &AtomicUsize) -> u32 {
        if depth == 0 {
            return 0;
        }
        let below = scope(|s| s.spawn(|| nest(depth - 1, seen)).join().unwrap());
        seen.fetch_add(1, SeqCst);
        below + 1
    }
    support::each_and_explored(None, || {
        let seen = AtomicUsize::new(0);
        assert_eq!(nest(1000, &seen), 1000);
        assert_eq!(seen.into_inner(), 1000);
    });
}

#[test]
fn scoped_goroutines_spawn_into_their_scope() {
    support::each_and_explored(None, || {
        let count = AtomicUsize::new(0);
        scope(|s| {
            for _ in 0..50 {
                s.spawn(|| {
                    s.spawn(|| {
                        s.spawn(|| count.fetch_add(1, SeqCst));
                        count.fetch_add(1, SeqCst);
                    });
                    count.fetch_add(1, SeqCst);
                });
            }
        });
        assert_eq!(count.into_inner(), 150);
    });
}

#[test]
fn a_panic_in_the_closure_waits_for_all_and_goes_on() {
    silence();
    support::each_and_explored(None, || {
        let ended = AtomicUsize::new(0);
        let payload = panic_of(|| {
            scope(|s| {
                for _ in 0..10 {
                    s.spawn(|| {
                        sleep(Duration::from_millis(5));
                        ended.fetch_add(1, SeqCst);
                    });
                }
                panic!("deliberate: in the closure");
            })
        });
        assert_eq!(message(&*payload), "deliberate: in the closure");
        assert_eq!(ended.into_inner(), 10);
    });
}

#[test]
fn a_panic_that_nobody_joined_is_the_scope_s() {
    support::each_and_explored(None, || {
        let ended = AtomicUsize::new(0);
        let payload = panic_of(|| {
            scope(|s| {
                s.spawn(|| panic::resume_unwind(Box::new(1)));
                s.spawn(|| {
                    sleep(Duration::from_millis(1));
                    ended.fetch_add(1, SeqCst);
                });
                7
            })
        });
        assert_eq!(message(&*payload), "a scoped goroutine panicked");
        assert_eq!(ended.into_inner(), 1);
    });
}

#[test]
fn a_panic_that_was_joined_is_not_the_scope_s() {
    support::each_and_explored(None, || {
        let value = scope(|s| {
            let handle = s.spawn(|| panic::resume_unwind(Box::new(9)));
            let payload: Box<dyn Any + Send> = handle.join().unwrap_err();
            assert_eq!(payload.downcast_ref(), Some(&9));
            5
        });
        assert_eq!(value, 5);
    });
}

#[test]
fn a_goexit_is_no_panic() {
    support::each_and_explored(None, || {
        scope(|s| {
            s.spawn(|| goexit());
            let told: Box<dyn Any + Send> = s.spawn(|| goexit()).join().unwrap_err();
            assert!(message(&*told).contains("goexit"));
        });
        // Out of the closure, past those that run.
        let ended = WaitGroup::new();
        ended.add(1);
        let theirs = ended.clone();
        let exits = spawn(move || {
            scope(|s| {
                s.spawn(|| {
                    sleep(Duration::from_millis(2));
                    theirs.done();
                });
                goexit()
            })
        });
        let told: Box<dyn Any + Send> = exits.join().unwrap_err();
        assert!(message(&*told).contains("goexit"));
        ended.wait();
    });
}

/// An output that borrows, and looks at what it borrows when it is dropped.
struct Looks<'a> {
    at: &'a Mutex<Vec<u32>>,
    number: u32,
}

impl Drop for Looks<'_> {
    fn drop(&mut self) {
        yield_now();
        self.at.lock().push(self.number);
    }
}

#[test]
fn outputs_that_borrow_are_dropped_within_the_scope() {
    support::each_and_explored(None, || {
        for _ in 0..100 {
            let log = Mutex::new(Vec::new());
            scope(|s| {
                let at = &log;
                drop(s.spawn(move || Looks { at, number: 1 }));
                let kept = s.spawn(move || Looks { at, number: 2 });
                drop(s.spawn(move || {
                    yield_now();
                    Looks { at, number: 3 }
                }));
                while !kept.is_finished() {
                    yield_now();
                }
                drop(kept);
                s.spawn(move || Looks { at, number: 4 }).join().unwrap();
                let _leaked = std::mem::ManuallyDrop::new(s.spawn(|| ()));
            });
            let mut log = log.into_inner();
            log.sort_unstable();
            assert_eq!(log, [1, 2, 3, 4]);
        }
    });
}

#[test]
fn an_output_whose_drop_panics_does_no_harm() {
    silence();
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("deliberate: in the drop of an output");
        }
    }
    support::each_and_explored(None, || {
        scope(|s| {
            drop(s.spawn(|| Bomb));
            let kept = s.spawn(|| Bomb);
            yield_now();
            drop(kept);
        });
    });
}

/// The captures of a goroutine are gone when the scope ends, not only its call.
#[test]
fn captures_are_dropped_within_the_scope() {
    support::each_and_explored(None, || {
        for _ in 0..100 {
            let log = Mutex::new(Vec::new());
            scope(|s| {
                for number in 0..5 {
                    let looks = Looks { at: &log, number };
                    s.spawn(move || {
                        let _whole = &looks;
                        if number % 2 == 0 {
                            goexit();
                        }
                    });
                }
            });
            assert_eq!(log.into_inner().len(), 5);
        }
    });
}

#[test]
fn handles_are_joined_in_other_goroutines_of_the_scope() {
    support::each_and_explored(None, || {
        let base = 40;
        let sum = scope(|s| {
            let first = s.spawn(|| base + 1);
            let second = s.spawn(|| first.join().unwrap() + 1);
            second.join().unwrap()
        });
        assert_eq!(sum, 42);
    });
}

#[test]
fn a_scope_on_a_thread_waits_for_goroutines() {
    support::beside(&[2], |_| {
        for i in 0..500 {
            let mut number = i;
            scope(|s| {
                s.spawn(|| {
                    if i % 7 == 0 {
                        yield_now();
                    }
                    number += 1;
                });
            });
            assert_eq!(number, i + 1);
        }
    });
}

#[test]
fn scopes_of_goroutines_and_threads_mix() {
    support::each_and_explored(None, || {
        let total = AtomicUsize::new(0);
        scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    blocking(|| {
                        thread::scope(|threads| {
                            threads.spawn(|| {
                                // On a plain thread: the default runtime.
                                scope(|inner| {
                                    inner.spawn(|| total.fetch_add(1, SeqCst));
                                });
                            });
                        });
                    });
                });
            }
        });
        assert_eq!(total.into_inner(), 4);
    });
}
