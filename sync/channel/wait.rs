//! Waiters: nodes on the stacks of those who wait, the intrusive lists that hold them, and the
//! chain of those to be woken.
//!
//! # The life of a node
//!
//! | state | who may touch the node |
//! |---|---|
//! | linked (`queue` is a list) | whoever holds the channel's lock |
//! | promised (won, and linked into `QueueKind::Promised`) | whoever holds the channel's lock |
//! | claimed (unlinked by a waker that *won* it) | that waker, until its `unpark` |
//! | lost (unlinked by a waker that did not win it) | the owner |
//! | unparked, withdrawn, or never published | the owner |
//!
//! An owner leaves its stack frame only in the last state: it is either still linked, and unlinks
//! itself under the lock, or it has been claimed, and consumes the `unpark` that is on its way.
//!
//! # Waiters whose runtime has ended
//!
//! They stay linked, and their stacks are never used again, so their nodes may be read for ever.
//! Nobody pairs with a receiver or a promise of these: whoever comes across one unlinks it, without
//! winning it. A plain sender of these has its value at hand, and is served as any other. A waiter
//! whose runtime ends between its claim and its turn has been served: what it was given goes with
//! it.
//!
//! # Winning
//!
//! W2 and W3 in `runtime/README.md`.
//!
//! The nodes of one select share a [`SelectToken`] on the selecting stack. A waker wins such a node
//! by setting the token, which one waker at most can do; one that loses has touched nothing. A
//! plain waiter has no token and is always won. The token's operations are Relaxed: they decide who
//! wins and publish nothing. What a winner writes (value, outcome, peer) is published by its
//! `unpark`; an owner that times out has locked every channel it waited on before it reads the
//! token, which orders it after every claim.

use crate::runtime::{
    park::{self, Unparker},
    prims::{AtomicUsize, Cell, Ordering},
};
use std::ptr;

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
pub(crate) enum QueueKind {
    /// None.
    Nowhere,
    /// Of those who wait to send.
    Senders,
    /// Of those who wait to receive.
    Receivers,
    /// Of those who wait to hear that an operation would not block (`Select::ready`).
    Watchers,
    /// Of receivers that a select's sending arm has been paired with, and that wait for its value.
    Promised,
}

/// With which waiting senders a receiver can be paired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Partners {
    /// With all.
    All,
    /// Only with those that have a value, since the receiver may not wait for one.
    WithValue,
}

impl Partners {
    /// With which the caller can be paired, who may have a `forbid_yield` guard.
    pub(crate) fn of_caller() -> Self {
        if park::may_park() {
            Self::All
        } else {
            Self::WithValue
        }
    }
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

