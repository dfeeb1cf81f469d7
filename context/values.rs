//! The values that contexts carry: a chain of its own beside the tree of cancellation, shared by
//! all contexts that are derived later.

use std::{any::Any, fmt, sync::Arc};

/// One value, and those that were there before.
pub(crate) struct ValueNode {
    /// The values of the context that this one was derived from.
    before: Option<Arc<ValueNode>>,
    /// What this one adds. A lookup goes by its type, the latest first.
    value: Arc<dyn Any + Send + Sync>,
}

impl ValueNode {
    /// `value` in front of those `before`.
    pub(crate) fn new<T: Any + Send + Sync>(before: Option<Arc<Self>>, value: T) -> Arc<Self> {
        Arc::new(Self {
            before,
            value: Arc::new(value),
        })
    }

    /// The newest value of this type.
    pub(crate) fn find<T: Any + Send + Sync>(self: &Arc<Self>) -> Option<Arc<T>> {
        let mut node = self;
        while !node.value.is::<T>() {
            node = node.before.as_ref()?;
        }
        Arc::clone(&node.value).downcast().ok()
    }
}

impl Drop for ValueNode {
    /// One by one: a long chain that dropped itself link by link would overflow the stack.
    fn drop(&mut self) {
        let mut before = self.before.take();
        while let Some(mut node) = before.and_then(Arc::into_inner) {
            before = node.before.take();
        }
    }
}

impl fmt::Debug for ValueNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValueNode")
    }
}
