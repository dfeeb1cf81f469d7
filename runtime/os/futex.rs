//! A word that a thread can sleep on.
//!
//! Not `thread::park`: its token belongs to users, whose own waiting and waking must not be
//! disturbed by ours. And a thread's token follows the thread's identity, which may be lent to
//! another OS thread (see `switch/identity/`), while who sleeps on a futex is the OS thread itself.
//!
//! On 64-bit Linux it is the kernel's futex: one system call, which touches nothing that belongs to
//! the thread but `errno`. Elsewhere a table of std mutexes and condition variables stands in;
//! identities are not lent there.

use crate::runtime::prims::{AtomicU32, Ordering};
use std::time::Duration;

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
use self::kernel as backend;
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
use self::table as backend;

/// A word that a thread can sleep on.
///
/// The word is an ordinary atomic: what it orders, it orders by the orderings given. Sleeping and
/// waking order nothing by themselves.
///
/// To wait: read the word, decide by it, and [`wait`](Futex::wait) for it to become another value.
/// To wake: change the word, then [`wake_one`](Futex::wake_one). Whoever changes the word before
/// the waiter sleeps keeps it from sleeping, so no wake-up is missed.
#[derive(Debug)]
pub(crate) struct Futex(AtomicU32);

impl Futex {
    pub(crate) const fn new(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }

    #[inline]
    pub(crate) fn load(&self, order: Ordering) -> u32 {
        self.0.load(order)
    }

    #[inline]
    pub(crate) fn store(&self, value: u32, order: Ordering) {
        self.0.store(value, order);
    }

    /// Sleeps while the word is `value`, for `limit` at most. May return early, for no reason: the
    /// caller looks again.
    pub(crate) fn wait(&self, value: u32, limit: Option<Duration>) {
        backend::wait(&self.0, value, limit);
    }

    /// Wakes one thread that sleeps on this word, if there is one.
    pub(crate) fn wake_one(&self) {
        backend::wake(&self.0, backend::ONE);
    }

    /// Wakes all threads that sleep on this word.
    pub(crate) fn wake_all(&self) {
        backend::wake(&self.0, backend::ALL);
    }
}

/// As [`Futex::wait`], for a word that is an atomic of its own.
pub(crate) fn wait(word: &AtomicU32, value: u32, limit: Option<Duration>) {
    backend::wait(word, value, limit);
}

/// As [`Futex::wake_one`], for a word that is an atomic of its own.
pub(crate) fn wake_one(word: &AtomicU32) {
    backend::wake(word, backend::ONE);
}

/// The kernel's own.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod kernel {
    use crate::runtime::prims::AtomicU32;
    use std::{ffi::c_int, ptr, time::Duration};

    pub(super) const ONE: c_int = 1;
    pub(super) const ALL: c_int = c_int::MAX;

    pub(super) fn wait(word: &AtomicU32, value: u32, limit: Option<Duration>) {
        let limit = limit.map(|limit| libc::timespec {
            tv_sec: limit.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        });
        let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the word lives as long as the call, and the time, if any, too. The time is
        // relative, on the monotonic clock. The result does not matter: woken, timed out,
        // interrupted and "the word has another value" all mean that the caller looks again.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                word.as_ptr(),
                libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
                value,
                limit,
            )
        };
    }

    pub(super) fn wake(word: &AtomicU32, how_many: c_int) {
        // SAFETY: the kernel takes the address for a key and does not read what is there.
        unsafe {
            libc::syscall(
                libc::SYS_futex,
                word.as_ptr(),
                libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
                how_many,
            )
        };
    }
}

/// The stand-in: a fixed table of places to wait at. A word's address says which one is its own;
/// others may share it.
///
/// A waiter looks at the word under the place's lock, and whoever has changed the word takes that
/// lock before it wakes. So either the waiter sees the new value, or it already waits when the
/// wake-up comes.
#[cfg(any(test, not(all(target_os = "linux", target_pointer_width = "64"))))]
mod table {
    use crate::runtime::prims::{AtomicU32, Ordering};
    use std::{
        sync::{Condvar, Mutex, PoisonError},
        time::Duration,
    };

    pub(super) const ONE: () = ();
    pub(super) const ALL: () = ();

    const PLACES: usize = 64;

    struct Place {
        lock: Mutex<()>,
        changed: Condvar,
    }

    static TABLE: [Place; PLACES] = [const {
        Place {
            lock: Mutex::new(()),
            changed: Condvar::new(),
        }
    }; PLACES];

    fn place_of(word: &AtomicU32) -> &'static Place {
        // Neighbouring words mostly are 64 bytes and more apart.
        &TABLE[(word.as_ptr().addr() >> 6) % PLACES]
    }

    pub(super) fn wait(word: &AtomicU32, value: u32, limit: Option<Duration>) {
        let place = place_of(word);
        let guard = place.lock.lock().unwrap_or_else(PoisonError::into_inner);
        // Relaxed: the lock orders this after a change whose wake-up has been here before.
        if word.load(Ordering::Relaxed) != value {
            return;
        }
        // Poisoned or not does not matter: the lock guards nothing but the order of things.
        match limit {
            Some(limit) => drop(place.changed.wait_timeout(guard, limit)),
            None => drop(place.changed.wait(guard)),
        }
    }

    /// Always wakes all: the one that is meant may not be the first at its place.
    pub(super) fn wake(word: &AtomicU32, (): ()) {
        let place = place_of(word);
        drop(place.lock.lock().unwrap_or_else(PoisonError::into_inner));
        place.changed.notify_all();
    }
}

#[cfg(test)]
#[path = "futex/tests.rs"]
mod tests;
