//! Go's concurrency for Rust.

// The macros expand to `::gort::...`, also within this crate.
extern crate self as gort;

pub mod runtime;
pub mod sync;

pub use gort_macros::{go, main, test};
