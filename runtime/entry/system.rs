//! `Runtime`: a set of workers with their goroutines; built, run, shut down.

use crate::runtime::{
    config::{DeadlockPolicy, PanicPolicy, Settings},
    dump,
    goroutine::{join::JoinHandle, spawn},
    metrics::{self, Metrics},
    park, plural,
    sched::{
        scheduler::{Clock, Scheduler},
        threads::launch::{self, Threads},
    },
    stack::SizeClass,
    start,
    stuck::{Stuck, StuckHook},
};
use std::{
    error, fmt, io,
    panic::{self, Location},
    thread,
    time::{Duration, Instant},
};

/// Settings for a [`Runtime`].
///
/// What is set here goes before the environment (`GORT_WORKERS`, `GORT_HOMES`, `GORT_STACK_SIZE`,
/// `GORT_MAX_BLOCKING_THREADS`, `GORT_DEADLOCK`), and that before the defaults.
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
    ///
    /// # Examples
    /// ```
    /// let runtime = gort::runtime::Builder::new().build()?;
    /// assert_eq!(runtime.run(|| 6 * 7), 42);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// How many worker threads, 1 to 1024. Default: the processors that this process may use.
    ///
    /// # Examples
    /// ```
    /// let runtime = gort::runtime::Builder::new().workers(3).build()?;
    /// assert_eq!(runtime.metrics().workers, 3);
    /// assert!(gort::runtime::Builder::new().workers(0).build().is_err());
    /// # std::io::Result::Ok(())
    /// ```
    #[doc(alias = "GOMAXPROCS")]
    #[must_use]
    pub fn workers(mut self, n: usize) -> Self {
        self.settings.workers = Some(n);
        self
    }

    /// How many thread identities, *homes*, the runtime keeps for its goroutines, 1 to 65536.
    /// Default: 8 for each worker.
    ///
    /// They are made on demand, and each costs about 30 KiB. A goroutine that blocks its thread, or
    /// computes for long, holds up those of its own home only: with more homes more goroutines go
    /// on beside it. While it does, the runtime may make one home more in place of that one. On
    /// systems where a thread's identity cannot be lent there is one home for each worker, whatever
    /// is set here; [`Metrics::identity`] tells. *Soundness* in the crate's docs has more on homes.
    ///
    /// # Examples
    /// ```
    /// let runtime = gort::runtime::Builder::new().workers(2).homes(32).build()?;
    /// assert_eq!(runtime.run(|| 6 * 7), 42);
    /// assert!(gort::runtime::Builder::new().homes(0).build().is_err());
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn homes(mut self, n: usize) -> Self {
        self.settings.homes = Some(n);
        self
    }

    /// Bytes of a goroutine's stack, at least. Default: 256 KiB, or 1 MiB with debug assertions.
    ///
    /// # Examples
    /// ```
    /// let runtime = gort::runtime::Builder::new().stack_size(8 << 20).build()?;
    /// let large = runtime.run(|| std::hint::black_box([1_u8; 1 << 20]).len());
    /// assert_eq!(large, 1 << 20);
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.settings.stack_size = Some(bytes);
        self
    }

    /// How many threads there may be for [`blocking`](crate::runtime::blocking), 1 to 65536.
    /// Default: 512.
    ///
    /// No more than that many calls run at a time; others wait, in order, until one ends. Threads
    /// are started as calls need them, and end after 10 s without one. If a call has waited for
    /// 1 s, a `tracing` event says so if somebody listens to those of target `gort`, else a line on
    /// the error stream.
    ///
    /// # Examples
    /// ```
    /// let runtime = gort::runtime::Builder::new().max_blocking_threads(2).build()?;
    /// runtime.run(|| {
    ///     gort::scope(|s| {
    ///         for _ in 0..9 {
    ///             s.spawn(|| gort::runtime::blocking(|| ()));
    ///         }
    ///     });
    /// });
    /// assert!(runtime.metrics().blocking_threads <= 2);
    /// assert!(gort::runtime::Builder::new().max_blocking_threads(0).build().is_err());
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn max_blocking_threads(mut self, n: usize) -> Self {
        self.settings.max_blocking_threads = Some(n);
        self
    }

    /// What a goroutine's panic does. Default: [`PanicPolicy::Isolate`].
    ///
    /// # Examples
    /// ```
    /// use gort::runtime::{Builder, PanicPolicy};
    ///
    /// // As in Go: a panic that nobody recovers from ends the process.
    /// let runtime = Builder::new().panic(PanicPolicy::Exit).build()?;
    /// assert_eq!(runtime.run(|| "no panic"), "no panic");
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn panic(mut self, policy: PanicPolicy) -> Self {
        self.settings.panic = Some(policy);
        self
    }

    /// What happens when all goroutines of the process wait for each other. Default:
    /// [`DeadlockPolicy::Exit`].
    ///
    /// # Examples
    /// ```
    /// use gort::runtime::{Builder, DeadlockPolicy};
    ///
    /// let runtime = Builder::new().deadlock(DeadlockPolicy::Off).build()?;
    /// assert_eq!(runtime.run(|| "no deadlock"), "no deadlock");
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn deadlock(mut self, policy: DeadlockPolicy) -> Self {
        self.settings.deadlock = Some(policy);
        self
    }

    /// What its threads are called. `NAME-0`, `NAME-1` and so on are the threads that goroutines
    /// know themselves by ([homes](Self::homes)); the OS threads that carry them are
    /// `NAME-worker-0` and so on. Default: `gort`.
    ///
    /// # Examples
    /// ```
    /// let runtime = gort::runtime::Builder::new().workers(1).thread_name("mail").build()?;
    /// let name = runtime.run(|| std::thread::current().name().map(str::to_owned));
    /// assert!(name.unwrap().starts_with("mail-"));
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.settings.thread_name = Some(name.into());
        self
    }

    /// What is called when a goroutine holds others up: when it has kept its thread for 100 ms
    /// while others wait for it, and again at 1 s and at 10 s.
    ///
    /// Default: a `tracing` event if somebody listens to those of target `gort`, else a line on the
    /// error stream.
    ///
    /// `f` runs on the thread that watches the runtime, so it must be short. It may not park: it
    /// is no goroutine, and what it waits for may need that thread. It may send into a
    /// channel with room. Its panics end there, with a message.
    ///
    /// # Examples
    /// ```
    /// let runtime = gort::runtime::Builder::new()
    ///     .on_stuck(|stuck| eprintln!("{stuck}"))
    ///     .build()?;
    /// assert_eq!(runtime.run(|| "not stuck"), "not stuck");
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn on_stuck(mut self, f: impl Fn(&Stuck) + Send + Sync + 'static) -> Self {
        self.settings.on_stuck = StuckHook::new(f);
        self
    }

    /// Starts the runtime's threads.
    ///
    /// # Errors
    /// `InvalidInput` for a bad setting or environment variable, with what is allowed; else what
    /// the system said when it refused a thread.
    ///
    /// # Examples
    /// ```
    /// let error = gort::runtime::Builder::new().workers(5000).build().unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    /// println!("{error}");
    /// ```
    pub fn build(self) -> io::Result<Runtime> {
        self.build_with(Clock::Real)
    }

    /// As `build`, with this clock. A runtime with a fake one tells of deadlocks itself.
    pub(crate) fn build_with(mut self, clock: Clock) -> io::Result<Runtime> {
        if clock.is_fake() {
            self.settings.deadlock = Some(DeadlockPolicy::Off);
        }
        let (scheduler, threads) = start::start(self.settings, clock)?;
        Ok(Runtime {
            scheduler,
            threads: Some(threads),
        })
    }
}

