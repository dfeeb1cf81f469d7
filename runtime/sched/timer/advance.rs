//! What the workers of a bubble do when they have nothing to do: advance its fake clock.
//!
//! The last worker that goes to sleep advances it, before it sleeps. A worker has announced its
//! sleep (S3) when it comes here; so the last one sees all the others asleep. They may also see
//! each other, and come at the same time: the lock of the bubble's state lets one after the other
//! look, and what the first has woken shows.

use crate::runtime::{
    prims::{Ordering, fence},
    sched::{
        poller::deliver,
        scheduler::Scheduler,
        timer::bubble::{Bubble, BubbleEnd, BubbleState},
        unparker::Unparker,
    },
};
use std::time::{Duration, Instant};

/// How long, by the real clock, all must be blocked with no deadline ahead until that counts as a
/// deadlock: a thread from outside may be on its way.
const GRACE: Duration = Duration::from_millis(100);
/// How often a worker looks again while something outside holds the time.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// How long a worker that can do nothing waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum SleepFor {
    /// Until somebody wakes it.
    UntilWoken,
    /// That, or so long by the real clock.
    AtMost(Duration),
}

/// What a look at the whole bubble has shown.
enum Activity {
    /// Nothing can run.
    AllAsleep,
    /// Somebody runs, or can.
    Running,
    /// Nothing here moves, but what does will not say when it stops.
    Held,
}

/// Registers the caller, who then parks, unless the bubble has ended.
pub(crate) fn watch(bubble: &Bubble, caller: Unparker) -> Option<BubbleEnd> {
    let mut state = bubble.lock();
    if state.end.is_none() {
        state.watcher = Some(caller.into_raw());
    }
    state.end
}

/// Registers a goroutine, which then parks, to be woken when all others are blocked. False: another
/// one waits for that.
#[must_use]
pub(crate) fn wait_until_blocked(bubble: &Bubble, goroutine: Unparker) -> bool {
    let mut state = bubble.lock();
    if state.blocked_waiter.is_some() {
        return false;
    }
    state.blocked_waiter = Some(goroutine.into_raw());
    true
}

/// A worker has announced its sleep and found nothing to do. If it is the last one, it sees to it
/// that something happens.
pub(crate) fn advance_clock(bubble: &Bubble, scheduler: &Scheduler) -> SleepFor {
    let mut state = bubble.lock();
    // The bubble has ended: time stands still for good.
    if state.end.is_some() {
        return SleepFor::UntilWoken;
    }
    match activity(bubble, scheduler) {
        // Whoever runs comes here when it goes to sleep.
        Activity::Running => return SleepFor::UntilWoken,
        Activity::Held => return SleepFor::AtMost(LOOK_AGAIN),
        Activity::AllAsleep => {}
    }
    // No goroutine is left. Before main has returned, its goroutine is about to be spawned.
    if scheduler.live() == 0 {
        if bubble.has_main_returned() {
            finish(&mut state, BubbleEnd::Finished);
        }
        return SleepFor::UntilWoken;
    }
    // All others are blocked, which is what this goroutine waits for.
    if let Some(goroutine) = state.blocked_waiter.take() {
        // SAFETY: taken out under the lock, so used once; it is parked, since all goroutines are.
        unsafe { Unparker::from_raw(goroutine).unpark() };
        // A worker that is just going to sleep must not look asleep when others look.
        wake_where(scheduler, |_| true);
        return SleepFor::UntilWoken;
    }
    // The usual case: time goes on to the next deadline.
    if !bubble.has_main_returned() && jump(bubble, scheduler) {
        return SleepFor::UntilWoken;
    }
    stall(bubble, &mut state)
}

/// Goes on to the next deadline and wakes the workers that have it. False: there is none.
fn jump(bubble: &Bubble, scheduler: &Scheduler) -> bool {
    let workers = scheduler.workers();
    let Some(next) = workers.filter_map(|w| w.next_deadline()).min() else {
        return false;
    };
    if !bubble.clock.go_on(next) {
        return false;
    }
    let now = bubble.clock.now();
    wake_where(scheduler, |due| due.is_some_and(|due| due <= now));
    true
}

/// Nothing can happen any more but from outside.
fn stall(bubble: &Bubble, state: &mut BubbleState) -> SleepFor {
    let ups = bubble.ups();
    let since = match state.stalled {
        Some((since, then)) if then == ups => since,
        _ => Instant::now(),
    };
    state.stalled = Some((since, ups));
    let waited = since.elapsed();
    if waited < GRACE {
        return SleepFor::AtMost(GRACE - waited);
    }
    finish(state, BubbleEnd::Stalled);
    SleepFor::UntilWoken
}

/// Whether no goroutine can run. All workers that were asleep in both looks, with nobody up in
/// between, were so at one moment; whatever can run is in a queue then, or in a home that somebody
/// holds.
fn activity(bubble: &Bubble, scheduler: &Scheduler) -> Activity {
    let ups = bubble.ups();
    // Before the looks at queues and homes: there is whom these have woken before they were done.
    if bubble.is_held() || deliver::has_waiters_of(scheduler) || scheduler.has_helpers() {
        return Activity::Held;
    }
    let first = scheduler.do_all_sleep();
    let busy = scheduler.has_busy_home();
    let queued = scheduler.has_public_work();
    // SeqCst: between the two looks at the sleep words; partner of the fence in
    // `Scheduler::be_watched` (M2), after a worker has got up.
    fence(Ordering::SeqCst);
    if first && !queued && !busy && scheduler.do_all_sleep() && bubble.ups() == ups {
        Activity::AllAsleep
    } else {
        Activity::Running
    }
}

/// The bubble has ended.
fn finish(state: &mut BubbleState, end: BubbleEnd) {
    state.end = Some(end);
    if let Some(watcher) = state.watcher.take() {
        // SAFETY: taken out under the lock, so used once; it parks for this.
        unsafe { Unparker::from_raw(watcher).unpark() };
    }
}

/// Wakes the workers, the caller too, whose next deadline `wanted` says yes to.
fn wake_where(scheduler: &Scheduler, wanted: impl Fn(Option<Instant>) -> bool) {
    for worker in scheduler.workers() {
        if wanted(worker.next_deadline()) {
            scheduler.wake(worker);
        }
    }
}
