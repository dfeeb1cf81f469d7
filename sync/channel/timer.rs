//! A channel that the clock fills: behind `after`, `at`, `tick`, and the timers of `time`.
//!
//! Nothing runs for it. It is an instant, that of its next message, and whoever looks at it later
//! than that takes the message: so one that nobody waits for costs its memory only. A receiver that
//! comes too early parks until that instant and looks again; a select takes the earliest instant of
//! its arms as one more deadline.
//!
//! Invariants, whenever the lock is free:
//!
//! * It never holds two messages: `due` is that of the one it holds, or of the next.
//! * Who waits here looks again at `due` or earlier. Taking a message and stopping only put `due`
//!   off; setting it to an earlier instant wakes them all.

use crate::{
    runtime::{
        clock,
        park::{self, Unparker, WaitReason},
        prims::{Instant, UnsafeCell, exclusive},
    },
    sync::channel::{
        chan::Refused,
        core::{Core, Wait},
        op_queue::Wakes,
        wait::{OpOutcome, PendingOp, QueueKind, Side},
    },
};
use std::time::Duration;

/// What follows a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Nothing.
    Never,
    /// The next one, so long after this one was due; or, if nobody waited for it then, after it was
    /// taken: `crossbeam_channel`'s ticks.
    AfterTaken(Duration),
    /// The next one at a multiple of this (which is not 0) from the first; those that were missed
    /// are left out: Go's ticks.
    InStep(Duration),
}

/// When somebody looks for a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// When the call began.
    pub(crate) since: Instant,
    /// What time it is.
    pub(crate) now: Instant,
}

/// The messages to come.
#[derive(Debug)]
struct Schedule {
    /// When the message that is there, or the next one, is or was due; none if there is none to
    /// come. Whoever takes a message sets the next one; `set` replaces it.
    due: Option<Instant>,
    /// What follows the message. Set by `set`.
    repeat: Repeat,
}

impl Schedule {
    fn is_due(&self, now: Instant) -> bool {
        self.due.is_some_and(|due| due <= now)
    }

    /// Takes the message, if it is there.
    fn take(&mut self, moment: Moment) -> Option<Instant> {
        let due = self.due.filter(|due| *due <= moment.now)?;
        self.due = match self.repeat {
            Repeat::Never => None,
            Repeat::AfterTaken(period) => due.max(moment.since).checked_add(period),
            Repeat::InStep(period) => {
                let rest = period - remainder(moment.now - due, period);
                moment.now.checked_add(rest)
            }
        };
        Some(due)
    }
}

/// What is left of `time` after whole `period`s.
fn remainder(time: Duration, period: Duration) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    let nanos = time.as_nanos() % period.as_nanos();
    let (seconds, nanos) = (nanos / SECOND, nanos % SECOND);
    // No truncation: it is less than `time`, and less than a second.
    Duration::new(seconds as u64, nanos as u32)
}

/// A channel of capacity 1 that the clock fills; never closed.
#[derive(Debug)]
pub(crate) struct TimerChan {
    /// The lock, and the lists of those who wait. The core's own counters stay as they were made.
    core: Core,
    /// When messages come. Read and written under the core's lock.
    schedule: UnsafeCell<Schedule>,
}

// SAFETY: `schedule` is plain data and only touched under the core's lock.
unsafe impl Sync for TimerChan {}

