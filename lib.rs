//! Go's concurrency for Rust.

pub mod runtime;
pub mod sync;
