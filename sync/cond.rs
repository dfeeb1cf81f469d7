//! `Cond`: a condition variable, as Go's and as `std`'s `Condvar`.
//!
//! A FIFO of waiters. `wait` links its node *before* it unlocks the caller's lock, so whoever takes
//! that lock afterwards, changes the condition and notifies finds the node. `waiting` mirrors "the
//! list is not empty", so that a notification without waiters is one load; Relaxed is enough,
//! because a notifier that has held the lock after the waiter is ordered after its store by that
//! lock. There are no spurious wake-ups.

use crate::runtime::park::WaitReason;
use crate::runtime::prims::{AtomicBool, Ordering};
use crate::sync::mutex::MutexGuard;
use crate::sync::rw_mutex::{RwMutexReadGuard, RwMutexWriteGuard};
use crate::sync::spin::SpinLock;
use crate::sync::unwind::AbortOnUnwind;
use crate::sync::wait_list::{Leave, Parking, WaitList, Waiter, deadline_after, park_in_after};
use std::{fmt, mem, time::Duration, time::Instant};

mod sealed {
    /// What a guard lends of its value to a condition, for the lifetime `'a`. (`Bound` says
    /// `Self: 'a`, which a `for<'a>` over an associated type with a lifetime of its own cannot.)
    pub trait Lend<'a, Bound = &'a Self> {
        /// `&mut T`, or `&T` if the guard is a reader's.
        type View;

        /// Access to the guarded value.
        fn view(&'a mut self) -> Self::View;
    }

    /// What `Cond` does to a guard.
    pub trait Relock: for<'a> Lend<'a> {
        /// Unlocks the lock under the guard.
        ///
        /// # Safety
        /// The guard is neither used nor dropped before `lock` has returned.
        unsafe fn unlock(&self);

        /// Locks the lock under the guard again, as it was.
        ///
        /// # Safety
        /// It was unlocked with `unlock`.
        unsafe fn lock(&self);
    }
}

use sealed::{Lend, Relock};

/// The guards that a [`Cond`] can wait with: those of `Mutex` and `RwMutex`.
///
/// ```
/// use gort::sync::{Cond, CondGuard, Mutex, RwMutex};
///
/// /// Waits with whatever lock the caller has.
/// fn wait_a_moment<G: CondGuard>(changed: &Cond, guard: &mut G) -> bool {
///     changed.wait_for(guard, std::time::Duration::from_millis(1)).timed_out()
/// }
/// assert!(wait_a_moment(&Cond::new(), &mut Mutex::new(0).lock()));
/// assert!(wait_a_moment(&Cond::new(), &mut RwMutex::new(0).read()));
/// ```
pub trait CondGuard: Relock {}

impl<G: Relock> CondGuard for G {}

impl<'a, T: ?Sized> Lend<'a> for MutexGuard<'_, T> {
    type View = &'a mut T;

    fn view(&'a mut self) -> &'a mut T {
        self
    }
}

impl<T: ?Sized> Relock for MutexGuard<'_, T> {
    unsafe fn unlock(&self) {
        MutexGuard::raw(self).unlock();
    }

    unsafe fn lock(&self) {
        MutexGuard::raw(self).lock(WaitReason::Mutex);
    }
}

impl<'a, T: ?Sized> Lend<'a> for RwMutexReadGuard<'_, T> {
    type View = &'a T;

    fn view(&'a mut self) -> &'a T {
        self
    }
}

impl<T: ?Sized> Relock for RwMutexReadGuard<'_, T> {
    unsafe fn unlock(&self) {
        RwMutexReadGuard::raw(self).read_unlock();
    }

    unsafe fn lock(&self) {
        RwMutexReadGuard::raw(self).read_until(None);
    }
}

impl<'a, T: ?Sized> Lend<'a> for RwMutexWriteGuard<'_, T> {
    type View = &'a mut T;

    fn view(&'a mut self) -> &'a mut T {
        self
    }
}

impl<T: ?Sized> Relock for RwMutexWriteGuard<'_, T> {
    unsafe fn unlock(&self) {
        RwMutexWriteGuard::raw(self).write_unlock();
    }

    unsafe fn lock(&self) {
        RwMutexWriteGuard::raw(self).write_until(None);
    }
}

