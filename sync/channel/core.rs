//! The untyped half of a channel: its lock, its counters and its wait lists. How a waiter parks and
//! leaves is in `core/parking`.
//!
//! Everything here is independent of the value's type, so that a select can hold arms of any types
//! (see `select_handle`).
//!
//! Invariants, whenever the lock is free ("live" waiters are those that can still be won):
//!
//! * I1: `len + reserved <= capacity`; an unbounded channel's capacity is `usize::MAX`. A
//!   rendezvous channel, whose capacity is 0, may hold values all the same: those whose receivers
//!   went away before they were made (see `chan/promise`).
//! * I2: a live sender waits only if `len + reserved == capacity`.
//! * I3: a live receiver waits only if `len == 0`.
//! * I4: on a closed channel nobody waits, but for receivers that were promised a value before.

use crate::{
    runtime::{
        clock,
        park::{self, Unparked, WaitReason},
        prims::{AtomicBool, AtomicUsize, Instant, Ordering, UnsafeCell, exclusive},
    },
    sync::{
        channel::{
            op_queue::{OpQueue, Wakes},
            wait::{OpOutcome, PendingOp, Promise, QueueKind, Side},
        },
        spin::{Exponential, SpinGuard, SpinLock},
    },
};
use std::time::Duration;

/// How much longer than it may wait a receiver waits for a value that it has been promised, so that
/// one that is made at once comes in time, however busy the machine is. A guess: well above the
/// time in which a woken goroutine or thread runs, well below what users would call a hang.
pub(crate) const GRACE: Duration = Duration::from_millis(10);

/// The lock of one channel. Its critical sections are a few dozen instructions (look at a counter,
/// move one value, link one node), they never park and never run code of the user (no `Drop`, no
/// `Clone`), so a holder is gone before a parked waiter could be woken.
pub(crate) type ChannelLock = SpinLock<(), Exponential>;

/// Proof that a channel's lock is held; dropping it leaves the lock.
pub(crate) type Held<'a> = SpinGuard<'a, (), Exponential>;

/// How long an operation may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Not at all.
    Never,
    /// Until it is done.
    Forever,
    /// Until then.
    Until(Instant),
}

impl Wait {
    /// At most `timeout` from now; for ever if that is beyond what an `Instant` can say.
    pub(crate) fn at_most(timeout: Duration) -> Self {
        if timeout.is_zero() {
            // A park, even for no time, would end with the timers' next tick.
            return Self::Never;
        }
        clock::now()
            .checked_add(timeout)
            .map_or(Self::Forever, Self::Until)
    }

    /// Until `deadline`; not at all if that has passed.
    pub(crate) fn until(deadline: Instant) -> Self {
        if deadline <= clock::now() {
            return Self::Never;
        }
        Self::Until(deadline)
    }

    /// Whether no time is left.
    pub(crate) fn is_over(self, now: Instant) -> bool {
        match self {
            Self::Never => true,
            Self::Forever => false,
            Self::Until(deadline) => deadline <= now,
        }
    }

    /// These limits, or until `instant`, if that is earlier.
    pub(crate) fn or_until(self, instant: Option<Instant>) -> Self {
        match (self, instant) {
            (Self::Forever, Some(instant)) => Self::Until(instant),
            (Self::Until(deadline), Some(instant)) => Self::Until(deadline.min(instant)),
            _ => self,
        }
    }

    /// Parks the caller within these limits.
    #[inline(always)]
    pub(crate) fn park(self, reason: WaitReason) -> Unparked {
        match self {
            Self::Until(deadline) => park::park_until(reason, deadline),
            Self::Never => Unparked::TimedOut,
            Self::Forever => {
                park::park(reason);
                Unparked::Notified
            }
        }
    }
}

/// The lists and the count that the lock guards: whoever holds it reads and writes them.
///
/// A waiter links itself into its list before it parks. It is taken out by whoever serves it, by
/// whoever closes the channel, or by itself when its time is up.
#[derive(Debug)]
pub(crate) struct Queues {
    /// Senders that wait for room, or on a rendezvous channel for a receiver. Receivers serve them.
    pub(crate) senders: OpQueue,
    /// Receivers that wait for a value. Senders serve them.
    pub(crate) receivers: OpQueue,
    /// Selects that wait to hear that one of their operations could be done, and do none. Whoever
    /// makes room or brings a value wakes them.
    pub(crate) watchers: OpQueue,
    /// Of a rendezvous channel: receivers that wait for the value of a select's sending arm that
    /// has been chosen. The arm brings it, or breaks the promise; each receiver can still leave.
    pub(crate) promised: OpQueue,
    /// Of a buffered channel: places that are kept for selects' sending arms that have been chosen
    /// and still make their values. Whoever chooses such an arm adds one, the arm takes it off.
    pub(crate) reserved: usize,
}

