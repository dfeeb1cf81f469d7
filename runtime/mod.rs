//! The runtime: its workers, its goroutines, and the one door for blocking.
//!
//! What programs use is here: [`main`](macro@main), [`spawn`], [`blocking`], [`Runtime`] and the
//! rest. How it works is written down in `runtime/README.md`; each folder's `mod.rs` is a map of
//! it.

pub(crate) mod big_stack;
pub(crate) mod bridges;
pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod contain;
pub(crate) mod coroutine;
pub(crate) mod dump;
pub(crate) mod entry;
pub(crate) mod fake_clock;
pub(crate) mod goroutine;
pub(crate) mod goroutine_id;
pub(crate) mod metrics;
pub(crate) mod on_abandon;
pub(crate) mod os;
pub(crate) mod os_poller;
pub(crate) mod park;
pub(crate) mod plural;
pub(crate) mod prims;
pub(crate) mod random;
pub(crate) mod sched;
#[cfg(unix)]
pub(crate) mod source;
pub(crate) mod stack;
pub(crate) mod start;
pub(crate) mod stuck;
pub(crate) mod switch;
pub(crate) mod task;

pub use crate::runtime::{
    big_stack::on_big_stack,
    bridges::{block_on_with::block_on_with, future::block_on, offload::blocking},
    config::{DeadlockPolicy, PanicPolicy},
    entry::{
        main::{dump, metrics, num_goroutines, workers},
        system::{Builder, Runtime, StillRunning},
    },
    goroutine::{
        control::{
            NoYieldGuard, forbid_yield, goexit, is_goexit, sleep, sleep_until, yield_if_due,
            yield_now,
        },
        handle::{Goroutine, current, try_current},
        join::JoinHandle,
        join_error::{JoinError, PanicError},
        join_future::JoinFuture,
        local::GoLocal,
        scope::{Scope, ScopedJoinHandle, scope},
        spawn::{spawn, spawn_local},
    },
    goroutine_id::GoroutineId,
    metrics::Metrics,
    stuck::Stuck,
};
pub use gort_macros::{main, test};

/// What the attribute macros expand to; not part of the API.
#[doc(hidden)]
pub mod __private {
    pub use crate::runtime::entry::main::{Options, main, test};
}
