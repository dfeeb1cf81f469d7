//! What a runtime is made of: explicit settings over the environment over defaults, checked.
//!
//! | setting | method | environment | otherwise |
//! |---|---|---|---|
//! | worker threads | `workers` | `GORT_WORKERS`, a number | the CPUs that this process may use (affinity and cgroup quota count) |
//! | thread identities that goroutines live in | `homes` | `GORT_HOMES`, a number | 8 a worker |
//! | bytes of a goroutine's stack | `stack_size` | `GORT_STACK_SIZE`, a number, `64k`, `1M` | 256 KiB; 1 MiB with debug assertions |
//! | threads for blocking calls, at most | `max_blocking_threads` | `GORT_MAX_BLOCKING_THREADS`, a number | 512 |
//! | on a deadlock | `deadlock` | `GORT_DEADLOCK`: `exit`, `warn`, `off` | exit |
//! | on a panic | `panic` | | isolate |
//! | told of stuck goroutines | `on_stuck` | | `tracing`, or the error stream |
//! | names of workers | `thread_name` | | `gort` |
//!
//! What the program sets explicitly wins over the environment, as in tokio and rayon: a program
//! that asks for one worker means it. The variable of such a setting is not looked at, so it cannot
//! be in error either. An empty variable counts as unset.
#![forbid(unsafe_code)]

use crate::runtime::{stack, stuck::StuckHook};
use std::{
    error::Error,
    ffi::{OsStr, OsString},
    fmt, io,
};

/// The most workers a runtime can have.
pub(crate) const MAX_WORKERS: usize = 1024;
/// The most homes a runtime can have.
pub(crate) const MAX_HOMES: usize = 65_536;
/// The most threads for blocking calls that a runtime can be allowed.
pub(crate) const MAX_BLOCKING_THREADS: usize = 65_536;
/// How many threads for blocking calls there may be, if nobody says otherwise: tokio's number.
pub(crate) const DEFAULT_BLOCKING_THREADS: usize = 512;
/// Homes a worker, if nobody says otherwise.
const HOMES_A_WORKER: usize = 8;
const _: () = assert!(MAX_WORKERS * HOMES_A_WORKER <= MAX_HOMES);
/// The smallest stack: enough to start a goroutine and to report its panic.
pub(crate) const MIN_STACK_SIZE: usize = 16 << 10;
/// The largest stack.
pub(crate) const MAX_STACK_SIZE: usize = 1 << 30;
/// The stack of a goroutine if nobody says otherwise. Unoptimised code needs several times the
/// stack of optimised code.
pub(crate) const DEFAULT_STACK_SIZE: usize = stack::DEFAULT_BYTES;

/// The variable that sets the number of workers.
const WORKERS_VARIABLE: &str = "GORT_WORKERS";
/// The variable that sets the number of homes.
const HOMES_VARIABLE: &str = "GORT_HOMES";
/// The variable that sets how many threads for blocking calls there may be.
const BLOCKING_THREADS_VARIABLE: &str = "GORT_MAX_BLOCKING_THREADS";
/// The variable that sets the size of stacks.
const STACK_SIZE_VARIABLE: &str = "GORT_STACK_SIZE";
/// The variable that sets what happens on a deadlock.
const DEADLOCK_VARIABLE: &str = "GORT_DEADLOCK";

/// What happens when a goroutine panics.
///
/// Either way std's panic hook prints the message, and when the goroutine has been unwound a line
/// says which one it was: `goroutine 12 "worker", spawned at src/main.rs:10:5, panicked`. So that
/// it knows of panics the first runtime puts a hook of its own before the one that it finds, which
/// goes on to be called. A program that sets another hook later gets no such line: its hook can ask
/// [`try_current`](crate::runtime::try_current) who panics.
///
/// # Examples
/// ```
/// use gort::runtime::{Builder, PanicPolicy};
///
/// let runtime = Builder::new().panic(PanicPolicy::Isolate).build()?;
/// let failed = runtime.spawn(|| panic!("alone"));
/// assert!(runtime.run(|| failed.join()).is_err()); // and the program goes on
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PanicPolicy {
    /// Only that goroutine ends, and whoever joins it gets the panic, as with [`std::thread`].
    #[default]
    Isolate,
    /// The process prints the panic and exits with status 2, as in Go.
    Exit,
}

