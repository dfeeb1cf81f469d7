//! `Semaphore`: a number of permits, given out first come, first served.
//!
//! The counts and the waiters are under one spin lock, which makes an acquisition or a release one
//! atomic swap and one store. A waiter's word is the number of permits that it wants. Permits that
//! come free are handed to the front of the list for as long as they suffice, and nobody overtakes
//! the list: so a large request is not starved by small ones behind it. A waiter that gives up may
//! have been what held up those behind it, so its leaving hands out too.

use crate::runtime::park::{self, WaitReason};
use crate::sync::spin::SpinLock;
use crate::sync::wait_list::{
    ClaimedChain, Leave, Parking, WaitList, Waiter, deadline_after, park_in,
};
use std::{
    fmt, mem,
    time::{Duration, Instant},
};

/// Limits how many may do something at a time.
///
/// # Examples
/// ```
/// use gort::sync::Semaphore;
///
/// let downloads = Semaphore::new(3);
/// let two = downloads.acquire(2);
/// assert!(downloads.try_acquire(2).is_none());
/// drop(two);
/// assert_eq!(downloads.available_permits(), 3);
/// ```
pub struct Semaphore {
    /// Those who wait and the counts. A waiter's word is how many permits it wants.
    waiters: SpinLock<WaitList<Permits>>,
}

/// What the list's lock guards besides the list.
struct Permits {
    /// Permits that can be had now. If anyone waits, they are fewer than the first one wants.
    /// Whoever takes permits lowers it, whoever gives some back raises it.
    free: usize,
    /// Permits that are free or given out, counted so that giving back cannot overflow. Raised by
    /// `add_permits`, lowered by `forget`.
    total: usize,
}

impl Semaphore {
    /// A semaphore with `permits` permits. Usable in statics.
    ///
    /// ```
    /// static LIMIT: gort::sync::Semaphore = gort::sync::Semaphore::new(8);
    /// let _one = LIMIT.acquire(1);
    /// ```
    pub const fn new(permits: usize) -> Self {
        Self {
            waiters: SpinLock::new(WaitList::new(Permits {
                free: permits,
                total: permits,
            })),
        }
    }

    /// Takes `k` permits; parks the caller until they are free and those who came before have
    /// theirs. `k` may exceed what there is: then it waits until enough have been
    /// [added](Self::add_permits).
    ///
    /// Since nobody overtakes, all who come after it wait, too: if no permits are ever added, for
    /// ever. (In Go's `semaphore.Weighted`, whose size is fixed, a request that is too large fails
    /// alone.) If `k` comes from outside, compare it first with the number that the semaphore was
    /// made with, or use [`acquire_timeout`](Self::acquire_timeout): who gives up holds nobody up.
    ///
    /// ```
    /// let s = gort::sync::Semaphore::new(2);
    /// let _both = s.acquire(2);
    /// ```
    pub fn acquire(&self, k: usize) -> Permit<'_> {
        park::explore();
        if !self.take(k) {
            self.take_slow(k, None);
        }
        Permit { semaphore: self, k }
    }

    /// Takes `k` permits if that is possible at once, without overtaking anyone. Never parks.
    ///
    /// ```
    /// let s = gort::sync::Semaphore::new(2);
    /// let one = s.try_acquire(1);
    /// assert!(one.is_some() && s.try_acquire(2).is_none());
    /// ```
    pub fn try_acquire(&self, k: usize) -> Option<Permit<'_>> {
        self.take(k).then(|| Permit { semaphore: self, k })
    }

    /// [`acquire`](Self::acquire) that gives up after `timeout`.
    ///
    /// ```
    /// let s = gort::sync::Semaphore::new(2);
    /// assert!(s.acquire_timeout(3, std::time::Duration::from_millis(1)).is_none());
    /// ```
    pub fn acquire_timeout(&self, k: usize, timeout: Duration) -> Option<Permit<'_>> {
        let taken = self.take(k) || self.take_slow(k, deadline_after(timeout));
        taken.then(|| Permit { semaphore: self, k })
    }

    /// Adds `n` new permits. Never parks.
    ///
    /// # Panics
    /// If there would be more than `usize::MAX` in all.
    ///
    /// ```
    /// let s = gort::sync::Semaphore::new(0);
    /// s.add_permits(1);
    /// assert!(s.try_acquire(1).is_some());
    /// ```
    pub fn add_permits(&self, n: usize) {
        let mut list = self.waiters.lock();
        let Some(total) = list.extra.total.checked_add(n) else {
            drop(list);
            panic!("sync: Semaphore with more than usize::MAX permits");
        };
        list.extra.total = total;
        list.extra.free += n;
        let chain = hand_out(&mut list);
        drop(list);
        chain.unpark_all();
    }

    /// How many permits are free now.
    ///
    /// ```
    /// assert_eq!(gort::sync::Semaphore::new(2).available_permits(), 2);
    /// ```
    pub fn available_permits(&self) -> usize {
        self.waiters.lock().extra.free
    }

    /// Takes `k` permits if they are free and nobody waits.
    fn take(&self, k: usize) -> bool {
        take_from(&mut self.waiters.lock(), k)
    }

    /// Waits for `k` permits; `false` if the deadline came first.
    #[cold]
    fn take_slow(&self, k: usize, deadline: Option<Instant>) -> bool {
        let waiter = Waiter::new(k);
        let mut list = self.waiters.lock();
        // They have come free since the first look.
        if take_from(&mut list, k) {
            return true;
        }
        let parking = Parking::until(WaitReason::Semaphore, deadline);
        park_in(list, &waiter, parking, self)
    }

    /// Gives `k` permits back, and with them serves those at the front.
    fn give_back(&self, k: usize) {
        let mut list = self.waiters.lock();
        list.extra.free += k;
        let chain = hand_out(&mut list);
        drop(list);
        chain.unpark_all();
    }
}

