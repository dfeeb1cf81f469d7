//! The errors of channel operations, under the names of `crossbeam_channel`.
//!
//! A send that fails gives the value back, in every error. One macro writes what the three sending
//! errors have in common, one what the value-free errors have; each type with its methods stands
//! below in full.

use std::{error, fmt};

/// `Display` and `Error` of an error without a value: one text per case.
macro_rules! texts {
    ($name:ident { $($pattern:pat => $text:literal,)+ }) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self {
                    $($pattern => $text,)+
                })
            }
        }

        impl error::Error for $name {}
    };
}

/// `Debug`, `Display` and `Error` of an error that holds a value, which need not be `Debug` itself.
macro_rules! texts_with_value {
    ($name:ident { $($pattern:pat => $debug:literal, $text:literal,)+ }) => {
        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self {
                    $($pattern => $debug,)+
                })
            }
        }

        impl<T> fmt::Display for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self {
                    $($pattern => $text,)+
                })
            }
        }

        impl<T: Send> error::Error for $name<T> {}
    };
}

/// Sending failed: the channel is disconnected. Holds the value.
///
/// From [`Sender::send`](crate::sync::channel::Sender::send).
///
/// ```
/// use gort::sync::channel::{SendError, bounded};
///
/// let (tx, rx) = bounded(1);
/// drop(rx);
/// let error = tx.send(5).unwrap_err();
/// assert_eq!(error, SendError(5));
/// assert_eq!(error.to_string(), "sending on a disconnected channel");
/// ```
#[derive(PartialEq, Eq, Clone, Copy)]
pub struct SendError<T>(pub T);

texts_with_value!(SendError {
    Self(_) => "SendError(..)", "sending on a disconnected channel",
});

impl<T> SendError<T> {
    /// The value that was not sent.
    ///
    /// ```
    /// use gort::sync::channel::bounded;
    ///
    /// let (tx, rx) = bounded(1);
    /// drop(rx);
    /// assert_eq!(tx.send("letter").unwrap_err().into_inner(), "letter");
    /// ```
    pub fn into_inner(self) -> T {
        self.0
    }
}

/// Sending without waiting failed. Holds the value.
///
/// From [`Sender::try_send`](crate::sync::channel::Sender::try_send).
///
/// ```
/// use gort::sync::channel::{TrySendError, bounded};
///
/// let (tx, _rx) = bounded(0);
/// match tx.try_send(5) {
///     Err(TrySendError::Full(n)) => assert_eq!(n, 5), // nobody is receiving
///     Err(TrySendError::Disconnected(_)) | Ok(()) => unreachable!(),
/// }
/// ```
#[derive(PartialEq, Eq, Clone, Copy)]
pub enum TrySendError<T> {
    /// The channel is full, or, if its capacity is 0, no receiver waits.
    Full(T),
    /// The channel is disconnected.
    Disconnected(T),
}

texts_with_value!(TrySendError {
    Self::Full(_) => "Full(..)", "sending on a full channel",
    Self::Disconnected(_) => "Disconnected(..)", "sending on a disconnected channel",
});

impl<T> From<SendError<T>> for TrySendError<T> {
    fn from(SendError(value): SendError<T>) -> Self {
        Self::Disconnected(value)
    }
}

impl<T> TrySendError<T> {
    /// The value that was not sent.
    ///
    /// ```
    /// use gort::sync::channel::bounded;
    ///
    /// let (tx, _rx) = bounded(0);
    /// assert_eq!(tx.try_send("letter").unwrap_err().into_inner(), "letter");
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Disconnected(value) => value,
        }
    }

    /// Whether the channel was full.
    ///
    /// ```
    /// let (tx, _rx) = gort::sync::channel::bounded(1);
    /// tx.send(1).unwrap();
    /// assert!(tx.try_send(2).unwrap_err().is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether the channel was disconnected.
    ///
    /// ```
    /// let (tx, rx) = gort::sync::channel::bounded(1);
    /// drop(rx);
    /// assert!(tx.try_send(1).unwrap_err().is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected(_))
    }
}

