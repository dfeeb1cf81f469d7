//! `Runtime`: a set of workers with their goroutines; built, run, shut down.

use crate::runtime::{
    config::{DeadlockPolicy, PanicPolicy, Settings},
    dump,
    join::JoinHandle,
    metrics::{self, Metrics},
    park,
    sched::{
        launch::{self, Threads},
        roster::Roster,
    },
    spawn,
    stack::SizeClass,
    start,
};
use std::{
    error, fmt, io,
    panic::{self, Location},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// Settings for a [`Runtime`].
///
/// What is set here goes before the environment (`GORT_WORKERS`, `GORT_STACK_SIZE`, `GORT_DEADLOCK`), and that before the defaults.
///
/// # Examples
/// ```
/// use gort::runtime::Builder;
/// let runtime = Builder::new().workers(2).stack_size(64 << 10).build()?;
/// assert_eq!(runtime.run(gort::runtime::workers), 2);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    settings: Settings,
}

impl Builder {
    /// All left to the environment and the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many worker threads, 1 to 1024. Default: the processors that this process may use.
    #[doc(alias = "GOMAXPROCS")]
    #[must_use]
    pub fn workers(mut self, n: usize) -> Self {
        self.settings.workers = Some(n);
        self
    }

    /// Bytes of a goroutine's stack, at least. Default: 256 KiB, or 1 MiB with debug assertions.
    #[must_use]
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.settings.stack_size = Some(bytes);
        self
    }

    /// What a goroutine's panic does. Default: [`PanicPolicy::Isolate`].
    #[must_use]
    pub fn panic(mut self, policy: PanicPolicy) -> Self {
        self.settings.panic = Some(policy);
        self
    }

    /// What happens when all goroutines wait for each other.
    #[must_use]
    pub fn deadlock(mut self, policy: DeadlockPolicy) -> Self {
        self.settings.deadlock = Some(policy);
        self
    }

    /// What worker threads are called; a dash and a number follow. Default: `gort-worker`.
    #[must_use]
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.settings.thread_name = Some(name.into());
        self
    }

    /// Lets started goroutines go on on another worker's thread, as Go does.
    ///
    /// # Safety
    /// Every goroutine of this runtime must hold nothing across a call that may park, yield or spawn-and-wait that must stay on its thread: no `Rc` that others on the
    /// thread share, no guard of a std lock, no reference or address of a thread-local, neither in its own code nor, by inlining, in what it calls.
    #[must_use]
    pub unsafe fn allow_migration(mut self, allow: bool) -> Self {
        self.settings.migrate = Some(allow);
        self
    }

    /// Starts the runtime's threads.
    ///
    /// # Errors
    /// `InvalidInput` for a bad setting or environment variable, with what is allowed; else what the system said when it refused a thread.
    pub fn build(self) -> io::Result<Runtime> {
        let (roster, threads) = start::start(self.settings)?;
        Ok(Runtime {
            roster: Some(roster),
            threads: Some(threads),
        })
    }
}

/// Worker threads and the goroutines on them.
///
/// A program may have several; they share nothing but stacks and cells that are out of use. Dropping one shuts it down without waiting for its goroutines:
/// those that have not started are dropped, those that have are never resumed, and their stacks are never used again.
#[derive(Debug)]
pub struct Runtime {
    roster: Option<Arc<Roster>>,
    threads: Option<Threads>,
}

/// How long dropping a runtime waits for goroutines that are on a CPU to let their workers end.
const DROP_PATIENCE: Duration = Duration::from_secs(1);

impl Runtime {
    fn roster(&self) -> &Arc<Roster> {
        self.roster
            .as_ref()
            .expect("a runtime has its roster until it is shut down")
    }

    pub(crate) fn share_roster(&self) -> Arc<Roster> {
        Arc::clone(self.roster())
    }

