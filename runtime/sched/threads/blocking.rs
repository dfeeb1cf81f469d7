//! Threads beside the workers, for calls that block their thread: `blocking(f)`, files, name
//! look-ups.
//!
//! A job goes to a thread that is idle; if none is, a new thread is started; if there may be no
//! more, it waits for the first that becomes free. Threads without work end after a while.
//!
//! Everything is behind one mutex: a job costs some microseconds in wake-ups anyway. Invariants,
//! under that lock:
//!
//! * `idle` counts every thread that runs no job, from the moment it is started: also those that
//!   have not come around to waiting. So `queue.len() > idle` means that a queued job has no thread
//!   in sight.
//! * A queued job implies a thread: the last thread does not end while a job is queued, and a job
//!   that finds no thread and cannot start one is handed back instead of queued.
//!
//! Threads are started under the lock. Otherwise a failed start could strand jobs that others
//! queued meanwhile, relying on that thread.
#![forbid(unsafe_code)]

use crate::runtime::os::os_threads;
use std::{
    collections::VecDeque,
    fmt, io, mem,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// How long a thread waits for work before it ends: tokio's number.
pub(crate) const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What a pool runs. It catches its own panics; one that escapes is swallowed.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Starts a thread of this name that runs this body: the operating system, or a test's idea of one.
type StartThread = Box<dyn Fn(String, Job) -> io::Result<()> + Send + Sync>;

/// The pool. Dropping it shuts it down.
pub(crate) struct BlockingPool {
    shared: Arc<PoolShared>,
}

/// What the pool and its threads share.
struct PoolShared {
    /// Threads are named `{name_prefix}-{number}`.
    name_prefix: String,
    max_threads: usize,
    keep_alive: Duration,
    start_thread: StartThread,
    state: Mutex<PoolState>,
    /// Signalled once for each queued job, and to all at shutdown; waited for by idle threads.
    work: Condvar,
}

/// A job that no thread has begun.
struct Queued {
    job: Job,
    /// When it came, if no thread was there for it and none could be started.
    held_since: Option<Instant>,
}

/// Jobs for which there is no thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HeldBack {
    /// Since when the oldest of them waits.
    pub(crate) since: Instant,
    /// How many wait.
    pub(crate) waiting: usize,
    /// How many threads there are, all of them in other jobs.
    pub(crate) threads: usize,
}

/// The part behind the lock.
#[derive(Default)]
struct PoolState {
    /// Jobs that no thread has begun, oldest first.
    queue: VecDeque<Queued>,
    /// Threads that have been started and have not ended.
    threads: usize,
    /// Those of them that run no job.
    idle: usize,
    /// Threads started so far, for their names.
    started: usize,
    /// The system's numbers for those that have come to look for work.
    thread_ids: Vec<u32>,
    /// Whether the pool takes no more jobs and its threads do not wait for any.
    is_shut_down: bool,
}

impl BlockingPool {
    /// A pool without threads, which will have at most `max_threads` (at least one) and end those
    /// that had no work for `keep_alive`. Threads are named after `name_prefix`, which must not
    /// contain NUL.
    pub(crate) fn new(
        name_prefix: impl Into<String>,
        max_threads: usize,
        keep_alive: Duration,
    ) -> Self {
        let start_thread =
            |name: String, body: Job| thread::Builder::new().name(name).spawn(body).map(drop);
        Self::with_start_thread(
            name_prefix.into(),
            max_threads,
            keep_alive,
            Box::new(start_thread),
        )
    }

