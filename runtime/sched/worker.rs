//! A worker's private side, and its loop: find, run, classify. Nothing else.
//!
//! Order of the queues, and why:
//!
//! 1. suspended goroutines that may go on: they hold stacks; finishing them first bounds memory. The woken ones (own queue, filled from the inbox) and those whose
//!    deadline has passed take turns: either sort may be refilled for ever by goroutines that wake each other, or sleep for a moment again and again;
//! 2. fresh ones, newest first: depth first through trees of goroutines, so few stacks are live at once;
//! 3. those that yielded: behind fresh ones, or a yielding goroutine would starve what it waits for;
//! 4. what other workers or outside threads offer (`search`).
//!
//! Every 61st time one of the later ones comes first, in turn, so that none starves. And every 10 ms those fresh ones that are there go before newer ones:
//! else one below the bursts of others would wait as long as they come.

use crate::runtime::{
    clock,
    coroutine::Carrier,
    prims::Ordering,
    sched::{
        after::After,
        fresh::Fresh,
        queue::ReadyQueue,
        refs::SpareRefs,
        roster::{Roster, WorkerShared, bump},
    },
    stack::LocalCache,
    task::{
        header::TaskRef,
        pool::{self, CellCache},
        state::Woken,
    },
};
use crossbeam_deque::Worker;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    ptr::{self, NonNull},
    sync::Arc,
    time::{Duration, Instant},
};

/// How often a later queue comes first; a prime, as Go's schedtick check, so that it does not beat with loops in programs.
const FAIR_EVERY: u32 = 61;
/// Time between two moments at which the fresh goroutines that wait go before newer ones (as Go's time slice).
const SWEEP_EVERY: Duration = Duration::from_millis(10);
/// How long a goroutine may go on with operations that find no reason to park, while others wait: well above the price of a switch (guess).
const TURN: Duration = Duration::from_millis(1);
/// Goroutine ids that a worker takes at a time.
const ID_BLOCK: u64 = 1024;

/// A worker, as only its own thread sees it.
pub(crate) struct WorkerCore {
    pub(crate) roster: Arc<Roster>,
    shared: NonNull<WorkerShared>,
    /// Fresh goroutines; others steal from it.
    pub(crate) fresh: Fresh,
    /// What a steal from the injector brings, on its way to `fresh`.
    pub(crate) arrivals: Worker<TaskRef>,
    /// Woken goroutines in migration mode; others steal from it.
    pub(crate) moving: Worker<TaskRef>,
    /// Woken goroutines that must resume here.
    pub(crate) woken: ReadyQueue,
    pub(crate) yielded: ReadyQueue,
    /// Homed goroutines whose deadline has passed. Not linked through their cells, since such a goroutine's unpark may arrive in the inbox while it is here.
    pub(crate) due: RefCell<VecDeque<TaskRef>>,
    /// Fresh goroutines that no stack could be had for.
    pub(crate) starved: ReadyQueue,
    /// What the root must run next; set by a carrier that cannot run it itself.
    pub(crate) handoff: Cell<Option<TaskRef>>,
    pub(crate) carrier: Cell<Option<NonNull<Carrier>>>,
    pub(crate) after: Cell<After>,
    pub(crate) stacks: RefCell<LocalCache>,
    pub(crate) cells: CellCache,
    pub(crate) refs: SpareRefs,
    pub(crate) random: Cell<u32>,
    tick: Cell<u32>,
    /// So many fresh goroutines are taken oldest first.
    aged: Cell<usize>,
    swept: Cell<Instant>,
    /// Of those that [`is_turn_over`](Self::is_turn_over) was asked.
    asked: Cell<u32>,
    /// The tick of a turn that was asked about, and when that was.
    turn: Cell<(u64, Option<Instant>)>,
    next_id: Cell<u64>,
    end_id: Cell<u64>,
}

impl std::fmt::Debug for WorkerCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerCore")
            .field("index", &self.shared().index)
            .finish_non_exhaustive()
    }
}

impl WorkerCore {
    /// The private side of worker `index`; `None` if it was taken before.
    pub(crate) fn new(roster: Arc<Roster>, index: usize) -> Option<Self> {
        let shared = NonNull::from(&roster.workers[index]);
        // SAFETY: the roster is held by the result.
        let ends = unsafe { shared.as_ref() }.ends.lock().ok()?.take()?;
        Some(Self {
            roster,
            shared,
            fresh: ends.0,
            arrivals: Worker::new_fifo(),
            moving: ends.1,
            woken: ReadyQueue::new(),
            yielded: ReadyQueue::new(),
            due: RefCell::new(VecDeque::new()),
            starved: ReadyQueue::new(),
            handoff: Cell::new(None),
            carrier: Cell::new(None),
            after: Cell::new(After::Retire),
            stacks: RefCell::new(LocalCache::new()),
            cells: CellCache::new(),
            refs: SpareRefs::new(),
            random: Cell::new(0x9e37_79b9 ^ (index as u32).wrapping_mul(0x85eb_ca6b) | 1),
            tick: Cell::new(0),
            aged: Cell::new(0),
            swept: Cell::new(Instant::now()),
            asked: Cell::new(0),
            turn: Cell::new((0, None)),
            next_id: Cell::new(0),
            end_id: Cell::new(0),
        })
    }

