//! Channels.

mod buffer;
mod chan;
mod counter;
mod error;
mod hub;
mod iter;
mod make;
mod receiver;
mod rng;
mod sender;
mod spin;
mod wait;

pub use error::{
    ReadyTimeoutError, RecvError, RecvTimeoutError, SelectTimeoutError, SendError,
    SendTimeoutError, TryReadyError, TryRecvError, TrySelectError, TrySendError,
};
pub use iter::{IntoIter, Iter, TryIter};
pub use make::{bounded, unbounded};
pub use receiver::{Receiver, never};
pub use sender::Sender;
