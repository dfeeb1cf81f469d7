//! `Barrier`: waits until a number of goroutines have come, as `std::sync::Barrier`.
//!
//! The number that has come in this round is under the waiters' lock. The last one starts the next
//! round and claims everyone in the same section, so the rounds cannot mix.

use crate::runtime::park::WaitReason;
use crate::sync::spin::SpinLock;
use crate::sync::wait_list::{Nothing, Parking, WaitList, Waiter, park_in};
use std::fmt;

/// Lets `n` goroutines go on together, once all have come. It can be used again and again.
///
/// # Examples
/// ```
/// use gort::sync::Barrier;
/// use std::thread;
///
/// let barrier = Barrier::new(3);
/// thread::scope(|s| {
///     for _ in 0..3 {
///         s.spawn(|| barrier.wait());
///     }
/// });
/// ```
pub struct Barrier {
    /// For how many it waits.
    n: usize,
    /// `extra` is how many have come in this round.
    waiters: SpinLock<WaitList<usize>>,
}

/// What [`Barrier::wait`] returns.
///
/// ```
/// use gort::sync::Barrier;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// let (barrier, leaders) = (Barrier::new(3), AtomicU32::new(0));
/// gort::scope(|s| {
///     for _ in 0..3 {
///         s.spawn(|| {
///             if barrier.wait().is_leader() {
///                 leaders.fetch_add(1, Ordering::Relaxed);
///             }
///         });
///     }
/// });
/// assert_eq!(leaders.into_inner(), 1);
/// ```
#[derive(Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// Whether this caller is the leader of its round; exactly one is.
    ///
    /// ```
    /// assert!(gort::sync::Barrier::new(1).wait().is_leader());
    /// ```
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl Barrier {
    /// A barrier for `n`; 0 is as good as 1. Usable in statics.
    ///
    /// ```
    /// static BARRIER: gort::sync::Barrier = gort::sync::Barrier::new(1);
    /// BARRIER.wait();
    /// ```
    pub const fn new(n: usize) -> Self {
        Self {
            n,
            waiters: SpinLock::new(WaitList::new(0)),
        }
    }

    /// Parks the caller until `n` have called. What each did before happens before any of them
    /// returns.
    ///
    /// ```
    /// gort::sync::Barrier::new(1).wait();
    /// ```
    pub fn wait(&self) -> BarrierWaitResult {
        let waiter = Waiter::new(0);
        let mut list = self.waiters.lock();
        list.extra += 1;
        // Not the last: wait for the others. A goroutine that never runs again counts all the same.
        if list.extra < self.n {
            park_in(
                list,
                &waiter,
                Parking::forever(WaitReason::Barrier),
                &Nothing,
            );
            return BarrierWaitResult(false);
        }
        // The last: the next round begins, and those who waited go on.
        list.extra = 0;
        let chain = list.take_all();
        drop(list);
        chain.unpark_all();
        BarrierWaitResult(true)
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}
