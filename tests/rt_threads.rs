//! The API from plain threads: what works there as in a goroutine, on the default runtime, and what
//! says that it does not.

mod support;

use gort::{
    Builder, go, go_local,
    runtime::{self, block_on, blocking, forbid_yield, goexit, try_current},
    scope, sleep, spawn, spawn_local,
    sync::{Mutex, RwMutex, Semaphore, WaitGroup},
    yield_now,
};
use std::{
    any::Any,
    cell::Cell,
    panic::{self, AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};
use support::{Watchdog, message};

fn watch() -> Watchdog {
    Watchdog::with(support::PATIENCE, "default runtime", runtime::dump)
}

/// The first to need the default runtime starts it; sixteen at once start one.
#[test]
fn the_default_runtime_starts_once_for_all_threads() {
    let _watchdog = watch();
    let threads: Vec<_> = (0..16)
        .map(|i| {
            thread::spawn(move || {
                let answer = go!(move || (i, runtime::workers())).join().unwrap();
                assert_eq!(answer, (i, runtime::workers()));
                assert_eq!(spawn(move || i * 2).join().unwrap(), i * 2);
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    assert!(support::threads_named("gort-worker-0") <= 1);
}

#[test]
fn threads_spawn_join_and_ask() {
    let _watchdog = watch();
    let named = Builder::new().name("from a thread".to_owned()).spawn(|| {
        let this = gort::current();
        (this.id(), this.name().map(str::to_owned))
    });
    let named = named.unwrap();
    let id = named.goroutine().id();
    assert_eq!(
        named.join().unwrap(),
        (id, Some("from a thread".to_owned()))
    );

    let gate = WaitGroup::new();
    gate.add(1);
    let waits = gate.clone();
    let handle = spawn(move || waits.wait());
    assert!(runtime::num_goroutines() >= 1);
    assert!(runtime::metrics().spawned >= 2);
    let is_parked = || runtime::dump().contains("sync.WaitGroup.wait");
    assert!(support::within(Duration::from_secs(10), is_parked));
    assert!(runtime::dump().contains("rt_threads.rs"));
    gate.done();
    handle.join().unwrap();
    assert!(runtime::workers() >= 1);
}

#[test]
fn calls_that_park_a_goroutine_wait_on_a_thread() {
    let _watchdog = watch();
    yield_now();
    runtime::yield_if_due();
    sleep(Duration::from_micros(100));
    assert_eq!(blocking(|| 3), 3);
    assert_eq!(block_on(async { 4 }), 4);
    assert_eq!(scope(|s| s.spawn(|| 5).join().unwrap()), 5);
    assert!(try_current().is_none());
}

/// What a call panics with.
#[track_caller]
fn refusal<T>(call: impl FnOnce() -> T) -> String {
    let caught: Result<T, Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(call));
    match caught {
        Ok(_) => panic!("it is not refused"),
        Err(payload) => message(&*payload).to_owned(),
    }
}

#[test]
fn what_needs_a_goroutine_says_so() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !message(info.payload()).contains("gort") {
            print(info);
        }
    }));
    assert!(refusal(gort::current).contains("runs no goroutine"));
    assert!(refusal(|| spawn_local(|| ())).contains("outside a goroutine"));
    assert!(refusal(|| goexit()).contains("runs no goroutine"));
    // The same from a thread for blocking calls: no goroutine there either.
    let inside = spawn(|| blocking(|| (try_current().is_none(), refusal(gort::current))));
    let (is_none, told) = inside.join().unwrap();
    assert!(is_none && told.contains("runs no goroutine"));
}

#[test]
fn forbid_yield_holds_for_threads_too() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !message(info.payload()).contains("forbid_yield") {
            print(info);
        }
    }));
    let _watchdog = watch();
    let semaphore = Semaphore::new(0);
    let guard = forbid_yield();
    assert!(refusal(|| semaphore.acquire(1).forget()).contains("forbid_yield"));
    assert!(refusal(|| sleep(Duration::from_millis(1))).contains("forbid_yield"));
    drop(guard);
    // The wait that was refused left nothing behind.
    let semaphore = Arc::new(semaphore);
    let theirs = Arc::clone(&semaphore);
    spawn(move || theirs.add_permits(1));
    semaphore.acquire(1).forget();
    sleep(Duration::from_micros(10));
}

#[test]
fn locals_of_a_thread_are_its_own() {
    go_local! {
        static VALUE: Cell<u8> = Cell::new(1);
    }
    VALUE.with(|v| v.set(2));
    assert_eq!(spawn(|| VALUE.with(Cell::get)).join().unwrap(), 1);
    assert_eq!(VALUE.with(Cell::get), 2);
}

/// Threads and goroutines of several runtimes meet at the same primitives.
#[test]
fn threads_and_goroutines_of_several_runtimes_share_primitives() {
    let other = support::runtime(2);
    let _watchdog = watch();
    let sum = Arc::new(Mutex::new(0));
    let table = Arc::new(RwMutex::new(vec![0; 8]));
    let turns = Arc::new(AtomicUsize::new(0));
    let group = WaitGroup::new();
    let work = |seed: usize| {
        let (sum, table) = (Arc::clone(&sum), Arc::clone(&table));
        let (turns, group) = (Arc::clone(&turns), group.clone());
        group.add(1);
        move || {
            for i in 0..500 {
                *sum.lock() += 1;
                if i % 10 == 0 {
                    table.write()[seed % 8] += 1;
                } else {
                    assert_eq!(table.read().len(), 8);
                }
                turns.fetch_add(1, SeqCst);
                if i % 100 == 0 {
                    yield_now();
                }
            }
            group.done();
        }
    };
    let threads: Vec<_> = (0..4).map(|i| thread::spawn(work(i))).collect();
    let here: Vec<_> = (0..8).map(|i| spawn(work(i))).collect();
    let there: Vec<_> = (0..8).map(|i| other.spawn(work(i))).collect();
    group.wait();
    threads.into_iter().for_each(|t| t.join().unwrap());
    here.into_iter()
        .chain(there)
        .for_each(|h| h.join().unwrap());
    assert_eq!(*sum.lock(), 20 * 500);
    assert_eq!(table.read().iter().sum::<i32>(), 20 * 50);
    assert_eq!(turns.load(SeqCst), 20 * 500);
}

/// A thread that ends at once after a wait: whoever woke it must not touch what is gone.
#[test]
fn threads_may_end_right_after_a_wait() {
    let _watchdog = watch();
    for _ in 0..500 {
        let group = WaitGroup::new();
        group.add(1);
        let waits = group.clone();
        let thread = thread::spawn(move || waits.wait());
        spawn(move || group.done());
        thread.join().unwrap();
        let joins = thread::spawn(|| spawn(|| 1).join().unwrap());
        assert_eq!(joins.join().unwrap(), 1);
    }
}
