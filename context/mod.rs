//! Go's `context`: tells all who work on a request that it was given up, or that its time is over,
//! and carries what belongs to it.
//!
//! A [`Context`] is derived from another by a function of this module. What ends one ends all that
//! are derived from it, and no other.
//!
//! ```
//! use gort::{context::{self, Context}, go, select, sync::{WaitGroup, bounded}};
//! use std::time::Duration;
//!
//! fn search(ctx: &Context, site: &str) -> Option<String> {
//!     let (tx, rx) = bounded(1);
//!     let found = format!("{site}: 3 hits");
//!     go!(move || {
//!         gort::sleep(Duration::from_millis(1)); // a slow server
//!         let _ = tx.send(found);
//!     });
//!     select! {
//!         recv(rx) -> found => found.ok(),
//!         recv(ctx.done()) -> _ => None, // too late: see ctx.err()
//!     }
//! }
//!
//! let (ctx, cancel) = context::with_timeout(&Context::background(), Duration::from_secs(10));
//! assert_eq!(search(&ctx, "gophers").as_deref(), Some("gophers: 3 hits"));
//! cancel.cancel();
//! assert!(ctx.err().is_some());
//! ```
//!
//! | Go | here |
//! |---|---|
//! | `context.Background()`, `context.TODO()` | [`context::background()`](background()), [`context::todo()`](todo()), also as functions of [`Context`] |
//! | `ctx, cancel := context.WithCancel(parent); defer cancel()` | `let (ctx, _cancel) = context::with_cancel(&parent);` The drop cancels |
//! | `cancel()` | `cancel.cancel()` |
//! | `<-ctx.Done()`, `case <-ctx.Done():` | `ctx.done().recv()`, `recv(ctx.done()) -> _ =>` |
//! | `ctx.Err()`: `context.Canceled`, `context.DeadlineExceeded` | [`ctx.err()`](Context::err): `Some(Error::Canceled)`, `Some(Error::DeadlineExceeded)` |
//! | `deadline, ok := ctx.Deadline()` | [`ctx.deadline()`](Context::deadline): an `Option` |
//! | `context.WithTimeout(ctx, d)`, `context.WithDeadline(ctx, t)`, `...Cause` | [`with_timeout(&ctx, d)`](with_timeout), [`with_deadline(&ctx, t)`](with_deadline), `..._cause` |
//! | `context.WithCancelCause(ctx)`, `context.Cause(ctx)` | [`with_cancel_cause(&ctx)`](with_cancel_cause), [`cause(&ctx)`](cause()) |
//! | `context.WithValue(ctx, key, v)`, `ctx.Value(key).(T)` | [`with_value(&ctx, v)`](with_value), [`ctx.value::<T>()`](Context::value): the type is the key |
//! | `context.AfterFunc(ctx, f)`, `stop()` | [`after_func(&ctx, f)`](after_func), [`stop.stop()`](Stop::stop) |
//! | `context.WithoutCancel(ctx)` | [`without_cancel(&ctx)`](without_cancel) |
//!
//! # The trap
//!
//! A [`CancelFunc`] cancels when it is dropped. **`let (ctx, _) = with_cancel(..)` drops it at
//! once**, and the context has ended before it was used: `_` is no variable. Write
//! `let (ctx, _cancel) = ...`.
//!
//! # What it costs
//!
//! Deriving allocates one node; ending visits each node below once. [`Context::err`] and
//! [`Context::done`] do not walk up, however deep the context is. A child that ends leaves its
//! parent at once, in constant time; one whose [`CancelFunc`] is dropped has ended. Chains may be
//! of any length: neither cancelling nor dropping them takes stack. No destructor of a value, a
//! cause or a function runs under a lock.
//!
//! Inside: `children` (lists of children: the pointer work), `node` (the tree of
//! cancellation), `values` (the chain of values); over them `handle`, `func`, `derive` and `error`,
//! the public face.

mod children;
mod derive;
mod error;
mod func;
mod handle;
mod node;
mod values;

pub use derive::{
    after_func, with_cancel, with_cancel_cause, with_deadline, with_deadline_cause, with_timeout,
    with_timeout_cause, with_value, without_cancel,
};
pub use error::{Cause, Error};
pub use func::{CancelCauseFunc, CancelFunc, Stop};
pub use handle::{Context, background, cause, todo};

#[cfg(test)]
mod tests;
