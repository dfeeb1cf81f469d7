//! Contexts from contexts.

use crate::{
    context::{
        error::{Cause, to_cause},
        func::{CancelCauseFunc, CancelFunc, Stop},
        handle::Context,
        node::{Action, CancelNode, Plan},
    },
    runtime::clock,
};
use std::{
    any::Any,
    panic::Location,
    sync::Arc,
    time::{Duration, Instant},
};

/// Derives a context that can be cancelled: by the function that comes with it, by that being
/// dropped, or because `parent` ends. Does not park.
///
/// **`let (ctx, _) = with_cancel(..)` cancels at once:** see [`CancelFunc`].
///
/// # Examples
/// ```
/// use gort::context::{self, Context, Error};
///
/// let (ctx, cancel) = context::with_cancel(&Context::background());
/// let (child, _cancel) = context::with_cancel(&ctx);
/// let waiting = gort::go!(move || {
///     child.done().recv().unwrap_err();
///     child.err()
/// });
/// cancel.cancel();
/// assert_eq!(waiting.join().unwrap(), Some(Error::Canceled));
/// ```
#[doc(alias = "WithCancel")]
#[must_use = "dropping the CancelFunc cancels the context"]
pub fn with_cancel(parent: &Context) -> (Context, CancelFunc) {
    let node = child(parent);
    let ctx = parent.ended_by(Some(Arc::clone(&node)));
    (ctx, CancelFunc::new(node))
}

/// As [`with_cancel`]; the function takes what it is cancelled for, which
/// [`cause`](crate::context::cause()) hands out.
///
/// # Examples
/// ```
/// use gort::context::{self, Context, Error};
///
/// let (ctx, cancel) = context::with_cancel_cause(&Context::background());
/// cancel.cancel("no longer needed");
/// assert_eq!(ctx.err(), Some(Error::Canceled));
/// assert_eq!(context::cause(&ctx).unwrap().to_string(), "no longer needed");
/// ```
#[doc(alias = "WithCancelCause")]
#[must_use = "dropping the CancelCauseFunc cancels the context"]
pub fn with_cancel_cause(parent: &Context) -> (Context, CancelCauseFunc) {
    let node = child(parent);
    let ctx = parent.ended_by(Some(Arc::clone(&node)));
    (ctx, CancelCauseFunc::new(node))
}

/// A node that ends with `parent` at the latest.
fn child(parent: &Context) -> Arc<CancelNode> {
    let plan = Plan {
        deadline: parent.deadline(),
        ..Plan::default()
    };
    CancelNode::new(parent.node(), plan)
}

/// As [`with_cancel`], and ends at `deadline` if it has not been cancelled before. An earlier one
/// of `parent`'s stays. If it has passed, the context has ended from the start. Does not park.
///
/// It keeps no goroutine: the deadline is a timer of a worker, and cancelling takes it back.
///
/// **`let (ctx, _) = with_deadline(..)` cancels at once:** see [`CancelFunc`].
///
/// # Panics
/// Outside a goroutine, where [`spawn`](crate::spawn) does: the default runtime keeps the time.
///
/// # Examples
/// ```
/// use gort::context::{self, Context, Error};
/// use std::time::{Duration, Instant};
///
/// let soon = Instant::now() + Duration::from_millis(2);
/// let (ctx, _cancel) = context::with_deadline(&Context::background(), soon);
/// assert!(ctx.done().recv().is_err());
/// assert_eq!(ctx.err(), Some(Error::DeadlineExceeded));
/// assert!(Instant::now() >= soon);
/// ```
#[doc(alias = "WithDeadline")]
#[must_use = "dropping the CancelFunc cancels the context"]
pub fn with_deadline(parent: &Context, deadline: Instant) -> (Context, CancelFunc) {
    until(parent, Some(deadline), None)
}

