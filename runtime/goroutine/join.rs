//! Waiting for a goroutine's end and taking its output.

use crate::runtime::{
    goroutine::{handle::Goroutine, join_error::JoinError},
    park::{self, Unparker, WaitReason},
    sched::{panicked, worker::current::worker},
    task::{
        cell::{GoexitPayload, UnstartedPayload},
        header::TaskRef,
        pool::SharedCells,
        state::Joining,
    },
};
use std::{fmt, marker::PhantomData, mem::ManuallyDrop, thread};

/// The right to wait for a goroutine and to take what it returned. Dropping it detaches the
/// goroutine, which goes on.
///
/// As [`std::thread::JoinHandle`]. In `async` code `handle.await` waits without parking: see
/// [`JoinFuture`](crate::runtime::JoinFuture).
///
/// # Examples
/// ```
/// use gort::{JoinHandle, go};
///
/// let squares: Vec<JoinHandle<u32>> = (1..=3).map(|n| go!(move || n * n)).collect();
/// let sum: u32 = squares.into_iter().map(|square| square.join().unwrap()).sum();
/// assert_eq!(sum, 14);
/// ```
pub struct JoinHandle<T> {
    task: TaskRef,
    goroutine: Goroutine,
    output: PhantomData<T>,
}

// SAFETY: the handle only moves the output (T) between threads; the cell is shared through its
// atomics.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: `&JoinHandle` reads atomics and the goroutine's identity.
unsafe impl<T: Send> Sync for JoinHandle<T> {}
impl<T> std::panic::UnwindSafe for JoinHandle<T> {}
impl<T> std::panic::RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// # Safety
    /// The task was made for a closure that returns `T`, this is its one handle, and it has not
    /// been published yet.
    pub(crate) unsafe fn new(task: TaskRef, goroutine: Goroutine) -> Self {
        Self {
            task,
            goroutine,
            output: PhantomData,
        }
    }

    /// Waits for the goroutine's end and returns what it returned, or the payload it panicked with.
    /// Parks.
    ///
    /// If the goroutine had started and was not at its end when its
    /// [`Runtime`](crate::runtime::Runtime) was dropped, it has no end: `join` waits for ever. Join
    /// before, or ask [`shutdown_timeout`](crate::runtime::Runtime::shutdown_timeout) who is left.
    ///
    /// # Errors
    /// The payload of the panic; for a goroutine that called [`goexit`](crate::runtime::goexit) or
    /// that its runtime dropped at shutdown before it could start, a `String` that says so.
    ///
    /// # Panics
    /// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it has to wait.
    ///
    /// # Examples
    /// ```
    /// let sum = gort::go!(move || (1..=10).sum::<i32>());
    /// assert_eq!(sum.join().unwrap(), 55);
    /// ```
    pub fn join(self) -> thread::Result<T> {
        self.join_raw().map_err(explain)
    }

    /// As [`join`](Self::join), with an error that works with `?` and says which goroutine did not
    /// return, where it was spawned, and what it panicked with. Parks.
    ///
    /// # Errors
    /// If the goroutine panicked, called [`goexit`](crate::runtime::goexit), or was dropped at
    /// shutdown before it could start.
    ///
    /// # Panics
    /// As [`join`](Self::join).
    ///
    /// # Examples
    /// ```
    /// use gort::{go, runtime::JoinError};
    ///
    /// fn sum() -> Result<i32, JoinError> {
    ///     let (a, b) = (go!(|| 1), go!(|| 2));
    ///     Ok(a.try_join()? + b.try_join()?)
    /// }
    /// assert_eq!(sum().unwrap(), 3);
    ///
    /// let error = go!(|| panic!("no luck")).try_join().unwrap_err();
    /// println!("{error}"); // goroutine 12, spawned at src/main.rs:9:13, panicked: no luck
    /// ```
    pub fn try_join(self) -> Result<T, JoinError> {
        let goroutine = self.goroutine.clone();
        self.join_raw()
            .map_err(|payload| JoinError::new(goroutine, payload))
    }

    /// As `join`, with the private payload of `goexit` left as it is.
    pub(crate) fn join_raw(self) -> thread::Result<T> {
        if !self.task.life.is_done() {
            self.task.joiner.set(Unparker::current().into_raw());
            if self.task.life.join() == Joining::Wait {
                park::park(WaitReason::Join);
            }
        }
        let (task, _goroutine) = self.into_parts();
        // SAFETY: done; the handle owned output and cell.
        unsafe { take(task) }
    }

    /// Without what `Drop` does.
    pub(crate) fn into_parts(self) -> (TaskRef, Goroutine) {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is neither used nor dropped again.
        (this.task, unsafe { std::ptr::read(&this.goroutine) })
    }

    /// Whether the goroutine has ended. Does not park.
    ///
    /// # Examples
    /// ```
    /// let (tx, rx) = gort::sync::channel::bounded::<()>(0);
    /// let handle = gort::go!(move || rx.recv());
    /// assert!(!handle.is_finished()); // it waits for this side
    /// drop(tx);
    /// while !handle.is_finished() {
    ///     gort::yield_now();
    /// }
    /// ```
    pub fn is_finished(&self) -> bool {
        self.task.life.is_done()
    }

    /// Which goroutine it is.
    ///
    /// # Examples
    /// ```
    /// let handle = gort::go!(|| gort::current().id());
    /// let id = handle.goroutine().id();
    /// assert_eq!(handle.join().unwrap(), id);
    /// ```
    pub fn goroutine(&self) -> &Goroutine {
        &self.goroutine
    }
}

/// Takes the output of a goroutine that has ended, and gives its cell back.
///
/// # Safety
/// Done; the caller owns output and cell, and does not use the task again. `T` is what it returned.
pub(crate) unsafe fn take<T>(task: TaskRef) -> thread::Result<T> {
    // SAFETY: passed on.
    unsafe {
        let output = task.take_output::<T>();
        if output.is_err() {
            panicked::saw(task.id());
        }
        free(task);
        output
    }
}

/// Gives a cell back through the worker's cache, if the caller is on a worker.
///
/// # Safety
/// Closure and output are gone, and nobody else holds the task.
pub(crate) unsafe fn free(task: TaskRef) {
    // SAFETY: used up at once; the rest is passed on.
    unsafe {
        match worker() {
            Some(worker) => task.free(&worker.cells),
            None => task.free(&SharedCells),
        }
    }
}

type Payload = Box<dyn std::any::Any + Send>;

/// Turns private payloads into words.
pub(crate) fn explain(payload: Payload) -> Payload {
    if payload.is::<GoexitPayload>() {
        Box::new(String::from("the goroutine called goexit"))
    } else if payload.is::<UnstartedPayload>() {
        Box::new(String::from(
            "the goroutine was dropped before it started: its runtime shut down",
        ))
    } else {
        payload
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if self.task.life.detach() {
            // SAFETY: done, and the handle owned output and cell.
            unsafe {
                self.task.drop_output();
                free(self.task);
            }
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("goroutine", &self.goroutine)
            .finish_non_exhaustive()
    }
}
