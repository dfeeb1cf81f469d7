//! What all workers and homes of a runtime share.

use crate::runtime::{
    config::Config,
    fake_clock::{FakeClock, Worn},
    prims::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    sched::{
        explorer::Explorer,
        home::data::{Home, Lent},
        idle::{counts::IdleCounts, sleep_word::Sleeper},
        inspect::request::DumpRequest,
        poller::shared as poller,
        queue::stack_waiters::StackWaiters,
        threads::blocking::{self, BlockingPool},
        timer::{bubble::Bubble, store::TimerStore},
        worker::shared::WorkerShared,
    },
    stack::SizeClass,
    switch::identity::{self, Unsupported},
    task::{header::TaskRef, wait::Stamp},
};
use crossbeam_deque::{Injector, Steal};
use crossbeam_utils::CachePadded;
use std::{
    ptr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    thread::Thread,
    time::Instant,
};

/// What a runtime tells the time by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// The system's.
    Real,
    /// One that jumps when nothing else happens.
    Fake,
    /// The same, and a seed chooses the schedule.
    Explored { seed: u64 },
}

impl Clock {
    /// Whether it jumps.
    pub(crate) fn is_fake(self) -> bool {
        self != Self::Real
    }

    fn explorer(self) -> Option<Explorer> {
        match self {
            Self::Explored { seed } => Some(Explorer::new(seed)),
            Self::Real | Self::Fake => None,
        }
    }
}

/// What hardly ever changes and is read all the time.
#[derive(Debug, Default)]
struct QuietLine {
    /// CLOSING_BIT, and how many dump requests are open. Workers look at it between goroutines.
    requests: AtomicU32,
    /// The time as a [`Stamp`], about a second old at most while a worker is awake.
    time: AtomicU32,
}

const CLOSING_BIT: u32 = 1 << 31;

/// Whether any runtime of this process closes or has closed. Set before its CLOSING_BIT; read by
/// wakers, most of which need not ask whose goroutine they wake.
static ANY_CLOSES: AtomicBool = AtomicBool::new(false);

/// Whether any runtime of this process closes or has closed.
#[inline]
pub(crate) fn any_closes() -> bool {
    // Relaxed: as the look at CLOSING_BIT, which comes after it.
    ANY_CLOSES.load(Ordering::Relaxed)
}

/// One runtime.
///
/// Homes point to it, and cells of goroutines that have started to their home; other threads follow
/// those when they unpark. Nothing counts such threads, so it is never freed.
#[derive(Debug)]
pub(crate) struct Scheduler {
    /// First `config.workers` regular ones, then spares as they were needed.
    pub(crate) workers: boxcar::Vec<&'static WorkerShared>,
    /// Homes as they were needed.
    pub(crate) homes: boxcar::Vec<&'static Home>,
    /// The most homes, since there is a limit on addresses and few are left; MAX: there is none.
    pub(crate) homes_cap: AtomicUsize,
    /// Held while a home is made.
    making_homes: Mutex<()>,
    /// Whether any worker may enter any home, or each its own only; and why.
    pub(crate) lending: Result<(), &'static Unsupported>,
    /// Fresh goroutines from threads that are no workers.
    injector: Injector<TaskRef>,
    /// Homes in which such threads have woken somebody.
    woken_homes: Injector<&'static Home>,
    pub(crate) idle: IdleCounts,
    /// A worker looks at the newest slots of the others every few microseconds, so that fills need
    /// wake nobody. Set by the worker that begins to, cleared by it when it stops.
    pub(crate) has_sentry: AtomicBool,
    pub(crate) config: Config,
    pub(crate) default_class: SizeClass,
    start: Instant,
    clock: Clock,
    quiet: CachePadded<QuietLine>,
    /// The dump requests that are open.
    pub(crate) requests: Mutex<Vec<Arc<DumpRequest>>>,
    /// Spawned by threads that are no workers of this runtime.
    pub(crate) spawned_outside: AtomicU64,
    /// Dropped at shutdown without having run.
    pub(crate) abandoned: AtomicU64,
    pub(crate) blocking: BlockingPool,
    /// How many workers the monitor holds for stuck; so many spares search.
    pub(crate) stuck: AtomicUsize,
    /// Whether the monitor looks regularly; else the next worker that wakes starts it.
    watched: AtomicBool,
    pub(crate) monitor: OnceLock<Thread>,
    /// The system's numbers for its threads, those for blocking calls left out.
    pub(crate) thread_ids: Mutex<Vec<u32>>,
    /// Whether the monitor is in a round, and so may hold goroutines in its hands (K3).
    pub(crate) monitor_busy: AtomicBool,
    /// What is told by a fake clock.
    pub(crate) bubble: Option<Bubble>,
    /// Where a test chooses the schedule: how.
    pub(crate) explorer: Option<Explorer>,
    /// Main called `goexit`: when the last goroutine has ended, nobody is left to end the process.
    pub(crate) orphaned: AtomicBool,
    /// A test's runtime: it tells people, not only subscribers, that it has long been quiet.
    pub(crate) in_test: AtomicBool,
    /// A test's runtime, whose test says that a deadlock ends the process: the thread that waits
    /// for tests, the process's first, wakes nobody.
    pub(crate) exits_test: AtomicBool,
    /// Whether there is more than one processor, so that spinning can pay.
    pub(crate) parallel: bool,
    pub(crate) stack_waiters: StackWaiters,
    /// A stack or a home could not be had; printed once.
    pub(crate) told_out_of_stacks: AtomicBool,
    /// None could be had for long, and only foreign threads can help; printed once.
    pub(crate) told_long_out_of_stacks: AtomicBool,
}

