//! Blocking calls that wait for a thread because the limit on their number is reached: the monitor
//! tells of them. Nothing else would: the calls that run may wait for those that do not, and
//! then the program stands still, while the deadlock detector takes a call for something that ends.

use crate::runtime::{
    contain::contain,
    os::stderr,
    sched::{scheduler::Scheduler, threads::blocking::HeldBack},
};
use std::time::{Duration, Instant};

/// How long a call waits for a thread until somebody is told.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time between two warnings, so that a program under such load is not told all the time.
const PAUSE: Duration = Duration::from_secs(60);

/// What the monitor remembers of it.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// When it told last.
    told: Option<Instant>,
}

impl Watch {
    /// Tells if a call has waited for long.
    pub(crate) fn look(&mut self, scheduler: &Scheduler, now: Instant) {
        if let Some(held) = scheduler.blocking.held_back()
            && self.due(held) <= now
        {
            self.told = Some(now);
            tell(held, scheduler.config.max_blocking_threads, now);
        }
    }

    /// How long the monitor may rest: so long, or until it has to tell.
    pub(crate) fn rest(&self, scheduler: &Scheduler, patience: Duration) -> Duration {
        match scheduler.blocking.held_back() {
            Some(held) => patience.min(self.due(held).saturating_duration_since(Instant::now())),
            None => patience,
        }
    }

    /// When these calls are to be told of.
    fn due(&self, held: HeldBack) -> Instant {
        let due = held.since + PATIENCE;
        self.told.map_or(due, |told| due.max(told + PAUSE))
    }
}

/// A `tracing` event if somebody listens, else a line on the error stream.
fn tell(held: HeldBack, most: usize, now: Instant) {
    let HeldBack {
        since,
        waiting,
        threads,
    } = held;
    let waited = now.saturating_duration_since(since).as_millis();
    contain(|| {
        if tracing::enabled!(target: "gort", tracing::Level::WARN) {
            tracing::warn!(
                target: "gort",
                waiting,
                waited_ms = u64::try_from(waited).unwrap_or(u64::MAX),
                threads,
                max_blocking_threads = most,
                "blocking calls wait for a thread",
            );
            return;
        }
        let calls = match waiting {
            1 => "1 blocking call waits".to_owned(),
            n => format!("{n} blocking calls wait"),
        };
        stderr::say(&format!(
            "gort: {calls} for a thread, the first one for {waited} ms: {threads} others run, and \
             max_blocking_threads is {most}. If those wait for these, none will ever end; \
             Builder::max_blocking_threads and GORT_MAX_BLOCKING_THREADS raise the limit\n"
        ));
    });
}