/// As [`with_deadline`], with a [`cause`](crate::context::cause()) if it is `deadline` that ends
/// it.
///
/// # Panics
/// As [`with_deadline`].
///
/// # Examples
/// ```
/// use gort::context::{self, Context};
/// use std::time::Instant;
///
/// let (ctx, now) = (Context::background(), Instant::now());
/// let (ctx, _cancel) = context::with_deadline_cause(&ctx, now, "too late");
/// assert_eq!(context::cause(&ctx).unwrap().to_string(), "too late");
/// ```
#[doc(alias = "WithDeadlineCause")]
#[must_use = "dropping the CancelFunc cancels the context"]
pub fn with_deadline_cause(
    parent: &Context,
    deadline: Instant,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> (Context, CancelFunc) {
    until(parent, Some(deadline), Some(to_cause(cause)))
}

/// As [`with_deadline`], `timeout` from now; without a deadline of its own if the clock cannot say
/// when that is.
///
/// **`let (ctx, _) = with_timeout(..)` cancels at once:** see [`CancelFunc`].
///
/// # Panics
/// As [`with_deadline`].
///
/// # Examples
/// ```
/// use gort::{context::{self, Context, Error}, select, sync::never};
/// use std::time::Duration;
///
/// let (ctx, _cancel) = context::with_timeout(&Context::background(), Duration::from_millis(2));
/// let slow = never::<()>();
/// select! {
///     recv(slow) -> _ => unreachable!(),
///     recv(ctx.done()) -> _ => {}
/// }
/// assert_eq!(ctx.err(), Some(Error::DeadlineExceeded));
/// ```
#[doc(alias = "WithTimeout")]
#[must_use = "dropping the CancelFunc cancels the context"]
pub fn with_timeout(parent: &Context, timeout: Duration) -> (Context, CancelFunc) {
    until(parent, clock::now().checked_add(timeout), None)
}

/// As [`with_timeout`], with a [`cause`](crate::context::cause()) if it is the timeout that ends
/// it.
///
/// # Panics
/// As [`with_deadline`].
///
/// # Examples
/// ```
/// use gort::context::{self, Context, Error};
/// use std::time::Duration;
///
/// let ctx = Context::background();
/// let (ctx, _cancel) = context::with_timeout_cause(&ctx, Duration::ZERO, "the server is slow");
/// assert_eq!(ctx.err(), Some(Error::DeadlineExceeded));
/// assert_eq!(context::cause(&ctx).unwrap().to_string(), "the server is slow");
/// ```
#[doc(alias = "WithTimeoutCause")]
#[must_use = "dropping the CancelFunc cancels the context"]
pub fn with_timeout_cause(
    parent: &Context,
    timeout: Duration,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> (Context, CancelFunc) {
    let deadline = clock::now().checked_add(timeout);
    until(parent, deadline, Some(to_cause(cause)))
}

/// A child that ends at the deadline, if the parent does not before.
fn until(
    parent: &Context,
    deadline: Option<Instant>,
    cause: Option<Cause>,
) -> (Context, CancelFunc) {
    let first = parent.deadline();
    let own = deadline.filter(|own| first.is_none_or(|first| *own <= first));
    // Its parent's deadline comes first, or its own is later than an `Instant` can say: a timer
    // would never be the one that ends it.
    let Some(own) = own else {
        return with_cancel(parent);
    };
    let plan = Plan {
        deadline: Some(own),
        timer_cause: cause,
        action: None,
    };
    let node = CancelNode::new(parent.node(), plan);
    let ctx = parent.ended_by(Some(Arc::clone(&node)));
    // Made before the timer, whose start may panic: then dropping this ends the node, so that no
    // child waits for it for ever.
    let cancel = CancelFunc::new(node);
    // The parent may have ended already, and the child with it: then no timer is needed.
    if ctx.err().is_none() {
        let node = ctx.node().expect("it has just been given one");
        // A deadline that has passed ends it at once, and not with the timers' next round.
        if clock::now() >= own {
            node.expire();
        } else {
            node.watch(own);
        }
    }
    (ctx, cancel)
}

/// Derives a context that carries `value` too, to be found by its type with [`Context::value`]. It
/// ends when `parent` does. Does not park.
///
/// Make a type for each thing that is carried, as one makes a type for each key in Go. For what
/// belongs to a request and passes through many hands, not for optional arguments: those are
/// arguments.
///
/// # Examples
/// ```
/// use gort::context::{self, Context};
///
/// struct RequestId(u64);
/// struct User(String);
///
/// let ctx = context::with_value(&Context::background(), RequestId(7));
/// let ctx = context::with_value(&ctx, User("gopher".into()));
/// assert_eq!(ctx.value::<RequestId>().unwrap().0, 7);
/// assert_eq!(ctx.value::<User>().unwrap().0, "gopher");
/// ```
#[doc(alias = "WithValue")]
#[must_use]
pub fn with_value<T: Any + Send + Sync>(parent: &Context, value: T) -> Context {
    parent.carrying(value)
}

/// Derives a context that carries what `parent` does, but ends with nothing, and has no deadline.
/// For what must be done to its end although the request was given up.
///
/// # Examples
/// ```
/// use gort::context::{self, Context};
///
/// let ctx = context::with_value(&Context::background(), 7_u64);
/// let (ctx, cancel) = context::with_cancel(&ctx);
/// let clean_up = context::without_cancel(&ctx);
/// cancel.cancel();
/// assert!(clean_up.err().is_none());
/// assert_eq!(clean_up.value::<u64>().as_deref(), Some(&7));
/// ```
#[doc(alias = "WithoutCancel")]
#[must_use]
pub fn without_cancel(parent: &Context) -> Context {
    parent.ended_by(None)
}

/// Runs `f` in a goroutine of its own once `ctx` has ended; at once, if it has. Does not park.
///
/// The goroutine belongs to the runtime of whoever ends `ctx`: if that is a thread outside of any,
/// to the default one. [`Stop::stop`] calls it off; dropping the [`Stop`] does not.
///
/// # Panics
/// Outside a goroutine, where [`spawn`](crate::spawn) does, if `ctx` has ended.
///
/// # Examples
/// ```
/// use gort::{context::{self, Context}, sync::bounded};
///
/// let (ctx, cancel) = context::with_cancel(&Context::background());
/// let (tx, rx) = bounded(1);
/// context::after_func(&ctx, move || tx.send("cleaned up").unwrap());
/// cancel.cancel();
/// assert_eq!(rx.recv(), Ok("cleaned up"));
/// ```
#[doc(alias = "AfterFunc")]
#[track_caller]
pub fn after_func(ctx: &Context, f: impl FnOnce() + Send + 'static) -> Stop {
    let plan = Plan {
        action: Some(Action::new(f, Location::caller())),
        ..Plan::default()
    };
    Stop::new(CancelNode::new(ctx.node(), plan))
}
