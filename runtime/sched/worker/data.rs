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

/// The private side of a worker. Its own thread alone reads and writes it, in its loop and in what
/// goroutines call while they run on it.
pub(crate) struct Worker {
    /// What all workers of the runtime share.
    pub(crate) scheduler: &'static Scheduler,
    /// The side of this worker that others see.
    pub(crate) shared: &'static WorkerShared,
    /// The worker's only home, where homes are not lent; `None` where they are. Set once by
    /// `threads::launch`, before the loop begins.
    pub(crate) only_home: Cell<Option<&'static Home>>,
    /// The owner's end of the queue of fresh goroutines. Spawns push here, the loop pops. Thieves
    /// have the other end, `shared.fresh`.
    pub(crate) fresh: Fresh,
    /// A buffer: a steal from the injector needs a deque of its kind to put a batch into.
    /// `take_injected` empties it into `fresh` at once.
    arrivals: Deque<TaskRef>,
    /// The owner's end of the homes that can run: a slot for the newest, a queue, and those in
    /// which all have yielded. Thieves have the other end, `shared.runnable`.
    pub(crate) runnable: Runnable,
    /// Stacks at hand. The loop takes one when a coroutine begins, and gives it back at its end.
    pub(crate) stacks: RefCell<LocalCache>,
    /// Memory for goroutines at hand: spawns take cells, the ends of goroutines give them back.
    pub(crate) cells: CellCache,
    /// References to the last object that was shared here, for `sync::shared`.
    pub(crate) refs: SpareRefs,
    /// Memory blocks of channels that were dropped here, for the next ones that are made.
    pub(crate) blocks: SpareBlocks,
    /// Goroutine ids that this worker has reserved for its spawns.
    pub(crate) ids: Ids,
    /// Random numbers: for the choice of victims, homes and workers.
    pub(crate) dice: Dice,
    /// When the loop looks around, and when a goroutine that does not park yields.
    pub(crate) budget: Budget,
    /// What the last look into the poller has shown. Filled by `idle::sleep` and
    /// `poller::deliver`, emptied by `deliver::wake_found`.
    pub(crate) found: RefCell<Found>,
    /// A buffer for `deliver`: the unparkers of those that it is about to wake.
    pub(crate) waiters: RefCell<Vec<usize>>,
    /// The home in which fresh goroutines start, if the one at hand takes no more. Set and read by
    /// `place`.
    pub(crate) chunk: Cell<Option<&'static Home>>,
    /// How many of the next fresh goroutines are taken oldest first. Set by a sweep, counted down
    /// by `pop_aged`.
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

    /// From now on the goroutines that are fresh now are started before those to come.
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
