//! Tests of `Once`, `OnceCell` and `Lazy`.

use crate::sync::once::Once;
use crate::sync::once_cell::{Lazy, OnceCell};
use std::{
    panic::catch_unwind,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

#[test]
fn runs_once_and_all_wait_for_it() {
    for _ in 0..50 {
        let once = Once::new();
        let runs = AtomicUsize::new(0);
        thread::scope(|s| {
            for _ in 0..8 {
                s.spawn(|| {
                    once.call_once(|| {
                        thread::sleep(Duration::from_micros(200));
                        runs.fetch_add(1, Ordering::Relaxed);
                    });
                    assert_eq!(runs.load(Ordering::Relaxed), 1);
                    assert!(once.is_completed());
                });
            }
        });
    }
}

#[test]
fn panic_poisons_once() {
    static ONCE: Once = Once::new();
    assert!(catch_unwind(|| ONCE.call_once(|| panic!("first"))).is_err());
    assert!(!ONCE.is_completed());
    let payload = catch_unwind(|| ONCE.call_once(|| unreachable!())).unwrap_err();
    assert!(payload.downcast_ref::<&str>().unwrap().contains("poisoned"));
    ONCE.call_once_force(|state| assert!(state.is_poisoned()));
    ONCE.call_once(|| unreachable!());
}

#[test]
fn panic_wakes_those_who_wait() {
    static CELL: OnceCell<usize> = OnceCell::new();
    static TRIES: AtomicUsize = AtomicUsize::new(0);
    let callers: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(|| {
                *CELL.get_or_init(|| {
                    thread::sleep(Duration::from_millis(5));
                    let nth = TRIES.fetch_add(1, Ordering::Relaxed);
                    assert!(nth >= 2, "the first two fail");
                    nth
                })
            })
        })
        .collect();
    let results: Vec<_> = callers.into_iter().map(|c| c.join()).collect();
    assert_eq!(results.iter().filter(|r| r.is_err()).count(), 2);
    assert!(results.into_iter().flatten().all(|value| value == 2));
}

#[test]
fn cell_is_filled_by_one() {
    for _ in 0..200 {
        let cell = OnceCell::new();
        thread::scope(|s| {
            let tries: Vec<_> = (0..4)
                .map(|i| {
                    let cell = &cell;
                    s.spawn(move || cell.set(Box::new(i)).is_ok())
                })
                .collect();
            let won = tries.into_iter().map(|t| t.join().unwrap());
            assert_eq!(won.filter(|won| *won).count(), 1);
        });
        assert!(**cell.get().unwrap() < 4);
    }
}

#[test]
fn cell_shell() {
    let mut cell = OnceCell::new();
    assert_eq!(format!("{cell:?}"), "OnceCell(<uninit>)");
    assert_eq!(cell.get_mut(), None);
    assert_eq!(cell.set(String::from("a")), Ok(()));
    assert_eq!(cell.set(String::from("b")), Err(String::from("b")));
    assert_eq!(cell.clone(), cell);
    assert_eq!(format!("{cell:?}"), "OnceCell(\"a\")");
    assert_eq!(cell.take().as_deref(), Some("a"));
    assert_eq!(cell, OnceCell::default());
    assert_eq!(cell.set(String::from("c")), Ok(()));
    assert_eq!(cell.into_inner().as_deref(), Some("c"));
}

#[test]
fn lazy_is_made_once_and_poisoned_by_a_panic() {
    static GOOD: Lazy<usize> = Lazy::new(|| 7);
    assert_eq!(format!("{GOOD:?}"), "Lazy(<uninit>)");
    assert_eq!((*GOOD, *GOOD), (7, 7));
    assert_eq!(format!("{GOOD:?}"), "Lazy(7)");
    static BAD: Lazy<usize> = Lazy::new(|| panic!("never"));
    assert!(catch_unwind(|| *BAD).is_err());
    let payload = catch_unwind(|| *BAD).unwrap_err();
    assert!(payload.downcast_ref::<&str>().unwrap().contains("poisoned"));
}
