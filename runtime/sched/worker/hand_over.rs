//! Keeping workers evenly loaded where homes are not lent, so that a goroutine stays on the worker
//! that starts it.
//!
//! Before such a worker starts a fresh goroutine it compares how many live in its home with the
//! number at one other worker, picked at random (the power of two choices: Mitzenmacher, 2001). If
//! it has clearly more, it sends fresh ones over, as many as even the two out. They count there at
//! once: counted only when they start, eight of them would all go to the same worker.

use crate::runtime::{
    sched::{
        events,
        home::data::Home,
        worker::{data::Worker, shared::bump, submit},
    },
    task::header::TaskRef,
};

/// How many more goroutines than the other a worker accepts: a pair, its parent and one more stay
/// together; and an eighth of its own, so that large numbers are not handed to and fro for small
/// differences (guesses; checked with pool_balance, ring_503 and parked_1m).
fn tolerance(own: usize) -> usize {
    3 + own / 8
}

/// Sends a fresh goroutine, and some of those queued behind it, to another worker if that has
/// clearly fewer. False: start it here.
#[inline]
pub(crate) fn gave_away(worker: &Worker, only: &Home, task: TaskRef) -> bool {
    only.live() > tolerance(0) && gave_away_slow(worker, only, task)
}

#[cold]
fn gave_away_slow(worker: &Worker, only: &Home, task: TaskRef) -> bool {
    let Some(other) = sample(worker, only) else {
        return false;
    };
    let (own, theirs) = (only.load(), other.load());
    if theirs + tolerance(own) >= own {
        return false;
    }
    send(worker, other, task);
    // The rest of what evens them out, as far as it is there. The order of fresh ones does not
    // matter.
    for _ in 1..(own - theirs).div_ceil(2).min(worker.fresh.len() / 2) {
        match worker.fresh.pop() {
            Some(next) => send(worker, other, next),
            None => break,
        }
    }
    true
}

fn send(worker: &Worker, to: &'static Home, task: TaskRef) {
    bump(&worker.shared.own.handed_over, 1);
    events::handed_over(worker, task, to.index);
    // SAFETY: taken from a queue, so held by us.
    unsafe { submit::send_fresh(worker, to, task) };
}

/// Another worker's home, at random.
fn sample(worker: &Worker, only: &Home) -> Option<&'static Home> {
    let homes = &worker.scheduler.homes;
    let others = homes.count().checked_sub(1).filter(|others| *others > 0)?;
    let step = 1 + worker.dice.roll(others);
    homes.get((only.index + step) % (others + 1)).copied()
}
