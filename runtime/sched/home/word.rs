//! A home's state word: whether somebody has the home, and who has been woken in it meanwhile
//! (protocol H in `runtime/README.md`).
//!
//! One word holds both, so that one step wakes a goroutine and queues its home, and one step enters
//! a home and takes what has arrived. Above the low bits stands the newest *arrival*, linked to the
//! older ones: the home's inbox, a stack that anyone pushes to and whose holder takes everything at
//! once (Treiber, 1986). Taking everything avoids the ABA problem.
//!
//! | bits | meaning |
//! |---|---|
//! | none | idle: nobody is in the home, and it is in no queue |
//! | BUSY | somebody holds it: it is in exactly one queue, or a thread is inside |
//! | BUSY + POKED | and the holder is to look at what has no place in the inbox: timers that have fired |
//! | BUSY + arrivals | and goroutines have been woken meanwhile |
//! | BUSY + ENDED | its runtime has ended: nobody is ever woken here again, and nothing is taken in |
//!
//! Whoever makes an idle home busy holds it and must put it into a queue, or give it back.

use crate::runtime::prims::{AtomicPtr, AtomicUsize, Ordering};
use std::{
    marker::PhantomData,
    ptr::{self, NonNull},
};

const BUSY_BIT: usize = 1;
const POKED_BIT: usize = 2;
const ENDED_BIT: usize = 4;
const STATE_MASK: usize = BUSY_BIT | POKED_BIT | ENDED_BIT;

/// A node with a link that its holder may use, aligned to 8 bytes at least.
///
/// # Safety
/// `next` returns the same field each time, and nothing else writes it while the node is in a list.
pub(crate) unsafe trait InboxNode: Sized {
    fn next(&self) -> &AtomicPtr<Self>;
}

/// The word.
#[derive(Debug)]
pub(crate) struct HomeWord<N>(AtomicUsize, PhantomData<*mut N>);

/// What a waker must do after it has told a home something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Told {
    /// The home was idle, and the caller holds it now: it must queue the home.
    Holder,
    /// Somebody else holds the home and will see what was told.
    Nothing,
    /// The home has ended and took nothing in: what was to be told is the caller's still.
    Ended,
}

/// What has come in since the holder looked last.
#[derive(Debug)]
pub(crate) struct Arrivals<N> {
    /// The oldest, linked to the next newer ones through `next`; null at the end.
    pub(crate) oldest: *mut N,
    /// Whether somebody poked the home.
    pub(crate) poked: bool,
}

impl<N: InboxNode> HomeWord<N> {
    /// The word of an idle home.
    pub(crate) fn new() -> Self {
        const { assert!(align_of::<N>() > STATE_MASK) };
        Self(AtomicUsize::new(0), PhantomData)
    }

