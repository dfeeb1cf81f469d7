//! The list of those who wait for a primitive: a FIFO of nodes that live on the waiters' stacks.
//!
//! Every node is in at most one list, guarded by that list's [`SpinLock`]. It is a [`LinkedList`],
//! so linking, claiming and removing any node take constant time and never allocate. All of the
//! pointer work of `sync`'s locks is in that file and this one; the interface of this one is safe:
//!
//! * [`park_in`] links the caller's node and returns only when the node is out of the list *and*
//!   nobody else will touch it again: either a waker claimed it and its `unpark` has been consumed,
//!   or the deadline passed and it was unlinked under the lock. If anything unwinds in between, the
//!   process aborts, because the node would dangle.
//! * A waker claims nodes under the lock ([`WaitList::pop_front`], [`WaitList::take_while`]) and
//!   unparks them after releasing it. A claimed node stays alive until its `unpark`; the waker
//!   copies what it needs out of the node first and never touches it after.
//!
//! A waiting goroutine whose runtime is dropped never runs again. It leaves the list then, as if
//! its deadline had passed; and what it was given without coming to run goes to others ([`Leave`]).
//! Until that is done, wakers skip it.
//!
//! A node carries one word for its primitive: the waiter sets it first, a waker may overwrite it
//! before the `unpark` (for example "the lock is yours"), the waiter reads it after. The unpark
//! orders those accesses.

use crate::runtime::clock;
use crate::runtime::on_abandon::{Fate, OnAbandon};
use crate::runtime::park::{self, Delivery, Unparked, Unparker, WaitReason};
use crate::runtime::prims::{Cell, Instant};
use crate::sync::linked_list::{Chain, LinkedList, Links, ListNode};
use crate::sync::spin::{SpinGuard, SpinLock};
use crate::sync::unwind::{AbortOnUnwind, UndoOnUnwind};
use std::{marker::PhantomPinned, mem, ptr::NonNull, time::Duration};

/// One waiter's node, on its own stack.
#[derive(Debug)]
pub(crate) struct Waiter {
    unparker: Unparker,
    /// The waiter's before `park_in`, the list lock's while linked, the claimer's until `unpark`.
    word: Cell<usize>,
    /// Guarded by the list's lock; once claimed, the claimer's.
    links: Links<Waiter>,
    /// What a waker does if the waiter cannot be woken any more. The waiter's before it is linked,
    /// then the claimer's to read.
    on_abandon: Cell<Option<OnAbandon>>,
    _pin: PhantomPinned,
}

// SAFETY: each has links of its own.
unsafe impl ListNode for Waiter {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

/// What a primitive does for a waiter that leaves without having got what it waited for.
pub(crate) trait Leave<X> {
    /// The waiter has been taken out of the list, unclaimed: its deadline has passed, or it never
    /// runs again. Under the list's lock.
    fn withdrawn(&self, list: &mut WaitList<X>);

    /// What follows from that, after the release of the list's lock.
    fn after_withdrawn(&self) {}

    /// The waiter was claimed and given `word`, but never runs again: what it was given goes to
    /// others. Without the list's lock.
    fn pass_on(&self, word: usize);
}

/// For primitives that wake all, and give nothing to any of them.
#[derive(Debug)]
pub(crate) struct Nothing;

impl<X> Leave<X> for Nothing {
    fn withdrawn(&self, _: &mut WaitList<X>) {}

    fn pass_on(&self, _: usize) {}
}

impl Waiter {
    /// A node for the caller that carries `word`. Panics where `Unparker::current` does, so take it
    /// before anything that must be undone.
    pub(crate) fn new(word: usize) -> Self {
        Self {
            unparker: Unparker::current(),
            word: Cell::new(word),
            links: Links::new(),
            on_abandon: Cell::new(None),
            _pin: PhantomPinned,
        }
    }

    /// [`new`](Self::new) for a caller that has a half-taken lock to leave if it may not park:
    /// calls `undo` on a panic.
    pub(crate) fn new_or(word: usize, undo: impl FnOnce()) -> Self {
        let armed = UndoOnUnwind::new(undo);
        let waiter = Self::new(word);
        armed.disarm();
        waiter
    }

    /// Sets the word of a node that is not linked.
    pub(crate) fn set_word(&self, word: usize) {
        // SAFETY: the caller owns it, and has not linked it.
        debug_assert!(unsafe { !self.links.is_linked() });
        self.word.set(word);
    }

    /// The node's word: its waker's message once `park_in` has returned `true`.
    pub(crate) fn word(&self) -> usize {
        self.word.get()
    }
}

/// The end of the list at which a waiter is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Before all others: a waiter that was woken once and lost.
    Front,
    /// After all others.
    Back,
}

/// How a waiter waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parking {
    /// Shown in dumps.
    pub(crate) reason: WaitReason,
    /// When it gives up, if ever.
    pub(crate) deadline: Option<Instant>,
    /// Where it is linked.
    pub(crate) end: End,
}

