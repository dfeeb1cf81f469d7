//! The select engine: waits until one of several operations can be done, and commits exactly that
//! one.
//!
//! The algorithm is Go's `selectgo` (runtime/select.go). All channels are locked, in the order of
//! their addresses, so that the select judges them at one instant (W1). Pass 1 looks: of the ready
//! arms one is chosen at random (or the first, if biased) and committed. If there is none, pass 2
//! links a node for each arm into its channel's list, all locks are left, and the caller parks
//! (`waiting`). The waker wins the select by its token (see `wait`), so that one arm at most is
//! chosen by others; then the remaining nodes are withdrawn.
//!
//! A select never meets itself: in pass 1 its nodes are in no list, in pass 2 it looks no more.
//!
//! Two selects meet when one looks (its nodes are in no list yet, so nobody can choose for it) and
//! finds the other's node: if it wins the other's token both sides are committed, at once; else it
//! has changed nothing, and looks again.
//!
//! # Promises
//!
//! `send(s, expr)` evaluates `expr` only once the arm is chosen. So a chosen sending arm holds a
//! [`Commit`]: a reserved place in the buffer, or a promise to a receiver that waits for the value
//! as long as it may. A receiver that chooses a parked select's sending arm is promised its value
//! in the same way. Whoever drops the commitment says [`OpOutcome::Retry`] to it. See
//! `chan/promise`.
//!
//! A select's receiving arm that was promised a value has been chosen, and holds to it until its
//! time is up: that of the select, or of the earliest of its timers.
//!
//! # Timers
//!
//! A timer's arm is judged by the clock, which is read once all locks are held: that is the one
//! instant. A select that parks does so until the earliest of its timers is due, at the latest, and
//! looks again.
//!
//! A received value waits in the operation's [`Slot`].

use crate::{
    runtime::{
        clock,
        park::{self, Unparker, WaitReason},
        prims::Instant,
    },
    sync::channel::{
        core::{Core, Wait},
        op_queue::Wakes,
        operation::SelectedOperation,
        receiver::Receiver,
        rng::{self, ExploredOrder},
        select_handle::{Commit, SelectHandle, commit_send, is_ready},
        sender::Sender,
        slot::Slot,
        timer::{Moment, TimerChan},
        wait::{OpOutcome, Partners, PendingOp, Promise, SelectToken, Side},
        waiting::{Purpose, link, park_linked, prepare},
    },
};
use std::{fmt, ptr};

/// Which of several ready arms is chosen. Public for the macros only.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Any of them, each as likely.
    Random,
    /// The one that was named first.
    Biased,
}

/// One operation of a select. Public for the macros only.
#[doc(hidden)]
pub struct Arm<'a> {
    /// None for an operation that is never ready.
    pub(crate) channel: Option<&'a (dyn SelectHandle + 'a)>,
    /// The channel once more, if that is a timer.
    pub(crate) timer: Option<&'a TimerChan>,
    /// The sender or receiver that was named, for [`SelectedOperation`] to compare.
    handle: *const u8,
    /// The arm's number, in the order in which the arms were named.
    pub(crate) index: usize,
    /// Whether it sends or receives.
    pub(crate) side: Side,
    /// What stands for the arm in its channel's list while the select waits. The select makes it
    /// before each wait; wakers write to it. It is never moved between its link and its unlink.
    pub(crate) node: Option<PendingOp>,
}

#[doc(hidden)]
impl<'a> Arm<'a> {
    /// An arm that sends.
    pub fn send<T>(index: usize, sender: &'a Sender<T>) -> Self {
        let handle = ptr::from_ref(sender).cast();
        Self {
            channel: sender.chan().map(|chan| chan as &dyn SelectHandle),
            timer: None,
            handle,
            index,
            side: Side::Send,
            node: None,
        }
    }

