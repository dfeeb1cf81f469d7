//! The typed half of a channel: sending, and what sending and receiving share. Receiving is in
//! `chan/receive`.
//!
//! The algorithm is that of Go's `hchan` (runtime/chan.go): one lock, a buffer, a FIFO of parked
//! senders and one of parked receivers, and direct hand-off. A sender that finds a parked receiver
//! moves its value straight into that receiver's slot; a receiver that takes the oldest value of a
//! full buffer moves the oldest parked sender's value in. So a woken party finds its operation done
//! and never has to compete again.
//!
//! An operation on a buffered channel that meets nobody takes a short path: one read-modify-write
//! for the lock, one move, one store. All other cases enter `send_held` or `recv_held`, which hold
//! the lock from the start and know every case.
//!
//! What differs from Go: sending on a closed channel gives the value back instead of panicking, and
//! a select's sending arm has no value until it has been chosen (its expression is evaluated then),
//! which adds *promises*: see `chan/promise`.

use crate::{
    runtime::{
        park::{self, Unparker},
        prims::{UnsafeCell, exclusive},
    },
    sync::channel::{
        buffer::{Buffer, Leftovers, Segment},
        core::{Core, Departure, Held, Queues, Wait, notify},
        op_queue::Wakes,
        wait::{ClaimedOp, OpOutcome, PendingOp, Side},
    },
};
use std::mem;

/// Why an operation was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The channel is closed (and, for a receiver, empty).
    Closed,
    /// It would have had to wait, or to wait longer.
    Time,
}

/// A channel: what all its senders and receivers share.
pub(crate) struct Chan<T> {
    /// All that does not depend on `T`: the lock, the counters, the wait lists.
    pub(crate) core: Core,
    /// The values. Written and read under the core's lock; how many there are is the core's `len`.
    buffer: UnsafeCell<Buffer<T>>,
}

// SAFETY: values move between threads through the buffer and the slots, under the lock or a claim;
// hence `T: Send` suffices.
unsafe impl<T: Send> Send for Chan<T> {}
// SAFETY: as above; no reference to a value is ever shared.
unsafe impl<T: Send> Sync for Chan<T> {}

impl<T> Chan<T> {
    /// A channel of this capacity; without one, unbounded.
    pub(crate) fn new(capacity: Option<usize>) -> Self {
        let buffer = match capacity {
            // An unbounded channel grows by segments. A rendezvous channel needs a buffer only for
            // values whose receivers have left after they were promised them; there may be any
            // number of those.
            None | Some(0) => Buffer::chain(),
            Some(capacity) => Buffer::ring(capacity),
        };
        Self {
            core: Core::new(capacity),
            buffer: UnsafeCell::new(buffer),
        }
    }

    /// Moves the value at `from` into the channel, or says why not and leaves it there.
    ///
    /// # Safety
    /// `from` holds a value, may be written, and is not used by others meanwhile. On `Ok` the value
    /// is gone.
    #[inline(never)]
    pub(crate) unsafe fn send(&self, from: *mut T, wait: Wait) -> Result<(), Refused> {
        // Every other path is a tail call, so that this function saves no registers on the stack:
        // the locked instruction that comes next waits for each such store.
        let Some(held) = self.core.try_hold() else {
            // Somebody else has the lock: wait for it, out of line.
            // SAFETY: passed on.
            return unsafe { self.send_contended(from, wait) };
        };
        // SAFETY: the lock is held.
        let (queues, buffer) = unsafe { (self.core.queues(), self.buffer()) };
        // The short path puts a value into the buffer and wakes nobody: nobody waits for the value,
        // the channel is open and has room, and no test chooses the schedule.
        if queues.receivers.is_empty()
            && queues.watchers.is_empty()
            && !self.core.is_closed()
            && self.core.has_room(queues)
            && !self.core.is_explored()
        {
            let len = self.core.len();
            // A chain of segments that is full has no place; it is given one in `send_held`.
            if let Some(place) = buffer.place(len) {
                // SAFETY: the place is free, the lock is held, `from` holds a value.
                unsafe { place.at.copy_from_nonoverlapping(from, 1) };
                self.core.set_len(len + 1);
                drop(held);
                // Looking at the clock costs more than the send, so only some sends do.
                if place.is_lap {
                    let_others_run_slow(wait);
                }
                return Ok(());
            }
        }
        // SAFETY: passed on.
        unsafe { self.send_held(held, from, wait) }
    }

    /// As [`send`](Self::send), when another has the lock: waits for it.
    ///
    /// # Safety
    /// As there.
    #[cold]
    #[inline(never)]
    unsafe fn send_contended(&self, from: *mut T, wait: Wait) -> Result<(), Refused> {
        // SAFETY: passed on.
        unsafe { self.send_held(self.core.hold(), from, wait) }
    }

