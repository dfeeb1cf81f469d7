//! Looking at a whole runtime: is it quiet, is it stuck, what do its goroutines do.
//!
//! | file | what it decides |
//! |---|---|
//! | `request`, `reply`, `frames` | what dumps ask about goroutines, and what the holder of their home replies (protocol D) |
//! | `quiescence` | who in this process could still run (protocol K) |
//! | `deadlock` | nobody could: the report |

pub(crate) mod deadlock;
pub(crate) mod frames;
pub(crate) mod quiescence;
pub(crate) mod reply;
pub(crate) mod request;
