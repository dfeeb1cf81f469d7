//! A worker's queue of fresh goroutines: the owner pushes and pops at the bottom, thieves take from
//! the top, a batch in one step.
//!
//! It is the deque of Chase and Lev (2005), with the orderings of Lê, Pop, Cohen and Zappa Nardelli
//! (2013), and one thing more: from a long queue a thief takes [`BATCH`] with one compare-and-swap.
//! (`crossbeam-deque`, newest first, needs one for each.) And a push touches nothing that a thief
//! writes: the owner keeps what it last saw of `top`. Both together matter when one worker spawns
//! as fast as another takes.
//!
//! # Why nothing is taken twice
//!
//! A thief reads `top`, then (fence) `bottom`; it reads the slots, and has what it read if `top` is
//! still the same. The owner lowers `bottom`, then (fence) reads `top` (**Q1**). Of the two one
//! sees the other's step: so a thief whose `top` is newer than what the owner saw knows the lowered
//! `bottom`. What is left are thieves that read the same `top` as the owner, and perhaps an old
//! `bottom`. They take at most `BATCH` from `top` on if the queue that they saw was *long* (more
//! than twice that), and else one. So the owner may take its slot without more
//!
//! * if at least `BATCH` are left above `top`; or
//! * if at least one is left, and no thief can still believe that the queue is long (it is
//!   *sealed*).
//!
//! A queue that was long and has become short is sealed by taking the oldest one, with a
//! compare-and-swap on `top` like a thief's: all who had read `top` before fail, and whoever reads
//! it then knows a `bottom` that is short (**Q2**). So once in `BATCH` pops, or more, the oldest
//! comes first; else it is the newest. The last one is taken that way too, as in the original.
//! `top` only grows; with 64 bits it never comes back to a value.

use crate::runtime::prims::{AtomicPtr, AtomicUsize, Ordering, fence};
use crossbeam_deque::Steal;
use crossbeam_utils::CachePadded;
use std::{
    cell::Cell,
    fmt,
    mem::MaybeUninit,
    ptr::{self, NonNull},
    sync::{Arc, Mutex},
};

/// How many a thief takes in one step from a long queue.
#[cfg(not(loom))]
pub(crate) const BATCH: usize = 32;
#[cfg(loom)]
pub(crate) const BATCH: usize = 2;

/// The size of the first ring; a power of two, and more than a long queue.
const FIRST: usize = 4 * BATCH;

/// A ring of slots; its length is a power of two.
struct Ring<T>(Box<[AtomicPtr<T>]>);

impl<T> Ring<T> {
    fn new(length: usize) -> Box<Self> {
        let slots = (0..length).map(|_| AtomicPtr::new(ptr::null_mut()));
        Box::new(Self(slots.collect()))
    }

    #[inline]
    fn slot(&self, index: usize) -> &AtomicPtr<T> {
        // SAFETY: masked to below the length, which is a power of two.
        unsafe { self.0.get_unchecked(index & (self.0.len() - 1)) }
    }
}

/// What owner and thieves share.
pub(crate) struct Deque<T> {
    /// The index of the oldest; changed by compare-and-swap only.
    top: CachePadded<AtomicUsize>,
    /// One above the index of the newest; written by the owner only.
    bottom: CachePadded<AtomicUsize>,
    ring: AtomicPtr<Ring<T>>,
    /// All rings so far: a thief may still look into an old one. The last is the one in use. Locked
    /// by the owner only.
    #[expect(clippy::vec_box, reason = "a ring's address must not change")]
    rings: Mutex<Vec<Box<Ring<T>>>>,
}

// SAFETY: it hands pointers from thread to thread; each is taken out once.
unsafe impl<T> Send for Deque<T> {}
// SAFETY: as above; the owner's side is in `DequeOwner`.
unsafe impl<T> Sync for Deque<T> {}

/// The owner's end; there is one.
pub(crate) struct DequeOwner<T> {
    shared: Arc<Deque<T>>,
    /// A value that `top` has had; so not above it.
    seen_top: Cell<usize>,
    /// No thief whose step can succeed believes that the queue is long.
    sealed: Cell<bool>,
}

