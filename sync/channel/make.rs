//! How channels are made.

use crate::sync::channel::{counter::Counted, receiver::Receiver, sender::Sender};

/// Makes a channel that holds at most `cap` values: Go's `make(chan T, cap)`; `bounded(0)` is Go's `make(chan T)`.
///
/// A channel of capacity 0 holds none: a send and a receive meet, and both are done when the value has changed hands.
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
