//! What programs do with goroutines: start them, join them, steer themselves.
//!
//! | file | what it is |
//! |---|---|
//! | `spawn` | starting a goroutine |
//! | `delayed_spawn` | starting one at a deadline |
//! | `scope` | starting some that borrow, and waiting for all |
//! | `join` | waiting for the end of one, and its output |
//! | `join_future` | the same as a future |
//! | `join_error` | why there is no output |
//! | `handle` | which goroutine it is: id, name, spawn site |
//! | `control` | what a goroutine does to itself: yield, sleep, exit, forbid yields |
//! | `local` | values of a goroutine |

pub(crate) mod control;
pub(crate) mod delayed_spawn;
pub(crate) mod handle;
pub(crate) mod join;
pub(crate) mod join_error;
pub(crate) mod join_future;
pub(crate) mod local;
pub(crate) mod scope;
pub(crate) mod spawn;
