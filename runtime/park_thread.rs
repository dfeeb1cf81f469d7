//! Parking for plain OS threads: a flag and the thread's handle.

use crate::runtime::{
    clock,
    prims::{AtomicBool, Ordering},
};
use std::{
    cell::Cell,
    ptr::{self, NonNull},
    thread::{self, Thread},
    time::Instant,
};

/// How a `park_until` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Unparked {
    /// The one `unpark` came.
    Notified,
    /// The deadline passed first; see the contract in `runtime::park` for what the caller owes.
    TimedOut,
}

/// One thread's parker.
#[derive(Debug)]
pub(crate) struct ThreadParker {
    notified: AtomicBool,
    thread: Thread,
}

/// Frees the parker when its thread ends.
struct Owner;

thread_local! {
    // Has no destructor, so that it can be used while the other thread-locals are being destroyed.
    static PARKER: Cell<*mut ThreadParker> = const { Cell::new(ptr::null_mut()) };
    static OWNER: Owner = const { Owner };
}

impl Drop for Owner {
    fn drop(&mut self) {
        let parker = PARKER.replace(ptr::null_mut());
        if !parker.is_null() {
            // SAFETY: from `Box::into_raw` in `current`; the thread is not parked now, so nobody else uses it.
            drop(unsafe { Box::from_raw(parker) });
        }
    }
}

impl ThreadParker {
    /// The parker of this thread; alive until the thread ends.
    pub(crate) fn current() -> NonNull<Self> {
        match NonNull::new(PARKER.get()) {
            Some(parker) => parker,
            None => Self::make(),
        }
    }

    #[cold]
    fn make() -> NonNull<Self> {
        let parker = Box::new(Self {
            notified: AtomicBool::new(false),
            thread: thread::current(),
        });
        // A thread that parks again while it ends leaks a parker: 16 bytes, once.
        let _ = OWNER.try_with(|_| ());
        let parker = NonNull::from(Box::leak(parker));
        PARKER.set(parker.as_ptr());
        parker
    }

    /// # Safety
    /// The parker's thread is parked or about to park, and this is the one `unpark` of that park.
    pub(crate) unsafe fn unpark(this: NonNull<Self>) {
        // The handle is cloned first: once `notified` is set the thread may go on and end.
        // SAFETY: the thread stays in `park` until the store below, so its parker lives.
        let thread = unsafe { this.as_ref() }.thread.clone();
        // SAFETY: as above. Release (P2): pairs with the Acquire in `take` (P3).
        unsafe { this.as_ref() }
            .notified
            .store(true, Ordering::Release);
        thread.unpark();
    }

    fn take(&self) -> bool {
        // Acquire (P3): pairs with the Release in `unpark` (P2).
        self.notified.swap(false, Ordering::Acquire)
    }

    pub(crate) fn park() {
        // SAFETY: this thread's own, alive until it ends.
        let parker = unsafe { Self::current().as_ref() };
        while !parker.take() {
            thread::park();
        }
    }

    pub(crate) fn park_until(deadline: Instant) -> Unparked {
        // SAFETY: as in `park`.
        let parker = unsafe { Self::current().as_ref() };
        loop {
            if parker.take() {
                return Unparked::Notified;
            }
            let now = clock::now();
            if now >= deadline {
                return Unparked::TimedOut;
            }
            thread::park_timeout(deadline - now);
        }
    }
}
