//! Waiters: nodes on the stacks of those who wait, the intrusive lists that hold them, and the chain of those to be woken.
//!
//! # The life of a node
//!
//! | state | who may touch the node |
//! |---|---|
//! | linked (`home` is a list) | whoever holds the channel's lock |
//! | claimed (unlinked by a waker that *won* it) | that waker, until its `unpark` |
//! | lost (unlinked by a waker that did not win it) | the owner |
//! | unparked, withdrawn, or never published | the owner |
//!
//! An owner leaves its stack frame only in the last state: it is either still linked, and unlinks itself under the lock, or it
//! has been claimed, and consumes the `unpark` that is on its way.
//!
//! # Winning
//!
//! The nodes of one select share a [`SelectToken`] on the selecting stack. A waker wins such a node by setting the token, which one
//! waker at most can do; one that loses has touched nothing. A plain waiter has no token and is always won.
//! The token's operations are Relaxed: they decide who wins and publish nothing. What a winner writes (value, outcome, peer) is
//! published by its `unpark`; an owner that times out has locked every channel it waited on before it reads the token, which orders it
//! after every claim.

use crate::runtime::{
    park::Unparker,
    prims::{AtomicUsize, Ordering},
};
use std::{cell::Cell, ptr};

/// Which half of a channel an operation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// It sends.
    Send,
    /// It receives.
    Recv,
}

/// The list that a node is linked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// None.
    Nowhere,
    /// Of those who wait to send.
    Senders,
    /// Of those who wait to receive.
    Receivers,
    /// Of those who wait to hear that an operation would not block (`Select::ready`).
    Watchers,
}

/// What a waker did for a waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing yet.
    Pending,
    /// The operation is done, or for a select's sending arm: it may go on (see `select`).
    Done,
    /// The channel was closed.
    Closed,
    /// The partner went away without a value; look again.
    Retry,
}

/// The word that a select's nodes share: 0 while it waits, else the chosen arm's place + 1.
#[derive(Debug)]
pub(crate) struct SelectToken(AtomicUsize);

impl SelectToken {
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// The chosen arm's place.
    pub(crate) fn chosen(&self) -> Option<usize> {
        self.0.load(Ordering::Relaxed).checked_sub(1)
    }

