//! The list of a context's children: a [`LinkedList`] that owns a count of each child in it. Adding
//! a child and taking one out take constant time and allocate nothing.
//!
//! A child is in one list at most in its life, that of the parent that it is made with; its links
//! are touched under the lock of that list only.

use crate::sync::linked_list::{LinkedList, ListNode};
use std::{marker::PhantomData, mem::ManuallyDrop, ptr::NonNull, sync::Arc};

/// The children of one context; newest first. Its owner keeps it behind a lock.
#[derive(Debug)]
pub(crate) struct ChildList<T: ListNode> {
    /// Each pointer in it is from `Arc::into_raw`, and stands for one count.
    children: LinkedList<T>,
    _owns: PhantomData<Arc<T>>,
}

impl<T: ListNode> ChildList<T> {
    /// No children.
    pub(crate) const fn new() -> Self {
        Self {
            children: LinkedList::new(),
            _owns: PhantomData,
        }
    }

    /// Adds a child.
    ///
    /// # Safety
    /// It has never been in a list, and is only ever in this one.
    pub(crate) unsafe fn push(&mut self, child: Arc<T>) {
        let child = Arc::into_raw(child).cast_mut();
        // SAFETY: from an `Arc`, so not null. It is in no list; it stays alive and in place by the
        // count that was just given up, and is only lent to be shared.
        unsafe { self.children.push_front(NonNull::new_unchecked(child)) };
    }

    /// Takes one child out; hands back the list's count of it, to be dropped without the lock.
    /// `None` if it is not in the list, or no more.
    ///
    /// # Safety
    /// The child is not in another list.
    pub(crate) unsafe fn remove(&mut self, child: &T) -> Option<Arc<T>> {
        // SAFETY: it can be in this list only, whose lock gave us `&mut self`.
        if unsafe { !child.links().is_linked() } {
            return None;
        }
        // SAFETY: so it is in this list. What `push` put in for it is taken out, once.
        Some(unsafe { Arc::from_raw(self.children.unlink(child).as_ptr()) })
    }

    /// One of the children.
    pub(crate) fn first(&self) -> Option<Arc<T>> {
        let first = self.children.first_ptr()?;
        // SAFETY: from `Arc::into_raw`; the count that it stands for stays with the list.
        let first = ManuallyDrop::new(unsafe { Arc::from_raw(first.as_ptr()) });
        Some(Arc::clone(&first))
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&mut self) -> usize {
        let mut cursor = self.children.cursor();
        let mut count = 0;
        while cursor.current().is_some() {
            count += 1;
            cursor.move_next();
        }
        count
    }
}

impl<T: ListNode> Drop for ChildList<T> {
    /// For a list whose owner is freed before its children have left: none in this crate is.
    fn drop(&mut self) {
        while let Some(child) = self.children.pop_front() {
            // SAFETY: what `push` put in for it is taken out, once.
            drop(unsafe { Arc::from_raw(child.as_ptr()) });
        }
    }
}

#[cfg(test)]
mod tests;
