//! The second pass of a select: its nodes are linked into the lists of all its channels, the caller
//! parks, and what is still linked is withdrawn.

use crate::{
    runtime::park::{self, Unparked, Unparker, WaitReason},
    sync::{
        channel::{
            core::{GRACE, Wait, notify},
            op_queue::Wakes,
            rng::{self, ExploredOrder},
            select::{Arm, Choice},
            wait::{PendingOp, QueueKind, SelectToken, Side},
        },
        unwind::UndoOnUnwind,
    },
};
use std::{process, ptr};

/// What the waiting nodes are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To do an operation.
    Operate,
    /// To hear that one is ready.
    Watch,
}

/// Shuffles the arms of each channel among themselves: they are linked in this order, and the first
/// in a list is served first.
fn shuffle_duplicates(arms: &mut [Arm<'_>]) {
    let order = ExploredOrder::new();
    for same in arms.chunk_by_mut(|one, other| one.address() == other.address()) {
        // A test that chooses the schedule chooses this order, too.
        if let Some(order) = order {
            same.sort_unstable_by_key(|arm| order.key(arm.index));
            continue;
        }
        for i in (1..same.len()).rev() {
            same.swap(i, rng::below(i + 1));
        }
    }
}

/// Makes a node for every arm. The received value of whichever arm is chosen goes to `room`.
pub(crate) fn prepare(
    arms: &mut [Arm<'_>],
    choice: Choice,
    room: *mut u8,
    token: &SelectToken,
    unparker: Unparker,
) {
    // Of two arms on one channel, that of the first node is served first.
    if choice == Choice::Random {
        shuffle_duplicates(arms);
    }
    for (place, arm) in arms.iter_mut().enumerate() {
        // A sending arm makes its value after it was chosen, so it has nowhere to move it from.
        let slot = if arm.side == Side::Recv {
            room
        } else {
            ptr::null_mut()
        };
        arm.node = Some(PendingOp::arm(arm.side, slot, unparker, token, place));
    }
}

/// Pass 2: links the arms' nodes. All locks are held.
///
/// # Safety
/// The arms, their token and their room stay in place until [`withdraw`].
pub(crate) unsafe fn link(arms: &[Arm<'_>], purpose: Purpose) -> Wakes {
    let mut wakes = Wakes::new();
    for arm in arms {
        let (Some(core), Some(node)) = (arm.core(), &arm.node) else {
            continue;
        };
        let (queue, partner) = match (purpose, arm.side) {
            (Purpose::Watch, side) => (QueueKind::Watchers, side),
            (Purpose::Operate, Side::Send) => (QueueKind::Senders, Side::Recv),
            (Purpose::Operate, Side::Recv) => (QueueKind::Receivers, Side::Send),
        };
        // SAFETY: the lock is held; the node stays in place.
        unsafe {
            let queues = core.queues();
            queues.list(queue).push(node, queue);
            // On a rendezvous channel a waiting party is what makes the other side ready. One that
            // only watches does not take part.
            if purpose == Purpose::Operate && core.is_rendezvous() {
                notify(queues, partner, &mut wakes);
            }
        }
    }
    wakes
}

/// Takes every node back that is still linked (W4); whether one of them had been promised a value.
/// Then the select is chosen, and nobody owes it an `unpark` any more.
fn withdraw(arms: &[Arm<'_>]) -> bool {
    let mut was_promised = false;
    for arm in arms {
        if let (Some(core), Some(node)) = (arm.core(), &arm.node) {
            let _held = core.hold();
            // SAFETY: the lock is held; the node was linked into this core.
            unsafe {
                was_promised |= node.queue() == Some(QueueKind::Promised);
                core.unlink(node);
            }
        }
    }
    was_promised
}

/// Whether the select was chosen by a sending arm whose value has not come.
fn is_promised(arms: &[Arm<'_>], token: &SelectToken) -> bool {
    let arm = token.chosen().map(|place| &arms[place]);
    arm.is_some_and(|arm| match (arm.core(), &arm.node) {
        (Some(core), Some(node)) => core.is_promised(node),
        _ => false,
    })
}

/// Parks a select whose nodes are linked; the place of the arm that a waker has chosen, `None` if
/// the time was up. No node is linked any more, and no `unpark` is under way.
pub(crate) fn park_linked(arms: &[Arm<'_>], token: &SelectToken, wait: Wait) -> Option<usize> {
    // The nodes must not outlive this frame in their lists, even if `park` unwinds. A select that
    // has been chosen by then cannot be undone: its partner has gone on.
    let unlink = UndoOnUnwind::new(|| {
        if !withdraw(arms) && token.chosen().is_some() {
            process::abort();
        }
    });
    let mut unparked = wait.park(WaitReason::Select);
    // A value was promised and may be about to come: wait for it a little longer.
    if unparked == Unparked::TimedOut && is_promised(arms, token) {
        unparked = Wait::at_most(GRACE).park(WaitReason::Select);
    }
    unlink.disarm();
    // Chosen, but the promised value has not come in time: the node has been taken back, so that
    // it comes to another.
    if withdraw(arms) {
        return None;
    }
    // Chosen between the deadline and the withdrawal: the `unpark` is on its way, and is consumed.
    if unparked == Unparked::TimedOut && token.chosen().is_some() {
        park::park(WaitReason::Select);
    }
    token.chosen()
}