impl Parking {
    /// Waiting at the back of the list, for as long as it takes.
    pub(crate) const fn forever(reason: WaitReason) -> Self {
        Self::until(reason, None)
    }

    /// Waiting at the back of the list, up to `deadline` if there is one.
    pub(crate) const fn until(reason: WaitReason, deadline: Option<Instant>) -> Self {
        Self {
            reason,
            deadline,
            end: End::Back,
        }
    }
}

/// The instant `timeout` from now; `None`, which is "never", if the clock cannot express it.
pub(crate) fn deadline_after(timeout: Duration) -> Option<Instant> {
    clock::now().checked_add(timeout)
}

/// A FIFO of waiters, and whatever else (`extra`) its lock guards.
#[derive(Debug)]
pub(crate) struct WaitList<X = ()> {
    waiters: LinkedList<Waiter>,
    /// The primitive's own data under the same lock.
    pub(crate) extra: X,
}

// SAFETY: the nodes it leads to are only touched under the list's lock, by whichever thread holds
// it, and live as long as they are linked (`park_in`); `Unparker` is `Send`.
unsafe impl<X: Send> Send for WaitList<X> {}

impl<X> WaitList<X> {
    /// An empty list.
    pub(crate) const fn new(extra: X) -> Self {
        Self {
            waiters: LinkedList::new(),
            extra,
        }
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    /// Whether exactly one waits.
    pub(crate) fn has_one(&self) -> bool {
        self.waiters.has_one()
    }

    /// Claims the first waiter.
    pub(crate) fn pop_front(&mut self) -> Option<Claimed> {
        self.waiters.pop_front().map(Claimed)
    }

    /// Takes those out at the front that never run again, so that no waker wakes them instead of
    /// others.
    pub(crate) fn skip_abandoned(&mut self) {
        while let Some(first) = self.waiters.first()
            && is_abandoned(first)
        {
            self.waiters.pop_front();
        }
    }

    /// Claims waiters from the front for as long as `wanted` says yes to the front one's word;
    /// skips those that never run again.
    pub(crate) fn take_while(&mut self, mut wanted: impl FnMut(usize) -> bool) -> ClaimedChain {
        let mut claimed = ClaimedChain {
            waiters: Chain::new(),
            count: 0,
        };
        loop {
            self.skip_abandoned();
            match self.waiters.first() {
                Some(first) if wanted(first.word.get()) => {}
                _ => return claimed,
            }
            if let Some(node) = self.waiters.pop_front() {
                // SAFETY: just taken out, hence claimed by us: it stays until its `unpark`, which
                // only the chain does. Its owner asks under the list's lock whether it is linked.
                unsafe { claimed.waiters.push_back(node) };
                claimed.count += 1;
            }
        }
    }

    /// Claims everyone.
    pub(crate) fn take_all(&mut self) -> ClaimedChain {
        self.take_while(|_| true)
    }

    /// Links a waiter.
    ///
    /// # Safety
    /// It is the caller's, is not claimed, and stays where it is until it has been taken out. Only
    /// the caller links it, into whatever list.
    unsafe fn link(&mut self, waiter: &Waiter, end: End) {
        // SAFETY: the caller owns it, and is the only one that links it.
        let is_linked = unsafe { waiter.links.is_linked() };
        assert!(!is_linked, "a waiter is in two lists");
        let node = NonNull::from(waiter);
        match end {
            // SAFETY: it is in no list, and in no chain, as it is not claimed; the rest is passed
            // on.
            End::Back => unsafe { self.waiters.push_back(node) },
            // SAFETY: as above.
            End::Front => unsafe { self.waiters.push_front(node) },
        }
    }
}

/// Whether a linked waiter never runs again.
fn is_abandoned(waiter: &Waiter) -> bool {
    // SAFETY: it is linked, so its owner is in `park_in`, unclaimed.
    unsafe { waiter.unparker.is_abandoned() }
}

/// A waiter that the holder has taken out of its list and owes an `unpark`.
#[derive(Debug)]
#[must_use = "a claimed waiter sleeps for ever unless it is unparked"]
pub(crate) struct Claimed(NonNull<Waiter>);

impl Claimed {
    /// Leaves `word` in the node for the waiter to read, then wakes it. Call it after releasing the
    /// list's lock.
    pub(crate) fn unpark_with(self, word: usize) {
        // SAFETY: claimed under the list's lock, not unparked yet (`self` is consumed): the waiter
        // is in `park_in`, so its node is alive and ours alone.
        unsafe { self.0.as_ref() }.word.set(word);
        self.unpark();
    }

