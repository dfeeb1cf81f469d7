//! Primitives that park goroutines (and plain threads) instead of blocking workers.

mod mutex;
mod raw_mutex;
mod spin;
mod wait_list;

pub use mutex::{Mutex, MutexGuard};

#[cfg(test)]
mod tests_mutex;
