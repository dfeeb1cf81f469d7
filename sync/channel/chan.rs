//! The typed half of a channel: send, receive, and the exchange of values with waiters.
//!
//! The algorithm is that of Go's `hchan` (runtime/chan.go): one lock, a buffer, a FIFO of parked
//! senders and one of parked receivers, and direct hand-off. A sender that finds a parked receiver
//! moves its value straight into that receiver's slot; a receiver that takes the oldest value of a
//! full buffer moves the oldest parked sender's value in. So a woken party finds its operation done
//! and never has to compete again.
//!
//! The uncontended cases of a buffered channel are inlined: one read-modify-write for the lock, one
//! move, one store. All others enter `send_held`/`recv_held` with the lock held.
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
        core::{Core, Left, Queues, Wait, notify},
        spin::Held,
        wait::{Outcome, Partners, Side, Waiter, Wakes},
    },
};
use std::mem::{self, MaybeUninit};

/// Why an operation was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The channel is closed (and, for a receiver, empty).
    Closed,
    /// It would have had to wait, or to wait longer.
    Time,
}

/// A channel.
pub(crate) struct Chan<T> {
    pub(crate) core: Core,
    buffer: UnsafeCell<Buffer<T>>,
}

// SAFETY: values move between threads through the buffer and the slots, under the lock or a claim;
// hence `T: Send` suffices.
unsafe impl<T: Send> Send for Chan<T> {}
// SAFETY: as above; no reference to a value is ever shared.
unsafe impl<T: Send> Sync for Chan<T> {}

impl<T> Chan<T> {
    /// Whether values are returned in registers, or nearly so. Others are moved once only, to where
    /// the receiver wants them: a copy on the way would need room for it on a goroutine's stack.
    const IS_SMALL: bool = size_of::<T>() <= 64;

