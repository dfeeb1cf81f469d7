//! Parking for plain OS threads: a flag and the thread's handle, in a thread-local.

use super::{
    park::Unparked,
    prims::{AtomicBool, Ordering},
};
use std::{
    ptr::NonNull,
    thread::{self, Thread},
    time::Instant,
};

/// One thread's parker.
#[derive(Debug)]
pub(crate) struct ThreadParker {
    notified: AtomicBool,
    thread: Thread,
}

thread_local! {
    static PARKER: ThreadParker = ThreadParker { notified: AtomicBool::new(false), thread: thread::current() };
}

impl ThreadParker {
    pub(crate) fn current() -> NonNull<Self> {
        PARKER.with(|p| NonNull::from(p))
    }

    /// # Safety
    /// The parker's thread is parked or about to park, and this is the one `unpark` of that park.
    pub(crate) unsafe fn unpark(this: NonNull<Self>) {
        // The handle is cloned first: once `notified` is set the thread may go on and exit.
        // SAFETY: the thread stays in `park` until the store below, so its parker lives.
        let thread = unsafe { this.as_ref() }.thread.clone();
        // SAFETY: as above. Release: pairs with the Acquire in `take`.
        unsafe { this.as_ref() }
            .notified
            .store(true, Ordering::Release);
        thread.unpark();
    }

    fn take(&self) -> bool {
        // Acquire: pairs with the Release in `unpark`.
        self.notified.swap(false, Ordering::Acquire)
    }

    pub(crate) fn park() {
        PARKER.with(|p| {
            while !p.take() {
                thread::park();
            }
        });
    }

    pub(crate) fn park_until(deadline: Instant) -> Unparked {
        PARKER.with(|p| {
            loop {
                if p.take() {
                    return Unparked::Notified;
                }
                let now = Instant::now();
                if now >= deadline {
                    return Unparked::TimedOut;
                }
                thread::park_timeout(deadline - now);
            }
        })
    }
}
