//! A worker's timers, behind a lock: any thread may add, take back and fire (protocol T in
//! `runtime/README.md`).

use crate::runtime::{
    prims::{AtomicU64, Ordering},
    sched::timer::{store::TimerStore, wheel::Key},
    task::header::TaskRef,
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Goroutines that something is due for: the end of a park, or the start.
#[derive(Debug)]
pub(crate) struct TimerQueue {
    store: Mutex<TimerStore<TaskRef>>,
    start: Instant,
    /// When the wheel wants to be looked at, in ns since `start`; MAX: never.
    due: AtomicU64,
}

impl TimerQueue {
    /// None, of a runtime that starts at `start`.
    pub(crate) fn new(start: Instant, store: TimerStore<TaskRef>) -> Self {
        Self {
            store: Mutex::new(store),
            start,
            due: AtomicU64::new(u64::MAX),
        }
    }

    fn lock(&self) -> MutexGuard<'_, TimerStore<TaskRef>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a timer. A caller that is not the worker whose queue this is owes that one a wake-up
    /// (T4).
    pub(crate) fn add(&self, deadline: Instant, task: TaskRef) -> Key {
        let mut store = self.lock();
        let key = store.insert(deadline, task);
        self.publish_due(&store);
        key
    }

    /// Takes a timer back; `None` if it has fired. After it returns it has or never will (T3).
    pub(crate) fn take(&self, key: Key) -> Option<TaskRef> {
        self.lock().remove(key)
    }

    fn publish_due(&self, store: &TimerStore<TaskRef>) {
        let nanos = |at: Instant| {
            let nanos = at.saturating_duration_since(self.start).as_nanos();
            u64::try_from(nanos).unwrap_or(u64::MAX - 1)
        };
        let due = store.next_wake().map_or(u64::MAX, nanos);
        self.due.store(due, Ordering::Relaxed);
    }

    /// When the wheel wants to be looked at.
    pub(crate) fn due(&self) -> Option<Instant> {
        let due = self.due.load(Ordering::Relaxed);
        (due != u64::MAX).then(|| self.start + Duration::from_nanos(due))
    }

    /// As `due`, but knows of those that were taken back.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.lock().next_wake()
    }

    /// Whether none is set. Unlike `due`, knows of those that were taken back.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Hands over those whose time has come (T2). `fire` runs under the lock: it must be short.
    pub(crate) fn fire(&self, now: Instant, fire: impl FnMut(TaskRef)) {
        if self.due().is_none_or(|due| now < due) {
            return;
        }
        let mut store = self.lock();
        store.expire(now, fire);
        self.publish_due(&store);
    }

    /// Takes those whose time has come.
    pub(crate) fn fired(&self, now: Instant) -> Vec<TaskRef> {
        let mut fired = Vec::new();
        self.fire(now, |task| fired.push(task));
        fired
    }

    /// Takes all, due or not, and gives the memory back. For the end of a runtime.
    pub(crate) fn drain(&self) -> Vec<TaskRef> {
        let mut all = Vec::new();
        let mut store = self.lock();
        while let Some(at) = store.next_wake() {
            store.expire(at, |task| all.push(task));
        }
        *store = TimerStore::exact();
        self.publish_due(&store);
        all
    }
}
