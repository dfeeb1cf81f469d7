//! A receiver as a stream of `futures_core`.

use crate::sync::channel::{awaited::MaybeOwned, receiver::Receiver, recv_future::Listener};
use futures_core::{FusedStream, Stream};
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// The values of a channel as a [`Stream`]: what [`Receiver::stream`] and
/// [`Receiver::into_stream`] return.
///
/// It ends once the channel is empty and disconnected. Dropping it, or a future of one of its
/// values, loses no value. Needs the feature `stream`, which is on by default.
///
/// # Examples
/// ```
/// use futures_core::Stream;
/// use gort::{runtime::block_on, sync::channel::unbounded};
/// use std::{future::poll_fn, pin::Pin};
///
/// let (tx, rx) = unbounded();
/// gort::go!(move || (1..=3).for_each(|n| tx.send(n).unwrap()));
/// let mut stream = rx.into_stream();
/// let sum = block_on(async {
///     let mut sum = 0;
///     while let Some(n) = poll_fn(|cx| Pin::new(&mut stream).poll_next(cx)).await {
///         sum += n;
///     }
///     sum
/// });
/// assert_eq!(sum, 6);
/// ```
#[must_use = "streams do nothing unless they are polled"]
pub struct RecvStream<'a, T> {
    /// What it receives from.
    receiver: MaybeOwned<'a, Receiver<T>>,
    /// The wait for the next value.
    listener: Listener,
    /// Whether a poll has found the channel closed and empty.
    has_ended: bool,
}

impl<T> Receiver<T> {
    /// The values that come, as a stream: each is one [`recv_async`](Self::recv_async). Does not
    /// park.
    ///
    /// # Examples
    /// ```
    /// use futures_core::Stream;
    /// use gort::{runtime::block_on, sync::channel::unbounded};
    /// use std::{future::poll_fn, pin::pin};
    ///
    /// let (tx, rx) = unbounded();
    /// tx.send(1).unwrap();
    /// let mut stream = pin!(rx.stream());
    /// assert_eq!(block_on(poll_fn(|cx| stream.as_mut().poll_next(cx))), Some(1));
    /// drop(tx);
    /// assert_eq!(block_on(poll_fn(|cx| stream.as_mut().poll_next(cx))), None);
    /// ```
    pub fn stream(&self) -> RecvStream<'_, T> {
        RecvStream::new(MaybeOwned::Borrowed(self))
    }

    /// As [`stream`](Self::stream), with the receiver inside.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{RecvStream, unbounded};
    ///
    /// fn numbers() -> RecvStream<'static, u32> {
    ///     let (tx, rx) = unbounded();
    ///     gort::go!(move || (0..10).for_each(|n| tx.send(n).unwrap()));
    ///     rx.into_stream()
    /// }
    /// drop(numbers());
    /// ```
    pub fn into_stream(self) -> RecvStream<'static, T> {
        RecvStream::new(MaybeOwned::Owned(self))
    }
}

impl<'a, T> RecvStream<'a, T> {
    fn new(receiver: MaybeOwned<'a, Receiver<T>>) -> Self {
        Self {
            receiver,
            listener: Listener::default(),
            has_ended: false,
        }
    }
}

impl<T> Unpin for RecvStream<'_, T> {}

impl<T> Stream for RecvStream<'_, T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.get_mut();
        let poll = this.listener.poll(this.receiver.as_ref(), context);
        poll.map(|received| {
            this.has_ended = received.is_err();
            received.ok()
        })
    }
}

impl<T> FusedStream for RecvStream<'_, T> {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

impl<T> Drop for RecvStream<'_, T> {
    fn drop(&mut self) {
        self.listener.leave(self.receiver.as_ref());
    }
}

impl<T> fmt::Debug for RecvStream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("RecvStream { .. }")
    }
}
