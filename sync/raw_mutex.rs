//! The mutex algorithm without the data: one state word, barging, and hand-off to the starved.
//!
//! The rules are those of Go's `sync.Mutex`; the waiter list is our own instead of a semaphore.
//!
//! * *Normal mode*: whoever sets [`LOCKED`] owns the lock, so a running goroutine may barge past
//!   the waiters. An unlock wakes at most one waiter at a time, which competes like everyone else;
//!   if it loses it goes back to the *front*.
//! * *Starvation mode*: a woken waiter that loses after 1 ms sets [`STARVING`]. From then on an
//!   unlock hands the lock to the first waiter directly, and newcomers do not compete. The mode
//!   ends with the last waiter, or with one that waited less than 1 ms.
//!
//! | bit | set by | means | cleared by |
//! |---|---|---|---|
//! | `LOCKED` | the owner to be; an unlocker that hands off | the lock is held | unlock |
//! | `QUEUED` | a waiter, under the list's lock | the list is not empty (exact whenever the list's lock is free) | whoever empties the list, under its lock |
//! | `WOKEN` | an unlocker for the one it wakes; a spinning locker | somebody is awake and will retry: unlocks need wake nobody | that somebody: with `LOCKED` when it wins, or when it queues or gives up while `LOCKED` or `STARVING` |
//! | `STARVING` | a woken waiter after 1 ms | unlocks hand off; implies `QUEUED` | whoever empties the list; a new owner that waited less than 1 ms |
//!
//! | `LOCKED` | `QUEUED` | others | legal because |
//! |---|---|---|---|
//! | 0 | 0 | any `WOKEN` | free; the `WOKEN` one is about to take it |
//! | 1 | any | any | the owner's unlock sees the other bits and acts |
//! | 0 | 1 | `WOKEN` | free; that one retries, and its unlock wakes the next |
//! | 0 | 1 | `STARVING` | for a moment: the unlocker is on its way to the list, to take `LOCKED` back for the first waiter |
//! | 0 | 1 | none | for a moment: the unlocker is on its way to the list, to wake one |
//!
//! So a waiter may queue (and give up `WOKEN`) only while it sees `LOCKED` or `STARVING` in the
//! same atomic step.

use crate::runtime::clock;
use crate::runtime::on_abandon::{Fate, OnAbandon};
use crate::runtime::park::{self, WaitReason};
use crate::runtime::prims::{AtomicU32, Instant, Ordering, const_fn, spin_loop};
use crate::sync::spin::SpinLock;
use crate::sync::wait_list::{End, Leave, Parking, WaitList, Waiter, park_in};
use std::{ptr, time::Duration};

const LOCKED: u32 = 1;
const WOKEN: u32 = 1 << 1;
const STARVING: u32 = 1 << 2;
const QUEUED: u32 = 1 << 3;

/// Go's `starvationThresholdNs`.
const STARVATION: Duration = Duration::from_millis(1);

fn starves(since: Instant) -> bool {
    since
        .checked_add(STARVATION)
        .is_some_and(|at| clock::now() >= at)
}

/// Pauses before a locker parks even if `can_spin` says no. A guess: cheaper than a park and its
/// unpark.
const MIN_SPINS: u32 = 2;

/// Pauses before a locker parks. A guess: about 2 us, half the price of waking a sleeping worker.
const SPIN: u32 = 40;

/// The word in the node of a waiter that was woken to compete.
const COMPETE: usize = 0;

/// The word in the node of a waiter that owns the lock on waking.
const HANDED_OFF: usize = 1;

/// A mutual exclusion lock without data.
#[derive(Debug)]
pub(crate) struct RawMutex {
    state: AtomicU32,
    waiters: SpinLock<WaitList>,
}

impl RawMutex {
    const_fn! {
        /// A free lock.
        pub(crate) fn new() -> Self {
            Self {
                state: AtomicU32::new(0),
                waiters: SpinLock::new(WaitList::new(())),
            }
        }
    }

    /// Takes the lock; parks for as long as it is held by another.
    #[inline]
    pub(crate) fn lock(&self, reason: WaitReason) {
        self.lock_until(reason, None);
    }

    /// Takes the lock, giving up at `deadline`. `true` if it was taken.
    #[inline]
    pub(crate) fn lock_until(&self, reason: WaitReason, deadline: Option<Instant>) -> bool {
        park::explore();
        // Acquire: pairs with the Release in `unlock`.
        let before = self.state.fetch_or(LOCKED, Ordering::Acquire);
        if before & LOCKED != 0 {
            return self.lock_slow(reason, deadline);
        }
        if before != 0 {
            // Overtook one who waits, perhaps for this worker: in a loop he would never run, to say
            // that he has waited for too long.
            self.yield_if_over_budget();
        }
        true
    }

    /// Lets others run if it is their turn; the caller holds the lock.
    fn yield_if_over_budget(&self) {
        // SAFETY: the caller refers to the lock until this returns, and for good if it never runs
        // again.
        unsafe {
            park::yield_if_over_budget_or(OnAbandon::new(
                unlock_for_another,
                ptr::from_ref(self).cast(),
            ));
        }
    }

    /// Takes the lock if that is possible at once. Does not overtake starving waiters.
    #[inline]
    pub(crate) fn try_lock(&self) -> bool {
        self.state.load(Ordering::Relaxed) & (LOCKED | STARVING) == 0
            // Acquire: pairs with the Release in `unlock`.
            && self.state.fetch_or(LOCKED, Ordering::Acquire) & LOCKED == 0
    }

