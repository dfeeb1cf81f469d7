//! The list of a context's children: doubly linked through the children themselves, so that linking, leaving and taking the whole take constant
//! time and allocate nothing. It owns a count of each child in it.
//!
//! All of the pointer work of `context` is in this file. A child is in one list in its life, that of the parent that it is made with. It leaves either alone
//! ([`ChildList::remove`], under the lock of the list) or with all others ([`ChildList::take`]), and then whoever took them owns the links.

use crate::runtime::prims::{UnsafeCell, exclusive};
use std::{fmt, mem, ptr::NonNull, sync::Arc};

/// What can be in such a list.
pub(crate) trait Listed: Sized {
    /// Where it keeps its links.
    fn place(&self) -> &Place<Self>;
}

/// The links of one child. Whoever holds the lock of the list may touch them; once the list was taken, who took it.
pub(crate) struct Place<T>(UnsafeCell<Links<T>>);

struct Links<T> {
    next: Option<Arc<T>>,
    prev: Option<NonNull<T>>,
}

// SAFETY: the links are touched by one thread at a time, as said above; what they move between threads is handles on `T`, and references to it.
unsafe impl<T: Send + Sync> Send for Place<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Place<T> {}

impl<T> Place<T> {
    /// In no list.
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new(Links {
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
    /// It has never been in a list.
    pub(crate) unsafe fn push(&mut self, child: Arc<T>) {
        if let Some(first) = &self.first {
            // SAFETY: `first` is in this list, whose lock gave us `&mut self`.
            unsafe { first.place().links() }.prev = Some(NonNull::from(&*child));
        }
        // SAFETY: it is in no list, so nobody else touches its links.
        unsafe { child.place().links() }.next = self.first.take();
        self.first = Some(child);
    }

    /// Takes one child out; hands back the list's count of it, to be dropped without the lock.
    ///
    /// # Safety
    /// The child is in this list.
    pub(crate) unsafe fn remove(&mut self, child: &T) -> Option<Arc<T>> {
        // SAFETY: it is in this list, whose lock gave us `&mut self`.
        let links = unsafe { child.place().links() };
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

    /// Takes all children out.
    ///
    /// # Safety
    /// The list is never used again.
    pub(crate) unsafe fn take(&mut self) -> Taken<T> {
        Taken {
            first: self.first.take(),
        }
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

/// Children whose lists are no more; their links belong to this.
#[derive(Debug)]
pub(crate) struct Taken<T: Listed> {
    first: Option<Arc<T>>,
}

impl<T: Listed> Taken<T> {
    /// None.
    pub(crate) const fn none() -> Self {
        Self { first: None }
    }

    /// One of them, which then has no links.
    pub(crate) fn pop(&mut self) -> Option<Arc<T>> {
        let child = self.first.take()?;
        // SAFETY: its links are ours.
        self.first = unsafe { child.place().links() }.next.take();
        Some(child)
    }

    /// Adds all of `other`. Takes a step for each, and no lock.
    pub(crate) fn append(&mut self, mut other: Self) {
        while let Some(child) = other.pop() {
            // SAFETY: its links are ours.
            unsafe { child.place().links() }.next = self.first.take();
            self.first = Some(child);
        }
    }
}

impl<T: Listed> Drop for Taken<T> {
    /// One by one: a chain that dropped itself link by link would need a stack as deep as it is long.
    fn drop(&mut self) {
        while self.pop().is_some() {}
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

    fn numbers(mut list: ChildList<Child>) -> Vec<u32> {
        // SAFETY: not used again.
        let mut taken = unsafe { list.take() };
        std::iter::from_fn(|| taken.pop()).map(|c| c.0).collect()
    }

    #[test]
    fn each_leaves_from_any_place() {
        for leaver in 0..4 {
            let (mut list, children) = list_of(4);
            // SAFETY: in this list.
            let left = unsafe { list.remove(&children[leaver as usize]) };
            assert_eq!(left.unwrap().0, leaver);
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

    #[test]
    fn chains_are_joined_and_dropped_without_recursion() {
        let (mut one, _) = list_of(100_000);
        let (mut two, children) = list_of(3);
        // SAFETY: neither is used again.
        let (mut all, more) = unsafe { (one.take(), two.take()) };
        all.append(more);
        assert!(children.iter().all(|c| Arc::strong_count(c) == 2));
        std::thread::Builder::new()
            .stack_size(64 << 10)
            .spawn(move || drop(all))
            .unwrap()
            .join()
            .unwrap();
        assert!(children.iter().all(|c| Arc::strong_count(c) == 1));
    }
}
