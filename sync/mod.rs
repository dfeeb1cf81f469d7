//! Primitives that park goroutines (and plain threads) instead of blocking workers.
//!
//! Each works from goroutines, from plain threads, and between both. None is poisoned by a panic,
//! but [`Once`] and [`Lazy`].
//!
//! | | what | who is next |
//! |---|---|---|
//! | [`Mutex`] | one at a time | a running goroutine may overtake; one that has waited 1 ms is handed the lock |
//! | [`RwMutex`] | readers together, or one writer | a waiting writer stops new readers; readers it made wait come before the next writer |
//! | [`WaitGroup`] | waits for a count to reach zero | all |
//! | [`Cond`] | waits with a lock for a change | first come, first served |
//! | [`Once`], [`OnceCell`], [`Lazy`] | done or made once | all |
//! | [`Semaphore`] | a number of permits | first come, first served; nobody overtakes |
//! | [`channel`] | passes values on | first come, first served |
//! | [`Barrier`] | waits for a number to come | all |
//! | [`errgroup`] | goroutines that do parts of one task, and the first error | all |
//!
//! Inside, from the bottom up: `spin` (the one spin lock), `linked_list` (the one intrusive list),
//! `unwind` (what if a panic comes half-way), `wait_list` (who waits; the rest of the pointer
//! work), `raw_mutex`, `raw_rw_mutex`, `raw_wait_group` and `raw_once` (the algorithms), and the
//! typed shells over them. `guard` is what the guards of all locks share; `cached_arc` is an `Arc`
//! that is cheap to clone on a worker.

pub mod channel;
pub mod errgroup;

mod barrier;
mod cached_arc;
mod cond;
mod guard;
pub(crate) mod linked_list;
mod mutex;
mod once;
mod once_cell;
mod raw_mutex;
mod raw_once;
mod raw_rw_mutex;
mod raw_wait_group;
mod rw_mutex;
mod semaphore;
pub(crate) mod spin;
mod unwind;
mod wait_group;
mod wait_list;

pub use channel::{Receiver, Sender, bounded, never, never_sender, unbounded};

pub use barrier::{Barrier, BarrierWaitResult};
pub use cond::{Cond, CondGuard, WaitTimeoutResult};
pub use mutex::{Mutex, MutexGuard};
pub use once::{Once, OnceState};
pub use once_cell::{Lazy, OnceCell};
pub use rw_mutex::{RwMutex, RwMutexReadGuard, RwMutexWriteGuard};
pub use semaphore::{Permit, Semaphore};
pub use wait_group::WaitGroup;

#[cfg(test)]
mod abandoned_tests;
