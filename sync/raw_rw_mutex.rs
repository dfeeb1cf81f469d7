//! The readers-writer algorithm without the data, after Go's `sync.RWMutex`.
//!
//! Writers exclude each other with a [`RawMutex`]; the one that has it then claims the readers'
//! word with [`WRITER_BIT`]: from that moment new readers queue, and the writer waits until the
//! readers that were in have left. Its unlock first lets in *all* readers that queued behind it and
//! only then releases the mutex to the next writer. So neither side starves: a writer waits for one
//! generation of readers, a reader for one writer.
//!
//! | part of the word | means | changed by |
//! |---|---|---|
//! | [`WRITER_BIT`] | a writer holds the lock or waits for readers to leave: readers must queue | the owner of `writers` only |
//! | [`DRAINING_BIT`] | that writer is parked in `draining`; implies `WRITER_BIT` | set by it, cleared by whoever claims or withdraws it; all under that list's lock |
//! | [`QUEUED_BIT`] | readers are parked in `queued` | under that list's lock; set only while `WRITER_BIT` |
//! | the rest, times [`ONE_READER`] | readers inside, plus arrivals that are about to see `WRITER_BIT` and step back | everyone |
//!
//! A reader arrives by adding itself without looking; if `WRITER_BIT` was set it takes itself off
//! again, exactly as a leaving reader would, so that a draining writer is woken by whichever of
//! them is last. The count has 61 bits: leaked guards cannot overflow it.

use crate::runtime::park::{self, WaitReason};
use crate::runtime::prims::{AtomicU64, Instant, Ordering, const_fn, spin_loop};
use crate::sync::raw_mutex::RawMutex;
use crate::sync::spin::SpinLock;
use crate::sync::wait_list::{Leave, Parking, WaitList, Waiter, park_in};

/// The parts of the state word; the table above says what each means.
const WRITER_BIT: u64 = 1;
const DRAINING_BIT: u64 = 1 << 1;
const QUEUED_BIT: u64 = 1 << 2;
const ONE_READER: u64 = 1 << 3;

/// Pauses before parking even if `can_spin` says no. A guess: readers and writers stay inside for
/// less than a park costs.
const MIN_SPINS: u32 = 3;

/// Pauses before parking. A guess: about 2 us, half the price of waking a sleeping worker.
const SPIN: u32 = 40;

/// A readers-writer lock without data.
#[derive(Debug)]
pub(crate) struct RawRwMutex {
    /// The bits and the count of readers. Changed by readers and writers as the table above says.
    state: AtomicU64,
    /// Held by the writer from before `WRITER_BIT` is set until after it is cleared.
    writers: RawMutex,
    /// Readers that wait for the writer. They link themselves, the writer's unlock takes them out.
    queued: SpinLock<WaitList>,
    /// The writer that waits for readers to leave: one or none. It links itself, the last reader
    /// takes it out.
    draining: SpinLock<WaitList>,
}

/// The count of readers in a state word.
fn readers(state: u64) -> u64 {
    state / ONE_READER
}

