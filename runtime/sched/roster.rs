//! What all workers of a runtime share, and small verbs on it. The loop is in `worker`.

use crate::runtime::{
    config::Config,
    fake_clock::{FakeClock, Worn},
    prims::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    sched::{
        alarms::Alarms,
        blocking::{self, Pool},
        bubble::Bubble,
        exact::Times,
        fresh::{Fresh, FreshStealer},
        idle::{IdleCounts, Sleeper},
        inbox::{Inbox, Linked},
        sleep::SleepWord,
        survey::Survey,
    },
    stack::SizeClass,
    task::{
        header::{TaskHeader, TaskRef},
        wait::Stamp,
    },
};
use crossbeam_deque::{Injector, Stealer, Worker};
use crossbeam_utils::CachePadded;
use std::{
    ptr::{self, NonNull},
    sync::{Arc, Mutex, OnceLock},
    thread::Thread,
    time::Instant,
};

// SAFETY: `next` is the header's one link; whoever holds the task uses it for the list that the task is in.
unsafe impl Linked for TaskHeader {
    fn next(&self) -> &AtomicPtr<Self> {
        &self.next
    }
}

/// What a runtime tells the time by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// The system's.
    Real,
    /// One that jumps when nothing else happens.
    Fake,
}

/// Written by the worker itself; read by the monitor and by metrics.
#[derive(Debug, Default)]
pub(crate) struct OwnLine {
    /// Changes with each goroutine that the worker starts or resumes.
    pub(crate) ticks: AtomicU64,
    /// The goroutine that it runs, or null.
    pub(crate) current: AtomicPtr<TaskHeader>,
    pub(crate) spawned: AtomicU64,
    pub(crate) finished: AtomicU64,
    pub(crate) steals: AtomicU64,
    pub(crate) stolen: AtomicU64,
    pub(crate) handed_over: AtomicU64,
    pub(crate) parks: AtomicU64,
    pub(crate) sleeps: AtomicU64,
}

/// Written by others too.
#[derive(Debug)]
pub(crate) struct RemoteLine {
    pub(crate) inbox: Inbox<TaskHeader>,
    pub(crate) sleep: SleepWord,
    /// Goroutines that resume here, or were handed over to start here.
    pub(crate) homed: AtomicUsize,
    /// A dump has a question for this worker (protocol D).
    pub(crate) asked: AtomicBool,
}

/// What hardly ever changes and is read all the time.
#[derive(Debug, Default)]
struct QuietLine {
    /// CLOSING_BIT, and how many surveys are open. Workers look at it between goroutines.
    calls: AtomicU32,
    /// The time as a [`Stamp`], about a second old at most while a worker is awake.
    time: AtomicU32,
}

const CLOSING_BIT: u32 = 1 << 31;

/// One worker as the others see it.
#[derive(Debug)]
pub(crate) struct WorkerShared {
    pub(crate) own: CachePadded<OwnLine>,
    pub(crate) remote: CachePadded<RemoteLine>,
    pub(crate) index: usize,
    /// Fresh goroutines.
    pub(crate) fresh: FreshStealer,
    /// Woken goroutines, in migration mode.
    pub(crate) moving: Stealer<TaskRef>,
    /// The owner's ends of the two, until its thread takes them.
    pub(crate) ends: Mutex<Option<(Fresh, Worker<TaskRef>)>>,
    /// Parks that end at a deadline. Only the worker fires them.
    pub(crate) sleepers: Alarms,
    /// Goroutines that start at a deadline. The monitor fires them too, if the worker is stuck.
    pub(crate) starts: Alarms,
    /// The tick since which the monitor has seen one goroutine run for longer than it should; MAX: none. See [`is_overdue`](Self::is_overdue).
    overdue: AtomicU64,
    pub(crate) thread: OnceLock<Thread>,
    roster: AtomicPtr<Roster>,
}

/// Adds to a counter that only the caller's thread writes.
#[inline]
pub(crate) fn bump(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Relaxed);
}

