//! The only file that names atomics and cells, and what else loom must see: std's, or the model's
//! under `cfg(loom)`.

#[cfg(not(loom))]
pub(crate) use std::{
    cell::{Cell, UnsafeCell},
    hint::spin_loop,
    sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
    },
    thread::yield_now,
    time::Instant,
};

#[cfg(not(loom))]
pub(crate) use self::plain::{exclusive, shared};

#[cfg(loom)]
#[path = "models/prims.rs"]
mod modelled;

#[cfg(loom)]
pub(crate) use self::modelled::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Cell, Instant, Ordering,
    UnsafeCell, exclusive, fence, shared, spin_loop, yield_now,
};

/// Atomics for process-wide statics. Always std's: loom's cannot be made in a constant, and a model
/// must not share them.
#[cfg(not(loom))]
pub(crate) mod statics {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicUsize};
}

/// Tells the processor that the line at `at` will be written soon. `at` may be anything.
#[inline]
pub(crate) fn prefetch(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint; it never faults.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(at.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a hint; it never faults, and touches no register or memory.
    unsafe {
        std::arch::asm!("prfm pstl1keep, [{}]", in(reg) at, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = at;
}

/// A `const fn`, but under loom, whose atomics cannot be made in a constant.
#[cfg(not(loom))]
macro_rules! const_fn {
    ($(#[$attr:meta])* $vis:vis fn $($rest:tt)*) => { $(#[$attr])* $vis const fn $($rest)* };
}

#[cfg(loom)]
macro_rules! const_fn {
    ($($all:tt)*) => { $($all)* };
}

pub(crate) use const_fn;

/// What a cell holds, by reference; loom checks the moment of the call.
#[cfg(not(loom))]
mod plain {
    use std::cell::UnsafeCell;

    /// # Safety
    /// Nobody has an exclusive reference to the content while the result is used.
    #[inline]
    pub(crate) unsafe fn shared<T>(cell: &UnsafeCell<T>) -> &T {
        // SAFETY: passed on.
        unsafe { &*cell.get() }
    }

    /// # Safety
    /// Nobody has another reference to the content while the result is used.
    #[inline]
    #[expect(
        clippy::mut_from_ref,
        reason = "that is what a cell is for; the caller answers for it"
    )]
    pub(crate) unsafe fn exclusive<T>(cell: &UnsafeCell<T>) -> &mut T {
        // SAFETY: passed on.
        unsafe { &mut *cell.get() }
    }
}
