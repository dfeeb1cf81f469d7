//! Goroutines that are left behind.

use crate::runtime::{
    clock, dump,
    entry::{default, live_ids, system::Builder},
    goroutine::control,
    park,
    sched::{home::current, scheduler::Scheduler},
};
use std::{collections::BTreeSet, thread, time::Duration};

/// How long goroutines that are about to end are waited for.
const GRACE: Duration = Duration::from_secs(1);
/// The least time between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Fails, when it is dropped, if goroutines are alive that were not when it was made.
///
/// It looks at the runtime of the goroutine that makes it, so in a `#[gort::test]` or a
/// [`bubble`](crate::testing::bubble) at what the test has started. On a plain thread it looks at
/// the default runtime, which tests that run at the same time share: goroutines of theirs count
/// too. [`no_leaks`] has no such trouble.
///
/// Goroutines that are about to end have a second for it; [`grace`](Self::grace) gives another
/// time.
///
/// # Panics
/// When dropped, with what the goroutines are doing, unless the thread is panicking already.
/// (Destructors in gort do not panic; this one is an assertion.) On a plain thread, if the default
/// runtime has to be started and cannot be.
///
/// # Examples
/// ```
/// use gort::{go, testing::LeakCheck};
///
/// let check = LeakCheck::new();
/// let worker = go!(|| 6 * 7);
/// assert_eq!(worker.join().unwrap(), 42);
/// drop(check); // nothing is left
/// ```
///
/// ```should_panic
/// use gort::{go, sync::channel::bounded, testing::LeakCheck};
/// use std::time::Duration;
///
/// let (_tx, rx) = bounded::<()>(0);
/// let check = LeakCheck::new().grace(Duration::from_millis(10));
/// go!(move || rx.recv()); // nobody sends, nobody closes
/// drop(check); // panics
/// ```
#[derive(Debug)]
#[must_use = "it checks when it is dropped"]
pub struct LeakCheck {
    /// Those that were there before.
    before: BTreeSet<u64>,
    grace: Duration,
}

impl Default for LeakCheck {
    fn default() -> Self {
        Self::new()
    }
}

impl LeakCheck {
    /// Remembers which goroutines there are. Does not park.
    ///
    /// # Examples
    /// ```
    /// let check = gort::testing::LeakCheck::new();
    /// gort::go!(|| ()).join().unwrap();
    /// drop(check);
    /// ```
    pub fn new() -> Self {
        Self {
            before: default::with_scheduler(live_ids::of),
            grace: GRACE,
        }
    }

    /// How long goroutines that are about to end are waited for; in a
    /// [`bubble`](crate::testing::bubble) by its clock.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let check = gort::testing::LeakCheck::new().grace(Duration::from_secs(5));
    /// gort::go!(|| gort::sleep(Duration::from_millis(1500)));
    /// drop(check); // waits for it
    /// ```
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// What is left when the patience is over.
    fn left(&self) -> Option<String> {
        let until = clock::now().checked_add(self.grace);
        // A bubble's hours pass as fast as these looks.
        let pause = LOOK_AGAIN.max(self.grace / 1000);
        loop {
            let left = default::with_scheduler(|scheduler| self.describe(scheduler));
            let is_late = until.is_some_and(|until| clock::now() >= until);
            if left.is_none() || is_late || !park::may_park() {
                return left;
            }
            control::sleep(pause);
        }
    }

    fn describe(&self, scheduler: &'static Scheduler) -> Option<String> {
        let now = live_ids::of(scheduler);
        let left: BTreeSet<u64> = now.difference(&self.before).copied().collect();
        (!left.is_empty()).then(|| {
            let dump = only(&dump::of(scheduler), &left);
            format!("goroutines are left behind: {}\n\n{dump}", left.len())
        })
    }
}

impl Drop for LeakCheck {
    #[track_caller]
    fn drop(&mut self) {
        if thread::panicking() {
            return;
        }
        if let Some(left) = self.left() {
            panic!("{left}");
        }
    }
}

/// The parts of a dump that are about these goroutines; each begins with a line `goroutine 7 ...`.
fn only(dump: &str, ids: &BTreeSet<u64>) -> String {
    let mut text = String::new();
    let mut is_wanted = false;
    for line in dump.lines() {
        if let Some(rest) = line.strip_prefix("goroutine ") {
            let id = rest.split(|c: char| !c.is_ascii_digit()).next();
            is_wanted = id
                .and_then(|id| id.parse().ok())
                .is_some_and(|id| ids.contains(&id));
        }
        if is_wanted {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Runs `f`, and fails if it leaves goroutines behind. Parks.
///
/// In a goroutine `f` is simply called, under a [`LeakCheck`]. On a plain thread, as in a
/// `#[test]`, it runs as the main goroutine of a runtime of its own, so that goroutines of other
/// tests do not count.
///
/// # Panics
/// If goroutines are left a second after `f` has returned, with what they are doing. With the
/// payload of `f`'s panic. On a plain thread, if the runtime cannot be started.
///
/// # Examples
/// ```
/// use gort::{go, sync::channel::bounded, testing::no_leaks};
///
/// let sum = no_leaks(|| {
///     let (tx, rx) = bounded(0);
///     go!(move || (1..=4).for_each(|n| tx.send(n).unwrap()));
///     rx.iter().sum::<i32>()
/// });
/// assert_eq!(sum, 10);
/// ```
///
/// A receiver that gives up leaves its sender behind:
///
/// ```should_panic
/// use gort::{go, sync::channel::bounded, testing::no_leaks};
///
/// let (tx, rx) = bounded(0);
/// let first = no_leaks(|| {
///     let tx = tx.clone();
///     go!(move || (1..=4).for_each(|n| tx.send(n).unwrap()));
///     rx.recv().unwrap()
/// });
/// ```
#[track_caller]
pub fn no_leaks<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let checked = move || {
        let check = LeakCheck::new();
        let output = f();
        drop(check);
        output
    };
    if current::task().is_some() {
        return checked();
    }
    match Builder::new().build() {
        Ok(runtime) => runtime.run(checked),
        Err(error) => panic!("gort::testing: a runtime for the test cannot start: {error}"),
    }
}
