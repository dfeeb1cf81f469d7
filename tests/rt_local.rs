//! Goroutine-local values: one for each goroutine, made on first use, dropped at its end, newest
//! first; and on plain threads.

mod support;

use gort::{
    go_local,
    runtime::{blocking, goexit, on_big_stack},
    sleep, spawn,
    sync::Mutex,
    yield_now,
};
use std::{
    cell::{Cell, RefCell},
    panic,
    sync::atomic::{AtomicIsize, AtomicUsize, Ordering::SeqCst},
    thread,
    time::Duration,
};

go_local! {
    /// Attributes and visibility are passed on.
    pub(crate) static NUMBER: Cell<u64> = Cell::new(7);
    static TEXT: RefCell<String> = RefCell::new(String::new());
}

#[test]
fn each_goroutine_has_its_own_and_keeps_it_over_parks() {
    support::each(|_| {
        let handles: Vec<_> = (0..1000)
            .map(|i| {
                spawn(move || {
                    assert_eq!(NUMBER.with(Cell::get), 7);
                    NUMBER.with(|n| n.set(i));
                    TEXT.with(|t| t.borrow_mut().push_str(&i.to_string()));
                    yield_now();
                    sleep(Duration::from_micros(i % 50));
                    on_big_stack(1 << 20, || {
                        yield_now();
                        assert_eq!(NUMBER.with(Cell::get), i);
                    });
                    TEXT.with(|t| assert_eq!(*t.borrow(), i.to_string()));
                    NUMBER.with(Cell::get)
                })
            })
            .collect();
        for (i, handle) in (0..).zip(handles) {
            assert_eq!(handle.join().unwrap(), i);
        }
    });
}

#[test]
fn a_call_with_the_value_may_park_and_use_it_again() {
    support::each(|_| {
        let handles: Vec<_> = (0..50)
            .map(|i| {
                spawn(move || {
                    NUMBER.with(|outer| {
                        outer.set(i);
                        yield_now();
                        // The first use of another key, while this value is in use.
                        TEXT.with(|text| {
                            text.borrow_mut().push('x');
                            sleep(Duration::from_micros(20));
                            NUMBER.with(|inner| inner.set(inner.get() + 1));
                        });
                        outer.get()
                    })
                })
            })
            .collect();
        for (i, handle) in (0..).zip(handles) {
            assert_eq!(handle.join().unwrap(), i + 1);
        }
    });
}

#[test]
fn many_keys_stay_where_they_are() {
    macro_rules! keys {
        ($($key:ident)+) => {
            go_local! { $(static $key: Cell<usize> = Cell::new(0);)+ }
            fn addresses() -> Vec<usize> {
                vec![$($key.with(|c| std::ptr::from_ref(c) as usize)),+]
            }
        };
    }
    keys! { A B C D E F G H I J K L M N O P Q R }
    support::under(&[1, 2], |_| {
        spawn(|| {
            let first = addresses();
            assert_eq!(first, addresses());
            yield_now();
            assert_eq!(first, addresses());
        })
        .join()
        .unwrap();
    });
}

static ORDER: Mutex<Vec<(u64, u32)>> = Mutex::new(Vec::new());

/// Notes, when it is dropped, which one of which goroutine it was.
struct Notes(u32);

impl Drop for Notes {
    fn drop(&mut self) {
        yield_now();
        if let Some(goroutine) = gort::runtime::try_current() {
            ORDER.lock().push((goroutine.id().as_u64(), self.0));
        }
    }
}

#[test]
fn values_are_dropped_in_their_goroutine_newest_first_however_it_ends() {
    go_local! {
        static ONE: Notes = Notes(1);
        static TWO: Notes = Notes(2);
        static THREE: Notes = Notes(3);
    }
    fn touch() {
        TWO.with(|_| ());
        ONE.with(|_| ());
        THREE.with(|_| ());
    }
    support::each(|_| {
        for ending in 0..3 {
            let handle = spawn(move || {
                touch();
                match ending {
                    0 => (),
                    1 => goexit(),
                    _ => panic::resume_unwind(Box::new(())),
                }
            });
            let id = handle.goroutine().id().as_u64();
            let _ = handle.join();
            let order = ORDER.lock();
            let of_this: Vec<_> = order.iter().filter(|n| n.0 == id).map(|n| n.1).collect();
            assert_eq!(of_this, [3, 1, 2]);
        }
    });
}

