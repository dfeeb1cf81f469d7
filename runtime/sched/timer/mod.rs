//! Timers: parks that end at a deadline, and goroutines that start at one (protocol T).
//!
//! | file | what it decides |
//! |---|---|
//! | `wheel` | a hierarchical timing wheel, as a pure structure |
//! | `exact` | timers in their exact order, for a fake clock |
//! | `queue` | a worker's timers, behind a lock |
//! | `bubble` | a fake clock for tests: what such a runtime has beside others |
//! | `advance` | when a fake clock goes on |

pub(crate) mod advance;
pub(crate) mod bubble;
pub(crate) mod exact;
pub(crate) mod queue;
pub(crate) mod wheel;
