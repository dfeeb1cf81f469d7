//! `block_on`: waiting for a future by parking.

use crate::runtime::{
    park::{self, Unparker, WaitReason},
    prims::{AtomicUsize, Ordering},
};
use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

/// Nobody has woken it, and nobody waits.
const IDLE: usize = 0;
/// Woken since the last poll.
const WOKEN: usize = 1;

/// The waker's word: IDLE, WOKEN, or the waiting side's unparker (which is never 0 or 1: it is an
/// address).
#[derive(Debug)]
struct FutureWaker(AtomicUsize);

impl Wake for FutureWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // AcqRel: what the waker did, for the poll that follows (`wait`); and the unparker from
        // there.
        let waiting = self.0.swap(WOKEN, Ordering::AcqRel);
        if waiting > WOKEN {
            // SAFETY: the swap took it, so it is used once, and its owner parks for it.
            unsafe { Unparker::from_raw(waiting).unpark() };
        }
    }
}

impl FutureWaker {
    /// Parks until woken since the last poll.
    fn wait(&self) {
        let own = Unparker::current().into_raw();
        // Release: this side's memory, for the swap in `wake_by_ref`. Relaxed on failure: the swap
        // below acquires.
        let claimed = self
            .0
            .compare_exchange(IDLE, own, Ordering::Release, Ordering::Relaxed);
        if claimed.is_ok() {
            park::park(WaitReason::Future);
        }
        // The next poll begins: later wakes count for the next wait. Acquire: what the waker did.
        self.0.swap(IDLE, Ordering::Acquire);
    }
}

/// Runs a future to its end and returns its output. Parks the goroutine (or plain thread) while the
/// future waits.
///
/// It brings no reactor: for a future that needs one, such as tokio's timers and sockets, there is
/// [`block_on_with`](crate::runtime::block_on_with).
///
/// # Panics
/// If the future panics.
///
/// # Examples
/// ```
/// let answer = gort::go!(|| gort::runtime::block_on(async { 42 }));
/// assert_eq!(answer.join().unwrap(), 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_until_ready(|context| future.as_mut().poll(context))
}

/// Calls `poll` again and again until it is ready, and parks in between until it is worth it.
pub(crate) fn poll_until_ready<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> T {
    let state = Arc::new(FutureWaker(AtomicUsize::new(IDLE)));
    let waker = Waker::from(Arc::clone(&state));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = poll(&mut context) {
            return output;
        }
        state.wait();
    }
}
