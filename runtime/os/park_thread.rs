//! Parking for plain OS threads: a flag and the thread's handle.
//!
//! All parkers stand in a list, so that the deadlock detector can tell which threads only wait for
//! goroutines ([`stuck`]).

use crate::runtime::{
    clock,
    os::os_threads,
    prims::{AtomicBool, AtomicU64, Ordering},
};
use std::{
    cell::Cell,
    collections::BTreeSet,
    ptr::{self, NonNull},
    sync::{Mutex, MutexGuard, PoisonError},
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
    /// Odd while the thread is parked without a deadline; never the same for two parks.
    parks: AtomicU64,
    thread: Thread,
    /// The system's number for it.
    id: u32,
}

/// A parker in the list: alive until it is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ParkedThread(NonNull<ThreadParker>);

// SAFETY: others only read its atomics and its number, under the list's lock.
unsafe impl Send for ParkedThread {}

static LIST: Mutex<BTreeSet<ParkedThread>> = Mutex::new(BTreeSet::new());

fn list() -> MutexGuard<'static, BTreeSet<ParkedThread>> {
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The threads that are parked without a deadline and not unparked: the system's number for each,
/// and which of its parks it is.
pub(crate) fn stuck() -> Vec<(u32, u64)> {
    let park_of = |listed: &ParkedThread| {
        // SAFETY: in the list, whose lock is held.
        let parker = unsafe { listed.0.as_ref() };
        // Acquire, and before `parks` is read: one who took the notification has counted on before
        // (K2), and that is seen then.
        let notified = parker.notified.load(Ordering::Acquire);
        // SeqCst (K2): after the fence of the look; partner of the counts in `park_slow`.
        let park = parker.parks.load(Ordering::SeqCst);
        (!notified && park % 2 == 1).then_some((parker.id, park))
    };
    list().iter().filter_map(park_of).collect()
}

/// Frees the parker when its thread ends.
struct ParkerOwner;

thread_local! {
    // Has no destructor, so that it can be used while the other thread-locals are being destroyed.
    static PARKER: Cell<*mut ThreadParker> = const { Cell::new(ptr::null_mut()) };
    static OWNER: ParkerOwner = const { ParkerOwner };
}

impl Drop for ParkerOwner {
    fn drop(&mut self) {
        if let Some(parker) = NonNull::new(PARKER.replace(ptr::null_mut())) {
            list().remove(&ParkedThread(parker));
            // SAFETY: from `Box::leak` in `make`; the thread is not parked now, and it is out of
            // the list, so nobody else uses it.
            drop(unsafe { Box::from_raw(parker.as_ptr()) });
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
            parks: AtomicU64::new(0),
            thread: thread::current(),
            id: os_threads::own_id(),
        });
        // A thread that parks again while it ends leaks a parker: some 32 bytes, once.
        let _ = OWNER.try_with(|_| ());
        let parker = NonNull::from(Box::leak(parker));
        list().insert(ParkedThread(parker));
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
        // Acquire (P3): pairs with the Release in `unpark` (P2). Release (K2): pairs with the
        // Acquire in `stuck`.
        self.notified.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn park() {
        // SAFETY: this thread's own, alive until it ends.
        let parker = unsafe { Self::current().as_ref() };
        if !parker.take() {
            parker.park_slow();
        }
    }

    #[cold]
    fn park_slow(&self) {
        // SeqCst (K2), both: a thread that counts on before the fence of the detector's second look
        // is seen to have done so.
        self.parks.fetch_add(1, Ordering::SeqCst);
        while !self.notified.load(Ordering::Relaxed) {
            thread::park();
        }
        // Before the notification is taken: there is no moment at which this thread runs and looks
        // stuck.
        self.parks.fetch_add(1, Ordering::SeqCst);
        self.take();
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
