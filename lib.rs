//! Go's concurrency for Rust.

// The macros expand to `::gort::...`, also within this crate.
extern crate self as gort;

pub mod runtime;
pub mod sync;

pub use crate::runtime::spawn::Builder;
pub use crate::runtime::{JoinHandle, current, scope, sleep, spawn, spawn_local, yield_now};
pub use gort_macros::{go, main, test};

#[doc(hidden)]
#[path = "runtime/bench_door.rs"]
pub mod bench_support;