    /// Wakes the waiter; if it never runs again, passes on what it was given. Call it after
    /// releasing the list's lock.
    pub(crate) fn unpark(self) {
        // SAFETY: as in `unpark_with`.
        let node = unsafe { self.0.as_ref() };
        // Copied out: the node may be gone as soon as the unparker is used.
        let (unparker, on_abandon) = (node.unparker, node.on_abandon.get());
        // SAFETY: claimed by us; consuming `self` makes this the one `unpark` of this park.
        let delivery = unsafe { unparker.deliver() };
        if delivery == Delivery::HomeEnded
            && let Some(on_abandon) = on_abandon
        {
            // SAFETY: its home has ended, so it is suspended for good, and its stack stays; its one
            // unpark was ours.
            unsafe { on_abandon.act(Fate::Woken) };
        }
    }
}

/// Claimed waiters, first come first, each of which is owed an `unpark`.
#[derive(Debug)]
#[must_use = "claimed waiters sleep for ever unless they are unparked"]
pub(crate) struct ClaimedChain {
    waiters: Chain<Waiter>,
    count: usize,
}

impl ClaimedChain {
    /// How many were claimed.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Wakes them in order. Call it after releasing the list's lock.
    pub(crate) fn unpark_all(mut self) {
        while let Some(node) = self.waiters.pop_front() {
            Claimed(node).unpark();
        }
    }
}

/// Links `waiter` into the list that `list` holds, releases the list and parks. Returns `true` if a
/// waker claimed the waiter, `false` if the deadline passed first; `leave` has been told then.
pub(crate) fn park_in<X: Send, L: Leave<X> + Sync>(
    list: SpinGuard<'_, WaitList<X>>,
    waiter: &Waiter,
    parking: Parking,
    leave: &L,
) -> bool {
    park_in_after(list, waiter, parking, || {}, leave)
}

/// [`park_in`] that runs `before` between linking and parking, without the list's lock. `before`
/// must not park.
pub(crate) fn park_in_after<X: Send, L: Leave<X> + Sync>(
    mut list: SpinGuard<'_, WaitList<X>>,
    waiter: &Waiter,
    parking: Parking,
    before: impl FnOnce(),
    leave: &L,
) -> bool {
    let lock = SpinGuard::lock_of(&list);
    let stay = Stay {
        lock,
        waiter,
        leave,
    };
    let bomb = AbortOnUnwind;
    // SAFETY: `stay` is alive until this returns, and for good if this goroutine never runs again.
    // All that it refers to may be used by any thread: the list's lock and `L` are `Sync`, and the
    // node is the list's or its claimer's.
    let on_abandon = unsafe { OnAbandon::new(abandon::<X, L>, (&raw const stay).cast()) };
    waiter.on_abandon.set(Some(on_abandon));
    // SAFETY: as above; taken back below, since nothing unwinds.
    unsafe { park::set_on_abandon(Some(on_abandon)) };
    // SAFETY: it stays where it is until this returns, and then it is in no list and not claimed:
    // so it was before. A waiter is not `Sync`, so it is the caller's.
    unsafe { list.link(waiter, parking.end) };
    drop(list);
    before();
    let claimed = match parking.deadline {
        None => {
            park::park(parking.reason);
            true
        }
        Some(deadline) => match park::park_until(parking.reason, deadline) {
            Unparked::Notified => true,
            Unparked::TimedOut if stay.withdraw() => false,
            Unparked::TimedOut => {
                // Claimed: consumes the `unpark` that is on its way.
                park::park(parking.reason);
                true
            }
        },
    };
    // SAFETY: none.
    unsafe { park::set_on_abandon(None) };
    mem::forget(bomb);
    claimed
}

/// A waiter's stay in a list, on its stack.
struct Stay<'a, X, L> {
    lock: &'a SpinLock<WaitList<X>>,
    waiter: &'a Waiter,
    leave: &'a L,
}

impl<X, L: Leave<X>> Stay<'_, X, L> {
    /// Takes the waiter out of the list. False: it has been claimed.
    fn withdraw(&self) -> bool {
        let mut list = self.lock.lock();
        // SAFETY: the lock of the only list that it can be in is held.
        if unsafe { !self.waiter.links.is_linked() } {
            return false;
        }
        // SAFETY: it is in this list: `park_in` linked it here and nowhere else.
        unsafe { list.waiters.unlink(self.waiter) };
        self.leave.withdrawn(&mut list);
        drop(list);
        self.leave.after_withdrawn();
        true
    }
}

/// Leaves for a waiter that never runs again.
///
/// # Safety
/// `stay` is a `Stay<X, L>` that is alive; its goroutine never runs again, and the caller has its
/// unpark if that is its fate.
unsafe fn abandon<X, L: Leave<X>>(stay: *const (), fate: Fate) {
    // SAFETY: passed on.
    let stay = unsafe { &*stay.cast::<Stay<'_, X, L>>() };
    match fate {
        Fate::Woken => stay.leave.pass_on(stay.waiter.word()),
        Fate::Suspended => {
            // If it has been claimed, its waker will find that its home has ended.
            stay.withdraw();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
