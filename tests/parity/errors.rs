//! The error types: what they say, what they hold, what they turn into.

use super::{
    channel::{
        ReadyTimeoutError, RecvError, RecvTimeoutError, SelectTimeoutError, SendError,
        SendTimeoutError, TryReadyError, TryRecvError, TrySelectError, TrySendError,
    },
    run,
};
use std::{error::Error, fmt};

/// Not `Debug`: the errors are all the same.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Opaque(u8);

fn says(error: &dyn Error, display: &str, debug: &str) {
    assert_eq!(error.to_string(), display);
    // Some versions of the original put it in quotation marks.
    assert_eq!(format!("{error:?}").trim_matches('"'), debug);
    assert_eq!(format!("[{error:60}]"), format!("[{display:60}]"));
    assert!(error.source().is_none());
}

#[test]
fn texts() {
    run(|| {
        let gone = "sending on a disconnected channel";
        says(&SendError(Opaque(1)), gone, "SendError(..)");
        says(&TrySendError::Full(Opaque(1)), "sending on a full channel", "Full(..)");
        says(&TrySendError::Disconnected(Opaque(1)), gone, "Disconnected(..)");
        let late = "timed out waiting on send operation";
        says(&SendTimeoutError::Timeout(Opaque(1)), late, "SendTimeoutError(..)");
        says(&SendTimeoutError::Disconnected(Opaque(1)), gone, "SendTimeoutError(..)");
        let drained = "receiving on an empty and disconnected channel";
        says(&RecvError, drained, "RecvError");
        says(&TryRecvError::Empty, "receiving on an empty channel", "Empty");
        says(&TryRecvError::Disconnected, drained, "Disconnected");
        says(&RecvTimeoutError::Timeout, "timed out waiting on receive operation", "Timeout");
        says(&RecvTimeoutError::Disconnected, "channel is empty and disconnected", "Disconnected");
        says(&TrySelectError, "all operations in select would block", "TrySelectError");
        says(&SelectTimeoutError, "timed out waiting on select", "SelectTimeoutError");
        // These two have no text of their own in every version.
        assert_eq!(format!("{TryReadyError:?}"), "TryReadyError");
        assert_eq!(format!("{ReadyTimeoutError:?}"), "ReadyTimeoutError");
    });
}

#[test]
fn values_and_questions() {
    run(|| {
        let boxed = || Box::new(5);
        assert_eq!(SendError(boxed()).into_inner(), boxed());
        assert_eq!(SendError(boxed()).0, boxed());
        assert_eq!(TrySendError::Full(boxed()).into_inner(), boxed());
        assert_eq!(TrySendError::Disconnected(boxed()).into_inner(), boxed());
        assert_eq!(SendTimeoutError::Timeout(boxed()).into_inner(), boxed());
        assert_eq!(SendTimeoutError::Disconnected(boxed()).into_inner(), boxed());

        let (full, gone) = (TrySendError::Full(1), TrySendError::Disconnected(1));
        assert_eq!([full.is_full(), full.is_disconnected()], [true, false]);
        assert_eq!([gone.is_full(), gone.is_disconnected()], [false, true]);
        let (late, gone) = (SendTimeoutError::Timeout(1), SendTimeoutError::Disconnected(1));
        assert_eq!([late.is_timeout(), late.is_disconnected()], [true, false]);
        assert_eq!([gone.is_timeout(), gone.is_disconnected()], [false, true]);
        let (empty, gone) = (TryRecvError::Empty, TryRecvError::Disconnected);
        assert_eq!([empty.is_empty(), empty.is_disconnected()], [true, false]);
        assert_eq!([gone.is_empty(), gone.is_disconnected()], [false, true]);
        let (late, gone) = (RecvTimeoutError::Timeout, RecvTimeoutError::Disconnected);
        assert_eq!([late.is_timeout(), late.is_disconnected()], [true, false]);
        assert_eq!([gone.is_timeout(), gone.is_disconnected()], [false, true]);
    });
}

#[test]
fn conversions() {
    run(|| {
        assert_eq!(TrySendError::from(SendError(3)), TrySendError::Disconnected(3));
        assert_eq!(SendTimeoutError::from(SendError(3)), SendTimeoutError::Disconnected(3));
        assert_eq!(TryRecvError::from(RecvError), TryRecvError::Disconnected);
        assert_eq!(RecvTimeoutError::from(RecvError), RecvTimeoutError::Disconnected);
        // As `?` uses them.
        fn through(result: Result<u8, RecvError>) -> Result<u8, RecvTimeoutError> {
            Ok(result?)
        }
        assert_eq!(through(Err(RecvError)), Err(RecvTimeoutError::Disconnected));
        fn boxed(result: Result<(), SendError<i32>>) -> Result<(), Box<dyn Error + Send>> {
            result.map_err(|error| Box::new(error) as _)
        }
        assert!(boxed(Err(SendError(1))).is_err());
    });
}

#[test]
fn traits() {
    fn plain<T: Copy + Eq + fmt::Debug + Send + Sync + 'static>() {}
    fn error<T: Error + Copy + Eq + Send + Sync + 'static>() {}
    error::<SendError<u8>>();
    error::<TrySendError<u8>>();
    error::<SendTimeoutError<u8>>();
    error::<RecvError>();
    error::<TryRecvError>();
    error::<RecvTimeoutError>();
    error::<TrySelectError>();
    error::<SelectTimeoutError>();
    plain::<TryReadyError>();
    plain::<ReadyTimeoutError>();
    // The value need not be `Debug` for the error to be.
    fn shown<T: fmt::Debug + fmt::Display>() {}
    shown::<SendError<Opaque>>();
    shown::<TrySendError<fn()>>();
    shown::<SendTimeoutError<Opaque>>();
    // Patterns reach the values.
    let (TrySendError::Full(x) | TrySendError::Disconnected(x)) = TrySendError::Full(2);
    assert_eq!(x, 2);
}