impl Leave<Permits> for Semaphore {
    /// A waiter has left without permits. The counts do not know of waiters.
    fn withdrawn(&self, _: &mut WaitList<Permits>) {}

    /// It may have been the first, and wanted more than those behind it.
    fn after_withdrawn(&self) {
        self.give_back(0);
    }

    /// A waiter that never runs again was given its permits.
    fn pass_on(&self, k: usize) {
        self.give_back(k);
    }
}

/// Takes `k` permits if they are free and nobody waits. Taking none is always possible.
fn take_from(list: &mut WaitList<Permits>, k: usize) -> bool {
    let possible = k == 0 || (list.is_empty() && list.extra.free >= k);
    if possible {
        list.extra.free -= k;
    }
    possible
}

/// Claims those at the front for whom the free permits suffice, and takes theirs.
fn hand_out(list: &mut WaitList<Permits>) -> ClaimedChain {
    let mut free = list.extra.free;
    let chain = list.take_while(|k| match free.checked_sub(k) {
        Some(rest) => {
            free = rest;
            true
        }
        None => false,
    });
    list.extra.free = free;
    chain
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .finish()
    }
}

/// Permits of a [`Semaphore`], given back when dropped. It may be sent to another goroutine.
///
/// ```
/// use gort::sync::Semaphore;
///
/// static SLOTS: Semaphore = Semaphore::new(2);
///
/// let slot = SLOTS.acquire(1);
/// gort::go!(move || drop(slot)).join().unwrap(); // given back there
/// assert_eq!(SLOTS.available_permits(), 2);
/// ```
#[derive(Debug)]
#[must_use = "the permits are given back as soon as this is dropped"]
pub struct Permit<'a> {
    /// Where they came from.
    semaphore: &'a Semaphore,
    /// How many they are.
    k: usize,
}

impl Permit<'_> {
    /// How many permits these are.
    ///
    /// ```
    /// assert_eq!(gort::sync::Semaphore::new(3).acquire(2).count(), 2);
    /// ```
    pub fn count(&self) -> usize {
        self.k
    }

    /// Never gives them back: the semaphore has so many fewer from now on.
    ///
    /// ```
    /// let s = gort::sync::Semaphore::new(3);
    /// s.acquire(2).forget();
    /// assert_eq!(s.available_permits(), 1);
    /// ```
    pub fn forget(self) {
        self.semaphore.waiters.lock().extra.total -= self.k;
        mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.semaphore.give_back(self.k);
    }
}

#[cfg(test)]
mod tests;
