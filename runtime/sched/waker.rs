//! A future that waits, as an unparker sees it: its waker, and who keeps its memory.
//!
//! A goroutine that waits is on its stack until it was unparked, and so is its node in a list. A
//! future may be dropped at any moment. So what waits for it lies in an `Arc`, at the start of
//! which stands a `WakerCell`; one reference belongs to the future, and one to the unparker that
//! is published. Whoever takes the unparker out of its list has that reference: the future itself,
//! which drops it, or a waker that claims it, whose one `fire` drops it. So the memory stays for as
//! long as anybody may use it, and neither waits for the other.
//!
//! | state | meaning |
//! |---|---|
//! | `Idle` | no unparker is published, or the future is gone: there is nobody to wake |
//! | `Waiting` | an unparker is published, and this waker is to be woken |
//! | `Nudged` | an unparker is published; the waker was woken to look at something else |
//! | `Fired` | the unparker was used; the future has not seen it yet |
//!
//! Wakers are code of the user. They run outside of the lock, and as no goroutine: see
//! `events::aside`.

use crate::runtime::{
    contain::contain,
    sched::{events, home::current},
};
use std::{
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Waker,
};

/// Stands at the start of what a future waits with.
#[derive(Debug)]
pub(crate) struct WakerCell {
    /// Nothing panics and no code of the user runs while it is locked.
    state: Mutex<WakerState>,
    /// Drops the reference of the unparker that was used.
    release: unsafe fn(*const WakerCell),
}

#[derive(Debug)]
enum WakerState {
    Idle,
    Waiting(Waker),
    Nudged,
    Fired,
}

/// What a future that looks again finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum WakerUpdate {
    /// The unparker was not used yet; the waker that was given will be woken.
    Waiting,
    /// The unparker was used: the future looks at what it waits for.
    Fired,
}

impl WakerCell {
    /// A cell whose `release` drops one reference to the `Arc` that it stands at the start of.
    pub(crate) const fn new(release: unsafe fn(*const WakerCell)) -> Self {
        Self {
            state: Mutex::new(WakerState::Idle),
            release,
        }
    }

    fn lock(&self) -> MutexGuard<'_, WakerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whom to wake; before an unparker is published.
    pub(crate) fn arm(&self, waker: &Waker) {
        let waker = waker.clone();
        // The old state is dropped outside of the lock.
        let _old = mem::replace(&mut *self.lock(), WakerState::Waiting(waker));
    }

    /// Says whom to wake from now on; while an unparker is published, or since it was used.
    pub(crate) fn update_waker(&self, waker: &Waker) -> WakerUpdate {
        let waker = waker.clone();
        let mut state = self.lock();
        if matches!(*state, WakerState::Idle | WakerState::Fired) {
            drop(state);
            return WakerUpdate::Fired;
        }
        let old = mem::replace(&mut *state, WakerState::Waiting(waker));
        drop(state);
        drop(old);
        WakerUpdate::Waiting
    }

    /// The future does not wait any more: nobody is to be woken.
    pub(crate) fn disarm(&self) {
        let _old = mem::replace(&mut *self.lock(), WakerState::Idle);
    }

    /// Wakes the future so that it looks; its unparker stays published.
    pub(crate) fn nudge(&self) {
        let mut state = self.lock();
        if !matches!(*state, WakerState::Waiting(_)) {
            return;
        }
        let old = mem::replace(&mut *state, WakerState::Nudged);
        drop(state);
        if let WakerState::Waiting(waker) = old {
            waker.wake();
        }
    }

    /// The one unpark.
    ///
    /// # Safety
    /// The caller has claimed an unparker of this cell, and with it a reference to what it lies in.
    pub(crate) unsafe fn fire(this: *const Self) {
        // SAFETY: by that reference it is alive.
        let cell = unsafe { &*this };
        let state = mem::replace(&mut *cell.lock(), WakerState::Fired);
        let release = cell.release;
        let call = || {
            if let WakerState::Waiting(waker) = state {
                waker.wake();
            }
        };
        // SAFETY: the reference is given up, once. It may be the last one, and values of the user
        // may be dropped with it.
        let let_go = || unsafe { release(this) };
        match current::task() {
            Some((here, task)) => {
                events::aside(here, task, call);
                events::aside(here, task, let_go);
            }
            None => {
                contain(call);
                contain(let_go);
            }
        }
    }
}
