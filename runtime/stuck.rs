//! Goroutines that hold others up: what is told of one, and to whom.

use crate::runtime::{goroutine_id::GoroutineId, os::stderr};
use std::{
    fmt, mem,
    panic::{self, AssertUnwindSafe, Location},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// What makes a goroutine hold others up, most often.
const USUAL_CAUSES: &str = "usual causes: a std or parking_lot lock that a parked goroutine holds, \
     a blocking call outside gort::runtime::blocking, a long computation without gort::runtime::yield_if_due";

/// A goroutine that keeps its thread from others: it computes for long, or blocks the thread itself
/// instead of parking.
///
/// The runtime tells of one that others have waited for during 100 ms, and again after 1 s and 10
/// s: to the function given to [`Builder::on_stuck`](crate::runtime::Builder::on_stuck), or else as
/// a `tracing` event, or else on the error stream, at most ten of them in a second. Its text, by
/// [`Display`](fmt::Display), is that line.
///
/// # Examples
/// ```
/// use gort::runtime::{Builder, Stuck};
/// use std::{sync::mpsc, time::Duration};
///
/// let (tell, told) = mpsc::channel();
/// let runtime = Builder::new()
///     .workers(1)
///     .homes(1)
///     .on_stuck(move |stuck: &Stuck| drop(tell.send(stuck.clone())))
///     .build()?;
/// let stuck = runtime.run(move || {
///     let waiting = gort::go!(|| gort::sleep(Duration::from_millis(1)));
///     gort::yield_now(); // the other one starts, and sleeps
///     let stuck = told.recv().unwrap(); // blocks the thread until the runtime tells
///     waiting.join().unwrap();
///     stuck
/// });
/// println!("{stuck}");
/// assert!(stuck.waiting() >= 1 && stuck.ran_for() >= Duration::from_millis(100));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stuck {
    pub(crate) goroutine: GoroutineId,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) site: Option<&'static Location<'static>>,
    pub(crate) ran_for: Duration,
    pub(crate) waiting: usize,
    /// As the participle that the line continues with, or `None` where nobody can tell.
    pub(crate) doing: Option<String>,
}

impl Stuck {
    /// Which goroutine.
    ///
    /// # Examples
    /// ```
    /// let builder = gort::runtime::Builder::new();
    /// let builder = builder.on_stuck(|stuck| eprintln!("look at {}", stuck.goroutine()));
    /// assert!(builder.build().is_ok());
    /// ```
    pub fn goroutine(&self) -> GoroutineId {
        self.goroutine
    }

    /// Its name, if it has one.
    ///
    /// # Examples
    /// ```
    /// let builder = gort::runtime::Builder::new();
    /// let builder = builder.on_stuck(|stuck| eprintln!("{}", stuck.name().unwrap_or("no name")));
    /// assert!(builder.build().is_ok());
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Where it was spawned.
    ///
    /// # Examples
    /// ```
    /// let builder = gort::runtime::Builder::new();
    /// let builder = builder.on_stuck(|stuck| {
    ///     if let Some(site) = stuck.site() {
    ///         eprintln!("spawned in {}, line {}", site.file(), site.line());
    ///     }
    /// });
    /// assert!(builder.build().is_ok());
    /// ```
    pub fn site(&self) -> Option<&'static Location<'static>> {
        self.site
    }

    /// How long it has run without letting others run, at least.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = gort::runtime::Builder::new();
    /// let builder = builder.on_stuck(|stuck| {
    ///     if stuck.ran_for() >= Duration::from_secs(10) {
    ///         std::process::abort();
    ///     }
    /// });
    /// assert!(builder.build().is_ok());
    /// ```
    pub fn ran_for(&self) -> Duration {
        self.ran_for
    }

