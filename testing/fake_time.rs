//! Bubbles: runtimes with a fake clock. How time goes on is in `runtime/sched/bubble.rs`.

use crate::runtime::{
    dump,
    entry::system::{Builder, Runtime},
    goroutine::join::JoinHandle,
    park::{self, Unparker, WaitReason},
    sched::{
        home::current,
        scheduler::{Clock, Scheduler},
        timer::{
            advance,
            bubble::{Bubble, BubbleEnd},
        },
    },
};
use std::panic;

/// Runs `f` as the main goroutine of a runtime of its own whose clock is fake, and returns what it
/// returns. Parks the caller.
///
/// The clock starts at the present and stands still as long as any goroutine of the bubble can run.
/// When all are blocked it jumps to the next deadline: of a sleep, a timeout, a ticker. So sleeps
/// take no time, and what happens at which time is exact: a goroutine that sleeps 1 ms wakes 1 ms
/// later, to the nanosecond, and before one that sleeps 1.001 ms. The runtime has one worker;
/// [`bubble_with`] can have more.
///
/// It returns when *all* goroutines of the bubble have ended. When `f` has returned, time stands
/// still for good: wait in `f` for goroutines that sleep.
///
/// What is not in the bubble:
///
/// - **[`std::time::Instant::now`] and [`std::thread::sleep`]** go by the real clock. Everything in
///   gort that waits goes by the fake one, and [`time::now`](crate::time::now) tells it.
/// - **[`blocking`](crate::runtime::blocking) calls** run by the real clock, and hold the fake one
///   until they return. So does a bubble in the bubble.
/// - **Other threads** that send to the bubble, or release its locks, hold nothing: time jumps
///   without waiting for them. Wait for them in a `blocking` call.
///
/// As Go's `testing/synctest.Test`, but also what comes from outside of the bubble is taken for a
/// way to be blocked.
///
/// # Panics
/// With the payload of `f`'s panic. With `deadlock: all goroutines in the bubble are blocked` and a
/// dump, if no goroutine can run and no deadline is ahead (for 0.1 s by the real clock), or if such
/// are left when `f` has returned. They are given up like those of a runtime that is dropped.
///
/// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard; or if the runtime cannot be
/// started.
///
/// # Examples
/// ```
/// use gort::time;
/// use std::time::Duration;
///
/// gort::testing::bubble(|| {
///     let start = time::now();
///     let ticks = time::tick(Duration::from_secs(60));
///     for _ in 0..60 {
///         ticks.recv().unwrap();
///     }
///     assert_eq!(time::now() - start, Duration::from_secs(3600));
/// });
/// ```
#[doc(alias = "synctest")]
#[track_caller]
pub fn bubble<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    bubble_with(Builder::new().workers(1), f)
}

/// As [`bubble`], on a runtime with these settings: more workers, bigger stacks. Its deadlock
/// policy does not count.
///
/// With more than one worker goroutines run at the same time, so only what happens at different
/// times of the fake clock has an order.
///
/// # Panics
/// As [`bubble`].
///
/// # Examples
/// ```
/// use gort::{go, runtime::Builder, testing};
/// use std::time::Duration;
///
/// let both = testing::bubble_with(Builder::new().workers(2), || {
///     let other = go!(|| gort::sleep(Duration::from_secs(5)));
///     gort::sleep(Duration::from_secs(5));
///     other.join().is_ok()
/// });
/// assert!(both);
/// ```
#[track_caller]
pub fn bubble_with<F, T>(settings: Builder, f: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    bubble_by(settings, Clock::Fake, f)
}

/// A bubble by this clock.
#[track_caller]
pub(crate) fn bubble_by<F, T>(settings: Builder, clock: Clock, f: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    park::check_may_park();
    let runtime = match settings.build_with(clock) {
        Ok(runtime) => runtime,
        Err(error) => panic!("gort::testing: the bubble's runtime cannot start: {error}"),
    };
    let scheduler = runtime.scheduler();
    let _held = HeldTime::new();
    let returns = Returns(scheduler);
    let main = runtime.spawn(move || {
        let _returns = returns;
        f()
    });
    let end = wait_for_end(bubble_of(scheduler));
    conclude(runtime, main, end)
}

