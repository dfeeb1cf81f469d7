//! What `#[runtime::main]` and `#[runtime::test]` expand to, and the questions a program asks the runtime it is in.

use crate::runtime::{
    config::{DeadlockPolicy, PanicPolicy},
    default::{self, with_roster},
    dump as dump_of,
    metrics::{self, Metrics},
    quit,
    sched::roster::Roster,
    stack::SizeClass,
    system::{Builder, Runtime},
    task::cell::GoexitPayload,
};
use std::{
    fs, io, panic,
    process::{ExitCode, Termination},
    thread,
    time::{Duration, Instant},
};

/// The options of the attributes.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub workers: Option<usize>,
    pub stack_size: Option<usize>,
    pub panic: Option<PanicPolicy>,
    pub deadlock: Option<DeadlockPolicy>,
    pub migrate: bool,
}

impl Options {
    /// # Safety
    /// As [`Builder::allow_migration`].
    #[doc(hidden)]
    #[must_use]
    pub unsafe fn allow_migration(mut self) -> Self {
        self.migrate = true;
        self
    }

    fn build(self) -> io::Result<Runtime> {
        let mut builder = Builder::new();
        if let Some(workers) = self.workers {
            builder = builder.workers(workers);
        }
        if let Some(bytes) = self.stack_size {
            builder = builder.stack_size(bytes);
        }
        if let Some(policy) = self.panic {
            builder = builder.panic(policy);
        }
        if let Some(policy) = self.deadlock {
            builder = builder.deadlock(policy);
        }
        if self.migrate {
            // SAFETY: only `Options::allow_migration`, which has this contract, sets the field.
            builder = unsafe { builder.allow_migration(true) };
        }
        builder.build()
    }
}

/// The main goroutine's stack: what main threads have.
const MAIN_STACK: usize = 8 << 20;

/// Runs `f` as the main goroutine. When it returns so does this, and the process ends, whatever else still runs.
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
    default::offer(runtime.share_roster());
    quit::watch(&runtime.share_roster());
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

/// How long nothing may happen after main's `goexit` until that counts as a deadlock (guess: a thread that was just woken has run by then).
const QUIET: Duration = Duration::from_millis(100);

/// Main called `goexit`: the others go on, and when they have ended, or none can go on, there is nobody left to end the program.
fn outlive_main(runtime: &Runtime) {
    let roster = runtime.share_roster();
    let mut watches = roster.config.deadlock != DeadlockPolicy::Off;
    let mut quiet = (Instant::now(), roster.life_events());
    while roster.live() > 0 {
        thread::sleep(Duration::from_millis(1));
        let events = roster.life_events();
        if events != quiet.1 || !roster.is_at_rest() {
            quiet = (Instant::now(), events);
        } else if watches && quiet.0.elapsed() > QUIET {
            quiet.0 = Instant::now();
            if only_threads_of(&roster) {
                eprint!("{DEADLOCK}\n\n{}", dump_of::of(&roster));
                if roster.config.deadlock == DeadlockPolicy::Exit {
                    std::process::exit(2);
                }
                watches = false;
            }
        }
    }
    eprintln!("{DEADLOCK}");
    std::process::exit(2);
}

const DEADLOCK: &str = "fatal error: no goroutines (main called goexit) - deadlock!";

/// Whether this process has no thread that could wake a goroutine, beside those of this runtime and the caller. Nor counts the first thread, which
/// is the caller, or in a test's harness waits for it. Where nobody can tell: false.
fn only_threads_of(roster: &Roster) -> bool {
    let count = || {
        let caller = fs::read_link("/proc/thread-self")?;
        let first = fs::read_link("/proc/self")?;
        let known = [caller.file_name(), first.file_name()];
        let others = fs::read_dir("/proc/self/task")?
            .flatten()
            .filter(|entry| !known.contains(&Some(&entry.file_name())));
        io::Result::Ok(others.count())
    };
    count().is_ok_and(|others| others <= roster.threads())
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
    match runtime.run_caught(|| f().report(), main_class(options)) {
        Ok(code) => code,
        Err(payload) => panic::resume_unwind(payload),
    }
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
    with_roster(|roster| roster.live())
}

/// How many workers this runtime has; from a plain thread, the default runtime. Does not park.
///
/// # Examples
/// ```
/// assert!(gort::runtime::workers() >= 1);
/// ```
#[doc(alias = "GOMAXPROCS")]
pub fn workers() -> usize {
    with_roster(|roster| roster.config.workers)
}

/// What this runtime has done so far. Does not park.
///
/// # Examples
/// ```
/// gort::go!(|| ()).join().unwrap();
/// assert!(gort::runtime::metrics().spawned >= 1);
/// ```
pub fn metrics() -> Metrics {
    with_roster(metrics::of)
}

/// What each goroutine of this runtime is doing, in a form close to Go's: id, state or wait reason and for how long, name, worker, spawn site, and the backtrace of
/// its stack.
///
/// Goroutines that differ in id, name, worker and time only stand together, above one backtrace. The frames of the runtime are left out; the environment variable
/// `RUST_BACKTRACE=full` shows them all. A dump takes the backtraces of 200 goroutines, some of each kind. There are none on workers that are busy in a goroutine which
/// does not let others run, none with `allow_migration`, and none on targets whose context switch is not gort's own (all but x86-64 and aarch64).
///
/// Does not park; blocks the thread until the workers have told what they know, at most 0.2 s for those that are busy. The first dump of a process is slow, for it reads
/// the program's debug information. Under [`main`](macro@crate::runtime::main) the signal SIGQUIT (Ctrl-\ on a terminal) prints the dump and ends the program
/// with exit code 2.
///
/// # Examples
/// ```
/// let mailer = gort::Builder::new().name("mailer".into());
/// let handle = mailer.spawn(|| gort::runtime::dump())?;
/// // goroutine 18 [running] "mailer" on worker 0, spawned at src/main.rs:12:21
/// //    0: gort::runtime::entry::dump
/// //              at ...
/// assert!(handle.join().unwrap().contains("[running] \"mailer\" on worker"));
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "Stack")]
#[doc(alias = "SIGQUIT")]
pub fn dump() -> String {
    with_roster(dump_of::of)
}