    /// How many wait for it, at least: goroutines that could run, timers that are due, goroutines
    /// that have not started and find no worker.
    ///
    /// # Examples
    /// ```
    /// let builder = gort::runtime::Builder::new();
    /// let builder = builder.on_stuck(|stuck| eprintln!("{} wait", stuck.waiting()));
    /// assert!(builder.build().is_ok());
    /// ```
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// What its thread does, as far as the system tells: `"computing"`, `"in the system call
    /// futex"`, ...; `"running"` where the system does not tell.
    ///
    /// # Examples
    /// ```
    /// let builder = gort::runtime::Builder::new();
    /// let builder = builder.on_stuck(|stuck| eprintln!("it is {}", stuck.doing()));
    /// assert!(builder.build().is_ok());
    /// ```
    pub fn doing(&self) -> &str {
        self.doing.as_deref().unwrap_or("running")
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "goroutine {}", self.goroutine)?;
        if let Some(name) = &self.name {
            write!(f, " {name:?}")?;
        }
        if let Some(site) = self.site {
            write!(f, ", spawned at {site},")?;
        }
        let waiting = match self.waiting {
            1 => "1 other waits".to_owned(),
            n => format!("{n} others wait"),
        };
        write!(
            f,
            " has kept its thread for {} ms while at least {waiting}; it is {}. {USUAL_CAUSES}",
            self.ran_for.as_millis(),
            self.doing(),
        )
    }
}

/// The type of the functions given to `on_stuck`.
type Function = dyn Fn(&Stuck) + Send + Sync;

/// Whom to tell: a function of the program's, or whoever listens.
#[derive(Clone, Default)]
pub(crate) struct StuckHook(Option<Arc<Function>>);

impl StuckHook {
    pub(crate) fn new(function: impl Fn(&Stuck) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(function)))
    }

    /// Tells of a goroutine. Does not unwind.
    pub(crate) fn report(&self, stuck: &Stuck) {
        let tell = || match &self.0 {
            Some(function) => function(stuck),
            None => tell_whoever_listens(stuck),
        };
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(tell)) {
            // Its destructor may panic, too.
            mem::forget(payload);
            stderr::say(&format!(
                "gort: what was told of a stuck goroutine panicked: {stuck}\n"
            ));
        }
    }
}

impl PartialEq for StuckHook {
    /// Whether the same function is called.
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for StuckHook {}

impl fmt::Debug for StuckHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "StuckHook(function)"
        } else {
            "StuckHook(default)"
        })
    }
}

/// A `tracing` event if somebody listens, else a line on the error stream.
fn tell_whoever_listens(stuck: &Stuck) {
    if !tracing::enabled!(target: "gort", tracing::Level::WARN) {
        let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
        match lines.next(Instant::now()) {
            Say::Line => stderr::say(&format!("gort: {stuck}\n")),
            Say::LastLine => stderr::say(&format!(
                "gort: {stuck}\ngort: more goroutines do so; of those that are found in this second \
                 nothing is said\n"
            )),
            Say::Nothing => {}
        }
        return;
    }
    tracing::warn!(
        target: "gort",
        goroutine = stuck.goroutine.as_u64(),
        name = stuck.name(),
        site = stuck.site.map(tracing::field::display),
        stuck_for_ms = u64::try_from(stuck.ran_for.as_millis()).unwrap_or(u64::MAX),
        waiting = stuck.waiting,
        doing = stuck.doing(),
        "a goroutine keeps its thread from others; {USUAL_CAUSES}",
    );
}

/// The most lines on the error stream in a second: a hundred goroutines that block their threads at
/// once most often do so at the same place (guess).
const MOST_LINES: u32 = 10;

static LINES: Mutex<Lines> = Mutex::new(Lines::new());

/// How many lines were printed in the current second.
#[derive(Debug)]
struct Lines {
    /// When the first of them was.
    since: Option<Instant>,
    said: u32,
}

/// What to say of one more goroutine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Say {
    Line,
    /// Its line, and that it is the last one for now.
    LastLine,
    Nothing,
}

impl Lines {
    const fn new() -> Self {
        Self {
            since: None,
            said: 0,
        }
    }

    fn next(&mut self, now: Instant) -> Say {
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) >= Duration::from_secs(1) {
            *self = Self {
                since: Some(now),
                said: 0,
            };
        }
        self.said = self.said.saturating_add(1);
        match self.said {
            ..MOST_LINES => Say::Line,
            MOST_LINES => Say::LastLine,
            _ => Say::Nothing,
        }
    }
}

#[cfg(test)]
mod tests;
