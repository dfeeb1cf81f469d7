//! Tells AddressSanitizer of each switch of stacks, in builds that say so (`GORT_ASAN=1`); in all
//! others this is nothing. Without it the sanitizer takes a goroutine's stack for a part of the
//! thread's, and reports faults that are none when a panic unwinds, or a stack is used again.
//!
//! The order of the calls is that of `sanitizer/common_interface_defs.h`: whoever leaves a stack
//! says where it goes, and whoever arrives says that it is there.

#[cfg(gort_asan)]
pub(crate) use self::told::Fiber;
#[cfg(not(gort_asan))]
pub(crate) use self::untold::Fiber;

/// Builds without the sanitizer.
#[cfg(not(gort_asan))]
mod untold {
    use crate::runtime::switch::Entry;

    /// What the sanitizer knows of a coroutine.
    #[derive(Debug)]
    pub(crate) struct Fiber;

    /// What it knows of the stack that was left for a coroutine.
    #[derive(Debug)]
    pub(crate) struct Left;

    impl Fiber {
        pub(crate) const fn new() -> Self {
            Self
        }

        /// The stack is going to be used anew.
        #[inline(always)]
        pub(crate) fn begin(_base: usize, _top: usize) {}

        /// On the root, before it enters the coroutine on this stack.
        #[inline(always)]
        pub(crate) fn enter(_base: usize, _top: usize) -> Left {
            Left
        }

        /// On the root, when it is back.
        #[inline(always)]
        pub(crate) fn is_back(_left: Left) {}

        /// What the coroutine is to run instead of `entry(arg)`.
        #[inline(always)]
        pub(crate) fn wrap(&self, entry: Entry, arg: *mut ()) -> (Entry, *mut ()) {
            (entry, arg)
        }

        /// On the coroutine, when it goes on.
        #[inline(always)]
        pub(crate) fn arrive(&self) {}

        /// On the coroutine, before it suspends.
        #[inline(always)]
        pub(crate) fn leave(&self) {}
    }
}

#[cfg(gort_asan)]
mod told {
    use crate::runtime::switch::Entry;
    use std::{cell::Cell, ffi::c_void, ptr};

    unsafe extern "C" {
        fn __sanitizer_start_switch_fiber(
            save: *mut *mut c_void,
            bottom: *const c_void,
            size: usize,
        );
        fn __sanitizer_finish_switch_fiber(
            saved: *mut c_void,
            old_bottom: *mut *const c_void,
            old_size: *mut usize,
        );
        fn __asan_unpoison_memory_region(start: *const c_void, size: usize);
    }

    /// What the sanitizer knows of a coroutine.
    #[derive(Debug)]
    pub(crate) struct Fiber {
        /// Its frames beside the stack, while it is suspended.
        saved: Cell<*mut c_void>,
        /// The stack that it was entered from, and that stack's size.
        root: Cell<(*const c_void, usize)>,
        /// What the coroutine runs.
        main: Cell<Option<(Entry, *mut ())>>,
    }

    /// What it knows of the stack that was left for a coroutine.
    #[derive(Debug)]
    pub(crate) struct Left(*mut c_void);

    impl Fiber {
        pub(crate) const fn new() -> Self {
            Self {
                saved: Cell::new(ptr::null_mut()),
                root: Cell::new((ptr::null(), 0)),
                main: Cell::new(None),
            }
        }

        /// The stack is going to be used anew: what is marked there are frames that are gone.
        pub(crate) fn begin(base: usize, top: usize) {
            // SAFETY: marks memory of ours as usable.
            unsafe { __asan_unpoison_memory_region(base as *const c_void, top - base) };
        }

        /// On the root, before it enters the coroutine on this stack.
        pub(crate) fn enter(base: usize, top: usize) -> Left {
            let mut saved = ptr::null_mut();
            // SAFETY: the switch to that stack follows.
            unsafe {
                __sanitizer_start_switch_fiber(&raw mut saved, base as *const c_void, top - base)
            };
            Left(saved)
        }

        /// On the root, when it is back.
        pub(crate) fn is_back(left: Left) {
            // SAFETY: what was saved when this stack was left.
            unsafe { __sanitizer_finish_switch_fiber(left.0, ptr::null_mut(), ptr::null_mut()) };
        }

        /// What the coroutine is to run instead of `entry(arg)`.
        pub(crate) fn wrap(&self, entry: Entry, arg: *mut ()) -> (Entry, *mut ()) {
            self.main.set(Some((entry, arg)));
            (main, ptr::from_ref(self).cast_mut().cast())
        }

        /// On the coroutine, when it begins or goes on.
        pub(crate) fn arrive(&self) {
            let (mut bottom, mut size) = (ptr::null(), 0);
            let saved = self.saved.replace(ptr::null_mut());
            // SAFETY: what was saved when this stack was left; null at first.
            unsafe { __sanitizer_finish_switch_fiber(saved, &raw mut bottom, &raw mut size) };
            self.root.set((bottom, size));
        }

        /// On the coroutine, before it suspends.
        pub(crate) fn leave(&self) {
            let (bottom, size) = self.root.get();
            // SAFETY: the switch to the root follows.
            unsafe { __sanitizer_start_switch_fiber(self.saved.as_ptr(), bottom, size) };
        }

        /// On the coroutine, before it leaves for good.
        fn leave_for_good(&self) {
            let (bottom, size) = self.root.get();
            // SAFETY: as above; without a place to save to, what is kept of this stack is freed.
            unsafe { __sanitizer_start_switch_fiber(ptr::null_mut(), bottom, size) };
        }
    }

    /// What each coroutine runs: its own entry, with word to the sanitizer before and after.
    unsafe extern "C" fn main(fiber: *mut ()) {
        // SAFETY: in the coroutine that runs this.
        let fiber = unsafe { &*fiber.cast_const().cast::<Fiber>() };
        fiber.arrive();
        if let Some((entry, arg)) = fiber.main.get() {
            // SAFETY: as it was to be called.
            unsafe { entry(arg) };
        }
        fiber.leave_for_good();
    }
}