    /// A channel of this capacity; without one, unbounded.
    pub(crate) fn new(capacity: Option<usize>) -> Self {
        let buffer = match capacity {
            // A rendezvous channel holds values only if receivers leave that they were promised.
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
        // The slow paths are calls at the end, so that this function saves no registers: each
        // store before the next locked instruction is one that it must wait for.
        let Some(held) = self.core.try_hold() else {
            // SAFETY: passed on.
            return unsafe { self.send_contended(from, wait) };
        };
        // SAFETY: the lock is held.
        let (queues, buffer) = unsafe { (self.core.queues(), self.buffer()) };
        if queues.receivers.is_empty()
            && queues.watchers.is_empty()
            && !self.core.is_closed()
            && self.core.has_room(queues)
            && !self.core.is_explored()
        {
            let len = self.core.len();
            if let Some(place) = buffer.place(len) {
                // SAFETY: the place is free, the lock is held, `from` holds a value.
                unsafe { place.at.copy_from_nonoverlapping(from, 1) };
                self.core.set_len(len + 1);
                drop(held);
                if place.is_lap {
                    let_others_run_slow(wait);
                }
                return Ok(());
            }
        }
        // SAFETY: passed on.
        unsafe { self.send_held(held, from, wait) }
    }

    /// As [`send`](Self::send), if the lock was taken.
    ///
    /// # Safety
    /// As there.
    #[cold]
    #[inline(never)]
    unsafe fn send_contended(&self, from: *mut T, wait: Wait) -> Result<(), Refused> {
        // SAFETY: passed on.
        unsafe { self.send_held(self.core.hold(), from, wait) }
    }

    /// Moves a value out of the channel, or says why not.
    #[inline]
    pub(crate) fn recv(&self, wait: Wait) -> Result<T, Refused> {
        if wait == Wait::Never && self.core.is_idle() {
            return Err(Refused::Time);
        }
        let Some(held) = self.core.try_hold() else {
            return self.recv_contended(wait);
        };
        // SAFETY: the lock is held.
        let queues = unsafe { self.core.queues() };
        if Self::IS_SMALL
            && self.core.len() > 0
            && queues.senders.is_empty()
            && queues.watchers.is_empty()
            && !self.core.is_explored()
        {
            // SAFETY: there is a value, the lock is held.
            let (is_lap, value, used_up) = unsafe { self.take() };
            drop(held);
            drop(used_up);
            if is_lap {
                let_others_run_slow(wait);
            }
            return Ok(value);
        }
        self.recv_slow(held, wait)
    }

    /// As [`recv`](Self::recv), if the lock was taken.
    #[cold]
    #[inline(never)]
    fn recv_contended(&self, wait: Wait) -> Result<T, Refused> {
        self.recv_slow(self.core.hold(), wait)
    }

    /// As [`recv`](Self::recv), from a held lock on, for all cases.
    #[inline(never)]
    fn recv_slow(&self, held: Held<'_>, wait: Wait) -> Result<T, Refused> {
        let mut slot = MaybeUninit::uninit();
        // SAFETY: the slot is free, and is this call's own. On `Ok` it holds a value.
        unsafe {
            self.recv_held(held, slot.as_mut_ptr(), wait)?;
            Ok(slot.assume_init())
        }
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
        if self.core.is_explored() {
            held = self.let_others_come_first(held, wait);
        }
        // SAFETY: the lock is held whenever the condition is looked at.
        while unsafe { self.core.has_room(self.core.queues()) && self.buffer().is_starved() } {
            held = self.feed(held);
        }
        let mut patient = wait != Wait::Never && !self.core.is_rendezvous();
        loop {
            // SAFETY: the lock is held.
            let (queues, buffer) = unsafe { (self.core.queues(), self.buffer()) };
            if self.core.is_closed() {
                drop(held);
                self.after_send(wait);
                return Err(Refused::Closed);
            }
            if let Some(receiver) = queues.receivers.claim() {
                drop(held);
                // SAFETY: just claimed, on a channel of `T`; `from` holds a value.
                unsafe { deliver(receiver, from) };
                self.after_send(wait);
                return Ok(());
            }
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
            if wait == Wait::Never {
                return Err(Refused::Time);
            }
            // Spin only here, on a bounded channel: an unbounded one, which might starve meanwhile,
            // always has room.
            if patient && park::can_spin() {
                drop(held);
                patient = false;
                spin_while(|| self.core.is_full() && !self.core.is_closed());
                held = self.core.hold();
                continue;
            }
            let Some(unparker) = Unparker::allowed() else {
                drop(held);
                park::refuse();
            };
            let node = Waiter::plain(Side::Send, from.cast(), unparker);
            return match self.core.park(held, &node, wait) {
                Outcome::Done => Ok(()),
                Outcome::Pending => Err(Refused::Time),
                // Nobody tells a plain sender to look again.
                Outcome::Closed | Outcome::Retry => Err(Refused::Closed),
            };
        }
    }

    /// Where an operation begins in a test that chooses the schedule.
    #[cold]
    fn let_others_come_first<'a>(&'a self, held: Held<'a>, wait: Wait) -> Held<'a> {
        if wait == Wait::Never {
            return held;
        }
        drop(held);
        park::explore();
        self.core.hold()
    }

    /// A send that did not park is over.
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
        let spurned = unsafe { self.buffer() }.supply(segment);
        if spurned.is_none() {
            return held;
        }
        drop(held);
        drop(spurned);
        self.core.hold()
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
        if self.core.is_explored() {
            held = self.let_others_come_first(held, wait);
        }
        let mut patient = wait != Wait::Never && !self.core.is_rendezvous();
        loop {
            // SAFETY: the lock is held.
            let queues = unsafe { self.core.queues() };
            if self.core.len() > 0 {
                let mut wakes = Wakes::new();
                // SAFETY: there is a value, the lock is held, `to` is free.
                let used_up = unsafe { self.pop(to) };
                // SAFETY: the lock is held.
                unsafe { self.refill(queues, &mut wakes) };
                drop(held);
                drop(used_up);
                wakes.fire();
                let_others_run(wait);
                return Ok(());
            }
            let mut outcome = Outcome::Pending;
            if self.core.is_rendezvous()
                && let Some(sender) = claim_sender(queues)
            {
                // SAFETY: just claimed, on a rendezvous channel of `T`; `to` is free.
                outcome = unsafe { self.take_from(held, sender, to, wait) };
                let_others_run(wait);
            } else if self.core.is_closed() {
                drop(held);
                let_others_run(wait);
                return Err(Refused::Closed);
            } else if patient && park::can_spin() {
                drop(held);
                patient = false;
                spin_while(|| self.core.is_idle());
                outcome = Outcome::Retry;
            } else if wait != Wait::Never {
                let Some(unparker) = Unparker::allowed() else {
                    drop(held);
                    park::refuse();
                };
                let node = Waiter::plain(Side::Recv, to.cast(), unparker);
                outcome = self.core.park(held, &node, wait);
            }
            match outcome {
                Outcome::Done => return Ok(()),
                Outcome::Closed => return Err(Refused::Closed),
                Outcome::Pending => return Err(Refused::Time),
                Outcome::Retry => held = self.core.hold(),
            }
        }
    }