/// An empty deque.
pub(crate) fn deque<T>() -> DequeOwner<T> {
    let ring = Ring::new(FIRST);
    let shared = Arc::new(Deque {
        top: CachePadded::new(AtomicUsize::new(0)),
        bottom: CachePadded::new(AtomicUsize::new(0)),
        ring: AtomicPtr::new(ptr::from_ref(&*ring).cast_mut()),
        rings: Mutex::new(vec![ring]),
    });
    DequeOwner {
        shared,
        seen_top: Cell::new(0),
        sealed: Cell::new(true),
    }
}

impl<T> Deque<T> {
    /// How many are in it, about.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        let bottom = self.bottom.load(Ordering::Relaxed);
        let top = self.top.load(Ordering::Relaxed);
        (bottom.wrapping_sub(top).cast_signed()).max(0) as usize
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the oldest.
    pub(crate) fn steal(&self) -> Steal<NonNull<T>> {
        // Acquire: pairs with the compare-and-swaps on `top` of other thieves and of the owner.
        let top = self.top.load(Ordering::Acquire);
        match self.below(top) {
            0 => Steal::Empty,
            _ => self.take(top, 1, |_| {}),
        }
    }

    /// Takes the oldest, and with it as many after it as can be had in one step, but no more than
    /// half; they go to `rest`, oldest first.
    pub(crate) fn steal_batch(&self, rest: impl FnMut(NonNull<T>)) -> Steal<NonNull<T>> {
        // Acquire: pairs with the Release of the compare-and-swaps on `top`. Whoever sees a sealed
        // `top` sees the `bottom` of then (Q2).
        let top = self.top.load(Ordering::Acquire);
        match self.below(top) {
            0 => Steal::Empty,
            size if size > 2 * BATCH => self.take(top, BATCH, rest),
            _ => self.take(top, 1, rest),
        }
    }

    /// How many there are from `top` on, for a thief that has just read it.
    #[inline]
    fn below(&self, top: usize) -> usize {
        // SeqCst (Q1): after the load of `top`, before that of `bottom`; partner of the fence in
        // `pop`.
        fence(Ordering::SeqCst);
        // Acquire: pairs with the Releases in `push` and `pop`: what was pushed is seen, and its
        // slots.
        let bottom = self.bottom.load(Ordering::Acquire);
        (bottom.wrapping_sub(top).cast_signed()).max(0) as usize
    }

    /// Takes so many from `top` on, if that is still the top. `count` is at most `BATCH`.
    #[inline]
    fn take(
        &self,
        top: usize,
        count: usize,
        mut rest: impl FnMut(NonNull<T>),
    ) -> Steal<NonNull<T>> {
        let mut taken = [const { MaybeUninit::<*mut T>::uninit() }; BATCH];
        // SAFETY: in use or an old one; both are in `rings`. Acquire: pairs with the Release in
        // `make_room`.
        let ring = unsafe { &*self.ring.load(Ordering::Acquire) };
        for (i, place) in taken[..count].iter_mut().enumerate() {
            place.write(ring.slot(top.wrapping_add(i)).load(Ordering::Relaxed));
        }
        // SeqCst for the success, as the original has it: one order with the fences of Q1. The
        // failure tells nothing.
        let next = top.wrapping_add(count);
        let swapped = self
            .top
            .compare_exchange(top, next, Ordering::SeqCst, Ordering::Relaxed);
        if swapped.is_err() {
            return Steal::Retry;
        }
        // SAFETY: written above, and by the success ours: pointers that were pushed.
        let each = |i: usize| unsafe { NonNull::new_unchecked(taken[i].assume_init()) };
        (1..count).for_each(|i| rest(each(i)));
        Steal::Success(each(0))
    }
}

impl<T> DequeOwner<T> {
    pub(crate) fn shared(&self) -> &Arc<Deque<T>> {
        &self.shared
    }

    /// How many are in it; never too few.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.shared.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }

    #[inline]
    fn bottom(&self) -> usize {
        self.shared.bottom.load(Ordering::Relaxed)
    }

    #[inline]
    fn ring(&self) -> &Ring<T> {
        // SAFETY: the ring in use is in `rings`.
        unsafe { &*self.shared.ring.load(Ordering::Relaxed) }
    }

