//! A narrow door for `benches/`: internals that are measured on their own. **Not part of the API**:
//! anything in here may change or vanish in any release.
//!
//! Everything is marked for inlining, so that a benchmark measures what the runtime itself would
//! get.

use crate::runtime::switch::{StackBounds, SwitchContext as Context};

/// Which context switch this build uses.
pub const SWITCH: &str = if cfg!(gort_switch = "x86_64") {
    "x86_64"
} else if cfg!(gort_switch = "aarch64") {
    "aarch64"
} else {
    "portable"
};

/// A bare coroutine: the four operations of `runtime/switch/mod.rs`, whose contract applies.
pub struct SwitchContext(Context);

impl core::fmt::Debug for SwitchContext {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SwitchContext").finish_non_exhaustive()
    }
}

impl SwitchContext {
    /// A context that nothing has been created in.
    #[inline]
    pub const fn vacant() -> SwitchContext {
        SwitchContext(Context::vacant())
    }

    /// Prepares to run `entry(arg)` on the stack `base..top`.
    ///
    /// # Safety
    /// That of `Context::create`: `this` is in place and its stack unused by others until the entry
    /// has returned.
    #[inline(always)]
    pub unsafe fn create(
        this: *mut SwitchContext,
        (base, top): (usize, usize),
        entry: unsafe extern "C" fn(*mut ()),
        arg: *mut (),
    ) {
        // SAFETY: the same contract.
        unsafe { Context::create(&raw mut (*this).0, StackBounds { base, top }, entry, arg) }
    }

    /// Runs the coroutine until it leaves or its entry returns.
    ///
    /// # Safety
    /// Created, not finished, and nobody is inside.
    #[inline(always)]
    pub unsafe fn enter(this: *mut SwitchContext) {
        // SAFETY: the same contract.
        unsafe { Context::enter(&raw mut (*this).0) }
    }

    /// Suspends the coroutine.
    ///
    /// # Safety
    /// The caller runs inside it.
    #[inline(always)]
    pub unsafe fn leave(this: *mut SwitchContext) {
        // SAFETY: the same contract.
        unsafe { Context::leave(&raw mut (*this).0) }
    }
}
