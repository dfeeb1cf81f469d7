//! The number that names a goroutine.
#![forbid(unsafe_code)]

use std::{
    fmt::{self, Write},
    num::NonZeroU64,
    panic::Location,
};

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

/// A goroutine in words: `goroutine 12 "worker", spawned at src/main.rs:10:5`.
pub(crate) fn describe(id: u64, name: Option<&str>, site: Option<&Location<'_>>) -> String {
    let mut text = format!("goroutine {id}");
    if let Some(name) = name {
        let _ = write!(text, " {name:?}");
    }
    if let Some(site) = site {
        let _ = write!(text, ", spawned at {site}");
    }
    text
}