    /// Gives free places of the buffer to waiting senders (I2), and their values to waiting
    /// receivers first (I3).
    ///
    /// # Safety
    /// The lock is held; `queues` are this core's.
    pub(crate) unsafe fn refill(&self, queues: &mut Queues, wakes: &mut Wakes) {
        while self.core.has_room(queues) {
            let Some(sender) = queues.senders.claim() else {
                break;
            };
            // SAFETY: just claimed (both), on a channel of `T`; there is room; the lock is held.
            unsafe {
                if (*sender).is_promise() {
                    queues.reserved += 1;
                } else if let Some(receiver) = queues.receivers.claim() {
                    let (from, to) = ((*sender).slot(), (*receiver).slot());
                    to.cast::<T>().copy_from_nonoverlapping(from.cast(), 1);
                    wakes.add(receiver, Outcome::Done);
                } else {
                    self.push(self.buffer(), (*sender).slot().cast());
                }
                wakes.add(sender, Outcome::Done);
            }
        }
        if self.core.has_room(queues) {
            notify(queues, Side::Send, wakes);
        }
        if self.core.len() > 0 {
            notify(queues, Side::Recv, wakes);
        }
    }

    /// The last receiver goes. Returns what is left in the channel, too, for the caller to drop.
    pub(crate) fn leave_receivers(&self) -> (Left, Leftovers<T>) {
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
    pub(crate) fn leave_senders(&self) -> Left {
        let (left, ()) = self.core.leave_for_good(|| ());
        left
    }

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

    /// # Safety
    /// The lock is held, there is room, `from` holds a value.
    #[inline]
    pub(crate) unsafe fn push(&self, buffer: &mut Buffer<T>, from: *const T) {
        let len = self.core.len();
        // SAFETY: passed on.
        unsafe { buffer.push(len, from) };
        self.core.set_len(len + 1);
    }

    /// # Safety
    /// The lock is held, there is a value, `to` is free for it.
    #[inline]
    pub(crate) unsafe fn pop(&self, to: *mut T) -> Option<Box<Segment<T>>> {
        // SAFETY: passed on.
        let used_up = unsafe { self.buffer().pop(to) };
        self.core.set_len(self.core.len() - 1);
        used_up
    }

    /// As [`pop`](Self::pop), by value: whether a receiver lets others run after it, the value, and
    /// perhaps a segment to be freed.
    ///
    /// # Safety
    /// The lock is held, there is a value.
    #[inline(always)]
    unsafe fn take(&self) -> (bool, T, Option<Box<Segment<T>>>) {
        // SAFETY: the lock is held.
        let buffer = unsafe { self.buffer() };
        let is_lap = buffer.pop_is_lap();
        let mut value = MaybeUninit::uninit();
        // SAFETY: there is a value, and it is moved to `value`.
        unsafe {
            let used_up = buffer.pop(value.as_mut_ptr());
            self.core.set_len(self.core.len() - 1);
            (is_lap, value.assume_init(), used_up)
        }
    }
}

/// After an operation that might have parked, and did not (or could not be done): a loop of such
/// starves nobody. What never parks never yields either.
#[inline]
fn let_others_run(wait: Wait) {
    if wait != Wait::Never {
        park::yield_if_over_budget();
    }
}

/// As [`let_others_run`], for a path that is seldom taken.
#[cold]
#[inline(never)]
fn let_others_run_slow(wait: Wait) {
    let_others_run(wait);
}

/// The oldest sender with which the caller, a receiver, can be paired.
#[inline]
fn claim_sender(queues: &mut Queues) -> Option<*const Waiter> {
    // The usual case first: whether the caller may wait for a promise matters to promises only.
    match queues.senders.claim_plain() {
        Some(sender) => Some(sender),
        None if queues.senders.is_empty() => None,
        None => queues.senders.claim_from(Partners::of_caller()),
    }
}

/// How often a receiver looks at an empty buffer before it parks. A guess: well below the price of
/// a wake-up.
const LOOKS: u32 = 16;

fn spin_while(condition: impl Fn() -> bool) {
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
/// The caller has claimed the waiter, a receiver of `T`, and does not touch it again; `from` holds
/// a value, which is gone then.
pub(crate) unsafe fn deliver<T>(receiver: *const Waiter, from: *const T) {
    // SAFETY: claimed, so its frame stands; its slot is one for a `T`, and is filled once.
    unsafe {
        (*receiver)
            .slot()
            .cast::<T>()
            .copy_from_nonoverlapping(from, 1);
        Waiter::finish(receiver, Outcome::Done);
    }
}
