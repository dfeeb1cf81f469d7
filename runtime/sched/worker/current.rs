//! The worker that carries the caller at this moment.
//!
//! A goroutine may find another one after each park. So a reference to it is used up before the
//! caller suspends.

use crate::runtime::sched::{
    home::{current, data::Held},
    worker::data::Worker,
};

/// The worker that is in this home.
///
/// # Safety
/// A worker is in it, and the result is not used after the caller has suspended or left the home.
#[inline]
pub(crate) unsafe fn worker_in<'a>(home: Held) -> &'a Worker {
    // SAFETY: a worker sets the pointer to itself when it enters, and outlives its stay.
    unsafe { &*home.worker.get().cast::<Worker>() }
}

/// The worker that carries the caller; `None` on a plain thread, and on an owner's that ends.
///
/// # Safety
/// The result is not used after the caller has suspended.
#[inline]
pub(crate) unsafe fn worker<'a>() -> Option<&'a Worker> {
    let home = current::home()?;
    // SAFETY: null, or as in `worker_in`.
    unsafe { home.worker.get().cast::<Worker>().as_ref() }
}
