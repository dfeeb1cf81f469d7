//! Fresh goroutines that wait for a stack or a home.

use crate::runtime::task::header::TaskRef;
use std::{
    cell::{Cell, RefCell},
    time::Instant,
};

/// What a worker keeps while it waits for stacks.
#[derive(Debug, Default)]
pub(crate) struct Starved {
    tasks: RefCell<Vec<TaskRef>>,
    /// Since when this worker has had nothing to do but wait for a stack, and the runtime's
    /// progress at that time.
    pub(crate) waiting_since: Cell<Option<(Instant, u64)>>,
}

impl Starved {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.borrow().is_empty()
    }

    pub(crate) fn push(&self, task: TaskRef) {
        self.tasks.borrow_mut().push(task);
    }

    /// The one that has come last.
    pub(crate) fn pop(&self) -> Option<TaskRef> {
        self.tasks.borrow_mut().pop()
    }
}