static LIVE: AtomicIsize = AtomicIsize::new(0);

struct Counted;

impl Counted {
    fn new() -> Self {
        LIVE.fetch_add(1, SeqCst);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, SeqCst);
    }
}

/// A destructor may use other values, also ones that it makes.
#[test]
fn destructors_may_use_and_make_values() {
    struct Uses;
    impl Drop for Uses {
        fn drop(&mut self) {
            LATE.with(|_| ());
            NUMBER.with(|n| n.set(1));
        }
    }
    go_local! {
        static USES: Uses = Uses;
        static LATE: Counted = Counted::new();
    }
    support::each(|_| {
        for _ in 0..100 {
            spawn(|| USES.with(|_| ())).join().unwrap();
        }
        assert_eq!(LIVE.load(SeqCst), 0);
    });
}

#[test]
fn an_initialiser_that_panics_makes_no_value() {
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    fn second_time_lucky() -> u32 {
        if TRIES.fetch_add(1, SeqCst) & 1 == 0 {
            panic::resume_unwind(Box::new(()));
        }
        5
    }
    go_local! {
        static LUCKY: u32 = second_time_lucky();
        // One that parks, and one that uses another.
        static PARKS: u32 = { yield_now(); NUMBER.with(|_| 3) };
    }
    support::each(|_| {
        let handle = spawn(|| {
            assert!(panic::catch_unwind(|| LUCKY.with(|_| ())).is_err());
            PARKS.with(|p| LUCKY.with(|l| l + p))
        });
        assert_eq!(handle.join().unwrap(), 8);
    });
}

#[test]
fn on_a_plain_thread_they_are_thread_local() {
    go_local! {
        static VALUE: Cell<u32> = Cell::new(0);
    }
    support::each(|_| {
        let handle = spawn(|| {
            VALUE.with(|v| v.set(1));
            // Another thread, so another value.
            let there = blocking(|| VALUE.with(|v| v.replace(2)));
            assert_ne!(there, 1);
            VALUE.with(Cell::get)
        });
        assert_eq!(handle.join().unwrap(), 1);
    });
    let of_threads: Vec<_> = (0..4)
        .map(|i| {
            thread::spawn(move || {
                let before = VALUE.with(|v| v.replace(i));
                (before, VALUE.with(Cell::get))
            })
        })
        .collect();
    for (i, thread) in (0..).zip(of_threads) {
        assert_eq!(thread.join().unwrap(), (0, i));
    }
}

#[test]
fn a_thread_drops_its_values_when_it_ends() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Tells;
    impl Drop for Tells {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, SeqCst);
        }
    }
    go_local! {
        static TELLS: Tells = Tells;
    }
    thread::spawn(|| TELLS.with(|_| ())).join().unwrap();
    assert_eq!(DROPPED.load(SeqCst), 1);
}

/// Also when the thread drops its values: the newest first, and those that a destructor asks for
/// are made for it.
#[test]
fn destructors_on_a_plain_thread_may_use_and_make_values() {
    static ORDER: AtomicUsize = AtomicUsize::new(0);
    struct Uses(usize);
    impl Drop for Uses {
        fn drop(&mut self) {
            NUMBER.with(|n| assert_eq!(n.replace(1), 7));
            MADE.with(|_| ());
            assert_eq!(ORDER.swap(self.0, SeqCst), self.0 + 1);
        }
    }
    struct Made;
    static LIVE_MADE: AtomicIsize = AtomicIsize::new(0);
    impl Drop for Made {
        fn drop(&mut self) {
            LIVE_MADE.fetch_sub(1, SeqCst);
        }
    }
    go_local! {
        static FIRST: Uses = Uses(1);
        static SECOND: Uses = Uses(2);
        static MADE: Made = { LIVE_MADE.fetch_add(1, SeqCst); Made };
    }
    ORDER.store(3, SeqCst);
    thread::spawn(|| FIRST.with(|_| SECOND.with(|_| ())))
        .join()
        .unwrap();
    assert_eq!(ORDER.load(SeqCst), 1);
    assert_eq!(LIVE_MADE.load(SeqCst), 0);
}

