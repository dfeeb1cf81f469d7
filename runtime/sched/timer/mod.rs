//! Timers: parks that end at a deadline, and goroutines that start at one (protocol T).
//!
//! | file | what it decides |
//! |---|---|
//! | `wheel` | a hierarchical timing wheel, as a pure structure |
//! | `store` | what holds the timers: the wheel, or for a fake clock their exact order |
//! | `queue` | a worker's timers, behind a lock |
//! | `bubble` | a fake clock for tests: what such a runtime has beside others |
//! | `advance` | when a fake clock goes on |

pub(crate) mod advance;
pub(crate) mod bubble;
pub(crate) mod queue;
pub(crate) mod store;
pub(crate) mod wheel;
