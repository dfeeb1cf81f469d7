//! The sending face of a channel.

use crate::runtime::park::{self, WaitReason};
use crate::sync::channel::{
    chan::{Chan, Refused},
    core::Wait,
    counter::Counted,
    error::{SendError, SendTimeoutError, TrySendError},
};
use std::{
    fmt,
    mem::ManuallyDrop,
    panic::{RefUnwindSafe, UnwindSafe},
    ptr,
    time::{Duration, Instant},
};

/// The sending side of a channel: Go's `chan<- T`.
///
/// Clones are further handles on the same channel; when the last one is dropped the channel is
/// closed, and receivers see that once they have drained it.
///
/// # Examples
/// ```
/// use gort::sync::channel::unbounded;
/// use std::thread;
///
/// let (tx, rx) = unbounded();
/// let other = tx.clone();
/// thread::spawn(move || tx.send(1).unwrap());
/// thread::spawn(move || other.send(2).unwrap());
/// assert_eq!(rx.iter().sum::<i32>(), 3);
/// ```
pub struct Sender<T> {
    /// A `*mut`: a sender must not be covariant in `T`. Null for Go's nil channel.
    counted: *mut Counted<T>,
}

// SAFETY: it only moves values of `T` from thread to thread; the channel synchronises that.
unsafe impl<T: Send> Send for Sender<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Sender<T> {}

impl<T> UnwindSafe for Sender<T> {}
impl<T> RefUnwindSafe for Sender<T> {}

impl<T> Sender<T> {
    /// A sender that owns one of the channel's sender counts.
    pub(crate) fn from_counted(counted: *mut Counted<T>) -> Self {
        Self { counted }
    }

    /// The channel; none behind [`never_sender`].
    #[inline]
    pub(crate) fn chan(&self) -> Option<&Chan<T>> {
        // SAFETY: if it is not null, this sender's count keeps it alive.
        unsafe { self.counted.as_ref() }.map(Counted::chan)
    }

    /// Sends without waiting. Does not park.
    ///
    /// On a channel of capacity 0 it succeeds only if a receiver is waiting.
    ///
    /// # Errors
    /// [`TrySendError::Full`] if it would have to wait, [`TrySendError::Disconnected`] if the
    /// channel is; both give `msg` back.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{TrySendError, bounded};
    ///
    /// let (tx, rx) = bounded(1);
    /// assert_eq!(tx.try_send(1), Ok(()));
    /// assert_eq!(tx.try_send(2), Err(TrySendError::Full(2)));
    /// drop(rx);
    /// assert_eq!(tx.try_send(3), Err(TrySendError::Disconnected(3)));
    /// ```
    pub fn try_send(&self, msg: T) -> Result<(), TrySendError<T>> {
        self.transfer(msg, Wait::Never, |msg, why| match why {
            Refused::Closed => TrySendError::Disconnected(msg),
            Refused::Time => TrySendError::Full(msg),
        })
    }

    /// Sends: Go's `ch <- msg`. Parks while the channel is full; on a channel of capacity 0, until
    /// a receiver takes `msg`.
    ///
    /// # Errors
    /// [`SendError`] gives `msg` back if the channel is, or meanwhile becomes, disconnected.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{SendError, bounded};
    /// use std::thread;
    ///
    /// let (tx, rx) = bounded(0);
    /// let receiver = thread::spawn(move || rx.recv());
    /// assert_eq!(tx.send("hello"), Ok(()));
    /// assert_eq!(receiver.join().unwrap(), Ok("hello"));
    /// assert_eq!(tx.send("anybody there?"), Err(SendError("anybody there?")));
    /// ```
    #[inline]
    pub fn send(&self, msg: T) -> Result<(), SendError<T>> {
        self.transfer(msg, Wait::Forever, |msg, _| SendError(msg))
    }

    /// Sends, parking for at most `timeout`.
    ///
    /// # Errors
    /// [`SendTimeoutError`] gives `msg` back when the time is up or the channel is disconnected.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{SendTimeoutError, bounded};
    /// use std::time::Duration;
    ///
    /// let (tx, _rx) = bounded(0);
    /// assert_eq!(tx.send_timeout(1, Duration::from_millis(5)), Err(SendTimeoutError::Timeout(1)));
    /// ```
    pub fn send_timeout(&self, msg: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_within(msg, Wait::at_most(timeout))
    }

    /// Sends, parking until `deadline` at the latest.
    ///
    /// # Errors
    /// As [`send_timeout`](Self::send_timeout).
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::bounded;
    /// use std::time::{Duration, Instant};
    ///
    /// let (tx, _rx) = bounded(0);
    /// let deadline = Instant::now() + Duration::from_millis(5);
    /// assert!(tx.send_deadline(1, deadline).unwrap_err().is_timeout());
    /// ```
    pub fn send_deadline(&self, msg: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_within(msg, Wait::until(deadline))
    }

    /// Sends, and makes the error of the value and the reason. (Large values are moved no more
    /// often than must be.)
    #[inline(always)]
    pub(crate) fn transfer<E>(
        &self,
        msg: T,
        wait: Wait,
        error: fn(T, Refused) -> E,
    ) -> Result<(), E> {
        let Some(chan) = self.chan() else {
            return Err(error(msg, never_send(wait)));
        };
        let mut slot = ManuallyDrop::new(msg);
        // SAFETY: the slot holds a value. On an error it still does, and nobody else knows of it.
        unsafe {
            match chan.send(&raw mut *slot, wait) {
                Ok(()) => Ok(()),
                Err(why) => Err(error(ManuallyDrop::take(&mut slot), why)),
            }
        }
    }

