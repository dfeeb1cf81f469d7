//! One worker as the others see it.

use crate::runtime::{
    prims::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering},
    sched::{
        home::data::Home,
        idle::sleep_word::SleepWord,
        queue::{
            fresh::{Fresh, FreshStealer},
            runnable::{Runnable, RunnableStealer, runnable},
        },
        timer::{queue::TimerQueue, store::TimerStore},
    },
};
use crossbeam_utils::CachePadded;
use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

/// What only the worker itself writes; the monitor, dumps and metrics read it.
#[derive(Debug, Default)]
pub(crate) struct OwnLine {
    /// Changes with each goroutine that the worker starts or resumes.
    pub(crate) turns: AtomicU64,
    /// The home that it is in, or null.
    pub(crate) home: AtomicPtr<Home>,
    /// How often it has filled its newest slot. Read by the sentry.
    pub(crate) fills: AtomicU64,
    pub(crate) spawned: AtomicU64,
    pub(crate) finished: AtomicU64,
    /// TimerStore that it took fresh goroutines or homes from another worker.
    pub(crate) steals: AtomicU64,
    /// What it took that way.
    pub(crate) stolen: AtomicU64,
    /// Fresh goroutines that it sent to another worker's home.
    pub(crate) handed_over: AtomicU64,
    pub(crate) parks: AtomicU64,
    pub(crate) sleeps: AtomicU64,
}

/// What others write, too.
#[derive(Debug)]
pub(crate) struct RemoteLine {
    pub(crate) sleep: SleepWord,
    /// The turn since which the monitor has seen one goroutine run for longer than it should; MAX:
    /// none. Written by the monitor, read by the goroutine. See
    /// [`is_overdue`](WorkerShared::is_overdue).
    overdue: AtomicU64,
    /// The monitor has seen few turns in one of its rounds: the worker is to look around at once.
    /// Written by the monitor, cleared by the worker.
    hurry: AtomicBool,
    /// It runs no goroutines any more: the runtime has ended. Written by the worker.
    has_left: AtomicBool,
    /// The system's number of the worker's thread; 0 before it has one.
    pub(crate) thread: AtomicU32,
}

/// The shared side of a worker. It is made once and never freed.
#[derive(Debug)]
pub(crate) struct WorkerShared {
    pub(crate) own: CachePadded<OwnLine>,
    pub(crate) remote: CachePadded<RemoteLine>,
    /// Its place among the workers of its runtime: first the regular ones, then the spares.
    pub(crate) index: usize,
    /// Fresh goroutines.
    pub(crate) fresh: FreshStealer,
    /// Homes that can run.
    pub(crate) runnable: RunnableStealer,
    /// The owner's ends of these two, until its thread takes them.
    ends: Mutex<Option<(Fresh, Runnable)>>,
    /// Parks that end at a deadline, set by goroutines that ran here.
    pub(crate) park_timers: TimerQueue,
    /// Goroutines that start at a deadline.
    pub(crate) spawn_timers: TimerQueue,
}

/// Adds to a counter that only the caller's thread writes.
#[inline]
pub(crate) fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Relaxed);
}

impl WorkerShared {
    /// A worker without a thread. `new_store` makes an empty set of timers of the runtime's kind.
    pub(crate) fn new(index: usize, start: Instant, new_store: impl Fn() -> TimerStore) -> Self {
        let fresh = Fresh::new();
        let (runnable, stealer) = runnable();
        Self {
            own: CachePadded::default(),
            remote: CachePadded::new(RemoteLine {
                sleep: SleepWord::new(),
                overdue: AtomicU64::new(u64::MAX),
                hurry: AtomicBool::new(false),
                has_left: AtomicBool::new(false),
                thread: AtomicU32::new(0),
            }),
            index,
            fresh: fresh.stealer(),
            runnable: stealer,
            ends: Mutex::new(Some((fresh, runnable))),
            park_timers: TimerQueue::new(start, new_store()),
            spawn_timers: TimerQueue::new(start, new_store()),
        }
    }

    /// The owner's ends of its queues; `None` if they were taken before.
    pub(crate) fn take_ends(&self) -> Option<(Fresh, Runnable)> {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.take()
    }

    /// Whether its thread has started.
    pub(crate) fn has_thread(&self) -> bool {
        self.remote.thread.load(Ordering::Relaxed) != 0
    }

    /// Whether its thread has started and is awake.
    pub(crate) fn is_awake(&self) -> bool {
        self.has_thread() && !self.remote.sleep.is_asleep()
    }

    /// The worker has left its loop.
    pub(crate) fn set_left(&self) {
        self.remote.has_left.store(true, Ordering::Relaxed);
    }

    /// Whether it has left its loop.
    pub(crate) fn has_left(&self) -> bool {
        self.remote.has_left.load(Ordering::Relaxed)
    }

    /// Tells the worker to look around at its next turn; by the monitor.
    pub(crate) fn set_hurry(&self) {
        self.remote.hurry.store(true, Ordering::Relaxed);
    }

    /// Whether it is to look around at once; for the worker.
    #[inline]
    pub(crate) fn is_hurried(&self) -> bool {
        self.remote.hurry.load(Ordering::Relaxed)
    }

    /// It does.
    pub(crate) fn clear_hurry(&self) {
        self.remote.hurry.store(false, Ordering::Relaxed);
    }

    /// Says that the goroutine that has run since this turn has had its share; by the monitor.
    pub(crate) fn set_overdue(&self, turn: u64) {
        self.remote.overdue.store(turn, Ordering::Relaxed);
    }

    /// Whether the goroutine that runs here now has had its share. Relaxed: a hint; it ends with
    /// the turn that it names.
    #[inline]
    pub(crate) fn is_overdue(&self) -> bool {
        self.remote.overdue.load(Ordering::Relaxed) == self.own.turns.load(Ordering::Relaxed)
    }

    /// When a timer is to be looked at.
    #[inline]
    pub(crate) fn timers_due(&self) -> Option<Instant> {
        [self.park_timers.due(), self.spawn_timers.due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// As `timers_due`, but knows of timers that were taken back.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        [self.park_timers.next(), self.spawn_timers.next()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether a timer is to fire here.
    pub(crate) fn has_timers(&self) -> bool {
        !self.park_timers.is_empty() || !self.spawn_timers.is_empty()
    }

    /// Whether something waits here that any worker may take, the newest slot left out: its owner
    /// is awake and most often empties it itself.
    pub(crate) fn has_public_work(&self) -> bool {
        !self.fresh.is_empty() || !self.runnable.is_queue_empty()
    }
}
