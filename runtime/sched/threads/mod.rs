//! The threads of a runtime: their start and end, and the one that watches them.
//!
//! | file | what it decides |
//! |---|---|
//! | `blocking` | threads for calls that block |
//! | `stuck` | goroutines that hold others up |
//! | `held_back` | blocking calls that get no thread |
//! | `monitor` | stuck workers, spares, late timers, trimming |
//! | `launch` | start and end |

pub(crate) mod blocking;
pub(crate) mod held_back;
pub(crate) mod launch;
pub(crate) mod monitor;
pub(crate) mod stuck;
