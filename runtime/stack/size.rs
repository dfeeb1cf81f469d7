//! The sizes that stacks come in, and the errors of asking for one.
//!
//! A size class is a power of two of usable bytes, so a handful of free lists serve every request.
//! Rounding up costs address space only: memory is paid for by touch. Whoever parses a stack size
//! (builder, macro, environment) calls [`SizeClass::for_bytes`], so the allowed range and its
//! wording live here alone.
#![forbid(unsafe_code)]

use std::{error::Error, fmt, io};

/// The smallest class, as a power of two.
///
/// A signal handler that was not given an alternate stack runs on the goroutine's: its frame is 3.6
/// KiB with AVX-512 (measured), about 11 KiB with AMX, at least 4.5 KiB on aarch64. 32 KiB leaves
/// the better part for the goroutine. Targets other than those named may run with 64 KiB pages, and
/// a stack is at least one page.
const MIN_SHIFT: u32 = if cfg!(any(
    target_arch = "x86",
    target_arch = "x86_64",
    target_arch = "riscv64",
    target_arch = "s390x"
)) {
    15
} else {
    16
};

/// The largest class, as a power of two: 1 GiB, beyond which a request is more likely a slip than a
/// wish.
const MAX_SHIFT: u32 = 30;

/// How many classes there are.
pub(crate) const CLASSES: usize = (MAX_SHIFT - MIN_SHIFT + 1) as usize;

/// The least usable bytes that a stack has.
pub(crate) const MIN_BYTES: usize = 1 << MIN_SHIFT;

/// The most usable bytes that a stack can have.
pub(crate) const MAX_BYTES: usize = 1 << MAX_SHIFT;

/// Usable bytes when nobody says otherwise.
///
/// 256 KiB holds TLS handshakes, JSON parsers and formatting, which 32 and 64 KiB stacks of other
/// runtimes did not; frames of unoptimised code are several times larger, hence 1 MiB with debug
/// assertions.
pub(crate) const DEFAULT_BYTES: usize = if cfg!(debug_assertions) {
    1 << 20
} else {
    256 << 10
};

/// Classes up to this many bytes get the deep hot list of [`SizeClass::hot_cap`]: both defaults,
/// and what people choose near them.
const DEEP_CACHE_BYTES: usize = 1 << 20;

/// Usable bytes of a stack: a power of two from [`MIN_BYTES`] to [`MAX_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SizeClass(u8);

impl SizeClass {
    /// The class of [`DEFAULT_BYTES`].
    #[cfg(test)]
    pub(crate) const DEFAULT: Self = Self((DEFAULT_BYTES.trailing_zeros() - MIN_SHIFT) as u8);

    /// The smallest class with at least `bytes` usable bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for 0, and for more than [`MAX_BYTES`].
    pub(crate) fn for_bytes(bytes: usize) -> io::Result<Self> {
        if bytes == 0 || bytes > MAX_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "a stack of {bytes} bytes is not possible: allowed are 1 to {MAX_BYTES} bytes \
                     (1 GiB), rounded up to a power of two of at least {MIN_BYTES}"
                ),
            ));
        }
        let shift = bytes.max(MIN_BYTES).next_power_of_two().trailing_zeros();
        Ok(Self((shift - MIN_SHIFT) as u8))
    }

    /// Every class, smallest first.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..CLASSES as u8).map(Self)
    }

    /// Bytes between the guard and the top.
    #[inline]
    pub(crate) const fn usable(self) -> usize {
        MIN_BYTES << self.0
    }

    /// A dense number below [`CLASSES`].
    #[inline]
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// The class with this number.
    #[inline]
    pub(crate) const fn from_index(index: u8) -> Self {
        assert!((index as usize) < CLASSES);
        Self(index)
    }

    /// How many free stacks of this class a worker keeps for itself.
    ///
    /// 64 touched stacks of the usual sizes are at least 256 KiB a worker, well inside an L2 cache
    /// at one hot line each; big stacks are rare and may each hold megabytes that were touched
    /// once.
    #[inline]
    pub(crate) const fn hot_cap(self) -> usize {
        if self.usable() <= DEEP_CACHE_BYTES {
            64
        } else {
            8
        }
    }

    /// How many stacks move between a worker and the pool at a time: half the hot list, so that a
    /// worker at its edge does not go to the pool again at once.
    #[inline]
    pub(crate) const fn batch(self) -> usize {
        self.hot_cap() / 2
    }
}

