//! A worker, as only its own thread sees it: its ends of queues, its caches, its budget.
//!
//! The thread uses it under whichever identity it has at the moment. Nothing in here is
//! thread-local.

use crate::runtime::{
    prims::Ordering,
    sched::{
        home::{
            data::{Home, Lent},
            held::Held,
        },
        poller::shared::Found,
        queue::{fresh::Fresh, runnable::Runnable},
        scheduler::Scheduler,
        worker::{
            blocks::SpareBlocks,
            budget::Budget,
            dice::Dice,
            ids::Ids,
            refs::SpareRefs,
            shared::{WorkerShared, bump},
        },
    },
    stack::LocalCache,
    task::{header::TaskRef, pool::CellCache},
};
use crossbeam_deque::Worker as Deque;
use std::{
    cell::{Cell, RefCell},
    time::Instant,
};

/// The private side of a worker.
pub(crate) struct Worker {
    pub(crate) scheduler: &'static Scheduler,
    pub(crate) shared: &'static WorkerShared,
    /// Its only home, where homes are not lent. Set once, before the loop begins.
    pub(crate) only_home: Cell<Option<&'static Home>>,
    /// Fresh goroutines; others steal from it.
    pub(crate) fresh: Fresh,
    /// What a steal from the injector brings, on its way to `fresh`.
    arrivals: Deque<TaskRef>,
    /// Homes that can run; others steal from it.
    pub(crate) runnable: Runnable,
    pub(crate) stacks: RefCell<LocalCache>,
    pub(crate) cells: CellCache,
    pub(crate) refs: SpareRefs,
    /// For channels.
    pub(crate) blocks: SpareBlocks,
    pub(crate) ids: Ids,
    pub(crate) dice: Dice,
    pub(crate) budget: Budget,
    /// What the last look into the poller has shown.
    pub(crate) found: RefCell<Found>,
    /// A buffer for those that are woken then.
    pub(crate) waiters: RefCell<Vec<usize>>,
    /// The home in which fresh goroutines start, if the one at hand takes no more.
    pub(crate) chunk: Cell<Option<&'static Home>>,
    /// So many fresh goroutines are taken oldest first.
    aged: Cell<usize>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("index", &self.shared.index)
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// The private side of worker `index`; `None` if it was taken before.
    pub(crate) fn new(scheduler: &'static Scheduler, index: usize) -> Option<Self> {
        let shared = *scheduler.workers.get(index)?;
        let (fresh, runnable) = shared.take_ends()?;
        Some(Self {
            scheduler,
            shared,
            only_home: Cell::new(None),
            fresh,
            arrivals: Deque::new_fifo(),
            runnable,
            stacks: RefCell::new(LocalCache::new()),
            cells: CellCache::new(),
            refs: SpareRefs::new(),
            blocks: SpareBlocks::new(),
            ids: Ids::new(),
            dice: Dice::new(index),
            budget: Budget::new(),
            found: RefCell::default(),
            waiters: RefCell::default(),
            chunk: Cell::new(None),
            aged: Cell::new(0),
        })
    }

    /// The turn that runs now.
    #[inline]
    pub(crate) fn turn(&self) -> u64 {
        self.shared.own.turns.load(Ordering::Relaxed)
    }

    /// Counts a turn. True: it is time to look at what else there is.
    #[inline]
    pub(crate) fn count_turn(&self) -> bool {
        bump(&self.shared.own.turns, 1);
        self.budget.count_turn() || self.shared.is_hurried()
    }

    /// Whether the next turn is one before which the worker looks around.
    #[inline]
    pub(crate) fn is_look_next(&self) -> bool {
        self.budget.is_look_next() || self.shared.is_hurried()
    }

    /// Begins a look around.
    pub(crate) fn begin_look(&self, now: Instant) {
        self.budget.look(now);
        if self.shared.is_hurried() {
            self.shared.clear_hurry();
            self.budget.hurry();
        }
        if self.scheduler.explorer.is_some() {
            self.budget.hurry();
        }
    }

    /// Says which home the worker is in; null: none.
    #[inline]
    pub(crate) fn set_home(&self, home: *const Home) {
        let place = &self.shared.own.home;
        place.store(home.cast_mut(), Ordering::Relaxed);
    }

    /// A home that waits here, the newest first. The caller holds it then.
    #[inline]
    pub(crate) fn pop_home(&self) -> Option<&'static Home> {
        self.runnable.pop(&self.shared.runnable)
    }

    /// The home that has waited here longest. The caller holds it then.
    pub(crate) fn pop_oldest_home(&self) -> Option<&'static Home> {
        self.runnable.pop_oldest(&self.shared.runnable)
    }

    /// As `pop_home`, for a worker that is in no home: where homes are not lent, its only one.
    pub(crate) fn pop_home_outside(&self) -> Option<&'static Home> {
        match self.only_home.get() {
            None => self.pop_home().or_else(|| self.runnable.pop_yielded()),
            Some(home) => home.shared.word.is_busy().then_some(home),
        }
    }

    /// Whether another home than the one that the worker is in can run here, because somebody was
    /// woken there.
    #[inline]
    pub(crate) fn has_woken_homes(&self) -> bool {
        self.runnable.has_woken(&self.shared.runnable)
    }

    /// Whether another home than the one that the worker is in can run here.
    #[inline]
    pub(crate) fn has_homes(&self) -> bool {
        self.has_woken_homes() || self.runnable.has_yielded()
    }

    /// Puts a home that the worker has left, and holds, behind the others that can run.
    pub(crate) fn requeue(&self, left: Held) {
        let home = left.home();
        // A home that is not lent stays busy, and its worker sees that.
        if home.lent != Lent::ToAll {
            return;
        }
        if left.has_woken() {
            self.runnable.push_back(home);
        } else {
            self.runnable.push_yielded(home);
        }
        // No fence before this hint: this worker is awake.
        if self.scheduler.idle.could_wake() {
            self.scheduler.wake_one();
        }
    }

    /// The newest fresh goroutine, or the oldest of those that have waited long.
    #[inline]
    pub(crate) fn pop_fresh(&self) -> Option<TaskRef> {
        if self.aged.get() == 0 {
            self.fresh.pop()
        } else {
            self.pop_aged()
        }
    }

    #[cold]
    fn pop_aged(&self) -> Option<TaskRef> {
        let oldest = self.shared.fresh.steal();
        // With none left, or a thief at it: back to the rule.
        let left = oldest.map_or(0, |_| self.aged.get() - 1);
        self.aged.set(left);
        oldest.or_else(|| self.fresh.pop())
    }

    /// From now on those that are fresh now go before those to come.
    pub(crate) fn age_fresh(&self) {
        self.aged.set(self.fresh.len());
    }

    /// From the queue that outside threads fill; the rest of a batch goes to the fresh ones.
    pub(crate) fn take_injected(&self) -> Option<TaskRef> {
        let first = self.scheduler.take_injected(&self.arrivals, STEAL_BATCH)?;
        while let Some(next) = self.arrivals.pop() {
            self.fresh.push(next);
        }
        Some(first)
    }

    /// Whether nothing but the goroutine that runs in `home` can run here.
    pub(crate) fn has_nothing_queued(&self, home: Held) -> bool {
        !home.has_ready() && self.fresh.is_empty() && !self.has_homes()
    }
}

/// The most goroutines that one steal moves.
pub(crate) const STEAL_BATCH: usize = 256;
