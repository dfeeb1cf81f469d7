//! How a worker goes to sleep, and what wakes it.
//!
//! One of those that sleep while others run is the *sentry*: it wakes by itself every few
//! microseconds and looks whether a home waits in another worker's newest slot while that worker
//! goes on with something else. So filling a slot, which happens at each talk between two homes,
//! need not wake anybody. When no slot has been filled for a while, the sentry sleeps as the others
//! do; then the next fill wakes somebody.

use crate::runtime::{
    clock,
    os::futex,
    os_poller::Limit,
    prims::Ordering,
    sched::{
        idle::{
            sleep_word::{Awoken, Sleeper},
            steal,
        },
        poller::{deliver, shared as poller},
        timer::{
            advance::{self, SleepFor},
            bubble::Bubble,
        },
        worker::{
            data::Worker,
            shared::{WorkerShared, bump},
        },
    },
};
use std::time::{Duration, Instant};

/// How often a worker tries again for a stack when there was none.
const STACK_RETRY: Duration = Duration::from_millis(10);
/// The sentry's first and longest time between two looks.
const SENTRY_PAUSE: (Duration, Duration) = (Duration::from_micros(20), Duration::from_micros(50));
/// Looks in a row that show no slot filled since the one before, after which the sentry gives up.
const SENTRY_LOOKS: u32 = 20;
/// How long the sentry watches a filled slot before it lets its home be taken.
const SENTRY_PATIENCE: Duration = Duration::from_micros(5);

/// Sleeps until woken or until a timer is due. True: woken as a searcher, and counted as one.
pub(crate) fn sleep(worker: &Worker) -> bool {
    // Nobody should wait for a worker that sleeps to give up its references.
    worker.refs.flush();
    let scheduler = worker.scheduler;
    let word = &worker.shared.remote.sleep;
    let sleeper = if scheduler.is_needed(worker.shared) {
        Sleeper::Counted
    } else {
        Sleeper::Uncounted
    };
    scheduler.idle.announce(word, sleeper);
    // The last look, after the fence (S3).
    if !has_work(worker, sleeper) {
        wait(worker, sleeper);
    }
    let awoken = scheduler.idle.get_up(word);
    // Nobody has kept the time while all slept.
    scheduler.keep_time();
    scheduler.be_watched();
    if let Some(bubble) = &scheduler.bubble {
        bubble.count_up();
    }
    worker.budget.restart();
    // Only now that it is awake: whoever sees a sleeper relies on it that no goroutine is in its
    // hands, that is, in no queue (N2).
    deliver::wake_found(worker, None);
    awoken == Awoken::ToSearch
}

/// Whether there is something for this worker to do.
fn has_work(worker: &Worker, sleeper: Sleeper) -> bool {
    let scheduler = worker.scheduler;
    // Where homes are not lent, a busy word says that somebody was woken in the worker's own.
    let only_home = worker.only_home.get();
    only_home.is_some_and(|home| home.shared.word.is_busy())
        || scheduler.is_closing()
        || (sleeper == Sleeper::Counted && scheduler.has_public_work())
}

fn wait(worker: &Worker, sleeper: Sleeper) {
    bump(&worker.shared.own.sleeps, 1);
    let scheduler = worker.scheduler;
    // There is one sentry at a time, and none where nobody could take a home from a slot.
    if sleeper == Sleeper::Counted
        && scheduler.parallel
        && scheduler.lends()
        && !scheduler.has_sentry.load(Ordering::Relaxed)
        && !scheduler.has_sentry.swap(true, Ordering::Relaxed)
    {
        let stands = stand_sentry(worker, sleeper);
        scheduler.has_sentry.store(false, Ordering::Relaxed);
        if !stands {
            return;
        }
        // A worker that filled its slot just now may have seen a sentry. One more look, long after.
        if look_at_slots(worker) {
            return;
        }
    }
    while worker.shared.remote.sleep.is_asleep() {
        if is_over(worker, sleeper) {
            return;
        }
    }
}

/// One wait of a worker that sleeps. True: it is to get up by itself.
fn is_over(worker: &Worker, sleeper: Sleeper) -> bool {
    // Fresh goroutines wait for stacks: look again in a moment, since other runtimes and the
    // system may have given some back, which wakes nobody.
    let retry = (!worker.scheduler.stack_waiters.is_empty()).then(|| clock::now() + STACK_RETRY);
    // With a fake clock no deadline comes by itself: somebody has to advance the clock.
    if let Some(bubble) = &worker.scheduler.bubble
        && retry.is_none()
    {
        wait_in(worker, sleeper, bubble);
        return has_found(worker);
    }
    // Timers of workers that are in one goroutine for long, too: they do not come to theirs.
    let stuck = others(worker).filter(|other| other.is_overdue());
    let stuck = stuck.filter_map(WorkerShared::timers_due).min();
    let due = [worker.shared.timers_due(), stuck, retry];
    let Some(due) = due.into_iter().flatten().min() else {
        wait_at_most(worker, sleeper, None);
        return has_found(worker);
    };
    let now = clock::now();
    if due <= now {
        return true;
    }
    wait_at_most(worker, sleeper, Some(due - now));
    retry.is_some() || has_found(worker)
}

