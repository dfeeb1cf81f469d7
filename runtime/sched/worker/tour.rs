//! The loop of a worker, on top of all that it decides: search for a home that can run, enter it,
//! go from home to home, leave the last one.

use crate::runtime::{
    sched::{
        abandon,
        home::{data::Home, held::Held},
        idle::{search, steal::FoundWork},
        inspect::quiescence,
        poller::shared as poller,
        worker::{
            data::Worker,
            place::{self, Start},
            submit,
            visit::{put_back, visit, visit_only_home},
        },
    },
    switch::identity,
    task::header::{LOCAL_BIT, TaskRef},
};
use std::{ptr, time::Instant};

/// Runs goroutines until the runtime shuts down.
pub(crate) fn run(worker: &Worker) {
    while let Some(home) = next_home(worker) {
        let last = tour(worker, home);
        // SAFETY: the worker has left it, holds it still, and gives it up here.
        put_back(worker, unsafe { Held::new(last) });
    }
    abandon_own(worker);
    hand_poller_on();
}

/// Goes through homes that can run, beginning with `first`, which the worker holds. Returns the
/// last one, which it holds.
fn tour(worker: &Worker, first: &'static Home) -> &'static Home {
    let at = ptr::from_ref(first).cast_mut().cast();
    let arg = ptr::from_ref(worker).cast_mut().cast();
    // SAFETY: the worker is this thread's, and holds the home; `visit` returns homes that it holds.
    // Nothing thread-local is referred to from here.
    let last = unsafe {
        match worker.only_home.get() {
            None => identity::tour(at, visit, arg),
            // Homes are not lent: this one has the identity of the worker's own thread.
            Some(_) => identity::tour_in_place(at, visit_only_home, arg),
        }
    };
    worker.set_home(ptr::null());
    // SAFETY: one of those, and homes are never freed.
    unsafe { &*last.cast_const().cast::<Home>() }
}

/// The next home to enter, for a worker that is in none; searches and sleeps until there is one.
/// `None`: the runtime shuts down.
fn next_home(worker: &Worker) -> Option<&'static Home> {
    loop {
        if worker.scheduler.is_closing() {
            return None;
        }
        // Between two homes, too, timers are not to wait for more than the budget.
        if worker.count_turn() {
            worker.begin_look(Instant::now());
            submit::fire_timers(worker, None, worker.shared);
        }
        // Homes with started goroutines come before fresh ones, as in `find`.
        if let Some(home) = worker.pop_home_outside() {
            return Some(home);
        }
        let task = match worker.pop_fresh() {
            Some(task) => task,
            None => match search::search(worker)? {
                FoundWork::Home(home) => return Some(home),
                FoundWork::Fresh(task) => task,
            },
        };
        // If the goroutine went elsewhere, the worker looks for the next thing to do.
        if let Some(home) = start(worker, task) {
            return Some(home);
        }
    }
}

fn start(worker: &Worker, task: TaskRef) -> Option<&'static Home> {
    match place::place(worker, None, task) {
        Start::In(home) => Some(home),
        Start::Here(_) => unreachable!("the worker is in no home"),
        Start::Elsewhere => None,
    }
}

/// A worker leaves for good, which may have been the one that sleeps in the poller: somebody of
/// another runtime comes to look whether the place is free.
fn hand_poller_on() {
    if poller::is_unattended() {
        for scheduler in quiescence::schedulers() {
            scheduler.offer();
        }
    }
}

/// Drops what this worker will never start, at shutdown. First it leaves all of it to everybody: a
/// destructor may block this thread until another one of these has been dropped.
fn abandon_own(worker: &Worker) {
    let scheduler = worker.scheduler;
    while let Some(task) = worker.fresh.pop().or_else(|| scheduler.stack_waiters.pop()) {
        if task.has(LOCAL_BIT) {
            // Not `Send`: its home's owner drops it.
            // SAFETY: it was kept here, so held by us.
            unsafe { submit::send_local(task) };
        } else {
            scheduler.inject(task);
        }
    }
    abandon::abandon_injected(scheduler);
    // Last: closures that were dropped may have left some.
    worker.refs.flush();
}
