//! `Select`: a select over operations that are known only at run time.

use crate::sync::channel::{
    core::Wait,
    error::{ReadyTimeoutError, SelectTimeoutError, TryReadyError, TrySelectError},
    operation::SelectedOperation,
    receiver::Receiver,
    select::{Arm, Choice, operate, watch},
    sender::Sender,
};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// Waits for one of any number of channel operations. (For a fixed list, `select!` is more
/// convenient.)
///
/// Add operations with [`send`](Self::send) and [`recv`](Self::recv). Then either *select* one and
/// finish it with the [`SelectedOperation`], or ask for one that is *ready* and try it. Ready
/// operations are chosen among uniformly at random, or in the order in which they were added
/// ([`new_biased`](Self::new_biased)). A disconnected channel is ready.
///
/// # Examples
/// ```
/// use gort::sync::channel::{Receiver, RecvError, Select, unbounded};
///
/// fn recv_any<T>(receivers: &[Receiver<T>]) -> Result<T, RecvError> {
///     let mut select = Select::new();
///     for receiver in receivers {
///         select.recv(receiver);
///     }
///     let operation = select.select();
///     let index = operation.index();
///     operation.recv(&receivers[index])
/// }
///
/// let (tx, rx) = unbounded();
/// let (_other, silent) = unbounded();
/// tx.send(7).unwrap();
/// assert_eq!(recv_any(&[silent, rx]), Ok(7));
/// ```
pub struct Select<'a> {
    /// The operations; removed ones are not among them.
    arms: Vec<Arm<'a>>,
    /// The index of the next operation that is added; those of removed ones are not used again.
    next_index: usize,
    /// Which of several ready operations is chosen.
    choice: Choice,
}

// SAFETY: an arm refers to a channel, which is synchronised; to its handle's address, which is only
// compared; and to its own node, which is only linked during calls with `&mut self`. Values pass
// through a `Select` as bytes: only `SelectedOperation`, which is not `Send`, makes a `T` of them
// again, for a caller who has the `Receiver<T>` on that thread.
unsafe impl Send for Select<'_> {}
// SAFETY: as above; a shared reference can only be cloned and shown.
unsafe impl Sync for Select<'_> {}

impl<'a> Select<'a> {
    /// An empty list of operations. Does not park.
    ///
    /// # Examples
    /// ```
    /// assert!(gort::sync::channel::Select::new().try_select().is_err());
    /// ```
    pub fn new() -> Self {
        Self {
            arms: Vec::with_capacity(4),
            next_index: 0,
            choice: Choice::Random,
        }
    }

    /// An empty list of operations, of which the first ready one is chosen. Does not park.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{Select, unbounded};
    ///
    /// let (_tx, rx) = unbounded::<i32>();
    /// rx.close();
    /// let mut select = Select::new_biased();
    /// (0..9).for_each(|_| drop(select.recv(&rx)));
    /// assert_eq!(select.ready(), 0);
    /// ```
    pub fn new_biased() -> Self {
        Self {
            choice: Choice::Biased,
            ..Self::new()
        }
    }

    /// Adds a send and returns its index. Does not park.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{Select, unbounded};
    ///
    /// let (tx, _rx) = unbounded::<i32>();
    /// assert_eq!(Select::new().send(&tx), 0);
    /// ```
    pub fn send<T>(&mut self, s: &'a Sender<T>) -> usize {
        let index = self.take_index();
        self.arms.push(Arm::send(index, s));
        index
    }

    /// Adds a receive and returns its index. Does not park.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{Select, unbounded};
    ///
    /// let (_tx, rx) = unbounded::<i32>();
    /// assert_eq!(Select::new().recv(&rx), 0);
    /// ```
    pub fn recv<T>(&mut self, r: &'a Receiver<T>) -> usize {
        let index = self.take_index();
        self.arms.push(Arm::recv(index, r));
        index
    }

    fn take_index(&mut self) -> usize {
        self.next_index += 1;
        self.next_index - 1
    }

    /// Removes an operation; the others keep their indices. Does not park.
    ///
    /// # Panics
    /// If there is no operation with that index.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{Select, unbounded};
    ///
    /// let (_tx, rx) = unbounded::<i32>();
    /// let mut select = Select::new();
    /// let index = select.recv(&rx);
    /// rx.close();
    /// select.remove(index);
    /// assert!(select.try_ready().is_err());
    /// ```
    pub fn remove(&mut self, index: usize) {
        assert!(
            index < self.next_index,
            "index out of bounds; {index} >= {}",
            self.next_index
        );
        let place = self.arms.iter().position(|arm| arm.index() == index);
        self.arms
            .swap_remove(place.expect("no operation with this index"));
    }