/// Why there is no stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StackError {
    /// The system would not even reserve the addresses of one more stack.
    AddressSpace {
        /// Bytes of that one slot, guard included.
        bytes: usize,
        /// The system's error number.
        errno: i32,
        /// What may be the cause.
        see: &'static str,
    },
    /// Each guard costs two of the process's memory mappings here, and they are used up.
    GuardBudget {
        /// The most guards that the runtime allows itself.
        limit: usize,
        /// The guards that exist.
        live: usize,
    },
    /// The system refused a guard, though the runtime allows itself more.
    GuardRefused {
        /// The system's error number.
        errno: i32,
    },
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AddressSpace { bytes, errno, see } => write!(
                f,
                "no address space for a goroutine's stack of {bytes} bytes, guard included ({}); \
                 see {see}, or ask for smaller stacks",
                io::Error::from_raw_os_error(errno)
            ),
            Self::GuardBudget { limit, live } => write!(
                f,
                "no guard for another goroutine's stack: {live} exist and the limit is {limit}, \
                 because on this system (Linux before 6.13, or one that emulates it) each takes \
                 two memory mappings; raise the limit with `sysctl -w \
                 vm.max_map_count={}`, or park fewer goroutines at a time",
                suggested_map_count(limit.max(live)),
            ),
            Self::GuardRefused { errno } => {
                let error = io::Error::from_raw_os_error(errno);
                write!(f, "no guard for another goroutine's stack ({error})")?;
                if errno == libc::ENOMEM {
                    let count = suggested_map_count(0);
                    let limit = format!("`sysctl -w vm.max_map_count={count}`");
                    write!(
                        f,
                        "; the process may have too many memory mappings: see {limit}"
                    )?;
                }
                Ok(())
            }
        }
    }
}

impl Error for StackError {}

impl From<StackError> for io::Error {
    fn from(error: StackError) -> Self {
        Self::new(io::ErrorKind::OutOfMemory, error)
    }
}

/// A `vm.max_map_count` that allows some ten times as many guards: at least the 1048576 that
/// several distributions ship.
fn suggested_map_count(guards: usize) -> usize {
    guards
        .saturating_mul(25)
        .next_power_of_two()
        .clamp(1 << 20, 1 << 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_up_to_a_power_of_two() {
        let usable = |n| SizeClass::for_bytes(n).unwrap().usable();
        assert_eq!(usable(1), MIN_BYTES);
        assert_eq!(usable(MIN_BYTES), MIN_BYTES);
        assert_eq!(usable(MIN_BYTES + 1), 2 * MIN_BYTES);
        assert_eq!(usable(200_000), 262_144);
        assert_eq!(usable(MAX_BYTES - 1), MAX_BYTES);
        assert_eq!(usable(MAX_BYTES), MAX_BYTES);
        assert_eq!(SizeClass::DEFAULT.usable(), DEFAULT_BYTES);
        assert_eq!(usable(DEFAULT_BYTES), DEFAULT_BYTES);
    }

    #[test]
    fn refuses_nothing_and_too_much_and_says_the_range() {
        for n in [0, MAX_BYTES + 1, usize::MAX] {
            let error = SizeClass::for_bytes(n).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            let text = error.to_string();
            for part in [n.to_string(), MAX_BYTES.to_string(), MIN_BYTES.to_string()] {
                assert!(text.contains(&part), "{text}");
            }
        }
    }

    #[test]
    fn classes_are_dense() {
        for (i, class) in SizeClass::all().enumerate() {
            assert_eq!(class.index(), i);
            assert_eq!(SizeClass::for_bytes(class.usable()).unwrap(), class);
            assert!(class.batch() >= 1 && class.batch() < class.hot_cap());
        }
        assert_eq!(SizeClass::all().count(), CLASSES);
    }

    #[test]
    fn errors_say_what_to_do() {
        let budget = StackError::GuardBudget {
            limit: 29_488,
            live: 29_488,
        };
        let text = budget.to_string();
        assert!(
            text.contains("sysctl -w vm.max_map_count=1048576"),
            "{text}"
        );
        assert_eq!(io::Error::from(budget).kind(), io::ErrorKind::OutOfMemory);
        let space = StackError::AddressSpace {
            bytes: 331_776,
            errno: 12,
            see: "`ulimit -v`",
        };
        assert!(space.to_string().contains("see `ulimit -v`, or"));
        let refused = |errno| StackError::GuardRefused { errno }.to_string();
        assert!(refused(libc::ENOMEM).contains("vm.max_map_count=1048576"));
        assert!(!refused(libc::EPERM).contains("vm.max_map_count"));
    }
}
