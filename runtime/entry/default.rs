//! The default runtime: the one of `#[runtime::main]`, or one that is started when a thread outside
//! any runtime first needs it.

use crate::runtime::{
    config::Settings,
    sched::{
        scheduler::{Clock, Scheduler},
        worker::current::worker,
    },
    start,
};
use std::sync::OnceLock;

static DEFAULT: OnceLock<&'static Scheduler> = OnceLock::new();

/// The default runtime, started if need be.
///
/// # Panics
/// If it cannot be started; the text says why.
pub(crate) fn scheduler() -> &'static Scheduler {
    DEFAULT.get_or_init(|| match start::start(Settings::default(), Clock::Real) {
        Ok((scheduler, threads)) => {
            // It runs for ever.
            std::mem::forget(threads);
            scheduler
        }
        Err(error) => panic!("gort: the default runtime cannot start: {error}"),
    })
}

/// Makes this the default runtime if there is none yet.
pub(crate) fn offer(scheduler: &'static Scheduler) {
    let _ = DEFAULT.set(scheduler);
}

/// Calls `f` with the runtime of the calling goroutine, or else the default one.
pub(crate) fn with_scheduler<R>(f: impl FnOnce(&'static Scheduler) -> R) -> R {
    // SAFETY: the callers' closures do not suspend.
    match unsafe { worker() } {
        Some(worker) => f(worker.scheduler),
        None => f(scheduler()),
    }
}
