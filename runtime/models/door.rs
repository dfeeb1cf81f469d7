//! The door for blocking under loom: threads stand in for goroutines. Stands in for
//! `runtime/park.rs`.
//!
//! A goroutine's park word is changed by the holder of its home only. A thread has no home, so the
//! word here is one that any thread may change. A thread that has committed its park waits for
//! loom's `unpark`, which plays the queue and the worker. A deadline passes at some moment of
//! loom's choice after the commit.

use crate::runtime::{
    on_abandon::OnAbandon,
    prims::{AtomicU8, Instant, Ordering},
};
use loom::thread::{self, Thread};

/// Why a thread parks; nobody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitReason {
    ChanRecv,
    ChanSend,
    Cond,
    Future,
    Io,
    Join,
    Mutex,
    RwMutexRead,
    RwMutexWrite,
    Select,
    WaitGroup,
}

/// How a `park_until` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Unparked {
    Notified,
    TimedOut,
}

/// loom chooses the schedule itself.
pub(crate) fn explore() {}

pub(crate) fn is_explored() -> bool {
    false
}

/// A choice that is the same in each run, as loom requires.
pub(crate) fn explored_choice(_: usize) -> Option<usize> {
    Some(0)
}

/// Every thread has a processor.
pub(crate) fn yield_if_over_budget() {}

/// There are no guards against it here.
pub(crate) fn may_park() -> bool {
    true
}

pub(crate) fn refuse() -> ! {
    unreachable!("every thread may park")
}

/// Every thread has a processor.
///
/// # Safety
/// None: nothing is done.
pub(crate) unsafe fn yield_if_over_budget_or(_: OnAbandon) {}

/// No runtime ends here; `homes` has a model of that.
///
/// # Safety
/// None: nothing is done.
pub(crate) unsafe fn set_on_abandon(_: Option<OnAbandon>) {}

/// Whether a wake-up has come to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Delivery {
    Done,
    HomeEnded,
}

const NOTIFIED_BIT: u8 = 1;
const PARKED_BIT: u8 = 2;
const TIMEOUT_BIT: u8 = 4;

/// What stands in for a goroutine's cell.
struct Parker {
    word: AtomicU8,
    thread: Thread,
}

impl Parker {
    fn new() -> Self {
        Self {
            word: AtomicU8::new(0),
            thread: thread::current(),
        }
    }

    /// True: woken already. Acquire: what the waker wrote, from `wake`.
    fn take_early(&self) -> bool {
        self.word
            .compare_exchange(NOTIFIED_BIT, 0, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// False: woken meanwhile. Release: what the thread did before, for `wake`.
    fn commit(&self) -> bool {
        self.word
            .compare_exchange(0, PARKED_BIT, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }

    /// True: the first of the two that end the park. AcqRel: partner of all the others.
    fn wake(&self, bit: u8) -> bool {
        self.word.fetch_or(bit, Ordering::AcqRel) == PARKED_BIT
    }

    /// The park has ended. Acquire: what the waker wrote, from `wake`.
    fn take(&self) -> Unparked {
        if self.word.swap(0, Ordering::Acquire) & NOTIFIED_BIT != 0 {
            Unparked::Notified
        } else {
            Unparked::TimedOut
        }
    }
}

loom::thread_local! {
    static PARKER: Box<Parker> = Box::new(Parker::new());
}

/// As the real one: an address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unparker(usize);

impl Unparker {
    pub(crate) fn current() -> Self {
        PARKER.with(|p| Self(std::ptr::from_ref::<Parker>(p) as usize))
    }

    pub(crate) fn allowed() -> Option<Self> {
        Some(Self::current())
    }

    pub(crate) fn unchecked() -> Self {
        Self::current()
    }

    pub(crate) fn into_raw(self) -> usize {
        self.0
    }

    /// # Safety
    /// From `into_raw`.
    pub(crate) unsafe fn from_raw(raw: usize) -> Self {
        Self(raw)
    }

    /// # Safety
    /// As in the real door.
    pub(crate) unsafe fn unpark(self) {
        // SAFETY: by the caller's promise the thread is parked, or about to, so its parker is
        // alive.
        let parker = unsafe { &*(self.0 as *const Parker) };
        // Cloned first: once notified, the thread may go on and end.
        let thread = parker.thread.clone();
        if parker.wake(NOTIFIED_BIT) {
            thread.unpark();
        }
    }

    /// # Safety
    /// As in the real door.
    pub(crate) unsafe fn deliver(self) -> Delivery {
        // SAFETY: passed on.
        unsafe { self.unpark() };
        Delivery::Done
    }

    /// # Safety
    /// As in the real door.
    pub(crate) unsafe fn is_abandoned(self) -> bool {
        false
    }
}

pub(crate) fn park(_: WaitReason) {
    PARKER.with(|p| {
        if p.take_early() {
            return;
        }
        if p.commit() {
            thread::park();
        }
        assert_eq!(p.take(), Unparked::Notified);
    });
}

pub(crate) fn park_until(_: WaitReason, _: Instant) -> Unparked {
    PARKER.with(|p| {
        if p.take_early() {
            return Unparked::Notified;
        }
        if p.commit() && !p.wake(TIMEOUT_BIT) {
            thread::park();
        }
        p.take()
    })
}

pub(crate) fn can_spin() -> bool {
    false
}
