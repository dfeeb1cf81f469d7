//! `Context`: what is passed on.

use crate::{
    context::{
        error::{Cause, Error},
        node::CancelNode,
        values::ValueNode,
    },
    sync::channel::{Receiver, never},
};
use std::{
    any::Any,
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
    time::Instant,
};

/// Tells whoever works on a request that nobody wants the answer any more, until when it is wanted,
/// and what else belongs to it.
///
/// Pass it on, as the first argument by custom, to all that works on the request. Those who wait
/// put [`done`](Self::done) into their `select!`; those who compute ask [`err`](Self::err) now and
/// then. Contexts are derived from one another by the functions of [this module](crate::context);
/// what ends one ends all that are derived from it.
///
/// A clone is another handle on the same context. A handle keeps nothing from ending. The default
/// is [`background`](Self::background).
///
/// # Examples
/// ```
/// use gort::{context::{self, Context}, go, select, sync::bounded};
///
/// fn numbers(ctx: &Context) -> gort::sync::Receiver<u64> {
///     let (tx, rx) = bounded(0);
///     let ctx = ctx.clone();
///     go!(move || {
///         for n in 1.. {
///             select! {
///                 send(tx, n) -> _ => {}
///                 recv(ctx.done()) -> _ => return, // nobody reads on
///             }
///         }
///     });
///     rx
/// }
///
/// let (ctx, cancel) = context::with_cancel(&Context::background());
/// let rx = numbers(&ctx);
/// assert_eq!(rx.iter().take(3).collect::<Vec<_>>(), [1, 2, 3]);
/// cancel.cancel();
/// for _ in &rx {} // a few more at most, and then it has ended
/// # std::mem::drop(ctx);
/// ```
#[doc(alias = "context.Context")]
#[derive(Clone, Default)]
pub struct Context {
    /// What ends it; the nearest one. None: nothing does.
    cancel: Option<Arc<CancelNode>>,
    /// What it carries.
    values: Option<Arc<ValueNode>>,
}

// Every panic-prone step (destructors of values and causes) comes after the structure is whole
// again.
impl UnwindSafe for Context {}
impl RefUnwindSafe for Context {}

impl Context {
    /// The context that all others are derived from: it never ends, has no deadline and carries
    /// nothing. For `main`, tests, and where requests come in.
    ///
    /// ```
    /// use gort::context::Context;
    /// let ctx = Context::background();
    /// assert!(ctx.err().is_none() && ctx.deadline().is_none());
    /// ```
    #[doc(alias = "context.Background")]
    pub const fn background() -> Self {
        Self {
            cancel: None,
            values: None,
        }
    }

    /// As [`background`](Self::background). The name says that a context from outside belongs here,
    /// and is not passed down yet.
    ///
    /// ```
    /// assert!(gort::context::Context::todo().err().is_none());
    /// ```
    #[doc(alias = "context.TODO")]
    pub const fn todo() -> Self {
        Self::background()
    }

    /// A receiver that disconnects when the context ends, and never receives anything: Go's
    /// `<-ctx.Done()`. Does not park.
    ///
    /// All of a context's receivers are one channel's, which is made when it is first asked for,
    /// and which only the context closes ([`Receiver::close`] does nothing). A context that nothing
    /// can end has [`never()`].
    ///
    /// ```
    /// use gort::{context, select};
    /// use std::time::Duration;
    ///
    /// let soon = Duration::from_millis(2);
    /// let (ctx, _cancel) = context::with_timeout(&context::background(), soon);
    /// let work = gort::sync::never::<i32>();
    /// select! {
    ///     recv(work) -> _ => unreachable!(),
    ///     recv(ctx.done()) -> _ => assert_eq!(ctx.err(), Some(context::Error::DeadlineExceeded)),
    /// }
    /// ```
    #[doc(alias = "Done")]
    pub fn done(&self) -> Receiver<()> {
        self.cancel.as_ref().map_or_else(never, |node| node.done())
    }

