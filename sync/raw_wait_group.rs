//! The wait group's algorithm: a counter that can be waited on until it is zero.
//!
//! One 64-bit word, as in Go: the count in the upper half, and in the lower the *ticket* of the
//! last waiter, that is, how many have ever queued (modulo 2^32). The decrement that reaches zero
//! reads in the same step which waiters had come before that moment, and wakes the list's front up
//! to that ticket. A waiter that queues after it, for the next round, has a later ticket and is
//! left alone, however late the waking is. (Go forbids such overlap.)
//!
//! The count is a signed 32-bit number. `done` takes one off without looking first; if it was not
//! positive, the step is taken back and the caller panics.

use crate::runtime::park::WaitReason;
use crate::runtime::prims::{AtomicU64, Ordering, const_fn};
use crate::sync::spin::SpinLock;
use crate::sync::wait_list::{Nothing, Parking, WaitList, Waiter, park_in};

/// One unit of the count.
const ONE_COUNT: u64 = 1 << 32;
/// The highest count.
const MAX: usize = i32::MAX as usize;

/// A counter that can be waited on.
#[derive(Debug)]
pub(crate) struct WaitCounter {
    /// The count and the last ticket. `add` and `done` change the count, waiters draw tickets.
    word: AtomicU64,
    /// Those who wait, in the order of their tickets; a node's word is its ticket. They link
    /// themselves, the `done` that reaches zero takes them out.
    waiters: SpinLock<WaitList>,
}

/// The count in a word.
fn count_of(word: u64) -> i32 {
    (word >> 32) as i32
}

/// The ticket of the last waiter in a word.
fn ticket_of(word: u64) -> u32 {
    word as u32
}

impl WaitCounter {
    const_fn! {
        /// A counter at zero.
        pub(crate) fn new() -> Self {
            Self {
                word: AtomicU64::new(0),
                waiters: SpinLock::new(WaitList::new(())),
            }
        }
    }

    /// The count at some moment.
    pub(crate) fn count(&self) -> i32 {
        count_of(self.word.load(Ordering::Relaxed))
    }

    /// Adds `n`; panics if that is too much.
    #[inline]
    pub(crate) fn add(&self, n: usize) {
        // One step suffices only if a wrong count can be taken back at once.
        if n != 1 {
            return self.add_many(n);
        }
        // Relaxed: adding publishes nothing; what the counted work needs reaches it by its own way.
        let before = self.word.fetch_add(ONE_COUNT, Ordering::Relaxed);
        // It has become negative: take it back, and say so.
        if count_of(before) == i32::MAX {
            self.word.fetch_sub(ONE_COUNT, Ordering::Relaxed);
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
            // More than a count can say.
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

    /// Takes one off; panics if there was none.
    #[inline]
    pub(crate) fn done(&self) {
        // Release: pairs with the Acquire in `wait`. Acquire: the last one hands the others' work
        // on to the parked waiters.
        let before = self.word.fetch_sub(ONE_COUNT, Ordering::AcqRel);
        // The count is zero now, or there was nothing to take off.
        if count_of(before) <= 1 {
            self.done_slow(before);
        }
    }

    /// The count has been taken to zero, or below it.
    #[cold]
    fn done_slow(&self, before: u64) {
        // Zero: the tickets that had been drawn by that very step are those to be served.
        if count_of(before) == 1 {
            return self.release(ticket_of(before));
        }
        // Below zero: nobody's work was done, so take the step back.
        let wrong = self.word.fetch_add(ONE_COUNT, Ordering::Relaxed);
        if count_of(wrong) == -1 {
            // The count is zero again. Whoever looked meanwhile saw another one and may have
            // queued, and no other `done` would wake it.
            self.release(ticket_of(wrong));
        }
        panic!("sync: negative WaitGroup counter");
    }

    /// Wakes those who had queued when the count reached zero: the holders of tickets up to `last`.
    fn release(&self, last: u32) {
        let mut list = self.waiters.lock();
        // Tickets in the list are within 2^31 of each other, since each is held by something that
        // is parked.
        let chain = list.take_while(|ticket| last.wrapping_sub(ticket as u32) as i32 >= 0);
        drop(list);
        chain.unpark_all();
    }

    /// Parks until the count is zero.
    pub(crate) fn wait(&self) {
        // Acquire: pairs with the Release in `done`.
        if count_of(self.word.load(Ordering::Acquire)) != 0 {
            self.wait_slow();
        }
    }

    /// Parks, unless the count has become zero.
    #[cold]
    fn wait_slow(&self) {
        let waiter = Waiter::new(0);
        let list = self.waiters.lock();
        loop {
            // Acquire: pairs with the Release in `done`.
            let word = self.word.load(Ordering::Acquire);
            // Zero by now.
            if count_of(word) == 0 {
                return;
            }
            // The ticket is drawn while the count is not zero, in one step: so the `done` that
            // reaches zero sees it.
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
        park_in(list, &waiter, parking, &Nothing);
    }
}

#[cold]
fn overflow() -> ! {
    panic!("sync: WaitGroup counter overflow: at most {MAX} can be waited for");
}