/// Whether to park rather than to pause once more.
fn has_spun_enough(pauses: u32) -> bool {
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
        // Counted before looking, so that the usual case is one step. With a writer in or waiting
        // the slow path takes the count back.
        before & WRITER_BIT == 0 || self.read_slow(deadline)
    }

    /// Gets in as a reader if no writer is in or waits for readers to leave.
    #[inline]
    pub(crate) fn try_read(&self) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        while state & WRITER_BIT == 0 {
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
        // A writer waits for the readers to leave, and this was the last.
        if before & DRAINING_BIT != 0 && readers(before) == 1 {
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
        let before = self.state.fetch_add(WRITER_BIT, Ordering::Acquire);
        // New readers queue from now on; those that are in must leave first.
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
            .compare_exchange(0, WRITER_BIT, Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
        // Readers are in.
        if !taken {
            self.writers.unlock();
        }
        taken
    }

    /// Leaves as the writer. The caller is it.
    #[inline]
    pub(crate) fn write_unlock(&self) {
        // Release: pairs with the Acquire of the readers that come next.
        let before = self.state.fetch_sub(WRITER_BIT, Ordering::Release);
        debug_assert!(
            before & WRITER_BIT != 0,
            "write_unlock of a lock without a writer"
        );
        // Readers that queued behind this writer go before the next one.
        if before & QUEUED_BIT != 0 {
            self.admit();
        }
        self.writers.unlock();
    }

    /// The slow half of arriving as a reader: steps back, looks again for a while, then queues.
    #[cold]
    fn read_slow(&self, deadline: Option<Instant>) -> bool {
        self.read_unlock();
        let mut pauses = 0;
        while !has_spun_enough(pauses) {
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
            // The writer has left since, or is still there. Either way one step says so and acts,
            // so that the writer's unlock sees the bit or this reader sees no writer.
            let in_at_once = state & WRITER_BIT == 0;
            let next = if in_at_once {
                state + ONE_READER
            } else {
                state | QUEUED_BIT
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

    /// Lets in all queued readers. The caller owns `writers` and has cleared `WRITER_BIT`.
    #[cold]
    fn admit(&self) {
        let mut list = self.queued.lock();
        let chain = list.take_all();
        // Some may have withdrawn, and the last of them cleared it; others never run again, and
        // were skipped.
        if self.state.load(Ordering::Relaxed) & QUEUED_BIT != 0 {
            // One step from "`QUEUED_BIT`, without them" to "inside": nobody can queue now, since
            // `WRITER_BIT` is clear.
            let inside = chain.len() as u64 * ONE_READER;
            self.state
                .fetch_add(inside.wrapping_sub(QUEUED_BIT), Ordering::Relaxed);
        }
        drop(list);
        chain.unpark_all();
    }

    /// The slow half of arriving as a writer, with `WRITER_BIT` set: waits until no reader is
    /// inside.
    #[cold]
    fn drain(&self, deadline: Option<Instant>) -> bool {
        let mut pauses = 0;
        while !has_spun_enough(pauses) {
            // Acquire: pairs with the Release in `read_unlock`.
            if readers(self.state.load(Ordering::Acquire)) == 0 {
                return true;
            }
            spin_loop();
            pauses += 1;
        }
        // If the caller may not park this panics, after leaving as a writer would.
        let waiter = Waiter::new_or(0, || self.write_unlock());
        let list = self.draining.lock();
        loop {
            // Acquire: pairs with the Release in `read_unlock`.
            let state = self.state.load(Ordering::Acquire);
            // The last one has left meanwhile, and saw nobody to wake.
            if readers(state) == 0 {
                return true;
            }
            if self.replace(state, state | DRAINING_BIT).is_ok() {
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
        // Woken by another, or a reader is in that will do it.
        if state & DRAINING_BIT == 0 || readers(state) != 0 {
            return;
        }
        self.state.fetch_and(!DRAINING_BIT, Ordering::Relaxed);
        let writer = list.pop_front();
        drop(list);
        if let Some(writer) = writer {
            writer.unpark();
        }
    }

    /// One attempt at a change of the word; what it was, if it was not as expected.
    fn replace(&self, from: u64, to: u64) -> Result<u64, u64> {
        self.state
            // Acquire: where this lets a reader in, it pairs with the Release in `write_unlock`.
            .compare_exchange_weak(from, to, Ordering::Acquire, Ordering::Relaxed)
    }
}

/// A queued reader's leaving.
struct Reading<'a>(&'a RawRwMutex);

impl Leave<()> for Reading<'_> {
    /// A reader has left without getting in. If it was the last, the list is empty now.
    fn withdrawn(&self, list: &mut WaitList) {
        if list.is_empty() {
            self.0.state.fetch_and(!QUEUED_BIT, Ordering::Relaxed);
        }
    }

    /// A reader that never runs again was woken. `admit` has counted it, so it leaves as one that
    /// was in.
    fn pass_on(&self, _: usize) {
        self.0.read_unlock();
    }
}

/// The leaving of a writer that waits for readers.
struct Draining<'a>(&'a RawRwMutex);

impl Leave<()> for Draining<'_> {
    /// The writer has left without getting in: no reader needs to wake it.
    fn withdrawn(&self, _: &mut WaitList) {
        self.0.state.fetch_and(!DRAINING_BIT, Ordering::Relaxed);
    }

    /// It leaves as if it had been in: readers that queued behind it go in.
    fn after_withdrawn(&self) {
        self.0.write_unlock();
    }

    /// The writer never runs again, and was woken.
    fn pass_on(&self, _: usize) {
        self.0.write_unlock();
    }
}
