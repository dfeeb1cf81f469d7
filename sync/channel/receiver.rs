//! The receiving face of a channel.

use crate::runtime::park::{self, WaitReason};
use crate::sync::channel::{
    chan::{Chan, Refused},
    core::Wait,
    counter::Counted,
    error::{RecvError, RecvTimeoutError, TryRecvError},
    timer::TimerChan,
};
use std::{
    fmt, mem,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
    time::{Duration, Instant},
};

/// The receiving side of a channel: Go's `<-chan T`.
///
/// Clones are further handles on the same channel: each value goes to one of them. When the last
/// one is dropped the channel is closed and the values still in it are dropped (if one of them
/// panics at that, those after it are leaked). Nobody sends to those of
/// [`after`](crate::sync::channel::after), [`at`](crate::sync::channel::at),
/// [`tick`](crate::sync::channel::tick) and [`never()`]: the clock does, or nobody.
///
/// # Examples
/// ```
/// use gort::sync::channel::unbounded;
///
/// let (tx, rx) = unbounded();
/// tx.send("hello").unwrap();
/// drop(tx);
/// assert_eq!(rx.recv(), Ok("hello"));
/// assert!(rx.recv().is_err());
/// ```
pub struct Receiver<T> {
    /// What is behind it.
    flavor: Flavor<T>,
}

/// What stands behind a receiver.
enum Flavor<T> {
    /// A channel, of any capacity. A `*mut`: not covariant, as the sender.
    Chan(*mut Counted<T>),
    /// A channel that the clock fills. Only where `T` is `Instant`: see `from_timer`.
    Timer(Arc<TimerChan>),
    /// Go's nil channel.
    Never,
}

// SAFETY: it only moves values of `T` from thread to thread; the channel synchronises that.
unsafe impl<T: Send> Send for Receiver<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Receiver<T> {}

impl<T> UnwindSafe for Receiver<T> {}
impl<T> RefUnwindSafe for Receiver<T> {}

/// A receiver that never receives anything and never disconnects: Go's nil channel.
///
/// For an arm of a `select!` that is switched off. Its counterpart for sends is
/// [`never_sender`](crate::sync::channel::never_sender()).
///
/// # Examples
/// ```
/// use gort::sync::channel::{TryRecvError, never};
///
/// assert_eq!(never::<i32>().try_recv(), Err(TryRecvError::Empty));
/// ```
#[doc(alias = "nil")]
pub const fn never<T>() -> Receiver<T> {
    Receiver {
        flavor: Flavor::Never,
    }
}

impl Receiver<Instant> {
    /// A receiver of a timer's messages.
    pub(crate) fn from_timer(timer: TimerChan) -> Self {
        Self {
            flavor: Flavor::Timer(Arc::new(timer)),
        }
    }
}

impl<T> Receiver<T> {
    /// A receiver that owns one of the channel's receiver counts.
    pub(crate) fn from_counted(counted: *mut Counted<T>) -> Self {
        Self {
            flavor: Flavor::Chan(counted),
        }
    }

    /// The channel; none behind [`never`] and timers.
    #[inline]
    pub(crate) fn chan(&self) -> Option<&Chan<T>> {
        match self.flavor {
            // SAFETY: this receiver's count keeps it alive.
            Flavor::Chan(counted) => Some(unsafe { &*counted }.chan()),
            Flavor::Timer(_) | Flavor::Never => None,
        }
    }

    /// The timer, if it is one.
    pub(crate) fn timer(&self) -> Option<&TimerChan> {
        match &self.flavor {
            Flavor::Timer(timer) => Some(timer),
            Flavor::Chan(_) | Flavor::Never => None,
        }
    }

    #[inline]
    pub(crate) fn receive(&self, wait: Wait) -> Result<T, Refused> {
        let Some(chan) = self.chan() else {
            return self.receive_unsent(wait);
        };
        chan.recv(wait)
    }

