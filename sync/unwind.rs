//! What to do if an unwinding comes where a lock is half taken: abort, or undo.

use std::{fmt, mem::ManuallyDrop, process};

/// Aborts the process if it is dropped, which only an unwinding does: a node or a lock word would
/// be left behind in a state that the rest of the program would trip over.
#[derive(Debug)]
pub(crate) struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        eprintln!("fatal error: unwinding out of a wait");
        process::abort();
    }
}

/// Calls its function if it is dropped, which only an unwinding does: for steps that may refuse by
/// a panic, such as preparing to park where parking is forbidden.
pub(crate) struct UndoOnUnwind<F: FnOnce()>(ManuallyDrop<F>);

impl<F: FnOnce()> UndoOnUnwind<F> {
    /// Armed until [`disarm`](Self::disarm).
    pub(crate) fn new(undo: F) -> Self {
        Self(ManuallyDrop::new(undo))
    }

    /// The step has succeeded.
    pub(crate) fn disarm(self) {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped nor used again, so the function is dropped once.
        unsafe { ManuallyDrop::drop(&mut this.0) }
    }
}

impl<F: FnOnce()> Drop for UndoOnUnwind<F> {
    fn drop(&mut self) {
        // SAFETY: `self` is being dropped and not used again, so the function is taken once.
        let undo = unsafe { ManuallyDrop::take(&mut self.0) };
        undo();
    }
}

impl<F: FnOnce()> fmt::Debug for UndoOnUnwind<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UndoOnUnwind")
    }
}

#[cfg(test)]
mod tests {
    use crate::sync::unwind::UndoOnUnwind;
    use std::{cell::Cell, panic::AssertUnwindSafe, panic::catch_unwind};

    #[test]
    fn undoes_on_a_panic_only() {
        let undone = Cell::new(0);
        UndoOnUnwind::new(|| undone.set(1)).disarm();
        assert_eq!(undone.get(), 0);
        let result = catch_unwind(AssertUnwindSafe(|| {
            let _undo = UndoOnUnwind::new(|| undone.set(2));
            panic!("refused");
        }));
        assert!(result.is_err() && undone.get() == 2);
    }
}
