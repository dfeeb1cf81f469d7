//! An epoll instance, and an eventfd that ends a wait.

use crate::runtime::{
    os_poller::{Event, Limit},
    prims::{Ordering, statics::AtomicBool},
};
use std::{
    ffi::c_int,
    io, mem,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
    ptr,
    time::Duration,
};

/// Events that one wait brings at most. A guess: as many as make the call cheap, few enough for a
/// worker to run what it has found before it is late for the next.
const BATCH: usize = 128;

/// The key of the eventfd.
const NUDGE: u64 = u64::MAX;

/// All that is ever asked of a descriptor; told once for each change.
const INTEREST: u32 =
    (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLPRI | libc::EPOLLET) as u32;

/// Whether `epoll_pwait2` was refused: by a kernel before 5.11, or by a filter.
static IS_COARSE: AtomicBool = AtomicBool::new(false);

/// See the module's docs.
#[derive(Debug)]
pub(crate) struct OsPoller {
    epoll: OwnedFd,
    /// Written to end a wait. Never read: with edges, each write is told.
    nudge: OwnedFd,
}

impl OsPoller {
    /// # Errors
    /// No descriptor is left, or no memory.
    pub(crate) fn open() -> io::Result<Self> {
        // SAFETY: neither takes a pointer.
        let epoll = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: as above.
        let nudge = owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        let new = Self { epoll, nudge };
        let interest = (libc::EPOLLIN | libc::EPOLLET) as u32;
        new.control(libc::EPOLL_CTL_ADD, new.nudge.as_raw_fd(), interest, NUDGE)?;
        Ok(new)
    }

    /// Begins to watch a descriptor. What it can do already is told as an event.
    ///
    /// # Errors
    /// Those of `epoll_ctl`; `PermissionDenied` says that this kind of descriptor is always ready,
    /// `AlreadyExists` that this one is watched already.
    pub(crate) fn add(&self, fd: RawFd, key: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, INTEREST, key)
    }

    /// Ends that. A descriptor that is not watched, or was closed, is no error.
    pub(crate) fn remove(&self, fd: RawFd) {
        let _gone = self.control(libc::EPOLL_CTL_DEL, fd, 0, 0);
    }

    fn control(&self, call: c_int, fd: RawFd, interest: u32, key: u64) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: interest,
            u64: key,
        };
        // SAFETY: the event lives through the call.
        let done = unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), call, fd, &raw mut event) };
        if done == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// Ends the wait that is under way, or the next one.
    pub(crate) fn nudge(&self) {
        let one = 1_u64;
        // SAFETY: eight bytes that live through the call. It can fail only if the counter is full,
        // and then the nudge has been told as well.
        let _ = unsafe { libc::write(self.nudge.as_raw_fd(), (&raw const one).cast(), 8) };
    }

    /// Waits for events, at most so long. May end early, with none.
    pub(crate) fn wait(&self, into: &mut Events, limit: Limit) {
        into.len = 0;
        let got = match limit {
            Limit::Now => self.wait_coarsely(into, 0),
            Limit::Never => self.wait_coarsely(into, -1),
            Limit::AtMost(time) => self.wait_at_most(into, time),
        };
        // Less than 0: interrupted by a signal, most likely.
        into.len = usize::try_from(got).unwrap_or(0);
    }

    fn wait_at_most(&self, into: &mut Events, time: Duration) -> c_int {
        if !IS_COARSE.load(Ordering::Relaxed) {
            let got = self.wait_finely(into, time);
            if got >= 0 || !is_refused(&io::Error::last_os_error()) {
                return got;
            }
            IS_COARSE.store(true, Ordering::Relaxed);
        }
        // Rounded up: a timer that is looked at too early is looked at once more, again and again.
        let millis = time.as_nanos().div_ceil(1_000_000);
        self.wait_coarsely(into, c_int::try_from(millis).unwrap_or(c_int::MAX))
    }

    fn wait_finely(&self, into: &mut Events, time: Duration) -> c_int {
        // SAFETY: zeros are a timespec.
        let mut limit: libc::timespec = unsafe { mem::zeroed() };
        limit.tv_sec = libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX);
        limit.tv_nsec = time.subsec_nanos() as _;
        // SAFETY: the buffer has room for as many events; the timespec lives through the call; no
        // set of signals is given.
        let got = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.epoll.as_raw_fd(),
                into.buffer.as_mut_ptr(),
                BATCH as c_int,
                &raw const limit,
                ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        c_int::try_from(got).unwrap_or(-1)
    }

    fn wait_coarsely(&self, into: &mut Events, millis: c_int) -> c_int {
        let buffer = into.buffer.as_mut_ptr();
        // SAFETY: the buffer has room for as many events.
        unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), buffer, BATCH as c_int, millis) }
    }
}

fn owned(fd: c_int) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was made just now, for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn is_refused(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM))
}

/// What a wait has brought.
pub(crate) struct Events {
    buffer: Box<[libc::epoll_event]>,
    len: usize,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("len", &self.len).finish()
    }
}

impl Events {
    /// Room for one wait's events.
    pub(crate) fn new() -> Self {
        let none = libc::epoll_event { events: 0, u64: 0 };
        Self {
            buffer: vec![none; BATCH].into(),
            len: 0,
        }
    }

    /// The events, nudges left out.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Event> {
        const FAILED: u32 = (libc::EPOLLERR | libc::EPOLLHUP) as u32;
        const READ: u32 = (libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLPRI) as u32 | FAILED;
        const ODD: u32 = (libc::EPOLLRDHUP | libc::EPOLLPRI) as u32 | FAILED;
        const WRITE: u32 = libc::EPOLLOUT as u32 | FAILED;
        let events = self.buffer[..self.len].iter();
        events
            .filter(|event| event.u64 != NUDGE)
            .map(|event| Event {
                key: event.u64,
                is_readable: event.events & READ != 0,
                is_writable: event.events & WRITE != 0,
                is_odd: event.events & ODD != 0,
            })
    }
}

#[cfg(test)]
mod tests;