    /// W2. Relaxed: publishes nothing.
    fn choose(&self, place: usize) -> bool {
        self.0
            .compare_exchange(0, place + 1, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

/// Which receiver was promised a value: the address of its node, only to be compared with those
/// that are still linked. Another receiver's node may stand at this address by then. If that one
/// was promised a value too, it gets this one instead of its own, which is as good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Promise(*const Waiter);

impl Promise {
    /// None was.
    pub(crate) const NONE: Self = Self(ptr::null());

    pub(crate) fn to(receiver: &Waiter) -> Self {
        Self(receiver)
    }
}

/// One wait of one goroutine or thread on one channel.
#[derive(Debug)]
pub(crate) struct Waiter {
    prev: Cell<*const Waiter>,
    /// The next in a list; once claimed, the next in a [`Wakes`] chain.
    next: Cell<*const Waiter>,
    queue: Cell<QueueKind>,
    side: Side,
    outcome: Cell<Outcome>,
    /// Receiver: where the value goes. Sender: where it is; null for a select's sending arm, whose
    /// value is made only once chosen.
    slot: *mut u8,
    /// Null for a plain waiter.
    token: *const SelectToken,
    /// Place of the arm in its select.
    place: usize,
    /// For a select's sending arm on a rendezvous channel, which has no value yet: the receiver
    /// that it was chosen for.
    promised_to: Cell<Promise>,
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
            queue: Cell::new(QueueKind::Nowhere),
            side,
            outcome: Cell::new(Outcome::Pending),
            slot,
            token,
            place,
            promised_to: Cell::new(Promise::NONE),
            unparker,
        }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome.get()
    }

    pub(crate) fn queue(&self) -> QueueKind {
        self.queue.get()
    }

    pub(crate) fn side(&self) -> Side {
        self.side
    }

    pub(crate) fn slot(&self) -> *mut u8 {
        self.slot
    }

    pub(crate) fn promise(&self) -> Promise {
        self.promised_to.get()
    }

    /// Whether this is a select's sending arm, which has no value yet.
    pub(crate) fn is_promise(&self) -> bool {
        self.slot.is_null()
    }

    /// Says what this sending arm was chosen for; by the claimer.
    pub(crate) fn set_promise(&self, promise: Promise) {
        self.promised_to.set(promise);
    }

    /// Says what was done and wakes the owner (W3).
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

    /// Whether a claim could still be won, and would be of use.
    fn is_live(&self) -> bool {
        // SAFETY: a token lives as long as any node of its select is linked, and this one is.
        let is_open = self.token.is_null() || unsafe { &*self.token }.chosen().is_none();
        is_open && !self.is_given_up()
    }

    /// Whether what a partner gave it would be lost, since its runtime has ended. A plain sender
    /// only gives.
    fn is_given_up(&self) -> bool {
        // SAFETY: linked, so not unparked, and its goroutine has not gone on.
        (self.side == Side::Recv || self.is_promise()) && unsafe { self.unparker.is_abandoned() }
    }

    fn win(&self) -> bool {
        // SAFETY: as in `is_live`: the caller has just unlinked the node, under the lock that its
        // owner needs to leave.
        self.token.is_null() || unsafe { &*self.token }.choose(self.place)
    }
}

/// The end of a node is a write to it, so that loom reports whoever still uses it.
#[cfg(loom)]
impl Drop for Waiter {
    fn drop(&mut self) {
        self.next.set(ptr::null());
        self.queue.set(QueueKind::Nowhere);
        self.outcome.set(Outcome::Pending);
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
    pub(crate) unsafe fn push(&mut self, node: &Waiter, queue: QueueKind) {
        node.prev.set(self.tail);
        node.next.set(ptr::null());
        node.queue.set(queue);
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
            (*node).queue.set(QueueKind::Nowhere);
        }
    }

    /// Takes the oldest waiter that can be won. The caller owes it an `unpark`.
    #[inline]
    pub(crate) fn claim(&mut self) -> Option<*const Waiter> {
        match self.claim_plain() {
            Some(node) => Some(node),
            None if self.is_empty() => None,
            None => self.claim_from(Partners::All),
        }
    }

    /// As [`claim`](Self::claim), if the oldest waiter is one that nobody else can win.
    #[inline]
    pub(crate) fn claim_plain(&mut self) -> Option<*const Waiter> {
        let node = self.head;
        // SAFETY: linked, hence alive until our `unpark`.
        unsafe {
            if node.is_null() || !(*node).token.is_null() || (*node).is_given_up() {
                return None;
            }
            self.unlink(node);
        }
        Some(node)
    }

    /// As [`claim`](Self::claim), of senders with which a receiver can be paired.
    #[inline(never)]
    pub(crate) fn claim_from(&mut self, partners: Partners) -> Option<*const Waiter> {
        while let Some(node) = self.find(partners) {
            // SAFETY: linked, hence alive; once won, alive until our `unpark`; once lost, not
            // touched again.
            unsafe {
                self.unlink(node);
                if (*node).win() {
                    return Some(node);
                }
            }
        }
        None
    }

    /// Whether [`claim_from`](Self::claim_from) would find somebody now.
    pub(crate) fn has_live(&mut self, partners: Partners) -> bool {
        self.find(partners).is_some()
    }

    /// The oldest waiter that can be won; drops those before it that nobody can win any more.
    fn find(&mut self, partners: Partners) -> Option<*const Waiter> {
        let mut node = self.head;
        while !node.is_null() {
            // SAFETY: linked, hence alive; `next` is read before the node is dropped.
            unsafe {
                let next = (*node).next.get();
                if !(*node).is_live() {
                    self.unlink(node);
                } else if partners == Partners::All || !(*node).is_promise() {
                    return Some(node);
                }
                node = next;
            }
        }
        None
    }

