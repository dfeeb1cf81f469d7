//! Promises: what a select's sending arm owes once it has been chosen, and its value is still being
//! made.
//!
//! `send(s, expr)` evaluates `expr` only after the arm has been chosen, so an arm is chosen without
//! a value, and what it was chosen for is kept for it:
//!
//! * On a channel with a buffer, a place (`Queues::reserved`). Receivers do not see it. A sender
//!   that needs the place waits, or is refused, as if it were full.
//! * On a rendezvous channel, a receiver: one that was parked, or one that has come and found the
//!   arm parked. It stays linked, in `Queues::promised`; the arm can only ask whether it is still
//!   there.
//!
//! The user's expression may take for ever, or need that very receiver. So a receiver can leave
//! (W5): when its time is up (and [`GRACE`](crate::sync::channel::core::GRACE) is over) it unlinks
//! itself, as from any other list. One that may not park at all is never paired with a promise
//! ([`Partners::WithValue`](crate::sync::channel::wait::Partners)).
//!
//! An arm that finds its receiver gone has been chosen all the same, and its other arms are lost.
//! It must not wait: it may have a limit of its own, and nobody need come. So the value stays in
//! the channel, as in a buffer, for whoever receives next.
//!
//! A goroutine that is given up with its runtime while it makes its message, or before it has run
//! since it was chosen, keeps what it was chosen for, as it would keep a lock.
//!
//! Rejected: not to pair those with a limit at all (two selects with timeouts, or one and a poll,
//! would never meet); to have the arm send its value as a plain sender does (a receiver that gave
//! up and then used another arm of that select would find it blocked in this one); to evaluate
//! before the choice (losing arms would have consumed something, and programs for
//! `crossbeam_channel` would neither compile nor behave the same).

use crate::{
    runtime::park::{Unparker, WaitReason},
    sync::channel::{
        chan::{Chan, deliver},
        core::{Held, Wait, notify},
        op_queue::Wakes,
        wait::{ClaimedOp, OpOutcome, PendingOp, Promise, Side},
    },
};

impl<T> Chan<T> {
    /// Takes a value from a claimed sender. One that has made a promise has none yet: parks within
    /// these limits until it comes, until that arm says `Retry`, or the time is up (`Pending`).
    ///
    /// # Safety
    /// The caller has claimed the sender, one of `T` on this rendezvous channel, under the lock
    /// `held`; `to` is free for a value. If it is a promise, the caller may park.
    pub(crate) unsafe fn take_from(
        &self,
        held: Held<'_>,
        sender: ClaimedOp,
        to: *mut T,
        wait: Wait,
    ) -> OpOutcome {
        // A plain sender's value is in its slot: take it, and wake the sender.
        if !sender.is_promise() {
            drop(held);
            // SAFETY: claimed, so its frame stands; its slot is filled and is read once.
            unsafe { to.copy_from_nonoverlapping(sender.slot().cast(), 1) };
            sender.finish(OpOutcome::Done);
            return OpOutcome::Done;
        }
        // A select's arm is told for whom it was chosen, and makes its value now. The receiver is
        // linked under the same lock, so that the arm finds it.
        let node = PendingOp::plain(Side::Recv, to.cast(), Unparker::unchecked());
        // SAFETY: the lock is held; `park_linked` returns only when the node is linked no more.
        sender.set_promise(unsafe { self.core.queues().promise(&node) });
        drop(held);
        sender.finish(OpOutcome::Done);
        if self.core.park_linked(&node, WaitReason::ChanRecv, wait) {
            node.outcome()
        } else {
            OpOutcome::Pending
        }
    }

    /// Keeps a promise: gives the value at `from` to the receiver that waits for it, or, if it has
    /// left, to whoever receives next. False if it has left and the channel is closed. Never parks.
    ///
    /// # Safety
    /// As [`send`](Self::send). The promise was made on this rendezvous channel, and is used up.
    pub(crate) unsafe fn keep_promise(&self, promise: Promise, from: *mut T) -> bool {
        let mut held = self.core.hold();
        loop {
            // SAFETY: the lock is held.
            let (queues, buffer) = unsafe { (self.core.queues(), self.buffer()) };
            let mut receiver = queues.promised.take_promised(promise);
            // The receiver has left. The channel is as good as a buffer now: closed, it takes
            // nothing; else the value is for whoever waits, or comes, next.
            if receiver.is_none() {
                if self.core.is_closed() {
                    return false;
                }
                receiver = queues.receivers.claim();
            }
            if let Some(receiver) = receiver {
                drop(held);
                // SAFETY: just claimed, on a channel of `T`; `from` holds a value.
                unsafe { deliver(receiver, from) };
                return true;
            }
            // The buffer, a chain of segments, is full: it gets one more, allocated without the
            // lock. A receiver may have come meanwhile, so look again.
            if buffer.is_starved() {
                held = self.feed(held);
                continue;
            }
            let mut wakes = Wakes::new();
            // SAFETY: a chain that is not starved has room; the lock is held, `from` holds a value.
            unsafe { self.push(buffer, from) };
            notify(queues, Side::Recv, &mut wakes);
            drop(held);
            wakes.fire();
            return true;
        }
    }

    /// Moves the value at `from` into a place that was promised to a select's arm; false if the
    /// channel is closed. Never parks.
    ///
    /// # Safety
    /// As [`send`](Self::send); a place was promised to the caller and is used up.
    pub(crate) unsafe fn send_reserved(&self, from: *mut T) -> bool {
        let held = self.core.hold();
        // SAFETY: the lock is held.
        let queues = unsafe { self.core.queues() };
        queues.reserved -= 1;
        // Closed since the arm was chosen: the value stays with the caller.
        if self.core.is_closed() {
            return false;
        }
        let mut wakes = Wakes::new();
        match queues.receivers.claim() {
            // A receiver waits, so the buffer is empty: the value goes straight into its slot.
            // SAFETY: just claimed, on a channel of `T`; the place goes to the next sender.
            Some(receiver) => unsafe {
                receiver
                    .slot()
                    .cast::<T>()
                    .copy_from_nonoverlapping(from, 1);
                wakes.add(receiver, OpOutcome::Done);
                self.refill(queues, &mut wakes);
            },
            // Nobody waits: the value takes the place that was reserved for it.
            // SAFETY: the lock is held, and the place that was reserved is free.
            None => unsafe {
                self.push(self.buffer(), from);
                notify(queues, Side::Recv, &mut wakes);
            },
        }
        drop(held);
        wakes.fire();
        true
    }

    /// Gives a promised place up: it goes to the next sender.
    pub(crate) fn unreserve(&self) {
        let held = self.core.hold();
        let mut wakes = Wakes::new();
        // SAFETY: the lock is held.
        unsafe {
            let queues = self.core.queues();
            queues.reserved -= 1;
            self.refill(queues, &mut wakes);
        }
        drop(held);
        wakes.fire();
    }
}