    #[inline]
    pub(crate) fn shared(&self) -> &WorkerShared {
        // SAFETY: inside the roster that `self.roster` keeps alive.
        unsafe { self.shared.as_ref() }
    }

    /// Whether `home` names this worker.
    #[inline]
    pub(crate) fn is_home(&self, home: *mut ()) -> bool {
        ptr::eq(self.shared.as_ptr().cast(), home)
    }

    #[inline]
    pub(crate) fn as_home(&self) -> *mut () {
        self.shared.as_ptr().cast()
    }

    /// The goroutine that runs on this worker now.
    #[inline]
    pub(crate) fn current(&self) -> Option<TaskRef> {
        // SAFETY: a current task is running, so live.
        unsafe { TaskRef::from_ptr(self.shared().own.current.load(Ordering::Relaxed)) }
    }

    #[inline]
    pub(crate) fn set_current(&self, task: Option<TaskRef>) {
        let at = task.map_or(ptr::null_mut(), TaskRef::as_ptr);
        self.shared().own.current.store(at, Ordering::Relaxed);
    }

    /// The loop; returns when the runtime shuts down. The caller has made this the thread's worker.
    pub(crate) fn run(&self) {
        while let Some(task) = self.find() {
            self.execute(task);
        }
        self.abandon_own();
    }

    fn find(&self) -> Option<TaskRef> {
        if self.roster.has_calls() && self.must_leave() {
            return None;
        }
        self.handoff
            .take()
            .or_else(|| self.next())
            .or_else(|| self.search())
    }

    /// The next goroutine of this worker's own.
    pub(crate) fn next(&self) -> Option<TaskRef> {
        if self.count_tick()
            && let Some(task) = self.next_fair()
        {
            return Some(task);
        }
        self.take_inbox();
        self.next_suspended()
            .or_else(|| self.next_moving())
            .or_else(|| self.pop_fresh())
            .or_else(|| self.yielded.pop())
    }

    /// From the woken and the due goroutines in turn: either may be refilled for ever by those it holds.
    #[inline]
    fn next_suspended(&self) -> Option<TaskRef> {
        if self.due.borrow().is_empty() {
            return self.woken.pop();
        }
        let due = || self.due.borrow_mut().pop_front();
        if self.tick.get().is_multiple_of(2) {
            due().or_else(|| self.woken.pop())
        } else {
            self.woken.pop().or_else(due)
        }
    }

    /// The newest fresh goroutine, or the oldest of those that have waited long.
    #[inline]
    fn pop_fresh(&self) -> Option<TaskRef> {
        if self.aged.get() == 0 {
            self.fresh.pop()
        } else {
            self.pop_aged()
        }
    }

    #[cold]
    fn pop_aged(&self) -> Option<TaskRef> {
        let oldest = self.shared().fresh.steal();
        // With none left, or a thief at it: back to the rule.
        let left = oldest.map_or(0, |_| self.aged.get() - 1);
        self.aged.set(left);
        oldest.or_else(|| self.fresh.pop())
    }

    /// From time to time, those that are fresh now go before those to come.
    fn sweep(&self) {
        if self.fresh.is_empty() {
            return;
        }
        let now = Instant::now();
        if now - self.swept.get() >= SWEEP_EVERY {
            self.swept.set(now);
            self.aged.set(self.fresh.len());
        }
    }

    fn next_moving(&self) -> Option<TaskRef> {
        if self.roster.config.migrate {
            self.moving.pop()
        } else {
            None
        }
    }

    /// True every 61st time.
    fn count_tick(&self) -> bool {
        let tick = self.tick.get().wrapping_add(1);
        self.tick.set(tick);
        bump(&self.shared().own.ticks, 1);
        tick.is_multiple_of(FAIR_EVERY)
    }

    /// Puts one of the later queues first, each in its turn, or the next one that holds something; looks at the timers.
    #[cold]
    fn next_fair(&self) -> Option<TaskRef> {
        self.fire_due_timers();
        self.sweep();
        let first = self.tick.get() / FAIR_EVERY;
        (first..first + 3).find_map(|turn| match turn % 3 {
            0 => self.take_injected(),
            1 => self.yielded.pop(),
            _ => self.shared().fresh.steal(),
        })
    }

    /// Moves the inbox's goroutines to the woken queue, oldest first.
    #[inline]
    pub(crate) fn take_inbox(&self) {
        if !self.shared().remote.inbox.looks_empty() {
            self.take_inbox_slow();
        }
    }

