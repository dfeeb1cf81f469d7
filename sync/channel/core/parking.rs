//! How a waiter of one channel parks, and how it leaves its list when its time is up.

use crate::{
    runtime::park::{self, Unparked, WaitReason},
    sync::{
        channel::{
            core::{Core, GRACE, Held, Wait, notify},
            op_queue::Wakes,
            wait::{OpOutcome, PendingOp, QueueKind, Side},
        },
        unwind::UndoOnUnwind,
    },
};

impl Core {
    /// Links a plain waiter, under the lock of the look before (W1), and parks it; `Pending` says
    /// that the time was up. The lock is this channel's.
    pub(crate) fn park(&self, held: Held<'_>, node: &PendingOp, wait: Wait) -> OpOutcome {
        let (queue, reason, partner) = match node.side() {
            Side::Send => (QueueKind::Senders, WaitReason::ChanSend, Side::Recv),
            Side::Recv => (QueueKind::Receivers, WaitReason::ChanRecv, Side::Send),
        };
        let mut wakes = Wakes::new();
        // SAFETY: the lock is held; the node is linked nowhere, and `park_linked` returns only
        // when it is linked no more.
        unsafe {
            let queues = self.queues();
            queues.list(queue).push(node, queue);
            // On a rendezvous channel a waiting party is what makes the other side ready. On one
            // with a buffer only a value or a free place does.
            if self.is_rendezvous() {
                notify(queues, partner, &mut wakes);
            }
        }
        drop(held);
        wakes.fire();
        if self.park_linked(node, reason, wait) {
            node.outcome()
        } else {
            OpOutcome::Pending
        }
    }

    /// Parks a waiter that has been linked; false if the time was up first, and then it is
    /// unlinked. A receiver that has been promised a value by then waits [`GRACE`] longer.
    #[inline(always)]
    pub(crate) fn park_linked(&self, node: &PendingOp, reason: WaitReason, wait: Wait) -> bool {
        // The node must not outlive its frame in the list, even if `park` unwinds.
        let unlink = UndoOnUnwind::new(|| {
            self.leave(node, reason);
        });
        let unparked = wait.park(reason);
        unlink.disarm();
        unparked == Unparked::Notified || self.is_served_late(node, reason)
    }

    /// The time is up for this waiter: whether it is served all the same; else it is unlinked.
    #[cold]
    #[inline(never)]
    fn is_served_late(&self, node: &PendingOp, reason: WaitReason) -> bool {
        // A value was promised and may be about to come: wait for it a little longer.
        if self.is_rendezvous() && self.is_promised(node) {
            let unlink = UndoOnUnwind::new(|| {
                self.leave(node, reason);
            });
            let unparked = Wait::at_most(GRACE).park(reason);
            unlink.disarm();
            if unparked == Unparked::Notified {
                return true;
            }
        }
        // One that cannot be unlinked any more has been claimed between its deadline and here, and
        // so was served.
        !self.leave(node, reason)
    }

    /// Whether a waiter of the caller's has been promised a value, which has not come.
    pub(crate) fn is_promised(&self, node: &PendingOp) -> bool {
        let _held = self.hold();
        // SAFETY: the lock is held, of the channel that the caller linked it into.
        unsafe { node.queue() == Some(QueueKind::Promised) }
    }

    /// Unlinks a waiter that was not unparked (W4); false if it had been claimed, and then its
    /// `unpark` has been consumed.
    fn leave(&self, node: &PendingOp, reason: WaitReason) -> bool {
        let held = self.hold();
        // SAFETY: the lock is held, the caller linked the node into this core.
        let unlinked = unsafe { self.unlink(node) };
        drop(held);
        // Claimed: whoever did so still uses the node, until its `unpark`, which is on its way.
        if !unlinked {
            park::park(reason);
        }
        unlinked
    }
}
