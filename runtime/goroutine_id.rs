//! The number that names a goroutine.
#![forbid(unsafe_code)]

use std::{fmt, num::NonZeroU64};

/// Names one goroutine; never used twice in a process.
///
/// # Examples
/// ```
/// use std::collections::HashSet;
///
/// let ids = (0..10).map(|_| gort::go!(|| gort::current().id()).join().unwrap());
/// assert_eq!(ids.collect::<HashSet<_>>().len(), 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GoroutineId(NonZeroU64);

impl GoroutineId {
    pub(crate) fn new(number: NonZeroU64) -> Self {
        Self(number)
    }

    /// The number, as dumps and reports show it.
    ///
    /// # Examples
    /// ```
    /// let id = gort::go!(|| ()).goroutine().id();
    /// assert_eq!(id.as_u64().to_string(), id.to_string());
    /// ```
    pub fn as_u64(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for GoroutineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
