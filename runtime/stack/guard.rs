//! Guards: the range below each stack that faults when it is touched.
//!
//! A guard is 64 KiB and more: code without stack probes (C without `-fstack-clash-protection`, and
//! aarch64's ABI assumes a 64 KiB guard) can jump over a single page. Two ways to make one:
//!
//! * [`GuardMode::Install`]: `MADV_GUARD_INSTALL` (Linux 6.13) marks page-table entries and costs
//!   no mapping, so a million guards fit a stock kernel. Guards are installed many at a time
//!   through `process_madvise`, which may act on the caller itself.
//! * [`GuardMode::Protect`]: `mprotect(PROT_NONE)` splits the arena's mapping in three, so n guards
//!   take 2n of the process's mappings. The runtime stays within 45 % of `vm.max_map_count` guards,
//!   which is 90 % of the mappings.
//!
//! The way is chosen once, by a probe: a guard must really fault, and still after `MADV_DONTNEED`.
//! An answer of "success" proves nothing, as emulators answer so to advice they do not know, and
//! ignore it. Memory that is locked (`mlockall`) refuses the advice; guards that cannot be
//! installed for such a reason are protected instead, one by one.
//!
//! The environment variable `GORT_GUARD=mprotect` forces [`GuardMode::Protect`]; it is there for
//! tests of that path.

use crate::runtime::prims::{Ordering, statics::AtomicUsize};
use std::{
    env, fs, io,
    ptr::{self, NonNull},
    sync::OnceLock,
};

/// The least bytes of a guard; see the header.
const MIN_GUARD_BYTES: usize = 64 << 10;

/// Linux's default `vm.max_map_count`, taken when it cannot be read.
const DEFAULT_MAP_COUNT: usize = 65_530;

/// How guards are made in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GuardMode {
    /// By advice to the page tables; costs no mapping.
    Install,
    /// By protection; costs two mappings each, so their number is limited.
    Protect,
}

/// The way that guards are made, probed at the first call.
pub(crate) fn guard_mode() -> GuardMode {
    static MODE: OnceLock<GuardMode> = OnceLock::new();
    *MODE.get_or_init(|| {
        let forced = env::var_os("GORT_GUARD").is_some_and(|v| v == "mprotect");
        if !forced && advice::bites() {
            GuardMode::Install
        } else {
            GuardMode::Protect
        }
    })
}

/// The system's page size: 4, 16 or 64 KiB, never a constant.
pub(crate) fn page_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        // SAFETY: `sysconf` has no preconditions.
        let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(size).unwrap_or(4096)
    })
}

/// Bytes of the guard of a stack with `usable` bytes: at least 64 KiB, and such that a slot is an
/// *odd* number of pages.
///
/// Odd strides spread the same page of neighbouring stacks over all sets of the TLB and of the
/// page-indexed cache levels; a power of two would leave one set in sixteen to a thousand hot stack
/// pages.
pub(crate) fn guard_bytes(usable: usize) -> usize {
    let page = page_size();
    let guard = MIN_GUARD_BYTES.next_multiple_of(page);
    if ((guard + usable) / page).is_multiple_of(2) {
        guard + page
    } else {
        guard
    }
}

/// What [`install`] achieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Installed {
    /// How many of the ranges are guarded now, counted from the first.
    pub(crate) count: usize,
    /// How many of those take mappings. They are given back by [`uncharge`] when they are unmapped.
    pub(crate) protected: usize,
    /// The system's error number, if it was the system that refused the next one.
    pub(crate) refused: Option<i32>,
}

/// Makes guards of `len` bytes at `starts`, in order, until one fails.
///
/// # Safety
/// Each range is page-aligned, inside a private anonymous mapping of the caller's, and holds
/// nothing that anybody needs.
pub(crate) unsafe fn install(starts: &[NonNull<u8>], len: usize) -> Installed {
    let mut count = 0;
    if guard_mode() == GuardMode::Install {
        // SAFETY: the caller's promise.
        count = unsafe { advice::install(starts, len) };
    }
    // SAFETY: the caller's promise, for a part of the ranges.
    let (protected, refused) = unsafe { protect(&starts[count..], len) };
    Installed {
        count: count + protected,
        protected,
        refused,
    }
}

/// Guards that exist by protection.
static PROTECTED: AtomicUsize = AtomicUsize::new(0);

/// How many guards exist by protection.
pub(crate) fn protected() -> usize {
    PROTECTED.load(Ordering::Relaxed)
}

/// The most guards that may exist by protection.
pub(crate) fn budget() -> usize {
    static BUDGET: OnceLock<usize> = OnceLock::new();
    *BUDGET.get_or_init(|| {
        if !cfg!(target_os = "linux") {
            return usize::MAX;
        }
        let count = fs::read_to_string("/proc/sys/vm/max_map_count")
            .ok()
            .and_then(|text| text.trim().parse::<usize>().ok())
            .unwrap_or(DEFAULT_MAP_COUNT);
        count / 100 * 45 + count % 100 * 45 / 100
    })
}

