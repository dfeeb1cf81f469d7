//! A tour that changes no identity: for targets on which that cannot be done, and for processes in
//! which it must not be.

use crate::runtime::switch::identity::abi::{Identity, Visit};
use core::ptr;

#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "aarch64", target_arch = "x86_64"),
    target_pointer_width = "64"
)))]
pub(crate) use self::tour_in_place as tour;

/// A tour under the calling thread's own identity, whichever ones are named: for those who have
/// adopted the only one that they visit.
///
/// # Safety
/// As for `tour`; and all identities that are visited are the calling thread's.
pub(crate) unsafe fn tour_in_place(
    first: *mut Identity,
    visit: Visit,
    arg: *mut (),
) -> *mut Identity {
    let (mut at, mut left) = (first, ptr::null_mut());
    while !at.is_null() {
        // SAFETY: the caller vouches for the visit, its argument and the first identity; the visit
        // for those that it returns.
        let next = unsafe { visit(arg, at, left) };
        (left, at) = (at, next);
    }
    left
}

/// Something that is this thread's alone: nothing is found by it here.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "aarch64", target_arch = "x86_64"),
    target_pointer_width = "64"
)))]
pub(crate) fn thread_pointer() -> usize {
    std::thread_local! {
        static HERE: u8 = const { 0 };
    }
    HERE.with(|here| ptr::from_ref(here).addr())
}

/// It cannot be switched.
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "aarch64", target_arch = "x86_64"),
    target_pointer_width = "64"
)))]
pub(crate) fn register() -> crate::runtime::switch::identity::facts::Register {
    crate::runtime::switch::identity::facts::Register::Fixed
}
