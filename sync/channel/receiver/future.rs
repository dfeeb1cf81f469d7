//! `recv_async`: a receive that `async` code awaits.
//!
//! The future waits as a watcher: it is told when there may be something to receive, and then
//! looks, as any other receiver. It is never given a value while it waits, so none is lost with
//! it; and since each event tells all watchers, none is lost by telling one that is gone.

use crate::{
    runtime::{
        goroutine::delayed_spawn::{DelayedSpawn, spawn_delayed},
        sched::waker::WakerUpdate,
    },
    sync::channel::{
        awaited,
        chan::Refused,
        core::{Core, Wait},
        error::RecvError,
        link::{Link, Published},
        receiver::Receiver,
        select_handle::is_ready,
        timer::TimerChan,
        wait::{Partners, QueueKind, Side},
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

/// A receive under way: what [`Receiver::recv_async`] returns.
///
/// Dropping it loses no value, whenever that happens.
///
/// # Examples
/// ```
/// use gort::{runtime::block_on, sync::channel::{RecvError, bounded}};
///
/// let (tx, rx) = bounded(1);
/// block_on(async {
///     drop(rx.recv_async()); // changed its mind
///     tx.send_async("hello").await.unwrap();
///     assert_eq!(rx.recv_async().await, Ok("hello"));
///     drop(tx);
///     assert_eq!(rx.recv_async().await, Err(RecvError));
/// });
/// ```
#[must_use = "futures do nothing unless they are awaited"]
pub struct RecvFuture<'a, T> {
    /// What it receives from.
    receiver: &'a Receiver<T>,
    /// The wait for something to receive.
    listener: Listener,
}

impl<T> Receiver<T> {
    /// Receives in `async` code: the future is ready with a value, or once the channel is empty and
    /// disconnected. Works under every executor; does not park.
    ///
    /// Cancel-safe: a value goes to nobody before a poll takes it, so dropping the future, as
    /// `select!` of an executor does, loses none. While a channel has goroutines parked in
    /// [`recv`](Self::recv), values go to these first. On a channel of capacity 0 a future that
    /// waits is no receiver that [`try_send`](crate::sync::channel::Sender::try_send) finds; all
    /// other sends meet it.
    ///
    /// # Errors
    /// [`RecvError`] once the channel is empty and disconnected.
    ///
    /// # Examples
    /// ```
    /// use gort::{runtime::block_on, sync::channel::bounded};
    ///
    /// let (tx, rx) = bounded(0);
    /// gort::go!(move || tx.send("from a goroutine").unwrap());
    /// assert_eq!(block_on(rx.recv_async()), Ok("from a goroutine"));
    /// ```
    pub fn recv_async(&self) -> RecvFuture<'_, T> {
        RecvFuture {
            receiver: self,
            listener: Listener::default(),
        }
    }
}

impl<T> Future for RecvFuture<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.listener.poll(this.receiver, context)
    }
}

impl<T> Drop for RecvFuture<'_, T> {
    fn drop(&mut self) {
        self.listener.leave(self.receiver);
    }
}

impl<T> fmt::Debug for RecvFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("RecvFuture { .. }")
    }
}

/// What a receiving future waits with; always of the same receiver.
#[derive(Default)]
pub(crate) struct Listener {
    /// The node that stands in the channel's list of watchers. Made by the first poll that must
    /// wait, and used again.
    link: Option<Arc<Link<()>>>,
    /// Whether the link was published and was not seen fired since.
    is_out: bool,
    /// Looks again when a timer's message is due.
    alarm: Option<DelayedSpawn>,
}

impl Listener {
    /// Receives, or has the context's waker told when it is worth another try.
    pub(crate) fn poll<T>(
        &mut self,
        receiver: &Receiver<T>,
        context: &Context<'_>,
    ) -> Poll<Result<T, RecvError>> {
        awaited::poll_with(context, || match receiver.receive(Wait::Never) {
            Err(Refused::Time) => match self.listen(receiver, context) {
                Published::Waiting => Some(Poll::Pending),
                Published::Ready => None,
            },
            done => {
                self.leave(receiver);
                Some(Poll::Ready(done.map_err(|_| RecvError)))
            }
        })
    }

    /// Has the waker told when there may be something; `Ready` if there is already.
    fn listen<T>(&mut self, receiver: &Receiver<T>, context: &Context<'_>) -> Published {
        let timer = receiver.timer();
        let Some(core) = core_of(receiver) else {
            // The receiver is a nil channel's: nobody will ever send.
            return Published::Waiting;
        };
        let link = self.link.get_or_insert_with(Link::receiver);
        if self.is_out {
            // In the list since an earlier poll. The waker is replaced before anything is changed,
            // for its clone may panic.
            if link.cell().update_waker(context.waker()) == WakerUpdate::Fired {
                self.is_out = false;
                return Published::Ready;
            }
        } else {
            link.cell().arm(context.waker());
            // A timer's message cannot be seen before it is due: for that there is the alarm.
            // SAFETY: called under the lock.
            let ready =
                || timer.is_none() && unsafe { is_ready(core, Side::Recv, Partners::of_caller()) };
            // SAFETY: ours, and not out.
            if unsafe { link.publish(core, QueueKind::Watchers, ready) } == Published::Ready {
                return Published::Ready;
            }
            self.is_out = true;
        }
        if let Some(timer) = timer {
            self.set_alarm(timer);
        }
        Published::Waiting
    }

    /// Sets the alarm to the instant of the timer's next message. It stays right: whoever sets the
    /// timer to an earlier instant tells those who wait.
    fn set_alarm(&mut self, timer: &TimerChan) {
        self.stop_alarm();
        let held = timer.core().hold();
        // SAFETY: the lock is held.
        let due = unsafe { timer.due() };
        drop(held);
        if let (Some(due), Some(link)) = (due, &self.link) {
            let link = Arc::clone(link);
            self.alarm = Some(spawn_delayed(due, move || link.cell().nudge()));
        }
    }

    /// Calls the alarm off, if it was set.
    fn stop_alarm(&mut self) {
        if let Some(alarm) = self.alarm.take() {
            // If it has begun to ring, the future looks once in vain.
            let _ = alarm.cancel();
        }
    }

    /// Waits no longer.
    pub(crate) fn leave<T>(&mut self, receiver: &Receiver<T>) {
        self.stop_alarm();
        let Some(core) = core_of(receiver) else {
            return;
        };
        if mem::take(&mut self.is_out)
            && let Some(link) = &self.link
            // SAFETY: ours, published to this core, and not seen fired since.
            && !unsafe { link.withdraw(core) }
        {
            // Claimed: whoever did so still uses the node, so it cannot be used again.
            self.link = None;
        }
    }
}

/// The core of the channel, or of the timer, behind a receiver.
fn core_of<T>(receiver: &Receiver<T>) -> Option<&Core> {
    let chan = receiver.chan().map(|chan| &chan.core);
    chan.or(receiver.timer().map(TimerChan::core))
}