/// Whether the side that leaves a channel is the first or the second to do so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Departure {
    /// The other side is still there, or will leave after this: the caller does not touch the
    /// channel again.
    First,
    /// Nobody but the caller can touch the channel any more.
    Second,
}

impl Queues {
    /// The list of this kind.
    pub(crate) fn list(&mut self, queue: QueueKind) -> &mut OpQueue {
        match queue {
            QueueKind::Senders => &mut self.senders,
            QueueKind::Receivers => &mut self.receivers,
            QueueKind::Watchers => &mut self.watchers,
            QueueKind::Promised => &mut self.promised,
        }
    }

    /// Promises a receiver the value of a select's sending arm.
    ///
    /// # Safety
    /// The receiver has been won, or is the caller's own; it is linked nowhere, and stays where it
    /// is until it has been unlinked.
    pub(crate) unsafe fn promise(&mut self, receiver: &PendingOp) -> Promise {
        // SAFETY: passed on.
        unsafe { self.promised.push(receiver, QueueKind::Promised) };
        Promise::to(receiver)
    }
}

/// The untyped half of a channel.
#[derive(Debug)]
pub(crate) struct Core {
    /// Held by whoever operates on the channel, for a few dozen instructions. A select holds those
    /// of all its channels.
    lock: ChannelLock,
    /// The channel was closed. Set under the lock by the one who closes it, read by anybody, never
    /// reset.
    closed: AtomicBool,
    /// Receivers cannot close it. Set by whoever makes the channel, before a second thread knows
    /// it; read by receivers that would close it.
    sealed: AtomicBool,
    /// The last handle of one side has gone. Written under the lock by that side, read by the
    /// other.
    abandoned: AtomicBool,
    /// It was made in a test that chooses the schedule. Set when it is made, read by operations,
    /// which let others come first.
    explored: bool,
    /// The number of values in the buffer. Written under the lock by whoever moves a value in or
    /// out, read by anybody.
    len: AtomicUsize,
    /// How many values fit; `usize::MAX` without a limit. Set when it is made, read by anybody.
    capacity: usize,
    /// Whether there is a limit. Set when it is made, read by anybody.
    bounded: bool,
    /// The lists of those who wait. Read and written under the lock only.
    queues: UnsafeCell<Queues>,
}

// SAFETY: `queues` is only touched under the lock; the nodes in it may be used by any thread under
// it (see `wait`).
unsafe impl Send for Core {}
// SAFETY: as above.
unsafe impl Sync for Core {}

impl Core {
    pub(crate) fn new(capacity: Option<usize>) -> Self {
        Self {
            lock: SpinLock::new(()),
            closed: AtomicBool::new(false),
            sealed: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            explored: park::is_explored(),
            len: AtomicUsize::new(0),
            capacity: capacity.unwrap_or(usize::MAX),
            bounded: capacity.is_some(),
            queues: UnsafeCell::new(Queues {
                senders: OpQueue::new(),
                receivers: OpQueue::new(),
                watchers: OpQueue::new(),
                promised: OpQueue::new(),
                reserved: 0,
            }),
        }
    }