/// What happens when all goroutines of the process wait, and nothing can ever wake one.
///
/// That is: no goroutine of any runtime can run, no timer is set, no blocking call is under way,
/// and the process has no other thread, or only such as wait for goroutines, too. While there are
/// other threads, nobody can tell whether one of them will wake somebody: then the process goes on
/// whatever the policy, and after 3 s a `tracing` event says so, once, if a thread waits for a
/// goroutine. Nor can anybody tell where Linux's `/proc` is missing.
///
/// A call under [`blocking`](crate::runtime::blocking) counts as something that will end and let
/// its goroutine go on: while one runs, or waits for a thread because
/// [`max_blocking_threads`](crate::runtime::Builder::max_blocking_threads) run already, nothing is
/// called a deadlock, whatever the calls wait for. Of calls that wait for a thread for 1 s a
/// warning tells.
///
/// A deadlock of some goroutines while others can run is not noticed, as in Go.
///
/// # Examples
/// ```
/// use gort::runtime::{Builder, DeadlockPolicy};
///
/// // A library's tests may want to see the dump and go on.
/// let runtime = Builder::new().deadlock(DeadlockPolicy::Warn).build()?;
/// assert_eq!(runtime.run(|| 6 * 7), 42);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeadlockPolicy {
    /// The process prints `fatal error: all goroutines are asleep - deadlock!` and a dump of all
    /// goroutines, and exits with status 2, as in Go.
    #[default]
    Exit,
    /// That is printed once, and the process waits on. Also, with other threads there, instead of
    /// the `tracing` event.
    Warn,
    /// Nobody looks. Speaks for all runtimes of the process, as long as this one has goroutines.
    Off,
}

/// What the program asks for; `None` leaves the choice to the environment and the defaults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// How many worker threads.
    pub(crate) workers: Option<usize>,
    /// How many homes.
    pub(crate) homes: Option<usize>,
    /// Bytes of a goroutine's stack.
    pub(crate) stack_size: Option<usize>,
    /// How many threads for blocking calls.
    pub(crate) max_blocking_threads: Option<usize>,
    /// What a goroutine's panic does.
    pub(crate) panic: Option<PanicPolicy>,
    /// What a deadlock does.
    pub(crate) deadlock: Option<DeadlockPolicy>,
    /// What worker threads are called.
    pub(crate) thread_name: Option<String>,
    /// Who is told of goroutines that hold others up.
    pub(crate) on_stuck: StuckHook,
}

/// The settings of a runtime, complete and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// How many worker threads: 1 to [`MAX_WORKERS`].
    pub(crate) workers: usize,
    /// How many homes there may be, where they are lent: 1 to [`MAX_HOMES`].
    pub(crate) homes: usize,
    /// Bytes of a goroutine's stack: [`MIN_STACK_SIZE`] to [`MAX_STACK_SIZE`], not rounded to
    /// pages.
    pub(crate) stack_size: usize,
    /// How many threads for blocking calls there may be: 1 to [`MAX_BLOCKING_THREADS`].
    pub(crate) max_blocking_threads: usize,
    /// What a goroutine's panic does.
    pub(crate) panic: PanicPolicy,
    /// What a deadlock does.
    pub(crate) deadlock: DeadlockPolicy,
    /// What worker threads are called: not empty, and without NUL.
    pub(crate) thread_name: String,
    /// Who is told of goroutines that hold others up.
    pub(crate) on_stuck: StuckHook,
}

/// A value that cannot be used: where it comes from, what it is, and what would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConfigError {
    /// The variable or the call, with the value.
    given: String,
    /// What is allowed, as the end of a sentence that begins with "it must be".
    allowed: String,
}

/// Looks a variable up: [`process_environment`], or a test's own.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The environment of this process.
pub(crate) fn process_environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

impl Settings {
    /// Fills in what is not set.
    ///
    /// # Errors
    /// The first bad value, be it the program's or the environment's.
    pub(crate) fn resolve(self, environment: Environment<'_>) -> Result<Config, ConfigError> {
        let workers = resolve_count(&WORKERS, self.workers, environment)?
            .unwrap_or_else(|| num_cpus::get().clamp(1, MAX_WORKERS));
        let homes = resolve_count(&HOMES, self.homes, environment)?;
        let blocking = resolve_count(&BLOCKING_THREADS, self.max_blocking_threads, environment)?;
        Ok(Config {
            workers,
            homes: homes.unwrap_or(HOMES_A_WORKER * workers),
            stack_size: resolve_stack_size(self.stack_size, environment)?,
            max_blocking_threads: blocking.unwrap_or(DEFAULT_BLOCKING_THREADS),
            panic: self.panic.unwrap_or_default(),
            deadlock: resolve_deadlock(self.deadlock, environment)?,
            thread_name: resolve_thread_name(self.thread_name)?,
            on_stuck: self.on_stuck,
        })
    }
}

/// A setting that is a number of things: where it comes from, and how many there may be.
struct Count {
    method: &'static str,
    variable: &'static str,
    most: usize,
}

const WORKERS: Count = Count {
    method: "workers",
    variable: WORKERS_VARIABLE,
    most: MAX_WORKERS,
};

const HOMES: Count = Count {
    method: "homes",
    variable: HOMES_VARIABLE,
    most: MAX_HOMES,
};

const BLOCKING_THREADS: Count = Count {
    method: "max_blocking_threads",
    variable: BLOCKING_THREADS_VARIABLE,
    most: MAX_BLOCKING_THREADS,
};

