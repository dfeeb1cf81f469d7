//! Waiting for a time: sleeping, and timers that are channels or that run a function. Go's `time`,
//! as far as it waits.
//!
//! | Go | here |
//! |---|---|
//! | `time.Sleep(d)` | [`sleep(d)`](sleep()), [`sleep_until(instant)`](sleep_until) |
//! | `time.After(d)` | [`after(d)`](after()), [`at(instant)`](at()) |
//! | `time.Tick(d)` | [`tick(d)`](tick()) |
//! | `time.NewTimer(d)`, `t.C`, `t.Stop()`, `t.Reset(d)` | [`Timer::new(d)`](Timer::new), [`receiver`](Timer::receiver), [`stop`](Timer::stop), [`reset`](Timer::reset) |
//! | `time.AfterFunc(d, f)` | [`after_func(d, f)`](after_func()) |
//! | `time.NewTicker(d)` | [`Ticker::new(d)`](Ticker::new) |
//! | `time.Now()` | [`now()`](now()) |
//! | `time.Duration`, `time.Time` | [`std::time::Duration`], [`std::time::Instant`] |
//!
//! All work from goroutines and from plain threads. A timer never fires early. One that is a
//! channel costs its memory only: no thread, no goroutine, and no timer in the runtime until
//! somebody waits for it. It may be dropped at any time.
//!
//! # After `stop` and `reset`
//!
//! As in Go since 1.23: once [`Timer::stop`] or [`Timer::reset`] has returned (or [`Ticker`]'s),
//! whoever begins to receive gets nothing that was due before. There is nothing to be drained.
//!
//! # Reading order
//!
//! - `sync/channel/timer.rs`: the channel that the clock fills.
//! - `timer`: `Timer`. `func`: a function that runs later. `ticker`: `Ticker`.

mod func;
mod ticker;
mod timer;

pub use crate::{
    runtime::{
        clock::now,
        goroutine::control::{sleep, sleep_until},
    },
    sync::channel::{after, at, tick},
};
pub use ticker::Ticker;
pub use timer::{Timer, after_func};
