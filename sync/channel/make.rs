//! How channels are made.

use crate::{
    runtime::clock,
    sync::channel::{
        counter::Counted,
        receiver::{Receiver, never},
        sender::Sender,
        timer::{Repeat, TimerChan},
    },
};
use std::time::{Duration, Instant};

/// Makes a channel that holds at most `cap` values: Go's `make(chan T, cap)`; `bounded(0)` is Go's
/// `make(chan T)`.
///
/// A channel of capacity 0 holds none: a send and a receive meet, and both are done when the value
/// has changed hands.
///
/// # Panics
/// If `cap` values do not fit into memory's address range.
///
/// # Examples
/// ```
/// use gort::sync::channel::bounded;
/// use std::thread;
///
/// let (tx, rx) = bounded(1);
/// thread::spawn(move || {
///     tx.send(1).unwrap(); // does not park
///     tx.send(2).unwrap(); // parks until the first was received
/// });
/// assert_eq!(rx.recv(), Ok(1));
/// assert_eq!(rx.recv(), Ok(2));
/// ```
#[doc(alias = "make")]
pub fn bounded<T>(cap: usize) -> (Sender<T>, Receiver<T>) {
    pair(Some(cap))
}

/// Makes a channel that holds any number of values: its sends never park.
///
/// # Examples
/// ```
/// use gort::sync::channel::unbounded;
///
/// let (tx, rx) = unbounded();
/// (0..100).for_each(|i| tx.send(i).unwrap());
/// drop(tx);
/// assert_eq!(rx.iter().sum::<i32>(), 4950);
/// ```
#[doc(alias = "make")]
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    pair(None)
}

fn pair<T>(capacity: Option<usize>) -> (Sender<T>, Receiver<T>) {
    let counted = Counted::allocate(capacity);
    (
        Sender::from_counted(counted),
        Receiver::from_counted(counted),
    )
}

/// Makes a receiver that gets one message, `duration` from now: Go's `time.After`. Does not park.
///
/// Its capacity is 1; it is never disconnected, and after its one message it receives nothing. The
/// message is the instant at which it was due. A `duration` beyond what an [`Instant`] can say
/// gives [`never()`].
///
/// It costs one small allocation: there is no thread, no goroutine and no timer until somebody
/// waits for it.
///
/// # Examples
/// ```
/// use gort::{select, sync::channel::{after, unbounded}};
/// use std::time::Duration;
///
/// let (_tx, rx) = unbounded::<i32>();
/// let timeout = Duration::from_millis(5);
/// select! {
///     recv(rx) -> msg => println!("received {msg:?}"),
///     recv(after(timeout)) -> _ => println!("timed out"),
/// }
/// ```
#[doc(alias = "After")]
#[doc(alias = "timeout")]
pub fn after(duration: Duration) -> Receiver<Instant> {
    clock::now().checked_add(duration).map_or_else(never, at)
}

/// Makes a receiver that gets one message, at the instant `when`; at once, if that has passed. Does
/// not park.
///
/// Its capacity is 1; it is never disconnected, and after its one message it receives nothing. The
/// message is `when`.
///
/// # Examples
/// ```
/// use gort::sync::channel::at;
/// use std::time::{Duration, Instant};
///
/// let when = Instant::now() + Duration::from_millis(5);
/// assert_eq!(at(when).recv(), Ok(when));
/// assert!(Instant::now() >= when);
/// ```
pub fn at(when: Instant) -> Receiver<Instant> {
    Receiver::from_timer(TimerChan::new(when, Repeat::Never))
}

/// Makes a receiver that gets a message every `duration`, for ever: Go's `time.Tick`. Does not
/// park.
///
/// Its capacity is 1; it is never disconnected. A message is the instant at which it was due. One
/// is kept for a receiver that comes late, no more: then the next is due `duration` after the late
/// one was taken. To somebody who waits each comes `duration` after the one before, without drift.
/// A `duration` of zero makes it always ready; one beyond what an [`Instant`] can say gives
/// [`never()`].
///
/// It costs one small allocation: there is no thread, no goroutine and no timer until somebody
/// waits for it. All who wait wake for each tick, and one gets it.
///
/// # Examples
/// ```
/// use gort::sync::channel::tick;
/// use std::time::{Duration, Instant};
///
/// let (start, period) = (Instant::now(), Duration::from_millis(5));
/// let ticks = tick(period);
/// let first = ticks.recv().unwrap();
/// assert_eq!(ticks.recv(), Ok(first + period));
/// assert!(start.elapsed() >= 2 * period);
/// ```
#[doc(alias = "Tick")]
#[doc(alias = "interval")]
pub fn tick(duration: Duration) -> Receiver<Instant> {
    clock::now()
        .checked_add(duration)
        .map_or_else(never, |first| {
            Receiver::from_timer(TimerChan::new(first, Repeat::AfterTaken(duration)))
        })
}
