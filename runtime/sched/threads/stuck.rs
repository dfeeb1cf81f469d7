//! Goroutines that hold others up: what the monitor sees of a worker, what it takes away from it,
//! and what it tells.

use crate::runtime::{
    goroutine_id::GoroutineId,
    on_abandon::Fate,
    os::os_threads,
    prims::Ordering,
    sched::{
        abandon,
        home::{data::Home, word::reverse},
        scheduler::Scheduler,
        worker::{
            shared::WorkerShared,
            submit::{self, Delivery},
        },
    },
    stuck::Stuck,
    task::{
        extras,
        header::{LOCAL_BIT, TaskHeader, TaskRef},
        pool,
    },
};
use std::{
    num::NonZeroU64,
    ptr,
    time::{Duration, Instant},
};

/// How long a goroutine has held others up when that is told, each time.
const TELL_AFTER: [Duration; 3] = [
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(10),
];

/// Turns between two rounds of the monitor that are few: less than the number after which a worker
/// looks around by itself.
const FEW_TURNS: u64 = 32;

/// More arrivals than this are not counted: their list may have become another one.
const MAX_COUNTED: usize = 1000;

/// What the monitor remembers of a worker.
#[derive(Debug, Default)]
pub(crate) struct LastSeen {
    /// The turn that was seen last.
    turn: u64,
    /// When it was first seen in this turn.
    since: Option<Instant>,
    /// How often the goroutine of this turn has been told of.
    told: usize,
    /// How long it had run, and how long its thread had been on a processor, at some moment.
    cpu: Option<(Duration, Duration)>,
    /// How long it must have run when those that wait are counted next.
    count_after: Duration,
}

impl LastSeen {
    /// How long the worker has been in one goroutine, at least; `None`: it is in none, or in a new
    /// one.
    pub(crate) fn look(&mut self, worker: &WorkerShared, now: Instant) -> Option<Duration> {
        let turn = worker.own.turns.load(Ordering::Relaxed);
        let runs = worker.is_awake() && !running(worker).is_null();
        // Few turns in a whole round are long ones: the worker is to look around after each.
        if runs && turn.wrapping_sub(self.turn) < FEW_TURNS {
            worker.set_hurry();
        }
        // A new turn begins its own time. The same turn without a time was seen between its count
        // and the start of its goroutine: the time counts from now.
        if !runs || turn != self.turn || self.since.is_none() {
            *self = Self {
                turn,
                since: runs.then_some(now),
                told: 0,
                cpu: None,
                count_after: Duration::ZERO,
            };
            return None;
        }
        self.since.map(|since| now.saturating_duration_since(since))
    }

    /// The turn that was seen last.
    pub(crate) fn turn(&self) -> u64 {
        self.turn
    }

    /// Tells of the goroutine that this worker is in, if others wait behind it and it is time to.
    pub(crate) fn tell(&mut self, scheduler: &Scheduler, worker: &WorkerShared, ran_for: Duration) {
        let id = worker.remote.thread.load(Ordering::Relaxed);
        if self.cpu.is_none() {
            self.cpu = os_threads::cpu_time(id).map(|time| (ran_for, time));
        }
        let is_time = TELL_AFTER.get(self.told).is_some_and(|t| ran_for >= *t);
        if !is_time || ran_for < self.count_after {
            return;
        }
        let start = Instant::now();
        let waiting = count_waiting(scheduler, worker);
        // Counting looks at all cells, so the next count waits for ten times as long as this took.
        self.count_after = ran_for + 10 * start.elapsed();
        if waiting > 0 && !self.lacks_processor(id, ran_for) {
            // Nobody may have waited at the first times; those are not made up for.
            self.told = TELL_AFTER.iter().filter(|after| ran_for >= **after).count();
            report(scheduler, worker, ran_for, waiting);
        }
    }

    /// Whether the goroutine only lacks a processor, since other programs have them all: then the
    /// machine is busy, and there is nothing to report.
    fn lacks_processor(&self, id: u32, ran_for: Duration) -> bool {
        let Some((then, had)) = self.cpu else {
            return false;
        };
        let since = ran_for.saturating_sub(then);
        let got = os_threads::cpu_time(id).map(|time| time.saturating_sub(had));
        let wants_to_run = os_threads::doing(id).is_some_and(|doing| doing == "computing");
        wants_to_run && got.is_some_and(|got| got < since / 4)
    }
}

