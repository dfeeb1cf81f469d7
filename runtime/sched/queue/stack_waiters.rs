//! Fresh goroutines that wait for a stack or a home. All workers of a runtime share them: stacks
//! become free wherever goroutines end.

use crate::runtime::{
    prims::{AtomicUsize, Ordering},
    task::header::TaskRef,
};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// The goroutines, oldest first.
#[derive(Debug, Default)]
pub(crate) struct StackWaiters {
    /// How many there are. A hint outside of the lock.
    count: AtomicUsize,
    waiting: Mutex<Waiting>,
}

/// The part behind the lock.
#[derive(Debug, Default)]
struct Waiting {
    tasks: VecDeque<TaskRef>,
    /// Since when the runtime has had nothing to do but wait for a stack, and its progress then.
    since: Option<(Instant, u64)>,
}

impl StackWaiters {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    pub(crate) fn push(&self, task: TaskRef) {
        let mut waiting = self.lock();
        waiting.tasks.push_back(task);
        self.count.store(waiting.tasks.len(), Ordering::Relaxed);
    }

    /// The one that has waited longest.
    pub(crate) fn pop(&self) -> Option<TaskRef> {
        let mut waiting = self.lock();
        let task = waiting.tasks.pop_front();
        self.count.store(waiting.tasks.len(), Ordering::Relaxed);
        task
    }

    /// Something else than waiting for stacks goes on.
    pub(crate) fn end_wait(&self) {
        self.lock().since = None;
    }

    /// Since when there has been nothing to do but to wait, with no progress but this.
    pub(crate) fn waits_since(&self, progress: u64) -> Instant {
        let mut waiting = self.lock();
        match waiting.since {
            Some((since, then)) if then == progress => since,
            _ => {
                let now = Instant::now();
                waiting.since = Some((now, progress));
                now
            }
        }
    }
}
