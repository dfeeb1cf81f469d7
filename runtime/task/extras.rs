//! What few goroutines have: a name, and goroutine-local values.
//!
//! The header has a pointer to them, with NAMED_BIT beside it if there is a name. A name is set
//! before the goroutine is published, and stays until its end. Dumps read it from any thread; so
//! extras with a name are taken from the header only under the depot's lock, which dumps hold (D4).

use crate::runtime::{
    contain::contain,
    prims::Ordering,
    task::{
        header::{Extras, LocalValue, TaskHeader, TaskRef},
        pool,
    },
};
use std::{
    ptr::{self, NonNull},
    sync::Arc,
};

/// In `TaskHeader::extras`: these have a name.
const NAMED_BIT: usize = 1;
const _: () = assert!(align_of::<Extras>() > NAMED_BIT);

/// How often destructors of goroutine-local values may make new ones at a goroutine's end: far more
/// often than any that come to an end do.
const MOST_ROUNDS: u32 = 64;

fn pointer(header: &TaskHeader) -> Option<NonNull<Extras>> {
    let tagged = header.extras.load(Ordering::Relaxed);
    NonNull::new(tagged.map_addr(|addr| addr & !NAMED_BIT))
}

/// Whether there are any; for the goroutine itself.
#[inline]
pub(crate) fn exist(task: TaskRef) -> bool {
    !task.extras.load(Ordering::Relaxed).is_null()
}

/// Gives the goroutine a name.
///
/// # Safety
/// The caller has made the task and has not yet published it.
pub(crate) unsafe fn set_name(task: TaskRef, name: Arc<str>) {
    let extras = Box::into_raw(Box::new(Extras {
        name: Some(name),
        ..Extras::default()
    }));
    let tagged = extras.map_addr(|addr| addr | NAMED_BIT);
    // Release: the name, for the Acquire in `name_in_dump`.
    task.extras.store(tagged, Ordering::Release);
}

/// The goroutine-local values.
///
/// # Safety
/// The caller is the goroutine itself; no other reference to its values is alive.
pub(crate) unsafe fn locals<'a>(task: TaskRef) -> &'a mut Vec<LocalValue> {
    let extras = pointer(&task).unwrap_or_else(|| {
        let extras = NonNull::from(Box::leak(Box::<Extras>::default()));
        task.extras.store(extras.as_ptr(), Ordering::Relaxed);
        extras
    });
    // SAFETY: from a box; this field is exclusive by the caller's promise, and others read the name
    // only.
    unsafe { &mut *extras.as_ref().locals.get() }
}

/// The name, if one was given.
///
/// # Safety
/// The caller is the goroutine itself or holds it while it cannot run. What is returned is not used
/// after the goroutine's end.
pub(crate) unsafe fn name<'a>(task: TaskRef) -> Option<&'a Arc<str>> {
    // SAFETY: by the caller's promise they are not freed now, and names do not change.
    unsafe { pointer(&task)?.as_ref() }.name.as_ref()
}

/// The name of goroutine `id`, if it is the one in this cell and has a name. For dumps.
///
/// # Safety
/// The caller holds the depot's lock, as in `pool::each_cell`.
pub(crate) unsafe fn name_in_dump(header: &TaskHeader, id: u64) -> Option<Arc<str>> {
    // Acquire: the name, from `set_name`; and the cell's id as it was by then.
    let tagged = header.extras.load(Ordering::Acquire);
    if tagged.addr() & NAMED_BIT == 0 || header.id.load(Ordering::Relaxed) != id {
        return None;
    }
    // SAFETY: they have a name, so they are not freed before they have been taken from the header
    // under the lock, which the caller holds (D4).
    let name = unsafe { &(*tagged.map_addr(|addr| addr & !NAMED_BIT)).name };
    name.clone()
}

/// Whether a value that is not there may be made, for this key. At the goroutine's end its own
/// destructor may not, and others not without end.
///
/// # Safety
/// The caller is the goroutine itself.
pub(crate) unsafe fn may_make_local(task: TaskRef, key: usize) -> bool {
    pointer(&task).is_none_or(|extras| {
        // SAFETY: they are not freed while the goroutine runs, or before its values are dropped.
        let extras = unsafe { extras.as_ref() };
        extras.dropping.get() != key && extras.rounds.get() < MOST_ROUNDS
    })
}

/// Drops the goroutine-local values, newest first, and those that their destructors make. A panic
/// in a destructor ends there; the hook has told of it.
///
/// # Safety
/// The caller is the goroutine itself.
pub(crate) unsafe fn drop_locals(task: TaskRef) {
    while let Some(extras) = pointer(&task) {
        // SAFETY: the goroutine's own; this reference is gone before a destructor runs.
        let locals = std::mem::take(unsafe { locals(task) });
        // SAFETY: not freed before its values are dropped.
        let extras = unsafe { extras.as_ref() };
        if locals.is_empty() {
            break;
        }
        extras.rounds.set(extras.rounds.get() + 1);
        for (key, value) in locals.into_iter().rev() {
            extras.dropping.set(key);
            contain(|| drop(value));
        }
        extras.dropping.set(0);
    }
}

/// Frees the extras at the goroutine's end. Its local values are gone already.
///
/// # Safety
/// The caller is the goroutine itself or holds it while it cannot run; no reference to its extras
/// is alive.
pub(crate) unsafe fn free(task: TaskRef) {
    let Some(extras) = pointer(&task) else {
        return;
    };
    // SAFETY: not freed yet.
    let is_named = unsafe { extras.as_ref() }.name.is_some();
    let dumps_off = is_named.then(pool::hold_dumps_off);
    task.extras.store(ptr::null_mut(), Ordering::Relaxed);
    drop(dumps_off);
    // SAFETY: from a box, and out of the header, so nobody finds it any more.
    drop(unsafe { Box::from_raw(extras.as_ptr()) });
}
