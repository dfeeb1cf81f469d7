//! Start and end of a runtime's threads.

use crate::runtime::{
    contain::AbortAtRoot,
    coroutine::Coroutine,
    os::os_threads,
    prims::Ordering,
    sched::{
        abandon,
        home::{
            current,
            data::{Home, Lent},
            held::Held,
            word::reverse,
        },
        inspect::{
            deadlock::Describe,
            quiescence::{self, OutsideSource, RegisteredThread},
        },
        owners,
        scheduler::Scheduler,
        threads::{monitor, stuck::send_back},
        worker::{data::Worker, tour},
    },
    stack::{self, AltStack, OverflowReport},
    task::{
        extras,
        header::{LOCAL_BIT, TaskRef},
    },
};
use std::{
    io,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// The threads of a runtime, those of its homes left out.
#[derive(Debug)]
pub(crate) struct Threads {
    workers: Vec<JoinHandle<()>>,
    monitor: Option<JoinHandle<()>>,
}

/// Starts the workers and the monitor. On failure no thread stays behind.
pub(crate) fn start(scheduler: &'static Scheduler, describe: Describe) -> io::Result<Threads> {
    let _starting = OutsideSource::new();
    stack::install(describe_overflow);
    quiescence::enter(scheduler);
    let mut threads = Threads {
        workers: Vec::new(),
        monitor: None,
    };
    let mut started = (0..scheduler.config.workers).try_for_each(|i| {
        threads.workers.push(start_worker(scheduler, i)?);
        Ok(())
    });
    if started.is_ok() {
        started = make_first_homes(scheduler);
    }
    if started.is_ok() {
        started = thread::Builder::new()
            .name(format!("{}-monitor", scheduler.config.thread_name))
            .spawn(move || monitor::run(scheduler, start_worker, describe))
            .map(|thread| threads.monitor = Some(thread));
    }
    match started {
        Ok(()) => Ok(threads),
        Err(error) => {
            stop(scheduler, threads, Duration::from_secs(1));
            Err(io::Error::new(
                error.kind(),
                format!(
                    "gort: starting the threads of a runtime with {} workers failed: {error}",
                    scheduler.config.workers
                ),
            ))
        }
    }
}

/// Makes the home that the first goroutine starts in: a runtime without one could run none. Where
/// homes are not lent, each worker makes its own; they are waited for, so that the first goroutines
/// are shared out among all.
fn make_first_homes(scheduler: &'static Scheduler) -> io::Result<()> {
    if !scheduler.lends() {
        while scheduler.homes.count() < scheduler.config.workers {
            thread::sleep(Duration::from_micros(20));
        }
        return Ok(());
    }
    if let Some(home) = owners::make(scheduler, 1)?
        && !home.shared.word.give_back()
    {
        scheduler.inject_home(home);
    }
    Ok(())
}

/// Starts the thread of worker `index`.
pub(crate) fn start_worker(
    scheduler: &'static Scheduler,
    index: usize,
) -> io::Result<JoinHandle<()>> {
    // Where homes are not lent, goroutines run under this thread's name.
    let kind = if scheduler.lends() { "-worker" } else { "" };
    thread::Builder::new()
        .name(format!("{}{kind}-{index}", scheduler.config.thread_name))
        .spawn(move || work(scheduler, index))
}

fn work(scheduler: &'static Scheduler, index: usize) {
    let _root = AbortAtRoot;
    // The thread itself is fine without one.
    let alternate = AltStack::new();
    if let Err(error) = &alternate {
        stack::tell_unwatched("no alternate signal stack for a worker", error);
    }
    let registered = RegisteredThread::new(scheduler);
    let _worn = scheduler.wear_clock();
    let Some(worker) = Worker::new(scheduler, index) else {
        return;
    };
    let thread = &worker.shared.remote.thread;
    thread.store(os_threads::own_id().max(1), Ordering::Relaxed);
    if scheduler.lends() {
        tour::run(&worker);
        owners::take_back_all(scheduler);
        return;
    }
    let home = make_own_home(scheduler, index);
    worker.only_home.set(Some(home));
    tour::run(&worker);
    owners::abandon_fresh(scheduler, home);
    worker.shared.set_left();
    owners::rest_if_needed(home, registered);
}

/// The home of a worker where homes are not lent: the identity of the worker's own thread, which
/// calls.
fn make_own_home(scheduler: &'static Scheduler, index: usize) -> &'static Home {
    let making = scheduler.lock_making();
    let lent = Lent::To(u32::try_from(index).expect("fewer workers than threads can be"));
    let place = scheduler.homes.count();
    let home: &'static Home = Box::leak(Box::new(Home::new(place, lent, scheduler.address())));
    home.identity.adopt_calling_thread();
    scheduler.homes.push(home);
    drop(making);
    home
}

/// Ends the threads: workers leave their loops when their goroutine lets them. Waits at most so
/// long; a thread that is not done by then is detached.
pub(crate) fn stop(scheduler: &'static Scheduler, threads: Threads, patience: Duration) {
    let _stopping = OutsideSource::new();
    scheduler.close();
    scheduler.blocking.shutdown();
    let until = Instant::now() + patience;
    let mut ended = Ended::All;
    for (handle, worker) in threads.workers.into_iter().zip(scheduler.workers()) {
        // One that keeps the home of goroutines that are left does not end.
        let stays = || worker.has_left() && !scheduler.lends();
        if !join_until(scheduler, handle, until, stays) && !stays() {
            ended = Ended::NotAll;
        }
    }
    if let Some(handle) = threads.monitor {
        join_until(scheduler, handle, until, || false);
    }
    give_homes_back(scheduler, until);
    drop_injected(scheduler, ended);
    drop_sent(scheduler);
    drop_later_ones(scheduler);
    quiescence::leave(scheduler);
}

/// Waits for a thread's end, unless it stays, and wakes all that may sleep meanwhile. True: it has
/// ended.
fn join_until(
    scheduler: &Scheduler,
    handle: JoinHandle<()>,
    until: Instant,
    stays: impl Fn() -> bool,
) -> bool {
    while !handle.is_finished() && !stays() && Instant::now() < until {
        scheduler
            .workers()
            .for_each(|worker| scheduler.wake(worker));
        scheduler.wake_monitor();
        thread::sleep(Duration::from_micros(50));
    }
    let has_ended = handle.is_finished();
    if has_ended {
        let _ = handle.join();
    }
    has_ended
}

/// Gives the homes back to their owners, and waits for those threads that end. A home that a worker
/// is still in, since its goroutine does not let it leave, is given back when that worker ends.
fn give_homes_back(scheduler: &'static Scheduler, until: Instant) {
    owners::take_back_all(scheduler);
    for home in scheduler.homes() {
        let Some(handle) = home.owner.take_thread() else {
            continue;
        };
        // One whose goroutines are left does not end.
        while home.owner.is_back()
            && home.live() == 0
            && !handle.is_finished()
            && Instant::now() < until
        {
            thread::sleep(Duration::from_micros(20));
        }
        if handle.is_finished() {
            let _ = handle.join();
        }
    }
}

/// How long one of the threads below may take until the next one helps.
const HELPER_PATIENCE: Duration = Duration::from_millis(100);

/// How many threads may be blocked in destructors at the end of a runtime, those of its workers
/// left out. What is left by then is leaked.
const MOST_HELPERS: u32 = 16;

/// Which of a runtime's workers have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    All,
    NotAll,
}

/// Drops what is in the injector still. If a worker has not ended, a destructor may block its
/// thread; so it is done on threads of its own then, one more whenever one is blocked, too.
fn drop_injected(scheduler: &'static Scheduler, workers: Ended) {
    if workers == Ended::All {
        return abandon::abandon_injected(scheduler);
    }
    for _ in 0..MOST_HELPERS {
        if !scheduler.has_injected() {
            return;
        }
        let helper = thread::Builder::new()
            .name(format!("{}-end", scheduler.config.thread_name))
            .spawn(move || abandon::abandon_injected(scheduler));
        let Ok(helper) = helper else {
            return abandon::abandon_injected(scheduler);
        };
        let until = Instant::now() + HELPER_PATIENCE;
        while !helper.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_micros(100));
        }
    }
}