    /// Runs `f` as a goroutine of this runtime and returns what it returns. Parks the caller, be it a thread or a goroutine of another runtime.
    ///
    /// Other goroutines are not waited for.
    ///
    /// # Panics
    /// If `f` panics, with its payload. Under a [`forbid_yield`](crate::runtime::forbid_yield) guard.
    ///
    /// # Examples
    /// ```
    /// let runtime = gort::runtime::Builder::new().workers(1).build()?;
    /// let mut words = vec!["b", "a"];
    /// runtime.run(|| words.sort());
    /// assert_eq!(words, ["a", "b"]);
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn run<F, T>(&self, f: F) -> T
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        match self.run_caught(f, self.roster().default_class) {
            Ok(value) => value,
            Err(payload) => panic::resume_unwind(payload),
        }
    }

    /// As `run`, with a stack size, and giving back the payload of a panic or `goexit`.
    #[track_caller]
    pub(crate) fn run_caught<F, T>(&self, f: F, class: SizeClass) -> thread::Result<T>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        let site = Location::caller();
        // Before `f` is on its way: a refusal in `join_raw` would return while it runs.
        park::check_may_park();
        // SAFETY: Send; and joined here, before anything that `f` borrows can end.
        let handle = unsafe { spawn::spawn_outside(self.roster(), f, None, class, site) };
        handle.join_raw()
    }

    /// Starts a goroutine on this runtime, from any thread. Does not park.
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let site = Location::caller();
        let roster = self.roster();
        // SAFETY: Send and 'static.
        unsafe { spawn::spawn_outside(roster, f, None, roster.default_class, site) }
    }

    /// What the runtime has done so far.
    pub fn metrics(&self) -> Metrics {
        metrics::of(self.roster())
    }

    /// What each goroutine of this runtime is doing; see [`dump`](crate::runtime::dump).
    pub fn dump(&self) -> String {
        dump::of(self.roster())
    }

    /// Goroutines that have been spawned and have not ended.
    pub fn num_goroutines(&self) -> usize {
        self.roster().live()
    }

    /// Waits until all goroutines have ended, at most `patience`, then ends the runtime's threads. Blocks the calling thread.
    ///
    /// # Errors
    /// [`StillRunning`] if goroutines were left; they are given up as when a runtime is dropped. It lists them.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let runtime = gort::runtime::Builder::new().build()?;
    /// let handle = runtime.spawn(|| gort::sleep(Duration::from_millis(5)));
    /// assert!(runtime.shutdown_timeout(Duration::from_secs(5)).is_ok());
    /// assert!(handle.is_finished());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn shutdown_timeout(mut self, patience: Duration) -> Result<(), StillRunning> {
        let roster = self.share_roster();
        let until = Instant::now().checked_add(patience);
        while roster.live() > 0 && until.is_none_or(|until| Instant::now() < until) {
            thread::sleep(Duration::from_micros(200));
        }
        let left = roster.live();
        let report = (left > 0).then(|| StillRunning {
            goroutines: left,
            dump: dump::of(&roster),
        });
        self.shut_down();
        report.map_or(Ok(()), Err)
    }

    fn shut_down(&mut self) {
        let (Some(roster), Some(threads)) = (self.roster.take(), self.threads.take()) else {
            return;
        };
        launch::stop(&roster, threads, DROP_PATIENCE);
        // Leaked, tens of kilobytes: goroutines that are left may still be unparked by other threads. And a thread that has just unparked one, which then
        // ran to its end, may be on its way to wake the worker: nothing counts such threads.
        std::mem::forget(roster);
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// Goroutines that had not ended when [`Runtime::shutdown_timeout`] ran out of patience.
#[derive(Clone, Debug)]
pub struct StillRunning {
    goroutines: usize,
    dump: String,
}

impl StillRunning {
    /// How many.
    pub fn goroutines(&self) -> usize {
        self.goroutines
    }

    /// What they were doing; see [`dump`](crate::runtime::dump).
    pub fn dump(&self) -> &str {
        &self.dump
    }
}

impl fmt::Display for StillRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} goroutines were still there at shutdown:\n{}",
            self.goroutines, self.dump
        )
    }
}

impl error::Error for StillRunning {}
