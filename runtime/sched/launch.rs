//! Start and end of a runtime's threads.

use crate::runtime::{
    coroutine::Carrier,
    prims::Ordering,
    sched::{current, monitor, roster::Roster, worker::WorkerCore},
    stack::{self, AltStack, OverflowReport},
    task::{extras, header::TaskRef},
};
use std::{
    io, ptr,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// The threads of a runtime.
#[derive(Debug)]
pub(crate) struct Threads {
    workers: Vec<JoinHandle<()>>,
    monitor: Option<JoinHandle<()>>,
}

/// Starts the workers and the monitor. On failure nothing stays behind.
pub(crate) fn start(roster: &Arc<Roster>) -> io::Result<Threads> {
    stack::install(describe_overflow);
    let mut threads = Threads {
        workers: Vec::new(),
        monitor: None,
    };
    let mut started = (0..roster.config.workers).try_for_each(|i| {
        threads.workers.push(start_worker(roster, i)?);
        Ok(())
    });
    if started.is_ok() {
        let for_monitor = Arc::clone(roster);
        started = thread::Builder::new()
            .name(format!("{}-monitor", roster.config.thread_name))
            .spawn(move || monitor::run(for_monitor, start_worker))
            .map(|thread| threads.monitor = Some(thread));
    }
    match started {
        Ok(()) => Ok(threads),
        Err(error) => {
            stop(roster, threads, Duration::from_secs(1));
            Err(io::Error::new(
                error.kind(),
                format!(
                    "gort: starting the threads of a runtime with {} workers failed: {error}",
                    roster.config.workers
                ),
            ))
        }
    }
}

/// Starts the thread of worker `index`.
pub(crate) fn start_worker(roster: &Arc<Roster>, index: usize) -> io::Result<JoinHandle<()>> {
    let of = Arc::clone(roster);
    let handle = thread::Builder::new()
        .name(format!("{}-{index}", roster.config.thread_name))
        .spawn(move || work(of, index))?;
    let _ = roster.workers[index].thread.set(handle.thread().clone());
    // It may have been woken before it had a handle.
    handle.thread().unpark();
    Ok(handle)
}

fn work(roster: Arc<Roster>, index: usize) {
    // Without an alternate stack an overflow dies without words; the thread itself is fine.
    let alternate = AltStack::new();
    if let Err(error) = &alternate {
        tracing::warn!(target: "gort", %error, "no alternate signal stack for a worker");
    }
    let _ = roster.workers[index].thread.set(thread::current());
    if let Some(core) = WorkerCore::new(roster, index) {
        current::set_core(&core);
        core.run();
        current::set_core(ptr::null());
    }
}

/// Ends the threads: workers leave their loops when their goroutine lets them. Waits at most so long; a thread that is not done by then is detached.
pub(crate) fn stop(roster: &Arc<Roster>, threads: Threads, patience: Duration) {
    roster.close();
    roster.blocking.shutdown();
    let until = Instant::now() + patience;
    let handles = threads.workers.into_iter().chain(threads.monitor);
    for handle in handles {
        while !handle.is_finished() && Instant::now() < until {
            wake_all(roster);
            thread::sleep(Duration::from_micros(50));
        }
        if handle.is_finished() {
            let _ = handle.join();
        }
    }
    drop_injected(roster);
    drop_handed_over(roster);
    drop_later_ones(roster);
}

fn wake_all(roster: &Roster) {
    for worker in &roster.workers {
        worker.wake();
        if let Some(thread) = worker.thread.get() {
            thread.unpark();
        }
    }
    if let Some(monitor) = roster.monitor.get() {
        monitor.unpark();
    }
}

fn drop_injected(roster: &Roster) {
    loop {
        match roster.injector.steal() {
            crossbeam_deque::Steal::Success(task) => roster.abandon(task),
            crossbeam_deque::Steal::Empty => return,
            crossbeam_deque::Steal::Retry => {}
        }
    }
}

/// Drops the fresh goroutines that were handed over to a worker which had left its loop by then.
fn drop_handed_over(roster: &Roster) {
    for worker in &roster.workers {
        let mut next = worker.remote.inbox.take_all();
        // SAFETY: taken from the inbox, so held by us.
        while let Some(task) = unsafe { TaskRef::from_ptr(next) } {
            next = task.next.load(Ordering::Relaxed);
            // The others are suspended, or about to be, and stay as they are.
            if task.is_homeless() {
                roster.abandon(task);
            }
        }
    }
}

/// Drops the goroutines whose time had not come.
fn drop_later_ones(roster: &Roster) {
    for task in roster.workers.iter().flat_map(|w| w.starts.drain()) {
        // It counts as spawned now, and as abandoned.
        roster.spawned_outside.fetch_add(1, Ordering::Relaxed);
        roster.abandon(task);
    }
}

/// For the overflow handler: the goroutine of this thread, if the fault is in its guard. Async-signal-safe: loads only.
fn describe_overflow(fault: usize) -> Option<OverflowReport> {
    // SAFETY: used up here.
    let core = unsafe { current::core() }?;
    let task = core.current()?;
    // SAFETY: the carrier of a running goroutine is alive, and we are on its thread.
    let stack = unsafe { Carrier::stack(core.carrier.get()?) };
    if !stack.guard().contains(&fault) {
        return None;
    }
    // SAFETY: the goroutine does not run while we handle its fault; the process ends before it does.
    let name = unsafe { extras::name(task) }.map(|name| name.as_bytes());
    Some(OverflowReport {
        id: task.id(),
        name,
        stack_size: stack.class().usable(),
        location: task.site()?,
    })
}
