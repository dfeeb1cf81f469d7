//! Suites of one text that runs three ways: on plain threads, in goroutines, and half and half.
//!
//! A suite starts its parties with [`spawn`], and waits with gort's `sleep`, `yield_now` and locks,
//! which work on both.

use std::{any::Any, cell::Cell, thread};

/// What the parties of a test are.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Threads,
    Goroutines,
    /// The next one is a thread, or it is not.
    Mixed(bool),
}

gort::go_local! {
    static KIND: Cell<Kind> = Cell::new(Kind::Threads);
}

/// A started party.
pub(crate) enum Party<T> {
    Thread(thread::JoinHandle<T>),
    Goroutine(gort::JoinHandle<T>),
}

impl<T> Party<T> {
    pub(crate) fn join(self) -> Result<T, Box<dyn Any + Send>> {
        match self {
            // From a goroutine: joining a thread would block the worker.
            Self::Thread(handle) => {
                while !handle.is_finished() {
                    gort::sleep(std::time::Duration::from_micros(50));
                }
                handle.join()
            }
            Self::Goroutine(handle) => handle.join(),
        }
    }

    pub(crate) fn is_finished(&self) -> bool {
        match self {
            Self::Thread(handle) => handle.is_finished(),
            Self::Goroutine(handle) => handle.is_finished(),
        }
    }
}

/// Starts a party of the kind that this test runs with.
pub(crate) fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Party<T> {
    let kind = KIND.with(Cell::get);
    let is_thread = match kind {
        Kind::Threads => true,
        Kind::Goroutines => false,
        Kind::Mixed(is_thread) => {
            KIND.with(|kind| kind.set(Kind::Mixed(!is_thread)));
            is_thread
        }
    };
    if is_thread {
        Party::Thread(thread::spawn(f))
    } else {
        Party::Goroutine(gort::spawn(move || {
            KIND.with(|own| own.set(kind));
            f()
        }))
    }
}

/// From now on the caller's parties are goroutines.
pub(crate) fn goroutines_here() {
    KIND.with(|kind| kind.set(Kind::Goroutines));
}

/// Runs a test with plain threads.
#[track_caller]
pub(crate) fn on_threads(test: impl Fn() + Sync) {
    test();
}

/// Runs a test in goroutines, under each number of workers.
#[track_caller]
pub(crate) fn in_goroutines(test: impl Fn() + Sync) {
    super::each(|_| {
        KIND.with(|kind| kind.set(Kind::Goroutines));
        test();
    });
}

/// Runs a test in a goroutine, with every other party a plain thread.
#[track_caller]
pub(crate) fn mixed(test: impl Fn() + Sync) {
    super::under(&[1, 2], |_| {
        KIND.with(|kind| kind.set(Kind::Mixed(true)));
        test();
    });
}

/// Runs a test in goroutines, under so many schedules that seeds choose.
#[track_caller]
pub(crate) fn under_schedules(test: fn(), count: Option<u64>) {
    super::explored(count, move || {
        goroutines_here();
        test();
    });
}

/// Makes tests of functions: each on threads, in goroutines, and mixed.
macro_rules! three_ways {
    ($($test:ident,)+) => {
        mod on_threads {
            $(#[test] fn $test() { crate::support::party::on_threads(super::$test) })+
        }
        mod in_goroutines {
            $(#[test] fn $test() { crate::support::party::in_goroutines(super::$test) })+
        }
        mod mixed {
            $(#[test] fn $test() { crate::support::party::mixed(super::$test) })+
        }
    };
}
pub(crate) use three_ways;

/// Makes tests of functions: each under schedules that seeds choose, a few dozen unless another
/// number stands there. For those that do not ask the real clock.
macro_rules! explored {
    ($($test:ident $(= $count:literal)?,)+) => {
        mod explored {
            $(#[test] fn $test() {
                let count = None $(.or(Some($count)))?;
                crate::support::party::under_schedules(super::$test, count)
            })+
        }
    };
}
pub(crate) use explored;
