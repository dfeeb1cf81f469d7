//! Pending operations: the nodes of those who wait on a channel, on their stacks, and who may touch
//! one when. The lists that hold them are in `op_queue`.
//!
//! # The life of a node
//!
//! | state | who may touch the node |
//! |---|---|
//! | linked (`queue` names a list) | whoever holds the channel's lock |
//! | promised (won, and linked into `QueueKind::Promised`) | whoever holds the channel's lock |
//! | claimed (unlinked by a waker that *won* it) | that waker, by its [`ClaimedOp`], until the `unpark` |
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
//! plain operation has no token and is always won. The token's operations are Relaxed: they decide
//! who wins and publish nothing. What a winner writes (value, outcome, peer) is published by its
//! `unpark`; an owner that times out has locked every channel it waited on before it reads the
//! token, which orders it after every claim.

use crate::{
    runtime::{
        park::{self, Unparker},
        prims::{AtomicUsize, Cell, Ordering},
    },
    sync::linked_list::{Links, ListNode},
};
use std::{
    ops::Deref,
    ptr::{self, NonNull},
};

/// Which half of a channel an operation uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// It sends.
    Send,
    /// It receives.
    Recv,
}

/// The list of a channel that a node is linked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueueKind {
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

/// What a waker did for a pending operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpOutcome {
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
    pub(crate) fn choose(&self, place: usize) -> bool {
        self.0
            .compare_exchange(0, place + 1, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}

/// Which receiver was promised a value: the address of its node, only to be compared with those
/// that are still linked. Another receiver's node may stand at this address by then. If that one
/// was promised a value too, it gets this one instead of its own, which is as good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Promise(*const PendingOp);

impl Promise {
    /// None was.
    pub(crate) const NONE: Self = Self(ptr::null());

    pub(crate) fn to(receiver: &PendingOp) -> Self {
        Self(receiver)
    }

    /// Whether it was made to this receiver.
    pub(crate) fn is_to(self, receiver: &PendingOp) -> bool {
        ptr::eq(self.0, receiver)
    }
}

/// One operation of one goroutine, thread or future that waits on one channel: what `sudog` is in
/// Go.
#[derive(Debug)]
pub(crate) struct PendingOp {
    /// Guarded by the channel's lock; once claimed, the claimer's.
    links: Links<PendingOp>,
    /// The list that it is in, or was in last. Guarded as `links` is.
    queue: Cell<QueueKind>,
    side: Side,
    /// Written by the claimer, read by the owner after the `unpark`.
    outcome: Cell<OpOutcome>,
    /// Receiver: where the value goes. Sender: where it is; null for a select's sending arm, whose
    /// value is made only once chosen.
    slot: *mut u8,
    /// Null outside of selects.
    token: *const SelectToken,
    /// Place of the arm in its select.
    place: usize,
    /// For a select's sending arm on a rendezvous channel, which has no value yet: the receiver
    /// that it was chosen for. Written and read as `outcome` is.
    promised_to: Cell<Promise>,
    unparker: Unparker,
}

// SAFETY: each has links of its own.
unsafe impl ListNode for PendingOp {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

impl PendingOp {
    /// An operation outside any select.
    pub(crate) fn plain(side: Side, slot: *mut u8, unparker: Unparker) -> Self {
        Self::arm(side, slot, unparker, ptr::null(), 0)
    }

    /// The operation of a select's arm.
    pub(crate) fn arm(
        side: Side,
        slot: *mut u8,
        unparker: Unparker,
        token: *const SelectToken,
        place: usize,
    ) -> Self {
        Self {
            links: Links::new(),
            // Says nothing before it is linked.
            queue: Cell::new(QueueKind::Watchers),
            side,
            outcome: Cell::new(OpOutcome::Pending),
            slot,
            token,
            place,
            promised_to: Cell::new(Promise::NONE),
            unparker,
        }
    }

    pub(crate) fn outcome(&self) -> OpOutcome {
        self.outcome.get()
    }

    /// The list that it is in, if it is in one.
    ///
    /// # Safety
    /// The lock of the channel that it can be linked into is held.
    pub(crate) unsafe fn queue(&self) -> Option<QueueKind> {
        // SAFETY: passed on.
        unsafe { self.links.is_linked() }.then(|| self.queue.get())
    }

    /// Says which list it is being linked into; with that channel's lock.
    pub(crate) fn set_queue(&self, queue: QueueKind) {
        self.queue.set(queue);
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

    /// Whether nobody else can win it: it is that of no select.
    pub(crate) fn is_plain(&self) -> bool {
        self.token.is_null()
    }

    /// Whether this is a select's sending arm, which has no value yet.
    pub(crate) fn is_promise(&self) -> bool {
        self.slot.is_null()
    }

    /// Whether a claim could still be won, and would be of use.
    ///
    /// # Safety
    /// It is linked, and the lock of its channel is held.
    pub(crate) unsafe fn is_live(&self) -> bool {
        // SAFETY: a token lives as long as any node of its select is linked, and this one is.
        let is_open = self.is_plain() || unsafe { &*self.token }.chosen().is_none();
        // SAFETY: passed on.
        is_open && unsafe { !self.is_given_up() }
    }

    /// Whether what a partner gave it would be lost, since its runtime has ended. A plain sender
    /// only gives.
    ///
    /// # Safety
    /// It is linked, and the lock of its channel is held.
    pub(crate) unsafe fn is_given_up(&self) -> bool {
        // SAFETY: it is linked, so it has not been unparked, and its goroutine cannot have gone on:
        // for that it needs the lock.
        (self.side == Side::Recv || self.is_promise()) && unsafe { self.unparker.is_abandoned() }
    }

    /// Tries to win it for the caller, who takes it out of its list (W2).
    ///
    /// # Safety
    /// The caller has just unlinked it, and has held the lock of its channel since.
    pub(crate) unsafe fn win(&self) -> bool {
        // SAFETY: as in `is_live`: its owner needs the lock to leave.
        self.is_plain() || unsafe { &*self.token }.choose(self.place)
    }
}

/// The end of a node is a write to it, so that loom reports whoever still uses it.
#[cfg(loom)]
impl Drop for PendingOp {
    fn drop(&mut self) {
        self.queue.set(QueueKind::Watchers);
        self.outcome.set(OpOutcome::Pending);
    }
}

/// A pending operation that the holder has claimed: it has taken it out of its list, has won it,
/// and owes it one `unpark`. Until that its owner stays, so the node is alive.
#[derive(Debug)]
#[must_use = "whoever waits for a claimed operation sleeps for ever unless it is finished"]
pub(crate) struct ClaimedOp(NonNull<PendingOp>);

impl ClaimedOp {
    /// # Safety
    /// The caller has taken it out of its list under the lock, has won it, and has no other claim
    /// to it.
    #[inline]
    pub(crate) unsafe fn new(op: NonNull<PendingOp>) -> Self {
        Self(op)
    }

    /// Gives the claim up for a pointer, by which the caller owes the `unpark`.
    #[inline]
    pub(crate) fn into_raw(self) -> NonNull<PendingOp> {
        self.0
    }

    /// Says what this sending arm was chosen for.
    pub(crate) fn set_promise(&self, promise: Promise) {
        self.promised_to.set(promise);
    }

    /// Says what was done; it is still to be woken.
    #[inline]
    pub(crate) fn set_outcome(&self, outcome: OpOutcome) {
        self.outcome.set(outcome);
    }

    /// Wakes its owner (W3).
    #[inline]
    pub(crate) fn unpark(self) {
        // The unparker is copied out first: the node may be gone as soon as it is used.
        let unparker = self.unparker;
        // SAFETY: a claim owes exactly one `unpark`, and this is it.
        unsafe { unparker.unpark() }
    }

    /// Says what was done and wakes its owner (W3).
    pub(crate) fn finish(self, outcome: OpOutcome) {
        self.set_outcome(outcome);
        self.unpark();
    }
}

impl Deref for ClaimedOp {
    type Target = PendingOp;

    #[inline]
    fn deref(&self) -> &PendingOp {
        // SAFETY: claimed and not unparked yet, so alive; and nobody else touches it, see the table
        // at the head of the file.
        unsafe { self.0.as_ref() }
    }
}
