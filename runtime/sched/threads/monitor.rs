//! The monitor: one thread that looks at the workers every few milliseconds while any is awake, and
//! rests while all sleep.
//!
//! A worker that has been in one goroutine for a whole round is *stuck*. That goroutine holds up
//! those of its own home only: the monitor sees to it that another worker goes on with all other
//! work, and starts a spare for it if need be. It fires timers that are late, tells who holds
//! others up and which blocking calls get no thread, and trims stacks and cells that have not been
//! used for a while.

use crate::runtime::{
    clock,
    contain::{AbortAtRoot, contain},
    prims::{Ordering, fence},
    sched::{
        events,
        inspect::{
            deadlock::{Describe, Detector, NextLook},
            quiescence::RegisteredThread,
        },
        poller::{deliver, shared as poller},
        scheduler::{Scheduler, Watched},
        threads::{
            held_back::Watch,
            stuck::{self, LastSeen},
        },
        worker::{shared::WorkerShared, submit},
    },
    stack,
    task::pool,
};
use std::{
    io,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Time between two looks; a goroutine that has not let others run for one to two of them is stuck
/// (Go's sysmon retakes after 10 ms, too).
const ROUND: Duration = Duration::from_millis(10);
/// How late a timer is when its worker is taken not to get to it: it looks every 0.5 ms, unless it
/// is in a goroutine that does not let it.
const LATE: Duration = Duration::from_millis(2);
/// How long a stack lies unused before its memory goes back to the system (guess: long against
/// bursts, short for people who watch).
const TRIM_AGE: Duration = Duration::from_millis(500);
/// The most stacks that one round trims, so that no round is long.
const TRIM_BATCH: usize = 1 << 17;
/// Rounds between two trims.
const TRIM_EVERY: u32 = 25;
/// A rest after which there may be stacks to trim, though no worker got up: other runtimes share
/// them.
const LONG_REST: Duration = Duration::from_secs(5);
/// Rounds that spares are held back for while not all workers are stuck (guess).
const SPARE_AFTER: u32 = 5;

/// Starts the thread of a worker, by its index.
type StartWorker = fn(&'static Scheduler, usize) -> io::Result<JoinHandle<()>>;

struct Monitor {
    scheduler: &'static Scheduler,
    start_worker: StartWorker,
    /// What it remembers of each worker.
    seen: Vec<LastSeen>,
    rounds: u32,
    /// Rounds in a row in which some worker was stuck.
    stuck_rounds: u32,
    trimming: bool,
    detector: Detector,
    held_back: Watch,
    /// What its last look into the poller has shown.
    found: poller::Found,
}

/// The monitor thread's body; returns when the runtime shuts down.
pub(crate) fn run(scheduler: &'static Scheduler, start_worker: StartWorker, describe: Describe) {
    let _root = AbortAtRoot;
    let _ = scheduler.monitor.set(thread::current());
    let _registered = RegisteredThread::new(scheduler);
    let _worn = scheduler.wear_clock();
    let mut monitor = Monitor {
        scheduler,
        start_worker,
        seen: Vec::new(),
        rounds: 0,
        stuck_rounds: 0,
        trimming: true,
        detector: Detector::new(describe),
        held_back: Watch::default(),
        found: poller::Found::default(),
    };
    while !monitor.scheduler.is_closing() {
        monitor.rest();
        monitor.round();
    }
}

impl Monitor {
    fn rest(&mut self) {
        if self.scheduler.do_all_sleep() {
            // Nothing runs: look for a deadlock, and if there is nothing more to see, rest.
            if let NextLook::Rest(patience) = self.detector.look(self.scheduler)
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
        let _ = self.scheduler.set_watched(Watched::No);
        // SeqCst (M1): before the second look; partner of the fence in `Scheduler::be_watched`
        // (M2). A worker that got up before it is seen here; one that gets up after it sees that
        // nobody watches, and starts us again.
        fence(Ordering::SeqCst);
        if self.scheduler.do_all_sleep() {
            thread::park_timeout(self.held_back.rest(self.scheduler, patience));
        }
        let woken = self.scheduler.set_watched(Watched::Yes) == Watched::Yes;
        self.trimming = woken || patience >= LONG_REST;
        self.detector.rested();
    }

    fn round(&mut self) {
        self.rounds = self.rounds.wrapping_add(1);
        let scheduler = self.scheduler;
        scheduler.monitor_busy.store(true, Ordering::Relaxed);
        // SeqCst (K3): before the looks at the sleep words; partner of the second fence in
        // `Snapshot::take`.
        fence(Ordering::SeqCst);
        let now = Instant::now();
        scheduler.keep_time();
        // Where a test chooses the schedule nobody else runs goroutines, however long one takes.
        let stuck = match scheduler.explorer {
            Some(_) => 0,
            None => self.count_stuck(now),
        };
        self.fire_late_timers();
        // All who would look are in one goroutine for long, or are about to look.
        if poller::is_unattended() {
            deliver::poll_outside(&mut self.found);
        }
        // Before hands are found: spares that wake look at it.
        scheduler.stuck.store(stuck, Ordering::Relaxed);
        self.stuck_rounds = if stuck > 0 { self.stuck_rounds + 1 } else { 0 };
        if stuck > 0 {
            self.find_hands(stuck);
        }
        // Release (K3): what was in our hands is back in queues, for the Acquire in
        // `Scheduler::has_helpers`.
        scheduler.monitor_busy.store(false, Ordering::Release);
        self.held_back.look(scheduler, now);
        // Now and then memory goes back that nobody has used for a while.
        if self.rounds.is_multiple_of(TRIM_EVERY) {
            let report = stack::trim(TRIM_AGE, TRIM_BATCH);
            if report.trimmed > 0 {
                pool::trim();
            }
            self.trimming = report.more || report.trimmed > 0;
        }
    }

    /// Fires timers that their worker does not get to: those of stuck workers, and those that are
    /// late.
    fn fire_late_timers(&self) {
        let now = clock::now();
        for worker in self.scheduler.workers() {
            // A stuck worker does not come to its timers; any other is given a moment.
            let late = if worker.is_overdue() {
                Some(now)
            } else {
                now.checked_sub(LATE)
            };
            let Some(late) = late else {
                continue;
            };
            worker
                .park_timers
                .fire(late, |task| submit::time_out(None, None, task));
            for task in worker.spawn_timers.fired(late) {
                task.id.store(pool::take_ids(1), Ordering::Relaxed);
                events::spawned(task);
                submit::submit_outside(self.scheduler, task);
            }
        }
    }

    /// How many workers have been in one goroutine since the last round, and longer.
    fn count_stuck(&mut self, now: Instant) -> usize {
        let scheduler = self.scheduler;
        self.seen
            .resize_with(scheduler.workers.count(), LastSeen::default);
        let mut stuck = 0;
        for (worker, seen) in scheduler.workers().zip(&mut self.seen) {
            let Some(ran_for) = seen.look(worker, now).filter(|time| *time >= ROUND) else {
                continue;
            };
            stuck += 1;
            worker.set_overdue(seen.turn());
            stuck::release_fresh(scheduler, worker);
            seen.tell(scheduler, worker, ran_for);
        }
        stuck
    }

    /// Sees to it that somebody does what stuck workers cannot get to.
    fn find_hands(&self, stuck: usize) {
        let scheduler = self.scheduler;
        let slots = || scheduler.workers().any(|w| w.runnable.has_slot());
        // Nobody waits for a worker.
        if !scheduler.has_public_work() && !slots() {
            return;
        }
        // A regular worker has nothing to do: it takes the work over.
        if scheduler.idle.sleeping() > 0 {
            scheduler.wake_one();
            return;
        }
        // Somebody searches, and will find it.
        if scheduler.idle.searching() > 0 {
            return;
        }
        // Workers that get on will most likely come to it; one more thread than processors would
        // only slow them down.
        let awake = scheduler.workers().filter(|w| w.is_awake()).count();
        if awake > stuck && self.stuck_rounds < SPARE_AFTER {
            return;
        }
        self.add_spare();
    }

    /// Wakes a spare that sleeps, or starts one more.
    fn add_spare(&self) {
        let scheduler = self.scheduler;
        let spares = || scheduler.workers().filter(|w| scheduler.is_spare(w));
        // One that was needed before sleeps until it is needed again.
        if let Some(spare) = spares().find(|w| w.has_thread() && !w.is_awake()) {
            scheduler.wake(spare);
            return;
        }
        // One whose thread could not be started before, else one more.
        let new = spares().find(|w: &&WorkerShared| !w.has_thread());
        let spare = new.unwrap_or_else(|| scheduler.add_worker());
        if let Err(error) = (self.start_worker)(scheduler, spare.index) {
            contain(|| {
                tracing::warn!(target: "gort", %error, "no thread for a spare worker");
            });
        }
    }
}
