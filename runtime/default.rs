//! The default runtime: the one of `#[runtime::main]`, or one that is started when a thread outside any runtime first needs it.

use crate::runtime::{
    config::Settings,
    sched::{
        current,
        roster::{Clock, Roster},
    },
    start,
};
use std::sync::{Arc, OnceLock};

static DEFAULT: OnceLock<Arc<Roster>> = OnceLock::new();

/// The default runtime, started if need be.
///
/// # Panics
/// If it cannot be started; the text says why.
pub(crate) fn roster() -> &'static Roster {
    DEFAULT.get_or_init(|| match start::start(Settings::default(), Clock::Real) {
        Ok((roster, threads)) => {
            // It runs for ever.
            std::mem::forget(threads);
            roster
        }
        Err(error) => panic!("gort: the default runtime cannot start: {error}"),
    })
}

/// Makes this the default runtime if there is none yet.
pub(crate) fn offer(roster: Arc<Roster>) {
    let _ = DEFAULT.set(roster);
}

/// Calls `f` with the runtime of the calling goroutine, or else the default one.
pub(crate) fn with_roster<R>(f: impl FnOnce(&Roster) -> R) -> R {
    // SAFETY: the callers' closures do not suspend.
    match unsafe { current::core() } {
        Some(core) => f(&core.roster),
        None => f(roster()),
    }
}