/// A number of things, by [`Settings::resolve`]'s rules; `None` if nobody has set it.
fn resolve_count(
    count: &Count,
    asked: Option<usize>,
    environment: Environment<'_>,
) -> Result<Option<usize>, ConfigError> {
    let fits = |n: &usize| (1..=count.most).contains(n);
    let allowed = format!("a whole number from 1 to {}", count.most);
    if let Some(n) = asked {
        let checked = Some(n).filter(fits);
        return checked
            .map(Some)
            .ok_or_else(|| ConfigError::method(count.method, n, allowed));
    }
    let Some(text) = variable(count.variable, environment) else {
        return Ok(None);
    };
    let number = text.to_str().and_then(parse_whole).filter(fits);
    number
        .map(Some)
        .ok_or_else(|| ConfigError::variable(count.variable, &text, allowed))
}

/// The size of stacks, by [`Settings::resolve`]'s rules.
fn resolve_stack_size(
    asked: Option<usize>,
    environment: Environment<'_>,
) -> Result<usize, ConfigError> {
    if let Some(bytes) = asked {
        return check_stack_size(bytes);
    }
    let Some(text) = variable(STACK_SIZE_VARIABLE, environment) else {
        return Ok(DEFAULT_STACK_SIZE);
    };
    let bytes = text.to_str().and_then(parse_size).filter(is_stack_size);
    bytes.ok_or_else(|| {
        let allowed = format!("{}, such as 262144, 256k or 1M", allowed_stack_size());
        ConfigError::variable(STACK_SIZE_VARIABLE, &text, allowed)
    })
}

/// What happens on a deadlock, by [`Settings::resolve`]'s rules.
fn resolve_deadlock(
    asked: Option<DeadlockPolicy>,
    environment: Environment<'_>,
) -> Result<DeadlockPolicy, ConfigError> {
    if let Some(policy) = asked {
        return Ok(policy);
    }
    let Some(text) = variable(DEADLOCK_VARIABLE, environment) else {
        return Ok(DeadlockPolicy::default());
    };
    match text.to_str() {
        Some("exit") => Ok(DeadlockPolicy::Exit),
        Some("warn") => Ok(DeadlockPolicy::Warn),
        Some("off") => Ok(DeadlockPolicy::Off),
        _ => Err(ConfigError::variable(
            DEADLOCK_VARIABLE,
            &text,
            "exit, warn or off".to_owned(),
        )),
    }
}

/// What worker threads are called, by [`Settings::resolve`]'s rules.
fn resolve_thread_name(asked: Option<String>) -> Result<String, ConfigError> {
    let name = asked.unwrap_or_else(|| "gort".to_owned());
    if name.is_empty() || name.contains('\0') {
        let allowed = "a name of at least one character, without NUL".to_owned();
        return Err(ConfigError::method(
            "thread_name",
            format_args!("{name:?}"),
            allowed,
        ));
    }
    Ok(name)
}

/// Checks a stack size given to a method `stack_size`: of the runtime, or of one goroutine.
///
/// # Errors
/// If it is too small or too large.
pub(crate) fn check_stack_size(bytes: usize) -> Result<usize, ConfigError> {
    let checked = Some(bytes).filter(is_stack_size);
    checked.ok_or_else(|| ConfigError::method("stack_size", bytes, allowed_stack_size()))
}

/// Whether a stack may have this many bytes.
fn is_stack_size(bytes: &usize) -> bool {
    (MIN_STACK_SIZE..=MAX_STACK_SIZE).contains(bytes)
}

/// Which stack sizes are allowed, in words.
fn allowed_stack_size() -> String {
    format!(
        "a number of bytes from {}k to {}M",
        MIN_STACK_SIZE >> 10,
        MAX_STACK_SIZE >> 20
    )
}

/// A variable's value, if it has one that is not empty.
fn variable(name: &str, environment: Environment<'_>) -> Option<OsString> {
    environment(name).filter(|value| !value.is_empty())
}

/// A whole number in decimal digits, without sign.
fn parse_whole(text: &str) -> Option<usize> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}

/// A number of bytes, KiB (`k`, `K`) or MiB (`m`, `M`).
fn parse_size(text: &str) -> Option<usize> {
    let (number, unit) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1 << 10),
        b'm' | b'M' => (&text[..text.len() - 1], 1 << 20),
        _ => (text, 1),
    };
    parse_whole(number)?.checked_mul(unit)
}

impl ConfigError {
    /// The value of an environment variable.
    fn variable(name: &str, value: &OsStr, allowed: String) -> Self {
        Self {
            given: format!("{name}={value:?}"),
            allowed,
        }
    }

    /// The argument of a method.
    fn method(name: &str, argument: impl fmt::Display, allowed: String) -> Self {
        Self {
            given: format!("{name}({argument})"),
            allowed,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: it must be {}", self.given, self.allowed)
    }
}

impl Error for ConfigError {}

impl From<ConfigError> for io::Error {
    fn from(error: ConfigError) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}

#[cfg(test)]
mod tests;
