//! What is to be done for a goroutine that will never run again, since its runtime has ended while
//! it was suspended: it may wait in a list, or have been handed what it waited for.

/// How a goroutine was suspended when its runtime ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It had been unparked, and did not come to run.
    Woken,
    /// It had not been unparked.
    Suspended,
}

/// A function and its argument, which lies on the goroutine's stack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OnAbandon {
    act: unsafe fn(*const (), Fate),
    argument: *const (),
}

impl OnAbandon {
    /// # Safety
    /// While this is published, `act` may be called with `argument` on any thread, if the goroutine
    /// that published it is suspended and will never run again.
    pub(crate) unsafe fn new(act: unsafe fn(*const (), Fate), argument: *const ()) -> Self {
        Self { act, argument }
    }

    /// Does it. Nothing parks in it, and no code of users runs.
    ///
    /// # Safety
    /// The goroutine is suspended and will never run again. Called once for `Woken`, and at most
    /// once for `Suspended`.
    pub(crate) unsafe fn act(self, fate: Fate) {
        // SAFETY: passed on.
        unsafe { (self.act)(self.argument, fate) }
    }
}
