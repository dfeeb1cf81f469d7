//! The one intrusive list: doubly linked, through [`Links`] that the nodes keep themselves.
//!
//! Linking a node and taking out any node take constant time and never allocate, since the memory
//! is the node's. Three kinds of lists are thin types over this one, and each is guarded by a lock
//! of its own: those who wait for a lock (`sync/wait_list`), the operations that wait on a channel
//! (`sync/channel/op_queue`), and the children of a context (`context/children`).
//!
//! A node is in one list, in one [`Chain`], or in neither. Who links a node promises that it stays
//! where it is until it has been taken out; all else follows from that promise, and from `&mut`: a
//! list is changed, and the links of its nodes are touched, by one thread at a time.

use crate::runtime::prims::Cell;
use std::{fmt, ptr::NonNull};

/// What can be in a [`LinkedList`].
///
/// # Safety
/// `links` returns the same links each time, and no other node's.
pub(crate) unsafe trait ListNode: Sized {
    /// Where it keeps its links.
    fn links(&self) -> &Links<Self>;
}

/// The links of one node.
pub(crate) struct Links<T> {
    /// The node before it; none for the first one; [`no_list`] if it is in no list.
    prev: Cell<Option<NonNull<T>>>,
    /// The node after it in its list, or in its chain; none for the last one.
    next: Cell<Option<NonNull<T>>>,
}

// SAFETY: links hold addresses only, and nothing safe reads or writes them through a shared
// reference.
unsafe impl<T> Send for Links<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Links<T> {}

/// What `prev` says in a node that is in no list. No node lies at this address, for it is the
/// smallest that is aligned, and in the first page.
const fn no_list<T>() -> Option<NonNull<T>> {
    Some(NonNull::dangling())
}

impl<T> Links<T> {
    /// The links of a node that is in no list.
    pub(crate) fn new() -> Self {
        Self {
            prev: Cell::new(no_list()),
            next: Cell::new(None),
        }
    }

    /// Whether the node is in a list. One in a chain is not.
    ///
    /// # Safety
    /// No other thread links or takes out the node meanwhile: the caller owns it, or holds the lock
    /// of the only list that it can be in.
    #[inline]
    pub(crate) unsafe fn is_linked(&self) -> bool {
        self.prev.get() != no_list()
    }
}

/// The end of a node is a write to its links, so that loom reports whoever still uses them.
#[cfg(loom)]
impl<T> Drop for Links<T> {
    fn drop(&mut self) {
        self.prev.set(no_list());
        self.next.set(None);
    }
}

impl<T> fmt::Debug for Links<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Links")
    }
}

/// The links of a node that is linked, or in a chain.
///
/// # Safety
/// The node is alive for `'a`.
unsafe fn links<'a, T: ListNode + 'a>(node: NonNull<T>) -> &'a Links<T> {
    // SAFETY: passed on.
    unsafe { node.as_ref() }.links()
}

/// A list of nodes; see the head of the file.
pub(crate) struct LinkedList<T> {
    head: Option<NonNull<T>>,
    tail: Option<NonNull<T>>,
}

// SAFETY: who has the list can refer to its nodes, which are shared with those that own them.
unsafe impl<T: Sync> Send for LinkedList<T> {}

impl<T> LinkedList<T> {
    /// An empty list.
    pub(crate) const fn new() -> Self {
        Self {
            head: None,
            tail: None,
        }
    }

    /// Whether there is no node in it.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// Whether there is exactly one.
    pub(crate) fn has_one(&self) -> bool {
        self.head.is_some() && self.head == self.tail
    }

    /// The first node, as it was linked.
    #[inline]
    pub(crate) fn first_ptr(&self) -> Option<NonNull<T>> {
        self.head
    }
}

impl<T: ListNode> LinkedList<T> {
    /// The first node.
    #[inline]
    pub(crate) fn first(&self) -> Option<&T> {
        // SAFETY: a linked node is alive, and while the list is borrowed nobody takes it out.
        self.head.map(|node| unsafe { node.as_ref() })
    }

    /// Links a node behind all others.
    ///
    /// # Safety
    /// The node is in no list and in no chain. Until it has been taken out it stays alive and where
    /// it is, nobody has an exclusive reference to it, and whoever owns it touches its links only
    /// under the lock of this list.
    #[inline]
    pub(crate) unsafe fn push_back(&mut self, node: NonNull<T>) {
        // SAFETY: alive, by the caller's promise.
        let new = unsafe { links(node) };
        new.prev.set(self.tail);
        new.next.set(None);
        match self.tail {
            // SAFETY: a linked node is alive.
            Some(tail) => unsafe { links(tail) }.next.set(Some(node)),
            None => self.head = Some(node),
        }
        self.tail = Some(node);
    }

