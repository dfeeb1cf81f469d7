//! The readers-writer algorithm without the data, after Go's `sync.RWMutex`.
//!
//! Writers exclude each other with a [`RawMutex`]; the one that has it then claims the readers'
//! word with [`WRITER`]: from that moment new readers queue, and the writer waits until the readers
//! that were in have left. Its unlock first lets in *all* readers that queued behind it and only
//! then releases the mutex to the next writer. So neither side starves: a writer waits for one
//! generation of readers, a reader for one writer.
//!
//! | part of the word | means | changed by |
//! |---|---|---|
//! | [`WRITER`] | a writer holds the lock or waits for readers to leave: readers must queue | the owner of `writers` only |
//! | [`DRAINING`] | that writer is parked in `draining`; implies `WRITER` | set by it, cleared by whoever claims or withdraws it; all under that list's lock |
//! | [`QUEUED`] | readers are parked in `queued` | under that list's lock; set only while `WRITER` |
//! | the rest, times [`ONE_READER`] | readers inside, plus arrivals that are about to see `WRITER` and step back | everyone |
//!
//! A reader arrives by adding itself without looking; if `WRITER` was set it takes itself off
//! again, exactly as a leaving reader would, so that a draining writer is woken by whichever of
//! them is last. The count has 61 bits: leaked guards cannot overflow it.

use crate::runtime::park::{self, WaitReason};
use crate::runtime::prims::{AtomicU64, Instant, Ordering, const_fn, spin_loop};
use crate::sync::raw_mutex::RawMutex;
use crate::sync::spin::SpinLock;
use crate::sync::wait_list::{Leave, Parking, WaitList, Waiter, park_in};

const WRITER: u64 = 1;
const DRAINING: u64 = 1 << 1;
const QUEUED: u64 = 1 << 2;
const ONE_READER: u64 = 1 << 3;

/// Pauses before parking even if `can_spin` says no. A guess: readers and writers stay inside for
/// less than a park costs.
const MIN_SPINS: u32 = 3;

/// Pauses before parking. A guess: about 2 us, half the price of waking a sleeping worker.
const SPIN: u32 = 40;

/// A readers-writer lock without data.
#[derive(Debug)]
pub(crate) struct RawRwMutex {
    state: AtomicU64,
    /// Held by the writer from before `WRITER` is set until after it is cleared.
    writers: RawMutex,
    /// Readers that wait for the writer.
    queued: SpinLock<WaitList>,
    /// The writer that waits for readers to leave: one or none.
    draining: SpinLock<WaitList>,
}

fn readers(state: u64) -> u64 {
    state / ONE_READER
}

fn enough(pauses: u32) -> bool {
    pauses >= MIN_SPINS && (pauses >= SPIN || !park::can_spin())
}

impl RawRwMutex {
    const_fn! {
        /// A free lock.
        pub(crate) fn new() -> Self {
            Self {
                state: AtomicU64::new(0),
                writers: RawMutex::new(),
                queued: SpinLock::new(WaitList::new(())),
                draining: SpinLock::new(WaitList::new(())),
            }
        }
    }

    /// Gets in as a reader, giving up at `deadline`. `true` if it got in; always so without a
    /// deadline.
    #[inline]
    pub(crate) fn read_until(&self, deadline: Option<Instant>) -> bool {
        park::explore();
        // Acquire: pairs with the Release in `write_unlock`.
        let before = self.state.fetch_add(ONE_READER, Ordering::Acquire);
        before & WRITER == 0 || self.read_slow(deadline)
    }

