//! The right to cancel a context.

use crate::context::{
    error::{Cause, Error, to_cause},
    node::CancelNode,
};
use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

/// Cancels a context; so does dropping it, as Go's `defer cancel()`.
///
/// **Give it a name.** `let (ctx, _) = with_cancel(..)` drops it there and then, and `ctx` is
/// cancelled from the start. `let (ctx, _cancel) = ...` keeps it to the end of the block. Where the
/// work goes on elsewhere, move it there with the context. One that is leaked
/// ([`std::mem::forget`]) leaves the end to the deadline or to the parent, and if there is neither,
/// leaks what belongs to the context.
///
/// # Examples
/// ```
/// use gort::context::{self, Context, Error};
///
/// let (ctx, cancel) = context::with_cancel(&Context::background());
/// assert!(ctx.err().is_none());
/// drop(cancel); // or cancel.cancel()
/// assert_eq!(ctx.err(), Some(Error::Canceled));
///
/// let (ctx, _) = context::with_cancel(&Context::background()); // the trap
/// assert_eq!(ctx.err(), Some(Error::Canceled));
/// ```
#[doc(alias = "context.CancelFunc")]
#[must_use = "dropping it cancels the context at once: keep it in a variable, such as `_cancel`"]
pub struct CancelFunc {
    /// What it ends.
    node: Arc<CancelNode>,
}

impl CancelFunc {
    pub(crate) fn new(node: Arc<CancelNode>) -> Self {
        Self { node }
    }

    /// Cancels the context and all that are derived from it; again, it does nothing. Does not park.
    ///
    /// When it returns, all of them have ended, also those that somebody else is just cancelling.
    /// It does not wait for those who work to stop.
    ///
    /// ```
    /// use gort::context::{self, Context, Error};
    /// let (ctx, cancel) = context::with_cancel(&Context::background());
    /// cancel.cancel();
    /// cancel.cancel();
    /// assert_eq!(ctx.err(), Some(Error::Canceled));
    /// ```
    pub fn cancel(&self) {
        self.node.end(Error::Canceled, None);
    }
}

impl Drop for CancelFunc {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// As [`CancelFunc`], and says what for. Dropping it cancels without a cause of its own.
///
/// # Examples
/// ```
/// use gort::context::{self, Context};
///
/// let (ctx, cancel) = context::with_cancel_cause(&Context::background());
/// cancel.cancel(std::io::Error::other("the disk is full"));
/// assert_eq!(context::cause(&ctx).unwrap().to_string(), "the disk is full");
/// ```
#[doc(alias = "context.CancelCauseFunc")]
#[must_use = "dropping it cancels the context at once: keep it in a variable, such as `_cancel`"]
pub struct CancelCauseFunc {
    /// What it ends.
    node: Arc<CancelNode>,
}

impl CancelCauseFunc {
    pub(crate) fn new(node: Arc<CancelNode>) -> Self {
        Self { node }
    }

    /// Cancels the context and all that are derived from it, for `cause`: an error, a boxed one, a
    /// text, or a [`Cause`]. Again, it does nothing, and the first cause stays. Otherwise as
    /// [`CancelFunc::cancel`].
    ///
    /// ```
    /// use gort::context::{self, Context};
    /// let (ctx, cancel) = context::with_cancel_cause(&Context::background());
    /// cancel.cancel("first");
    /// cancel.cancel("second");
    /// assert_eq!(context::cause(&ctx).unwrap().to_string(), "first");
    /// ```
    pub fn cancel(&self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) {
        self.cancel_for(Some(to_cause(cause)));
    }

    /// As `cancel`, or without a cause.
    pub(crate) fn cancel_for(&self, cause: Option<Cause>) {
        self.node.end(Error::Canceled, cause);
    }
}

impl Drop for CancelCauseFunc {
    fn drop(&mut self) {
        self.cancel_for(None);
    }
}

/// The right to call off what [`after_func`](crate::context::after_func) is to run. Dropping it
/// changes nothing.
///
/// ```
/// use gort::{context::{self, Context, Stop}, sync::channel::bounded};
///
/// let (tx, rx) = bounded(1);
/// let (ctx, cancel) = context::with_cancel(&Context::background());
/// let clean_up: Stop = context::after_func(&ctx, move || tx.send("cleaned up").unwrap());
/// cancel.cancel();
/// assert_eq!(rx.recv(), Ok("cleaned up"));
/// assert!(!clean_up.stop()); // too late
/// ```
#[derive(Clone)]
pub struct Stop {
    /// The node that would run the function when its context ends.
    node: Arc<CancelNode>,
}

impl Stop {
    pub(crate) fn new(node: Arc<CancelNode>) -> Self {
        Self { node }
    }

    /// Calls it off: true if the function will never run, and is dropped; false if it has been
    /// started, or was called off before. Does not park, and does not wait for a function that
    /// runs.
    ///
    /// ```
    /// use gort::context::{self, Context};
    /// let (ctx, cancel) = context::with_cancel(&Context::background());
    /// let stop = context::after_func(&ctx, || unreachable!());
    /// assert!(stop.stop());
    /// assert!(!stop.stop());
    /// cancel.cancel();
    /// ```
    pub fn stop(&self) -> bool {
        self.node.disarm()
    }
}

// As for `Context`.
impl UnwindSafe for CancelFunc {}
impl RefUnwindSafe for CancelFunc {}
impl UnwindSafe for CancelCauseFunc {}
impl RefUnwindSafe for CancelCauseFunc {}
impl UnwindSafe for Stop {}
impl RefUnwindSafe for Stop {}

impl fmt::Debug for CancelFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CancelFunc")
    }
}

impl fmt::Debug for CancelCauseFunc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CancelCauseFunc")
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stop")
    }
}
