//! The monitor: one thread that looks at the workers every few milliseconds while any is awake, and rests while all sleep.
//!
//! A worker that has been in one goroutine for a whole round while others wait is *stuck*. The monitor then lets others have its fresh goroutines
//! (thieves take them; those in the inbox it moves to the injector), starts a spare worker if nobody is free to run them, and warns once,
//! naming the culprit. It also trims stacks and cells that have not been used for a while.

use crate::runtime::{
    clock,
    prims::{AtomicPtr, Ordering, fence},
    sched::{
        census,
        deadlock::{Describe, Detector, Next},
        events,
        roster::{Roster, WorkerShared},
    },
    stack,
    task::{
        header::{COUNTED, HANDED, LOCAL, TaskHeader, TaskRef},
        pool,
    },
};
use std::{
    io,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Time between two looks; a goroutine that has not let others run for one to two of them is stuck (Go's sysmon retakes after 10 ms, too).
const ROUND: Duration = Duration::from_millis(10);
/// How long a stack lies unused before its memory goes back to the system (guess: long against bursts, short for people who watch).
const TRIM_AGE: Duration = Duration::from_millis(500);
/// The most stacks that one round trims, so that no round is long.
const TRIM_BATCH: usize = 1 << 17;
/// Rounds between two trims.
const TRIM_EVERY: u32 = 25;

/// A rest after which there may be stacks to trim, though no worker got up: other runtimes share them.
const LONG_REST: Duration = Duration::from_secs(5);
/// Rounds that spares are held back for while not all workers are stuck (guess).
const SPARE_AFTER: u32 = 5;

/// What the monitor remembers of a worker.
#[derive(Clone, Copy, Default)]
struct Seen {
    ticks: u64,
    since: Option<Instant>,
    warned: bool,
}

/// Starts the thread of a worker, by its index.
type StartWorker = fn(&Arc<Roster>, usize) -> io::Result<JoinHandle<()>>;

struct Monitor {
    roster: Arc<Roster>,
    start_worker: StartWorker,
    seen: Vec<Seen>,
    rounds: u32,
    /// Rounds in a row in which some worker was stuck.
    stuck_rounds: u32,
    trimming: bool,
    detector: Detector,
}

/// The monitor thread's body; returns when the runtime shuts down.
pub(crate) fn run(roster: Arc<Roster>, start_worker: StartWorker, describe: Describe) {
    let _ = roster.monitor.set(thread::current());
    let of = Arc::clone(&roster);
    let _listed = census::Listed::new(&of);
    let _worn = of.wear_clock();
    let seen = vec![Seen::default(); roster.workers.len()];
    let mut monitor = Monitor {
        roster,
        start_worker,
        seen,
        rounds: 0,
        stuck_rounds: 0,
        trimming: true,
        detector: Detector::new(describe),
    };
    while !monitor.roster.is_closing() {
        monitor.rest();
        monitor.round();
    }
}

impl Monitor {
    fn rest(&mut self) {
        if self.all_sleep() {
            if let Next::Rest(patience) = self.detector.look(&self.roster)
                && !self.trimming
            {
                self.rest_for(patience);
            }
        } else {
            self.detector.interrupt();
        }
        thread::park_timeout(ROUND);
    }

    fn rest_for(&mut self, patience: Duration) {
        self.roster.watched.store(false, Ordering::Relaxed);
        // SeqCst (M1): before the second look; partner of the fence in `Roster::be_watched` (M2). A worker that got up before it is seen
        // here; one that gets up after it sees that nobody watches, and starts us again.
        fence(Ordering::SeqCst);
        if self.all_sleep() {
            thread::park_timeout(patience);
        }
        let woken = self.roster.watched.swap(true, Ordering::Relaxed);
        self.trimming = woken || patience >= LONG_REST;
        self.detector.rested();
    }

    fn all_sleep(&self) -> bool {
        let workers = &self.roster.workers;
        workers
            .iter()
            .all(|w| w.thread.get().is_none() || w.remote.sleep.is_sleeping())
    }

    fn round(&mut self) {
        self.rounds = self.rounds.wrapping_add(1);
        self.roster.monitor_busy.store(true, Ordering::Relaxed);
        // SeqCst (K3): before the looks at the sleep words; partner of the second fence in `Photo::take`.
        fence(Ordering::SeqCst);
        let now = Instant::now();
        self.roster.keep_time();
        self.start_late_ones();
        let mut stuck = 0;
        for i in 0..self.roster.workers.len() {
            if self.is_stuck(i, now) {
                stuck += 1;
                self.help(i, now);
            }
        }
        self.roster.stuck.store(stuck, Ordering::Relaxed);
        self.stuck_rounds = if stuck > 0 { self.stuck_rounds + 1 } else { 0 };
        if stuck > 0 {
            self.find_hands();
        }
        // Release (K3): what was in our hands is back in queues, for the Acquire in `is_still`.
        self.roster.monitor_busy.store(false, Ordering::Release);
        if self.rounds.is_multiple_of(TRIM_EVERY) {
            let report = stack::trim(TRIM_AGE, TRIM_BATCH);
            if report.trimmed > 0 {
                pool::trim();
            }
            self.trimming = report.more || report.trimmed > 0;
        }
    }

    /// Spawns the goroutines whose time came a round ago: their worker does not get to it.
    fn start_late_ones(&self) {
        let Some(before) = clock::now().checked_sub(ROUND) else {
            return;
        };
        for worker in &self.roster.workers {
            for task in worker.starts.fired(before) {
                task.id.store(pool::take_ids(1), Ordering::Relaxed);
                events::spawned(task);
                self.roster.submit_outside(task);
            }
        }
    }

    /// Whether worker `i` has been in one goroutine since the last round.
    fn is_stuck(&mut self, i: usize, now: Instant) -> bool {
        let worker = &self.roster.workers[i];
        let ticks = worker.own.ticks.load(Ordering::Relaxed);
        let running = worker.thread.get().is_some()
            && !worker.remote.sleep.is_sleeping()
            && !worker.own.current.load(Ordering::Relaxed).is_null();
        let seen = &mut self.seen[i];
        // No time seen: it was between the turn's tick and the start of the goroutine, so the tick is not news.
        if !running || ticks != seen.ticks || seen.since.is_none() {
            *seen = Seen {
                ticks,
                since: running.then_some(now),
                warned: false,
            };
            return false;
        }
        if seen.since.is_none_or(|since| now - since < ROUND) {
            return false;
        }
        worker.set_overdue(ticks);
        // What outside threads spawned waits for any worker, so for this one too.
        !worker.fresh.is_empty()
            || !worker.moving.is_empty()
            || !worker.remote.inbox.looks_empty()
            || !self.roster.injector.is_empty()
    }

    fn help(&mut self, i: usize, now: Instant) {
        let worker = &self.roster.workers[i];
        release_inbox(worker);
        let seen = &mut self.seen[i];
        if !seen.warned {
            seen.warned = true;
            let stuck_for = seen.since.map_or(Duration::ZERO, |since| now - since);
            warn(worker, stuck_for);
        }
    }

    /// Sees to it that somebody takes what stuck workers let go.
    fn find_hands(&self) {
        if !self.roster.has_public_work() {
            return;
        }
        if self.roster.idle.sleeping() > 0 {
            self.roster.wake_one();
            return;
        }
        if self.roster.idle.searching() > 0 {
            return;
        }
        let wanted = self.roster.stuck.load(Ordering::Relaxed);
        // Workers that get on will most likely come to it; one more thread than processors would only slow them down.
        if wanted < self.roster.config.workers && self.stuck_rounds < SPARE_AFTER {
            return;
        }
        for spare in self.roster.spares().iter().take(wanted) {
            if spare.thread.get().is_some() {
                spare.wake();
            } else if let Err(error) = (self.start_worker)(&self.roster, spare.index) {
                tracing::warn!(target: "gort", %error, "no thread for a spare worker");
            }
        }
    }
}

/// Moves fresh goroutines from a stuck worker's inbox to where all can take them; the others go back, in order.
fn release_inbox(worker: &WorkerShared) {
    if worker.remote.inbox.looks_empty() {
        return;
    }
    let mut next = worker.remote.inbox.take_all();
    // SAFETY: taken from the inbox, so held by us.
    while let Some(task) = unsafe { TaskRef::from_ptr(next) } {
        next = task.next.load(Ordering::Relaxed);
        if task.is_homeless() && !task.has(LOCAL) {
            if task.has(HANDED) {
                // It counted as homed there; it will count where it starts.
                worker.remote.homed.fetch_sub(1, Ordering::Relaxed);
                task.clear(HANDED | COUNTED);
            }
            worker.roster().inject(task);
        } else {
            // SAFETY: held by us.
            unsafe { worker.deliver(task) };
        }
    }
}

/// Tells who keeps a worker from its other goroutines.
fn warn(worker: &WorkerShared, stuck_for: Duration) {
    let current: &AtomicPtr<TaskHeader> = &worker.own.current;
    let culprit = pool::look_at(current.load(Ordering::Relaxed), |header| {
        (
            header.id.load(Ordering::Relaxed),
            // SAFETY: only `&'static Location`s are stored.
            unsafe { header.site.load(Ordering::Relaxed).as_ref() },
        )
    });
    let Some((id, site)) = culprit else {
        return;
    };
    let site = site.map(tracing::field::display);
    tracing::warn!(
        target: "gort",
        goroutine = id,
        site,
        worker = worker.index,
        stuck_for_ms = u64::try_from(stuck_for.as_millis()).unwrap_or(u64::MAX),
        "a goroutine keeps its worker from others: use blocking() for blocking calls, yield_if_due() in long loops",
    );
}