    /// Makes an idle home busy. True: the caller holds it now.
    #[inline]
    #[must_use]
    pub(crate) fn claim(&self) -> bool {
        // Acquire: what the last holder did, from the Release in `give_back` (H2). No more: wakers
        // claim only homes that are lent (`Home::claim`), and the queue that they put one into sees
        // to S1.
        self.0
            .compare_exchange(0, BUSY_BIT, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Adds a goroutine to the inbox.
    ///
    /// # Safety
    /// The node is alive until taken, in no list, and the caller gives up its hold of it, unless
    /// the home has ended.
    #[inline]
    pub(crate) unsafe fn push(&self, node: NonNull<N>) -> Told {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            if word & ENDED_BIT != 0 {
                return Told::Ended;
            }
            // SAFETY: ours until the exchange succeeds.
            let next = unsafe { node.as_ref() }.next();
            next.store(
                ptr::with_exposed_provenance_mut(word & !STATE_MASK),
                Ordering::Relaxed,
            );
            let with_node = node.as_ptr().expose_provenance() | (word & STATE_MASK) | BUSY_BIT;
            // Release: the node, for the Acquire in `take` (H1). Acquire: as in `claim`, if the
            // home was idle. SeqCst (S1): before the waker looks at the sleep word of a home's only
            // worker; partner of the fence between that word's announcement and the last look (S3).
            match self
                .0
                .compare_exchange_weak(word, with_node, Ordering::SeqCst, Ordering::Relaxed)
            {
                Ok(_) => return told(word),
                Err(now) => word = now,
            }
        }
    }

    /// Tells the holder to look at what is not in the inbox.
    #[inline]
    pub(crate) fn poke(&self) -> Told {
        // Release: what there is to see, for the Acquire in `take` (H1). Acquire: as in `claim`, if
        // the home was idle. SeqCst (S1): as in `push`.
        told(self.0.fetch_or(BUSY_BIT | POKED_BIT, Ordering::SeqCst))
    }

    /// Whether something has come in; for the holder. A hint, but after the fence of S3 a last
    /// look.
    #[inline]
    pub(crate) fn has_arrivals(&self) -> bool {
        self.0.load(Ordering::Relaxed) != BUSY_BIT
    }

    /// Whether somebody holds the home. A hint, but after the fence of S3 a last look.
    #[inline]
    pub(crate) fn is_busy(&self) -> bool {
        self.0.load(Ordering::Relaxed) & BUSY_BIT != 0
    }

    /// The newest arrival, or null; for anyone, who must know that it may be gone.
    pub(crate) fn newest(&self) -> *mut N {
        ptr::with_exposed_provenance_mut(self.0.load(Ordering::Relaxed) & !STATE_MASK)
    }

    /// Takes what has come in; for the holder.
    #[inline]
    pub(crate) fn take(&self) -> Arrivals<N> {
        self.take_and_leave(BUSY_BIT)
    }

    #[inline]
    fn take_and_leave(&self, state: usize) -> Arrivals<N> {
        // Acquire (H1): the nodes and what their wakers did, from `push` and `poke`.
        let word = self.0.swap(state, Ordering::Acquire);
        let newest = ptr::with_exposed_provenance_mut(word & !STATE_MASK);
        // SAFETY: the whole chain is ours.
        let oldest = unsafe { reverse(newest) };
        Arrivals {
            oldest,
            poked: word & POKED_BIT != 0,
        }
    }

    /// Takes what has come in, and takes in nothing any more (E1); for the holder, who keeps the
    /// home for good.
    pub(crate) fn end(&self) -> Arrivals<N> {
        // Acquire (H1): as in `take`.
        self.take_and_leave(BUSY_BIT | ENDED_BIT)
    }

    /// Takes the arrivals of a home that somebody else holds, who may be busy for long: the newest,
    /// linked to the next older ones. Null if there are none.
    pub(crate) fn take_from_holder(&self) -> *mut N {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            // Only a home that is held has arrivals, and it stays so in the step below.
            let newest = word & !STATE_MASK;
            if newest == 0 {
                return ptr::null_mut();
            }
            // Acquire (H1): as in `take`.
            match self.0.compare_exchange_weak(
                word,
                word & STATE_MASK,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return ptr::with_exposed_provenance_mut(newest),
                Err(now) => word = now,
            }
        }
    }

    /// Makes the home idle; for its holder, who does not use it after. False: something has come
    /// in, and the caller holds it still.
    #[inline]
    #[must_use]
    pub(crate) fn give_back(&self) -> bool {
        // Release (H2): what the holder did, for the Acquire of whoever makes it busy next.
        self.0
            .compare_exchange(BUSY_BIT, 0, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }
}

/// Turns a chain around. Returns what was its end.
///
/// # Safety
/// The nodes are the caller's.
pub(crate) unsafe fn reverse<N: InboxNode>(mut newest: *mut N) -> *mut N {
    let mut oldest = ptr::null_mut();
    while let Some(node) = NonNull::new(newest) {
        // SAFETY: the caller's.
        let link = unsafe { node.as_ref() }.next();
        newest = link.load(Ordering::Relaxed);
        link.store(oldest, Ordering::Relaxed);
        oldest = node.as_ptr();
    }
    oldest
}

/// What follows from what the word was before the caller told something.
#[inline]
fn told(before: usize) -> Told {
    if before & BUSY_BIT == 0 {
        Told::Holder
    } else {
        Told::Nothing
    }
}
