//! The only file that names atomics and cells: std's, or loom's under `cfg(loom)`.

#[cfg(not(loom))]
pub(crate) use std::{
    cell::UnsafeCell,
    sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    },
};

#[cfg(loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    },
};

/// Atomics for process-wide statics. Always std's: loom's cannot be made in a constant, and a model must not share them.
pub(crate) mod statics {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize};
}
