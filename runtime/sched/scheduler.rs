//! What all workers and homes of a runtime share.

use crate::runtime::{
    config::Config,
    fake_clock::{FakeClock, Worn},
    prims::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    sched::{
        explorer::Explorer,
        home::data::Home,
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
use crossbeam_deque::Injector;
use crossbeam_utils::CachePadded;
use std::{
    ptr,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    thread::Thread,
    time::Instant,
};

mod injected;

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
    /// Whether it is fake: it stands still while anything can run, then jumps to the next deadline.
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
    /// What asks workers to stop at their roots: CLOSING_BIT, and how many dump requests are open.
    /// Written by whoever closes or dumps; workers look at it between goroutines.
    requests: AtomicU32,
    /// The time as a [`Stamp`], about a second old at most while a worker is awake. Written by the
    /// monitor and by workers that get up; goroutines put it into their wait words when they park.
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
    /// First `config.workers` regular ones, then spares as they were needed. Added to by `new` and
    /// by the monitor, never removed from.
    pub(crate) workers: boxcar::Vec<&'static WorkerShared>,
    /// Homes as they were needed. Added to by `owners`, never removed from.
    pub(crate) homes: boxcar::Vec<&'static Home>,
    /// The most homes, since there is a limit on addresses and few are left; MAX: there is none.
    /// Lowered by `owners` when it sees that; read by `place`.
    pub(crate) homes_cap: AtomicUsize,
    /// Held while a home is made.
    making_homes: Mutex<()>,
    /// Whether any worker may enter any home, or each its own only; and why. Written once.
    pub(crate) lending: Result<(), &'static Unsupported>,
    /// Fresh goroutines from threads that are no workers of this runtime. Any thread pushes,
    /// workers take; see `injected`.
    injector: Injector<TaskRef>,
    /// Homes in which such threads have woken somebody. Any thread pushes, workers take.
    woken_homes: Injector<&'static Home>,
    /// How many workers sleep and how many search. Written by workers and wakers (protocol S).
    pub(crate) idle: IdleCounts,
    /// A worker looks at the newest slots of the others every few microseconds, so that fills need
    /// wake nobody. Set by the worker that begins to, cleared by it when it stops.
    pub(crate) has_sentry: AtomicBool,
    /// The settings, as they were resolved. Written once.
    pub(crate) config: Config,
    /// The size of stack of goroutines that ask for none. Written once.
    pub(crate) default_class: SizeClass,
    /// When the runtime was made; stamps and due times count from it. Written once.
    start: Instant,
    /// Which clock it has, and so which kind of timer store its workers get. Written once.
    clock: Clock,
    /// What is read all the time, on cache lines that hardly anybody writes.
    quiet: CachePadded<QuietLine>,
    /// The dump requests that are open. Added to and removed from by whoever dumps; workers that
    /// were asked to stop at their roots reply to each.
    pub(crate) requests: Mutex<Vec<Arc<DumpRequest>>>,
    /// Goroutines that were spawned by threads that are no workers of this runtime. Counted up by
    /// these, read by `live` and metrics.
    pub(crate) spawned_outside: AtomicU64,
    /// Goroutines that were dropped at shutdown without having run. Counted up by whoever drops
    /// them, read by `live` and metrics.
    pub(crate) abandoned: AtomicU64,
    /// The threads for blocking calls.
    pub(crate) blocking: BlockingPool,
    /// How many workers the monitor takes for stuck. Written by it each round; as many spares as
    /// that work, and each stuck worker gives the right to one more home.
    pub(crate) stuck: AtomicUsize,
    /// Whether the monitor looks regularly. Cleared by the monitor when it rests, set by the next
    /// worker that gets up, which wakes it (protocol M).
    watched: AtomicBool,
    /// The monitor's thread. Set by itself when it starts, used to wake it.
    pub(crate) monitor: OnceLock<Thread>,
    /// The system's numbers for its threads, those for blocking calls left out. Each thread enters
    /// and removes its own (`quiescence::RegisteredThread`); snapshots read them.
    pub(crate) thread_ids: Mutex<Vec<u32>>,
    /// Whether the monitor is in a round, and so may have goroutines that are in no queue (K3).
    /// Written by the monitor, read by snapshots and by a fake clock.
    pub(crate) monitor_busy: AtomicBool,
    /// What a runtime with a fake clock has beside others; `None` with the real one.
    pub(crate) bubble: Option<Bubble>,
    /// How the schedule is chosen, in a test that explores schedules.
    pub(crate) explorer: Option<Explorer>,
    /// Main called `goexit`: when the last goroutine has ended, nobody is left to end the process.
    /// Set by main, read by the deadlock detector.
    pub(crate) orphaned: AtomicBool,
    /// A test's runtime: it tells people, not only subscribers, that it has long been quiet. Set
    /// when it starts, read by the deadlock detector.
    pub(crate) in_test: AtomicBool,
    /// A test's runtime, whose test says that a deadlock ends the process: the thread that waits
    /// for tests, the process's first, wakes nobody. Set when it starts, read by the detector.
    pub(crate) exits_test: AtomicBool,
    /// Whether there is more than one processor, so that spinning can pay.
    pub(crate) parallel: bool,
    /// Fresh goroutines that no stack or no home was to be had for. Any worker adds and takes.
    pub(crate) stack_waiters: StackWaiters,
    /// Whether it was said that a stack or a home could not be had: once is enough.
    pub(crate) told_out_of_stacks: AtomicBool,
    /// Whether it was said that none could be had for long, and only foreign threads can help.
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

    /// The address by which homes and cells name their runtime.
    pub(crate) fn address(&self) -> *mut () {
        ptr::from_ref(self).cast_mut().cast()
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.quiet.requests.load(Ordering::Relaxed) & CLOSING_BIT != 0
    }

    /// Whether a worker should come to its root: to leave its loop, or to reply to a dump request.
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

    /// Asks the workers to stop at their roots and look at the dump requests, until `end_request`.
    pub(crate) fn begin_request(&self) {
        self.quiet.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one `begin_request` back.
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

    /// Whether a timer is set on any worker.
    pub(crate) fn has_timers(&self) -> bool {
        self.workers().any(WorkerShared::has_timers)
    }

    /// Whether anybody holds a home, or a goroutine in one can run.
    pub(crate) fn has_busy_home(&self) -> bool {
        self.homes().any(|home| home.shared.word.is_busy())
    }

    /// Whether something beside the workers may wake goroutines in a moment: the monitor in a
    /// round, or a blocking call. If not, those whom it has woken are in a queue, or awake.
    pub(crate) fn has_helpers(&self) -> bool {
        // Acquire (K3): what the monitor put back into queues, from the Release in
        // `Monitor::round`.
        self.monitor_busy.load(Ordering::Acquire) || self.blocking.pending() > 0
    }

    /// Whether fresh goroutines wait that any worker could start.
    pub(crate) fn has_fresh(&self) -> bool {
        !self.injector.is_empty() || self.workers().any(|w| !w.fresh.is_empty())
    }

    /// Goroutines that have been spawned and have not ended. Never too low, and exact when nothing
    /// runs.
    pub(crate) fn live(&self) -> usize {
        // Acquire: what those that have ended did, from the Releases in `run::count_finished` and
        // `abandon::abandon`; and the spawns are counted after the ends, so never too low.
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
    /// It looks every few milliseconds.
    Yes,
    /// It rests until a worker gets up.
    No,
}
