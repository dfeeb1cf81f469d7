//! What `prims` offers under loom: loom's atomics with `SeqCst` accesses as C11 means them, and a
//! clock that is the same in each run.
//!
//! loom takes a `SeqCst` access for `AcqRel`, and so reports that "store, then load of another
//! word" may be reordered although both are `SeqCst`. Here a `SeqCst` load is preceded by a
//! `SeqCst` fence if its thread has written with `SeqCst` before. So the model breaks, as it must,
//! if either of the two accesses is weakened; it is stronger than C11 only for `Relaxed` writes
//! that stand before the `SeqCst` one.

pub(crate) use loom::{
    cell::{Cell, UnsafeCell},
    sync::atomic::{Ordering, fence},
    thread::yield_now,
};
use std::{
    cell::Cell as StdCell,
    ops::{Add, Sub},
    time::Duration,
};

/// Nothing: with a yield here the others would always get their turn, and nobody would come to
/// park.
pub(crate) fn spin_loop() {}

loom::thread_local! {
    /// Whether this thread has written with SeqCst.
    static HAS_WRITTEN: StdCell<bool> = StdCell::new(false);
}

fn wrote(order: Ordering) {
    if order == Ordering::SeqCst {
        HAS_WRITTEN.with(|w| w.set(true));
    }
}

fn before_load(order: Ordering) {
    if order == Ordering::SeqCst && HAS_WRITTEN.with(StdCell::get) {
        fence(Ordering::SeqCst);
    }
}

/// One atomic type: what all have, and the read-modify-writes that it has.
macro_rules! atomic {
    ($name:ident $(<$t:ident>)?, $value:ty, $($op:ident)*) => {
        #[derive(Debug)]
        pub(crate) struct $name $(<$t>)? (loom::sync::atomic::$name $(<$t>)?);

        impl $(<$t>)? $name $(<$t>)? {
            #[track_caller]
            pub(crate) fn new(value: $value) -> Self {
                Self(loom::sync::atomic::$name::new(value))
            }

            #[track_caller]
            pub(crate) fn load(&self, order: Ordering) -> $value {
                before_load(order);
                self.0.load(order)
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $value, order: Ordering) {
                wrote(order);
                self.0.store(value, order);
            }

            #[track_caller]
            pub(crate) fn compare_exchange(
                &self,
                from: $value,
                to: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                before_load(failure);
                let result = self.0.compare_exchange(from, to, success, failure);
                if result.is_ok() {
                    wrote(success);
                }
                result
            }

            /// Never fails spuriously here: that would only add a turn to a loop.
            #[track_caller]
            pub(crate) fn compare_exchange_weak(
                &self,
                from: $value,
                to: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(from, to, success, failure)
            }

            $(#[track_caller]
            pub(crate) fn $op(&self, by: $value, order: Ordering) -> $value {
                wrote(order);
                self.0.$op(by, order)
            })*
        }
    };
}

atomic!(AtomicBool, bool,);
atomic!(AtomicU8, u8, swap fetch_or fetch_and fetch_add);
atomic!(AtomicU32, u32, swap fetch_or fetch_and fetch_add fetch_sub);
atomic!(AtomicU64, u64, swap fetch_or fetch_and fetch_add fetch_sub);
atomic!(AtomicUsize, usize, swap fetch_or fetch_add fetch_sub);
atomic!(AtomicPtr<T>, *mut T, swap);

impl AtomicBool {
    /// A swap that changes nothing writes nothing here: loom leaves the order of such a write and a
    /// plain store open, so that a spinning thread could read its own write for ever.
    #[track_caller]
    pub(crate) fn swap(&self, value: bool, order: Ordering) -> bool {
        match self.compare_exchange(!value, value, order, Ordering::Relaxed) {
            Ok(before) | Err(before) => before,
        }
    }
}

/// # Safety
/// As in `prims`.
#[track_caller]
pub(crate) unsafe fn shared<T>(cell: &UnsafeCell<T>) -> &T {
    // SAFETY: passed on.
    cell.with(|content| unsafe { &*content })
}

/// # Safety
/// As in `prims`.
#[track_caller]
pub(crate) unsafe fn exclusive<T>(cell: &UnsafeCell<T>) -> &mut T {
    // SAFETY: passed on.
    cell.with_mut(|content| unsafe { &mut *content })
}

thread_local! {
    static NOW: StdCell<Duration> = const { StdCell::new(Duration::ZERO) };
    static STEP: StdCell<Duration> = const { StdCell::new(Duration::ZERO) };
}

/// A point in the model's time, which goes on by one step each time somebody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(Duration);

impl Instant {
    pub(crate) fn now() -> Self {
        NOW.set(NOW.get() + STEP.get());
        Self(NOW.get())
    }

    pub(crate) fn elapsed(self) -> Duration {
        Self::now().0 - self.0
    }

    pub(crate) fn checked_add(self, duration: Duration) -> Option<Self> {
        self.0.checked_add(duration).map(Self)
    }

    /// How far the clock goes on at each look, in this model.
    pub(crate) fn set_step(step: Duration) {
        STEP.set(step);
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0 + duration)
    }
}

impl Sub for Instant {
    type Output = Duration;

    fn sub(self, other: Self) -> Duration {
        self.0 - other.0
    }
}
