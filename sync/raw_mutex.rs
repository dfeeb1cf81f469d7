//! The mutex algorithm without the data: one state word, barging, and hand-off to the starved.
//!
//! The rules are those of Go's `sync.Mutex`; the waiter list is our own instead of a semaphore.
//!
//! * *Normal mode*: whoever sets [`LOCKED_BIT`] owns the lock, so a running goroutine may barge
//!   past the waiters. An unlock wakes at most one waiter at a time, which competes like everyone
//!   else; if it loses it goes back to the *front*.
//! * *Starvation mode*: a woken waiter that loses after 1 ms sets [`STARVING_BIT`]. From then on an
//!   unlock hands the lock to the first waiter directly, and newcomers do not compete. The mode
//!   ends with the last waiter, or with one that waited less than 1 ms.
//!
//! | bit | set by | means | cleared by |
//! |---|---|---|---|
//! | `LOCKED_BIT` | the owner to be; an unlocker that hands off | the lock is held | unlock |
//! | `QUEUED_BIT` | a waiter, under the list's lock | the list is not empty (exact whenever the list's lock is free) | whoever empties the list, under its lock |
//! | `WOKEN_BIT` | an unlocker for the one it wakes; a spinning locker | somebody is awake and will retry: unlocks need wake nobody | that somebody: with `LOCKED_BIT` when it wins, or when it queues or gives up while `LOCKED_BIT` or `STARVING_BIT` |
//! | `STARVING_BIT` | a woken waiter after 1 ms | unlocks hand off; implies `QUEUED_BIT` | whoever empties the list; a new owner that waited less than 1 ms |
//!
//! | `LOCKED_BIT` | `QUEUED_BIT` | others | legal because |
//! |---|---|---|---|
//! | 0 | 0 | any `WOKEN_BIT` | free; the `WOKEN_BIT` one is about to take it |
//! | 1 | any | any | the owner's unlock sees the other bits and acts |
//! | 0 | 1 | `WOKEN_BIT` | free; that one retries, and its unlock wakes the next |
//! | 0 | 1 | `STARVING_BIT` | for a moment: the unlocker is on its way to the list, to take `LOCKED_BIT` back for the first waiter |
//! | 0 | 1 | none | for a moment: the unlocker is on its way to the list, to wake one |
//!
//! So a waiter may queue (and give up `WOKEN_BIT`) only while it sees `LOCKED_BIT` or
//! `STARVING_BIT` in the same atomic step.

use crate::runtime::clock;
use crate::runtime::on_abandon::{Fate, OnAbandon};
use crate::runtime::park::{self, WaitReason};
use crate::runtime::prims::{AtomicU32, Instant, Ordering, const_fn, spin_loop};
use crate::sync::spin::SpinLock;
use crate::sync::wait_list::{End, Leave, Parking, WaitList, Waiter, park_in};
use std::{ptr, time::Duration};

/// The bits of the state word; the tables above say what each means.
const LOCKED_BIT: u32 = 1;
const WOKEN_BIT: u32 = 1 << 1;
const STARVING_BIT: u32 = 1 << 2;
const QUEUED_BIT: u32 = 1 << 3;

/// Go's `starvationThresholdNs`.
const STARVATION: Duration = Duration::from_millis(1);

