//! A worker's fresh goroutines, as its owner and as the others see them: the deque, of tasks.

use crate::runtime::{
    prims::prefetch,
    sched::queue::deque::{Deque, DequeOwner, deque},
    task::header::{TaskHeader, TaskRef},
};
use crossbeam_deque::Steal;
use std::{ptr::NonNull, sync::Arc};

/// The owner's end.
#[derive(Debug)]
pub(crate) struct Fresh(DequeOwner<TaskHeader>);

/// The thieves' end.
#[derive(Clone, Debug)]
pub(crate) struct FreshStealer(Arc<Deque<TaskHeader>>);

fn held(at: NonNull<TaskHeader>) -> TaskRef {
    // SAFETY: only live tasks are pushed, which the queue then holds; it has just given this one
    // up.
    unsafe { TaskRef::new(at) }
}

fn bare(task: TaskRef) -> NonNull<TaskHeader> {
    // SAFETY: never null.
    unsafe { NonNull::new_unchecked(task.as_ptr()) }
}

impl Fresh {
    pub(crate) fn new() -> Self {
        Self(deque())
    }

    pub(crate) fn stealer(&self) -> FreshStealer {
        FreshStealer(Arc::clone(self.0.shared()))
    }

    #[inline]
    pub(crate) fn push(&self, task: TaskRef) {
        self.0.push(bare(task));
    }

    /// The newest, most often; see `deque`. And the processor is told to fetch the one after it.
    #[inline]
    pub(crate) fn pop(&self) -> Option<TaskRef> {
        let task = held(self.0.pop()?);
        let next = self.0.hint().cast::<u8>();
        prefetch(next);
        prefetch(next.wrapping_add(64));
        Some(task)
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FreshStealer {
    /// The oldest.
    pub(crate) fn steal(&self) -> Option<TaskRef> {
        loop {
            match self.0.steal() {
                Steal::Success(task) => return Some(held(task)),
                Steal::Empty => return None,
                Steal::Retry => std::hint::spin_loop(),
            }
        }
    }

    /// The oldest, and half of the others, up to `limit`, into `to`. Also how many those are.
    pub(crate) fn steal_half(&self, to: &Fresh, limit: usize) -> Option<(TaskRef, usize)> {
        let wanted = self.0.len().div_ceil(2).min(limit);
        let mut first = None;
        let mut moved = 0;
        while moved < wanted {
            let push = |task| {
                moved += 1;
                to.0.push(task);
            };
            match self.0.steal_batch(push) {
                Steal::Success(task) if first.is_none() => first = Some(held(task)),
                Steal::Success(task) => {
                    moved += 1;
                    to.0.push(task);
                }
                Steal::Empty => break,
                Steal::Retry => std::hint::spin_loop(),
            }
        }
        first.map(|task| (task, moved))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