    /// Adds one at the bottom.
    #[inline]
    pub(crate) fn push(&self, item: NonNull<T>) {
        let bottom = self.bottom();
        let size = bottom.wrapping_sub(self.seen_top.get());
        if size >= 2 * BATCH {
            self.push_to_long(bottom);
        }
        self.ring()
            .slot(bottom)
            .store(item.as_ptr(), Ordering::Relaxed);
        // Release: pairs with the Acquire of thieves: they see the slot, and the item.
        self.shared
            .bottom
            .store(bottom.wrapping_add(1), Ordering::Release);
    }

    /// Before a push that makes the queue long, or may: thieves will believe so. And there must be
    /// room.
    #[inline]
    fn push_to_long(&self, bottom: usize) {
        self.sealed.set(false);
        let room = self.ring().0.len();
        if bottom.wrapping_sub(self.seen_top.get()) >= room {
            self.make_room(bottom, room);
        }
    }

    #[cold]
    fn make_room(&self, bottom: usize, room: usize) {
        // Acquire: pairs with the thieves' steps: they have read the slots below it, which are
        // written again.
        let top = self.shared.top.load(Ordering::Acquire);
        self.seen_top.set(top);
        // Half full at most, or the next look would come soon.
        if bottom.wrapping_sub(top) < room / 2 {
            return;
        }
        let larger = Ring::new(2 * room);
        let old = self.ring();
        let mut index = top;
        while index != bottom {
            let item = old.slot(index).load(Ordering::Relaxed);
            larger.slot(index).store(item, Ordering::Relaxed);
            index = index.wrapping_add(1);
        }
        // Release: pairs with the Acquire in `take`: the thief sees the slots.
        let address = ptr::from_ref(&*larger).cast_mut();
        self.shared.ring.store(address, Ordering::Release);
        let mut rings = self.shared.rings.lock();
        rings
            .as_mut()
            .unwrap_or_else(|poisoned| poisoned.get_mut())
            .push(larger);
    }

    /// Where the next `pop` will most likely find its item; to be prefetched, never read.
    #[inline]
    pub(crate) fn hint(&self) -> *const T {
        let next = self.bottom().wrapping_sub(1);
        self.ring().slot(next).load(Ordering::Relaxed)
    }

    /// Takes the newest; once in a while, from a queue that was long, the oldest.
    #[inline]
    pub(crate) fn pop(&self) -> Option<NonNull<T>> {
        let above = self.bottom();
        if above == self.seen_top.get() {
            return None;
        }
        let bottom = above.wrapping_sub(1);
        // Release: as in `push`. A thief may read this value in place of that, and must see all
        // slots below it.
        self.shared.bottom.store(bottom, Ordering::Release);
        // SeqCst (Q1): after the new `bottom`, before the load of `top`; partner of the fence in
        // `below`.
        fence(Ordering::SeqCst);
        // Acquire: as in `make_room`, which may rely on what is seen here.
        let top = self.shared.top.load(Ordering::Acquire);
        self.seen_top.set(top);
        let left = bottom.wrapping_sub(top).cast_signed();
        let enough = if self.sealed.get() { 1 } else { BATCH as isize };
        if left >= enough {
            let item = self.ring().slot(bottom).load(Ordering::Relaxed);
            return NonNull::new(item);
        }
        // Back: the rest is taken from the top. Release: as above.
        self.shared.bottom.store(above, Ordering::Release);
        self.pop_oldest(above)
    }

    /// Takes the oldest as thieves do. Seals the queue.
    fn pop_oldest(&self, bottom: usize) -> Option<NonNull<T>> {
        let mut top = self.seen_top.get();
        while top != bottom {
            let item = self.ring().slot(top).load(Ordering::Relaxed);
            let next = top.wrapping_add(1);
            // Release (Q2): whoever reads this `top` sees this `bottom`, or a newer one; partner of
            // the Acquire in `steal_batch`. SeqCst, as in `take`. Acquire for the failure: as the
            // load in `pop`.
            match self
                .shared
                .top
                .compare_exchange(top, next, Ordering::SeqCst, Ordering::Acquire)
            {
                Ok(_) => {
                    self.seen_top.set(next);
                    self.sealed.set(true);
                    return NonNull::new(item);
                }
                Err(now) => top = now,
            }
        }
        self.seen_top.set(top);
        self.sealed.set(true);
        None
    }
}

impl<T> fmt::Debug for Deque<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deque").field("len", &self.len()).finish()
    }
}

impl<T> fmt::Debug for DequeOwner<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.fmt(f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
