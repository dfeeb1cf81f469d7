//! The second step of a `Select`: finishing the operation that was chosen.

use crate::sync::channel::{
    chan::Chan,
    core::Wait,
    error::{RecvError, SendError},
    receiver::Receiver,
    select_handle::{Commit, SelectHandle},
    sender::Sender,
    slot::Slot,
};
use std::{fmt, mem::ManuallyDrop, ptr};

/// An operation that a [`Select`](crate::sync::channel::Select) has chosen, to be finished with
/// [`send`](Self::send) or [`recv`](Self::recv).
///
/// Until a chosen send is finished, the receiver that it was chosen for (on a channel of capacity
/// 0) or the place in the buffer waits for it. A receiver waits no longer than it may: if it has
/// gone by then, the message waits in the channel for the next one, as in a buffer. A chosen
/// receive already holds the value.
///
/// # Panics
/// Dropping it unfinished panics (unless the thread is panicking already). A value it has received
/// is leaked then.
///
/// # Examples
/// ```
/// use gort::sync::channel::{Select, bounded};
///
/// let ((letters_in, letters), (_in, parcels)) = (bounded(1), bounded::<u32>(1));
/// letters_in.send("dear").unwrap();
/// let mut select = Select::new();
/// let (letter, parcel) = (select.recv(&letters), select.recv(&parcels));
/// let operation = select.select();
/// match operation.index() {
///     i if i == letter => assert_eq!(operation.recv(&letters), Ok("dear")),
///     i if i == parcel => assert!(operation.recv(&parcels).is_ok()),
///     _ => unreachable!(),
/// }
/// ```
#[must_use = "a selected operation must be finished"]
pub struct SelectedOperation<'a> {
    /// The channel that was chosen.
    channel: &'a (dyn SelectHandle + 'a),
    /// The address of the sender or receiver that was named, to compare with the one that is given
    /// to finish the operation.
    handle: *const u8,
    /// The number of the chosen arm.
    index: usize,
    /// How the arm was committed, and so what is owed for it.
    commit: Commit,
    /// Room for the received value, which is there if `commit` is `Received`.
    slot: Slot,
}

impl<'a> SelectedOperation<'a> {
    pub(crate) fn new(
        channel: &'a (dyn SelectHandle + 'a),
        handle: *const u8,
        index: usize,
        commit: Commit,
        slot: Slot,
    ) -> Self {
        Self {
            channel,
            handle,
            index,
            commit,
            slot,
        }
    }

    /// The index that [`Select::send`](crate::sync::channel::Select::send) or
    /// [`Select::recv`](crate::sync::channel::Select::recv) returned for it. Does not park.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{Select, bounded};
    ///
    /// let (tx, rx) = bounded(1);
    /// tx.send("hello").unwrap();
    /// let mut select = Select::new();
    /// let first = select.recv(&rx);
    /// let operation = select.select();
    /// assert_eq!(operation.index(), first);
    /// assert_eq!(operation.recv(&rx), Ok("hello"));
    /// ```
    pub fn index(&self) -> usize {
        self.index
    }

    /// Finishes a send. Does not park.
    ///
    /// # Errors
    /// [`SendError`] gives `msg` back if the channel is disconnected.
    ///
    /// # Panics
    /// If `s` is not the very sender that was given to the `Select`.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{Select, SendError, bounded};
    ///
    /// let (tx, rx) = bounded(0);
    /// drop(rx);
    /// let mut select = Select::new();
    /// select.send(&tx);
    /// assert_eq!(select.select().send(&tx, 10), Err(SendError(10)));
    /// ```
    pub fn send<T>(self, s: &Sender<T>, msg: T) -> Result<(), SendError<T>> {
        assert!(
            ptr::eq(self.handle, ptr::from_ref(s).cast()),
            "passed a sender that wasn't selected"
        );
        let mut msg = ManuallyDrop::new(msg);
        let (commit, _slot) = self.into_parts();
        let chan: &Chan<T> = s.chan().expect("a nil channel was chosen");
        // SAFETY: `msg` holds a value, which is gone if it was sent, and else taken back once. The
        // commitment is this channel's, by the assertion, and is used up.
        unsafe {
            let from = &raw mut *msg;
            let sent = match commit {
                // The channel is unbounded, so a plain send neither waits nor fails for want of
                // room.
                Commit::Free => chan.send(from, Wait::Forever).is_ok(),
                // A place in the buffer was kept for this message.
                Commit::Reserved => chan.send_reserved(from),
                // A receiver waits for this message, unless its time is up by now.
                Commit::To(promise) => chan.keep_promise(promise, from),
                Commit::Closed => false,
                Commit::Received | Commit::Promised => unreachable!("a send was not committed"),
            };
            // A message that was not sent goes back to the caller.
            if sent {
                Ok(())
            } else {
                Err(SendError(ManuallyDrop::take(&mut msg)))
            }
        }
    }

    /// Finishes a receive. Does not park.
    ///
    /// # Errors
    /// [`RecvError`] if the channel was empty and disconnected.
    ///
    /// # Panics
    /// If `r` is not the very receiver that was given to the `Select`.
    ///
    /// # Examples
    /// ```
    /// use gort::sync::channel::{RecvError, Select, bounded};
    ///
    /// let (tx, rx) = bounded::<i32>(0);
    /// drop(tx);
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// assert_eq!(select.select().recv(&rx), Err(RecvError));
    /// ```
    pub fn recv<T>(self, r: &Receiver<T>) -> Result<T, RecvError> {
        assert!(
            ptr::eq(self.handle, ptr::from_ref(r).cast()),
            "passed a receiver that wasn't selected"
        );
        let (commit, mut slot) = self.into_parts();
        match commit {
            // SAFETY: the slot holds a value of this receiver's type, which is read once.
            Commit::Received => Ok(unsafe { slot.room().cast::<T>().read() }),
            // Closed, and empty.
            _ => Err(RecvError),
        }
    }

    /// Takes the commitment back. A received value is leaked: the caller may be on a thread that
    /// must not drop it (a `Select` is `Send` whatever the values are, and only whoever has the
    /// receiver may have a value).
    fn give_up(&self) {
        match self.commit {
            // The next sender gets the place.
            Commit::Reserved => self.channel.unreserve(),
            // The receiver looks again.
            Commit::To(promise) => self.channel.core().break_promise(promise),
            // Nobody waits for anything.
            _ => {}
        }
    }

    /// What `Drop` does, without the panic; for models, in which a panic is a failure.
    #[cfg(loom)]
    pub(crate) fn abandon(self) {
        ManuallyDrop::new(self).give_up();
    }

    /// How it was committed, and the slot. Nothing is given up.
    fn into_parts(self) -> (Commit, Slot) {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is neither used nor dropped again.
        (this.commit, unsafe { ptr::read(&this.slot) })
    }
}

impl Drop for SelectedOperation<'_> {
    fn drop(&mut self) {
        self.give_up();
        // A second panic while the thread unwinds would end the process.
        if !std::thread::panicking() {
            panic!("dropped `SelectedOperation` without completing the operation");
        }
    }
}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("SelectedOperation { .. }")
    }
}
