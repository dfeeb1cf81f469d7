//! From settings to a running runtime.

use crate::runtime::{
    config::{Settings, process_environment},
    dump,
    sched::{
        launch::{self, Threads},
        roster::{Clock, Roster},
    },
    stack::SizeClass,
};
use std::{io, sync::Arc};

/// Starts a runtime's threads.
pub(crate) fn start(settings: Settings, clock: Clock) -> io::Result<(Arc<Roster>, Threads)> {
    let config = settings.resolve(&process_environment)?;
    let class = SizeClass::for_bytes(config.stack_size)?;
    let roster = Roster::new(config, class, clock);
    let threads = launch::start(&roster, dump::of)?;
    Ok((roster, threads))
}
