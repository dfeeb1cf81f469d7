//! A sender as a sink of `futures_sink`.

use crate::sync::channel::{
    awaited::MaybeOwned, chan::Refused, core::Wait, error::SendError, send_future::Message,
    sender::Sender,
};
use futures_sink::Sink;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

/// A sender as a [`Sink`]: what [`Sender::sink`] and [`Sender::into_sink`] return.
///
/// - `start_send` sends at once if the channel has room. If it has not, the sink keeps the value,
///   and sends it while `poll_ready`, `poll_flush` or `poll_close` is polled. It keeps one value at
///   most, and waits in the same queue as parked senders.
/// - `poll_ready` and `poll_flush` are ready when the channel has taken that value; on a channel of
///   capacity 0, when a receiver has.
/// - `poll_close` flushes, and then drops the sender if the sink owns it: the channel is closed if
///   that was the last one, and stays open for the others. A sink that has borrowed its sender only
///   gives it up.
///
/// A value that was not sent when the sink is dropped is dropped with it. Needs the feature `sink`,
/// which is on by default. Its methods do not park.
///
/// # Errors
/// [`SendError`] gives the value back if the channel is, or meanwhile becomes, disconnected, or if
/// the sink was closed. After that the sink holds no value, and can be used as before.
///
/// # Panics
/// `start_send` panics if the sink still has a value: if `poll_ready` did not come before it.
///
/// # Examples
/// ```
/// use futures_sink::Sink;
/// use gort::{runtime::block_on, sync::channel::bounded};
/// use std::{future::poll_fn, pin::Pin};
///
/// let (tx, rx) = bounded(1);
/// let receiver = gort::go!(move || rx.iter().sum::<i32>());
/// let mut sink = tx.into_sink();
/// block_on(async {
///     for n in 1..=3 {
///         poll_fn(|cx| Pin::new(&mut sink).poll_ready(cx)).await.unwrap();
///         Pin::new(&mut sink).start_send(n).unwrap();
///     }
///     poll_fn(|cx| Pin::new(&mut sink).poll_close(cx)).await.unwrap();
/// });
/// assert_eq!(receiver.join().unwrap(), 6);
/// ```
#[must_use = "sinks do nothing unless they are polled"]
pub struct SendSink<'a, T> {
    /// Through which it sends; none once it is closed.
    sender: Option<MaybeOwned<'a, Sender<T>>>,
    /// The value that the channel has not taken yet, if there is one.
    message: Message<T>,
}

impl<T> Sender<T> {
    /// The sender as a sink: each value is one [`send_async`](Self::send_async). Does not park.
    ///
    /// # Examples
    /// ```
    /// use futures_sink::Sink;
    /// use gort::sync::channel::unbounded;
    /// use std::pin::pin;
    ///
    /// let (tx, rx) = unbounded();
    /// let mut sink = pin!(tx.sink());
    /// sink.as_mut().start_send("at once").unwrap();
    /// assert_eq!(rx.recv(), Ok("at once"));
    /// ```
    pub fn sink(&self) -> SendSink<'_, T> {
        SendSink::new(MaybeOwned::Borrowed(self))
    }

    /// As [`sink`](Self::sink), with the sender inside.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{SendSink, bounded};
    ///
    /// fn printer() -> SendSink<'static, String> {
    ///     let (tx, rx) = bounded(10);
    ///     gort::go!(move || rx.iter().for_each(|line: String| println!("{line}")));
    ///     tx.into_sink()
    /// }
    /// drop(printer());
    /// ```
    pub fn into_sink(self) -> SendSink<'static, T> {
        SendSink::new(MaybeOwned::Owned(self))
    }
}

impl<'a, T> SendSink<'a, T> {
    fn new(sender: MaybeOwned<'a, Sender<T>>) -> Self {
        Self {
            sender: Some(sender),
            message: Message::Gone,
        }
    }
}

// The value is never pinned: it is moved when the sink begins to wait.
impl<T> Unpin for SendSink<'_, T> {}

impl<T> Sink<T> for SendSink<'_, T> {
    type Error = SendError<T>;

    fn poll_ready(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        self.poll_flush(context)
    }

    fn start_send(self: Pin<&mut Self>, msg: T) -> Result<(), SendError<T>> {
        let this = self.get_mut();
        if !this.message.is_gone() {
            panic!("gort: a `SendSink` was given a value before it was ready");
        }
        let Some(sender) = &this.sender else {
            return Err(SendError(msg));
        };
        let sent = sender
            .as_ref()
            .transfer(msg, Wait::Never, |msg, why| (msg, why));
        match sent {
            Ok(()) => Ok(()),
            Err((msg, Refused::Closed)) => Err(SendError(msg)),
            // No room: the sink keeps the value, and `poll_flush` sends it.
            Err((msg, Refused::Time)) => {
                this.message = Message::Value(msg);
                Ok(())
            }
        }
    }

    fn poll_flush(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let this = self.get_mut();
        match &this.sender {
            Some(sender) => this.message.poll(sender.as_ref(), context),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        let poll = self.as_mut().poll_flush(context);
        if poll.is_ready() {
            self.sender = None;
        }
        poll
    }
}

impl<T> Drop for SendSink<'_, T> {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            self.message.take_back(sender.as_ref());
        }
    }
}

impl<T> fmt::Debug for SendSink<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SendSink { .. }")
    }
}
