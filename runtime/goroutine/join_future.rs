//! `JoinFuture`: a goroutine's end, awaited by `async` code under any executor.

use crate::runtime::{
    goroutine::{
        handle::Goroutine,
        join::{self, JoinHandle},
    },
    sched::{
        unparker::Unparker,
        waker::{WakerCell, WakerUpdate},
    },
    task::{header::TaskRef, state::Joining},
};
use std::{
    cell::Cell,
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    thread,
};

/// The end of a goroutine as a future: what `handle.await` waits for.
///
/// Works under every executor, and under [`block_on`](crate::runtime::block_on). Its output is that
/// of [`JoinHandle::join`]. Dropping it detaches the goroutine, which goes on, as dropping the
/// handle does. Does not park.
///
/// # Panics
/// If it is polled again after it was ready.
///
/// # Examples
/// ```
/// use gort::runtime::block_on;
/// use std::future::IntoFuture;
///
/// let sum = block_on(async {
///     let squares: Vec<_> = (1..=3).map(|n| gort::go!(move || n * n)).collect();
///     let mut sum = 0;
///     for square in squares {
///         sum += square.await.unwrap();
///     }
///     sum
/// });
/// assert_eq!(sum, 14);
///
/// // As a value, for what takes a future.
/// let answer = gort::go!(|| 42).into_future();
/// assert_eq!(block_on(answer).unwrap(), 42);
/// ```
pub struct JoinFuture<T> {
    state: JoinState<T>,
}

enum JoinState<T> {
    /// It was not polled yet.
    Handle(JoinHandle<T>),
    /// The goroutine knows whom to wake.
    Waiting(Goroutine, Arc<Joiner>),
    /// The output was taken.
    Over,
}

/// What the end of the goroutine finds; the last one who has it frees output and cell.
#[repr(C)]
struct Joiner {
    cell: WakerCell,
    /// Unless the output was taken, or belongs to the goroutine again. For the future only, and
    /// for the last one.
    task: Cell<Option<TaskRef>>,
}

// SAFETY: as a handle, it only moves the output (T) between threads.
unsafe impl<T: Send> Send for JoinFuture<T> {}
// SAFETY: a shared reference can only be shown.
unsafe impl<T: Send> Sync for JoinFuture<T> {}
impl<T> Unpin for JoinFuture<T> {}
impl<T> std::panic::UnwindSafe for JoinFuture<T> {}
impl<T> std::panic::RefUnwindSafe for JoinFuture<T> {}

// SAFETY: the task moves as the right to take its output, whose type `JoinFuture` checks.
unsafe impl Send for Joiner {}
// SAFETY: `task` is touched by the future, and by the last one who has it; the count orders these.
unsafe impl Sync for Joiner {}

impl Joiner {
    /// Makes a handle's goroutine wake this; `Err`: it has ended.
    fn ask(task: TaskRef, context: &Context<'_>) -> Result<Arc<Self>, TaskRef> {
        let joiner = Arc::new(Self {
            cell: WakerCell::new(Self::release),
            task: Cell::new(None),
        });
        // Code of the user, which may panic: nobody has been asked yet.
        joiner.cell.arm(context.waker());
        // The unparker's reference.
        let theirs = Arc::into_raw(Arc::clone(&joiner));
        task.joiner
            .set(Unparker::of_waker(theirs.cast()).into_raw());
        if task.life.join() == Joining::Wait {
            // The goroutine's end drops a reference, but not the last one: that is here.
            joiner.task.set(Some(task));
            return Ok(joiner);
        }
        // SAFETY: it has ended without looking for a joiner, so the reference is ours again.
        unsafe { Self::release(theirs.cast()) };
        Err(task)
    }

    /// # Safety
    /// The cell is that of a `Joiner`, of which the caller has a reference, and gives it up.
    unsafe fn release(cell: *const WakerCell) {
        // SAFETY: the cell stands at the start of it.
        drop(unsafe { Arc::from_raw(cell.cast::<Self>()) });
    }
}

impl Drop for Joiner {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            // SAFETY: the joiner was unparked, so the goroutine has ended, and nobody took its
            // output; nobody else can come to either.
            unsafe {
                task.drop_output();
                join::free(task);
            }
        }
    }
}

impl<T> IntoFuture for JoinHandle<T> {
    type Output = thread::Result<T>;
    type IntoFuture = JoinFuture<T>;

    fn into_future(self) -> JoinFuture<T> {
        JoinFuture {
            state: JoinState::Handle(self),
        }
    }
}

impl<T> Future for JoinFuture<T> {
    type Output = thread::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<thread::Result<T>> {
        let task = match std::mem::replace(&mut self.state, JoinState::Over) {
            JoinState::Handle(handle) => {
                if handle.is_finished() {
                    return Poll::Ready(handle.join());
                }
                let (task, goroutine) = handle.into_parts();
                match Joiner::ask(task, context) {
                    Ok(joiner) => {
                        self.state = JoinState::Waiting(goroutine, joiner);
                        return Poll::Pending;
                    }
                    Err(ended) => ended,
                }
            }
            JoinState::Waiting(goroutine, joiner) => {
                if joiner.cell.update_waker(context.waker()) == WakerUpdate::Waiting {
                    self.state = JoinState::Waiting(goroutine, joiner);
                    return Poll::Pending;
                }
                joiner.task.take().expect("it is taken once")
            }
            JoinState::Over => panic!("gort: a `JoinFuture` was polled after it was ready"),
        };
        // SAFETY: ended, and we were the joiner: output and cell are ours.
        let output = unsafe { join::take(task) };
        Poll::Ready(output.map_err(join::explain))
    }
}

impl<T> Drop for JoinFuture<T> {
    fn drop(&mut self) {
        let JoinState::Waiting(_, joiner) = &self.state else {
            return;
        };
        joiner.cell.disarm();
        let Some(task) = joiner.task.get() else {
            return;
        };
        if task.life.give_up_join() {
            // The goroutine will free it all.
            joiner.task.set(None);
            // SAFETY: it will not look for a joiner, so the unparker's reference is ours again.
            unsafe { Joiner::release(Arc::as_ptr(joiner).cast()) };
        }
    }
}

impl<T> fmt::Debug for JoinFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let goroutine = match &self.state {
            JoinState::Handle(handle) => Some(handle.goroutine()),
            JoinState::Waiting(goroutine, _) => Some(goroutine),
            JoinState::Over => None,
        };
        f.debug_struct("JoinFuture")
            .field("goroutine", &goroutine)
            .finish_non_exhaustive()
    }
}