    /// Links a node before all others.
    ///
    /// # Safety
    /// As for [`push_back`](Self::push_back).
    #[inline]
    pub(crate) unsafe fn push_front(&mut self, node: NonNull<T>) {
        // SAFETY: alive, by the caller's promise.
        let new = unsafe { links(node) };
        new.prev.set(None);
        new.next.set(self.head);
        match self.head {
            // SAFETY: a linked node is alive.
            Some(head) => unsafe { links(head) }.prev.set(Some(node)),
            None => self.tail = Some(node),
        }
        self.head = Some(node);
    }

    /// Takes out the first node.
    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<NonNull<T>> {
        let node = self.head?;
        // SAFETY: a linked node is alive.
        let old = unsafe { links(node) };
        let next = old.next.get();
        self.head = next;
        match next {
            // SAFETY: as above.
            Some(next) => unsafe { links(next) }.prev.set(None),
            None => self.tail = None,
        }
        old.prev.set(no_list());
        Some(node)
    }

    /// Takes out any node; returns it as it was linked.
    ///
    /// # Safety
    /// The node is in this list.
    #[inline]
    pub(crate) unsafe fn unlink(&mut self, node: &T) -> NonNull<T> {
        let old = node.links();
        // SAFETY: in this list, of which the caller has the only reference.
        debug_assert!(unsafe { old.is_linked() }, "taken out of a list twice");
        let (prev, next) = (old.prev.get(), old.next.get());
        let to_node = match prev {
            Some(prev) => {
                // SAFETY: a neighbour is linked, hence alive.
                let before = unsafe { links(prev) };
                let to_node = before.next.get();
                before.next.set(next);
                to_node
            }
            None => std::mem::replace(&mut self.head, next),
        };
        match next {
            // SAFETY: as above.
            Some(next) => unsafe { links(next) }.prev.set(prev),
            None => self.tail = prev,
        }
        old.prev.set(no_list());
        to_node.expect("what stands before a node of a list leads to it")
    }

    /// A cursor at the first node.
    #[inline]
    pub(crate) fn cursor(&mut self) -> CursorMut<'_, T> {
        let at = self.head;
        CursorMut { list: self, at }
    }
}

impl<T> fmt::Debug for LinkedList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkedList")
            .field("is_empty", &self.is_empty())
            .finish()
    }
}

/// A place in a list: at a node, or behind the last one. The words are those of
/// `std::collections::linked_list::CursorMut`.
pub(crate) struct CursorMut<'a, T> {
    list: &'a mut LinkedList<T>,
    at: Option<NonNull<T>>,
}

impl<T: ListNode> CursorMut<'_, T> {
    /// The node that it is at.
    #[inline]
    pub(crate) fn current(&self) -> Option<&T> {
        // SAFETY: a linked node is alive, and while the cursor is borrowed nobody takes it out.
        self.at.map(|node| unsafe { node.as_ref() })
    }

    /// Goes on to the next node.
    #[inline]
    pub(crate) fn move_next(&mut self) {
        // SAFETY: a linked node is alive, and the cursor has the list.
        self.at = self.at.and_then(|node| unsafe { links(node) }.next.get());
    }

    /// Takes out the node that it is at, and goes on to the next one.
    #[inline]
    pub(crate) fn remove_current(&mut self) -> Option<NonNull<T>> {
        let node = self.at?;
        self.move_next();
        // SAFETY: it is in this list, for the cursor has been at it and has the list.
        Some(unsafe { self.list.unlink(node.as_ref()) })
    }
}

/// Nodes that were taken out of lists, in order, linked through what were their links to the next
/// one.
pub(crate) struct Chain<T> {
    head: Option<NonNull<T>>,
    tail: Option<NonNull<T>>,
}

impl<T> Chain<T> {
    /// An empty chain.
    pub(crate) const fn new() -> Self {
        Self {
            head: None,
            tail: None,
        }
    }
}

impl<T: ListNode> Chain<T> {
    /// Adds a node behind all others.
    ///
    /// # Safety
    /// The node is in no list and in no chain. Until it has been taken out of this one it stays
    /// alive and where it is, nobody has an exclusive reference to it, and nobody but the owner of
    /// the chain touches its links, save to ask whether it is in a list.
    #[inline]
    pub(crate) unsafe fn push_back(&mut self, node: NonNull<T>) {
        // SAFETY: alive, by the caller's promise.
        unsafe { links(node) }.next.set(None);
        match self.tail {
            // SAFETY: a node in a chain is alive.
            Some(tail) => unsafe { links(tail) }.next.set(Some(node)),
            None => self.head = Some(node),
        }
        self.tail = Some(node);
    }

    /// Takes out the first node, and does not touch it any more.
    #[inline]
    pub(crate) fn pop_front(&mut self) -> Option<NonNull<T>> {
        let node = self.head?;
        // SAFETY: a node in a chain is alive.
        self.head = unsafe { links(node) }.next.get();
        if self.head.is_none() {
            self.tail = None;
        }
        Some(node)
    }
}

impl<T> fmt::Debug for Chain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("is_empty", &self.head.is_none())
            .finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