impl Scheduler {
    /// A runtime's scheduler, with its regular workers and no homes.
    pub(crate) fn new(config: Config, default_class: SizeClass, clock: Clock) -> &'static Self {
        let start = Instant::now();
        let scheduler = Box::leak(Box::new(Self {
            workers: boxcar::Vec::new(),
            homes: boxcar::Vec::new(),
            homes_cap: AtomicUsize::new(usize::MAX),
            making_homes: Mutex::new(()),
            lending: identity::support(),
            injector: Injector::new(),
            woken_homes: Injector::new(),
            idle: IdleCounts::new(config.workers),
            has_sentry: AtomicBool::new(false),
            default_class,
            start,
            clock,
            quiet: CachePadded::default(),
            requests: Mutex::new(Vec::new()),
            spawned_outside: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            blocking: BlockingPool::new(
                format!("{}-blocking", config.thread_name),
                config.max_blocking_threads,
                blocking::DEFAULT_KEEP_ALIVE,
            ),
            stuck: AtomicUsize::new(0),
            watched: AtomicBool::new(false),
            monitor: OnceLock::new(),
            thread_ids: Mutex::default(),
            monitor_busy: AtomicBool::new(false),
            orphaned: AtomicBool::new(false),
            bubble: clock.is_fake().then(|| Bubble::new(start)),
            explorer: clock.explorer(),
            in_test: AtomicBool::new(false),
            exits_test: AtomicBool::new(false),
            parallel: config.workers > 1 && num_cpus::get() > 1,
            stack_waiters: StackWaiters::default(),
            told_out_of_stacks: AtomicBool::new(false),
            told_long_out_of_stacks: AtomicBool::new(false),
            config,
        }));
        for _ in 0..scheduler.config.workers {
            scheduler.add_worker();
        }
        scheduler
    }

    /// Adds a worker, which has no thread yet.
    pub(crate) fn add_worker(&self) -> &'static WorkerShared {
        let new_store = || match self.clock {
            Clock::Real => TimerStore::wheel(self.start),
            Clock::Fake | Clock::Explored { .. } => TimerStore::exact(),
        };
        let index = self.workers.push_with(|index| {
            let worker = WorkerShared::new(index, self.start, new_store);
            &*Box::leak(Box::new(worker))
        });
        self.workers[index]
    }

    /// The workers as they stand now.
    #[inline]
    pub(crate) fn workers(&self) -> impl Iterator<Item = &'static WorkerShared> {
        self.workers.iter().map(|(_, worker)| *worker)
    }

    /// The homes as they stand now.
    #[inline]
    pub(crate) fn homes(&self) -> impl Iterator<Item = &'static Home> {
        self.homes.iter().map(|(_, home)| *home)
    }

    /// Held while a home is made.
    pub(crate) fn lock_making(&self) -> MutexGuard<'_, ()> {
        let making = &self.making_homes;
        making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this worker was added because others were stuck.
    pub(crate) fn is_spare(&self, worker: &WorkerShared) -> bool {
        worker.index >= self.config.workers
    }

    /// Whether a worker is to work at all: regular ones always, spares while others are stuck.
    pub(crate) fn is_needed(&self, worker: &WorkerShared) -> bool {
        let spare = worker.index.checked_sub(self.config.workers);
        spare.is_none_or(|nth| nth < self.stuck.load(Ordering::Relaxed))
    }

    /// Whether any worker may enter any home.
    #[inline]
    pub(crate) fn lends(&self) -> bool {
        self.lending.is_ok()
    }

    /// The scheduler of a home.
    #[inline]
    pub(crate) fn of(home: &Home) -> &'static Self {
        // SAFETY: a home's scheduler is what `address` gave, and never freed.
        unsafe { &*home.scheduler.cast::<Self>() }
    }

    /// What homes and cells name their runtime by.
    pub(crate) fn address(&self) -> *mut () {
        ptr::from_ref(self).cast_mut().cast()
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.quiet.requests.load(Ordering::Relaxed) & CLOSING_BIT != 0
    }

    /// Whether a worker should come to its root: to leave its loop, or to answer a dump.
    #[inline]
    pub(crate) fn has_requests(&self) -> bool {
        self.quiet.requests.load(Ordering::Relaxed) != 0
    }

    /// Tells the workers to leave their loops; the caller wakes them.
    pub(crate) fn close(&self) {
        ANY_CLOSES.store(true, Ordering::Relaxed);
        // SeqCst: before the caller looks at the sleep words; partner of the fence before a
        // sleeper's last look (S3).
        self.quiet.requests.fetch_or(CLOSING_BIT, Ordering::SeqCst);
    }

    /// Calls workers to their roots until it is taken back.
    pub(crate) fn begin_request(&self) {
        self.quiet.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end_request(&self) {
        self.quiet.requests.fetch_sub(1, Ordering::Relaxed);
    }

    /// The time for park's notes.
    #[inline]
    pub(crate) fn time(&self) -> Stamp {
        Stamp::from_bits(self.quiet.time.load(Ordering::Relaxed))
    }

    /// Sets the clock that `time` reads.
    pub(crate) fn keep_time(&self) {
        let now = Stamp::at(self.start.elapsed().as_secs());
        if now != self.time() {
            self.quiet.time.store(now.to_bits(), Ordering::Relaxed);
        }
    }

    /// Queues a fresh task for any worker; from any thread.
    pub(crate) fn inject(&self, task: TaskRef) {
        self.injector.push(task);
        self.offer();
    }

    /// Queues a home that the caller holds for any worker that may enter it; from any thread.
    pub(crate) fn inject_home(&self, home: &'static Home) {
        match home.lent {
            Lent::ToAll => {
                self.woken_homes.push(home);
                self.offer();
                // After the fence in `offer` (E2): partner of that in `owners::take_back_all`.
                if self.is_closing() {
                    self.take_injected_back();
                }
            }
            // Its worker sees by the state word that it is busy. The SeqCst step that made it so
            // came before this look at the sleep word (S1).
            Lent::To(index) => self.wake(self.workers[index as usize]),
        }
    }

    /// Wakes one worker for public work that was queued just now.
    pub(crate) fn offer(&self) {
        // SeqCst (S1): after the push, before the look at the counts; partner of the fences before
        // a sleeper's (S3) and a searcher's (S4) last look.
        fence(Ordering::SeqCst);
        self.wake_one();
    }

    /// The next fresh tasks from the injector: one to run, the others, up to `limit`, to `rest`.
    pub(crate) fn take_injected(
        &self,
        rest: &crossbeam_deque::Worker<TaskRef>,
        limit: usize,
    ) -> Option<TaskRef> {
        loop {
            if self.injector.is_empty() {
                return None;
            }
            match self.injector.steal_batch_with_limit_and_pop(rest, limit) {
                Steal::Success(task) => return Some(task),
                Steal::Empty => return None,
                Steal::Retry => std::hint::spin_loop(),
            }
        }
    }

    /// Whether fresh tasks wait in the injector.
    pub(crate) fn has_injected(&self) -> bool {
        !self.injector.is_empty()
    }

    /// One fresh task from the injector, for the end of the runtime.
    pub(crate) fn take_one_injected(&self) -> Option<TaskRef> {
        loop {
            match self.injector.steal() {
                Steal::Success(task) => return Some(task),
                Steal::Empty => return None,
                Steal::Retry => std::hint::spin_loop(),
            }
        }
    }

    /// The next home in which a thread from outside has woken somebody.
    pub(crate) fn take_woken_home(&self) -> Option<&'static Home> {
        loop {
            if self.woken_homes.is_empty() {
                return None;
            }
            match self.woken_homes.steal() {
                Steal::Success(home) => return Some(home),
                Steal::Empty => return None,
                Steal::Retry => std::hint::spin_loop(),
            }
        }
    }

    /// Gives homes in which threads from outside have woken somebody back to their owners. The
    /// runtime ends.
    pub(crate) fn take_injected_back(&self) {
        while let Some(home) = self.take_woken_home() {
            home.owner.take_back();
        }
    }

    /// Wakes a worker if it sleeps, to look at what is its own.
    pub(crate) fn wake(&self, worker: &WorkerShared) {
        let sleep = &worker.remote.sleep;
        let Some(sleeper) = sleep.wake_to_work() else {
            return;
        };
        if sleeper == Sleeper::Counted {
            self.idle.remove_sleeper();
        }
        poller::rouse(worker, sleeper);
    }

    /// Wakes one sleeping worker to search, unless somebody searches.
    pub(crate) fn wake_one(&self) {
        let woken = self.idle.wake_one(
            self.workers.count(),
            |i| &self.workers[i].remote.sleep,
            || self.has_public_work(),
        );
        if let Some(i) = woken {
            poller::rouse(self.workers[i], Sleeper::Counted);
        }
    }

    /// A searcher stops; if work is left that others may have left to it, the next one is woken.
    pub(crate) fn end_search(&self) {
        if self.idle.end_search(|| self.has_public_work()) {
            self.wake_one();
        }
    }

    /// Whether there is work that any worker could take, newest slots left out.
    pub(crate) fn has_public_work(&self) -> bool {
        !self.injector.is_empty()
            || !self.woken_homes.is_empty()
            || self.workers().any(WorkerShared::has_public_work)
    }

    /// Whether fresh goroutines wait that any worker could start.
    pub(crate) fn has_fresh(&self) -> bool {
        !self.injector.is_empty() || self.workers().any(|w| !w.fresh.is_empty())
    }

    /// Goroutines that have been spawned and have not ended. Never too low, and exact when nothing
    /// runs.
    pub(crate) fn live(&self) -> usize {
        let mut finished = self.abandoned.load(Ordering::Acquire);
        for w in self.workers() {
            finished += w.own.finished.load(Ordering::Acquire);
        }
        let mut spawned = self.spawned_outside.load(Ordering::Acquire);
        for w in self.workers() {
            spawned += w.own.spawned.load(Ordering::Acquire);
        }
        spawned.saturating_sub(finished) as usize
    }

    /// A number that changes whenever a goroutine of this runtime is spawned, parks or ends.
    pub(crate) fn life_events(&self) -> u64 {
        let of_workers = self.workers().map(|w| {
            let [a, b, c] = [&w.own.spawned, &w.own.parks, &w.own.finished];
            a.load(Ordering::Relaxed) + b.load(Ordering::Relaxed) + c.load(Ordering::Relaxed)
        });
        of_workers.sum::<u64>() + self.spawned_outside.load(Ordering::Relaxed)
    }

    /// Has the calling thread tell the time by this runtime's clock.
    pub(crate) fn wear_clock(&self) -> Option<Worn> {
        let bubble = self.bubble.as_ref()?;
        Some(FakeClock::wear(Arc::clone(&bubble.clock)))
    }

    /// Main has called `goexit`; the monitor is to look what that means.
    pub(crate) fn orphan(&self) {
        self.orphaned.store(true, Ordering::Relaxed);
        self.wake_monitor();
    }

    pub(crate) fn wake_monitor(&self) {
        if let Some(thread) = self.monitor.get() {
            thread.unpark();
        }
    }

    /// Says whether the monitor looks regularly. Returns what was said before.
    pub(crate) fn set_watched(&self, watched: Watched) -> Watched {
        let is_watched = watched == Watched::Yes;
        match self.watched.swap(is_watched, Ordering::Relaxed) {
            true => Watched::Yes,
            false => Watched::No,
        }
    }

    /// Starts the monitor's rounds if it rests. Called by a worker that has got up.
    pub(crate) fn be_watched(&self) {
        // SeqCst (M2): after the change of the sleep word; partner of the fence before the
        // monitor's second look (M1), and of that of a snapshot (K1).
        fence(Ordering::SeqCst);
        if !self.watched.load(Ordering::Relaxed) && self.set_watched(Watched::Yes) == Watched::No {
            self.wake_monitor();
        }
    }

    /// Whether the threads of all workers sleep.
    pub(crate) fn do_all_sleep(&self) -> bool {
        !self.workers().any(WorkerShared::is_awake)
    }
}

/// Whether the monitor looks at the workers regularly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// It does.
    Yes,
    /// It rests.
    No,
}
