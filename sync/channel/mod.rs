//! Channels: Go's, under the names of `crossbeam_channel`.
//!
//! Both ends can be cloned and shared: many senders, many receivers, each value goes to one of
//! them. Waiting parks the goroutine (or the plain thread). A channel is closed by
//! [`Sender::close`], [`Receiver::close`], or by dropping all handles of one side.
//!
//! | Go | here |
//! |---|---|
//! | `make(chan T)` | [`bounded(0)`](bounded): a send and a receive meet |
//! | `make(chan T, n)` | [`bounded(n)`](bounded); without a limit: [`unbounded()`](unbounded) |
//! | `chan<- T`, `<-chan T` | [`Sender<T>`], [`Receiver<T>`] |
//! | `ch <- v` | [`tx.send(v)`](Sender::send); after a close `Err`, with the value, where Go panics |
//! | `v := <-ch`, `v, ok := <-ch` | [`rx.recv()`](Receiver::recv): `Ok(v)`, or `Err` once closed and drained |
//! | `close(ch)` | [`tx.close()`](Sender::close), or drop the senders; closing twice is harmless |
//! | `len(ch)`, `cap(ch)` | [`rx.len()`](Receiver::len), [`rx.capacity()`](Receiver::capacity) |
//! | `for v := range ch` | `for v in &rx` |
//! | in `async` code | [`rx.recv_async()`](Receiver::recv_async), [`tx.send_async(v)`](Sender::send_async); as a stream and a sink: [`rx.stream()`](Receiver::stream), [`tx.sink()`](Sender::sink) |
//! | nil channel | [`never()`](never()) to receive from, [`never_sender()`](never_sender()) to send to |
//! | `select` | [`select!`]; [`Select`] for a list made at run time |
//! | `select` with `default` | [`select!`] with `default =>`, or `try_send`, `try_recv` |
//! | `case <-time.After(d)` | [`recv(after(d))`](after) for one more arm; `default(d) =>`, `send_timeout`, `recv_timeout` for a limit |
//! | `time.Tick(d)` | [`tick(d)`](tick); timers that can be stopped: [`time`](crate::time) |
//!
//! What happens before what: a send happens before the receive of its value is done; closing before
//! a receive that fails for it; on a channel of capacity *n* the *k*-th receive before the (*k +
//! n*)-th send is done.
//!
//! A `select!` makes the message of its `send` arm when that arm has been chosen. [`select!`] says
//! what this means for the receiver that it was chosen for: it waits for the message, but no longer
//! than it may.
//!
//! When a [`Runtime`](crate::runtime::Runtime) is dropped, the goroutines that wait in it stay
//! where they are. Channels that live on do not give them anything any more; a message that one of
//! them had been given just before is lost with it.
//!
//! # Reading order
//!
//! - `wait`: nodes of those who wait, who may touch them when, and who wins a select; `op_queue`:
//!   their lists.
//! - `buffer`: a ring, or a chain of segments.
//! - `core`: the untyped half of a channel, with its lock and the invariants; `parking`: how a
//!   waiter parks and leaves; `chan`: the typed half and how it sends; `receive`: how it receives;
//!   `promise`: what a select's sending arm owes until its value is made.
//! - `link`: a future's wait; `awaited`: what all of them share; `recv_future`, `send_future`,
//!   `stream`, `sink`: the futures.
//! - `timer`: a channel that the clock fills.
//! - `counter`: handles and their counts. `sender`, `receiver`, `iter`, `make`, `error`: the public
//!   face.
//! - `select_handle`: a channel as seen by a select; `slot`: where it receives into; `rng`: its
//!   dice; `select`: the engine; `waiting`: how it parks; `operation`, `builder`, `macros`: the
//!   public face of it.
//!
//! # Between the files
//!
//! - Under a channel's lock nobody parks, and no code of the user runs: not a `Drop`, not a
//!   `Clone`.
//! - A node is claimed (taken out of its list and won) under the lock, and then owed exactly one
//!   `unpark`.
//! - Locks of several channels are only held by a select, and taken in the order of their
//!   addresses.

mod awaited;
mod buffer;
mod builder;
mod chan;
mod core;
mod counter;
mod error;
#[path = "receiver/iter.rs"]
mod iter;
mod link;
mod macros;
mod make;
mod op_queue;
mod operation;
#[path = "core/parking.rs"]
mod parking;
#[path = "chan/promise.rs"]
mod promise;
#[path = "chan/receive.rs"]
mod receive;
mod receiver;
#[path = "receiver/future.rs"]
mod recv_future;
mod rng;
mod select;
mod select_handle;
#[path = "sender/future.rs"]
mod send_future;
mod sender;
#[cfg(feature = "sink")]
#[path = "sender/sink.rs"]
mod sink;
mod slot;
#[cfg(feature = "stream")]
#[path = "receiver/stream.rs"]
mod stream;
pub(crate) mod timer;
mod wait;
#[path = "select/waiting.rs"]
mod waiting;

pub use builder::Select;
pub use error::{
    ReadyTimeoutError, RecvError, RecvTimeoutError, SelectTimeoutError, SendError,
    SendTimeoutError, TryReadyError, TryRecvError, TrySelectError, TrySendError,
};
pub use iter::{IntoIter, Iter, TryIter};
#[doc(hidden)]
pub use macros::internal;
pub use macros::{select, select_biased};
pub use make::{after, at, bounded, tick, unbounded};
pub use operation::SelectedOperation;
pub use receiver::{Receiver, never};
pub use recv_future::RecvFuture;
pub use send_future::SendFuture;
pub use sender::{Sender, never_sender};
#[cfg(feature = "sink")]
pub use sink::SendSink;
#[cfg(feature = "stream")]
pub use stream::RecvStream;
