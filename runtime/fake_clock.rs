//! A clock that stands still until it is told to go on; threads that have one tell the time by it
//! ([`clock::now`](crate::runtime::clock::now)).
//!
//! One load and a compare for everybody else.
#![forbid(unsafe_code)]

use crate::runtime::prims::{AtomicU64, Ordering, statics::AtomicUsize};
use std::{
    cell::RefCell,
    marker::PhantomData,
    sync::Arc,
    time::{Duration, Instant},
};

/// How many threads have a fake clock.
static WORN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static FAKE: RefCell<Option<Arc<FakeClock>>> = const { RefCell::new(None) };
}

/// The time by this thread's fake clock, if it has one.
#[inline]
pub(crate) fn now() -> Option<Instant> {
    if WORN.load(Ordering::Relaxed) == 0 {
        return None;
    }
    now_slow()
}

/// Not inlined: the thread-local's address must not be kept across a park.
#[cold]
#[inline(never)]
fn now_slow() -> Option<Instant> {
    let read = |fake: &RefCell<Option<Arc<FakeClock>>>| fake.borrow().as_ref().map(|c| c.now());
    FAKE.try_with(read).ok().flatten()
}

/// The clock.
#[derive(Debug)]
pub(crate) struct FakeClock {
    start: Instant,
    /// In ns since `start`.
    passed: AtomicU64,
}

impl FakeClock {
    /// Stands at `start`.
    pub(crate) fn new(start: Instant) -> Self {
        Self {
            start,
            passed: AtomicU64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        // Acquire: pairs with the Release in `go_on`: who sees a time sees what came before it.
        self.start + Duration::from_nanos(self.passed.load(Ordering::Acquire))
    }

    /// Jumps to `to`, unless that has passed; false if the clock cannot go so far (584 years).
    pub(crate) fn go_on(&self, to: Instant) -> bool {
        let nanos = to.saturating_duration_since(self.start).as_nanos();
        let Ok(nanos) = u64::try_from(nanos) else {
            return false;
        };
        if self
            .start
            .checked_add(Duration::from_nanos(nanos))
            .is_none()
        {
            return false;
        }
        // Release: pairs with the Acquire in `now`.
        self.passed.fetch_max(nanos, Ordering::Release);
        true
    }

    /// Has the calling thread tell the time by this clock until the result is dropped.
    pub(crate) fn wear(clock: Arc<Self>) -> Worn {
        WORN.fetch_add(1, Ordering::Relaxed);
        FAKE.set(Some(clock));
        Worn(PhantomData)
    }
}

/// This thread has a fake clock.
#[derive(Debug)]
pub(crate) struct Worn(PhantomData<*const ()>);

impl Drop for Worn {
    fn drop(&mut self) {
        FAKE.set(None);
        WORN.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock;
    use std::thread;

    #[test]
    fn a_clock_is_its_threads_only_and_goes_forward_only() {
        let start = Instant::now();
        let hour = Duration::from_secs(3600);
        let fake = Arc::new(FakeClock::new(start));
        let worn = FakeClock::wear(Arc::clone(&fake));
        assert_eq!(clock::now(), start);
        assert!(fake.go_on(start + hour) && fake.go_on(start));
        assert_eq!(clock::now(), start + hour);
        let other = thread::spawn(clock::now).join().unwrap();
        assert!(other < start + hour);
        drop(worn);
        assert!(clock::now() < start + hour);
    }

    #[test]
    fn what_is_too_far_is_never_reached() {
        let fake = FakeClock::new(Instant::now());
        let age = Duration::from_secs(1000 * 365 * 86_400);
        if let Some(far) = Instant::now().checked_add(age) {
            assert!(!fake.go_on(far));
        }
    }
}