    /// An arm that receives.
    pub fn recv<T>(index: usize, receiver: &'a Receiver<T>) -> Self {
        let handle = ptr::from_ref(receiver).cast();
        let timer = receiver.timer();
        let chan = receiver.chan().map(|chan| chan as &dyn SelectHandle);
        Self {
            channel: chan.or(timer.map(|timer| timer as &dyn SelectHandle)),
            timer,
            handle,
            index,
            side: Side::Recv,
            node: None,
        }
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn core(&self) -> Option<&'a Core> {
        self.channel.map(SelectHandle::core)
    }

    /// The order in which channels are locked.
    pub(crate) fn address(&self) -> usize {
        self.core().map_or(0, |core| ptr::from_ref(core).addr())
    }
}

impl Clone for Arm<'_> {
    fn clone(&self) -> Self {
        Self {
            node: None,
            ..*self
        }
    }
}

impl fmt::Debug for Arm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arm")
            .field("index", &self.index)
            .field("side", &self.side)
            .finish()
    }
}

/// All distinct channels of some arms (sorted by address), locked until this is dropped. One order
/// for all selects, so that no two of them wait for each other's locks.
struct Locks<'s, 'a>(&'s [Arm<'a>]);

impl<'s, 'a> Locks<'s, 'a> {
    fn take(arms: &'s [Arm<'a>]) -> Self {
        distinct(arms).for_each(|core| core.lock().acquire());
        Self(arms)
    }
}

impl Drop for Locks<'_, '_> {
    fn drop(&mut self) {
        // SAFETY: `take` took exactly these.
        distinct(self.0).for_each(|core| unsafe { core.lock().release() });
    }
}

/// The channels of arms that are sorted by address, each once; those of switched-off arms left out.
fn distinct<'a>(arms: &[Arm<'a>]) -> impl Iterator<Item = &'a Core> {
    let mut last = 0;
    arms.iter().filter_map(move |arm| {
        let again = arm.address() == last;
        last = arm.address();
        if again { None } else { arm.core() }
    })
}