    /// Gets in as a reader if no writer is in or waits for readers to leave.
    #[inline]
    pub(crate) fn try_read(&self) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        while state & WRITER == 0 {
            match self.replace(state, state + ONE_READER) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    /// Leaves as a reader. The caller is one.
    #[inline]
    pub(crate) fn read_unlock(&self) {
        // Release: pairs with the Acquire by which a writer sees the count at zero, in `drain` or
        // `wake_drained`.
        let before = self.state.fetch_sub(ONE_READER, Ordering::Release);
        debug_assert!(
            readers(before) != 0,
            "read_unlock of a lock without readers"
        );
        if before & DRAINING != 0 && readers(before) == 1 {
            self.wake_drained();
        }
    }

    /// Gets in as the writer, giving up at `deadline`. `true` if it got in; always so without a
    /// deadline.
    #[inline]
    pub(crate) fn write_until(&self, deadline: Option<Instant>) -> bool {
        park::explore();
        if !self.writers.lock_until(WaitReason::RwMutexWrite, deadline) {
            return false;
        }
        // Acquire: pairs with the Release in `read_unlock`. The previous writer's is in `writers`.
        let before = self.state.fetch_add(WRITER, Ordering::Acquire);
        readers(before) == 0 || self.drain(deadline)
    }

    /// Gets in as the writer if nobody is in.
    #[inline]
    pub(crate) fn try_write(&self) -> bool {
        if !self.writers.try_lock() {
            return false;
        }
        let taken = self
            .state
            // Acquire: as in `write_until`.
            .compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
        if !taken {
            self.writers.unlock();
        }
        taken
    }

    /// Leaves as the writer. The caller is it.
    #[inline]
    pub(crate) fn write_unlock(&self) {
        // Release: pairs with the Acquire of the readers that come next.
        let before = self.state.fetch_sub(WRITER, Ordering::Release);
        debug_assert!(
            before & WRITER != 0,
            "write_unlock of a lock without a writer"
        );
        if before & QUEUED != 0 {
            self.admit();
        }
        self.writers.unlock();
    }

    /// The slow half of arriving as a reader: steps back, looks again for a while, then queues.
    #[cold]
    fn read_slow(&self, deadline: Option<Instant>) -> bool {
        self.read_unlock();
        let mut pauses = 0;
        while !enough(pauses) {
            if self.try_read() {
                return true;
            }
            spin_loop();
            pauses += 1;
        }
        let waiter = Waiter::new(0);
        let list = self.queued.lock();
        loop {
            let state = self.state.load(Ordering::Relaxed);
            let in_at_once = state & WRITER == 0;
            let next = if in_at_once {
                state + ONE_READER
            } else {
                state | QUEUED
            };
            if self.replace(state, next).is_ok() {
                if in_at_once {
                    return true;
                }
                break;
            }
        }
        // `admit` has counted whoever it wakes.
        let parking = Parking::until(WaitReason::RwMutexRead, deadline);
        park_in(list, &waiter, parking, &Reading(self))
    }

    /// Lets in all queued readers. The caller owns `writers` and has cleared `WRITER`.
    #[cold]
    fn admit(&self) {
        let mut list = self.queued.lock();
        let chain = list.take_all();
        // Some may have withdrawn, and the last of them cleared it; others never run again, and
        // were skipped.
        if self.state.load(Ordering::Relaxed) & QUEUED != 0 {
            // One step from "`QUEUED`, without them" to "inside": nobody can queue now, since
            // `WRITER` is clear.
            let inside = chain.len() as u64 * ONE_READER;
            self.state
                .fetch_add(inside.wrapping_sub(QUEUED), Ordering::Relaxed);
        }
        drop(list);
        chain.unpark_all();
    }

    /// The slow half of arriving as a writer, with `WRITER` set: waits until no reader is inside.
    #[cold]
    fn drain(&self, deadline: Option<Instant>) -> bool {
        let mut pauses = 0;
        while !enough(pauses) {
            // Acquire: pairs with the Release in `read_unlock`.
            if readers(self.state.load(Ordering::Acquire)) == 0 {
                return true;
            }
            spin_loop();
            pauses += 1;
        }
        let waiter = Waiter::new_or(0, || self.write_unlock());
        let list = self.draining.lock();
        loop {
            // Acquire: pairs with the Release in `read_unlock`.
            let state = self.state.load(Ordering::Acquire);
            if readers(state) == 0 {
                return true;
            }
            if self.replace(state, state | DRAINING).is_ok() {
                break;
            }
        }
        let parking = Parking::until(WaitReason::RwMutexWrite, deadline);
        park_in(list, &waiter, parking, &Draining(self))
    }

    /// The last reader has left: wakes the draining writer, unless another reader has come and gone
    /// meanwhile and did, or is still there and will.
    #[cold]
    fn wake_drained(&self) {
        let mut list = self.draining.lock();
        // Acquire: pairs with the Release in `read_unlock`; the unpark hands it on to the writer.
        let state = self.state.load(Ordering::Acquire);
        if state & DRAINING == 0 || readers(state) != 0 {
            return;
        }
        self.state.fetch_and(!DRAINING, Ordering::Relaxed);
        let writer = list.pop_front();
        drop(list);
        if let Some(writer) = writer {
            writer.unpark();
        }
    }

    fn replace(&self, from: u64, to: u64) -> Result<u64, u64> {
        self.state
            // Acquire: where this lets a reader in, it pairs with the Release in `write_unlock`.
            .compare_exchange_weak(from, to, Ordering::Acquire, Ordering::Relaxed)
    }
}

/// A queued reader's leaving.
struct Reading<'a>(&'a RawRwMutex);

impl Leave<()> for Reading<'_> {
    fn withdrawn(&self, list: &mut WaitList) {
        if list.is_empty() {
            self.0.state.fetch_and(!QUEUED, Ordering::Relaxed);
        }
    }

    /// `admit` has counted it as inside.
    fn pass_on(&self, _: usize) {
        self.0.read_unlock();
    }
}

/// The leaving of a writer that waits for readers.
struct Draining<'a>(&'a RawRwMutex);

impl Leave<()> for Draining<'_> {
    fn withdrawn(&self, _: &mut WaitList) {
        self.0.state.fetch_and(!DRAINING, Ordering::Relaxed);
    }

    /// As if it had been in and left.
    fn after_withdrawn(&self) {
        self.0.write_unlock();
    }

    fn pass_on(&self, _: usize) {
        self.0.write_unlock();
    }
}
