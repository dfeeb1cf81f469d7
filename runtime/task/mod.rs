//! A goroutine's memory: its cell, its state, its result.
//!
//! | file | what it decides |
//! |---|---|
//! | `state` | the two state words: life (done, joined, detached) and park (parked, notified, timed out) |
//! | `header` | the fixed part of a cell, and [`TaskRef`], the handle that the scheduler passes around |
//! | `wait` | what it waits for, and since when |
//! | `chunk` | memory for cells, in large aligned pieces |
//! | `pool` | where cells come from and go to: magazines per worker, chunks of 2 MiB behind them |
//! | `cell` | a closure put into a cell, run, and its output taken out again |
//! | `extras` | what few goroutines have: a name, goroutine-local values |
//!
//! # Who owns a cell
//!
//! | phase | held by | may run? | which queue | whose stack |
//! |---|---|---|---|---|
//! | fresh | one queue | yes | deque, injector or inbox | none yet |
//! | running | its worker (`current`) | is running | none | the coroutine it was started on |
//! | parked | whoever will unpark it | no | none | its coroutine, kept |
//! | woken | its home's woken queue or inbox | yes | that one | its coroutine, kept |
//! | done, handle alive | the `JoinHandle` | no | none | none (the coroutine went on) |
//!
//! A cell is freed by the later of "done" and "handle gone" ([`state::Life`]). A task does not know
//! the scheduler: `home` is an opaque pointer that only `sched` gives a meaning to.

pub(crate) mod cell;
pub(crate) mod chunk;
pub(crate) mod extras;
pub(crate) mod header;
pub(crate) mod pool;
pub(crate) mod state;
pub(crate) mod wait;