/// Gives back `n` guards' share of the budget: their arena has been unmapped.
pub(crate) fn uncharge(n: usize) {
    PROTECTED.fetch_sub(n, Ordering::Relaxed);
}

/// Takes one guard's share of the budget.
fn charge() -> bool {
    let limit = budget();
    PROTECTED
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
            (n < limit).then_some(n + 1)
        })
        .is_ok()
}

/// Protects ranges in order until the budget or the system says no. Returns how many, and what the
/// system said.
///
/// # Safety
/// As for [`install`].
unsafe fn protect(starts: &[NonNull<u8>], len: usize) -> (usize, Option<i32>) {
    for (done, start) in starts.iter().enumerate() {
        if !charge() {
            return (done, None);
        }
        // SAFETY: the caller's promise: an aligned range of its own mapping, which nobody needs to
        // read or write.
        if unsafe { libc::mprotect(start.as_ptr().cast(), len, libc::PROT_NONE) } != 0 {
            let error = io::Error::last_os_error();
            uncharge(1);
            return (done, error.raw_os_error());
        }
    }
    (starts.len(), None)
}

#[cfg(target_os = "linux")]
mod advice {
    //! Guards by `MADV_GUARD_INSTALL`.

    use crate::runtime::{
        prims::{Ordering, statics::AtomicBool},
        stack::guard::{map, page_size},
    };
    use std::{io, ptr::NonNull};

    /// Not in the C library's headers that this crate builds against: asm-generic/mman-common.h of
    /// Linux 6.13.
    const MADV_GUARD_INSTALL: libc::c_int = 102;

    /// "The calling thread", where a pidfd is asked for; linux/pidfd.h. Kernels that lack it answer
    /// `EBADF`, as it is negative.
    const PIDFD_SELF: libc::c_int = -10_000;

    /// The most ranges in one call: `UIO_MAXIOV`.
    const MAX_RANGES: usize = 1024;

    /// Cleared when the system refuses `process_madvise`: container sandboxes do, and asking each
    /// time would cost a call.
    static BATCHES: AtomicBool = AtomicBool::new(true);

    /// Installs guards in order, many at a time where possible, and returns how many there are now.
    ///
    /// # Safety
    /// As for [`install`](crate::runtime::stack::guard::install).
    pub(crate) unsafe fn install(starts: &[NonNull<u8>], len: usize) -> usize {
        let mut done = 0;
        while done < starts.len() && BATCHES.load(Ordering::Relaxed) {
            // SAFETY: the caller's promise.
            match unsafe { install_batch(&starts[done..], len) } {
                0 => break,
                n => done += n,
            }
        }
        for start in &starts[done..] {
            // SAFETY: the caller's promise: an aligned range of its own mapping whose contents
            // nobody needs.
            if unsafe { libc::madvise(start.as_ptr().cast(), len, MADV_GUARD_INSTALL) } != 0 {
                break;
            }
            done += 1;
        }
        done
    }

    /// One `process_madvise` of the first ranges of `starts`; returns how many it did.
    ///
    /// # Safety
    /// As for [`install`].
    unsafe fn install_batch(starts: &[NonNull<u8>], len: usize) -> usize {
        let ranges: Vec<libc::iovec> = starts
            .iter()
            .take(MAX_RANGES)
            .map(|start| libc::iovec {
                iov_base: start.as_ptr().cast(),
                iov_len: len,
            })
            .collect();
        // SAFETY: the caller's promise; the process is this one, by definition of the constant.
        let mut bytes = unsafe { process_madvise(PIDFD_SELF, &ranges) };
        if bytes < 0 && errno() == libc::EBADF {
            // Linux 6.13: a real pidfd. It is opened for each batch, as one kept across `fork`
            // would name the parent and put the guards into the parent's memory.
            // SAFETY: takes two integers; yields a descriptor that is owned here.
            let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0) };
            if let Ok(fd @ 0..) = libc::c_int::try_from(fd) {
                // SAFETY: the caller's promise; the pidfd is of this process.
                bytes = unsafe { process_madvise(fd, &ranges) };
                // SAFETY: `fd` was opened above and is used no more.
                unsafe { libc::close(fd) };
            }
        }
        if bytes < 0 && matches!(errno(), libc::ENOSYS | libc::EPERM | libc::EBADF) {
            BATCHES.store(false, Ordering::Relaxed);
        }
        // A partial success reports the bytes of whole ranges.
        usize::try_from(bytes).unwrap_or(0) / len
    }

    /// # Safety
    /// `pidfd` names this process, and [`install`]'s promise holds for each range.
    unsafe fn process_madvise(pidfd: libc::c_int, ranges: &[libc::iovec]) -> libc::c_long {
        // SAFETY: the array is valid for its length; the effect on the ranges is the caller's
        // promise.
        unsafe {
            libc::syscall(
                libc::SYS_process_madvise,
                pidfd,
                ranges.as_ptr(),
                ranges.len(),
                MADV_GUARD_INSTALL,
                0,
            )
        }
    }

    fn errno() -> i32 {
        io::Error::last_os_error().raw_os_error().unwrap_or(0)
    }

    /// Whether a guard really faults on this system, also after its range was discarded, and its
    /// neighbours do not.
    pub(crate) fn bites() -> bool {
        let page = page_size();
        let Some(map) = map(3 * page) else {
            return false;
        };
        // SAFETY: inside the mapping of three pages.
        let (guard, above) = unsafe { (map.add(page), map.add(2 * page)) };
        // SAFETY: the pages are mapped just above and used by nobody else; the guard is aligned.
        let bites = unsafe {
            libc::madvise(guard.as_ptr().cast(), page, MADV_GUARD_INSTALL) == 0
                && !writable(guard)
                && libc::madvise(map.as_ptr().cast(), 3 * page, libc::MADV_DONTNEED) == 0
                && !writable(guard)
                && writable(map)
                && writable(above)
        };
        // SAFETY: the mapping is this function's own and is used no more.
        unsafe { libc::munmap(map.as_ptr().cast(), 3 * page) };
        bites
    }

    /// Whether the kernel can write to a page, asked without a fault: `uname` answers `EFAULT`
    /// where it cannot.
    ///
    /// # Safety
    /// The page is mapped and holds nothing that anybody needs.
    pub(crate) unsafe fn writable(page: NonNull<u8>) -> bool {
        const { assert!(size_of::<libc::utsname>() <= 4096) };
        // SAFETY: the buffer is a whole page, larger than the structure; a page that cannot be
        // written is an error, not a fault.
        unsafe { libc::syscall(libc::SYS_uname, page.as_ptr()) == 0 }
    }
}

