//! The errors of channel operations, under the names of `crossbeam_channel`.
//!
//! A send that fails gives the value back, in every error. One macro writes what the three sending errors have in common, one what
//! the value-free errors have; each type with its methods stands below in full.

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
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether the channel was disconnected.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected(_))
    }
}

/// Sending within a time limit failed. Holds the value.
///
/// From [`Sender::send_timeout`](crate::sync::channel::Sender::send_timeout) and
/// [`Sender::send_deadline`](crate::sync::channel::Sender::send_deadline).
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
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_))
    }

    /// Whether the channel was disconnected.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected(_))
    }
}

/// Receiving failed: the channel is empty and disconnected.
///
/// From [`Receiver::recv`](crate::sync::channel::Receiver::recv).
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct RecvError;

texts!(RecvError {
    Self => "receiving on an empty and disconnected channel",
});

/// Receiving without waiting failed.
///
/// From [`Receiver::try_recv`](crate::sync::channel::Receiver::try_recv).
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
    pub fn is_empty(&self) -> bool {
        *self == Self::Empty
    }

    /// Whether the channel was empty and disconnected.
    pub fn is_disconnected(&self) -> bool {
        *self == Self::Disconnected
    }
}

/// Receiving within a time limit failed.
///
/// From [`Receiver::recv_timeout`](crate::sync::channel::Receiver::recv_timeout) and
/// [`Receiver::recv_deadline`](crate::sync::channel::Receiver::recv_deadline).
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
    pub fn is_timeout(&self) -> bool {
        *self == Self::Timeout
    }

    /// Whether the channel was empty and disconnected.
    pub fn is_disconnected(&self) -> bool {
        *self == Self::Disconnected
    }
}

/// No operation of the select could be done without waiting.
///
/// From [`Select::try_select`](crate::sync::channel::Select::try_select).
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct TrySelectError;

texts!(TrySelectError {
    Self => "all operations in select would block",
});

/// No operation of the select could be done in time.
///
/// From [`Select::select_timeout`](crate::sync::channel::Select::select_timeout) and
/// [`Select::select_deadline`](crate::sync::channel::Select::select_deadline).
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct SelectTimeoutError;

texts!(SelectTimeoutError {
    Self => "timed out waiting on select",
});

/// No operation of the select was ready.
///
/// From [`Select::try_ready`](crate::sync::channel::Select::try_ready).
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct TryReadyError;

texts!(TryReadyError {
    Self => "no operation in select is ready",
});

/// No operation of the select became ready in time.
///
/// From [`Select::ready_timeout`](crate::sync::channel::Select::ready_timeout) and
/// [`Select::ready_deadline`](crate::sync::channel::Select::ready_deadline).
#[derive(PartialEq, Eq, Clone, Copy, Debug)]
pub struct ReadyTimeoutError;

texts!(ReadyTimeoutError {
    Self => "timed out waiting for a ready operation in select",
});
