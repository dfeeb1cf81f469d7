//! Who runs an initialiser, and who waits for it: the state machine under `Once`, `OnceCell` and
//! `Lazy`.
//!
//! | state | means | next |
//! |---|---|---|
//! | `NEW` | nobody has begun, or the last attempt came to nothing and may be repeated | `RUNNING` |
//! | `RUNNING` | one caller runs the initialiser; others queue | `DONE`, or on a panic `NEW` or `POISONED` |
//! | `POISONED` | an initialiser panicked, and it matters | `RUNNING`, by a caller that says so |
//! | `DONE` | initialised; for good, but for `&mut` access | |
//!
//! The runner leaves `RUNNING` under the list's lock and claims everyone who is queued; a caller
//! queues under that lock only if it still sees `RUNNING`. So none is missed. Those woken look at
//! the state again.

use crate::runtime::park::WaitReason;
use crate::runtime::prims::{AtomicU8, Ordering};
use crate::sync::spin::SpinLock;
use crate::sync::wait_list::{Nothing, Parking, WaitList, Waiter, park_in};

/// The states; the table above says what each means.
const NEW: u8 = 0;
const RUNNING: u8 = 1;
const POISONED: u8 = 2;
const DONE: u8 = 3;

/// What a panic of the initialiser leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnPanic {
    /// The next caller tries anew.
    Retry,
    /// The next caller panics.
    Poison,
}

/// What becomes of a caller that finds an earlier initialiser to have panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfPoisoned {
    /// It panics.
    Panic,
    /// It runs its own initialiser.
    Run,
}

/// The state, without the value that it speaks of.
#[derive(Debug)]
pub(crate) struct RawOnce {
    /// Set to `RUNNING` by the caller that runs its initialiser, and to what follows by the same.
    state: AtomicU8,
    /// Callers that wait while another runs its initialiser. They link themselves, the one that
    /// runs takes them out.
    waiters: SpinLock<WaitList>,
}

impl RawOnce {
    /// Not initialised.
    pub(crate) const fn new() -> Self {
        Self::in_state(NEW)
    }

    /// Initialised already.
    pub(crate) const fn new_done() -> Self {
        Self::in_state(DONE)
    }

    const fn in_state(state: u8) -> Self {
        Self {
            state: AtomicU8::new(state),
            waiters: SpinLock::new(WaitList::new(())),
        }
    }

    /// Whether an initialiser has finished; what it did happens before a `true`.
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        // Acquire: pairs with the Release in `Running::drop`.
        self.state.load(Ordering::Acquire) == DONE
    }

    /// Runs `init` unless it is done; parks the caller while another runs its own. Returns `true`
    /// once it is done, `false` if `init` said `false`, which undoes the attempt.
    ///
    /// # Panics
    /// If poisoned and `if_poisoned` says so. A panic of `init` passes through.
    #[cold]
    pub(crate) fn run(
        &self,
        if_poisoned: IfPoisoned,
        on_panic: OnPanic,
        init: impl FnOnce(bool) -> bool,
    ) -> bool {
        loop {
            // Acquire: pairs with the Release in `Running::drop`.
            let state = self.state.load(Ordering::Acquire);
            match state {
                // Done while this caller came, or waited.
                DONE => return true,
                POISONED if if_poisoned == IfPoisoned::Panic => {
                    panic!("sync: Once instance has previously been poisoned by a panic");
                }
                // Another runs its own: wait until it is over, and look again.
                RUNNING => self.wait(),
                // Nobody runs one: begin, unless another is faster.
                _ => {
                    let begun = self.state.compare_exchange(
                        state,
                        RUNNING,
                        // Acquire: pairs with the Release in `Running::drop` of an attempt that
                        // failed.
                        Ordering::Acquire,
                        Ordering::Relaxed,
                    );
                    if begun.is_ok() {
                        // Until `init` has returned, what follows is that it panicked.
                        let mut running = Running {
                            once: self,
                            next: match on_panic {
                                OnPanic::Retry => NEW,
                                OnPanic::Poison => POISONED,
                            },
                        };
                        let done = init(state == POISONED);
                        running.next = if done { DONE } else { NEW };
                        return done;
                    }
                }
            }
        }
    }

    /// Parks the caller until the attempt under way is over.
    fn wait(&self) {
        let waiter = Waiter::new(0);
        let list = self.waiters.lock();
        // Whoever ends the attempt takes this lock after it: either it finds the node, or this
        // caller finds that the attempt is over.
        if self.state.load(Ordering::Relaxed) == RUNNING {
            park_in(list, &waiter, Parking::forever(WaitReason::Once), &Nothing);
        }
    }
}

/// An attempt under way; its drop, also on a panic, sets the state that follows and wakes those who
/// wait.
struct Running<'a> {
    /// The state to be set.
    once: &'a RawOnce,
    /// What it is set to.
    next: u8,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut list = self.once.waiters.lock();
        // Release: pairs with the Acquire in `is_done` and `run`.
        self.once.state.store(self.next, Ordering::Release);
        let chain = list.take_all();
        drop(list);
        chain.unpark_all();
    }
}