/// Sending within a time limit failed. Holds the value.
///
/// From [`Sender::send_timeout`](crate::sync::channel::Sender::send_timeout) and
/// [`Sender::send_deadline`](crate::sync::channel::Sender::send_deadline).
///
/// ```
/// use gort::sync::channel::{SendTimeoutError, bounded};
/// use std::time::Duration;
///
/// let (tx, rx) = bounded(0);
/// let limit = Duration::from_millis(1);
/// assert_eq!(tx.send_timeout(5, limit), Err(SendTimeoutError::Timeout(5)));
/// drop(rx);
/// assert_eq!(tx.send_timeout(6, limit), Err(SendTimeoutError::Disconnected(6)));
/// ```
#[derive(PartialEq, Eq, Clone, Copy)]
pub enum SendTimeoutError<T> {
    /// The channel stayed full, or, if its capacity is 0, no receiver came.
    Timeout(T),
    /// The channel is disconnected.
    Disconnected(T),
}

texts_with_value!(SendTimeoutError {
    Self::Timeout(_) => "SendTimeoutError(..)", "timed out waiting on send operation",
    Self::Disconnected(_) => "SendTimeoutError(..)", "sending on a disconnected channel",
});

impl<T> From<SendError<T>> for SendTimeoutError<T> {
    fn from(SendError(value): SendError<T>) -> Self {
        Self::Disconnected(value)
    }
}

impl<T> SendTimeoutError<T> {
    /// The value that was not sent.
    ///
    /// ```
    /// use gort::sync::channel::bounded;
    /// use std::time::Duration;
    ///
    /// let (tx, _rx) = bounded(0);
    /// let error = tx.send_timeout("letter", Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(error.into_inner(), "letter");
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            Self::Timeout(value) | Self::Disconnected(value) => value,
        }
    }

    /// Whether the time was up.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (tx, _rx) = gort::sync::channel::bounded(0);
    /// let error = tx.send_timeout(5, Duration::from_millis(1)).unwrap_err();
    /// assert!(error.is_timeout());
    /// ```
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_))
    }

    /// Whether the channel was disconnected.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (tx, rx) = gort::sync::channel::bounded(0);
    /// drop(rx);
    /// let error = tx.send_timeout(5, Duration::from_secs(1)).unwrap_err(); // at once
    /// assert!(error.is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected(_))
    }
}

/// Receiving failed: the channel is empty and disconnected.
///
/// From [`Receiver::recv`](crate::sync::channel::Receiver::recv).
///
/// ```
/// use gort::sync::channel::{RecvError, bounded};
///
/// let (tx, rx) = bounded::<i32>(1);
/// drop(tx);
/// assert_eq!(rx.recv(), Err(RecvError));
/// ```
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct RecvError;

texts!(RecvError {
    Self => "receiving on an empty and disconnected channel",
});

/// Receiving without waiting failed.
///
/// From [`Receiver::try_recv`](crate::sync::channel::Receiver::try_recv).
///
/// ```
/// use gort::sync::channel::{TryRecvError, bounded};
///
/// let (tx, rx) = bounded::<i32>(1);
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty)); // perhaps later
/// tx.close();
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected)); // never
/// ```
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub enum TryRecvError {
    /// The channel is empty, or, if its capacity is 0, no sender waits.
    Empty,
    /// The channel is empty and disconnected.
    Disconnected,
}

texts!(TryRecvError {
    Self::Empty => "receiving on an empty channel",
    Self::Disconnected => "receiving on an empty and disconnected channel",
});

impl From<RecvError> for TryRecvError {
    fn from(RecvError: RecvError) -> Self {
        Self::Disconnected
    }
}

impl TryRecvError {
    /// Whether the channel was empty but connected.
    ///
    /// ```
    /// let (_tx, rx) = gort::sync::channel::bounded::<i32>(1);
    /// assert!(rx.try_recv().unwrap_err().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        *self == Self::Empty
    }

    /// Whether the channel was empty and disconnected.
    ///
    /// ```
    /// let (tx, rx) = gort::sync::channel::bounded::<i32>(1);
    /// drop(tx);
    /// assert!(rx.try_recv().unwrap_err().is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        *self == Self::Disconnected
    }
}