    fn choose(&self, place: usize) -> bool {
        self.0
            .compare_exchange(0, place + 1, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

/// One wait of one goroutine or thread on one channel.
#[derive(Debug)]
pub(crate) struct Waiter {
    prev: Cell<*const Waiter>,
    /// The next in a list; once claimed, the next in a [`Wakes`] chain.
    next: Cell<*const Waiter>,
    home: Cell<Home>,
    side: Side,
    outcome: Cell<Outcome>,
    /// Receiver: where the value goes. Sender: where it is; null for a select's sending arm, whose value is made only once chosen.
    slot: *mut u8,
    /// Null for a plain waiter.
    token: *const SelectToken,
    /// Place of the arm in its select.
    place: usize,
    /// For a select's sending arm on a rendezvous channel: the receiver that chose it and is parked for the value.
    peer: Cell<*const Waiter>,
    unparker: Unparker,
}

impl Waiter {
    /// A waiter outside any select.
    pub(crate) fn plain(side: Side, slot: *mut u8, unparker: Unparker) -> Self {
        Self::arm(side, slot, unparker, ptr::null(), 0)
    }

    /// The waiter of a select's arm.
    pub(crate) fn arm(
        side: Side,
        slot: *mut u8,
        unparker: Unparker,
        token: *const SelectToken,
        place: usize,
    ) -> Self {
        Self {
            prev: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            home: Cell::new(Home::Nowhere),
            side,
            outcome: Cell::new(Outcome::Pending),
            slot,
            token,
            place,
            peer: Cell::new(ptr::null()),
            unparker,
        }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome.get()
    }

    pub(crate) fn home(&self) -> Home {
        self.home.get()
    }

    pub(crate) fn side(&self) -> Side {
        self.side
    }

    pub(crate) fn slot(&self) -> *mut u8 {
        self.slot
    }

    pub(crate) fn peer(&self) -> *const Waiter {
        self.peer.get()
    }

    /// Whether this is a select's sending arm, which has no value yet.
    pub(crate) fn is_promise(&self) -> bool {
        self.slot.is_null()
    }

    /// Names the receiver that waits for this arm's value; by the claimer.
    pub(crate) fn set_peer(&self, receiver: &Waiter) {
        self.peer.set(receiver);
    }

    /// Says what was done and wakes the owner.
    ///
    /// # Safety
    /// The caller has claimed the waiter and does not touch it again.
    pub(crate) unsafe fn finish(this: *const Self, outcome: Outcome) {
        // SAFETY: claimed, so the owner stays until the `unpark`; the unparker is copied out first.
        let unparker = unsafe {
            (*this).outcome.set(outcome);
            (*this).unparker
        };
        // SAFETY: a claim owes exactly one `unpark`, and this is it.
        unsafe { unparker.unpark() }
    }

    /// Whether a claim could still be won.
    fn is_live(&self) -> bool {
        // SAFETY: a token lives as long as any node of its select is linked, and this one is.
        self.token.is_null() || unsafe { &*self.token }.chosen().is_none()
    }

    fn win(&self) -> bool {
        // SAFETY: as in `is_live`: the caller has just unlinked the node, under the lock that its owner needs to leave.
        self.token.is_null() || unsafe { &*self.token }.choose(self.place)
    }
}

/// A doubly linked FIFO of waiters; every method is called under the channel's lock.
#[derive(Debug)]
pub(crate) struct WaitList {
    head: *const Waiter,
    tail: *const Waiter,
}

impl WaitList {
    pub(crate) const fn new() -> Self {
        Self {
            head: ptr::null(),
            tail: ptr::null(),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_null()
    }

    /// Appends a node.
    ///
    /// # Safety
    /// The node is linked nowhere, and stays where it is until it has been unlinked.
    pub(crate) unsafe fn push(&mut self, node: &Waiter, home: Home) {
        node.prev.set(self.tail);
        node.next.set(ptr::null());
        node.home.set(home);
        if self.tail.is_null() {
            self.head = node;
        } else {
            // SAFETY: linked nodes are alive.
            unsafe { (*self.tail).next.set(node) };
        }
        self.tail = node;
    }

    /// Takes a node out, in constant time.
    ///
    /// # Safety
    /// The node is linked into this list.
    pub(crate) unsafe fn unlink(&mut self, node: *const Waiter) {
        // SAFETY: it and its neighbours are linked, hence alive.
        unsafe {
            let (prev, next) = ((*node).prev.get(), (*node).next.get());
            if prev.is_null() {
                self.head = next;
            } else {
                (*prev).next.set(next);
            }
            if next.is_null() {
                self.tail = prev;
            } else {
                (*next).prev.set(prev);
            }
            (*node).home.set(Home::Nowhere);
        }
    }

    /// Takes the oldest waiter that can be won. The caller owes it an `unpark`.
    pub(crate) fn claim(&mut self) -> Option<*const Waiter> {
        while !self.head.is_null() {
            let node = self.head;
            // SAFETY: linked, hence alive; once won, alive until our `unpark`; once lost, not touched again.
            unsafe {
                self.unlink(node);
                if (*node).win() {
                    return Some(node);
                }
            }
        }
        None
    }

    /// Whether [`claim`](Self::claim) would find somebody now; drops the nodes at the head that nobody can win any more.
    pub(crate) fn has_live(&mut self) -> bool {
        while !self.head.is_null() {
            // SAFETY: linked, hence alive.
            unsafe {
                if (*self.head).is_live() {
                    return true;
                }
                self.unlink(self.head);
            }
        }
        false
    }

    /// Claims every waiter, with this outcome.
    pub(crate) fn claim_all(&mut self, outcome: Outcome, wakes: &mut Wakes) {
        while let Some(node) = self.claim() {
            // SAFETY: just claimed.
            unsafe { wakes.add(node, outcome) };
        }
    }

    /// Claims every waiter of one side, with this outcome (the list of watchers mixes both).
    pub(crate) fn claim_side(&mut self, side: Side, outcome: Outcome, wakes: &mut Wakes) {
        let mut node = self.head;
        while !node.is_null() {
            // SAFETY: linked, hence alive; `next` is read before the node changes hands.
            unsafe {
                let next = (*node).next.get();
                if (*node).side == side {
                    self.unlink(node);
                    if (*node).win() {
                        wakes.add(node, outcome);
                    }
                }
                node = next;
            }
        }
    }
}

/// Claimed waiters, in order, to be unparked once the lock is left.
#[derive(Debug)]
#[must_use]
pub(crate) struct Wakes {
    head: *const Waiter,
    tail: *const Waiter,
}

impl Wakes {
    pub(crate) const fn new() -> Self {
        Self {
            head: ptr::null(),
            tail: ptr::null(),
        }
    }

    /// Adds a waiter.
    ///
    /// # Safety
    /// The caller has claimed it and hands that claim over.
    pub(crate) unsafe fn add(&mut self, node: *const Waiter, outcome: Outcome) {
        // SAFETY: claimed nodes are alive until their `unpark`, which only `fire` does.
        unsafe {
            (*node).outcome.set(outcome);
            (*node).next.set(ptr::null());
            if self.tail.is_null() {
                self.head = node;
            } else {
                (*self.tail).next.set(node);
            }
        }
        self.tail = node;
    }

    /// Unparks them all; not under a lock.
    #[inline]
    pub(crate) fn fire(self) {
        let mut node = self.head;
        while !node.is_null() {
            // SAFETY: claimed and not yet unparked; everything is read before the `unpark`, one for each claim.
            unsafe {
                let next = (*node).next.get();
                (*node).unparker.unpark();
                node = next;
            }
        }
    }
}
