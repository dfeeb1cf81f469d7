//! Panics: each ends its own goroutine, reaches whoever joins, and leaves every other one and every
//! lock as they were.

mod support;

use gort::{
    JoinHandle, go_local,
    runtime::{blocking, forbid_yield, goexit, on_big_stack},
    sleep, spawn,
    sync::{Mutex, Semaphore, WaitGroup},
    yield_now,
};
use std::{
    any::Any,
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use support::{message, silence};

/// The payload of a goroutine that must not return.
#[track_caller]
fn payload_of<T>(handle: JoinHandle<T>) -> Box<dyn Any + Send> {
    match handle.join() {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload,
    }
}

/// Does something when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_panic_ends_its_goroutine_and_no_other() {
    silence();
    support::each(|runtime| {
        let handles: Vec<_> = (0..1000)
            .map(|i| {
                spawn(move || {
                    yield_now();
                    assert!(i % 2 == 0, "deliberate: {i}");
                    i
                })
            })
            .collect();
        for (i, handle) in handles.into_iter().enumerate() {
            match handle.join() {
                Ok(value) => assert_eq!((value, i % 2), (i, 0)),
                Err(payload) => assert_eq!(message(&*payload), format!("deliberate: {i}")),
            }
        }
        assert_eq!(runtime.num_goroutines(), 1);
    });
}

#[test]
fn a_hundred_thousand_goroutines_panic_at_once() {
    silence();
    support::under(&[2], |_| {
        let (gate, drops) = (WaitGroup::new(), Arc::new(AtomicUsize::new(0)));
        gate.add(1);
        let handles: Vec<_> = (0..100_000)
            .map(|i| {
                let (gate, drops) = (gate.clone(), Arc::clone(&drops));
                spawn(move || {
                    let _counts = OnDrop(|| _ = drops.fetch_add(1, SeqCst));
                    if i % 100 == 0 {
                        gate.wait();
                    }
                    panic!("deliberate: one of many");
                })
            })
            .collect();
        gate.done();
        for handle in handles {
            let payload: Box<dyn Any + Send> = handle.join().unwrap_err();
            assert_eq!(message(&*payload), "deliberate: one of many");
        }
        assert_eq!(drops.load(SeqCst), 100_000);
    });
}

/// What destructors may do while a panic unwinds their goroutine: everything that parks.
fn unwind_and_park(n: usize, std_lock: &Arc<std::sync::Mutex<usize>>) -> JoinHandle<()> {
    let std_lock = Arc::clone(std_lock);
    spawn(move || {
        let lock = Arc::new(Mutex::new(0));
        let semaphore = Arc::new(Semaphore::new(0));
        let _parks = OnDrop(|| {
            sleep(Duration::from_micros(100 + (n as u64 % 7) * 50));
            let theirs = Arc::clone(&semaphore);
            let helper = spawn(move || theirs.add_permits(1));
            semaphore.acquire(1).forget();
            helper.join().unwrap();
            *lock.lock() += 1;
            yield_now();
            *std_lock.lock().unwrap() += 1;
            assert_eq!(blocking(|| n), n);
            // Another's panic, joined while this one unwinds.
            let other = spawn(|| panic!("deliberate: another"));
            assert!(other.join().is_err());
            // And one of its own, caught.
            let caught = catch_unwind(|| {
                yield_now();
                panic!("deliberate: within a drop");
            });
            assert!(caught.is_err());
            on_big_stack(256 << 10, yield_now);
        });
        panic!("deliberate: {n}");
    })
}

fn park_while_unwinding(count: usize) {
    let std_lock = Arc::new(std::sync::Mutex::new(0));
    let unwinding: Vec<_> = (0..count).map(|n| unwind_and_park(n, &std_lock)).collect();
    // Others go about their business on the same workers.
    let others: Vec<_> = (0..100)
        .map(|_| {
            let std_lock = Arc::clone(&std_lock);
            spawn(move || {
                for _ in 0..20 {
                    *std_lock.lock().expect("never poisoned") += 1;
                    yield_now();
                }
            })
        })
        .collect();
    for (n, handle) in unwinding.into_iter().enumerate() {
        assert_eq!(message(&*payload_of(handle)), format!("deliberate: {n}"));
    }
    others.into_iter().for_each(|o| o.join().unwrap());
    assert_eq!(*std_lock.lock().unwrap(), count + 2000);
    assert!(!std::thread::panicking(), "a worker thinks it panics");
}

