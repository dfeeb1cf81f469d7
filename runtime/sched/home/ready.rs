//! A queue of goroutines that can run: a list through their cells, first in, first out. No atomics.

use crate::runtime::{
    prims::{Ordering, prefetch},
    task::header::{TaskHeader, TaskRef},
};
use std::{cell::Cell, ptr};

/// The queue. Used by one thread at a time.
#[derive(Debug)]
pub(crate) struct ReadyQueue {
    head: Cell<*mut TaskHeader>,
    tail: Cell<*mut TaskHeader>,
}

impl ReadyQueue {
    pub(crate) const fn new() -> Self {
        Self {
            head: Cell::new(ptr::null_mut()),
            tail: Cell::new(ptr::null_mut()),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.get().is_null()
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
    }

    /// Exchanges what the two hold.
    pub(crate) fn swap(&self, other: &Self) {
        self.head.swap(&other.head);
        self.tail.swap(&other.tail);
    }

    /// The task that was added last, or null.
    #[inline]
    pub(crate) fn newest(&self) -> *mut TaskHeader {
        self.tail.get()
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
        Some(task)
    }

    /// Warms up the lines that resuming the next task will touch, while the caller is busy with the
    /// one before it.
    #[inline]
    pub(crate) fn warm_next(&self) {
        // SAFETY: as in `pop`.
        let Some(next) = (unsafe { TaskRef::from_ptr(self.head.get()) }) else {
            return;
        };
        // The coroutine is at the top of the stack; what the goroutine was doing lies below it.
        let coroutine = next.coroutine.load(Ordering::Relaxed).cast::<u8>();
        for line in 0..WARM_LINES {
            prefetch(coroutine.wrapping_sub(line * 64));
        }
        prefetch(next.next.load(Ordering::Relaxed).cast());
    }
}

/// Lines of a suspended stack that are warmed up: the coroutine and about 400 bytes of frames (what
/// a goroutine in a channel operation has).
const WARM_LINES: usize = 7;