    /// Releases the lock. The caller holds it.
    #[inline]
    pub(crate) fn unlock(&self) {
        // Release: pairs with the Acquire of whoever takes the lock next.
        let before = self.state.fetch_sub(LOCKED, Ordering::Release);
        debug_assert!(before & LOCKED != 0, "unlock of an unlocked mutex");
        if before & QUEUED != 0 && before & (WOKEN | STARVING) != WOKEN {
            self.unlock_slow();
        }
    }

    #[cold]
    fn lock_slow(&self, reason: WaitReason, deadline: Option<Instant>) -> bool {
        // Whether the `WOKEN` bit is ours.
        let mut woken = false;
        let mut waiting_since: Option<Instant> = None;
        loop {
            if self.spin(&mut woken) {
                return true;
            }
            if deadline.is_some_and(|d| clock::now() >= d) {
                return woken && self.give_up();
            }
            let (since, end) = match waiting_since {
                Some(since) => (since, End::Front),
                None => (clock::now(), End::Back),
            };
            let starving = end == End::Front && starves(since);
            waiting_since = Some(since);
            let waiter = Waiter::new_or(COMPETE, || {
                if woken && self.give_up() {
                    self.unlock();
                }
            });
            let list = self.waiters.lock();
            if !self.announce(woken, starving) {
                continue;
            }
            // `announce` has given `WOKEN` back; only a waker that lets us compete gives it again.
            let parking = Parking {
                reason,
                deadline,
                end,
            };
            if !park_in(list, &waiter, parking, self) {
                return false;
            }
            if waiter.word() == HANDED_OFF {
                if !starves(since) {
                    self.state.fetch_and(!STARVING, Ordering::Relaxed);
                }
                return true;
            }
            woken = true;
        }
    }

    /// Takes the lock if it is free or becomes free shortly. May make `WOKEN` ours.
    fn spin(&self, woken: &mut bool) -> bool {
        let mut pauses = 0;
        loop {
            let state = self.state.load(Ordering::Relaxed);
            if state & (LOCKED | STARVING) == 0 {
                let mine = if *woken { WOKEN } else { 0 };
                if self.replace(state, (state | LOCKED) & !mine) {
                    return true;
                }
                continue;
            }
            let enough = pauses >= MIN_SPINS && (pauses >= SPIN || !park::can_spin());
            if state & STARVING != 0 || enough {
                return false;
            }
            // Tell the owner that it need not wake anyone. The bit is set while `LOCKED`, as the
            // table demands.
            if !*woken && state & (QUEUED | WOKEN) == QUEUED {
                *woken = self.replace(state, state | WOKEN);
            }
            spin_loop();
            pauses += 1;
        }
    }

    /// Under the list's lock: says that a waiter is about to be linked. `false` if the lock is free
    /// to take instead.
    fn announce(&self, woken: bool, starving: bool) -> bool {
        let set = QUEUED | if starving { STARVING } else { 0 };
        let clear = if woken { WOKEN } else { 0 };
        loop {
            let state = self.state.load(Ordering::Relaxed);
            if state & (LOCKED | STARVING) == 0 {
                return false;
            }
            if self.replace(state, (state | set) & !clear) {
                return true;
            }
        }
    }

    /// Returns the `WOKEN` bit, which is ours, at a timeout. Takes the lock and says `true` if it
    /// is free: the unlock that freed it may have woken nobody for our sake.
    fn give_up(&self) -> bool {
        loop {
            let state = self.state.load(Ordering::Relaxed);
            let free = state & (LOCKED | STARVING) == 0;
            let taken = if free { LOCKED } else { 0 };
            if self.replace(state, (state | taken) & !WOKEN) {
                return free;
            }
        }
    }

    #[cold]
    fn unlock_slow(&self) {
        let mut list = self.waiters.lock();
        list.skip_abandoned();
        if list.is_empty() {
            self.clear_queued();
            return;
        }
        let handing_off = loop {
            let state = self.state.load(Ordering::Relaxed);
            let starving = state & STARVING != 0;
            // Somebody else owns the lock by now, or is awake: waking the waiters falls to them.
            if state & QUEUED == 0 || state & LOCKED != 0 || (!starving && state & WOKEN != 0) {
                return;
            }
            let set = if starving { LOCKED } else { WOKEN };
            let clear = if list.has_one() { QUEUED | STARVING } else { 0 };
            if self.replace(state, (state | set) & !clear) {
                break starving;
            }
        };
        let first = list.pop_front();
        drop(list);
        if let Some(first) = first {
            first.unpark_with(if handing_off { HANDED_OFF } else { COMPETE });
        }
    }

    /// Under the list's lock: the list is empty.
    fn clear_queued(&self) {
        self.state
            .fetch_and(!(QUEUED | STARVING), Ordering::Relaxed);
    }

    fn replace(&self, from: u32, to: u32) -> bool {
        self.state
            // Acquire: where this sets `LOCKED`, it pairs with the Release in `unlock`.
            .compare_exchange_weak(from, to, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }
}

impl Leave<()> for RawMutex {
    fn withdrawn(&self, list: &mut WaitList) {
        if list.is_empty() {
            self.clear_queued();
        }
    }

    /// It has the lock, or `WOKEN` is its.
    fn pass_on(&self, word: usize) {
        if word == HANDED_OFF || self.give_up() {
            self.unlock();
        }
    }
}

/// Releases a lock for a goroutine that yielded while it held it and never runs again.
///
/// # Safety
/// `lock` is a `RawMutex` that is alive and held by that goroutine, whose code has not got it from
/// `lock` yet.
unsafe fn unlock_for_another(lock: *const (), _: Fate) {
    // SAFETY: passed on.
    unsafe { &*lock.cast::<RawMutex>() }.unlock();
}

#[cfg(all(test, not(loom)))]
mod tests;