    /// The whole of sending, from a held lock on.
    ///
    /// # Safety
    /// As [`send`](Self::send).
    #[inline(never)]
    unsafe fn send_held<'a>(
        &'a self,
        mut held: Held<'a>,
        from: *mut T,
        wait: Wait,
    ) -> Result<(), Refused> {
        // A test that chooses the schedule may run any other goroutine before this operation.
        if self.core.is_explored() {
            held = self.let_others_come_first(held, wait);
        }
        // A chain of segments that is full gets one more, allocated without the lock. Others may
        // have filled that one by the time the lock is back, so look again.
        // SAFETY: the lock is held whenever the condition is looked at.
        while unsafe { self.core.has_room(self.core.queues()) && self.buffer().is_starved() } {
            held = self.feed(held);
        }
        // Spin once at most. Not on a rendezvous channel: there is no buffer to watch.
        let mut patient = wait != Wait::Never && !self.core.is_rendezvous();
        loop {
            // SAFETY: the lock is held.
            let (queues, buffer) = unsafe { (self.core.queues(), self.buffer()) };
            // Closed, perhaps by the last receiver's going: the value stays with the caller.
            if self.core.is_closed() {
                drop(held);
                self.after_send(wait);
                return Err(Refused::Closed);
            }
            // A receiver waits, so the buffer is empty (I3): the value goes straight into its slot.
            if let Some(receiver) = queues.receivers.claim() {
                drop(held);
                // SAFETY: just claimed, on a channel of `T`; `from` holds a value.
                unsafe { deliver(receiver, from) };
                self.after_send(wait);
                return Ok(());
            }
            // Nobody waits to receive, and there is room: the value goes into the buffer. Selects
            // that only watch the channel hear that it can be received from.
            if self.core.has_room(queues) {
                let mut wakes = Wakes::new();
                // SAFETY: there is room, the lock is held, `from` holds a value.
                unsafe { self.push(buffer, from) };
                notify(queues, Side::Recv, &mut wakes);
                drop(held);
                wakes.fire();
                self.after_send(wait);
                return Ok(());
            }
            // It can only be done by waiting, and the caller may not wait.
            if wait == Wait::Never {
                return Err(Refused::Time);
            }
            // A running receiver may be about to take a value, which comes sooner than a park and
            // an unpark would be over. The channel is bounded, for an unbounded one has room: so
            // its buffer needs no segment when the lock has been taken again.
            if patient && park::can_spin() {
                drop(held);
                patient = false;
                spin_while(|| self.core.is_full() && !self.core.is_closed());
                held = self.core.hold();
                continue;
            }
            // No room: wait in the list of senders, with the value where it is. A caller that may
            // not park panics, after the lock has been left.
            let Some(unparker) = Unparker::allowed() else {
                drop(held);
                park::refuse();
            };
            let node = PendingOp::plain(Side::Send, from.cast(), unparker);
            return match self.core.park(held, &node, wait) {
                // A receiver has moved the value out of `from`, to itself or into the buffer.
                OpOutcome::Done => Ok(()),
                // The time was up, and the node is in no list any more.
                OpOutcome::Pending => Err(Refused::Time),
                // Closed while it waited. Nobody tells a plain sender to look again.
                OpOutcome::Closed | OpOutcome::Retry => Err(Refused::Closed),
            };
        }
    }

    /// Where an operation begins in a test that chooses the schedule: others may run first. Not if
    /// the caller may not wait, for then it may not be in a position to yield either.
    #[cold]
    pub(crate) fn let_others_come_first<'a>(&'a self, held: Held<'a>, wait: Wait) -> Held<'a> {
        if wait == Wait::Never {
            return held;
        }
        drop(held);
        park::explore();
        self.core.hold()
    }

    /// A send that did not park is over. One to an unbounded channel never parks, so it never
    /// yields either.
    #[inline]
    fn after_send(&self, wait: Wait) {
        if self.core.is_bounded() {
            let_others_run(wait);
        }
    }

    /// Gives a starved chain a segment, allocated without the lock.
    pub(crate) fn feed<'a>(&'a self, held: Held<'a>) -> Held<'a> {
        drop(held);
        let segment = Segment::allocate();
        let held = self.core.hold();
        // SAFETY: the lock is held.
        let not_needed = unsafe { self.buffer() }.supply(segment);
        if not_needed.is_none() {
            return held;
        }
        // Another sender supplied one meanwhile: free this one, without the lock again.
        drop(held);
        drop(not_needed);
        self.core.hold()
    }

    /// Gives free places of the buffer to waiting senders (I2), and their values to waiting
    /// receivers first (I3).
    ///
    /// # Safety
    /// The lock is held; `queues` are this core's.
    pub(crate) unsafe fn refill(&self, queues: &mut Queues, wakes: &mut Wakes) {
        while self.core.has_room(queues) {
            // Nobody waits to send.
            let Some(sender) = queues.senders.claim() else {
                break;
            };
            // SAFETY: just claimed (both), on a channel of `T`; there is room; the lock is held.
            unsafe {
                if sender.is_promise() {
                    // A select's sending arm, which makes its value now that it is chosen: the
                    // place is kept for that.
                    queues.reserved += 1;
                } else if let Some(receiver) = queues.receivers.claim() {
                    // A receiver waits, so the buffer is empty: from slot to slot.
                    let (from, to) = (sender.slot(), receiver.slot());
                    to.cast::<T>().copy_from_nonoverlapping(from.cast(), 1);
                    wakes.add(receiver, OpOutcome::Done);
                } else {
                    // The sender's value waits in the buffer from now on, behind those before it.
                    self.push(self.buffer(), sender.slot().cast());
                }
                wakes.add(sender, OpOutcome::Done);
            }
        }
        // Selects that only watch: those who would send, and those who would receive.
        if self.core.has_room(queues) {
            notify(queues, Side::Send, wakes);
        }
        if self.core.len() > 0 {
            notify(queues, Side::Recv, wakes);
        }
    }

    /// The last receiver goes. Returns what is left in the channel, too, for the caller to drop.
    pub(crate) fn leave_receivers(&self) -> (Departure, Leftovers<T>) {
        // SAFETY: called under the lock.
        self.core
            .leave_for_good(|| unsafe { self.take_leftovers() })
    }

    /// What is left in the channel.
    ///
    /// # Safety
    /// The caller holds the lock, or nobody else can touch the channel. It is closed.
    pub(crate) unsafe fn take_leftovers(&self) -> Leftovers<T> {
        // SAFETY: passed on. An empty ring will do from now on: a closed channel is not pushed to.
        let buffer = mem::replace(unsafe { self.buffer() }, Buffer::ring(0));
        let len = self.core.len();
        self.core.set_len(0);
        Leftovers { buffer, len }
    }

    /// The last sender goes.
    pub(crate) fn leave_senders(&self) -> Departure {
        let (departure, ()) = self.core.leave_for_good(|| ());
        departure
    }

    /// The buffer.
    ///
    /// # Safety
    /// The caller holds the lock for as long as it uses the reference, and has no other one.
    #[inline]
    #[allow(
        clippy::mut_from_ref,
        reason = "the lock, which the caller holds, makes it exclusive"
    )]
    pub(crate) unsafe fn buffer(&self) -> &mut Buffer<T> {
        // SAFETY: the caller's promise.
        unsafe { exclusive(&self.buffer) }
    }

    /// Moves the value at `from` to the end of the buffer.
    ///
    /// # Safety
    /// The lock is held, there is room, `from` holds a value.
    #[inline]
    pub(crate) unsafe fn push(&self, buffer: &mut Buffer<T>, from: *const T) {
        let len = self.core.len();
        // SAFETY: passed on.
        unsafe { buffer.push(len, from) };
        self.core.set_len(len + 1);
    }

    /// Moves the oldest value of the buffer to `to`; perhaps returns a segment to be freed without
    /// the lock.
    ///
    /// # Safety
    /// The lock is held, there is a value, `to` is free for it.
    #[inline]
    pub(crate) unsafe fn pop(&self, to: *mut T) -> Option<Box<Segment<T>>> {
        // SAFETY: passed on.
        let used_up = unsafe { self.buffer().pop(to) };
        self.core.set_len(self.core.len() - 1);
        used_up
    }
}