    /// Receives where nobody can send.
    #[cold]
    fn receive_unsent(&self, wait: Wait) -> Result<T, Refused> {
        let Some(timer) = self.timer() else {
            return Err(never_receive(wait));
        };
        let message: Instant = timer.recv(wait)?;
        // SAFETY: only `from_timer` makes a timer's receiver, so `T` is `Instant`.
        Ok(unsafe { mem::transmute_copy(&message) })
    }

    /// Receives without waiting. Does not park, but for a `select!` that waits to send on a channel
    /// of capacity 0: it makes its message once it has been chosen, and has 10 ms for that.
    ///
    /// On a channel of capacity 0 it succeeds only if a sender is waiting. A goroutine that has
    /// kept its worker for more than 1 ms, and so may be polling, yields before it is told `Empty`.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] if it would have to wait; [`TryRecvError::Disconnected`] if the
    /// channel is empty and disconnected.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{TryRecvError, unbounded};
    ///
    /// let (tx, rx) = unbounded();
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    /// tx.send(5).unwrap();
    /// drop(tx);
    /// assert_eq!(rx.try_recv(), Ok(5));
    /// assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    #[inline]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.receive(Wait::Never).map_err(|why| match why {
            Refused::Closed => TryRecvError::Disconnected,
            Refused::Time => {
                park::yield_if_over_budget();
                TryRecvError::Empty
            }
        })
    }

    /// Receives: Go's `<-ch`. Parks while the channel is empty.
    ///
    /// # Errors
    /// [`RecvError`] once the channel is empty and disconnected (Go's `v, ok := <-ch` with
    /// `ok == false`).
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{RecvError, bounded};
    /// use std::thread;
    ///
    /// let (tx, rx) = bounded(0);
    /// thread::spawn(move || tx.send(5).unwrap());
    /// assert_eq!(rx.recv(), Ok(5));
    /// assert_eq!(rx.recv(), Err(RecvError));
    /// ```
    #[inline]
    pub fn recv(&self) -> Result<T, RecvError> {
        self.receive(Wait::Forever).map_err(|_| RecvError)
    }

    /// Receives, parking for at most `timeout`, and at most 10 ms longer for a message that a
    /// chosen `select!` is making by then.
    ///
    /// # Errors
    /// [`RecvTimeoutError`] when the time is up, or the channel is empty and disconnected.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{RecvTimeoutError, unbounded};
    /// use std::time::Duration;
    ///
    /// let (_tx, rx) = unbounded::<i32>();
    /// assert_eq!(rx.recv_timeout(Duration::from_millis(5)), Err(RecvTimeoutError::Timeout));
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.recv_within(Wait::at_most(timeout))
    }

    /// Receives, parking until `deadline` at the latest.
    ///
    /// # Errors
    /// As [`recv_timeout`](Self::recv_timeout).
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::unbounded;
    /// use std::time::{Duration, Instant};
    ///
    /// let (_tx, rx) = unbounded::<i32>();
    /// let deadline = Instant::now() + Duration::from_millis(5);
    /// assert!(rx.recv_deadline(deadline).unwrap_err().is_timeout());
    /// ```
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.recv_within(Wait::until(deadline))
    }

    fn recv_within(&self, wait: Wait) -> Result<T, RecvTimeoutError> {
        self.receive(wait).map_err(|why| {
            if wait == Wait::Never {
                // With no time given: it may be polling.
                park::yield_if_over_budget();
            }
            match why {
                Refused::Closed => RecvTimeoutError::Disconnected,
                Refused::Time => RecvTimeoutError::Timeout,
            }
        })
    }

    /// Closes the channel from the receiving side. Does not park. Closing again changes nothing.
    ///
    /// Means the same as [`Sender::close`](crate::sync::channel::Sender::close): sends fail and
    /// give their value back, what is buffered can still be received. Has no effect on [`never()`],
    /// on timers, and on [`Context::done`](crate::context::Context::done).
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = gort::sync::channel::unbounded();
    /// tx.send(1).unwrap();
    /// rx.close();
    /// assert!(tx.send(2).is_err());
    /// assert_eq!(rx.iter().collect::<Vec<_>>(), [1]);
    /// ```
    pub fn close(&self) {
        if let Some(chan) = self.chan() {
            chan.core.close_by_receiver();
        }
    }

    /// Whether the channel has been closed, or all its senders dropped; it may still hold values.
    /// Does not park.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = gort::sync::channel::bounded::<i32>(1);
    /// assert!(!rx.is_closed());
    /// tx.close();
    /// assert!(rx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.chan().is_some_and(|chan| chan.core.is_closed())
    }

    /// Whether the channel holds no value; always so for capacity 0. Does not park.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = gort::sync::channel::unbounded();
    /// assert!(rx.is_empty());
    /// tx.send(1).unwrap();
    /// assert!(!rx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the channel holds as many values as it can; always so for capacity 0. Does not park.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = gort::sync::channel::bounded(1);
    /// assert!(!rx.is_full());
    /// tx.send(1).unwrap();
    /// assert!(rx.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        match &self.flavor {
            Flavor::Chan(_) => self.chan().is_some_and(|chan| chan.core.is_full()),
            Flavor::Timer(timer) => timer.is_due(),
            Flavor::Never => true,
        }
    }

    /// How many values the channel holds: Go's `len(ch)`. Does not park.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = gort::sync::channel::unbounded();
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        match &self.flavor {
            Flavor::Chan(_) => self.chan().map_or(0, |chan| chan.core.count()),
            Flavor::Timer(timer) => usize::from(timer.is_due()),
            Flavor::Never => 0,
        }
    }

    /// How many values the channel can hold: Go's `cap(ch)`; `None` if unbounded. Does not park.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{bounded, never, unbounded};
    ///
    /// assert_eq!(bounded::<i32>(5).1.capacity(), Some(5));
    /// assert_eq!(unbounded::<i32>().1.capacity(), None);
    /// assert_eq!(never::<i32>().capacity(), Some(0));
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        match &self.flavor {
            Flavor::Chan(_) => self.chan().and_then(|chan| chan.core.capacity()),
            Flavor::Timer(timer) => timer.core().capacity(),
            Flavor::Never => Some(0),
        }
    }

    /// Whether both receivers belong to the same channel. Does not park.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::unbounded;
    ///
    /// let (_tx, rx) = unbounded::<i32>();
    /// assert!(rx.same_channel(&rx.clone()));
    /// assert!(!rx.same_channel(&unbounded().1));
    /// ```
    pub fn same_channel(&self, other: &Receiver<T>) -> bool {
        match (&self.flavor, &other.flavor) {
            (Flavor::Chan(one), Flavor::Chan(two)) => std::ptr::eq(*one, *two),
            (Flavor::Timer(one), Flavor::Timer(two)) => Arc::ptr_eq(one, two),
            (Flavor::Never, Flavor::Never) => true,
            _ => false,
        }
    }
}

/// Waits on a nil channel.
#[cold]
fn never_receive(wait: Wait) -> Refused {
    if wait != Wait::Never {
        park::check_may_park();
        // Nobody holds this park's unparker, so it ends by the deadline only.
        let _ = wait.park(WaitReason::ChanRecv);
    }
    Refused::Time
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        match &self.flavor {
            &Flavor::Chan(counted) => {
                // SAFETY: this receiver's count keeps it alive.
                unsafe { &*counted }.add_receiver();
                Self::from_counted(counted)
            }
            Flavor::Timer(timer) => Self {
                flavor: Flavor::Timer(Arc::clone(timer)),
            },
            Flavor::Never => never(),
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Flavor::Chan(counted) = self.flavor {
            // SAFETY: this receiver owns one count, and is gone after this.
            unsafe { Counted::drop_receiver(counted) }
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Receiver { .. }")
    }
}
