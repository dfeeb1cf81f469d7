//! Help for tests of concurrent programs: a fake clock, and a look at what is left behind.
//!
//! | | |
//! |---|---|
//! | [`bubble`] | runs a test with a clock that jumps: an hour's `sleep` takes no time, and timeouts come in exact order |
//! | [`wait`] | inside: until all other goroutines are blocked |
//! | [`explore`] | runs a test under many schedules, each chosen by a seed, and says which one failed |
//! | [`no_leaks`], [`LeakCheck`] | fail if goroutines are left |
//!
//! ```
//! use gort::{go, sync::channel::bounded, testing};
//! use std::time::Duration;
//!
//! #[derive(Debug, PartialEq)]
//! enum Answer { Cached, TimedOut }
//!
//! fn ask(patience: Duration) -> Answer {
//!     let (tx, rx) = bounded(1);
//!     go!(move || {
//!         gort::sleep(Duration::from_secs(30)); // a slow server
//!         let _ = tx.send(Answer::Cached);
//!     });
//!     rx.recv_timeout(patience).unwrap_or(Answer::TimedOut)
//! }
//!
//! # let start = std::time::Instant::now();
//! testing::bubble(|| {
//!     assert_eq!(ask(Duration::from_secs(29)), Answer::TimedOut);
//!     assert_eq!(ask(Duration::from_secs(31)), Answer::Cached);
//! });
//! # assert!(start.elapsed() < Duration::from_secs(10));
//! ```

pub(crate) mod explore;
pub(crate) mod fake_time;
pub(crate) mod leaks;

pub use crate::testing::{
    explore::explore,
    fake_time::{bubble, bubble_with, wait},
    leaks::{LeakCheck, no_leaks},
};
