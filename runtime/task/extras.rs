//! What few goroutines have: a name, and goroutine-local values.

use crate::runtime::task::header::{Extras, LocalValue, TaskRef};
use std::{ptr, sync::Arc};

/// The extras of a task, made if there are none.
///
/// # Safety
/// The caller is the goroutine itself, or has not yet published it; no other reference to its extras is alive.
pub(crate) unsafe fn of<'a>(task: TaskRef) -> &'a mut Extras {
    if task.extras.get().is_null() {
        task.extras.set(Box::into_raw(Box::default()));
    }
    // SAFETY: not null, from Box::into_raw, and exclusive by the caller's promise.
    unsafe { &mut *task.extras.get() }
}

/// The name, if one was given.
///
/// # Safety
/// The caller is the goroutine itself or holds it while it cannot run.
pub(crate) unsafe fn name(task: TaskRef) -> Option<Arc<str>> {
    // SAFETY: by the caller's promise nobody changes the extras now.
    unsafe { task.extras.get().as_ref() }?.name.clone()
}

/// Takes the goroutine-local values, newest first to drop.
///
/// # Safety
/// As for [`of`].
pub(crate) unsafe fn take_locals(task: TaskRef) -> Vec<LocalValue> {
    // SAFETY: by the caller's promise nobody else uses the extras now.
    match unsafe { task.extras.get().as_mut() } {
        Some(extras) => std::mem::take(&mut extras.locals),
        None => Vec::new(),
    }
}

/// Frees the extras at the goroutine's end. Its local values are gone already.
///
/// # Safety
/// As for [`of`].
pub(crate) unsafe fn free(task: TaskRef) {
    let extras = task.extras.replace(ptr::null_mut());
    if !extras.is_null() {
        // SAFETY: from Box::into_raw in `of`.
        drop(unsafe { Box::from_raw(extras) });
    }
}