    /// A pool that starts its threads through `start_thread`.
    fn with_start_thread(
        name_prefix: String,
        max_threads: usize,
        keep_alive: Duration,
        start_thread: StartThread,
    ) -> Self {
        let (state, work) = (Mutex::default(), Condvar::new());
        let max_threads = max_threads.max(1);
        let shared = PoolShared {
            name_prefix,
            max_threads,
            keep_alive,
            start_thread,
            state,
            work,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Has a thread run `job`, which is certain once this returns `Ok` (also if the pool is shut
    /// down meanwhile). Jobs are begun in order of submission.
    ///
    /// # Errors
    /// Gives the job back if the pool is shut down, or has no thread and could not start one (the
    /// limit on threads).
    pub(crate) fn submit(&self, job: Job) -> Result<(), Job> {
        let mut state = self.shared.lock();
        if state.is_shut_down {
            return Err(job);
        }
        let mut is_thread_missing = state.queue.len() >= state.idle;
        if is_thread_missing && state.threads < self.shared.max_threads {
            // A failure leaves the job to the threads there are; the next submission tries again.
            is_thread_missing = self.start_thread(&mut state).is_err();
        }
        if state.threads == 0 {
            return Err(job);
        }
        let held_since = is_thread_missing.then(Instant::now);
        state.queue.push_back(Queued { job, held_since });
        drop(state);
        self.shared.work.notify_one();
        Ok(())
    }

    /// How many threads the pool has. One that has just ended itself may still be known to the
    /// operating system.
    pub(crate) fn threads(&self) -> usize {
        self.shared.lock().threads
    }

    /// The system's numbers for its threads.
    pub(crate) fn thread_ids(&self) -> Vec<u32> {
        self.shared.lock().thread_ids.clone()
    }

    /// How many jobs have been accepted and have not returned: queued or running.
    pub(crate) fn pending(&self) -> usize {
        let state = self.shared.lock();
        state.queue.len() + state.threads - state.idle
    }

    /// What waits for a thread because the pool can have no more, if the oldest job does.
    pub(crate) fn held_back(&self) -> Option<HeldBack> {
        let state = self.shared.lock();
        Some(HeldBack {
            since: state.queue.front()?.held_since?,
            waiting: state.queue.len(),
            threads: state.threads,
        })
    }

    /// Takes no more jobs and starts no more threads. Idle threads end at once; the others run what
    /// is queued and then end; nobody waits for them.
    pub(crate) fn shutdown(&self) {
        self.shared.lock().is_shut_down = true;
        self.shared.work.notify_all();
    }

    /// Adds an idle thread.
    fn start_thread(&self, state: &mut PoolState) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let name = format!("{}-{}", self.shared.name_prefix, state.started);
        (self.shared.start_thread)(name, Box::new(move || shared.run_thread()))?;
        state.started += 1;
        state.threads += 1;
        state.idle += 1;
        Ok(())
    }
}

impl Drop for BlockingPool {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl fmt::Debug for BlockingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingPool")
            .field("name_prefix", &self.shared.name_prefix)
            .field("max_threads", &self.shared.max_threads)
            .field("threads", &self.threads())
            .field("pending", &self.pending())
            .finish_non_exhaustive()
    }
}

impl PoolShared {
    /// The state. Nothing that may panic runs under the lock but the start of a thread, before
    /// anything is changed: so poison means nothing.
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a thread, which is counted as idle when it begins.
    fn run_thread(&self) {
        let id = os_threads::own_id();
        let mut state = self.lock();
        state.thread_ids.push(id);
        let mut has_waited_in_vain = false;
        loop {
            if let Some(Queued { job, .. }) = state.queue.pop_front() {
                state.idle -= 1;
                drop(state);
                run_job(job);
                state = self.lock();
                state.idle += 1;
                has_waited_in_vain = false;
            } else if state.is_shut_down || has_waited_in_vain {
                break;
            } else {
                let waited = self.work.wait_timeout(state, self.keep_alive);
                let (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                state = guard;
                has_waited_in_vain = timeout.timed_out();
            }
        }
        state.idle -= 1;
        state.threads -= 1;
        state.thread_ids.retain(|other| *other != id);
    }
}

/// Runs a job; a panic ends the job, not the thread.
fn run_job(job: Job) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(job)) {
        // Jobs are not to panic at all. Leaked, because dropping it might panic once more.
        mem::forget(payload);
    }
}

#[cfg(test)]
mod tests;
