//! Go's concurrency for Rust.

pub mod runtime;
pub mod sync;

#[doc(hidden)]
#[path = "runtime/bench_door.rs"]
pub mod bench_support;
