//! The scheduler's one thread-local: the home whose identity this thread has.
//!
//! A goroutine lives in one home for good, whichever worker carries it. So what it reads here never
//! changes, and the compiler may keep it over a park.

use crate::runtime::{
    sched::home::data::{Held, Home},
    task::header::TaskRef,
};
use std::{cell::Cell, ptr};

thread_local! {
    /// The home of this thread while somebody holds it under this identity, else null.
    static HOME: Cell<*const Home> = const { Cell::new(ptr::null()) };
    /// Depth of `forbid_yield` guards held outside goroutines.
    static THREAD_FORBID: Cell<u32> = const { Cell::new(0) };
}

/// Says which home this thread's identity is; null: none.
///
/// # Safety
/// Until this is called again, code runs under this thread's identity only while its worker holds
/// that home.
pub(crate) unsafe fn set_home(home: *const Home) {
    HOME.set(home);
}

/// The home that the caller is in. `None` on a plain thread.
#[inline]
pub(crate) fn home() -> Option<Held> {
    // SAFETY: homes are never freed.
    let home: &'static Home = unsafe { HOME.get().as_ref() }?;
    // SAFETY: by the contract of `set_home`, whoever runs under this identity holds it.
    Some(unsafe { Held::new(home) })
}

/// The goroutine that the caller is, and its home. `None` on a plain thread.
#[inline]
pub(crate) fn task() -> Option<(Held, TaskRef)> {
    let home = home()?;
    Some((home, home.task()?))
}

/// The depth of `forbid_yield` guards of this thread, outside goroutines.
pub(crate) fn thread_forbid() -> u32 {
    THREAD_FORBID.get()
}

pub(crate) fn set_thread_forbid(depth: u32) {
    THREAD_FORBID.set(depth);
}
