//! What a select needs of a channel, whatever the type of its values: see `select` for when each is
//! called.

use crate::{
    runtime::prims::Instant,
    sync::channel::{
        chan::Chan,
        core::Core,
        op_queue::Wakes,
        timer::{Moment, TimerChan},
        wait::{OpOutcome, Partners, PendingOp, Promise, Side},
    },
};
use std::alloc::Layout;

/// How a select's arm was committed under the locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    /// Receive: the value is in the slot.
    Received,
    /// Receive: the partner is a select's sending arm, which will fill the slot. The waiter has
    /// been linked: park for it.
    Promised,
    /// Either: the channel is closed.
    Closed,
    /// Send: an unbounded channel always takes it.
    Free,
    /// Send: a place in the buffer is reserved.
    Reserved,
    /// Send: a receiver has been promised the value, and waits for it as long as it may.
    To(Promise),
}

/// One channel, as seen by a select.
pub(crate) trait SelectHandle {
    fn core(&self) -> &Core;

    /// Of a value.
    fn layout(&self) -> Layout;

    /// Receives into `me`'s slot; `None` if nothing can be received after all. What is owed to
    /// others is added to `wakes`. A select that has timers says the `moment`.
    ///
    /// # Safety
    /// The lock is held. `me` is a linked-nowhere receiver with a slot of this layout; it stays in
    /// place until it was unparked or unlinked, should this return [`Commit::Promised`].
    unsafe fn commit_recv(
        &self,
        me: &PendingOp,
        moment: Option<Moment>,
        partners: Partners,
        wakes: &mut Wakes,
    ) -> Option<Commit>;

    /// Gives a reserved place up.
    fn unreserve(&self);
}

impl<T> SelectHandle for Chan<T> {
    fn core(&self) -> &Core {
        &self.core
    }

    fn layout(&self) -> Layout {
        Layout::new::<T>()
    }

    unsafe fn commit_recv(
        &self,
        me: &PendingOp,
        _moment: Option<Moment>,
        partners: Partners,
        wakes: &mut Wakes,
    ) -> Option<Commit> {
        // SAFETY: the lock is held.
        let queues = unsafe { self.core.queues() };
        if self.core.len() > 0 {
            // SAFETY: there is a value, and the slot is free for it. The lock is held.
            unsafe {
                // A used-up segment is freed under the lock, one in 32 times: that is no code of
                // the user.
                drop(self.pop(me.slot().cast()));
                self.refill(queues, wakes);
            }
            return Some(Commit::Received);
        }
        if !self.core.is_rendezvous() {
            return self.core.is_closed().then_some(Commit::Closed);
        }
        let Some(sender) = queues.senders.claim_from(partners) else {
            return self.core.is_closed().then_some(Commit::Closed);
        };
        let is_promise = sender.is_promise();
        if is_promise {
            // SAFETY: the lock is held; the rest is passed on.
            sender.set_promise(unsafe { queues.promise(me) });
        } else {
            // SAFETY: just claimed, on a channel of `T`; its slot is read once. The slot of `me` is
            // free.
            unsafe {
                me.slot()
                    .cast::<T>()
                    .copy_from_nonoverlapping(sender.slot().cast(), 1);
            }
        }
        wakes.add(sender, OpOutcome::Done);
        Some(if is_promise {
            Commit::Promised
        } else {
            Commit::Received
        })
    }

    fn unreserve(&self) {
        Chan::unreserve(self);
    }
}

impl SelectHandle for TimerChan {
    fn core(&self) -> &Core {
        self.core()
    }

    fn layout(&self) -> Layout {
        Layout::new::<Instant>()
    }

    unsafe fn commit_recv(
        &self,
        me: &PendingOp,
        moment: Option<Moment>,
        _partners: Partners,
        _wakes: &mut Wakes,
    ) -> Option<Commit> {
        // SAFETY: the lock is held; the slot is free for an `Instant`.
        unsafe {
            let message = self.take(moment?)?;
            me.slot().cast::<Instant>().write(message);
        }
        Some(Commit::Received)
    }

    fn unreserve(&self) {
        unreachable!("nobody sends to a timer")
    }
}

/// Whether the operation would not wait; not for timers.
///
/// # Safety
/// The lock is held.
pub(crate) unsafe fn is_ready(core: &Core, side: Side, partners: Partners) -> bool {
    // SAFETY: the lock is held.
    let queues = unsafe { core.queues() };
    if core.is_closed() {
        return true;
    }
    match (side, core.is_rendezvous()) {
        (Side::Recv, false) => core.len() > 0,
        (Side::Recv, true) => core.len() > 0 || queues.senders.has_live(partners),
        (Side::Send, false) => core.has_room(queues),
        (Side::Send, true) => queues.receivers.has_live(Partners::All),
    }
}

/// Commits a sending arm, whose value is made later; `None` if that cannot be after all.
///
/// # Safety
/// The lock is held.
pub(crate) unsafe fn commit_send(core: &Core) -> Option<Commit> {
    // SAFETY: the lock is held.
    let queues = unsafe { core.queues() };
    if core.is_closed() {
        Some(Commit::Closed)
    } else if !core.is_bounded() {
        Some(Commit::Free)
    } else if core.is_rendezvous() {
        let receiver = queues.receivers.claim()?;
        // SAFETY: just claimed; its frame stands until it is unlinked or unparked.
        Some(Commit::To(unsafe { queues.promise(&receiver) }))
    } else if core.has_room(queues) {
        queues.reserved += 1;
        Some(Commit::Reserved)
    } else {
        None
    }
}