#[test]
fn a_drop_may_park_while_its_goroutine_unwinds() {
    silence();
    support::each(|_| park_while_unwinding(10));
}

#[test]
fn a_thousand_goroutines_unwind_and_park_at_once() {
    silence();
    support::under(&[1, 2, 3], |_| park_while_unwinding(1000));
}

/// The thread counts its panics, so a goroutine that unwinds must find the same one after each
/// park.
#[test]
fn goroutines_that_unwind_keep_their_thread() {
    silence();
    support::under(&[2, 3, 8], |_| {
        let handles: Vec<_> = (0..1000)
            .map(|n| {
                spawn(move || {
                    let _parks = OnDrop(|| {
                        let before = here();
                        for _ in 0..20 {
                            yield_now();
                            sleep(Duration::from_micros(10));
                        }
                        assert_eq!(before, here());
                    });
                    panic!("deliberate: {n}");
                })
            })
            .collect();
        for (n, handle) in handles.into_iter().enumerate() {
            assert_eq!(message(&*payload_of(handle)), format!("deliberate: {n}"));
        }
        // No thread is left with a panic on its account.
        let counted: Vec<_> = (0..100).map(|_| spawn(std::thread::panicking)).collect();
        assert!(counted.into_iter().all(|h| !h.join().unwrap()));
    });

    #[inline(never)]
    fn here() -> std::thread::ThreadId {
        std::thread::current().id()
    }
}

#[test]
fn locks_are_released_by_a_panic_and_not_poisoned() {
    silence();
    support::each(|_| {
        let lock = Arc::new(Mutex::new(0));
        let handles: Vec<_> = (0..200)
            .map(|_| {
                let lock = Arc::clone(&lock);
                spawn(move || {
                    let mut guard = lock.lock();
                    *guard += 1;
                    yield_now();
                    panic!("deliberate: with a guard");
                })
            })
            .collect();
        for handle in handles {
            assert!(handle.join().is_err());
        }
        assert_eq!(*lock.lock(), 200);
    });
}

#[test]
fn a_panic_in_the_drop_of_an_output_stays_there() {
    silence();
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            yield_now();
            panic!("deliberate: in a drop");
        }
    }
    support::each(|_| {
        for _ in 0..50 {
            // Dropped by the goroutine, since nobody wants it.
            drop(spawn(|| Bomb));
            // Dropped with the handle.
            let handle = spawn(|| Bomb);
            while !handle.is_finished() {
                yield_now();
            }
            drop(handle);
            // Or wherever: these two ends race.
            let handle = spawn(|| Bomb);
            yield_now();
            drop(handle);
            // As the payload of a panic.
            drop(spawn(|| panic::resume_unwind(Box::new(Bomb))));
        }
    });
}

#[test]
fn a_panic_in_the_drop_of_a_goroutine_local_stays_there() {
    silence();
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("deliberate: in the drop of a local");
        }
    }
    go_local! {
        static FIRST: Bomb = Bomb;
        static SECOND: Bomb = Bomb;
    }
    support::each(|_| {
        for _ in 0..50 {
            let handle = spawn(|| {
                FIRST.with(|_| ());
                SECOND.with(|_| ());
                5
            });
            assert_eq!(handle.join().unwrap(), 5);
        }
    });
}

