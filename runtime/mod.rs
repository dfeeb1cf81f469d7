//! The runtime: its workers, its goroutines, and the one door for blocking.
//!
//! What programs use is here: [`main`](macro@main), [`spawn`], [`blocking`], [`Runtime`] and the
//! rest. How it works is written down in `runtime/README.md`; each folder's `mod.rs` is a map of
//! it.

pub(crate) mod big_stack;
pub(crate) mod block_on_with;
pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod contain;
pub(crate) mod control;
pub(crate) mod coroutine;
pub(crate) mod default;
pub(crate) mod delayed_spawn;
pub(crate) mod dump;
pub(crate) mod entry;
pub(crate) mod fake_clock;
pub(crate) mod futex;
pub(crate) mod future;
pub(crate) mod goroutine;
pub(crate) mod goroutine_id;
pub(crate) mod join;
pub(crate) mod join_error;
pub(crate) mod join_future;
pub(crate) mod live_ids;
pub(crate) mod local;
pub(crate) mod metrics;
pub(crate) mod offload;
pub(crate) mod on_abandon;
pub(crate) mod os_poller;
pub(crate) mod os_threads;
pub(crate) mod park;
pub(crate) mod park_thread;
pub(crate) mod plural;
pub(crate) mod prims;
pub(crate) mod sanitizer;
pub(crate) mod sched;
pub(crate) mod scope;
pub(crate) mod sigquit;
#[cfg(unix)]
pub(crate) mod source;
pub(crate) mod spawn;
pub(crate) mod stack;
pub(crate) mod start;
pub(crate) mod stderr;
pub(crate) mod stuck;
pub(crate) mod switch;
pub(crate) mod system;
pub(crate) mod task;

pub use crate::runtime::{
    big_stack::on_big_stack,
    block_on_with::block_on_with,
    config::{DeadlockPolicy, PanicPolicy},
    control::{
        NoYieldGuard, forbid_yield, goexit, is_goexit, sleep, sleep_until, yield_if_due, yield_now,
    },
    entry::{dump, metrics, num_goroutines, workers},
    future::block_on,
    goroutine::{Goroutine, current, try_current},
    goroutine_id::GoroutineId,
    join::JoinHandle,
    join_error::{JoinError, PanicError},
    join_future::JoinFuture,
    local::GoLocal,
    metrics::Metrics,
    offload::blocking,
    scope::{Scope, ScopedJoinHandle, scope},
    spawn::{spawn, spawn_local},
    stuck::Stuck,
    system::{Builder, Runtime, StillRunning},
};
pub use gort_macros::{main, test};

/// What the attribute macros expand to; not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use crate::runtime::entry::{Options, main, test};
}