impl WorkerShared {
    fn new(index: usize, start: Instant, clock: Clock) -> Self {
        let times = || match clock {
            Clock::Real => Times::wheel(start),
            Clock::Fake => Times::exact(),
        };
        // Owners take fresh goroutines newest first (depth first: few stacks), thieves oldest first.
        let fresh = Fresh::new();
        let moving = Worker::new_fifo();
        Self {
            own: CachePadded::default(),
            remote: CachePadded::new(RemoteLine {
                inbox: Inbox::new(),
                sleep: SleepWord::new(),
                homed: AtomicUsize::new(0),
                asked: AtomicBool::new(false),
            }),
            index,
            fresh: fresh.stealer(),
            moving: moving.stealer(),
            ends: Mutex::new(Some((fresh, moving))),
            sleepers: Alarms::new(start, times()),
            starts: Alarms::new(start, times()),
            overdue: AtomicU64::new(u64::MAX),
            thread: OnceLock::new(),
            roster: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Says that the goroutine that has run since this tick has had its turn; by the monitor.
    pub(crate) fn set_overdue(&self, tick: u64) {
        self.overdue.store(tick, Ordering::Relaxed);
    }

    /// Whether the goroutine that runs here now has had its turn. Relaxed: a hint; it ends with the tick that it names.
    #[inline]
    pub(crate) fn is_overdue(&self) -> bool {
        self.overdue.load(Ordering::Relaxed) == self.own.ticks.load(Ordering::Relaxed)
    }

    pub(crate) fn roster(&self) -> &Roster {
        // SAFETY: set before the roster is shared; a roster outlives its workers' use (see `Roster`).
        unsafe { &*self.roster.load(Ordering::Relaxed) }
    }

    /// Puts a task into the inbox and wakes the worker if it sleeps (protocol S).
    ///
    /// # Safety
    /// The caller holds the task and gives it up.
    pub(crate) unsafe fn deliver(&self, task: TaskRef) {
        // SAFETY: passed on.
        unsafe { self.leave(task) };
        self.wake();
    }

    /// Puts a task into the inbox; the caller owes a `wake`.
    ///
    /// # Safety
    /// As [`Self::deliver`].
    pub(crate) unsafe fn leave(&self, task: TaskRef) {
        // SAFETY: held, so live and in no list.
        unsafe {
            self.remote
                .inbox
                .push(NonNull::new_unchecked(task.as_ptr()));
        }
    }

    /// Wakes the worker if it sleeps, to look at its own queues.
    pub(crate) fn wake(&self) {
        if !self.remote.sleep.wake_to_work() {
            return;
        }
        if self.sleeper() == Sleeper::Counted {
            self.roster().idle.remove_sleeper();
        }
        self.unpark_thread();
    }

    fn unpark_thread(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    pub(crate) fn is_of(&self, roster: &Roster) -> bool {
        ptr::eq(self.roster(), roster)
    }

    pub(crate) fn is_spare(&self) -> bool {
        self.index >= self.roster().config.workers
    }

    /// Whether this worker's sleep counts.
    pub(crate) fn sleeper(&self) -> Sleeper {
        if self.is_spare() {
            Sleeper::Uncounted
        } else {
            Sleeper::Counted
        }
    }

    /// When an alarm is to be looked at.
    pub(crate) fn timers_due(&self) -> Option<Instant> {
        [self.sleepers.due(), self.starts.due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// As `timers_due`, but knows of alarms that were taken back.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        [self.sleepers.next(), self.starts.next()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether an alarm is to go off here.
    pub(crate) fn has_timers(&self) -> bool {
        !self.sleepers.is_empty() || !self.starts.is_empty()
    }
}

/// One runtime.
///
/// Workers point back to it, and so do the cells of goroutines that have started; other threads follow those when they unpark. So it is never freed.
#[derive(Debug)]
pub(crate) struct Roster {
    /// First `config.workers` regular ones, then the spares.
    pub(crate) workers: Box<[WorkerShared]>,
    pub(crate) injector: Injector<TaskRef>,
    pub(crate) idle: IdleCounts,
    pub(crate) config: Config,
    pub(crate) default_class: SizeClass,
    start: Instant,
    quiet: CachePadded<QuietLine>,
    /// Those that are open.
    pub(crate) surveys: Mutex<Vec<Arc<Survey>>>,
    /// Spawned by threads that are no workers of this runtime.
    pub(crate) spawned_outside: AtomicU64,
    /// Dropped at shutdown without having run.
    pub(crate) abandoned: AtomicU64,
    pub(crate) blocking: Pool,
    /// How many workers the monitor holds for stuck; spares search while there are some.
    pub(crate) stuck: AtomicUsize,
    /// Whether the monitor looks regularly; else the next worker that wakes starts it.
    pub(crate) watched: AtomicBool,
    pub(crate) monitor: OnceLock<Thread>,
    /// The system's numbers for its threads, those for blocking calls left out.
    pub(crate) thread_ids: Mutex<Vec<u32>>,
    /// Whether the monitor is in a round, and so may hold goroutines in its hands (K3).
    pub(crate) monitor_busy: AtomicBool,
    /// What is told by a fake clock.
    pub(crate) bubble: Option<Bubble>,
    /// Main called `goexit`: when the last goroutine has ended, nobody is left to end the process.
    pub(crate) orphaned: AtomicBool,
    /// A test's runtime: it tells people, not only subscribers, that it has long been quiet.
    pub(crate) in_test: AtomicBool,
    /// Whether there is more than one processor, so that spinning can pay.
    pub(crate) parallel: bool,
    /// A stack could not be had; printed once.
    pub(crate) starved: AtomicBool,
    /// None could be had for long, and only foreign threads can help; printed once.
    pub(crate) starved_long: AtomicBool,
}

/// Spare workers that a runtime may start when workers are stuck (guess: as many again, and no fewer than 4).
fn spares(workers: usize) -> usize {
    workers.max(4)
}

impl Roster {
    pub(crate) fn new(config: Config, default_class: SizeClass, clock: Clock) -> Arc<Self> {
        let start = Instant::now();
        let slots = config.workers + spares(config.workers);
        let roster = Arc::new(Self {
            workers: (0..slots)
                .map(|i| WorkerShared::new(i, start, clock))
                .collect(),
            injector: Injector::new(),
            idle: IdleCounts::new(config.workers),
            default_class,
            start,
            quiet: CachePadded::default(),
            surveys: Mutex::new(Vec::new()),
            spawned_outside: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            blocking: Pool::new(
                format!("{}-blocking", config.thread_name),
                blocking::DEFAULT_MAX_THREADS,
                blocking::DEFAULT_KEEP_ALIVE,
            ),
            stuck: AtomicUsize::new(0),
            watched: AtomicBool::new(false),
            monitor: OnceLock::new(),
            thread_ids: Mutex::default(),
            monitor_busy: AtomicBool::new(false),
            orphaned: AtomicBool::new(false),
            bubble: (clock == Clock::Fake).then(|| Bubble::new(start)),
            in_test: AtomicBool::new(false),
            parallel: config.workers > 1 && num_cpus::get() > 1,
            starved: AtomicBool::new(false),
            starved_long: AtomicBool::new(false),
            config,
        });
        let address = Arc::as_ptr(&roster).cast_mut();
        for worker in &roster.workers {
            worker.roster.store(address, Ordering::Relaxed);
        }
        roster
    }

    pub(crate) fn regulars(&self) -> &[WorkerShared] {
        &self.workers[..self.config.workers]
    }

    pub(crate) fn spares(&self) -> &[WorkerShared] {
        &self.workers[self.config.workers..]
    }

    /// What cells name their runtime by; never followed.
    pub(crate) fn address(&self) -> *mut () {
        ptr::from_ref(self).cast_mut().cast()
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.quiet.calls.load(Ordering::Relaxed) & CLOSING_BIT != 0
    }

    /// Whether a worker should come to its root: to leave its loop, or to answer a dump.
    #[inline]
    pub(crate) fn has_calls(&self) -> bool {
        self.quiet.calls.load(Ordering::Relaxed) != 0
    }

    /// Tells the workers to leave their loops; the caller wakes them.
    pub(crate) fn close(&self) {
        // SeqCst: before the caller looks at the sleep words; partner of the fence before a sleeper's last look (S3).
        self.quiet.calls.fetch_or(CLOSING_BIT, Ordering::SeqCst);
    }

    /// Calls workers to their roots until it is taken back.
    pub(crate) fn call(&self) {
        self.quiet.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn take_call_back(&self) {
        self.quiet.calls.fetch_sub(1, Ordering::Relaxed);
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

    /// Queues a task for any worker; from any thread.
    pub(crate) fn inject(&self, task: TaskRef) {
        self.injector.push(task);
        // SeqCst (S1): after the push, before the look at the counts; partner of the fences before a sleeper's (S3) and a searcher's (S4) last look.
        fence(Ordering::SeqCst);
        self.wake_one();
    }

    /// Wakes one sleeping worker to search, unless somebody searches.
    pub(crate) fn wake_one(&self) {
        let regulars = self.regulars();
        let woken = self.idle.wake_one(
            regulars.len(),
            |i| &regulars[i].remote.sleep,
            || self.has_public_work(),
        );
        if let Some(i) = woken {
            regulars[i].unpark_thread();
        }
    }

    /// A searcher stops; if work is left that others may have left to it, the next one is woken.
    pub(crate) fn end_search(&self) {
        if self.idle.end_search(|| self.has_public_work()) {
            self.wake_one();
        }
    }

    /// Whether there is work that any worker could take.
    pub(crate) fn has_public_work(&self) -> bool {
        !self.injector.is_empty()
            || self
                .workers
                .iter()
                .any(|w| !w.fresh.is_empty() || !w.moving.is_empty())
    }

    /// Goroutines that have been spawned and have not ended. Never too low, and exact when nothing runs.
    pub(crate) fn live(&self) -> usize {
        let mut finished = self.abandoned.load(Ordering::Acquire);
        for w in &self.workers {
            finished += w.own.finished.load(Ordering::Acquire);
        }
        let mut spawned = self.spawned_outside.load(Ordering::Acquire);
        for w in &self.workers {
            spawned += w.own.spawned.load(Ordering::Acquire);
        }
        spawned.saturating_sub(finished) as usize
    }

    /// Has the calling thread tell the time by this runtime's clock.
    pub(crate) fn wear_clock(&self) -> Option<Worn> {
        let bubble = self.bubble.as_ref()?;
        Some(FakeClock::wear(Arc::clone(&bubble.clock)))
    }

    /// Main has called `goexit`; the monitor is to look what that means.
    pub(crate) fn orphan(&self) {
        self.orphaned.store(true, Ordering::Relaxed);
        if let Some(thread) = self.monitor.get() {
            thread.unpark();
        }
    }

    /// Starts the monitor's rounds if it rests. Called by a worker that has got up.
    pub(crate) fn be_watched(&self) {
        // SeqCst (M2): after the change of the sleep word; partner of the fence before the monitor's second look (M1), and of that of a photo (K1).
        fence(Ordering::SeqCst);
        if !self.watched.load(Ordering::Relaxed)
            && !self.watched.swap(true, Ordering::Relaxed)
            && let Some(thread) = self.monitor.get()
        {
            thread.unpark();
        }
    }
}