/// Worker threads and the goroutines on them.
///
/// A program may have several; they share nothing but stacks and cells that are out of use.
/// Dropping one shuts it down without waiting for its goroutines: those that have not started are
/// dropped, those that have are never resumed, and their stacks are never used again. What they
/// waited for in [`sync`](crate::sync)'s locks goes to others, in other runtimes or on threads;
/// what they hold (guards, permits) stays theirs.
///
/// # Examples
/// ```
/// use gort::runtime::Builder;
///
/// let (one, other) = (Builder::new().build()?, Builder::new().build()?);
/// let (tx, rx) = gort::sync::channel::bounded(0);
/// one.spawn(move || tx.send("hello").unwrap());
/// assert_eq!(other.run(|| rx.recv()), Ok("hello"));
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct Runtime {
    /// Never freed, tens of kilobytes at most: goroutines that are left may still be unparked by
    /// other threads. And a thread that has just unparked one, which then ran to its end, may be on
    /// its way to wake a worker: nothing counts such threads.
    scheduler: &'static Scheduler,
    /// Until it is shut down.
    threads: Option<Threads>,
}

/// How long dropping a runtime waits for goroutines that are on a CPU to let their workers end.
const DROP_PATIENCE: Duration = Duration::from_secs(1);

impl Runtime {
    pub(crate) fn scheduler(&self) -> &'static Scheduler {
        self.scheduler
    }

    /// Runs `f` as a goroutine of this runtime and returns what it returns. Parks the caller, be it
    /// a thread or a goroutine of another runtime.
    ///
    /// Other goroutines are not waited for.
    ///
    /// # Panics
    /// If `f` panics, with its payload. Under a [`forbid_yield`](crate::runtime::forbid_yield)
    /// guard.
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
        match self.run_caught(f, self.scheduler.default_class) {
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
        let handle = unsafe { spawn::spawn_outside(self.scheduler, f, None, class, site) };
        handle.join_raw()
    }

    /// Starts a goroutine on this runtime, from any thread. Does not park.
    ///
    /// # Examples
    /// ```
    /// let runtime = gort::runtime::Builder::new().build()?;
    /// let handle = runtime.spawn(|| 6 * 7);
    /// assert_eq!(handle.join().unwrap(), 42); // this thread waits
    /// # std::io::Result::Ok(())
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let site = Location::caller();
        let class = self.scheduler.default_class;
        // SAFETY: Send and 'static.
        unsafe { spawn::spawn_outside(self.scheduler, f, None, class, site) }
    }

    /// What the runtime has done so far.
    ///
    /// # Examples
    /// ```
    /// let runtime = gort::runtime::Builder::new().build()?;
    /// runtime.run(|| gort::go!(|| ()).join().unwrap());
    /// assert_eq!(runtime.metrics().spawned, 2);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        metrics::of(self.scheduler)
    }

    /// What each goroutine of this runtime is doing; see [`dump`](crate::runtime::dump).
    ///
    /// # Examples
    /// ```
    /// let runtime = gort::runtime::Builder::new().build()?;
    /// let (tx, rx) = gort::sync::channel::bounded::<()>(0);
    /// let waiting = runtime.spawn(move || rx.recv());
    /// assert!(runtime.dump().contains(&format!("goroutine {}", waiting.goroutine().id())));
    /// drop(tx);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn dump(&self) -> String {
        dump::of(self.scheduler)
    }

    /// Goroutines that have been spawned and have not ended.
    ///
    /// # Examples
    /// ```
    /// let runtime = gort::runtime::Builder::new().build()?;
    /// let (tx, rx) = gort::sync::channel::bounded::<()>(0);
    /// runtime.spawn(move || rx.recv());
    /// assert_eq!(runtime.num_goroutines(), 1);
    /// drop(tx);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn num_goroutines(&self) -> usize {
        self.scheduler.live()
    }

    /// Waits until all goroutines have ended, at most `patience`, then ends the runtime's threads.
    /// Blocks the calling thread.
    ///
    /// # Errors
    /// [`StillRunning`] if goroutines were left; they are given up as when a runtime is dropped. It
    /// lists them.
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
        let scheduler = self.scheduler;
        let until = Instant::now().checked_add(patience);
        while scheduler.live() > 0 && until.is_none_or(|until| Instant::now() < until) {
            thread::sleep(Duration::from_micros(200));
        }
        let left = scheduler.live();
        let report = (left > 0).then(|| StillRunning {
            goroutines: left,
            dump: dump::of(scheduler),
        });
        self.shut_down();
        report.map_or(Ok(()), Err)
    }

    fn shut_down(&mut self) {
        if let Some(threads) = self.threads.take() {
            launch::stop(self.scheduler, threads, DROP_PATIENCE);
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// Goroutines that had not ended when [`Runtime::shutdown_timeout`] ran out of patience.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// let runtime = gort::runtime::Builder::new().build()?;
/// let (_tx, rx) = gort::sync::channel::bounded::<()>(0);
/// runtime.spawn(move || rx.recv()); // nobody sends
/// let left = runtime.shutdown_timeout(Duration::from_millis(5)).unwrap_err();
/// assert_eq!(left.goroutines(), 1);
/// eprintln!("{left}");
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct StillRunning {
    goroutines: usize,
    dump: String,
}

impl StillRunning {
    /// How many.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = gort::runtime::Builder::new().build()?;
    /// for _ in 0..3 {
    ///     runtime.spawn(|| gort::sleep(Duration::MAX));
    /// }
    /// let left = runtime.shutdown_timeout(Duration::ZERO).unwrap_err();
    /// assert_eq!(left.goroutines(), 3);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn goroutines(&self) -> usize {
        self.goroutines
    }

    /// What they were doing; see [`dump`](crate::runtime::dump).
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let runtime = gort::runtime::Builder::new().build()?;
    /// runtime.spawn(|| gort::sleep(Duration::MAX));
    /// let left = runtime.shutdown_timeout(Duration::ZERO).unwrap_err();
    /// assert!(left.dump().contains("goroutine"));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn dump(&self) -> &str {
        &self.dump
    }
}

impl fmt::Display for StillRunning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} still there at shutdown:\n{}",
            plural::count_with(self.goroutines, "goroutine", ["was", "were"]),
            self.dump
        )
    }
}

impl error::Error for StillRunning {}
