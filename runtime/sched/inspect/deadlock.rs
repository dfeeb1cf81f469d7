//! The deadlock detector: the monitors look, when all their workers sleep, whether anybody in this
//! process can ever run again (protocol K).
//!
//! | seen, twice and unchanged for so long | done |
//! |---|---|
//! | no goroutine can run, no other thread is there (in a test with the option `deadlock = "exit"`: none but the one that waits for tests): 100 ms | Go's line and the dump of all goroutines; the process exits with 2 (`warn`: it goes on) |
//! | no goroutine can run, a thread waits for one, and others are there: 3 s | a `tracing` warning, once; with the policy `warn` and in tests the dump |
//! | nobody waits for a goroutine | nothing: they are idle |
//!
//! A runtime with the policy `off` and goroutines in it silences all: what wakes its goroutines is
//! not known.

use crate::runtime::{
    config::DeadlockPolicy,
    contain::contain,
    os::{os_threads, stderr::say},
    prims::{Ordering, statics::AtomicBool},
    sched::{
        inspect::quiescence::{self, Snapshot},
        scheduler::Scheduler,
    },
};
use std::{
    fmt::Write as _,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Tells what the goroutines of a runtime do.
pub(crate) type Describe = fn(&'static Scheduler) -> String;

/// How long nothing may happen until that counts as a deadlock (guess: a thread that was just woken
/// has run by then).
const QUIET: Duration = Duration::from_millis(100);
/// How long nothing may happen until people are told, if other threads are there (guess: long
/// against what tests and services wait for).
const LONG_QUIET: Duration = Duration::from_secs(3);
/// The first and the longest time between two looks at a process in which nothing happens, but for
/// threads that are not ours.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Snapshots in a row that may differ before the detector pauses.
const TRIES: u32 = 5;

const ASLEEP: &str = "fatal error: all goroutines are asleep - deadlock!";
const NONE_LEFT: &str = "fatal error: no goroutines (main called goexit) - deadlock!";

/// What was reported last, so that it is reported once: how often goroutines have begun, parked or
/// ended, and which threads wait. Not the workers' turns: a dump may wake them.
static REPORTED: Mutex<Option<Reported>> = Mutex::new(None);
type Reported = (u64, Vec<(u32, u64)>);
/// Whether the warning about other threads has been given.
static WARNED: AtomicBool = AtomicBool::new(false);

/// What a monitor remembers between two looks.
#[derive(Debug)]
pub(crate) struct Detector {
    describe: Describe,
    /// The first of the snapshots that are equal, and its time.
    still: Option<(Instant, Snapshot)>,
    tries: u32,
    has_looked: bool,
    pause: Duration,
}

/// What the monitor does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum NextLook {
    /// One more round.
    Round,
    /// It may rest for this long.
    Rest(Duration),
}

impl Detector {
    pub(crate) fn new(describe: Describe) -> Self {
        Self {
            describe,
            still: None,
            tries: 0,
            has_looked: false,
            pause: PAUSE.0,
        }
    }

    /// A worker is awake.
    pub(crate) fn interrupt(&mut self) {
        self.still = None;
        self.tries = 0;
        self.has_looked = false;
        self.pause = PAUSE.0;
    }

    /// The monitor has rested, and all may have changed without a worker of its own.
    pub(crate) fn rested(&mut self) {
        self.tries = 0;
        self.has_looked = false;
    }

    /// One look; all workers of `scheduler` sleep.
    pub(crate) fn look(&mut self, scheduler: &'static Scheduler) -> NextLook {
        if scheduler.orphaned.load(Ordering::Relaxed) && scheduler.live() == 0 {
            end(NONE_LEFT, "");
        }
        if !self.has_looked && self.step() == NextLook::Round {
            return NextLook::Round;
        }
        if !self.has_looked {
            self.has_looked = true;
            self.pause = (self.pause * 2).min(PAUSE.1);
        }
        NextLook::Rest(self.pause)
    }

    fn step(&mut self) -> NextLook {
        if self
            .still
            .as_ref()
            .is_some_and(|(since, _)| since.elapsed() < QUIET)
        {
            return NextLook::Round;
        }
        let Some(snapshot) = Snapshot::take() else {
            self.still = None;
            return NextLook::Rest(self.pause);
        };
        match &self.still {
            Some((since, before)) if *before == snapshot => {
                let quiet = since.elapsed();
                self.judge(&snapshot, quiet);
            }
            _ if self.tries < TRIES => {
                self.tries += 1;
                self.still = Some((Instant::now(), snapshot));
                return NextLook::Round;
            }
            _ => self.still = None,
        }
        NextLook::Rest(self.pause)
    }

    fn judge(&self, snapshot: &Snapshot, quiet: Duration) {
        let schedulers = quiescence::schedulers();
        let mut stuck: Vec<_> = schedulers
            .iter()
            .copied()
            .filter(|r| r.live() > 0)
            .collect();
        if stuck.is_empty() && !snapshot.waiting.is_empty() {
            // Threads wait for goroutines that have ended, or never were.
            stuck.extend(&schedulers);
        }
        let has = |policy| stuck.iter().any(|r| r.config.deadlock == policy);
        if stuck.is_empty() || has(DeadlockPolicy::Off) {
            return;
        }
        if can_nobody_else_wake(snapshot, &stuck) {
            if has(DeadlockPolicy::Exit) {
                // With the lock held, so that it is said once.
                let _reported = REPORTED.lock();
                end(ASLEEP, &self.dump(&stuck));
            }
            self.report(snapshot, &stuck, ASLEEP.trim_start_matches("fatal error: "));
        } else if quiet >= LONG_QUIET && !snapshot.waiting.is_empty() {
            self.warn(snapshot, &stuck);
        }
    }

    /// Other threads are there, and perhaps one of them will wake somebody.
    fn warn(&self, snapshot: &Snapshot, stuck: &[&'static Scheduler]) {
        let goroutines: usize = stuck.iter().map(|scheduler| scheduler.live()).sum();
        let names: Vec<_> = snapshot
            .others
            .iter()
            .map(|&id| os_threads::name_of(id))
            .collect();
        let names = names.join(", ");
        let aloud = |r: &&'static Scheduler| {
            r.config.deadlock == DeadlockPolicy::Warn || r.in_test.load(Ordering::Relaxed)
        };
        if stuck.iter().any(aloud) {
            let text = format!(
                "nothing has run for {} s. Goroutines, all parked: {goroutines}; \
                 other threads: {} ({names}). If none of these is to wake a goroutine, this is a \
                 deadlock.",
                LONG_QUIET.as_secs(),
                snapshot.others.len()
            );
            self.report(snapshot, stuck, &text);
        } else if !WARNED.swap(true, Ordering::Relaxed) {
            contain(|| {
                tracing::warn!(
                    target: "gort",
                    goroutines,
                    other_threads = snapshot.others.len(),
                    names,
                    "all goroutines are parked and a thread waits for one: a deadlock, unless \
                     another thread is to wake one",
                );
            });
        }
    }

    /// Says it, once, and leaves the process to itself.
    fn report(&self, snapshot: &Snapshot, stuck: &[&'static Scheduler], text: &str) {
        let events = stuck.iter().map(|scheduler| scheduler.life_events()).sum();
        let now = Some((events, snapshot.waiting.clone()));
        let mut reported = REPORTED.lock().unwrap_or_else(PoisonError::into_inner);
        if *reported != now {
            *reported = now;
            say(&format!("gort: {text}\n\n{}", self.dump(stuck)));
        }
    }

    fn dump(&self, stuck: &[&'static Scheduler]) -> String {
        let mut text = String::new();
        for scheduler in stuck {
            let _ = writeln!(text, "{}", (self.describe)(scheduler).trim_end());
        }
        text
    }
}

/// Whether no thread is there that is not ours and may wake a goroutine. In a test that ends the
/// process on a deadlock the one that waits for tests is none.
fn can_nobody_else_wake(snapshot: &Snapshot, stuck: &[&'static Scheduler]) -> bool {
    let exits = |scheduler: &&Scheduler| scheduler.exits_test.load(Ordering::Relaxed);
    match snapshot.others[..] {
        [] => true,
        [only] => only == std::process::id() && stuck.iter().copied().any(|s| exits(&s)),
        _ => false,
    }
}

/// Ends the process.
fn end(line: &str, dump: &str) -> ! {
    let gap = if dump.is_empty() { "" } else { "\n" };
    say(&format!("{line}\n{gap}{dump}"));
    std::process::exit(2);
}
