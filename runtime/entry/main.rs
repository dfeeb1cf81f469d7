//! What `#[runtime::main]` and `#[runtime::test]` expand to, and the questions a program asks the
//! runtime it is in.

use crate::runtime::{
    config::{DeadlockPolicy, PanicPolicy},
    dump as dump_of,
    entry::{
        default::{self, with_scheduler},
        sigquit,
        system::{Builder, Runtime},
    },
    metrics::{self, Metrics},
    park::{self, WaitReason},
    prims::Ordering,
    sched::panicked,
    stack::SizeClass,
    task::cell::GoexitPayload,
};
use std::{
    io, panic,
    process::{ExitCode, Termination},
};

/// The options of the attributes. Its fields are private, and all that its methods set is safe to
/// set.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    workers: Option<usize>,
    homes: Option<usize>,
    stack_size: Option<usize>,
    max_blocking_threads: Option<usize>,
    panic: Option<PanicPolicy>,
    deadlock: Option<DeadlockPolicy>,
}

impl Options {
    #[doc(hidden)]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    #[doc(hidden)]
    #[must_use]
    pub fn workers(mut self, n: usize) -> Self {
        self.workers = Some(n);
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub fn homes(mut self, n: usize) -> Self {
        self.homes = Some(n);
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub fn max_blocking_threads(mut self, n: usize) -> Self {
        self.max_blocking_threads = Some(n);
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub fn panic(mut self, policy: PanicPolicy) -> Self {
        self.panic = Some(policy);
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub fn deadlock(mut self, policy: DeadlockPolicy) -> Self {
        self.deadlock = Some(policy);
        self
    }

    fn build(self) -> io::Result<Runtime> {
        let mut builder = Builder::new();
        if let Some(workers) = self.workers {
            builder = builder.workers(workers);
        }
        if let Some(homes) = self.homes {
            builder = builder.homes(homes);
        }
        if let Some(bytes) = self.stack_size {
            builder = builder.stack_size(bytes);
        }
        if let Some(n) = self.max_blocking_threads {
            builder = builder.max_blocking_threads(n);
        }
        if let Some(policy) = self.panic {
            builder = builder.panic(policy);
        }
        if let Some(policy) = self.deadlock {
            builder = builder.deadlock(policy);
        }
        builder.build()
    }
}

/// The main goroutine's stack: what main threads have.
const MAIN_STACK: usize = 8 << 20;

/// Runs `f` as the main goroutine. When it returns so does this, and the process ends, whatever
/// else still runs.
#[doc(hidden)]
#[track_caller]
pub fn main<R: Termination + 'static>(options: Options, f: fn() -> R) -> ExitCode {
    let runtime = match options.build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    default::offer(runtime.scheduler());
    sigquit::watch(runtime.scheduler());
    let ended = runtime.run_caught(|| f().report(), main_class(options));
    if let Err(payload) = &ended
        && payload.is::<GoexitPayload>()
    {
        outlive_main(&runtime);
    }
    std::mem::forget(runtime);
    // As a panicking main; the hook has told what it was.
    ended.unwrap_or(ExitCode::from(101))
}

/// Main called `goexit`: the others go on. When they have ended, or none can go on, the deadlock
/// detector ends the process.
fn outlive_main(runtime: &Runtime) -> ! {
    runtime.scheduler().orphan();
    loop {
        // Nobody has this thread's unparker.
        park::park(WaitReason::None);
    }
}

fn main_class(options: Options) -> SizeClass {
    let bytes = options.stack_size.unwrap_or(MAIN_STACK).max(MAIN_STACK);
    SizeClass::for_bytes(bytes).expect("checked when the runtime was built")
}

/// Runs `f` as a goroutine of a runtime of its own; its panic goes on in the caller.
#[doc(hidden)]
#[track_caller]
pub fn test<R: Termination + 'static>(options: Options, f: fn() -> R) -> ExitCode {
    let runtime = match options.build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("{error}"),
    };
    let scheduler = runtime.scheduler();
    scheduler.in_test.store(true, Ordering::Relaxed);
    let exits = options.deadlock == Some(DeadlockPolicy::Exit);
    scheduler.exits_test.store(exits, Ordering::Relaxed);
    let ended = runtime.run_caught(|| f().report(), main_class(options));
    let unseen = panicked::take_unseen(scheduler);
    match ended {
        Err(payload) => panic::resume_unwind(payload),
        Ok(code) if options.panic.is_none() => {
            assert_all_seen(&unseen);
            code
        }
        Ok(code) => code,
    }
}

/// Fails a test of which goroutines have panicked that nobody joined.
#[track_caller]
fn assert_all_seen(unseen: &[String]) {
    assert!(
        unseen.is_empty(),
        "panicked in this test, and nobody joined it (if that is meant, say \
         `#[gort::test(panic = \"isolate\")]`): {}",
        unseen.join("; ")
    );
}

/// How many goroutines of this runtime have been spawned and have not ended. Does not park.
///
/// # Examples
/// ```
/// let others = gort::go!(|| gort::runtime::num_goroutines() - 1);
/// assert_eq!(others.join().unwrap(), 0);
/// ```
#[doc(alias = "NumGoroutine")]
pub fn num_goroutines() -> usize {
    with_scheduler(|scheduler| scheduler.live())
}

/// How many workers this runtime has; from a plain thread, the default runtime. Does not park.
///
/// # Examples
/// ```
/// assert!(gort::runtime::workers() >= 1);
/// ```
#[doc(alias = "GOMAXPROCS")]
pub fn workers() -> usize {
    with_scheduler(|scheduler| scheduler.config.workers)
}

/// What this runtime has done so far. Does not park.
///
/// # Examples
/// ```
/// gort::go!(|| ()).join().unwrap();
/// assert!(gort::runtime::metrics().spawned >= 1);
/// ```
pub fn metrics() -> Metrics {
    with_scheduler(metrics::of)
}

/// What each goroutine of this runtime is doing, in a form close to Go's: id, state or wait reason
/// and for how long, name, home, spawn site, and the backtrace of its stack.
///
/// Goroutines that differ in id, name, home and time only stand together, above one backtrace. The
/// frames of the runtime are left out; the environment variable `RUST_BACKTRACE=full` shows them
/// all. A dump takes the backtraces of 200 goroutines, some of each kind. There are none in homes
/// that are busy in a goroutine which does not let others run, and none on targets whose context
/// switch is not gort's own (all but x86-64 and aarch64).
///
/// Does not park; blocks the thread until the workers have told what they know, at most 0.2 s for
/// those that are busy. The first dump of a process is slow, for it reads the program's debug
/// information. Under [`main`](macro@crate::runtime::main) the signal SIGQUIT (Ctrl-\ on a
/// terminal) prints the dump and ends the program with exit code 2.
///
/// # Examples
/// ```
/// let mailer = gort::Builder::new().name("mailer".into());
/// let handle = mailer.spawn(|| gort::runtime::dump())?;
/// // goroutine 18 [running] "mailer" in home 0, spawned at src/main.rs:12:21
/// //    0: gort::runtime::entry::dump
/// //              at ...
/// assert!(handle.join().unwrap().contains("[running] \"mailer\" in home"));
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "Stack")]
#[doc(alias = "SIGQUIT")]
pub fn dump() -> String {
    with_scheduler(dump_of::of)
}
