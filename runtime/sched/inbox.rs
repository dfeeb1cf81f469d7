//! Wake-ups from elsewhere: a stack that anyone pushes to and whose owner takes everything at once (Treiber, 1986).
//!
//! Taking everything avoids the ABA problem, and lets the monitor take over for a stuck owner.

use crate::runtime::prims::{AtomicPtr, Ordering};
use std::ptr::{self, NonNull};

/// A node with a link that its holder may use.
///
/// # Safety
/// `next` returns the same field each time, and nothing else writes it while the node is in a list.
pub(crate) unsafe trait Linked: Sized {
    fn next(&self) -> &AtomicPtr<Self>;
}

/// The stack.
#[derive(Debug)]
pub(crate) struct Inbox<N> {
    head: AtomicPtr<N>,
}

impl<N: Linked> Inbox<N> {
    pub(crate) fn new() -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Adds a node.
    ///
    /// # Safety
    /// The node is alive until taken, in no list, and the caller gives up its hold of it.
    pub(crate) unsafe fn push(&self, node: NonNull<N>) {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: ours until the exchange succeeds.
            unsafe { node.as_ref() }
                .next()
                .store(head, Ordering::Relaxed);
            // SeqCst: Release for the Acquire in `take_all` (the node), and S1: before the pusher looks at the owner's sleep word, with SeqCst too;
            // partner of the fence between that word's announcement and the owner's last look (S3).
            match self.head.compare_exchange_weak(
                head,
                node.as_ptr(),
                Ordering::SeqCst,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// A hint for the owner's hot path. After the fence of S3 it is more: the last look.
    #[inline]
    pub(crate) fn looks_empty(&self) -> bool {
        self.head.load(Ordering::Relaxed).is_null()
    }

    /// Takes all nodes: the oldest, linked to the next older ones through `next`, null at the end.
    pub(crate) fn take_all(&self) -> *mut N {
        // Acquire: the nodes, from `push`.
        let mut newest = self.head.swap(ptr::null_mut(), Ordering::Acquire);
        let mut oldest = ptr::null_mut();
        while let Some(node) = NonNull::new(newest) {
            // SAFETY: the whole chain is ours.
            let link = unsafe { node.as_ref() }.next();
            newest = link.load(Ordering::Relaxed);
            link.store(oldest, Ordering::Relaxed);
            oldest = node.as_ptr();
        }
        oldest
    }
}
