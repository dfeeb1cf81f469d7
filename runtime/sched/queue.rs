//! A worker's own queue of goroutines that are ready: a list through their cells, first in, first out. No atomics.

use crate::runtime::{
    prims::Ordering,
    task::header::{TaskHeader, TaskRef},
};
use std::{cell::Cell, ptr};

/// The queue. Used by one thread.
#[derive(Debug)]
pub(crate) struct ReadyQueue {
    head: Cell<*mut TaskHeader>,
    tail: Cell<*mut TaskHeader>,
    len: Cell<usize>,
}

impl ReadyQueue {
    pub(crate) const fn new() -> Self {
        Self {
            head: Cell::new(ptr::null_mut()),
            tail: Cell::new(ptr::null_mut()),
            len: Cell::new(0),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.get().is_null()
    }

    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    /// Appends a task; the queue holds it now.
    #[inline]
    pub(crate) fn push(&self, task: TaskRef) {
        task.next.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: a tail that is not null is in this queue, so it is live.
        match unsafe { TaskRef::from_ptr(self.tail.get()) } {
            Some(tail) => tail.next.store(task.as_ptr(), Ordering::Relaxed),
            None => self.head.set(task.as_ptr()),
        }
        self.tail.set(task.as_ptr());
        self.len.set(self.len.get() + 1);
    }

    /// Takes the oldest task.
    #[inline]
    pub(crate) fn pop(&self) -> Option<TaskRef> {
        // SAFETY: a head that is not null is in this queue, so it is live.
        let task = unsafe { TaskRef::from_ptr(self.head.get()) }?;
        let next = task.next.load(Ordering::Relaxed);
        self.head.set(next);
        if next.is_null() {
            self.tail.set(ptr::null_mut());
        }
        self.len.set(self.len.get() - 1);
        Some(task)
    }

    /// The task that `pop` would give after the next one, to warm its lines up.
    #[inline]
    pub(crate) fn peek(&self) -> Option<TaskRef> {
        // SAFETY: as in `pop`.
        unsafe { TaskRef::from_ptr(self.head.get()) }
    }
}
