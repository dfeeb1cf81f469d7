//! The door for blocking under loom: threads stand in for goroutines. Stands in for `runtime/park.rs`.
//!
//! In life the holder of a goroutine's home alone changes its park word (the model `home` has that). Here, where each
//! thread is a home of its own, the word is changed by anybody, atomically. A thread that has committed its park waits
//! for loom's `unpark`, which plays the queue and the worker. A deadline passes at some moment of loom's choice after
//! the commit.

use crate::runtime::prims::{AtomicU8, Instant, Ordering};
use loom::thread::{self, Thread};

const NOTIFIED: u8 = 1;
const PARKED: u8 = 2;
const TIMEOUT: u8 = 4;

/// Whether a thread is parked, and what ended the park.
pub(crate) struct ParkWord(AtomicU8);

impl ParkWord {
    pub(crate) fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    /// The one unpark of a park. True: it was parked, and this is the first to end that.
    pub(crate) fn notify(&self) -> bool {
        self.wake(NOTIFIED)
    }

    /// Consumes an unpark that came before the park.
    pub(crate) fn take_early(&self) -> bool {
        // Acquire: what the waker did, from `wake`.
        let is_notified = self.0.load(Ordering::Acquire) & NOTIFIED != 0;
        if is_notified {
            self.0.store(0, Ordering::Relaxed);
        }
        is_notified
    }

    /// False: woken meanwhile.
    pub(crate) fn commit(&self) -> bool {
        // Acquire on failure: as in `take_early`.
        self.0
            .compare_exchange(0, PARKED, Ordering::Release, Ordering::Acquire)
            .is_ok()
    }

    /// True: it was parked, and this is the first to end that.
    fn wake(&self, bit: u8) -> bool {
        // Release: the waker's writes, for `take_early`, `commit` and `take`.
        self.0.fetch_or(bit, Ordering::AcqRel) == PARKED
    }

    /// After a park. True: notified.
    pub(crate) fn take(&self) -> bool {
        // Acquire: as in `take_early`.
        self.0.swap(0, Ordering::Acquire) & NOTIFIED != 0
    }
}

/// Why a thread parks; nobody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitReason {
    Cond,
    Future,
    Join,
    Mutex,
    RwMutexRead,
    RwMutexWrite,
    WaitGroup,
}

/// How a `park_until` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Unparked {
    Notified,
    TimedOut,
}

/// Every thread has a processor.
pub(crate) fn take_turns() {}

/// What stands in for a goroutine's cell.
struct Parker {
    word: ParkWord,
    thread: Thread,
}

impl Parker {
    fn new() -> Self {
        Self {
            word: ParkWord::new(),
            thread: thread::current(),
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
        // SAFETY: by the caller's promise the thread is parked, or about to, so its parker is alive.
        let parker = unsafe { &*(self.0 as *const Parker) };
        // Cloned first: once notified, the thread may go on and end.
        let thread = parker.thread.clone();
        if parker.word.notify() {
            thread.unpark();
        }
    }
}

pub(crate) fn park(_: WaitReason) {
    PARKER.with(|p| {
        if p.word.take_early() {
            return;
        }
        if p.word.commit() {
            thread::park();
        }
        p.word.take();
    });
}

pub(crate) fn park_until(_: WaitReason, _: Instant) -> Unparked {
    PARKER.with(|p| {
        if p.word.take_early() {
            return Unparked::Notified;
        }
        if p.word.commit() && !p.word.wake(TIMEOUT) {
            thread::park();
        }
        if p.word.take() {
            Unparked::Notified
        } else {
            Unparked::TimedOut
        }
    })
}

pub(crate) fn can_spin() -> bool {
    false
}