/// Tells the bubble that main has come to its end, however it does.
struct Returns(&'static Scheduler);

impl Drop for Returns {
    fn drop(&mut self) {
        bubble_of(self.0).main_returns();
    }
}

fn bubble_of(scheduler: &'static Scheduler) -> &'static Bubble {
    let bubble = scheduler.bubble.as_ref();
    bubble.expect("a runtime with a fake clock is a bubble")
}

fn wait_for_end(bubble: &Bubble) -> BubbleEnd {
    if let Some(end) = advance::watch(bubble, Unparker::current()) {
        return end;
    }
    park::park(WaitReason::Join);
    bubble.end().expect("who ends a bubble says how")
}

#[track_caller]
fn conclude<T>(runtime: Runtime, main: JoinHandle<T>, end: BubbleEnd) -> T {
    let has_returned = bubble_of(runtime.scheduler()).has_main_returned();
    let left = (end == BubbleEnd::Stalled).then(|| dump::of(runtime.scheduler()));
    let output = main.is_finished().then(|| main.join());
    drop(runtime);
    match (output, left) {
        (Some(Err(payload)), _) => panic::resume_unwind(payload),
        (Some(Ok(output)), None) => output,
        (_, left) => {
            let why = if has_returned {
                ", and time stands still since its main goroutine has returned"
            } else {
                ""
            };
            let left = left.unwrap_or_default();
            panic!("deadlock: all goroutines in the bubble are blocked{why}\n\n{left}")
        }
    }
}

/// Holds the time of the bubble that the caller is in, if it is in one.
struct HeldTime(Option<&'static Scheduler>);

impl HeldTime {
    fn new() -> Self {
        let around = current::home()
            .map(|here| Scheduler::of(here.home()))
            .filter(|scheduler| scheduler.bubble.is_some());
        if let Some(scheduler) = around {
            bubble_of(scheduler).hold();
        }
        Self(around)
    }
}

impl Drop for HeldTime {
    fn drop(&mut self) {
        if let Some(scheduler) = self.0 {
            bubble_of(scheduler).release();
        }
    }
}

/// Parks until all other goroutines of the [`bubble`] are blocked: asleep, or waiting for each
/// other. Time stands still meanwhile.
///
/// Then what a test has set going has come as far as it can, and the test can look at it. As Go's
/// `synctest.Wait`.
///
/// # Panics
/// Outside of a bubble; if another goroutine of the bubble is in `wait`; under a
/// [`forbid_yield`](crate::runtime::forbid_yield) guard.
///
/// # Examples
/// ```
/// use gort::{go, testing};
/// use std::{sync::{Arc, atomic::{AtomicU32, Ordering}}, time::Duration};
///
/// testing::bubble(|| {
///     let count = Arc::new(AtomicU32::new(0));
///     let counts = Arc::clone(&count);
///     let counter = go!(move || for _ in 0..3 {
///         counts.fetch_add(1, Ordering::Relaxed);
///         gort::sleep(Duration::from_secs(1));
///     });
///     testing::wait();
///     assert_eq!(count.load(Ordering::Relaxed), 1); // it is in its first sleep
///     counter.join().unwrap();
/// });
/// ```
pub fn wait() {
    let around = current::task().map(|(here, _)| Scheduler::of(here.home()));
    let around = around.filter(|scheduler| scheduler.bubble.is_some());
    let scheduler = around.expect("gort::testing::wait was called outside of a bubble");
    let registered = advance::wait_until_blocked(bubble_of(scheduler), Unparker::current());
    assert!(
        registered,
        "gort::testing::wait: another goroutine of this bubble waits already"
    );
    park::park(WaitReason::Settle);
}
