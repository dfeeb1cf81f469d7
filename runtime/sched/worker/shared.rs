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
    /// Counts the turns: at least one for each goroutine that the worker starts or resumes. The
    /// monitor sees by it that a worker stays in one goroutine, searchers that their victim gets
    /// on, and two snapshots of the deadlock detector that nothing has run in between.
    pub(crate) turns: AtomicU64,
    /// The home that it is in, or null. Read by the monitor.
    pub(crate) home: AtomicPtr<Home>,
    /// How often it has filled its newest slot. Read by the sentry.
    pub(crate) fills: AtomicU64,
    /// Goroutines that were spawned here. Read by `Scheduler::live` and metrics, as all below.
    pub(crate) spawned: AtomicU64,
    /// Goroutines that have ended here. Stored with Release for `Scheduler::live`.
    pub(crate) finished: AtomicU64,
    /// How often it took fresh goroutines or homes from another worker.
    pub(crate) steals: AtomicU64,
    /// How many goroutines and homes it took that way.
    pub(crate) stolen: AtomicU64,
    /// Fresh goroutines that it sent to another worker's home.
    pub(crate) handed_over: AtomicU64,
    /// Parks of goroutines that ran here.
    pub(crate) parks: AtomicU64,
    /// How often it has gone to sleep.
    pub(crate) sleeps: AtomicU64,
}

/// What others write, too.
#[derive(Debug)]
pub(crate) struct RemoteLine {
    /// Whether it sleeps, and who may wake it. Written by the worker and by wakers (protocol S).
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
    /// The system's number of the worker's thread; 0 before it has one. Written by the thread when
    /// it starts, read by the monitor.
    pub(crate) thread: AtomicU32,
}

/// The shared side of a worker. It is made once and never freed.
#[derive(Debug)]
pub(crate) struct WorkerShared {
    /// What the worker writes all the time, apart from what others write.
    pub(crate) own: CachePadded<OwnLine>,
    /// What others write, too.
    pub(crate) remote: CachePadded<RemoteLine>,
    /// Its place among the workers of its runtime: first the regular ones, then the spares.
    pub(crate) index: usize,
    /// The thieves' end of its fresh goroutines. Used by other workers, and by itself where the
    /// oldest one is wanted.
    pub(crate) fresh: FreshStealer,
    /// The thieves' end of its homes that can run, and the slot for the newest of them.
    pub(crate) runnable: RunnableStealer,
    /// The owner's ends of these two, until its thread takes them at its start.
    ends: Mutex<Option<(Fresh, Runnable)>>,
    /// Parks that end at a deadline, set by goroutines that ran here. Any thread may fire them.
    pub(crate) park_timers: TimerQueue,
    /// Goroutines that start at a deadline; see `goroutine::delayed_spawn`. Set by goroutines that
    /// ran here and by plain threads. Any thread may fire them.
    pub(crate) spawn_timers: TimerQueue,
}

/// Adds to a counter that only the caller's thread writes.
#[inline]
pub(crate) fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Relaxed);
}

impl WorkerShared {
    /// A worker without a thread. `new_store` makes an empty timer store of the runtime's kind.
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

    /// The worker looks around now.
    pub(crate) fn clear_hurry(&self) {
        self.remote.hurry.store(false, Ordering::Relaxed);
    }

    /// Says that the goroutine which has run since this turn is over its budget; by the monitor.
    pub(crate) fn set_overdue(&self, turn: u64) {
        self.remote.overdue.store(turn, Ordering::Relaxed);
    }

    /// Whether the goroutine that runs here now is over its budget, as the monitor has seen.
    /// Relaxed: a hint, which is void as soon as the turn that it names has ended.
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