/// How a timed wait ended.
///
/// ```
/// use gort::sync::{Cond, Mutex, WaitTimeoutResult};
/// use std::time::Duration;
///
/// let (ready, changed) = (Mutex::new(true), Cond::new());
/// let result: WaitTimeoutResult =
///     changed.wait_while_for(&mut ready.lock(), |ready| !*ready, Duration::from_secs(1));
/// assert!(!result.timed_out()); // it was ready before the wait
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Whether the time ran out; otherwise the wait was ended by a notification, or by its
    /// condition.
    ///
    /// ```
    /// use gort::sync::{Cond, Mutex};
    /// let m = Mutex::new(());
    /// let result = Cond::new().wait_for(&mut m.lock(), std::time::Duration::from_millis(1));
    /// assert!(result.timed_out());
    /// ```
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

/// A condition variable: goroutines wait with a lock until others, who hold the lock while they
/// change what it guards, notify them. Those who wait are notified first come, first served.
///
/// It works with the guards of [`Mutex`](crate::sync::Mutex) and, for reading or writing, of
/// [`RwMutex`](crate::sync::RwMutex) (where Go needs `RLocker`).
///
/// # Examples
/// ```
/// use gort::sync::{Cond, Mutex};
/// use std::thread;
///
/// static QUEUE: Mutex<Vec<u32>> = Mutex::new(Vec::new());
/// static FILLED: Cond = Cond::new();
///
/// let consumer = thread::spawn(|| {
///     let mut queue = QUEUE.lock();
///     FILLED.wait_while(&mut queue, |queue| queue.is_empty());
///     queue.pop()
/// });
/// QUEUE.lock().push(7);
/// FILLED.notify_one();
/// assert_eq!(consumer.join().unwrap(), Some(7));
/// ```
#[doc(alias = "Condvar")]
#[doc(alias = "sync.Cond")]
pub struct Cond {
    /// Whether `waiters` is not empty. Written under its lock.
    waiting: AtomicBool,
    /// Those who wait, first come, first served. They link themselves, notifiers take them out.
    waiters: SpinLock<WaitList>,
}

/// The word in the node of a waiter that all are notified with.
const WITH_ALL: usize = 0;

/// The word in the node of a waiter that has had a notification for one.
const ALONE: usize = 1;

impl Cond {
    /// A condition variable that nobody waits for. Usable in statics.
    ///
    /// ```
    /// static CHANGED: gort::sync::Cond = gort::sync::Cond::new();
    /// CHANGED.notify_all();
    /// ```
    pub const fn new() -> Self {
        Self {
            waiting: AtomicBool::new(false),
            waiters: SpinLock::new(WaitList::new(())),
        }
    }

    /// Unlocks the guard's lock, parks until notified, locks it again. The two first happen in one
    /// step as seen by anyone who takes the lock.
    ///
    /// ```
    /// use gort::sync::{Cond, Mutex};
    /// let (ready, changed) = (Mutex::new(false), Cond::new());
    /// std::thread::scope(|s| {
    ///     let mut guard = ready.lock();
    ///     s.spawn(|| {
    ///         *ready.lock() = true;
    ///         changed.notify_one();
    ///     });
    ///     while !*guard {
    ///         changed.wait(&mut guard);
    ///     }
    /// });
    /// ```
    pub fn wait<G: CondGuard>(&self, guard: &mut G) {
        self.wait_until(guard, None);
    }

