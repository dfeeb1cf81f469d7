//! `WaitGroup`: a counter that can be waited on until it is zero. The algorithm is in
//! `raw_wait_group`.

use crate::runtime::{
    goroutine::{join::JoinHandle, join_error::PanicError, spawn},
    task::cell::GoexitPayload,
};
use crate::sync::{cached_arc::CachedArc, raw_wait_group::WaitCounter, spin::SpinLock};
use std::{
    any::Any,
    fmt,
    panic::{self, AssertUnwindSafe},
};

/// Waits for a number of things to be done, usually goroutines to finish.
///
/// A clone is another handle on the same counter. After `wait` has returned the group can be used
/// again.
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
    /// What all clones share.
    state: CachedArc<WaitGroupState>,
}

/// What all handles share.
#[derive(Debug)]
struct WaitGroupState {
    /// The count, and those who wait for it to be zero.
    counter: WaitCounter,
    /// The first panic in a goroutine of [`WaitGroup::go`] that no `wait_all` has told of yet.
    panicked: SpinLock<Option<PanicError>>,
}

impl WaitGroup {
    /// A group that waits for nothing yet.
    ///
    /// ```
    /// gort::sync::WaitGroup::new().wait(); // at once
    /// ```
    pub fn new() -> Self {
        Self {
            state: CachedArc::new(WaitGroupState {
                counter: WaitCounter::new(),
                panicked: SpinLock::new(None),
            }),
        }
    }

    /// Adds `n` to the counter. Call it before the thing to wait for begins, not inside it. Never
    /// parks.
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
        self.state.counter.add(n);
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
        self.state.counter.done();
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
        self.state.counter.wait();
    }

    /// As [`wait`](Self::wait), and fails if a goroutine that [`go`](Self::go) started has panicked
    /// since the last call.
    ///
    /// It tells of the first panic, once: of several who wait at once, one gets the error. The
    /// payload stays with the goroutine's handle. A goroutine that calls
    /// [`goexit`](crate::runtime::goexit) has not failed.
    ///
    /// # Errors
    /// The first panic: which goroutine it was, and its message.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it has to wait.
    ///
    /// ```
    /// use gort::{runtime::PanicError, sync::WaitGroup};
    ///
    /// fn check(numbers: [i32; 3]) -> Result<(), PanicError> {
    ///     let group = WaitGroup::new();
    ///     for n in numbers {
    ///         group.go(move || assert!(n > 0, "{n} is not positive"));
    ///     }
    ///     group.wait_all()
    /// }
    /// assert!(check([1, 2, 3]).is_ok());
    /// assert_eq!(check([1, -2, 3]).unwrap_err().message(), "-2 is not positive");
    /// ```
    pub fn wait_all(&self) -> Result<(), PanicError> {
        self.state.counter.wait();
        let panicked = self.state.panicked.lock().take();
        panicked.map_or(Ok(()), Err)
    }

    /// A goroutine of the group has ended by an unwinding.
    #[cold]
    fn failed(&self, payload: &Box<dyn Any + Send>) {
        if payload.is::<GoexitPayload>() {
            return;
        }
        let error = PanicError::of_current(payload);
        let mut first = self.state.panicked.lock();
        if first.is_none() {
            *first = error;
        }
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl WaitGroup {
    /// Spawns a goroutine that this group counts: `add(1)` before it, `done()` after it, also if it
    /// panics. Does not park.
    ///
    /// A panic goes to the handle; [`wait_all`](Self::wait_all) tells of it, too.
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
            let DoneGuard(group) = &done;
            match panic::catch_unwind(AssertUnwindSafe(f)) {
                Ok(value) => value,
                Err(payload) => {
                    group.failed(&payload);
                    panic::resume_unwind(payload)
                }
            }
        })
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup")
            .field("count", &self.state.counter.count())
            .finish()
    }
}

/// One counted thing: `done` is called when it is dropped, be it at the end, by a panic or because
/// it never ran.
///
/// It shares ownership of the counter: the count alone could not keep it alive, since safe code may
/// call `done` once too often and drop every handle while this one is still to come.
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

#[cfg(test)]
mod tests;
