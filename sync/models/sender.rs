//! The sending handle of the models: it sends, and counts nothing. Stands in for
//! `sync/channel/sender.rs`.

use crate::sync::channel::{
    chan::{Chan, Refused},
    core::Wait,
};
use std::mem::ManuallyDrop;

/// A channel, seen as one to send to.
#[repr(transparent)]
pub(crate) struct Sender<T>(Chan<T>);

impl<T> Sender<T> {
    pub(crate) fn of(chan: &Chan<T>) -> &Self {
        // SAFETY: transparent, so a reference to the one is one to the other.
        unsafe { &*std::ptr::from_ref(chan).cast() }
    }

    pub(crate) fn chan(&self) -> Option<&Chan<T>> {
        Some(&self.0)
    }

    pub(crate) fn send(&self, value: T, wait: Wait) -> Result<(), Refused> {
        let mut value = ManuallyDrop::new(value);
        // SAFETY: there is a value; it is dropped here only if it was not sent.
        unsafe {
            let sent = self.0.send(&raw mut *value, wait);
            if sent.is_err() {
                ManuallyDrop::drop(&mut value);
            }
            sent
        }
    }
}