/// For an operation that might have parked, and did not: yields if the goroutine has run for long,
/// so that a loop of such operations does not keep others from the worker. An operation that may
/// not park may not yield either.
#[inline]
pub(crate) fn let_others_run(wait: Wait) {
    if wait != Wait::Never {
        park::yield_if_over_budget();
    }
}

/// As [`let_others_run`], for a path that is seldom taken.
#[cold]
#[inline(never)]
pub(crate) fn let_others_run_slow(wait: Wait) {
    let_others_run(wait);
}

/// How often a receiver looks at an empty buffer, or a sender at a full one, before it parks. A
/// guess: well below the price of a wake-up.
const LOOKS: u32 = 16;

/// Waits without parking while the condition holds, for a short time at most.
pub(crate) fn spin_while(condition: impl Fn() -> bool) {
    for _ in 0..LOOKS {
        if !condition() {
            return;
        }
        std::hint::spin_loop();
    }
}

/// Moves the value at `from` into a claimed receiver's slot and wakes it.
///
/// # Safety
/// The operation was claimed on a channel of `T`; `from` holds a value, which is gone then.
pub(crate) unsafe fn deliver<T>(receiver: ClaimedOp, from: *const T) {
    // SAFETY: claimed, so its frame stands; its slot is one for a `T`, and is filled once.
    unsafe {
        receiver
            .slot()
            .cast::<T>()
            .copy_from_nonoverlapping(from, 1);
    }
    receiver.finish(OpOutcome::Done);
}