/// One wait: in the poller if descriptors are watched and nobody else waits there, else on the
/// sleep word.
fn wait_at_most(worker: &Worker, sleeper: Sleeper, limit: Option<Duration>) {
    let sleep = &worker.shared.remote.sleep;
    if poller::is_unattended() && poller::stand_lookout(worker.shared) {
        // Once more, now that wakers see where this worker sleeps (N1).
        if sleep.is_asleep() {
            let limit = limit.map_or(Limit::Never, Limit::AtMost);
            poller::look(&mut worker.found.borrow_mut(), limit);
        }
        poller::stand_down();
        return;
    }
    nap(worker, sleeper, limit);
}

/// One wait on the sleep word.
fn nap(worker: &Worker, sleeper: Sleeper, limit: Option<Duration>) {
    let (word, value) = worker.shared.remote.sleep.waits_on(sleeper);
    futex::wait(word, value, limit);
}

/// Whether the last wait has shown somebody to be woken.
fn has_found(worker: &Worker) -> bool {
    worker.found.borrow().is_any()
}

/// One wait where time does not pass by itself.
#[cold]
fn wait_in(worker: &Worker, sleeper: Sleeper, bubble: &Bubble) {
    match advance::advance_clock(bubble, worker.scheduler) {
        SleepFor::UntilWoken => wait_at_most(worker, sleeper, None),
        SleepFor::AtMost(time) => wait_at_most(worker, sleeper, Some(time)),
    }
}

/// Looks at the slots of others from time to time. False: the worker is to get up, for it was
/// woken, a timer is due, or it has found a home. True: no slot is filled any more, so it may sleep
/// on.
fn stand_sentry(worker: &Worker, sleeper: Sleeper) -> bool {
    let mut pause = SENTRY_PAUSE.0;
    let mut quiet = 0;
    let mut fills = fills(worker);
    while quiet < SENTRY_LOOKS {
        // Nobody runs, so nobody fills a slot.
        if !others(worker).any(WorkerShared::is_awake) {
            return true;
        }
        nap(worker, sleeper, Some(pause));
        if !worker.shared.remote.sleep.is_asleep() || is_timer_due(worker) || has_found(worker) {
            return false;
        }
        if look_at_slots(worker) {
            return false;
        }
        let now = self::fills(worker);
        quiet = if now == fills { quiet + 1 } else { 0 };
        fills = now;
        pause = SENTRY_PAUSE.1;
    }
    true
}

fn is_timer_due(worker: &Worker) -> bool {
    let due = worker.shared.timers_due();
    due.is_some_and(|due| due <= clock::now())
}

/// Whether there is something for the sentry: a home in a slot that its worker does not come to,
/// which the sentry takes for itself, or a timer of another worker whose time has come. That one is
/// fired when the sentry has got up, since a timer that is fired is for a moment in no queue, and
/// who looks at a sleeper takes it to have nothing in its hands.
fn look_at_slots(worker: &Worker) -> bool {
    let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= clock::now());
    let finds = others(worker).any(|other| is_due(other.timers_due()) || takes_slot(worker, other));
    finds || worker.has_homes() || sees_events(worker)
}

/// Whether descriptors are ready, while the worker that would see that is in something else.
fn sees_events(worker: &Worker) -> bool {
    if !poller::is_unattended() {
        return false;
    }
    poller::look(&mut worker.found.borrow_mut(), Limit::Now);
    has_found(worker)
}

fn takes_slot(worker: &Worker, other: &WorkerShared) -> bool {
    let turn = other.own.turns.load(Ordering::Relaxed);
    let start = Instant::now();
    while other.runnable.has_slot() && other.own.turns.load(Ordering::Relaxed) == turn {
        if start.elapsed() < SENTRY_PATIENCE {
            std::hint::spin_loop();
            continue;
        }
        return steal::take_slot(worker, other);
    }
    false
}

fn others(worker: &Worker) -> impl Iterator<Item = &'static WorkerShared> {
    let own = worker.shared.index;
    worker.scheduler.workers().filter(move |w| w.index != own)
}

/// How many slots have been filled so far.
fn fills(worker: &Worker) -> u64 {
    let others = others(worker);
    others
        .map(|w| w.own.fills.load(Ordering::Relaxed))
        .fold(0, u64::wrapping_add)
}