    /// Why it has ended; `None` as long as it has not. It never changes again. Does not park.
    ///
    /// It is `Some` exactly if [`done`](Self::done) is disconnected. While the context lives this
    /// is one load of an atomic, so loops may poll it.
    ///
    /// ```
    /// use gort::context::{self, Context, Error};
    /// let (ctx, cancel) = context::with_cancel(&Context::background());
    /// assert_eq!(ctx.err(), None);
    /// cancel.cancel();
    /// assert_eq!(ctx.err(), Some(Error::Canceled));
    /// ```
    #[doc(alias = "Err")]
    #[inline]
    pub fn err(&self) -> Option<Error> {
        self.cancel.as_ref()?.err()
    }

    /// When it ends at the latest; `None` if nobody has said. The earliest of those that it is
    /// derived from.
    ///
    /// ```
    /// use gort::context::{self, Context};
    /// use std::time::{Duration, Instant};
    ///
    /// let soon = Instant::now() + Duration::from_secs(1);
    /// let (ctx, _cancel) = context::with_deadline(&Context::background(), soon);
    /// let (inner, _cancel) = context::with_timeout(&ctx, Duration::from_secs(60));
    /// assert_eq!(inner.deadline(), Some(soon));
    /// ```
    #[doc(alias = "Deadline")]
    pub fn deadline(&self) -> Option<Instant> {
        self.cancel.as_ref()?.deadline()
    }

    /// The value of this type that [`with_value`](crate::context::with_value) put in; of several,
    /// the newest. Does not park.
    ///
    /// ```
    /// use gort::context::{self, Context};
    /// struct User(&'static str);
    ///
    /// let ctx = context::with_value(&Context::background(), User("gopher"));
    /// assert_eq!(ctx.value::<User>().unwrap().0, "gopher");
    /// assert!(ctx.value::<String>().is_none());
    /// ```
    #[doc(alias = "Value")]
    pub fn value<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.values.as_ref()?.find()
    }

    /// What ends it.
    pub(crate) fn node(&self) -> Option<&Arc<CancelNode>> {
        self.cancel.as_ref()
    }

    /// The same values, ended by something else, or by nothing.
    pub(crate) fn ended_by(&self, cancel: Option<Arc<CancelNode>>) -> Self {
        Self {
            cancel,
            values: self.values.clone(),
        }
    }

    /// One more value.
    pub(crate) fn carrying<T: Any + Send + Sync>(&self, value: T) -> Self {
        Self {
            cancel: self.cancel.clone(),
            values: Some(ValueNode::new(self.values.clone(), value)),
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("err", &self.err())
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}

/// [`Context::background`], as Go writes it.
///
/// ```
/// use gort::context;
/// let (ctx, _cancel) = context::with_cancel(&context::background());
/// assert!(ctx.err().is_none());
/// ```
#[doc(alias = "Background")]
pub const fn background() -> Context {
    Context::background()
}

/// [`Context::todo`], as Go writes it.
///
/// ```
/// assert!(gort::context::todo().deadline().is_none());
/// ```
#[doc(alias = "TODO")]
pub const fn todo() -> Context {
    Context::todo()
}

/// What the context was cancelled for; `None` as long as it has not ended. Does not park.
///
/// That is what [`CancelCauseFunc::cancel`](crate::context::CancelCauseFunc::cancel) or
/// [`with_deadline_cause`](crate::context::with_deadline_cause) was given, in the context or in the
/// one that took it along; if nothing was given, the same as [`Context::err`].
///
/// # Examples
/// ```
/// use gort::context::{self, Context, Error};
///
/// let (ctx, cancel) = context::with_cancel_cause(&Context::background());
/// let (child, _cancel) = context::with_cancel(&ctx);
/// cancel.cancel("out of coffee");
/// assert_eq!(child.err(), Some(Error::Canceled));
/// assert_eq!(context::cause(&child).unwrap().to_string(), "out of coffee");
/// ```
#[doc(alias = "Cause")]
pub fn cause(ctx: &Context) -> Option<Cause> {
    let (err, cause) = ctx.node()?.ending()?;
    Some(cause.unwrap_or_else(|| Arc::new(err)))
}
