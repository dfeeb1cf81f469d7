//! The door for blocking under loom: threads stand in for goroutines, and the real park word decides. Stands in for `runtime/park.rs`.
//!
//! A thread that has committed its park waits for loom's `unpark`, which plays the queue and the worker. A deadline passes at some moment of loom's
//! choice after the commit.

use crate::runtime::{
    prims::Instant,
    task::state::{ParkWord, Woken},
};
use loom::thread::{self, Thread};

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
    /// Of a goroutine that may move: others change its word.
    fn new() -> Self {
        let word = ParkWord::new();
        word.reset(true);
        let thread = thread::current();
        Self { word, thread }
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
        if parker.word.notify() == Woken::Enqueue {
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
        if p.word.commit() && p.word.time_out() == Woken::Nothing {
            thread::park();
        }
        if p.word.take_timed() {
            Unparked::Notified
        } else {
            Unparked::TimedOut
        }
    })
}

pub(crate) fn can_spin() -> bool {
    false
}
