//! `Once`: code that runs once. The state machine is in `raw_once`.

use crate::sync::raw_once::{IfPoisoned, OnPanic, RawOnce};
use std::fmt;

/// Runs a piece of code once, however many call; `std::sync::Once` for goroutines.
///
/// # Examples
/// ```
/// use gort::sync::Once;
///
/// static START: Once = Once::new();
/// let mut runs = 0;
/// START.call_once(|| runs += 1);
/// START.call_once(|| runs += 1);
/// assert_eq!(runs, 1);
/// ```
#[doc(alias = "sync.Once")]
pub struct Once {
    /// The state, and those who wait.
    raw: RawOnce,
}

/// What [`Once::call_once_force`] tells its closure.
///
/// ```
/// use gort::sync::{Once, OnceState};
/// use std::panic::{AssertUnwindSafe, catch_unwind};
///
/// fn connect(state: &OnceState) {
///     assert!(state.is_poisoned(), "the first attempt fails");
/// }
/// let once = Once::new();
/// assert!(catch_unwind(AssertUnwindSafe(|| once.call_once_force(connect))).is_err());
/// once.call_once_force(connect);
/// assert!(once.is_completed());
/// ```
#[derive(Debug)]
pub struct OnceState {
    /// Whether an earlier closure panicked.
    poisoned: bool,
}

impl OnceState {
    /// Whether an earlier closure panicked.
    ///
    /// ```
    /// let once = gort::sync::Once::new();
    /// once.call_once_force(|state| assert!(!state.is_poisoned()));
    /// ```
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }
}

impl Once {
    /// A `Once` whose code has not run. Usable in statics.
    ///
    /// ```
    /// static START: gort::sync::Once = gort::sync::Once::new();
    /// assert!(!START.is_completed());
    /// ```
    pub const fn new() -> Self {
        Self {
            raw: RawOnce::new(),
        }
    }

    /// Runs `f` if this is the first call; parks the caller while another's runs. When it returns,
    /// the code has run, and all that it did is visible. Calling it again from within `f` is a
    /// deadlock.
    ///
    /// # Panics
    /// If an earlier `f` panicked: the `Once` is poisoned. A panic of `f` passes through.
    ///
    /// ```
    /// let once = gort::sync::Once::new();
    /// once.call_once(|| println!("hello"));
    /// ```
    #[doc(alias = "Do")]
    #[inline]
    pub fn call_once<F: FnOnce()>(&self, f: F) {
        if !self.raw.is_done() {
            self.raw.run(IfPoisoned::Panic, OnPanic::Poison, |_| {
                f();
                true
            });
        }
    }

    /// [`call_once`](Self::call_once) that runs `f` also if an earlier one panicked.
    ///
    /// ```
    /// use std::panic::catch_unwind;
    /// static ONCE: gort::sync::Once = gort::sync::Once::new();
    /// assert!(catch_unwind(|| ONCE.call_once(|| panic!())).is_err());
    /// ONCE.call_once_force(|state| assert!(state.is_poisoned()));
    /// assert!(ONCE.is_completed());
    /// ```
    #[inline]
    pub fn call_once_force<F: FnOnce(&OnceState)>(&self, f: F) {
        if !self.raw.is_done() {
            self.raw.run(IfPoisoned::Run, OnPanic::Poison, |poisoned| {
                f(&OnceState { poisoned });
                true
            });
        }
    }

    /// Whether the code has run to its end. Never parks.
    ///
    /// ```
    /// let once = gort::sync::Once::new();
    /// once.call_once(|| ());
    /// assert!(once.is_completed());
    /// ```
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.raw.is_done()
    }
}

impl Default for Once {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
