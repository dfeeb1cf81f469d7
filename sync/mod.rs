//! Primitives that park goroutines (and plain threads) instead of blocking workers.

mod mutex;
mod once;
mod once_cell;
mod raw_mutex;
mod raw_once;
mod raw_rw_mutex;
mod rw_mutex;
mod spin;
mod wait_group;
mod wait_list;

pub use mutex::{Mutex, MutexGuard};
pub use once::{Once, OnceState};
pub use once_cell::{Lazy, OnceCell};
pub use rw_mutex::{RwMutex, RwMutexReadGuard, RwMutexWriteGuard};
pub use wait_group::WaitGroup;

#[cfg(test)]
mod tests_mutex;
#[cfg(test)]
mod tests_once;
#[cfg(test)]
mod tests_rw_mutex;
#[cfg(test)]
mod tests_wait_group;