    /// Takes the receiver that was promised a value, if it still waits. The caller owes it an
    /// `unpark`.
    pub(crate) fn take_promised(&mut self, promise: Promise) -> Option<*const Waiter> {
        let mut node = self.head;
        while !node.is_null() {
            // SAFETY: linked, hence alive.
            unsafe {
                if node == promise.0 {
                    self.unlink(node);
                    return (!(*node).is_given_up()).then_some(node);
                }
                node = (*node).next.get();
            }
        }
        None
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

    /// Unparks them all (W3); not under a lock.
    #[inline]
    pub(crate) fn fire(self) {
        let mut node = self.head;
        while !node.is_null() {
            // SAFETY: claimed and not yet unparked; everything is read before the `unpark`, one for
            // each claim.
            unsafe {
                let next = (*node).next.get();
                (*node).unparker.unpark();
                node = next;
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Outcome, Partners, QueueKind, SelectToken, Side, WaitList, Waiter, Wakes};
    use crate::runtime::park::Unparker;
    use std::{array, ptr};

    fn arm(side: Side, token: &SelectToken, place: usize) -> Waiter {
        Waiter::arm(side, ptr::null_mut(), Unparker::unchecked(), token, place)
    }

    fn list(nodes: &[&Waiter]) -> WaitList {
        let mut list = WaitList::new();
        // SAFETY: linked nowhere; the callers keep them longer than the list.
        let push = |node| unsafe { list.push(node, QueueKind::Watchers) };
        nodes.iter().copied().for_each(push);
        list
    }

    /// Nobody in it is parked, so it is not to be fired.
    fn chain(wakes: &Wakes) -> Vec<*const Waiter> {
        let mut chain = Vec::new();
        let mut node = wakes.head;
        while !node.is_null() {
            chain.push(node);
            // SAFETY: the nodes of a test live to its end.
            node = unsafe { (*node).next.get() };
        }
        chain
    }

    #[test]
    fn of_one_side_those_are_woken_that_no_other_channel_has_won() {
        let [first, lost, other, last] = array::from_fn(|_| SelectToken::new());
        assert!(lost.choose(7));
        let loser = arm(Side::Recv, &lost, 1);
        let winner = arm(Side::Recv, &first, 2);
        let sender = arm(Side::Send, &other, 3);
        let second = arm(Side::Recv, &last, 4);
        let mut list = list(&[&loser, &winner, &sender, &second]);
        let mut wakes = Wakes::new();
        list.claim_side(Side::Recv, Outcome::Done, &mut wakes);
        assert_eq!(chain(&wakes), [ptr::from_ref(&winner), &raw const second]);
        assert_eq!(lost.chosen(), Some(7));
        assert_eq!([first.chosen(), last.chosen()], [Some(2), Some(4)]);
        assert_eq!(loser.outcome(), Outcome::Pending);
        assert_eq!([loser.queue(), winner.queue()], [QueueKind::Nowhere; 2]);
        // Those of the other side wait on.
        assert_eq!(
            (other.chosen(), sender.queue()),
            (None, QueueKind::Watchers)
        );
        assert!(list.has_live(Partners::All));
        assert_eq!(list.claim(), Some(ptr::from_ref(&sender)));
        assert!(list.is_empty());
    }

    #[test]
    fn who_may_not_wait_is_paired_with_those_that_have_a_value() {
        let [promise, lost, has_value] = array::from_fn(|_| SelectToken::new());
        assert!(lost.choose(7));
        let mut value = 5_u8;
        let promise = arm(Side::Send, &promise, 0);
        let loser = arm(Side::Send, &lost, 0);
        let unparker = Unparker::unchecked();
        let sender = Waiter::arm(Side::Send, &raw mut value, unparker, &has_value, 0);
        let mut list = list(&[&promise, &loser, &sender]);
        assert!(list.has_live(Partners::WithValue));
        let sender_at = Some(ptr::from_ref(&sender));
        assert_eq!(list.claim_from(Partners::WithValue), sender_at);
        assert!(!list.has_live(Partners::WithValue));
        assert_eq!(list.claim_from(Partners::WithValue), None);
        assert_eq!(list.claim(), Some(ptr::from_ref(&promise)));
        assert!(list.is_empty());
    }
}
