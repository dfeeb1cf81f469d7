//! The waking half of the door: who waits, as one word. The other half is `runtime::park`, with the
//! contract. A future that waits stands here as a goroutine does; its waker is its unpark.

use crate::runtime::{
    os::park_thread::ThreadParker,
    sched::{
        home::held::Held,
        scheduler::{self, Scheduler},
        waker::WakerCell,
        worker::{
            data::Worker,
            submit::{self, Delivery},
        },
    },
    task::header::{TaskHeader, TaskRef},
};
use std::ptr::{self, NonNull};

/// Wakes one parked goroutine or thread, or one future, once.
///
/// A pointer to the goroutine's cell; or to the thread's parker, or to a future's [`WakerCell`],
/// with one of the lowest bits set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unparker(pub(in crate::runtime) usize);

/// In an [`Unparker`]: the parker is a thread's.
pub(in crate::runtime) const THREAD_BIT: usize = 1;

/// In an [`Unparker`]: it is a future's.
const WAKER_BIT: usize = 2;
const _: () = assert!(align_of::<WakerCell>() > WAKER_BIT);

/// Wakes the joiner of a goroutine whose end has found one ([`Finished::WakeJoiner`]). The cell is
/// the joiner's from then on.
///
/// # Safety
/// The caller got that answer from `task.life.finish()`, and calls this once.
///
/// [`Finished::WakeJoiner`]: crate::runtime::task::state::Finished::WakeJoiner
pub(crate) unsafe fn wake_joiner(task: TaskRef) {
    let joiner = task.joiner.get();
    // SAFETY: the joiner waits for exactly this unpark.
    unsafe { Unparker::from_raw(joiner).unpark() };
}

impl Unparker {
    pub(crate) fn into_raw(self) -> usize {
        self.0
    }

    /// # Safety
    /// From `into_raw`.
    pub(crate) unsafe fn from_raw(raw: usize) -> Self {
        Self(raw)
    }

    /// Whether it is that of a goroutine whose runtime is ending, or has ended: if it is parked, it
    /// will not go on. A runtime may end at any moment, so `false` says nothing of the next one.
    ///
    /// # Safety
    /// The park that the unparker was published for has not ended.
    #[inline]
    pub(crate) unsafe fn is_abandoned(self) -> bool {
        if !scheduler::any_closes() || self.0 & (THREAD_BIT | WAKER_BIT) != 0 {
            return false;
        }
        // SAFETY: by the caller's promise the goroutine is parked, or about to, so its cell is
        // alive.
        let task = unsafe { TaskRef::from_ptr(self.0 as *mut TaskHeader) };
        task.is_some_and(|task| Scheduler::of(submit::home_of(task)).is_closing())
    }

    /// The unparker of a future, which gets one [`WakerCell::fire`].
    pub(crate) fn of_waker(cell: *const WakerCell) -> Self {
        Self(cell as usize | WAKER_BIT)
    }

    /// Ends the park that this unparker was published for.
    ///
    /// # Safety
    /// The unparker was claimed by the caller, who calls this once, and whose target has not been
    /// unparked for this park before.
    #[inline]
    pub(crate) unsafe fn unpark(self) {
        // Nobody to wake if the goroutine's runtime has ended, and nothing to be done about it.
        // SAFETY: passed on.
        let (Delivery::Done | Delivery::HomeEnded) = unsafe { self.deliver() };
    }

    /// As `unpark`, and says whether the goroutine's home has ended: then it never runs again, and
    /// the caller does what is to be done about it.
    ///
    /// # Safety
    /// As for `unpark`.
    #[inline]
    pub(crate) unsafe fn deliver(self) -> Delivery {
        if self.0 & (THREAD_BIT | WAKER_BIT) != 0 {
            // SAFETY: passed on.
            unsafe { self.unpark_other() };
            return Delivery::Done;
        }
        // SAFETY: by the caller's promise the goroutine is parked, or about to, so its cell is
        // alive.
        let Some(task) = (unsafe { TaskRef::from_ptr(self.0 as *mut TaskHeader) }) else {
            return Delivery::Done;
        };
        // SAFETY: passed on.
        unsafe { submit::unpark(task) }
    }

    /// As `deliver`, for one of many that a worker wakes at a time: see [`submit::unpark_by`].
    ///
    /// # Safety
    /// As for `unpark`. The worker is the calling thread's.
    pub(crate) unsafe fn deliver_by(self, worker: &Worker, here: Option<Held>) -> Delivery {
        match self.task() {
            // SAFETY: passed on.
            Some(task) => unsafe { submit::unpark_by(worker, here, task) },
            None => {
                // SAFETY: passed on.
                unsafe { self.unpark_other() };
                Delivery::Done
            }
        }
    }

    /// Whether it is that of a goroutine of this runtime.
    ///
    /// # Safety
    /// The park that the unparker was published for has not ended.
    pub(crate) unsafe fn is_of(self, scheduler: &Scheduler) -> bool {
        let task = self.task();
        task.is_some_and(|task| ptr::eq(Scheduler::of(submit::home_of(task)), scheduler))
    }

    /// The goroutine; none if it is no goroutine's.
    fn task(self) -> Option<TaskRef> {
        if self.0 & (THREAD_BIT | WAKER_BIT) != 0 {
            return None;
        }
        // SAFETY: its goroutine is parked, or about to, until the unparker has been used, so its
        // cell is alive.
        unsafe { TaskRef::from_ptr(self.0 as *mut TaskHeader) }
    }

    /// As `unpark`, for what is no goroutine.
    ///
    /// # Safety
    /// As `unpark`.
    unsafe fn unpark_other(self) {
        if self.0 & WAKER_BIT != 0 {
            // SAFETY: from `of_waker`; by the caller's promise the cell's one `fire` is this one.
            unsafe { WakerCell::fire((self.0 & !WAKER_BIT) as *const WakerCell) };
            return;
        }
        let parker = (self.0 & !THREAD_BIT) as *mut ThreadParker;
        // SAFETY: by the caller's promise the thread is parked, or about to, so its parker is
        // alive; it is not null.
        unsafe { ThreadParker::unpark(NonNull::new_unchecked(parker)) };
    }
}