    fn send_within(&self, msg: T, wait: Wait) -> Result<(), SendTimeoutError<T>> {
        if wait == Wait::Never {
            // With no time given: it may be polling.
            park::yield_if_over_budget();
        }
        self.transfer(msg, wait, |msg, why| match why {
            Refused::Closed => SendTimeoutError::Disconnected(msg),
            Refused::Time => SendTimeoutError::Timeout(msg),
        })
    }

    /// Closes the channel: Go's `close(ch)`. Does not park. Closing again changes nothing.
    ///
    /// From now on sends fail and give their value back, also those that are waiting; receivers get
    /// what is buffered and then see the channel disconnected.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{RecvError, SendError, bounded};
    ///
    /// let (tx, rx) = bounded(2);
    /// tx.send(1).unwrap();
    /// tx.close();
    /// assert_eq!(tx.send(2), Err(SendError(2)));
    /// assert_eq!(rx.recv(), Ok(1));
    /// assert_eq!(rx.recv(), Err(RecvError));
    /// ```
    pub fn close(&self) {
        if let Some(chan) = self.chan() {
            chan.core.close();
        }
    }

    /// Has [`Receiver::close`](crate::sync::channel::Receiver::close) do nothing; before a receiver
    /// is handed out.
    pub(crate) fn seal(&self) {
        if let Some(chan) = self.chan() {
            chan.core.seal();
        }
    }

    /// Whether the channel has been closed, or all its receivers dropped. Does not park.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = gort::sync::channel::bounded::<i32>(1);
    /// assert!(!tx.is_closed());
    /// drop(rx);
    /// assert!(tx.is_closed());
    /// ```
    pub fn is_closed(&self) -> bool {
        self.chan().is_some_and(|chan| chan.core.is_closed())
    }

    /// Whether the channel holds no value; always so for capacity 0. Does not park.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = gort::sync::channel::bounded(1);
    /// assert!(tx.is_empty());
    /// tx.send(1).unwrap();
    /// assert!(!tx.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the channel holds as many values as it can; always so for capacity 0. Does not park.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = gort::sync::channel::bounded(1);
    /// assert!(!tx.is_full());
    /// tx.send(1).unwrap();
    /// assert!(tx.is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        self.chan().is_none_or(|chan| chan.core.is_full())
    }

    /// How many values the channel holds: Go's `len(ch)`. Does not park.
    ///
    /// # Examples
    /// ```
    /// let (tx, _rx) = gort::sync::channel::unbounded();
    /// tx.send(1).unwrap();
    /// tx.send(2).unwrap();
    /// assert_eq!(tx.len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.chan().map_or(0, |chan| chan.core.count())
    }

    /// How many values the channel can hold: Go's `cap(ch)`; `None` if unbounded. Does not park.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{bounded, unbounded};
    ///
    /// assert_eq!(bounded::<i32>(5).0.capacity(), Some(5));
    /// assert_eq!(unbounded::<i32>().0.capacity(), None);
    /// ```
    pub fn capacity(&self) -> Option<usize> {
        self.chan().map_or(Some(0), |chan| chan.core.capacity())
    }

    /// Whether both senders belong to the same channel. Does not park.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::unbounded;
    ///
    /// let (tx, _rx) = unbounded::<i32>();
    /// assert!(tx.same_channel(&tx.clone()));
    /// assert!(!tx.same_channel(&unbounded().0));
    /// ```
    pub fn same_channel(&self, other: &Sender<T>) -> bool {
        ptr::eq(self.counted, other.counted)
    }
}

/// A sender that never sends anything and is never disconnected: Go's nil channel, as
/// [`never`](crate::sync::channel::never()) is for receivers. Does not park.
///
/// For an arm of a `select!` that is switched off. [`send`](Sender::send) parks for ever,
/// `try_send` gives the message back, as `Full`; closing it does nothing.
///
/// # Examples
/// ```
/// use gort::{select, sync::channel::{TrySendError, bounded, never_sender}};
///
/// let (tx, rx) = bounded(1);
/// let off = never_sender();
/// for is_open in [false, true] {
///     select! {
///         send(if is_open { &tx } else { &off }, 7) -> res => assert_eq!(res, Ok(())),
///         default => assert!(!is_open),
///     }
/// }
/// assert_eq!(rx.recv(), Ok(7));
/// assert_eq!(off.try_send(8), Err(TrySendError::Full(8)));
/// ```
#[doc(alias = "nil")]
pub const fn never_sender<T>() -> Sender<T> {
    Sender {
        counted: ptr::null_mut(),
    }
}

/// Waits on a nil channel.
#[cold]
fn never_send(wait: Wait) -> Refused {
    if wait != Wait::Never {
        park::check_may_park();
        // Nobody holds this park's unparker, so it ends by the deadline only.
        let _ = wait.park(WaitReason::ChanSend);
    }
    Refused::Time
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        // SAFETY: if it is not null, this sender's count keeps it alive.
        if let Some(counted) = unsafe { self.counted.as_ref() } {
            counted.add_sender();
        }
        Self {
            counted: self.counted,
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if !self.counted.is_null() {
            // SAFETY: this sender owns one count, and is gone after this.
            unsafe { Counted::drop_sender(self.counted) }
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sender { .. }")
    }
}
