//! Why a context has ended.

use std::{fmt, sync::Arc};

/// Why a context has ended: what [`Context::err`](crate::context::Context::err) says.
///
/// # Examples
/// ```
/// use gort::context::Error;
/// assert_eq!(Error::Canceled.to_string(), "context canceled");
/// assert_eq!(Error::DeadlineExceeded.to_string(), "context deadline exceeded");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Error {
    /// It was cancelled, or one that it was derived from.
    Canceled,
    /// Its deadline has passed, or that of one that it was derived from.
    DeadlineExceeded,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Canceled => "context canceled",
            Self::DeadlineExceeded => "context deadline exceeded",
        })
    }
}

impl std::error::Error for Error {}

/// What a context was cancelled for: any error, shared by all who ask; see
/// [`cause`](crate::context::cause()).
///
/// # Examples
/// ```
/// use gort::context::{self, Cause, Context, Error};
///
/// let (ctx, cancel) = context::with_cancel(&Context::background());
/// cancel.cancel();
/// let cause: Cause = context::cause(&ctx).unwrap();
/// assert_eq!(cause.downcast_ref(), Some(&Error::Canceled));
/// ```
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// What may be given as a cause: an error, a box of one, a text. A [`Cause`] that comes back is not
/// wrapped again.
pub(crate) fn to_cause(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Cause {
    match error.into().downcast::<Cause>() {
        Ok(cause) => *cause,
        Err(error) => Cause::from(error),
    }
}