/// Receiving within a time limit failed.
///
/// From [`Receiver::recv_timeout`](crate::sync::channel::Receiver::recv_timeout) and
/// [`Receiver::recv_deadline`](crate::sync::channel::Receiver::recv_deadline).
///
/// ```
/// use gort::sync::channel::{RecvTimeoutError, bounded};
/// use std::time::Duration;
///
/// let (tx, rx) = bounded::<i32>(1);
/// let limit = Duration::from_millis(1);
/// assert_eq!(rx.recv_timeout(limit), Err(RecvTimeoutError::Timeout));
/// drop(tx);
/// assert_eq!(rx.recv_timeout(limit), Err(RecvTimeoutError::Disconnected));
/// ```
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub enum RecvTimeoutError {
    /// The channel stayed empty, or, if its capacity is 0, no sender came.
    Timeout,
    /// The channel is empty and disconnected.
    Disconnected,
}

texts!(RecvTimeoutError {
    Self::Timeout => "timed out waiting on receive operation",
    Self::Disconnected => "channel is empty and disconnected",
});

impl From<RecvError> for RecvTimeoutError {
    fn from(RecvError: RecvError) -> Self {
        Self::Disconnected
    }
}

impl RecvTimeoutError {
    /// Whether the time was up.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (_tx, rx) = gort::sync::channel::bounded::<i32>(1);
    /// assert!(rx.recv_timeout(Duration::from_millis(1)).unwrap_err().is_timeout());
    /// ```
    pub fn is_timeout(&self) -> bool {
        *self == Self::Timeout
    }

    /// Whether the channel was empty and disconnected.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let (tx, rx) = gort::sync::channel::bounded::<i32>(1);
    /// drop(tx);
    /// assert!(rx.recv_timeout(Duration::from_secs(1)).unwrap_err().is_disconnected()); // at once
    /// ```
    pub fn is_disconnected(&self) -> bool {
        *self == Self::Disconnected
    }
}

/// No operation of the select could be done without waiting.
///
/// From [`Select::try_select`](crate::sync::channel::Select::try_select).
///
/// ```
/// use gort::sync::channel::{Select, TrySelectError, bounded};
///
/// let (_tx, rx) = bounded::<i32>(1);
/// let mut select = Select::new();
/// select.recv(&rx);
/// assert_eq!(select.try_select().unwrap_err(), TrySelectError);
/// ```
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct TrySelectError;

texts!(TrySelectError {
    Self => "all operations in select would block",
});

/// No operation of the select could be done in time.
///
/// From [`Select::select_timeout`](crate::sync::channel::Select::select_timeout) and
/// [`Select::select_deadline`](crate::sync::channel::Select::select_deadline).
///
/// ```
/// use gort::sync::channel::{Select, SelectTimeoutError, bounded};
/// use std::time::Duration;
///
/// let (_tx, rx) = bounded::<i32>(1);
/// let mut select = Select::new();
/// select.recv(&rx);
/// assert_eq!(select.select_timeout(Duration::from_millis(1)).unwrap_err(), SelectTimeoutError);
/// ```
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct SelectTimeoutError;

texts!(SelectTimeoutError {
    Self => "timed out waiting on select",
});

/// No operation of the select was ready.
///
/// From [`Select::try_ready`](crate::sync::channel::Select::try_ready).
///
/// ```
/// use gort::sync::channel::{Select, TryReadyError, bounded};
///
/// let (_tx, rx) = bounded::<i32>(1);
/// let mut select = Select::new();
/// select.recv(&rx);
/// assert_eq!(select.try_ready(), Err(TryReadyError));
/// ```
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct TryReadyError;

texts!(TryReadyError {
    Self => "no operation in select is ready",
});

/// No operation of the select became ready in time.
///
/// From [`Select::ready_timeout`](crate::sync::channel::Select::ready_timeout) and
/// [`Select::ready_deadline`](crate::sync::channel::Select::ready_deadline).
///
/// ```
/// use gort::sync::channel::{ReadyTimeoutError, Select, bounded};
/// use std::time::Duration;
///
/// let (_tx, rx) = bounded::<i32>(1);
/// let mut select = Select::new();
/// select.recv(&rx);
/// assert_eq!(select.ready_timeout(Duration::from_millis(1)), Err(ReadyTimeoutError));
/// ```
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct ReadyTimeoutError;

texts!(ReadyTimeoutError {
    Self => "timed out waiting for a ready operation in select",
});
