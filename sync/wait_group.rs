//! `WaitGroup`: a counter that can be waited on until it is zero. The algorithm is in `raw_wait_group`.

use crate::runtime::{join::JoinHandle, spawn};
use crate::sync::{raw_wait_group::WaitCounter, shared::Shared};
use std::fmt;

/// Waits for a number of things to be done, usually goroutines to finish.
///
/// A clone is another handle on the same counter. After `wait` has returned the group can be used again.
///
/// # Examples
/// ```
/// use gort::sync::WaitGroup;
/// use std::thread;
///
/// let wg = WaitGroup::new();
/// for _ in 0..3 {
///     wg.add(1);
///     let wg = wg.clone();
///     thread::spawn(move || wg.done());
/// }
/// wg.wait();
/// ```
#[doc(alias = "sync.WaitGroup")]
#[derive(Clone)]
pub struct WaitGroup {
    counter: Shared<WaitCounter>,
}

impl WaitGroup {
    /// A group that waits for nothing yet.
    ///
    /// ```
    /// gort::sync::WaitGroup::new().wait(); // at once
    /// ```
    pub fn new() -> Self {
        Self {
            counter: Shared::new(WaitCounter::new()),
        }
    }

    /// Adds `n` to the counter. Call it before the thing to wait for begins, not inside it. Never parks.
    ///
    /// # Panics
    /// If the counter would exceed `i32::MAX`; it keeps its value.
    ///
    /// ```
    /// let wg = gort::sync::WaitGroup::new();
    /// wg.add(2);
    /// wg.done();
    /// wg.done();
    /// wg.wait();
    /// ```
    #[inline]
    pub fn add(&self, n: usize) {
        self.counter.add(n);
    }

    /// Takes one off the counter; at zero, those who wait go on. Never parks.
    ///
    /// What happened before it happens before the return of the `wait` that it ends.
    ///
    /// # Panics
    /// If the counter is zero already, with Go's words; it stays zero.
    ///
    /// ```should_panic
    /// gort::sync::WaitGroup::new().done(); // sync: negative WaitGroup counter
    /// ```
    #[inline]
    pub fn done(&self) {
        self.counter.done();
    }

    /// Parks the caller until the counter is zero; returns at once if it is.
    ///
    /// ```
    /// let wg = gort::sync::WaitGroup::new();
    /// wg.add(1);
    /// let theirs = wg.clone();
    /// std::thread::spawn(move || theirs.done());
    /// wg.wait();
    /// ```
    #[inline]
    pub fn wait(&self) {
        self.counter.wait();
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl WaitGroup {
    /// Spawns a goroutine that this group counts: `add(1)` before it, `done()` after it, also if it panics. Does not park.
    ///
    /// # Panics
    /// As [`add`](Self::add), and as [`spawn`](crate::spawn).
    ///
    /// # Examples
    /// ```
    /// use gort::sync::{Mutex, WaitGroup};
    /// use std::sync::Arc;
    /// let (group, sum) = (WaitGroup::new(), Arc::new(Mutex::new(0)));
    /// for i in 1..=10 {
    ///     let sum = Arc::clone(&sum);
    ///     group.go(move || *sum.lock() += i);
    /// }
    /// group.wait();
    /// assert_eq!(*sum.lock(), 55);
    /// ```
    #[doc(alias = "Go")]
    #[track_caller]
    pub fn go<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let done = DoneGuard::new(self);
        spawn::spawn(move || {
            let _done = done;
            f()
        })
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup")
            .field("count", &self.counter.count())
            .finish()
    }
}

/// One counted thing: `done` is called when it is dropped, be it at the end, by a panic or because it never ran.
///
/// It shares ownership of the counter: the count alone could not keep it alive, since safe code may call `done` once too
/// often and drop every handle while this one is still to come.
#[derive(Debug)]
pub(crate) struct DoneGuard(WaitGroup);

impl DoneGuard {
    /// Adds one to `group`.
    ///
    /// # Panics
    /// As `WaitGroup::add`.
    pub(crate) fn new(group: &WaitGroup) -> Self {
        group.add(1);
        Self(group.clone())
    }
}

impl Drop for DoneGuard {
    #[inline]
    fn drop(&mut self) {
        self.0.done();
    }
}