/// Whether a waiter of this age has waited for too long.
fn is_starving(since: Instant) -> bool {
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
    /// The bits. Changed by lockers, unlockers and waiters as the tables above say.
    state: AtomicU32,
    /// Those who wait, the first of whom is served next. Waiters link themselves, unlockers take
    /// them out.
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
        let before = self.state.fetch_or(LOCKED_BIT, Ordering::Acquire);
        // The bit was set already, so setting it has changed nothing: somebody has the lock.
        if before & LOCKED_BIT != 0 {
            return self.lock_slow(reason, deadline);
        }
        if before != 0 {
            // Taken, but another waits, and perhaps on this worker: a caller that loops would keep
            // it from running, and so from saying that it has waited for too long.
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
        self.state.load(Ordering::Relaxed) & (LOCKED_BIT | STARVING_BIT) == 0
            // Acquire: pairs with the Release in `unlock`.
            && self.state.fetch_or(LOCKED_BIT, Ordering::Acquire) & LOCKED_BIT == 0
    }

    /// Releases the lock. The caller holds it.
    #[inline]
    pub(crate) fn unlock(&self) {
        // Release: pairs with the Acquire of whoever takes the lock next.
        let before = self.state.fetch_sub(LOCKED_BIT, Ordering::Release);
        debug_assert!(before & LOCKED_BIT != 0, "unlock of an unlocked mutex");
        // Somebody waits, and nobody is awake to look after the lock. In starvation mode a waiter
        // that is awake is not enough, for the lock goes to the first in the list.
        if before & QUEUED_BIT != 0 && before & (WOKEN_BIT | STARVING_BIT) != WOKEN_BIT {
            self.unlock_slow();
        }
    }

    /// Spins, then parks, until the lock is taken; `false` if the deadline came first.
    #[cold]
    fn lock_slow(&self, reason: WaitReason, deadline: Option<Instant>) -> bool {
        // Whether the `WOKEN_BIT` is ours.
        let mut woken = false;
        // When the first park began.
        let mut waiting_since: Option<Instant> = None;
        loop {
            // The owner may be about to unlock, which comes sooner than a park and an unpark.
            if self.spin(&mut woken) {
                return true;
            }
            // The time is up. Giving the bit back may take the lock after all.
            if deadline.is_some_and(|d| clock::now() >= d) {
                return woken && self.give_up();
            }
            // One that was woken and lost waits on at the front: it has waited longest.
            let (since, end) = match waiting_since {
                Some(since) => (since, End::Front),
                None => (clock::now(), End::Back),
            };
            let starving = end == End::Front && is_starving(since);
            waiting_since = Some(since);
            // If the caller may not park this panics, after giving the bit back.
            let waiter = Waiter::new_or(COMPETE, || {
                if woken && self.give_up() {
                    self.unlock();
                }
            });
            let list = self.waiters.lock();
            // Unlocked meanwhile: try again.
            if !self.announce(woken, starving) {
                continue;
            }
            // `announce` has given `WOKEN_BIT` back; only a waker that lets us compete gives it
            // again.
            let parking = Parking {
                reason,
                deadline,
                end,
            };
            // The time was up, and the node is in the list no more.
            if !park_in(list, &waiter, parking, self) {
                return false;
            }
            // The unlocker has passed the lock on, in starvation mode. A waiter that did not wait
            // long shows that the mode is needed no more.
            if waiter.word() == HANDED_OFF {
                if !is_starving(since) {
                    self.state.fetch_and(!STARVING_BIT, Ordering::Relaxed);
                }
                return true;
            }
            // Woken to compete, and `WOKEN_BIT` is ours: others may take the lock first.
            woken = true;
        }
    }

    /// Takes the lock if it is free or becomes free shortly. May make `WOKEN_BIT` ours.
    fn spin(&self, woken: &mut bool) -> bool {
        let mut pauses = 0;
        loop {
            let state = self.state.load(Ordering::Relaxed);
            // Free, and not to be handed to a starving waiter: take it, and the bit back with it.
            if state & (LOCKED_BIT | STARVING_BIT) == 0 {
                let mine = if *woken { WOKEN_BIT } else { 0 };
                if self.replace(state, (state | LOCKED_BIT) & !mine) {
                    return true;
                }
                continue;
            }
            // In starvation mode newcomers do not compete. Else spin for as long as that is likely
            // to be cheaper than a park.
            let enough = pauses >= MIN_SPINS && (pauses >= SPIN || !park::can_spin());
            if state & STARVING_BIT != 0 || enough {
                return false;
            }
            // Tell the owner that it need not wake anyone. The bit is set while `LOCKED_BIT`, as
            // the table demands.
            if !*woken && state & (QUEUED_BIT | WOKEN_BIT) == QUEUED_BIT {
                *woken = self.replace(state, state | WOKEN_BIT);
            }
            spin_loop();
            pauses += 1;
        }
    }

    /// Under the list's lock: says that a waiter is about to be linked. `false` if the lock is free
    /// to take instead.
    fn announce(&self, woken: bool, starving: bool) -> bool {
        let set = QUEUED_BIT | if starving { STARVING_BIT } else { 0 };
        let clear = if woken { WOKEN_BIT } else { 0 };
        loop {
            let state = self.state.load(Ordering::Relaxed);
            // Free: nobody would wake a waiter that links itself now.
            if state & (LOCKED_BIT | STARVING_BIT) == 0 {
                return false;
            }
            if self.replace(state, (state | set) & !clear) {
                return true;
            }
        }
    }

    /// Returns `WOKEN_BIT`, which is ours, at a timeout. Takes the lock and says `true` if
    /// it is free: the unlock that freed it may have woken nobody for our sake.
    fn give_up(&self) -> bool {
        loop {
            let state = self.state.load(Ordering::Relaxed);
            let free = state & (LOCKED_BIT | STARVING_BIT) == 0;
            let taken = if free { LOCKED_BIT } else { 0 };
            if self.replace(state, (state | taken) & !WOKEN_BIT) {
                return free;
            }
        }
    }

    /// Wakes the first waiter, or hands the lock to it, unless another will do so.
    #[cold]
    fn unlock_slow(&self) {
        let mut list = self.waiters.lock();
        // Goroutines that were given up with their runtime cannot take the lock.
        list.skip_abandoned();
        // All waiters have left since.
        if list.is_empty() {
            self.clear_queued();
            return;
        }
        let handing_off = loop {
            let state = self.state.load(Ordering::Relaxed);
            let starving = state & STARVING_BIT != 0;
            // Somebody else has the lock by now, or is awake: it is for them to wake the next.
            if state & QUEUED_BIT == 0
                || state & LOCKED_BIT != 0
                || (!starving && state & WOKEN_BIT != 0)
            {
                return;
            }
            // Taken for the first waiter, or announced that it is awake. Whoever empties the list
            // clears what says that there are waiters.
            let set = if starving { LOCKED_BIT } else { WOKEN_BIT };
            let clear = if list.has_one() {
                QUEUED_BIT | STARVING_BIT
            } else {
                0
            };
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
            .fetch_and(!(QUEUED_BIT | STARVING_BIT), Ordering::Relaxed);
    }

    /// One attempt at a change of the word; `false` if it was not as expected.
    fn replace(&self, from: u32, to: u32) -> bool {
        self.state
            // Acquire: where this sets `LOCKED_BIT`, it pairs with the Release in `unlock`.
            .compare_exchange_weak(from, to, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }
}

impl Leave<()> for RawMutex {
    /// A waiter has left without the lock. If it was the last, the list is empty now.
    fn withdrawn(&self, list: &mut WaitList) {
        if list.is_empty() {
            self.clear_queued();
        }
    }

    /// A waiter that never runs again was woken: what it was given, the lock or `WOKEN_BIT`, goes
    /// to the next.
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