/// The goroutine that runs on a worker now, or null.
fn running(worker: &WorkerShared) -> *mut TaskHeader {
    home_of(worker).map_or(ptr::null_mut(), Home::current)
}

fn home_of(worker: &WorkerShared) -> Option<&'static Home> {
    // SAFETY: homes are never freed.
    unsafe { worker.own.home.load(Ordering::Relaxed).as_ref() }
}

/// How many wait behind the goroutine that runs on this worker, at least: those of its home that
/// could run, timers that have fired for it, and fresh goroutines if no worker is free for them.
fn count_waiting(scheduler: &Scheduler, worker: &WorkerShared) -> usize {
    let Some(home) = home_of(worker) else {
        return 0;
    };
    let mut waiting = home.count_late();
    let current = home.current();
    let address: *const () = ptr::from_ref(home).cast();
    pool::each_live_cell(|cell, _| {
        let lives_here = ptr::eq(cell.home.load(Ordering::Relaxed), address);
        let can_run = !cell.park.looks_parked() && !ptr::eq(cell, current);
        waiting += usize::from(lives_here && can_run);
    });
    // Those that were unparked from elsewhere look parked until the home's holder takes them in.
    waiting += count_arrivals(home);
    let all_stuck = scheduler.stuck.load(Ordering::Relaxed) >= scheduler.config.workers;
    if all_stuck && scheduler.has_fresh() {
        waiting += 1;
    }
    waiting
}

/// How many have come into a home since its holder looked last; not exact if the holder looks
/// meanwhile.
fn count_arrivals(home: &Home) -> usize {
    // While the cells' memory stays where it is, links can be followed: they lead to cells,
    // whatever becomes of the list meanwhile.
    let _cells_stay = pool::hold_dumps_off();
    let mut next = home.shared.word.newest();
    let mut count = 0;
    // SAFETY: a cell or null; see above.
    while let Some(header) = unsafe { next.as_ref() } {
        count += 1;
        if count == MAX_COUNTED {
            break;
        }
        next = header.next.load(Ordering::Relaxed);
    }
    count
}

fn report(scheduler: &Scheduler, worker: &WorkerShared, ran_for: Duration, waiting: usize) {
    let doing = os_threads::doing(worker.remote.thread.load(Ordering::Relaxed));
    let culprit = pool::look_at(running(worker), |header| {
        let id = header.id.load(Ordering::Relaxed);
        Some(Stuck {
            goroutine: GoroutineId::new(NonZeroU64::new(id)?),
            // SAFETY: `look_at` holds the depot's lock.
            name: unsafe { extras::name_in_dump(header, id) },
            // SAFETY: only `&'static Location`s are stored.
            site: unsafe { header.site.load(Ordering::Relaxed).as_ref() },
            ran_for,
            waiting,
            doing,
        })
    });
    if let Some(stuck) = culprit.flatten() {
        scheduler.config.on_stuck.report(&stuck);
    }
}

/// Lets others have the fresh goroutines that were sent to the home of a stuck worker.
pub(crate) fn release_fresh(scheduler: &Scheduler, worker: &WorkerShared) {
    let Some(home) = home_of(worker) else {
        return;
    };
    if !home.has_incoming() {
        return;
    }
    // All that has come in; what is not fresh goes back, in order.
    // SAFETY: taken out, so ours.
    let mut next = unsafe { reverse(home.shared.word.take_from_holder()) };
    // SAFETY: taken from the inbox, so held by us.
    while let Some(task) = unsafe { TaskRef::from_ptr(next) } {
        next = task.next.load(Ordering::Relaxed);
        if task.is_fresh() && !task.has(LOCAL_BIT) {
            home.uncount_incoming();
            scheduler.inject(task);
        } else {
            // SAFETY: taken out of this home's inbox, so ours, and given up.
            unsafe { send_back(home, task) };
        }
    }
}

/// Puts a task back into the inbox of its home.
///
/// # Safety
/// The caller has taken it out of there, and gives it up.
pub(crate) unsafe fn send_back(home: &'static Home, task: TaskRef) {
    // SAFETY: passed on.
    let delivery = unsafe { submit::send(None, home, task) };
    if delivery == Delivery::HomeEnded && !task.is_fresh() {
        // SAFETY: its home has ended, and this is its one unpark.
        unsafe { abandon::pass_on(task, Fate::Woken) };
    }
}
