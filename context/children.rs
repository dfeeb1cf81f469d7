//! The list of a context's children: doubly linked through the children themselves, so that linking
//! and leaving take constant time and allocate nothing. It owns a count of each child in it.
//!
//! All of the pointer work of `context` is in this file. A child is in one list at most in its
//! life, that of the parent that it is made with; its links are touched under the lock of that list
//! only.

use crate::runtime::prims::{UnsafeCell, exclusive};
use std::{fmt, mem, ptr::NonNull, sync::Arc};

/// What can be in such a list.
pub(crate) trait Listed: Sized {
    /// Where it keeps its links.
    fn place(&self) -> &Place<Self>;
}

/// The links of one child. Whoever holds the lock of its parent's list may touch them.
pub(crate) struct Place<T>(UnsafeCell<Links<T>>);

struct Links<T> {
    listed: bool,
    next: Option<Arc<T>>,
    prev: Option<NonNull<T>>,
}

// SAFETY: the links are touched by one thread at a time, as said above; what they move between
// threads is handles on `T`, and references to it.
unsafe impl<T: Send + Sync> Send for Place<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Place<T> {}

impl<T> Place<T> {
    /// In no list.
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new(Links {
            listed: false,
            next: None,
            prev: None,
        }))
    }

    /// # Safety
    /// The caller may touch the links, and uses no other reference to them meanwhile.
    #[expect(clippy::mut_from_ref, reason = "the caller answers for it")]
    unsafe fn links(&self) -> &mut Links<T> {
        // SAFETY: passed on.
        unsafe { exclusive(&self.0) }
    }
}

impl<T> fmt::Debug for Place<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

/// The children of one context; newest first. Its owner keeps it behind a lock.
#[derive(Debug)]
pub(crate) struct ChildList<T: Listed> {
    first: Option<Arc<T>>,
}

impl<T: Listed> ChildList<T> {
    /// No children.
    pub(crate) const fn new() -> Self {
        Self { first: None }
    }

    /// Adds a child.
    ///
    /// # Safety
    /// It has never been in a list, and is only ever in this one.
    pub(crate) unsafe fn push(&mut self, child: Arc<T>) {
        if let Some(first) = &self.first {
            // SAFETY: `first` is in this list, whose lock gave us `&mut self`.
            unsafe { first.place().links() }.prev = Some(NonNull::from(&*child));
        }
        // SAFETY: it belongs to this list, whose lock gave us `&mut self`.
        let links = unsafe { child.place().links() };
        links.listed = true;
        links.next = self.first.take();
        self.first = Some(child);
    }

    /// Takes one child out; hands back the list's count of it, to be dropped without the lock.
    /// `None` if it is not in the list, or no more.
    ///
    /// # Safety
    /// The child is not in another list.
    pub(crate) unsafe fn remove(&mut self, child: &T) -> Option<Arc<T>> {
        // SAFETY: it belongs to this list, whose lock gave us `&mut self`.
        let links = unsafe { child.place().links() };
        if !mem::replace(&mut links.listed, false) {
            return None;
        }
        let (next, prev) = (links.next.take(), links.prev.take());
        if let Some(next) = &next {
            // SAFETY: in this list, and another than `child`.
            unsafe { next.place().links() }.prev = prev;
        }
        let to_child = match prev {
            // SAFETY: in this list, so alive; and another than `child` and `next`.
            Some(prev) => &mut unsafe { prev.as_ref().place().links() }.next,
            None => &mut self.first,
        };
        mem::replace(to_child, next)
    }

    /// One of the children.
    pub(crate) fn first(&self) -> Option<&Arc<T>> {
        self.first.as_ref()
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let next = |child: &&Arc<T>| {
            // SAFETY: in this list, whose lock gave us `&self`; nobody changes the links meanwhile.
            let next = unsafe { &(*child.place().0.get()).next };
            next.as_ref()
        };
        std::iter::successors(self.first.as_ref(), next).count()
    }
}

#[cfg(test)]
mod tests {
    use crate::context::children::{ChildList, Listed, Place};
    use std::sync::Arc;

    struct Child(u32, Place<Child>);

    impl Listed for Child {
        fn place(&self) -> &Place<Self> {
            &self.1
        }
    }

    fn list_of(n: u32) -> (ChildList<Child>, Vec<Arc<Child>>) {
        let mut list = ChildList::new();
        let children: Vec<_> = (0..n).map(|i| Arc::new(Child(i, Place::new()))).collect();
        for child in &children {
            // SAFETY: new.
            unsafe { list.push(Arc::clone(child)) };
        }
        (list, children)
    }

    /// Empties it from the front.
    fn numbers(mut list: ChildList<Child>) -> Vec<u32> {
        let next = || {
            let first = Arc::clone(list.first()?);
            // SAFETY: in this list.
            unsafe { list.remove(&first) }.map(|c| c.0)
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn each_leaves_from_any_place_and_once() {
        for leaver in 0..4 {
            let (mut list, children) = list_of(4);
            let child = &children[leaver as usize];
            // SAFETY: in this list, and then in none.
            let (left, again) = unsafe { (list.remove(child), list.remove(child)) };
            assert_eq!(left.unwrap().0, leaver);
            assert!(again.is_none());
            assert_eq!(list.len(), 3);
            let rest: Vec<_> = (0..4).rev().filter(|&i| i != leaver).collect();
            assert_eq!(numbers(list), rest);
            assert!(children.iter().all(|c| Arc::strong_count(c) == 1));
        }
    }

    #[test]
    fn all_leave_one_by_one() {
        let (mut list, children) = list_of(5);
        for i in [2, 4, 0, 1, 3] {
            // SAFETY: in this list.
            assert!(unsafe { list.remove(&children[i]) }.is_some());
        }
        assert_eq!(list.len(), 0);
        assert!(children.iter().all(|c| Arc::strong_count(c) == 1));
    }
}
