//! The receiving handle of the models: it receives, and counts nothing. Stands in for
//! `sync/channel/receiver.rs`.

use crate::sync::channel::{
    chan::{Chan, Refused},
    core::Wait,
    timer::TimerChan,
};

/// A channel, seen as one to receive from.
#[repr(transparent)]
pub(crate) struct Receiver<T>(Chan<T>);

impl<T> Receiver<T> {
    pub(crate) fn of(chan: &Chan<T>) -> &Self {
        // SAFETY: transparent, so a reference to the one is one to the other.
        unsafe { &*std::ptr::from_ref(chan).cast() }
    }

    pub(crate) fn chan(&self) -> Option<&Chan<T>> {
        Some(&self.0)
    }

    /// No model has a timer.
    pub(crate) fn timer(&self) -> Option<&TimerChan> {
        None
    }

    pub(crate) fn receive(&self, wait: Wait) -> Result<T, Refused> {
        self.0.recv(wait)
    }
}
