//! Homes that can run: a worker's newest slot, behind it a queue, oldest first, and a last queue
//! for homes in which all that can run have yielded. Others steal from all of them.
//!
//! A home in here is held by the place where it is, and whoever takes it out holds it. The home
//! that was woken last goes into the slot, as Go's `runnext`: its goroutine most often answers the
//! one that woke it.

use crate::runtime::{
    prims::{AtomicPtr, Ordering},
    sched::home::data::Home,
};
use crossbeam_deque::{Steal, Stealer, Worker as Deque};
use crossbeam_utils::CachePadded;
use std::{cell::Cell, ptr};

/// How often in a row the slot goes before the queue, while the queue holds something.
const MAX_STREAK: u32 = 16;

/// The owner's end.
#[derive(Debug)]
pub(crate) struct Runnable {
    queue: Deque<&'static Home>,
    yielded: Deque<&'static Home>,
    /// How often in a row the slot came before the queue.
    streak: Cell<u32>,
}

/// The part that others see.
#[derive(Debug)]
pub(crate) struct RunnableStealer {
    /// The home that was woken last, or null. Filled by the owner, emptied by anyone.
    slot: CachePadded<AtomicPtr<Home>>,
    queue: Stealer<&'static Home>,
    yielded: Stealer<&'static Home>,
}

/// Where the owner has put a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Put {
    /// Into the slot, which was empty: the owner will most likely run it next.
    Slot,
    /// Into the slot, and what was there went to the queue, where it waits for anyone.
    Queue,
}

/// Both ends, empty.
pub(crate) fn runnable() -> (Runnable, RunnableStealer) {
    let (queue, yielded) = (Deque::new_fifo(), Deque::new_fifo());
    let stealer = RunnableStealer {
        slot: CachePadded::new(AtomicPtr::new(ptr::null_mut())),
        queue: queue.stealer(),
        yielded: yielded.stealer(),
    };
    let owner = Runnable {
        queue,
        yielded,
        streak: Cell::new(0),
    };
    (owner, stealer)
}

impl Runnable {
    /// Adds a home that was woken just now. The owner holds it and gives it up.
    #[inline]
    pub(crate) fn put(&self, shared: &RunnableStealer, home: &'static Home) -> Put {
        let new = ptr::from_ref(home).cast_mut();
        let slot = &shared.slot;
        // Only the owner fills the slot. So an empty one stays empty, and a plain store will do.
        if slot.load(Ordering::Relaxed).is_null() {
            // Release: the home's inner part, for the Acquire in `take_slot`.
            slot.store(new, Ordering::Release);
            return Put::Slot;
        }
        // Release: as above. Acquire: not needed, since the owner put the old one there itself.
        let old = slot.swap(new, Ordering::Release);
        // SAFETY: homes are never freed.
        match unsafe { old.as_ref() } {
            Some(old) => {
                self.queue.push(old);
                Put::Queue
            }
            // A thief was faster.
            None => Put::Slot,
        }
    }

    /// Adds a home behind all others. The owner holds it and gives it up.
    pub(crate) fn push_back(&self, home: &'static Home) {
        self.queue.push(home);
    }

    /// Adds a home in which all that can run have yielded. The owner holds it and gives it up.
    pub(crate) fn push_yielded(&self, home: &'static Home) {
        self.yielded.push(home);
    }

    /// Whether one is here in which somebody was woken; for the owner.
    #[inline]
    pub(crate) fn has_woken(&self, shared: &RunnableStealer) -> bool {
        shared.has_slot() || !self.queue.is_empty()
    }

    /// How many wait for anyone; for the owner.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Whether one is here in which all that can run have yielded; for the owner.
    #[inline]
    pub(crate) fn has_yielded(&self) -> bool {
        !self.yielded.is_empty()
    }

    /// Takes the home that has waited longest of those in which all that can run have yielded.
    #[inline]
    pub(crate) fn pop_yielded(&self) -> Option<&'static Home> {
        self.yielded.pop()
    }

    /// Takes the home that is to run next: the newest, but not for ever.
    #[inline]
    pub(crate) fn pop(&self, shared: &RunnableStealer) -> Option<&'static Home> {
        let streak = self.streak.get();
        if streak < MAX_STREAK
            && let Some(home) = shared.take_slot()
        {
            self.streak.set(streak + 1);
            return Some(home);
        }
        self.streak.set(0);
        self.pop_oldest(shared)
    }

    /// Takes the home that has waited longest.
    pub(crate) fn pop_oldest(&self, shared: &RunnableStealer) -> Option<&'static Home> {
        self.queue.pop().or_else(|| shared.take_slot())
    }
}

impl RunnableStealer {
    #[inline]
    pub(crate) fn has_slot(&self) -> bool {
        !self.slot.load(Ordering::Relaxed).is_null()
    }

    /// Whether the queues are empty. A hint, but after the fence of S3 a last look.
    pub(crate) fn is_queue_empty(&self) -> bool {
        self.queue.is_empty() && self.yielded.is_empty()
    }

    /// Takes the newest; by anyone.
    #[inline]
    pub(crate) fn take_slot(&self) -> Option<&'static Home> {
        if !self.has_slot() {
            return None;
        }
        // Acquire: the home's inner part, from the Release in `put`.
        let home = self.slot.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: homes are never freed.
        unsafe { home.as_ref() }
    }

    /// Takes the oldest of a queue; by anyone.
    pub(crate) fn steal(&self) -> Option<&'static Home> {
        steal_from(&self.queue).or_else(|| steal_from(&self.yielded))
    }
}

fn steal_from(queue: &Stealer<&'static Home>) -> Option<&'static Home> {
    loop {
        match queue.steal() {
            Steal::Success(home) => return Some(home),
            Steal::Empty => return None,
            Steal::Retry => std::hint::spin_loop(),
        }
    }
}