/// What nobody has asked for is dropped as part of its goroutine, after the goroutine's values: its
/// destructor makes new ones.
#[test]
fn values_that_the_drop_of_an_output_makes_are_dropped() {
    struct Output;
    impl Drop for Output {
        fn drop(&mut self) {
            KEPT.with(|_| ());
            DROPS.fetch_add(1, SeqCst);
        }
    }
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    static KEPT_NOW: AtomicIsize = AtomicIsize::new(0);
    struct Kept;
    impl Drop for Kept {
        fn drop(&mut self) {
            KEPT_NOW.fetch_sub(1, SeqCst);
        }
    }
    go_local! {
        static KEPT: Kept = { KEPT_NOW.fetch_add(1, SeqCst); Kept };
    }
    support::each(|_| {
        DROPS.store(0, SeqCst);
        // Detached before they start, and while they run or after.
        for i in 0..1000 {
            let handle = spawn(move || {
                if i % 2 == 0 {
                    yield_now();
                }
                KEPT.with(|_| ());
                Output
            });
            if i % 3 == 0 {
                yield_now();
            }
            drop(handle);
        }
        let dropped = || DROPS.load(SeqCst) == 1000;
        assert!(support::within_yielding(Duration::from_secs(30), dropped));
        // Those that this goroutine dropped made one of its own; the others end with their
        // goroutines.
        let mine = spawn(|| ());
        mine.join().unwrap();
        let left = || KEPT_NOW.load(SeqCst) <= 1;
        assert!(support::within_yielding(Duration::from_secs(30), left));
    });
    assert_eq!(KEPT_NOW.load(SeqCst), 0);
}

static REFUSED: AtomicUsize = AtomicUsize::new(0);

/// Uses a key in its destructor, and notes whether it was refused.
struct UsesKey(fn());

impl Drop for UsesKey {
    fn drop(&mut self) {
        if let Err(cause) = panic::catch_unwind(self.0) {
            assert!(support::message(&*cause).contains("go_local!"));
            REFUSED.fetch_add(1, SeqCst);
        }
    }
}

/// Also if it has to be made by another's destructor; and two that make each other come to an end.
#[test]
fn a_destructor_that_uses_its_own_key_is_refused() {
    go_local! {
        static OWN: UsesKey = {
            MADE.fetch_add(1, SeqCst);
            UsesKey(|| OWN.with(|_| ()))
        };
        static ONE: UsesKey = UsesKey(|| OTHER.with(|_| ()));
        static OTHER: UsesKey = UsesKey(|| ONE.with(|_| ()));
    }
    static MADE: AtomicUsize = AtomicUsize::new(0);
    support::silence();
    let own = || OWN.with(|_| ());
    let mutual = || ONE.with(|_| ());
    support::each(|_| {
        for body in [own, mutual] {
            REFUSED.store(0, SeqCst);
            spawn(body).join().unwrap();
            assert_eq!(REFUSED.load(SeqCst), 1);
        }
        // At once, and not after some attempts.
        assert_eq!(MADE.swap(0, SeqCst), 1);
    });
    for body in [own, mutual] {
        REFUSED.store(0, SeqCst);
        thread::spawn(body).join().unwrap();
        assert_eq!(REFUSED.load(SeqCst), 1);
    }
}

/// The panic ends in the destructor: other values are dropped still, and a thread's process goes
/// on.
#[test]
fn a_destructor_that_is_refused_keeps_no_other_from_running() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Older;
    impl Drop for Older {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, SeqCst);
        }
    }
    struct Own;
    impl Drop for Own {
        fn drop(&mut self) {
            OWN.with(|_| ());
        }
    }
    go_local! {
        static OLDER: Older = Older;
        static OWN: Own = Own;
    }
    let body = || OLDER.with(|_| OWN.with(|_| ()));
    spawn(body).join().unwrap();
    assert_eq!(DROPPED.load(SeqCst), 1);
    thread::spawn(body).join().unwrap();
    assert_eq!(DROPPED.load(SeqCst), 2);
}
