//! The owner of a home: the thread whose identity the home is. It sleeps until its runtime ends.

use crate::runtime::{os::futex::Futex, prims::Ordering};
use std::{
    sync::{Mutex, PoisonError},
    thread::JoinHandle,
};

/// The thread has started, and its identity is not known yet.
const STARTS: u32 = 0;
/// The owner sleeps, and its home is lent.
const SLEEPS: u32 = 1;
/// The runtime has ended, and the home is the owner's again.
const IS_BACK: u32 = 2;

/// A home's side of its owner. Where homes are not lent there is no such thread, and this is not
/// used.
#[derive(Debug)]
pub(crate) struct HomeOwner {
    /// STARTS, SLEEPS or IS_BACK, in this order. Written by the owner, then by the end of the
    /// runtime.
    word: Futex,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl HomeOwner {
    pub(crate) fn new() -> Self {
        Self {
            word: Futex::new(STARTS),
            thread: Mutex::default(),
        }
    }

    /// Keeps the handle of the owner's thread.
    pub(crate) fn set_thread(&self, thread: JoinHandle<()>) {
        let mut place = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(thread);
    }

    /// The handle of the owner's thread, once.
    pub(crate) fn take_thread(&self) -> Option<JoinHandle<()>> {
        let mut place = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        place.take()
    }

    /// Waits until the owner has published its identity.
    pub(crate) fn wait_until_lent(&self) {
        // Acquire: the identity, from the Release in `lend`.
        while self.word.load(Ordering::Acquire) == STARTS {
            self.word.wait(STARTS, None);
        }
    }

    /// Lends the home, and sleeps until it is given back. On the owner's thread, whose identity has
    /// been published. The thread touches nothing thread-local here: a wait without a limit that
    /// ends because of a wake-up does not write `errno` either.
    pub(crate) fn lend(&self) {
        // Release: the identity, for the Acquire in `wait_until_lent`.
        self.word.store(SLEEPS, Ordering::Release);
        self.word.wake_one();
        // Acquire: what the holders did, from the Release in `take_back`.
        while self.word.load(Ordering::Acquire) == SLEEPS {
            self.word.wait(SLEEPS, None);
        }
    }

    /// Whether the home has been given back.
    pub(crate) fn is_back(&self) -> bool {
        self.word.load(Ordering::Relaxed) == IS_BACK
    }

    /// Gives the home back to its owner. The caller holds it, and nobody uses its identity any
    /// more.
    pub(crate) fn take_back(&self) {
        // Release: pairs with the Acquire in `lend`.
        self.word.store(IS_BACK, Ordering::Release);
        self.word.wake_one();
    }
}