/// What time it is, if there are timers to be judged by that. All locks are held.
fn read_clock(arms: &[Arm<'_>]) -> Option<Instant> {
    let timed = arms.iter().any(|arm| arm.timer.is_some());
    timed.then(clock::now)
}

/// These limits, or until the first timer is due. All locks are held.
fn until_due(wait: Wait, arms: &[Arm<'_>]) -> Wait {
    let timers = arms.iter().filter_map(|arm| arm.timer);
    // SAFETY: the locks are held.
    timers.fold(wait, |wait, timer| wait.or_until(unsafe { timer.due() }))
}

/// Pass 1: the place of an arm that is ready `now`. All locks are held.
fn look(
    arms: &[Arm<'_>],
    choice: Choice,
    now: Option<Instant>,
    partners: Partners,
) -> Option<usize> {
    let mut chosen: Option<usize> = None;
    let mut count = 0;
    let order = ExploredOrder::new();
    for (place, arm) in arms.iter().enumerate() {
        // An arm that is switched off is never ready.
        let Some(core) = arm.core() else { continue };
        // SAFETY: the lock is held.
        let ready = unsafe {
            match arm.timer {
                None => is_ready(core, arm.side, partners),
                // A timer holds no message that could be seen: it is judged by the clock.
                Some(timer) => timer.due().is_some_and(|due| Some(due) <= now),
            }
        };
        if !ready {
            continue;
        }
        count += 1;
        // The k-th ready arm replaces the choice with probability 1/k: then every one is as likely.
        let better = match (chosen, order) {
            // The first that is ready.
            (None, _) => true,
            // The arms are sorted by address, so the first of them need not come first here.
            (Some(other), _) if choice == Choice::Biased => arm.index < arms[other].index,
            // A test that chooses the schedule chooses the arm, too.
            (Some(other), Some(order)) => order.key(arm.index) < order.key(arms[other].index),
            (Some(_), None) => rng::below(count) == 0,
        };
        if better {
            chosen = Some(place);
        }
    }
    chosen
}

/// Commits the arm at `place`; `None` if it was ready only for a select that another channel has
/// chosen meanwhile.
///
/// # Safety
/// All locks are held. `me` as for [`SelectHandle::commit_recv`].
unsafe fn commit(
    arm: &Arm<'_>,
    me: &PendingOp,
    moment: Option<Moment>,
    partners: Partners,
    wakes: &mut Wakes,
) -> Option<Commit> {
    let channel = arm.channel?;
    match arm.side {
        // SAFETY: passed on.
        Side::Recv => unsafe { channel.commit_recv(me, moment, partners, wakes) },
        // SAFETY: passed on.
        Side::Send => unsafe { commit_send(channel.core()) },
    }
}

/// Sorts the arms as they are to be locked; arms of one channel in the order of their indices.
fn sort(arms: &mut [Arm<'_>]) {
    arms.sort_unstable_by_key(|arm| (arm.address(), arm.index));
}

/// Why an attempt, which is both passes once, chose nothing.
enum Missed {
    /// A partner or a timer may be there now: look again.
    Again,
    /// No time is left.
    Over,
}

/// Pass 2: waits; the place of the arm that a waker has chosen. `now` is given if there are timers.
fn await_waker(
    locks: Locks<'_, '_>,
    purpose: Purpose,
    token: &SelectToken,
    wait: Wait,
    now: Option<Instant>,
) -> Result<usize, Missed> {
    let arms = locks.0;
    // Nothing is ready, and there is no time to wait.
    if wait == Wait::Never || now.is_some_and(|now| wait.is_over(now)) {
        return Err(Missed::Over);
    }
    // A caller that may not park panics, after the locks have been left.
    if !park::may_park() {
        drop(locks);
        park::refuse();
    }
    // The select looks again when its earliest timer is due.
    let limit = until_due(wait, arms);
    // SAFETY: `park_linked` withdraws the nodes before anything moves.
    let wakes = unsafe { link(arms, purpose) };
    drop(locks);
    wakes.fire();
    park_linked(arms, token, limit).ok_or(match now {
        // It may have been a timer's time that was up, and not the select's.
        Some(_) => Missed::Again,
        None => Missed::Over,
    })
}

/// With whom a select can be paired that may wait until `limit`. All locks are held.
fn partners(limit: Wait, now: Option<Instant>) -> Partners {
    match limit {
        // One of its timers is ready: it need not wait.
        Wait::Until(due) if now.is_some_and(|now| due <= now) => Partners::WithValue,
        _ => Partners::of_caller(),
    }
}

/// Waits for the value that the select's receiver `me` was promised on this arm.
fn await_value(arm: &Arm<'_>, me: &PendingOp, limit: Wait, wait: Wait) -> Result<(), Missed> {
    let core = arm.core().expect("an arm that is never ready was chosen");
    let is_unparked = core.park_linked(me, WaitReason::Select, limit);
    // The value has come.
    if is_unparked && me.outcome() == OpOutcome::Done {
        return Ok(());
    }
    // The promise was broken, or a timer is due: look again. Else the select's time is up.
    if is_unparked || !wait.is_over(clock::now()) {
        return Err(Missed::Again);
    }
    Err(Missed::Over)
}

/// Does one of the operations; `None` if that would have had to wait, or to wait longer. Parks
/// within the limits of `wait`.
pub(crate) fn operate<'a>(
    arms: &mut [Arm<'a>],
    choice: Choice,
    wait: Wait,
) -> Option<SelectedOperation<'a>> {
    park::yield_if_over_budget();
    sort(arms);
    // One slot, large enough for a value of any of the receiving arms.
    let receiving = arms.iter().filter(|arm| arm.side == Side::Recv);
    let mut slot = Slot::fitting(
        receiving
            .filter_map(|arm| arm.channel)
            .map(SelectHandle::layout),
    );
    let mut since = None;
    loop {
        match attempt(arms, choice, wait, slot.room(), &mut since) {
            Ok((place, commit)) => {
                let arm = &arms[place];
                let channel = arm.channel.expect("an arm that is never ready was chosen");
                return Some(SelectedOperation::new(
                    channel, arm.handle, arm.index, commit, slot,
                ));
            }
            Err(Missed::Again) => {}
            Err(Missed::Over) => return None,
        }
    }
}

/// Both passes once: the place of the chosen arm and how it was committed. `since` says when a
/// select with timers began.
fn attempt(
    arms: &mut [Arm<'_>],
    choice: Choice,
    wait: Wait,
    room: *mut u8,
    since: &mut Option<Instant>,
) -> Result<(usize, Commit), Missed> {
    let unparker = Unparker::unchecked();
    let me = PendingOp::plain(Side::Recv, room, unparker);
    let token = SelectToken::new();
    // The nodes are made before the locks are taken. A select that may not wait needs none.
    if wait != Wait::Never {
        prepare(arms, choice, room, &token, unparker);
    }
    let arms = &*arms;
    let mut wakes = Wakes::new();
    let locks = Locks::take(arms);
    let now = read_clock(arms);
    let moment = now.map(|now| Moment {
        since: *since.get_or_insert(now),
        now,
    });
    let limit = until_due(wait, arms);
    let partners = partners(limit, now);
    // Pass 1: an arm that is ready is committed, and nobody waits.
    while let Some(place) = look(arms, choice, now, partners) {
        let arm = &arms[place];
        // SAFETY: the locks are held; `me` stays here until it was unparked or unlinked, see below.
        let Some(commit) = (unsafe { commit(arm, &me, moment, partners, &mut wakes) }) else {
            // The partner is a select that was chosen on another of its channels, whose lock is
            // not held here. It is out of this list now: look again.
            continue;
        };
        drop(locks);
        wakes.fire();
        // The partner is a select's sending arm, which makes its value now.
        if commit == Commit::Promised {
            await_value(arm, &me, limit, wait)?;
            return Ok((place, Commit::Received));
        }
        return Ok((place, commit));
    }
    // Pass 2: a waker chooses an arm, and leaves in its node what became of the operation.
    let place = await_waker(locks, Purpose::Operate, &token, wait, now)?;
    let node = arms[place].node.as_ref().expect("a linked arm has a node");
    let commit = match (node.outcome(), arms[place].side) {
        (OpOutcome::Closed, _) => Commit::Closed,
        // The value is in the slot.
        (OpOutcome::Done, Side::Recv) => Commit::Received,
        // A receiver has made room, and keeps it for this arm.
        (OpOutcome::Done, Side::Send) if node.promise() == Promise::NONE => Commit::Reserved,
        // A receiver on a rendezvous channel waits for the value.
        (OpOutcome::Done, Side::Send) => Commit::To(node.promise()),
        // A timer was set anew, or a promise to this select was broken.
        (OpOutcome::Retry | OpOutcome::Pending, _) => return Err(Missed::Again),
    };
    Ok((place, commit))
}

/// Waits until one of the operations would not wait; its index, `None` if there was none in time.
pub(crate) fn watch(arms: &mut [Arm<'_>], choice: Choice, wait: Wait) -> Option<usize> {
    park::yield_if_over_budget();
    sort(arms);
    loop {
        match observe(arms, choice, wait) {
            Ok(place) => return Some(arms[place].index),
            Err(Missed::Again) => {}
            Err(Missed::Over) => return None,
        }
    }
}

/// Both passes once: the place of an arm that would not wait.
fn observe(arms: &mut [Arm<'_>], choice: Choice, wait: Wait) -> Result<usize, Missed> {
    let token = SelectToken::new();
    if wait != Wait::Never {
        prepare(arms, choice, ptr::null_mut(), &token, Unparker::unchecked());
    }
    let arms = &*arms;
    let locks = Locks::take(arms);
    let now = read_clock(arms);
    // Pass 1: something is ready. Nothing is done with it.
    if let Some(place) = look(arms, choice, now, Partners::of_caller()) {
        return Ok(place);
    }
    // Pass 2: wait until somebody says that a channel is ready.
    let place = await_waker(locks, Purpose::Watch, &token, wait, now)?;
    let node = arms[place].node.as_ref().expect("a linked arm has a node");
    match node.outcome() {
        // A timer was set anew.
        OpOutcome::Retry => Err(Missed::Again),
        _ => Ok(place),
    }
}