impl TimerChan {
    pub(crate) fn new(due: Instant, repeat: Repeat) -> Self {
        let due = Some(due);
        Self {
            core: Core::new(Some(1)),
            schedule: UnsafeCell::new(Schedule { due, repeat }),
        }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// When messages come.
    ///
    /// # Safety
    /// The caller holds the lock for as long as it uses the reference, and has no other one.
    #[allow(
        clippy::mut_from_ref,
        reason = "the lock, which the caller holds, makes it exclusive"
    )]
    unsafe fn schedule(&self) -> &mut Schedule {
        // SAFETY: the caller's promise.
        unsafe { exclusive(&self.schedule) }
    }

    /// The next message's instant.
    ///
    /// # Safety
    /// The lock is held.
    pub(crate) unsafe fn due(&self) -> Option<Instant> {
        // SAFETY: the lock is held.
        unsafe { self.schedule() }.due
    }

    /// Takes the message, if it is there.
    ///
    /// # Safety
    /// The lock is held.
    pub(crate) unsafe fn take(&self, moment: Moment) -> Option<Instant> {
        // SAFETY: the lock is held.
        unsafe { self.schedule() }.take(moment)
    }

    /// Whether it holds a message.
    pub(crate) fn is_due(&self) -> bool {
        let now = clock::now();
        let _held = self.core.hold();
        // SAFETY: the lock is held.
        unsafe { self.schedule() }.is_due(now)
    }

    /// Receives a message; parks until it is due, within these limits.
    pub(crate) fn recv(&self, wait: Wait) -> Result<Instant, Refused> {
        let mut now = clock::now();
        let since = now;
        loop {
            let held = self.core.hold();
            // SAFETY: the lock is held.
            let schedule = unsafe { self.schedule() };
            // Its time has come, and nobody else has taken it.
            if let Some(message) = schedule.take(Moment { since, now }) {
                return Ok(message);
            }
            // The caller's own time is up.
            if wait.is_over(now) {
                return Err(Refused::Time);
            }
            // Nobody is told of a message: the receiver wakes by itself when it is due.
            let limit = wait.or_until(schedule.due);
            let Some(unparker) = Unparker::allowed() else {
                drop(held);
                park::refuse();
            };
            let node = PendingOp::plain(Side::Recv, std::ptr::null_mut(), unparker);
            // SAFETY: the lock is held; the node is linked nowhere, and `park_linked` returns only
            // when it is linked no more.
            unsafe {
                self.core
                    .queues()
                    .receivers
                    .push(&node, QueueKind::Receivers)
            };
            drop(held);
            // Whether the time is up or the timer was set anew: look again.
            self.core.park_linked(&node, WaitReason::ChanRecv, limit);
            now = clock::now();
        }
    }

    /// Sets the next message to `delay` from now, or to never; whether there was one that nobody
    /// has taken yet, or one to come. That is lost: who begins to receive after this gets nothing
    /// that was due before.
    pub(crate) fn set(&self, delay: Option<Duration>, repeat: Repeat) -> bool {
        let mut wakes = Wakes::new();
        let held = self.core.hold();
        // Under the lock: of two who do this at once, the later one counts from the later instant.
        let due = delay.map(from_now);
        // SAFETY: the lock is held.
        let (schedule, queues) = unsafe { (self.schedule(), self.core.queues()) };
        let before = schedule.due;
        *schedule = Schedule { due, repeat };
        // Those who wait sleep until the instant that they saw. If the new one is earlier, or there
        // was none, they must look again; if it is later, they wake early and find nothing.
        if due.is_some_and(|due| before.is_none_or(|before| due < before)) {
            queues.receivers.claim_all(OpOutcome::Retry, &mut wakes);
            queues.watchers.claim_all(OpOutcome::Retry, &mut wakes);
        }
        drop(held);
        wakes.fire();
        before.is_some()
    }
}

/// So long from now; in 136 years, if that is longer than an `Instant` can say.
pub(crate) fn from_now(duration: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(u32::MAX as u64);
    let now = clock::now();
    now.checked_add(duration).unwrap_or_else(|| now + FAR)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Moment, Repeat, Schedule};
    use std::time::{Duration, Instant};

    /// Takes at `now`, having waited since `since`; the message and the next one's instant, all in
    /// milliseconds from a start.
    fn take(due: u64, repeat: Repeat, since: u64, now: u64) -> (Option<u64>, Option<u64>) {
        let start = Instant::now();
        let at = |n| start + Duration::from_millis(n);
        let ms = |i: Instant| (i - start).as_millis() as u64;
        let mut schedule = Schedule {
            due: Some(at(due)),
            repeat,
        };
        let (since, now) = (at(since), at(now));
        let message = schedule.take(Moment { since, now });
        (message.map(ms), schedule.due.map(ms))
    }

    #[test]
    fn a_message_is_there_from_its_instant_on() {
        assert_eq!(take(10, Repeat::Never, 0, 9), (None, Some(10)));
        assert_eq!(take(10, Repeat::Never, 0, 10), (Some(10), None));
        assert_eq!(take(10, Repeat::Never, 500, 500), (Some(10), None));
    }

    #[test]
    fn a_tick_counts_from_its_instant_or_from_a_late_receivers_arrival() {
        let repeat = Repeat::AfterTaken(Duration::from_millis(10));
        assert_eq!(take(10, repeat, 0, 9), (None, Some(10)));
        assert_eq!(take(10, repeat, 3, 11), (Some(10), Some(20)));
        assert_eq!(take(10, repeat, 3, 55), (Some(10), Some(20)));
        assert_eq!(take(10, repeat, 55, 57), (Some(10), Some(65)));
    }

    #[test]
    fn ticks_in_step_stay_in_step() {
        let repeat = Repeat::InStep(Duration::from_millis(10));
        assert_eq!(take(13, repeat, 0, 13), (Some(13), Some(23)));
        assert_eq!(take(13, repeat, 0, 22), (Some(13), Some(23)));
        assert_eq!(take(13, repeat, 0, 23), (Some(13), Some(33)));
        assert_eq!(take(13, repeat, 99, 99), (Some(13), Some(103)));
    }

    #[test]
    fn a_tick_that_no_instant_can_name_never_comes() {
        let repeat = Repeat::AfterTaken(Duration::MAX);
        assert_eq!(take(10, repeat, 0, 10), (Some(10), None));
        let repeat = Repeat::InStep(Duration::MAX);
        assert_eq!(take(10, repeat, 0, 10), (Some(10), None));
    }
}
