//! From settings to a running runtime.

use crate::runtime::{
    config::{Settings, process_environment},
    contain::contain,
    dump,
    sched::{
        panicked,
        scheduler::{Clock, Scheduler},
        threads::launch::{self, Threads},
    },
    stack::SizeClass,
};
use std::io;

/// Starts a runtime's threads.
pub(crate) fn start(settings: Settings, clock: Clock) -> io::Result<(&'static Scheduler, Threads)> {
    let config = settings.resolve(&process_environment)?;
    let class = SizeClass::for_bytes(config.stack_size)?;
    let scheduler = Scheduler::new(config, class, clock);
    if let Err(why) = scheduler.lending {
        contain(|| {
            tracing::info!(target: "gort", reason = %why, "homes are not lent: each worker keeps one");
        });
    }
    panicked::install_hook();
    let threads = launch::start(scheduler, dump::of)?;
    Ok((scheduler, threads))
}
