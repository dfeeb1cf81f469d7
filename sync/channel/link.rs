//! A future's wait on a channel: a node that outlives the future, if need be.
//!
//! A parked goroutine's node is on its stack, and the goroutine leaves only when nobody uses the
//! node any more. A future may be dropped at any moment. So its node lies in an `Arc`, behind the
//! [`WakerCell`] that the node's unparker leads to; while the node is published, one reference
//! belongs to whoever takes it out of its list (see `runtime/sched/waker.rs`).
//!
//! A future that is forgotten instead of dropped leaves its node in the list. That stays right:
//! the node and its value are never freed, and whoever claims it later wakes nobody.

use crate::{
    runtime::sched::{unparker::Unparker, waker::WakerCell},
    sync::channel::{
        core::{Core, notify},
        op_queue::Wakes,
        wait::{OpOutcome, PendingOp, QueueKind, Side},
    },
};
use std::{
    cell::{Cell, UnsafeCell},
    mem::MaybeUninit,
    ptr,
    sync::{Arc, Weak},
};

/// A node, whom it wakes, and the value that it is to send, if it is a sender's.
#[repr(C)]
pub(crate) struct Link<T> {
    /// The future's waker. The owner sets it, whoever claims the node takes it and wakes.
    cell: WakerCell,
    /// What stands in the channel's list; see `wait`.
    node: PendingOp,
    /// The value of a sender. The owner puts it in, a receiver that has claimed the node takes it.
    value: UnsafeCell<MaybeUninit<T>>,
    /// Whether the owner has put a value in and not taken it out again. Read and written by the
    /// owner. If it is set, the value is there, unless the outcome is `Done`: then a receiver has
    /// it.
    is_given: Cell<bool>,
}

// SAFETY: values move through it under a claim, so `T: Send` suffices; the node is for whoever
// holds the channel's lock, has claimed it, or is its owner, as all nodes; `is_given` is the
// owner's.
unsafe impl<T: Send> Send for Link<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Link<T> {}

/// What became of an attempt to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Published {
    /// The node is in its list.
    Waiting,
    /// The operation would not wait now, and so it does not.
    Ready,
}

impl<T> Link<T> {
    /// A node that waits to receive; as a watcher, so it is given no value.
    pub(crate) fn receiver() -> Arc<Self> {
        Self::new(Side::Recv, MaybeUninit::uninit())
    }

    /// A node that waits to send this.
    pub(crate) fn sender(value: T) -> Arc<Self> {
        let link = Self::new(Side::Send, MaybeUninit::new(value));
        link.is_given.set(true);
        link
    }

    fn new(side: Side, value: MaybeUninit<T>) -> Arc<Self> {
        Arc::new_cyclic(|link: &Weak<Self>| {
            let link = link.as_ptr();
            // SAFETY: only the place is computed. In bounds: memory for a `Link` is there.
            let slot = unsafe { &raw const (*link).value };
            let slot = match side {
                Side::Send => slot.cast_mut().cast(),
                Side::Recv => ptr::null_mut(),
            };
            Self {
                cell: WakerCell::new(Self::release),
                node: PendingOp::plain(side, slot, Unparker::of_waker(link.cast())),
                value: UnsafeCell::new(value),
                is_given: Cell::new(false),
            }
        })
    }

    pub(crate) fn cell(&self) -> &WakerCell {
        &self.cell
    }

    /// What was done for it; after it was fired.
    pub(crate) fn outcome(&self) -> OpOutcome {
        self.node.outcome()
    }

    /// Takes the value back out; once.
    ///
    /// # Safety
    /// The caller is the owner; the node was not published, or was fired without the outcome
    /// `Done`.
    pub(crate) unsafe fn take_value(&self) -> T {
        assert!(self.is_given.replace(false), "a value is taken once");
        // SAFETY: given, and by the caller's promise nobody else has it.
        unsafe { (*self.value.get()).assume_init_read() }
    }

    /// Puts the node into this list of the channel, unless `is_ready` says that the operation would
    /// not wait. The cell was armed before.
    ///
    /// # Safety
    /// The caller is the owner; the node is in no list, and no `fire` of it is under way.
    pub(crate) unsafe fn publish(
        self: &Arc<Self>,
        core: &Core,
        queue: QueueKind,
        is_ready: impl FnOnce() -> bool,
    ) -> Published {
        // A reference for whoever takes the node out of the list.
        let theirs = Arc::into_raw(Arc::clone(self));
        let mut wakes = Wakes::new();
        let held = core.hold();
        // There is something to be done already: look again instead of waiting.
        if is_ready() {
            drop(held);
            // SAFETY: not published, so that reference is ours still.
            unsafe { Self::release(theirs.cast()) };
            return Published::Ready;
        }
        // SAFETY: the lock is held. The node is in no list, and stays where it is for as long as
        // it is in one, by that reference.
        unsafe {
            let queues = core.queues();
            queues.list(queue).push(&(*theirs).node, queue);
            // On a rendezvous channel a waiting sender is what makes a receive ready.
            if queue == QueueKind::Senders && core.is_rendezvous() {
                notify(queues, Side::Recv, &mut wakes);
            }
        }
        drop(held);
        wakes.fire();
        Published::Waiting
    }

    /// The owner waits no longer. False: the node was claimed, and is not to be used again.
    ///
    /// # Safety
    /// The caller is the owner; the node was published to this core, and was not seen fired.
    #[must_use]
    pub(crate) unsafe fn withdraw(self: &Arc<Self>, core: &Core) -> bool {
        let held = core.hold();
        // SAFETY: the lock is held; the node is alive and was linked into this core.
        let unlinked = unsafe { core.unlink(&self.node) };
        drop(held);
        self.cell.disarm();
        if unlinked {
            // SAFETY: taken out of its list, and so with the reference that belongs to that.
            unsafe { Self::release(Arc::as_ptr(self).cast()) };
        }
        unlinked
    }

    /// Gives up one reference to the link.
    ///
    /// # Safety
    /// The cell is that of a `Link<T>`, of which the caller has a reference, and gives it up.
    unsafe fn release(cell: *const WakerCell) {
        // SAFETY: the cell stands at the start of it.
        drop(unsafe { Arc::from_raw(cell.cast::<Self>()) });
    }
}

impl<T> Drop for Link<T> {
    fn drop(&mut self) {
        if self.is_given.get() && self.node.outcome() != OpOutcome::Done {
            // SAFETY: given, and no receiver has it; nobody else has the link.
            unsafe { self.value.get_mut().assume_init_drop() };
        }
    }
}