#[cfg(not(target_os = "linux"))]
mod advice {
    //! Systems without the advice.

    use std::ptr::NonNull;

    /// # Safety
    /// None: does nothing.
    pub(crate) unsafe fn install(_: &[NonNull<u8>], _: usize) -> usize {
        0
    }

    pub(crate) fn bites() -> bool {
        false
    }
}

#[cfg(all(test, target_os = "linux"))]
pub(crate) use advice::writable;

/// Maps `bytes` of private zeroed memory that is reserved, not committed; the error is in `errno`.
pub(crate) fn map(bytes: usize) -> Option<NonNull<u8>> {
    #[cfg(target_os = "linux")]
    const RESERVE: libc::c_int = libc::MAP_NORESERVE;
    #[cfg(not(target_os = "linux"))]
    const RESERVE: libc::c_int = 0;
    // SAFETY: a new mapping at an address of the system's choice touches nothing that exists.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | RESERVE,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        None
    } else {
        NonNull::new(start.cast())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::runtime::stack::child;

    fn guards_bite(n: usize) -> Installed {
        let page = page_size();
        let start = map(2 * n * page).unwrap();
        // SAFETY: offsets inside the mapping.
        let at = |i: usize| unsafe { start.add(i * page) };
        let starts: Vec<_> = (0..n).map(|i| at(2 * i)).collect();
        // SAFETY: every other page of a new mapping that nobody uses.
        let done = unsafe { install(&starts, page) };
        for i in 0..done.count {
            // SAFETY: mapped pages that nobody uses.
            let (guard, above) = unsafe { (writable(at(2 * i)), writable(at(2 * i + 1))) };
            assert!(!guard && above, "guard {i} of {n}");
        }
        // SAFETY: the test's own mapping.
        unsafe { libc::munmap(start.as_ptr().cast(), 2 * n * page) };
        uncharge(done.protected);
        done
    }

    #[test]
    fn guards_bite_in_batches_of_any_size() {
        for n in [1, 16, 1024, 2500] {
            assert_eq!(guards_bite(n).count, n);
        }
    }

    #[test]
    fn protection_bites_and_is_counted() {
        const NAME: &str = "runtime::stack::guard::tests::protection_bites_and_is_counted";
        if child::role().is_none() {
            return child::pass(NAME, "protect", &[("GORT_GUARD", "mprotect")]);
        }
        assert_eq!(guard_mode(), GuardMode::Protect);
        let done = guards_bite(100);
        assert_eq!((done.count, done.protected), (100, 100));
        assert_eq!(protected(), 0);
    }

    #[test]
    fn locked_memory_gets_protection() {
        const NAME: &str = "runtime::stack::guard::tests::locked_memory_gets_protection";
        if child::role().is_none() {
            return child::pass(NAME, "locked", &[]);
        }
        let mode = guard_mode();
        // SAFETY: no preconditions. Later mappings are locked, page by page as they are touched.
        if unsafe { libc::mlockall(libc::MCL_FUTURE | libc::MCL_ONFAULT) } != 0 {
            return;
        }
        let done = guards_bite(10);
        assert_eq!(done.count, 10, "{mode:?}");
        assert_eq!(done.protected, 10);
    }

    #[test]
    fn slots_are_an_odd_number_of_pages() {
        for shift in 15..=30 {
            let usable = 1_usize << shift;
            if usable >= page_size() {
                let guard = guard_bytes(usable);
                assert!(guard >= MIN_GUARD_BYTES);
                assert_eq!((guard + usable) / page_size() % 2, 1);
            }
        }
    }
}