    fn take_inbox_slow(&self) {
        let mut next = self.shared().remote.inbox.take_all();
        // SAFETY: taken from the inbox, so held by us now.
        while let Some(task) = unsafe { TaskRef::from_ptr(next) } {
            next = task.next.load(Ordering::Relaxed);
            if task.park.is_movable() || task.is_homeless() {
                self.woken.push(task);
            } else {
                self.notify_home(task);
            }
        }
    }

    pub(crate) fn fire_due_timers(&self) {
        let Some(due) = self.shared().timers_due() else {
            return;
        };
        let now = clock::now();
        if now < due {
            return;
        }
        self.shared().sleepers.fire(now, |task| self.time_out(task));
        self.submit_later_ones(now);
    }

    /// Ends a park whose deadline has passed.
    fn time_out(&self, task: TaskRef) {
        if !task.park.is_movable() {
            if task.park.time_out_home() == Woken::Enqueue {
                self.due.borrow_mut().push_back(task);
            }
        } else if task.park.time_out() == Woken::Enqueue {
            self.make_ready(task);
        }
    }

    /// The next fresh goroutine that the caller's carrier may run, if the root has nothing better to do.
    pub(crate) fn next_fresh(&self, class: u8) -> Option<TaskRef> {
        if self.roster.has_calls()
            || !self.woken.is_empty()
            || !self.due.borrow().is_empty()
            || !self.shared().remote.inbox.looks_empty()
            || self.tick.get() % FAIR_EVERY == FAIR_EVERY - 1
        {
            return None;
        }
        let task = self.pop_fresh()?;
        self.count_tick();
        if task.wait.stack_class() != class || !task.is_fresh() || self.may_hold_too_many() {
            // For the root to decide.
            self.handoff.set(Some(task));
            return None;
        }
        Some(task)
    }

    /// A number that is random enough to pick victims (xorshift, Marsaglia 2003).
    pub(crate) fn random(&self) -> u32 {
        let mut x = self.random.get();
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.random.set(x);
        x
    }

    /// An unused goroutine id.
    #[inline]
    pub(crate) fn take_id(&self) -> u64 {
        let id = self.next_id.get();
        if id < self.end_id.get() {
            self.next_id.set(id + 1);
            return id;
        }
        let first = pool::take_ids(ID_BLOCK);
        self.next_id.set(first + 1);
        self.end_id.set(first + ID_BLOCK);
        first
    }
}

impl WorkerCore {
    /// Whether nothing is queued on this worker.
    pub(crate) fn has_nothing_queued(&self) -> bool {
        self.woken.is_empty()
            && self.due.borrow().is_empty()
            && self.shared().remote.inbox.looks_empty()
            && self.fresh.is_empty()
            && self.yielded.is_empty()
            && self.moving.is_empty()
    }

    /// Whether a yield would let something else run. Counts as a turn: a goroutine that yields in a loop lets timers fire and
    /// outside work in.
    #[inline]
    pub(crate) fn has_other_work(&self) -> bool {
        !self.has_nothing_queued()
            || self.roster.has_calls()
            || (self.count_tick() && self.lets_others_in())
    }

    /// Whether the goroutine that runs now has run for 1 ms and more of operations that might have parked, but did not. Each asks here. The clock is
    /// read every 16th time at most; should those take long, the monitor tells.
    #[inline]
    pub(crate) fn is_turn_over(&self) -> bool {
        let asked = self.asked.get().wrapping_add(1);
        self.asked.set(asked);
        self.shared().is_overdue() || (asked.is_multiple_of(16) && self.is_turn_over_slow())
    }

    #[cold]
    fn is_turn_over_slow(&self) -> bool {
        let ticks = self.shared().own.ticks.load(Ordering::Relaxed);
        let (seen, since) = self.turn.get();
        match since {
            // Where turns change all the time the clock is never read.
            _ if seen != ticks => self.turn.set((ticks, None)),
            None => self.turn.set((ticks, Some(Instant::now()))),
            Some(since) => return since.elapsed() >= TURN,
        }
        false
    }

    /// As [`has_other_work`](Self::has_other_work), of a goroutine whose turn is over: looks at the timers each time.
    #[cold]
    pub(crate) fn has_work_after_turn(&self) -> bool {
        self.count_tick();
        self.lets_others_in() || self.roster.is_closing()
    }

    /// Queues what timers and outside threads have for this worker. The turn that it takes has been counted, so `next` may not come to look.
    #[cold]
    fn lets_others_in(&self) -> bool {
        self.fire_due_timers();
        if let Some(task) = self.take_injected() {
            self.fresh.push(task);
        }
        !self.has_nothing_queued()
    }

    /// Drops what this worker will never start, at shutdown.
    fn abandon_own(&self) {
        self.take_inbox();
        while let Some(task) = self
            .handoff
            .take()
            .or_else(|| self.woken.pop())
            .or_else(|| self.fresh.pop())
            .or_else(|| self.moving.pop())
            .or_else(|| self.starved.pop())
        {
            self.roster.abandon(task);
        }
        // Last: closures that were dropped may have left some.
        self.refs.flush();
    }
}
