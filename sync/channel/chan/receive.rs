//! Receiving from a channel. The short path takes a value that is there and wakes nobody; all other
//! cases are in `recv_held`.

use crate::{
    runtime::park::{self, Unparker},
    sync::channel::{
        buffer::Segment,
        chan::{Chan, Refused, let_others_run, let_others_run_slow, spin_while},
        core::{Held, Queues, Wait},
        op_queue::Wakes,
        wait::{ClaimedOp, OpOutcome, Partners, PendingOp, Side},
    },
};
use std::mem::MaybeUninit;

impl<T> Chan<T> {
    /// Whether values are returned in registers, or nearly so. Others are moved once only, to where
    /// the receiver wants them: a copy on the way would need room for it on a goroutine's stack.
    const IS_SMALL: bool = size_of::<T>() <= 64;

    /// Moves a value out of the channel, or says why not.
    #[inline]
    pub(crate) fn recv(&self, wait: Wait) -> Result<T, Refused> {
        // A poll of an empty channel is answered without the lock, so that a loop of polls does not
        // keep senders from it.
        if wait == Wait::Never && self.core.is_idle() {
            return Err(Refused::Time);
        }
        // Somebody else has the lock: wait for it, out of line.
        let Some(held) = self.core.try_hold() else {
            return self.recv_contended(wait);
        };
        // SAFETY: the lock is held.
        let queues = unsafe { self.core.queues() };
        // The short path takes a value and wakes nobody: no sender waits for the place that it
        // leaves, no select watches for one, and no test chooses the schedule. A closed channel
        // gives out what is in it, so `closed` does not matter here.
        if Self::IS_SMALL
            && self.core.len() > 0
            && queues.senders.is_empty()
            && queues.watchers.is_empty()
            && !self.core.is_explored()
        {
            // SAFETY: there is a value, the lock is held.
            let (is_lap, value, used_up) = unsafe { self.take() };
            drop(held);
            // A segment is freed without the lock, for the allocator may take long.
            drop(used_up);
            // Looking at the clock costs more than the receive, so only some receives do.
            if is_lap {
                let_others_run_slow(wait);
            }
            return Ok(value);
        }
        self.recv_to_slot(held, wait)
    }

    /// As [`recv`](Self::recv), when another has the lock: waits for it.
    #[cold]
    #[inline(never)]
    fn recv_contended(&self, wait: Wait) -> Result<T, Refused> {
        self.recv_to_slot(self.core.hold(), wait)
    }

    /// As [`recv`](Self::recv), from a held lock on, for all cases.
    #[inline(never)]
    fn recv_to_slot(&self, held: Held<'_>, wait: Wait) -> Result<T, Refused> {
        let mut slot = MaybeUninit::uninit();
        // SAFETY: the slot is free, and is this call's own. On `Ok` it holds a value.
        unsafe {
            self.recv_held(held, slot.as_mut_ptr(), wait)?;
            Ok(slot.assume_init())
        }
    }

    /// The whole of receiving, from a held lock on: moves a value to `to`, or says why not.
    ///
    /// # Safety
    /// `to` is free for a value and is not used by others meanwhile. On `Ok` it holds one.
    #[inline(always)]
    unsafe fn recv_held<'a>(
        &'a self,
        mut held: Held<'a>,
        to: *mut T,
        wait: Wait,
    ) -> Result<(), Refused> {
        // A test that chooses the schedule may run any other goroutine before this operation.
        if self.core.is_explored() {
            held = self.let_others_come_first(held, wait);
        }
        // Spin once at most. Not on a rendezvous channel: there is no buffer to watch.
        let mut patient = wait != Wait::Never && !self.core.is_rendezvous();
        loop {
            // SAFETY: the lock is held.
            let queues = unsafe { self.core.queues() };
            // A value is there, whether the channel is closed or not: take the oldest. The place
            // that it leaves goes to the oldest parked sender (I2).
            if self.core.len() > 0 {
                let mut wakes = Wakes::new();
                // SAFETY: there is a value, the lock is held, `to` is free.
                let used_up = unsafe { self.pop(to) };
                // SAFETY: the lock is held.
                unsafe { self.refill(queues, &mut wakes) };
                drop(held);
                // Freeing a segment and waking others take long, so they come after the lock.
                drop(used_up);
                wakes.fire();
                let_others_run(wait);
                return Ok(());
            }
            // No branch below, or one without a park: the caller may not wait.
            let mut outcome = OpOutcome::Pending;
            if self.core.is_rendezvous()
                && let Some(sender) = claim_sender(queues)
            {
                // A sender waits for a receiver: take its value from its slot, or, if it is a
                // select's arm whose value is still being made, wait for that.
                // SAFETY: just claimed, on a rendezvous channel of `T`; `to` is free.
                outcome = unsafe { self.take_from(held, sender, to, wait) };
                let_others_run(wait);
            } else if self.core.is_closed() {
                // Closed and empty: nothing will come.
                drop(held);
                let_others_run(wait);
                return Err(Refused::Closed);
            } else if patient && park::can_spin() {
                // A running sender may be about to put a value in, which comes sooner than a park
                // and an unpark would be over.
                drop(held);
                patient = false;
                spin_while(|| self.core.is_idle());
                outcome = OpOutcome::Retry;
            } else if wait != Wait::Never {
                // Nothing is there: wait in the list of receivers. A caller that may not park
                // panics, after the lock has been left.
                let Some(unparker) = Unparker::allowed() else {
                    drop(held);
                    park::refuse();
                };
                let node = PendingOp::plain(Side::Recv, to.cast(), unparker);
                outcome = self.core.park(held, &node, wait);
            }
            match outcome {
                // Whoever claimed this receiver has moved a value to `to`.
                OpOutcome::Done => return Ok(()),
                // The channel was closed while this receiver waited.
                OpOutcome::Closed => return Err(Refused::Closed),
                // The time was up, and the node is in no list any more.
                OpOutcome::Pending => return Err(Refused::Time),
                // After spinning, or when a select's arm did not keep its promise: begin anew.
                OpOutcome::Retry => held = self.core.hold(),
            }
        }
    }

    /// As [`pop`](Self::pop), by value: whether a receiver lets others run after it, the value, and
    /// perhaps a segment to be freed.
    ///
    /// # Safety
    /// The lock is held, there is a value.
    #[inline(always)]
    unsafe fn take(&self) -> (bool, T, Option<Box<Segment<T>>>) {
        // SAFETY: the lock is held.
        let is_lap = unsafe { self.buffer() }.pop_is_lap();
        let mut value = MaybeUninit::uninit();
        // SAFETY: the lock is held, there is a value, and it is moved to `value`.
        unsafe {
            let used_up = self.pop(value.as_mut_ptr());
            (is_lap, value.assume_init(), used_up)
        }
    }
}

/// The oldest sender with which the caller, a receiver, can be paired.
#[inline]
fn claim_sender(queues: &mut Queues) -> Option<ClaimedOp> {
    // The usual case first: whether the caller may wait for a promise matters to promises only.
    match queues.senders.claim_plain() {
        Some(sender) => Some(sender),
        None if queues.senders.is_empty() => None,
        // Only selects' arms are left. Each makes its value after it was chosen, so it is claimed
        // only if the caller may wait for that.
        None => queues.senders.claim_from(Partners::of_caller()),
    }
}
