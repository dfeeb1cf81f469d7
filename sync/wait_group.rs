//! `WaitGroup`: a counter that can be waited on until it is zero.
//!
//! One 64-bit word, as in Go: the count in the upper half, and in the lower the *ticket* of the last waiter, that is, how
//! many have ever queued (modulo 2^32). The decrement that reaches zero reads in the same step which waiters had come
//! before that moment, and wakes the list's front up to that ticket. A waiter that queues after it, for the
//! next round, has a later ticket and is left alone, however late the waking is. (Go forbids such overlap.)
//!
//! The count is a signed 32-bit number. `done` takes one off without looking first; if it was not positive, the step is taken
//! back and the caller panics.

use crate::runtime::park::WaitReason;
use crate::runtime::prims::{AtomicU64, Ordering};
use crate::runtime::{join::JoinHandle, spawn};
use crate::sync::spin::SpinLock;
use crate::sync::wait_list::{Parking, WaitList, Waiter, park_in};
use std::{fmt, sync::Arc};

const ONE: u64 = 1 << 32;
const MAX: usize = i32::MAX as usize;

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
    counter: Arc<WaitCounter>,
}

struct WaitCounter {
    word: AtomicU64,
    waiters: SpinLock<WaitList>,
}

fn count_of(word: u64) -> i32 {
    (word >> 32) as i32
}

fn ticket_of(word: u64) -> u32 {
    word as u32
}

impl WaitCounter {
    #[inline]
    fn add(&self, n: usize) {
        if n != 1 {
            return self.add_many(n);
        }
        // Relaxed: adding publishes nothing; what the counted work needs reaches it by its own way.
        let before = self.word.fetch_add(ONE, Ordering::Relaxed);
        if count_of(before) == i32::MAX {
            self.word.fetch_sub(ONE, Ordering::Relaxed);
            overflow();
        }
    }

    /// Looks before it adds, so that a large `n` never passes through a wrong count.
    fn add_many(&self, n: usize) {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let fits = i32::try_from(n)
                .ok()
                .and_then(|n| count_of(word).checked_add(n));
            if fits.is_none() {
                overflow();
            }
            let next = word.wrapping_add((n as u64) << 32);
            match self
                .word
                .compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(now) => word = now,
            }
        }
    }

    #[inline]
    fn done(&self) {
        // Release: pairs with the Acquire in `wait`. Acquire: the last one hands the others' work on to the parked waiters.
        let before = self.word.fetch_sub(ONE, Ordering::AcqRel);
        if count_of(before) <= 1 {
            self.done_slow(before);
        }
    }

    #[cold]
    fn done_slow(&self, before: u64) {
        if count_of(before) == 1 {
            return self.release(ticket_of(before));
        }
        let wrong = self.word.fetch_add(ONE, Ordering::Relaxed);
        if count_of(wrong) == -1 {
            // Whoever looked meanwhile saw a count that was not zero and may have queued.
            self.release(ticket_of(wrong));
        }
        panic!("sync: negative WaitGroup counter");
    }

    /// Wakes those who had queued when the count reached zero: the holders of tickets up to `last`.
    fn release(&self, last: u32) {
        let mut list = self.waiters.lock();
        // Tickets in the list are within 2^31 of each other, since each is held by something that is parked.
        let chain = list.take_while(|ticket| last.wrapping_sub(ticket as u32) as i32 >= 0);
        drop(list);
        chain.unpark_all();
    }

    fn wait(&self) {
        // Acquire: pairs with the Release in `done`.
        if count_of(self.word.load(Ordering::Acquire)) != 0 {
            self.wait_slow();
        }
    }

    #[cold]
    fn wait_slow(&self) {
        let waiter = Waiter::new(0);
        let list = self.waiters.lock();
        loop {
            // Acquire: pairs with the Release in `done`.
            let word = self.word.load(Ordering::Acquire);
            if count_of(word) == 0 {
                return;
            }
            let ticket = ticket_of(word).wrapping_add(1);
            let next = (word & !u64::from(u32::MAX)) | u64::from(ticket);
            let queued =
                self.word
                    .compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed);
            if queued.is_ok() {
                waiter.set_word(ticket as usize);
                break;
            }
        }
        let parking = Parking::forever(WaitReason::WaitGroup);
        park_in(list, &waiter, parking, |_| {});
    }
}

#[cold]
fn overflow() -> ! {
    panic!("sync: WaitGroup counter overflow: at most {MAX} can be waited for");
}

impl WaitGroup {
    /// A group that waits for nothing yet.
    ///
    /// ```
    /// gort::sync::WaitGroup::new().wait(); // at once
    /// ```
    pub fn new() -> Self {
        Self {
            counter: Arc::new(WaitCounter {
                word: AtomicU64::new(0),
                waiters: SpinLock::new(WaitList::new(())),
            }),
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
        let count = count_of(self.counter.word.load(Ordering::Relaxed));
        f.debug_struct("WaitGroup").field("count", &count).finish()
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