    /// Waits for as long as `condition` is true of the guarded value; not at all if it is false.
    ///
    /// # Panics
    /// A panic of `condition` passes through, with the lock held by the guard.
    ///
    /// ```
    /// use gort::sync::{Cond, Mutex};
    /// let idle = Mutex::new(0);
    /// Cond::new().wait_while(&mut idle.lock(), |jobs| *jobs > 0);
    /// ```
    pub fn wait_while<G, F>(&self, guard: &mut G, mut condition: F)
    where
        G: CondGuard,
        F: for<'a> FnMut(<G as Lend<'a>>::View) -> bool,
    {
        while condition(guard.view()) {
            self.wait_until(guard, None);
        }
    }

    /// [`wait`](Self::wait) that gives up after `timeout`. The lock is held again in either case.
    ///
    /// ```
    /// use gort::sync::{Cond, Mutex};
    /// use std::time::Duration;
    /// let m = Mutex::new(());
    /// assert!(Cond::new().wait_for(&mut m.lock(), Duration::from_millis(1)).timed_out());
    /// ```
    pub fn wait_for<G: CondGuard>(&self, guard: &mut G, timeout: Duration) -> WaitTimeoutResult {
        WaitTimeoutResult(!self.wait_until(guard, deadline_after(timeout)))
    }

    /// [`wait_while`](Self::wait_while) that gives up after `timeout`. It "timed out" if the
    /// condition is still true then.
    ///
    /// # Panics
    /// A panic of `condition` passes through, with the lock held by the guard.
    ///
    /// ```
    /// use gort::sync::{Cond, RwMutex};
    /// use std::time::Duration;
    /// let jobs = RwMutex::new(1);
    /// let idle = Cond::new();
    /// let soon = Duration::from_millis(1);
    /// let result = idle.wait_while_for(&mut jobs.read(), |jobs| *jobs > 0, soon);
    /// assert!(result.timed_out());
    /// ```
    pub fn wait_while_for<G, F>(
        &self,
        guard: &mut G,
        mut condition: F,
        timeout: Duration,
    ) -> WaitTimeoutResult
    where
        G: CondGuard,
        F: for<'a> FnMut(<G as Lend<'a>>::View) -> bool,
    {
        let deadline = deadline_after(timeout);
        while condition(guard.view()) {
            if !self.wait_until(guard, deadline) {
                return WaitTimeoutResult(condition(guard.view()));
            }
        }
        WaitTimeoutResult(false)
    }

    /// Wakes the one that has waited longest, if anyone waits. Never parks. Call it with or without
    /// the lock, but after having changed the condition with it.
    ///
    /// ```
    /// gort::sync::Cond::new().notify_one(); // nobody there: nothing happens, nothing is kept
    /// ```
    #[doc(alias = "Signal")]
    pub fn notify_one(&self) {
        // Nobody waits who could have seen the condition before the caller changed it.
        if !self.waiting.load(Ordering::Relaxed) {
            return;
        }
        let mut list = self.waiters.lock();
        // A goroutine that never runs again must not use the one notification up.
        list.skip_abandoned();
        let first = list.pop_front();
        self.waiting.store(!list.is_empty(), Ordering::Relaxed);
        drop(list);
        if let Some(first) = first {
            first.unpark_with(ALONE);
        }
    }

    /// Wakes everyone who waits. Never parks.
    ///
    /// ```
    /// gort::sync::Cond::new().notify_all();
    /// ```
    #[doc(alias = "Broadcast")]
    pub fn notify_all(&self) {
        // As in `notify_one`.
        if !self.waiting.load(Ordering::Relaxed) {
            return;
        }
        let mut list = self.waiters.lock();
        let chain = list.take_all();
        self.waiting.store(false, Ordering::Relaxed);
        drop(list);
        chain.unpark_all();
    }

    /// `true` if notified, `false` at the deadline.
    fn wait_until<G: CondGuard>(&self, guard: &mut G, deadline: Option<Instant>) -> bool {
        let waiter = Waiter::new(WITH_ALL);
        // Until the lock is held again, an unwinding would drop a guard of a lock that is not held.
        let bomb = AbortOnUnwind;
        let list = self.waiters.lock();
        self.waiting.store(true, Ordering::Relaxed);
        let notified = park_in_after(
            list,
            &waiter,
            Parking::until(WaitReason::Cond, deadline),
            // SAFETY: we have the guard by `&mut` and use it again only after `lock` below; `bomb`
            // stops unwindings.
            || unsafe { guard.unlock() },
            self,
        );
        // SAFETY: unlocked by `park_in_after` above.
        unsafe { guard.lock() };
        mem::forget(bomb);
        notified
    }
}

impl Leave<()> for Cond {
    fn withdrawn(&self, list: &mut WaitList) {
        self.waiting.store(!list.is_empty(), Ordering::Relaxed);
    }

    fn pass_on(&self, word: usize) {
        if word == ALONE {
            self.notify_one();
        }
    }
}

impl Default for Cond {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Cond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cond").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
