//! Both backends keep the promises of `Futex`.

use super::*;
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

const LONG: Duration = Duration::from_secs(600);

type Wait = fn(&AtomicU32, u32, Option<Duration>);
type Wakes = [fn(&AtomicU32); 2];

/// Each backend that this build has: its `wait`, and its ways to wake one and all.
fn backends() -> Vec<(Wait, Wakes)> {
    vec![
        (
            backend::wait,
            [
                |word| backend::wake(word, backend::ONE),
                |word| backend::wake(word, backend::ALL),
            ],
        ),
        (
            table::wait,
            [
                |word| table::wake(word, table::ONE),
                |word| table::wake(word, table::ALL),
            ],
        ),
    ]
}

#[test]
fn a_word_with_another_value_is_not_slept_on() {
    for (wait, _) in backends() {
        let start = Instant::now();
        wait(&AtomicU32::new(1), 0, Some(LONG));
        wait(&AtomicU32::new(1), 0, None);
        assert!(start.elapsed() < LONG);
    }
}

#[test]
fn a_limit_ends_the_sleep() {
    for (wait, _) in backends() {
        let word = AtomicU32::new(0);
        wait(&word, 0, Some(Duration::ZERO));
        let (start, limit) = (Instant::now(), Duration::from_millis(20));
        // It may return early for no reason, but not always.
        while start.elapsed() < limit {
            wait(&word, 0, Some(limit));
        }
        assert!(start.elapsed() < LONG);
    }
}

#[test]
fn a_wake_up_ends_the_sleep() {
    for (wait, wakes) in backends() {
        for wake in wakes {
            let word = Arc::new(AtomicU32::new(0));
            let sleeper = thread::spawn({
                let word = Arc::clone(&word);
                move || {
                    // Acquire: pairs with the release below.
                    while word.load(Ordering::Acquire) == 0 {
                        wait(&word, 0, None);
                    }
                }
            });
            thread::sleep(Duration::from_millis(10));
            word.store(1, Ordering::Release);
            wake(&word);
            sleeper.join().unwrap();
        }
    }
}

#[test]
fn wake_all_wakes_every_sleeper() {
    for (wait, [_, wake_all]) in backends() {
        let word = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    // Acquire: pairs with the release below.
                    while word.load(Ordering::Acquire) == 0 {
                        wait(&word, 0, None);
                    }
                });
            }
            thread::sleep(Duration::from_millis(10));
            word.store(1, Ordering::Release);
            wake_all(&word);
        });
    }
}

/// A missed wake-up would leave one of the two asleep for ever.
#[test]
fn no_wake_up_is_missed() {
    for (wait, [wake_one, _]) in backends() {
        let word = AtomicU32::new(0);
        let play = |mine: u32| {
            for _ in 0..5_000 {
                // Acquire and Release: each pairs with the other player's.
                while word.load(Ordering::Acquire) != mine {
                    wait(&word, 1 - mine, None);
                }
                word.store(1 - mine, Ordering::Release);
                wake_one(&word);
            }
        };
        thread::scope(|scope| {
            scope.spawn(|| play(0));
            play(1);
        });
    }
}

#[test]
fn the_word_is_an_ordinary_atomic() {
    let futex = Futex::new(1);
    // Relaxed: one thread.
    let order = Ordering::Relaxed;
    assert_eq!(futex.load(order), 1);
    futex.store(4, order);
    assert_eq!(futex.load(order), 4);
    futex.wake_one();
    futex.wake_all();
    futex.wait(0, None);
    futex.wait(4, Some(Duration::from_millis(1)));
    assert_eq!(format!("{futex:?}"), "Futex(4)");
}
