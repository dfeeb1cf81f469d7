//! The default runtime: the one of `#[runtime::main]`, or one that is started when a thread outside any runtime first needs it.

use crate::runtime::{
    config::Settings,
    sched::roster::Roster,
    system::{self, Runtime},
};
use std::sync::{Arc, OnceLock};

static DEFAULT: OnceLock<Arc<Roster>> = OnceLock::new();

/// The default runtime, started if need be.
///
/// # Panics
/// If it cannot be started; the text says why.
pub(crate) fn roster() -> &'static Roster {
    DEFAULT.get_or_init(|| match system::build(Settings::default()) {
        Ok(runtime) => runtime.into_roster(),
        Err(error) => panic!("gort: the default runtime cannot start: {error}"),
    })
}

/// Makes `runtime` the default one if there is none yet.
pub(crate) fn offer(runtime: &Runtime) {
    let _ = DEFAULT.set(runtime.share_roster());
}
