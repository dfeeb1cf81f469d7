//! No stack to be had: fresh goroutines wait until one is free; if none ever can be, the process ends with a clear text.

use crate::runtime::{
    prims::Ordering,
    sched::{roster::Roster, worker::WorkerCore},
    stack::{SizeClass, StackError},
    task::header::TaskRef,
};
use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// How long a runtime may have nothing to do but wait for stacks before it gives up (guess: long against any sleep of a plain thread in a spawn loop).
const GIVE_UP_AFTER: Duration = Duration::from_secs(3);

thread_local! {
    /// Since when this worker has had nothing to do but wait for a stack, and the runtime's progress at that time.
    static WAITING_SINCE: Cell<Option<(Instant, u64)>> = const { Cell::new(None) };
}

impl WorkerCore {
    /// Keeps a fresh goroutine until a stack is free.
    #[cold]
    pub(crate) fn starve(&self, task: TaskRef, error: &StackError) {
        if !self.roster.starved.swap(true, Ordering::Relaxed) {
            eprintln!(
                "gort: a goroutine cannot start yet, no stack for it: {error}\n\
                 gort: it waits until another goroutine ends"
            );
        }
        self.starved.push(task);
        self.give_up_if_hopeless(error);
    }

    /// Starts a goroutine that waited, now that a stack may be free.
    #[inline]
    pub(crate) fn unstarve(&self) {
        if !self.starved.is_empty() {
            self.unstarve_slow();
        }
    }

    #[cold]
    fn unstarve_slow(&self) {
        let Some(task) = self.starved.pop() else {
            return;
        };
        let class = SizeClass::from_index(task.wait.stack_class());
        let taken = self.stacks.borrow_mut().take(class);
        match taken {
            Ok(stack) => {
                WAITING_SINCE.set(None);
                self.stacks.borrow_mut().give(stack);
                self.woken.push(task);
            }
            Err(error) => self.starve(task, &error),
        }
    }

    fn give_up_if_hopeless(&self, error: &StackError) {
        let own_work = !self.woken.is_empty()
            || !self.yielded.is_empty()
            || !self.shared().remote.inbox.looks_empty();
        // Spares count too: goroutines that started there sleep and run there. Searching does not: workers that wait for stacks
        // wake up and search now and then, and would keep each other waiting.
        let others_work = self
            .roster
            .workers
            .iter()
            .any(|w| w.has_timers() || !w.own.current.load(Ordering::Relaxed).is_null());
        if own_work || others_work || self.roster.blocking.pending() > 0 {
            WAITING_SINCE.set(None);
            return;
        }
        let progress = self.roster.life_events();
        let (since, _) = WAITING_SINCE
            .get()
            .filter(|(_, then)| *then == progress)
            .unwrap_or_else(|| (Instant::now(), progress));
        WAITING_SINCE.set(Some((since, progress)));
        if since.elapsed() >= GIVE_UP_AFTER {
            eprintln!(
                "fatal error: goroutines cannot start and none is left that could end: {error}\n\
                 {} goroutines are alive",
                self.roster.live()
            );
            std::process::exit(2);
        }
    }
}

impl Roster {
    /// A number that changes whenever a goroutine of this runtime is spawned, parks or ends.
    pub(crate) fn life_events(&self) -> u64 {
        let of_workers = self.workers.iter().map(|w| {
            let [a, b, c] = [&w.own.spawned, &w.own.parks, &w.own.finished];
            a.load(Ordering::Relaxed) + b.load(Ordering::Relaxed) + c.load(Ordering::Relaxed)
        });
        of_workers.sum::<u64>() + self.spawned_outside.load(Ordering::Relaxed)
    }
}