    /// Chooses an operation that can be done without waiting. Does not park, but for a `select!`
    /// that waits to send on a channel of capacity 0, as [`Receiver::try_recv`] does.
    ///
    /// # Errors
    /// [`TrySelectError`] if all would wait.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{Select, unbounded};
    ///
    /// let (tx, rx) = unbounded();
    /// tx.send(1).unwrap();
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// assert_eq!(select.try_select().unwrap().recv(&rx), Ok(1));
    /// assert!(select.try_select().is_err());
    /// ```
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, TrySelectError> {
        operate(&mut self.arms, self.choice, Wait::Never).ok_or(TrySelectError)
    }

    /// Chooses an operation; parks until one can be done.
    ///
    /// # Panics
    /// If there are no operations.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{Select, bounded};
    /// use std::thread;
    ///
    /// let (tx, rx) = bounded(0);
    /// thread::spawn(move || tx.send(1));
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// assert_eq!(select.select().recv(&rx), Ok(1));
    /// ```
    pub fn select(&mut self) -> SelectedOperation<'a> {
        assert!(
            !self.arms.is_empty(),
            "no operations have been added to `Select`"
        );
        operate(&mut self.arms, self.choice, Wait::Forever).expect("a select without a limit ended")
    }

    /// Chooses an operation; parks for at most `timeout`.
    ///
    /// # Errors
    /// [`SelectTimeoutError`] if none could be done in time.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{Select, unbounded};
    /// use std::time::Duration;
    ///
    /// let (_tx, rx) = unbounded::<i32>();
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// assert!(select.select_timeout(Duration::from_millis(5)).is_err());
    /// ```
    pub fn select_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        operate(&mut self.arms, self.choice, Wait::at_most(timeout)).ok_or(SelectTimeoutError)
    }

    /// Chooses an operation; parks until `deadline` at the latest.
    ///
    /// # Errors
    /// [`SelectTimeoutError`] if none could be done in time.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::Select;
    /// use std::time::Instant;
    ///
    /// assert!(Select::new().select_deadline(Instant::now()).is_err());
    /// ```
    pub fn select_deadline(
        &mut self,
        deadline: Instant,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        operate(&mut self.arms, self.choice, Wait::until(deadline)).ok_or(SelectTimeoutError)
    }

    /// The index of an operation that would not wait now, without doing it. Does not park.
    ///
    /// # Errors
    /// [`TryReadyError`] if all would wait.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{Select, unbounded};
    ///
    /// let (tx, rx) = unbounded();
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// assert!(select.try_ready().is_err());
    /// tx.send(1).unwrap();
    /// assert_eq!(select.try_ready(), Ok(0));
    /// ```
    pub fn try_ready(&mut self) -> Result<usize, TryReadyError> {
        watch(&mut self.arms, self.choice, Wait::Never).ok_or(TryReadyError)
    }

    /// Parks until an operation would not wait, and returns its index. Others may be faster: try
    /// it, and ask again if it fails.
    ///
    /// # Panics
    /// If there are no operations.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{Select, bounded};
    /// use std::thread;
    ///
    /// let (tx, rx) = bounded(1);
    /// let sender = thread::spawn(move || tx.send(1));
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// assert_eq!(select.ready(), 0);
    /// assert_eq!(rx.try_recv(), Ok(1));
    /// # sender.join().unwrap().unwrap();
    /// ```
    pub fn ready(&mut self) -> usize {
        assert!(
            !self.arms.is_empty(),
            "no operations have been added to `Select`"
        );
        watch(&mut self.arms, self.choice, Wait::Forever).expect("a select without a limit ended")
    }

    /// As [`ready`](Self::ready), parking for at most `timeout`.
    ///
    /// # Errors
    /// [`ReadyTimeoutError`] if none became ready in time.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::Select;
    /// use std::time::Duration;
    ///
    /// assert!(Select::new().ready_timeout(Duration::from_millis(5)).is_err());
    /// ```
    pub fn ready_timeout(&mut self, timeout: Duration) -> Result<usize, ReadyTimeoutError> {
        watch(&mut self.arms, self.choice, Wait::at_most(timeout)).ok_or(ReadyTimeoutError)
    }

    /// As [`ready`](Self::ready), parking until `deadline` at the latest.
    ///
    /// # Errors
    /// [`ReadyTimeoutError`] if none became ready in time.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::Select;
    /// use std::time::Instant;
    ///
    /// assert!(Select::new().ready_deadline(Instant::now()).is_err());
    /// ```
    pub fn ready_deadline(&mut self, deadline: Instant) -> Result<usize, ReadyTimeoutError> {
        watch(&mut self.arms, self.choice, Wait::until(deadline)).ok_or(ReadyTimeoutError)
    }
}

impl Clone for Select<'_> {
    fn clone(&self) -> Self {
        Self {
            arms: self.arms.clone(),
            ..*self
        }
    }
}

impl Default for Select<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Select { .. }")
    }
}
