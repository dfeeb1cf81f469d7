//! A worker out of work: search, then sleep (protocol S in `runtime/README.md`).

use crate::runtime::{
    clock,
    prims::Ordering,
    sched::{
        events,
        roster::{WorkerShared, bump},
        sleep::Awoken,
        worker::WorkerCore,
    },
    task::header::TaskRef,
};
use crossbeam_deque::Steal;
use std::{
    thread,
    time::{Duration, Instant},
};

/// How long a searcher looks before it sleeps: a few times what waking a thread costs (5-7 us measured on virtual machines).
const SEARCH_TIME: Duration = Duration::from_micros(30);
/// How long a victim must have been in one goroutine before a searcher takes the last few fresh ones: those its owner will most often run at once, and
/// started on one worker they will talk to each other there.
const PATIENCE: Duration = Duration::from_micros(10);
/// So many fresh goroutines are more than a few.
const MANY: usize = 4;
/// The most goroutines that one steal moves.
const STEAL_BATCH: usize = 256;
/// How often a worker tries again for a stack when there was none.
const STARVED_RETRY: Duration = Duration::from_millis(10);

impl WorkerCore {
    /// Looks everywhere, then sleeps, until there is something to run. `None`: the runtime shuts down.
    pub(crate) fn search(&self) -> Option<TaskRef> {
        let mut searching = false;
        loop {
            if self.roster.has_calls() && self.must_leave() {
                if searching {
                    self.roster.end_search();
                }
                return None;
            }
            if let Some(task) = self.look(&mut searching) {
                return Some(task);
            }
            self.fire_due_timers();
            self.unstarve();
            if let Some(task) = self.next() {
                return Some(task);
            }
            searching = self.sleep();
            // Woken to work: its own queues first, and nobody relies on it as a searcher.
            if !searching && let Some(task) = self.next() {
                return Some(task);
            }
        }
    }

    /// One search; `searching` says whether this worker is counted as a searcher, and is false after.
    fn look(&self, searching: &mut bool) -> Option<TaskRef> {
        if !self.may_search() {
            return None;
        }
        let counted = *searching || self.roster.idle.start_search();
        *searching = false;
        if !counted {
            return self.take_injected();
        }
        let found = self.search_for_a_while();
        // Also with nothing found: something of its own may keep this worker from its last look, and what came meanwhile was left to it (S4).
        self.roster.end_search();
        found
    }

    /// Regular workers always; spares while somebody is stuck.
    fn may_search(&self) -> bool {
        let shared = self.shared();
        !shared.is_spare()
            || shared.index - self.roster.config.workers < self.roster.stuck.load(Ordering::Relaxed)
    }

    fn search_for_a_while(&self) -> Option<TaskRef> {
        let start = Instant::now();
        let mut seen = (self.turns(), start);
        loop {
            let now = Instant::now();
            let progress = self.turns();
            if progress != seen.0 {
                seen = (progress, now);
            }
            let least = if !self.roster.parallel || now - seen.1 >= PATIENCE {
                1
            } else {
                MANY
            };
            if let Some(task) = self.take_injected().or_else(|| self.steal(least)) {
                return Some(task);
            }
            if !self.shared().remote.inbox.looks_empty() || self.roster.has_calls() {
                return None;
            }
            if !self.roster.parallel || now - start >= SEARCH_TIME {
                return None;
            }
            for _ in 0..32 {
                std::hint::spin_loop();
            }
        }
    }

    /// Changes whenever a worker that has fresh goroutines turns to another one.
    fn turns(&self) -> u64 {
        let workers = self.roster.workers.iter();
        workers
            .filter(|w| !w.fresh.is_empty() || !w.moving.is_empty())
            .map(|w| w.own.ticks.load(Ordering::Relaxed) + 1)
            .fold(0, u64::wrapping_add)
    }

    /// From the queue that outside threads fill.
    pub(crate) fn take_injected(&self) -> Option<TaskRef> {
        loop {
            if self.roster.injector.is_empty() {
                return None;
            }
            // In migration mode suspended goroutines come this way too; the loop of the owner copes with either kind in `fresh`.
            match self
                .roster
                .injector
                .steal_batch_with_limit_and_pop(&self.arrivals, STEAL_BATCH)
            {
                Steal::Success(task) => {
                    while let Some(next) = self.arrivals.pop() {
                        self.fresh.push(next);
                    }
                    return Some(task);
                }
                Steal::Empty => return None,
                Steal::Retry => {}
            }
        }
    }

    /// From the other workers, beginning with one at random; from queues with at least so many.
    fn steal(&self, least: usize) -> Option<TaskRef> {
        let workers = &self.roster.workers;
        let from = self.random() as usize % workers.len();
        for i in 0..workers.len() {
            let victim = &workers[(from + i) % workers.len()];
            if victim.index == self.shared().index {
                continue;
            }
            if let Some(task) = self.steal_from(victim, least) {
                return Some(task);
            }
        }
        None
    }

    fn steal_from(&self, victim: &WorkerShared, least: usize) -> Option<TaskRef> {
        if victim.fresh.len() >= least
            && let Some((task, more)) = victim.fresh.steal_half(&self.fresh, STEAL_BATCH)
        {
            self.count_steal(victim, 1 + more);
            return Some(task);
        }
        while victim.moving.len() >= least {
            match victim
                .moving
                .steal_batch_with_limit_and_pop(&self.moving, STEAL_BATCH)
            {
                Steal::Success(task) => {
                    self.count_steal(victim, 1 + self.moving.len());
                    return Some(task);
                }
                Steal::Empty => break,
                Steal::Retry => std::hint::spin_loop(),
            }
        }
        None
    }

    fn count_steal(&self, victim: &WorkerShared, tasks: usize) {
        let own = &self.shared().own;
        bump(&own.steals, 1);
        bump(&own.stolen, tasks as u64);
        events::stole(self, victim.index);
    }

    /// Sleeps until woken or until a timer is due. True: woken as a searcher.
    fn sleep(&self) -> bool {
        self.refs.flush();
        let shared = self.shared();
        let (idle, word, sleeper) = (&self.roster.idle, &shared.remote.sleep, shared.sleeper());
        idle.announce(word, sleeper);
        // The last look, after the fence (S3).
        let work_waits = !shared.remote.inbox.looks_empty()
            || self.roster.is_closing()
            || shared.remote.asked.load(Ordering::Relaxed)
            || (self.may_search() && self.roster.has_public_work());
        if !work_waits {
            self.wait_until_woken();
        }
        let awoken = idle.get_up(word, sleeper);
        // Nobody has kept the time while all slept.
        self.roster.keep_time();
        self.roster.be_watched();
        awoken == Awoken::ToSearch
    }

    fn wait_until_woken(&self) {
        let shared = self.shared();
        bump(&shared.own.sleeps, 1);
        while shared.remote.sleep.is_sleeping() {
            let retry = (!self.starved.is_empty()).then(|| Instant::now() + STARVED_RETRY);
            let Some(due) = [shared.timers_due(), retry].into_iter().flatten().min() else {
                thread::park();
                continue;
            };
            let now = clock::now();
            if due <= now {
                return;
            }
            thread::park_timeout(due - now);
            if retry.is_some() {
                return;
            }
        }
    }
}