    /// Takes the lock; spins while another has it.
    #[inline]
    pub(crate) fn hold(&self) -> Held<'_> {
        self.lock.lock()
    }

    /// As [`hold`](Self::hold), if the lock is free.
    #[inline(always)]
    pub(crate) fn try_hold(&self) -> Option<Held<'_>> {
        self.lock.try_lock()
    }

    /// The bare lock, for a select that holds several.
    pub(crate) fn lock(&self) -> &ChannelLock {
        &self.lock
    }

    /// What the lock guards.
    ///
    /// # Safety
    /// The caller holds the lock for as long as it uses the reference, and has no other one to the
    /// same core.
    #[inline]
    #[allow(
        clippy::mut_from_ref,
        reason = "the lock, which the caller holds, makes it exclusive"
    )]
    pub(crate) unsafe fn queues(&self) -> &mut Queues {
        // SAFETY: the caller's promise.
        unsafe { exclusive(&self.queues) }
    }

    pub(crate) fn capacity(&self) -> Option<usize> {
        self.bounded.then_some(self.capacity)
    }

    pub(crate) fn is_bounded(&self) -> bool {
        self.bounded
    }

    /// Whether a test chooses what comes first.
    #[inline]
    pub(crate) fn is_explored(&self) -> bool {
        self.explored
    }

    #[inline]
    pub(crate) fn is_rendezvous(&self) -> bool {
        self.capacity == 0
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        // Acquire: pairs with the Release in `set_len`: who has seen a count sees what came before
        // it.
        self.len.load(Ordering::Acquire)
    }

    /// As users are told: a rendezvous channel holds nothing.
    pub(crate) fn count(&self) -> usize {
        if self.is_rendezvous() { 0 } else { self.len() }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    /// Changes the count; under the lock.
    #[inline]
    pub(crate) fn set_len(&self, len: usize) {
        // Release: pairs with the Acquire in `len`.
        self.len.store(len, Ordering::Release);
    }

    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        // Acquire: pairs with the Release in `close`.
        self.closed.load(Ordering::Acquire)
    }

    /// Whether a buffered channel was open and empty at some instant during the call; without the
    /// lock.
    ///
    /// `len` is read first: the channel is never reopened, so one that is still open when `closed`
    /// is read was open when it was empty.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        !self.is_rendezvous() && self.len() == 0 && !self.is_closed()
    }

    /// Whether a buffered channel could take a value now; under the lock.
    #[inline]
    pub(crate) fn has_room(&self, queues: &Queues) -> bool {
        self.len() + queues.reserved < self.capacity
    }

    /// Takes the right to close it from its receivers; before any is handed out.
    pub(crate) fn seal(&self) {
        self.sealed.store(true, Ordering::Relaxed);
    }

    /// As `close`, in the name of a receiver.
    pub(crate) fn close_by_receiver(&self) {
        // Relaxed: written before the receiver was handed out.
        if !self.sealed.load(Ordering::Relaxed) {
            self.close();
        }
    }

    /// Closes the channel and wakes everybody; false if it was closed already.
    pub(crate) fn close(&self) -> bool {
        let mut wakes = Wakes::new();
        let held = self.hold();
        // SAFETY: the lock is held.
        let is_first = unsafe { self.close_held(&mut wakes) };
        drop(held);
        wakes.fire();
        is_first
    }

    /// As `close`, under the lock.
    ///
    /// # Safety
    /// The lock is held.
    unsafe fn close_held(&self, wakes: &mut Wakes) -> bool {
        // Closed before: everybody has been woken then.
        if self.is_closed() {
            return false;
        }
        // Release: pairs with the Acquire in `is_closed`.
        self.closed.store(true, Ordering::Release);
        // SAFETY: the lock is held.
        let queues = unsafe { self.queues() };
        // All but `promised` (I4): those have been chosen for, and their values may still come.
        for list in [
            &mut queues.receivers,
            &mut queues.senders,
            &mut queues.watchers,
        ] {
            list.claim_all(OpOutcome::Closed, wakes);
        }
        true
    }

    /// For a side's last handle: whether the other side has left, and the lock as well, so that
    /// nobody but the caller can touch the channel any more (W6). False says nothing.
    pub(crate) fn is_abandoned(&self) -> bool {
        // Acquire: after the other side has taken the lock for the last time; so a free lock is one
        // that it has left (Acquire there).
        self.abandoned.load(Ordering::Acquire) && self.lock.is_free()
    }

    /// The last handle of one side goes: closes the channel. `last` is what that side does last
    /// under the lock. Leaving the lock is the first side's last use of the channel, so the second
    /// one, which takes the lock after it, may free it.
    pub(crate) fn leave_for_good<R>(&self, last: impl FnOnce() -> R) -> (Departure, R) {
        let mut wakes = Wakes::new();
        let held = self.hold();
        // SAFETY: the lock is held.
        unsafe { self.close_held(&mut wakes) };
        let done = last();
        let is_second = self.abandoned.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in `is_abandoned`.
        self.abandoned.store(true, Ordering::Release);
        drop(held);
        // This touches the frames of the claimed waiters, and not the channel, which the other side
        // may have freed by now.
        wakes.fire();
        let departure = if is_second {
            Departure::Second
        } else {
            Departure::First
        };
        (departure, done)
    }

    /// Takes a node out of whatever list it is in; false if a waker has claimed it, or a select's
    /// other arm was chosen.
    ///
    /// # Safety
    /// The lock is held, and the node is alive and was linked into this core.
    pub(crate) unsafe fn unlink(&self, node: &PendingOp) -> bool {
        // Whoever claims a node takes it out of its list, under the lock.
        // SAFETY: the lock is held.
        let Some(queue) = (unsafe { node.queue() }) else {
            return false;
        };
        // SAFETY: the lock is held, and the node is in that list.
        unsafe { self.queues().list(queue).unlink(node) };
        true
    }

    /// Breaks a promise (W5): its receiver, if it still waits, looks again.
    pub(crate) fn break_promise(&self, promise: Promise) {
        let held = self.hold();
        // SAFETY: the lock is held.
        let receiver = unsafe { self.queues() }.promised.take_promised(promise);
        drop(held);
        // Otherwise it has left, and is owed nothing.
        if let Some(receiver) = receiver {
            receiver.finish(OpOutcome::Retry);
        }
    }
}

/// Wakes those who asked to hear that a side of this channel is ready.
#[inline]
pub(crate) fn notify(queues: &mut Queues, side: Side, wakes: &mut Wakes) {
    if !queues.watchers.is_empty() {
        queues.watchers.claim_side(side, OpOutcome::Done, wakes);
    }
}