#[test]
fn a_park_under_forbid_yield_panics_and_the_guard_ends_it() {
    silence();
    fn parks() -> Vec<(&'static str, fn())> {
        vec![
            ("yield", yield_now),
            ("sleep", || sleep(Duration::from_millis(1))),
            ("lock", || Semaphore::new(0).acquire(1).forget()),
            ("blocking", || blocking(|| ())),
        ]
    }
    let quiet = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !message(info.payload()).contains("forbid_yield") {
            quiet(info);
        }
    }));
    support::each(|runtime| {
        for (name, park) in parks() {
            let handle = spawn(move || {
                let outer = forbid_yield();
                drop(forbid_yield());
                // Something else is ready, so that a yield is one.
                drop(spawn(|| ()));
                let caught = catch_unwind(AssertUnwindSafe(park));
                drop(outer);
                yield_now();
                sleep(Duration::from_micros(10));
                caught.expect_err(name)
            });
            let payload = handle.join().unwrap();
            assert!(message(&*payload).contains("forbid_yield"), "{name}");
        }
        // What does not park is allowed.
        let fine = spawn(|| {
            let _guard = forbid_yield();
            *Mutex::new(1).lock()
                + on_big_stack(1 << 20, || 1)
                + usize::from(spawn(|| ()).is_finished())
        });
        assert!(fine.join().unwrap() >= 2);
        // Nor may `run` leave while its closure, which may borrow, is under way.
        let ran = AtomicUsize::new(0);
        let guard = forbid_yield();
        let run = catch_unwind(AssertUnwindSafe(|| {
            runtime.run(|| {
                sleep(Duration::from_millis(2));
                ran.fetch_add(1, SeqCst);
            });
        }));
        drop(guard);
        assert!(run.is_err());
        sleep(Duration::from_millis(5));
        assert_eq!(ran.load(SeqCst), 0);
        // A guard that is forgotten ends with its goroutine.
        spawn(|| std::mem::forget(forbid_yield())).join().unwrap();
        spawn(yield_now).join().unwrap();
    });
}

#[test]
fn goexit_runs_destructors_and_can_be_caught_as_any_unwinding() {
    support::each(|_| {
        let drops = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&drops);
        let handle = spawn(move || {
            let _counts = OnDrop(|| {
                yield_now();
                theirs.fetch_add(1, SeqCst);
            });
            on_big_stack(1 << 20, || {
                let _inner = OnDrop(|| _ = theirs.fetch_add(1, SeqCst));
                goexit();
            })
        });
        assert!(message(&*payload_of(handle)).contains("goexit"));
        assert_eq!(drops.load(SeqCst), 2);

        // Through a catch_unwind that passes it on.
        let passed = spawn(|| {
            let Err(payload) = catch_unwind(|| goexit());
            yield_now();
            panic::resume_unwind(payload);
        });
        assert!(message(&*payload_of(passed)).contains("goexit"));
        // One that does not: the goroutine goes on.
        let kept = spawn(|| {
            assert!(catch_unwind(|| goexit()).is_err());
            yield_now();
            3
        });
        assert_eq!(kept.join().unwrap(), 3);
    });
}

#[test]
fn panics_cross_every_call_that_moves_the_closure() {
    silence();
    support::each(|_| {
        let here = spawn(|| -> () { on_big_stack(2 << 20, || panic!("deliberate: big stack")) });
        assert_eq!(message(&*payload_of(here)), "deliberate: big stack");
        let there = spawn(|| -> () { blocking(|| panic!("deliberate: blocking")) });
        assert_eq!(message(&*payload_of(there)), "deliberate: blocking");
        let future = spawn(|| gort::runtime::block_on(async { panic!("deliberate: future") }));
        let payload: Box<dyn Any + Send> = future.join().unwrap_err();
        assert_eq!(message(&*payload), "deliberate: future");
    });
    support::beside(&[1], |runtime| {
        let ran = catch_unwind(AssertUnwindSafe(|| {
            runtime.run(|| panic!("deliberate: run"))
        }));
        let payload: Box<dyn Any + Send> = ran.unwrap_err();
        assert_eq!(message(&*payload), "deliberate: run");
        assert_eq!(runtime.run(|| 1), 1);
    });
}

/// A guard that ends in another goroutine than its maker: the maker stays bound, the other one's
/// own promises hold.
#[test]
fn a_guard_dropped_elsewhere_frees_nobody() {
    support::each(|_| {
        let maker = spawn(|| {
            let guard = forbid_yield();
            let other = gort::spawn_local(move || {
                let own = forbid_yield();
                drop(guard);
                let refused = catch_unwind(yield_now).is_err();
                drop(own);
                // Not below zero: neither bound nor freed.
                yield_now();
                refused
            });
            (catch_unwind(yield_now).is_err(), other)
        });
        let (refused, other) = maker.join().unwrap();
        assert!(refused);
        assert!(other.join().unwrap());
    });
}
