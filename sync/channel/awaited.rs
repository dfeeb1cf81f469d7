//! What the futures of both sides, the stream and the sink have in common.

use crate::runtime::park;
use std::task::{Context, Poll};

/// How often a poll looks and is overtaken before it lets others of its executor run.
const TRIES: u32 = 4;

/// Polls an operation: `attempt` does it, or begins to wait, or says by `None` that others were
/// faster, so that it is worth another look. A poll that is ready may end the goroutine's turn.
pub(crate) fn poll_with<R>(
    context: &Context<'_>,
    mut attempt: impl FnMut() -> Option<Poll<R>>,
) -> Poll<R> {
    for _ in 0..TRIES {
        if let Some(poll) = attempt() {
            if poll.is_ready() {
                park::yield_if_over_budget();
            }
            return poll;
        }
    }
    context.waker().wake_by_ref();
    Poll::Pending
}

/// A side of a channel, lent to a stream or a sink, or given to it.
#[cfg(any(feature = "sink", feature = "stream"))]
pub(crate) enum MaybeOwned<'a, S> {
    Owned(S),
    Borrowed(&'a S),
}

#[cfg(any(feature = "sink", feature = "stream"))]
impl<S> AsRef<S> for MaybeOwned<'_, S> {
    fn as_ref(&self) -> &S {
        match self {
            Self::Owned(side) => side,
            Self::Borrowed(side) => side,
        }
    }
}
