//! `send_async`: a send that `async` code awaits.
//!
//! The future waits as a sender that is parked: a receiver takes its value, or moves it into the
//! buffer, and then wakes it. If it is dropped before, its node is taken out of the list, and the
//! value is dropped with it.

use crate::{
    runtime::sched::waker::WakerUpdate,
    sync::channel::{
        awaited,
        chan::Refused,
        core::Wait,
        error::SendError,
        link::{Link, Published},
        select_handle::is_ready,
        sender::Sender,
        wait::{OpOutcome, Partners, QueueKind, Side},
    },
};
use std::{
    fmt,
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

/// A send under way: what [`Sender::send_async`] returns.
///
/// Dropping it before it is ready drops the value, unless a receiver has taken it already.
///
/// # Panics
/// If it is polled again after it was ready.
///
/// # Examples
/// ```
/// use gort::{runtime::block_on, sync::channel::{SendError, bounded}};
///
/// let (tx, rx) = bounded(1);
/// block_on(async {
///     tx.send_async(1).await.unwrap();
///     drop(tx.send_async(2)); // was never polled: 2 is dropped
///     assert_eq!(rx.recv_async().await, Ok(1));
///     drop(rx);
///     assert_eq!(tx.send_async(3).await, Err(SendError(3)));
/// });
/// ```
#[must_use = "futures do nothing unless they are awaited"]
pub struct SendFuture<'a, T> {
    /// Through which it sends.
    sender: &'a Sender<T>,
    /// The value, or the wait for a receiver that takes it.
    message: Message<T>,
}

// The value is never pinned: it is moved when the future begins to wait.
impl<T> Unpin for SendFuture<'_, T> {}

impl<T> Sender<T> {
    /// Sends in `async` code: the future is ready when the channel has taken `msg`; on a channel of
    /// capacity 0, when a receiver has. Works under every executor; does not park.
    ///
    /// If the future is dropped before it is ready, `msg` is dropped and not sent, unless a
    /// receiver has taken it, or moved it into the buffer, in that moment: it is never lost and
    /// never sent twice. Sends that wait are served in their order, be they futures or parked
    /// goroutines.
    ///
    /// # Errors
    /// [`SendError`] gives `msg` back if the channel is, or meanwhile becomes, disconnected.
    ///
    /// # Examples
    /// ```
    /// use gort::{runtime::block_on, sync::channel::bounded};
    ///
    /// let (tx, rx) = bounded(0);
    /// let receiver = gort::go!(move || rx.recv().unwrap());
    /// block_on(tx.send_async("to a goroutine")).unwrap();
    /// assert_eq!(receiver.join().unwrap(), "to a goroutine");
    /// ```
    pub fn send_async(&self, msg: T) -> SendFuture<'_, T> {
        SendFuture {
            sender: self,
            message: Message::Value(msg),
        }
    }
}

impl<T> Future for SendFuture<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.message.is_gone() {
            panic!("gort: a `SendFuture` was polled after it was ready");
        }
        let sender = self.sender;
        self.message.poll(sender, context)
    }
}

impl<T> Drop for SendFuture<'_, T> {
    fn drop(&mut self) {
        self.message.take_back(self.sender);
    }
}

impl<T> fmt::Debug for SendFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SendFuture { .. }")
    }
}

/// What a sending future, or a sink, has to send; always with the same sender.
pub(crate) enum Message<T> {
    /// It does not wait.
    Value(T),
    /// It waits, with the value.
    Waiting(Arc<Link<T>>),
    /// It was sent or given back, or there was none.
    Gone,
}

impl<T> Message<T> {
    pub(crate) fn is_gone(&self) -> bool {
        matches!(self, Self::Gone)
    }

    /// Sends it, or has the context's waker told when that was done. Ready if it is gone.
    pub(crate) fn poll(
        &mut self,
        sender: &Sender<T>,
        context: &Context<'_>,
    ) -> Poll<Result<(), SendError<T>>> {
        awaited::poll_with(context, || self.attempt(sender, context))
    }

    /// One attempt to send, or to wait; `None`: others were faster, or made room meanwhile.
    fn attempt(
        &mut self,
        sender: &Sender<T>,
        context: &Context<'_>,
    ) -> Option<Poll<Result<(), SendError<T>>>> {
        // It waits, and nobody has taken the value yet. The waker is replaced before anything is
        // changed, for its clone may panic.
        if let Self::Waiting(link) = self
            && link.cell().update_waker(context.waker()) == WakerUpdate::Waiting
        {
            return Some(Poll::Pending);
        }
        match mem::replace(self, Self::Gone) {
            // Not waiting: send at once if that is possible, else begin to wait.
            Self::Value(msg) => match sender.transfer(msg, Wait::Never, |msg, why| (msg, why)) {
                Ok(()) => Some(Poll::Ready(Ok(()))),
                Err((msg, Refused::Closed)) => Some(Poll::Ready(Err(SendError(msg)))),
                Err((msg, Refused::Time)) => self.wait(msg, sender, context),
            },
            // The wait is over: a receiver has taken the value, or the channel was closed.
            Self::Waiting(link) => Some(Poll::Ready(match link.outcome() {
                OpOutcome::Done => Ok(()),
                // SAFETY: fired, and not done.
                _ => Err(SendError(unsafe { link.take_value() })),
            })),
            // Nothing to send: a sink without a value.
            Self::Gone => Some(Poll::Ready(Ok(()))),
        }
    }

    /// Begins to wait; `None`: it need not.
    fn wait<R>(&mut self, msg: T, sender: &Sender<T>, context: &Context<'_>) -> Option<Poll<R>> {
        let Some(chan) = sender.chan() else {
            // The sender is a nil channel's: nobody will ever receive.
            *self = Self::Value(msg);
            return Some(Poll::Pending);
        };
        let core = &chan.core;
        let link = Link::sender(msg);
        link.cell().arm(context.waker());
        // SAFETY: called under the lock.
        let ready = || unsafe { is_ready(core, Side::Send, Partners::All) };
        // SAFETY: ours, and new.
        if unsafe { link.publish(core, QueueKind::Senders, ready) } == Published::Ready {
            // SAFETY: it was not published.
            *self = Self::Value(unsafe { link.take_value() });
            return None;
        }
        *self = Self::Waiting(link);
        Some(Poll::Pending)
    }

    /// Waits no longer; the value is dropped, unless a receiver has it.
    pub(crate) fn take_back(&mut self, sender: &Sender<T>) {
        if let (Self::Waiting(link), Some(chan)) = (&*self, sender.chan()) {
            // If it was claimed, who did that has the value, or leaves it to the link.
            // SAFETY: ours, published to this core, and not seen fired since.
            let _ = unsafe { link.withdraw(&chan.core) };
        }
        *self = Self::Gone;
    }
}
