//! The lists of the operations that wait on a channel, and the chain of those to be woken. What may
//! be done with an operation when, and what it means to win one, is said in `wait`.

use crate::sync::{
    channel::wait::{ClaimedOp, OpOutcome, Partners, PendingOp, Promise, QueueKind, Side},
    linked_list::{Chain, CursorMut, LinkedList},
};
use std::ptr::NonNull;

/// A FIFO of pending operations; every method is called under the channel's lock.
#[derive(Debug)]
pub(crate) struct OpQueue(LinkedList<PendingOp>);

impl OpQueue {
    pub(crate) const fn new() -> Self {
        Self(LinkedList::new())
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Appends an operation.
    ///
    /// # Safety
    /// It is linked nowhere, and stays where it is until it has been unlinked. `queue` is this
    /// list's.
    #[inline]
    pub(crate) unsafe fn push(&mut self, op: &PendingOp, queue: QueueKind) {
        op.set_queue(queue);
        // SAFETY: passed on; in no chain, since who claims it hands it on or unparks it. All that
        // touch its links later hold the lock, or have claimed it.
        unsafe { self.0.push_back(NonNull::from(op)) };
    }

    /// Takes an operation out, in constant time.
    ///
    /// # Safety
    /// It is linked into this list.
    #[inline]
    pub(crate) unsafe fn unlink(&mut self, op: &PendingOp) {
        // SAFETY: passed on.
        unsafe { self.0.unlink(op) };
    }

    /// Takes the oldest operation that can be won.
    #[inline]
    pub(crate) fn claim(&mut self) -> Option<ClaimedOp> {
        match self.claim_plain() {
            Some(op) => Some(op),
            None if self.is_empty() => None,
            None => self.claim_from(Partners::All),
        }
    }

    /// As [`claim`](Self::claim), if the oldest operation is one that nobody else can win.
    #[inline]
    pub(crate) fn claim_plain(&mut self) -> Option<ClaimedOp> {
        let first = self.0.first()?;
        // SAFETY: linked, and the lock is held.
        if !first.is_plain() || unsafe { first.is_given_up() } {
            return None;
        }
        let op = self.0.pop_front()?;
        // SAFETY: just taken out, and one of no select is always won.
        Some(unsafe { ClaimedOp::new(op) })
    }

    /// As [`claim`](Self::claim), of senders with which a receiver can be paired.
    #[inline(never)]
    pub(crate) fn claim_from(&mut self, partners: Partners) -> Option<ClaimedOp> {
        loop {
            if let Some(op) = win_current(&mut self.find(partners)?) {
                return Some(op);
            }
        }
    }

    /// Whether [`claim_from`](Self::claim_from) would find somebody now.
    pub(crate) fn has_live(&mut self, partners: Partners) -> bool {
        self.find(partners).is_some()
    }

    /// A cursor at the oldest operation that can be won; drops those before it that nobody can win
    /// any more.
    fn find(&mut self, partners: Partners) -> Option<CursorMut<'_, PendingOp>> {
        let mut cursor = self.0.cursor();
        while let Some(op) = cursor.current() {
            // SAFETY: linked, and the lock is held.
            if unsafe { !op.is_live() } {
                cursor.remove_current();
            } else if partners == Partners::WithValue && op.is_promise() {
                cursor.move_next();
            } else {
                return Some(cursor);
            }
        }
        None
    }

    /// Takes the receiver that was promised a value, if it still waits.
    pub(crate) fn take_promised(&mut self, promise: Promise) -> Option<ClaimedOp> {
        let mut cursor = self.0.cursor();
        while let Some(op) = cursor.current() {
            if !promise.is_to(op) {
                cursor.move_next();
                continue;
            }
            // SAFETY: linked, and the lock is held.
            let is_given_up = unsafe { op.is_given_up() };
            let op = cursor.remove_current()?;
            // SAFETY: just taken out, and won when it was promised the value.
            return (!is_given_up).then(|| unsafe { ClaimedOp::new(op) });
        }
        None
    }

    /// Claims every operation, with this outcome.
    pub(crate) fn claim_all(&mut self, outcome: OpOutcome, wakes: &mut Wakes) {
        while let Some(op) = self.claim() {
            wakes.add(op, outcome);
        }
    }

    /// Claims every operation of one side, with this outcome (the list of watchers mixes both).
    ///
    /// Not inlined: watchers are rare, and what parks has registers for other things.
    #[inline(never)]
    pub(crate) fn claim_side(&mut self, side: Side, outcome: OpOutcome, wakes: &mut Wakes) {
        let mut cursor = self.0.cursor();
        while let Some(op) = cursor.current() {
            if op.side() != side {
                cursor.move_next();
            } else if let Some(op) = win_current(&mut cursor) {
                wakes.add(op, outcome);
            }
        }
    }
}

/// Takes out the operation that the cursor is at; `None` if another channel has won it, and then
/// it is its owner's.
#[inline]
fn win_current(cursor: &mut CursorMut<'_, PendingOp>) -> Option<ClaimedOp> {
    let op = cursor.remove_current()?;
    // SAFETY: just taken out under the lock that its owner needs to leave, so alive; once won, it
    // is ours, and once lost, it is not touched again.
    unsafe { op.as_ref().win().then(|| ClaimedOp::new(op)) }
}

/// Claimed operations, in order, to be unparked once the lock is left.
#[derive(Debug)]
#[must_use]
pub(crate) struct Wakes(Chain<PendingOp>);

impl Wakes {
    pub(crate) const fn new() -> Self {
        Self(Chain::new())
    }

    /// Adds an operation, with its outcome.
    #[inline]
    pub(crate) fn add(&mut self, op: ClaimedOp, outcome: OpOutcome) {
        op.set_outcome(outcome);
        // SAFETY: claimed, so in no list and in no chain, and alive until its `unpark`, which only
        // `fire` does. Its owner asks under the lock of its channel whether it is linked.
        unsafe { self.0.push_back(op.into_raw()) };
    }

    /// Unparks them all (W3); not under a lock.
    #[inline]
    pub(crate) fn fire(mut self) {
        while let Some(op) = self.0.pop_front() {
            // SAFETY: `add` was given the claim, and it is taken out once.
            unsafe { ClaimedOp::new(op) }.unpark();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