/// Drops the fresh goroutines that were sent to a home whose holder had left its loop by then.
fn drop_sent(scheduler: &Scheduler) {
    for home in scheduler.homes() {
        // SAFETY: taken out, so ours.
        let mut next = unsafe { reverse(home.shared.word.take_from_holder()) };
        // SAFETY: as above.
        while let Some(task) = unsafe { TaskRef::from_ptr(next) } {
            next = task.next.load(Ordering::Relaxed);
            if task.is_fresh() && !task.has(LOCAL_BIT) {
                home.uncount_incoming();
                abandon::abandon(scheduler, task);
            } else {
                // The others are suspended, or about to be, and stay as they are; or belong to
                // their home's owner.
                // SAFETY: held by us, and given up.
                unsafe { send_back(home, task) };
            }
        }
    }
}

/// Drops the goroutines whose time had not come.
fn drop_later_ones(scheduler: &Scheduler) {
    for worker in scheduler.workers() {
        for task in worker.spawn_timers.drain() {
            // It counts as spawned now, and as abandoned.
            scheduler.spawned_outside.fetch_add(1, Ordering::Relaxed);
            abandon::abandon(scheduler, task);
        }
        // Those of goroutines that are left, which never run again.
        drop(worker.park_timers.drain());
    }
}

/// For the overflow handler: the goroutine of this thread, if the fault is in its guard.
/// Async-signal-safe: loads only.
fn describe_overflow(fault: usize) -> Option<OverflowReport> {
    let here: Held = current::home()?;
    let task = here.task()?;
    // SAFETY: the coroutine of a running goroutine is alive, and we are on its thread.
    let stack = unsafe { Coroutine::stack(here.coroutine.get()?) };
    if !stack.guard().contains(&fault) {
        return None;
    }
    // SAFETY: the goroutine does not run while we handle its fault; the process ends before it
    // does.
    let name = unsafe { extras::name(task) }.map(|name| name.as_bytes());
    Some(OverflowReport {
        id: task.id(),
        name,
        stack_size: stack.class().usable(),
        location: task.site()?,
    })
}
