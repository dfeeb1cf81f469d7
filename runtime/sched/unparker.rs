//! The waking half of the door: who waits, as one word. The other half is `runtime::park`, with the
//! contract.

use crate::runtime::{
    park_thread::ThreadParker,
    sched::{
        scheduler::Scheduler,
        worker::submit::{self, Delivery},
    },
    task::header::{TaskHeader, TaskRef},
};
use std::ptr::NonNull;

/// Wakes one parked goroutine or thread, once.
///
/// A pointer to the goroutine's cell, or to the thread's parker with the lowest bit set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unparker(pub(in crate::runtime) usize);

/// In an [`Unparker`]: the parker is a thread's.
pub(in crate::runtime) const THREAD_BIT: usize = 1;

impl Unparker {
    pub(crate) fn into_raw(self) -> usize {
        self.0
    }

    /// # Safety
    /// From `into_raw`.
    pub(crate) unsafe fn from_raw(raw: usize) -> Self {
        Self(raw)
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
        if self.0 & THREAD_BIT != 0 {
            let parker = (self.0 & !THREAD_BIT) as *mut ThreadParker;
            // SAFETY: by the caller's promise the thread is parked, or about to, so its parker is
            // alive; it is not null.
            unsafe { ThreadParker::unpark(NonNull::new_unchecked(parker)) };
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

    /// Whether it is a goroutine's whose runtime ends: once it has parked it never runs again.
    ///
    /// # Safety
    /// Its goroutine or thread is parked, or about to, and not unparked before this returns.
    pub(crate) unsafe fn is_abandoned(self) -> bool {
        if self.0 & THREAD_BIT != 0 {
            return false;
        }
        // SAFETY: as in `deliver`.
        let task = unsafe { TaskRef::from_ptr(self.0 as *mut TaskHeader) };
        task.is_some_and(|task| Scheduler::of(submit::home_of(task)).is_closing())
    }
}
