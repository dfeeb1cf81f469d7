//! A descriptor that goroutines and threads wait for: what sockets, pipes and
//! [`crate::io::Pollable`] are made of.
//!
//! The call is tried first; only one that would block waits (protocol R in `runtime/README.md`).
//! The descriptor is enrolled with the process's poller at its first wait, once for both
//! directions.
//!
//! A plain thread that waits parks as a goroutine does, and workers of the default runtime, which
//! is started if need be, wake it. Where there is no poller, or it cannot watch the descriptor, the
//! waits are calls of `poll` on blocking threads.

use crate::runtime::{
    bridges::offload::blocking_for,
    clock,
    entry::default,
    park::{self, Unparked, Unparker, WaitReason},
    prims::{AtomicBool, AtomicU8, AtomicU32, Ordering},
    sched::poller::{
        cell::{Begun, SourceCell},
        deliver,
        ready_word::Seen,
        shared,
    },
};
use std::{
    fmt,
    io::{self, ErrorKind},
    os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd},
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

pub(crate) use crate::runtime::sched::poller::cell::Direction;

/// How a descriptor is waited for.
const UNKNOWN: u8 = 0;
/// In the poller.
const ENROLLED: u8 = 1;
/// By calls of `poll` on blocking threads.
const POLLED: u8 = 2;
/// Not at all: it is always ready, as a file is.
const READY: u8 = 3;

/// How long a call of `poll` on a blocking thread takes at most, after which it is seen whether a
/// deadline was moved or the waits were ended.
const SLICE: Duration = Duration::from_millis(20);

/// A descriptor that can be waited for. Does not own it: it is dropped before the descriptor is
/// closed.
pub(crate) struct Source {
    fd: RawFd,
    cell: &'static SourceCell,
    /// One of the four above. Written under `enrolling`.
    how: AtomicU8,
    enrolling: Mutex<()>,
    /// What is watched instead, if another source watches the descriptor itself.
    copy: OnceLock<OwnedFd>,
    /// A deadline was set at some time, so each call looks whether it has passed.
    has_deadline: AtomicBool,
    /// The number of the tick at which a read has taken all that there was; 0: none has. See
    /// [`read`](Self::read).
    drained: AtomicU32,
    /// Calls do not wait: see [`set_nonblocking`](Self::set_nonblocking).
    is_nonblocking: AtomicBool,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("fd", &self.fd)
            .finish_non_exhaustive()
    }
}

impl Source {
    /// A source of this descriptor, whose calls do not block. No system call is made.
    ///
    /// The descriptor stays open until the source has been dropped: the caller keeps both together.
    pub(crate) fn new(fd: BorrowedFd<'_>) -> Self {
        Self {
            fd: fd.as_raw_fd(),
            cell: SourceCell::take(),
            how: AtomicU8::new(UNKNOWN),
            enrolling: Mutex::new(()),
            copy: OnceLock::new(),
            has_deadline: AtomicBool::new(false),
            drained: AtomicU32::new(0),
            is_nonblocking: AtomicBool::new(false),
        }
    }

    /// Makes the call until it says something else than `WouldBlock`, and waits in between, for
    /// `timeout` at most from now.
    ///
    /// # Errors
    /// Those of the call, but for `WouldBlock`, which says that the time is up; those of
    /// [`wait`](Self::wait).
    #[inline]
    pub(crate) fn io<T>(
        &self,
        direction: Direction,
        timeout: Option<Duration>,
        mut call: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        let since = Since::now(self.cell.look(direction), timeout);
        self.io_since(since, direction, &mut call)
    }

    /// As [`io`](Self::io), for a read of `len` bytes from a TCP connection. One that brings fewer
    /// has taken all that there was; so the next one, if there was no event since, waits without a
    /// try, which saves a system call.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub(crate) fn read(
        &self,
        timeout: Option<Duration>,
        len: usize,
        mut call: impl FnMut() -> io::Result<usize>,
    ) -> io::Result<usize> {
        let direction = Direction::Read;
        let mut since = Since::now(self.cell.look(direction), timeout);
        // Relaxed: a hint; whoever wrote it has read since that tick, as it says.
        if self.drained.load(Ordering::Relaxed) == since.seen.number()
            && len > 0
            && !self.is_nonblocking.load(Ordering::Relaxed)
        {
            self.check(direction)?;
            self.wait_once(&mut since, direction)?;
        }
        let mut before = since.seen;
        let n = self.io_since(since, direction, &mut || {
            before = self.cell.look(direction);
            call()
        })?;
        if n < len && n > 0 && self.cell.is_short_read_the_last() {
            self.drained.store(before.number(), Ordering::Relaxed);
        }
        Ok(n)
    }

    #[inline]
    fn io_since<T>(
        &self,
        mut since: Since,
        direction: Direction,
        call: &mut impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            self.check(direction)?;
            match call() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if self.is_nonblocking.load(Ordering::Relaxed) {
                        return Err(error);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                done => {
                    // A peer that is never slower than the caller must not keep others from
                    // running.
                    park::yield_if_over_budget();
                    return done;
                }
            }
            self.wait_once(&mut since, direction)?;
        }
    }

    /// One wait of a call, which then is tried again.
    fn wait_once(&self, since: &mut Since, direction: Direction) -> io::Result<()> {
        if since.limit.is_none() {
            let timeout = since.timeout;
            since.limit = timeout.and_then(|time| clock::now().checked_add(time));
        }
        self.wait_since(since.seen, direction, since.limit)?;
        since.seen = self.cell.look(direction);
        Ok(())
    }

    /// Waits until the descriptor is ready, as far as can be told: the caller tries, and waits
    /// again if that would block.
    ///
    /// # Errors
    /// `WouldBlock`: `limit` has passed, as std says on Unix. `TimedOut`: the deadline has passed.
    /// `NotConnected`: [`close`](Self::close) was called.
    pub(crate) fn wait(&self, direction: Direction, limit: Option<Instant>) -> io::Result<()> {
        let seen = self.cell.look(direction);
        self.check(direction)?;
        if poll_once(self.fd, direction, Duration::ZERO)? {
            return Ok(());
        }
        self.wait_since(seen, direction, limit)
    }

    /// As [`wait`](Self::wait), and does not return too early.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn wait_until_ready(
        &self,
        direction: Direction,
        limit: Option<Instant>,
    ) -> io::Result<()> {
        loop {
            let seen = self.cell.look(direction);
            self.check(direction)?;
            if poll_once(self.fd, direction, Duration::ZERO)? {
                return Ok(());
            }
            self.wait_since(seen, direction, limit)?;
        }
    }

    /// Whether a deadline has passed, or the waits have been ended, before a call.
    #[inline]
    fn check(&self, direction: Direction) -> io::Result<()> {
        // Acquire: pairs with the Releases in `set_deadline` and `close`.
        if self.has_deadline.load(Ordering::Acquire) {
            return self.check_slow(direction);
        }
        Ok(())
    }

    #[cold]
    fn check_slow(&self, direction: Direction) -> io::Result<()> {
        if self.cell.has_ended() {
            return Err(closed());
        }
        match self.cell.deadline(direction) {
            Some(deadline) if deadline <= clock::now() => Err(ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }

    fn wait_since(
        &self,
        seen: Seen,
        direction: Direction,
        limit: Option<Instant>,
    ) -> io::Result<()> {
        // Refuses under a `forbid_yield` guard, before anything is done.
        let caller = Unparker::current().into_raw();
        match self.how() {
            ENROLLED => {}
            READY => return Ok(()),
            _ => return self.poll_aside(direction, limit),
        }
        match self.cell.begin_wait(direction, seen, limit, caller) {
            Begun::Ready => Ok(()),
            Begun::Ended => Err(closed()),
            Begun::TimedOut => self.time_is_up(direction, limit),
            Begun::Waits(None) => {
                park::park(WaitReason::Io);
                Ok(())
            }
            Begun::Waits(Some(deadline)) => {
                if park::park_until(WaitReason::Io, deadline) == Unparked::Notified {
                    return Ok(());
                }
                if !self.cell.leave(direction, caller) {
                    // Somebody has taken it out, and its unpark is on the way.
                    park::park(WaitReason::Io);
                    return Ok(());
                }
                self.time_is_up(direction, limit)
            }
        }
    }

    /// Some limit has passed: says which.
    #[cold]
    fn time_is_up(&self, direction: Direction, limit: Option<Instant>) -> io::Result<()> {
        self.check(direction)?;
        match limit {
            Some(limit) if limit <= clock::now() => Err(ErrorKind::WouldBlock.into()),
            // The deadline was moved meanwhile.
            _ => Ok(()),
        }
    }

    /// How it is waited for; enrols it if that is not known yet.
    #[inline]
    fn how(&self) -> u8 {
        // Acquire: pairs with the Release in `enrol`.
        match self.how.load(Ordering::Acquire) {
            UNKNOWN => self.enrol(),
            how => how,
        }
    }

    #[cold]
    fn enrol(&self) -> u8 {
        let _enrolling = self
            .enrolling
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let how = self.how.load(Ordering::Relaxed);
        if how != UNKNOWN {
            return how;
        }
        let enrolled = match shared::enrol(self.fd, self.cell) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => self.enrol_copy(),
            enrolled => enrolled,
        };
        let how = match enrolled {
            Ok(()) => ENROLLED,
            Err(error) if error.kind() == ErrorKind::PermissionDenied => READY,
            Err(_) => POLLED,
        };
        if how == ENROLLED && !park::is_goroutine() {
            // Somebody must look into the poller for a plain thread, also if all workers sleep.
            default::scheduler().offer();
        }
        // Release: pairs with the Acquire in `how`.
        self.how.store(how, Ordering::Release);
        how
    }

    /// Enrols a copy of a descriptor that another source has enrolled.
    #[cold]
    fn enrol_copy(&self) -> io::Result<()> {
        // SAFETY: it is open: the caller of `new` has kept it so.
        let copy = unsafe { BorrowedFd::borrow_raw(self.fd) }.try_clone_to_owned()?;
        let copy = self.copy.get_or_init(|| copy);
        shared::enrol(copy.as_raw_fd(), self.cell)
    }

    /// Waits on a blocking thread.
    #[cold]
    fn poll_aside(&self, direction: Direction, limit: Option<Instant>) -> io::Result<()> {
        loop {
            self.check(direction)?;
            let now = clock::now();
            if limit.is_some_and(|limit| limit <= now) {
                return Err(ErrorKind::WouldBlock.into());
            }
            let ends = self.cell.deadline(direction).into_iter().chain(limit);
            let left = ends.map(|end| end.saturating_duration_since(now)).min();
            let fd = self.fd;
            let slice = left.map_or(SLICE, |left| left.min(SLICE));
            let poll = move || poll_once(fd, direction, slice);
            if blocking_for(WaitReason::Io, poll)? {
                return Ok(());
            }
        }
    }

    /// Ends waits of this direction at `deadline`, those under way too; with none, never. It need
    /// not lie ahead.
    pub(crate) fn set_deadline(&self, direction: Direction, deadline: Option<Instant>) {
        self.cell.set_deadline(direction, deadline);
        // Release: pairs with the Acquire in `check`.
        self.has_deadline.store(true, Ordering::Release);
        self.look_again(direction);
    }

    /// Ends all waits, those under way too, with an error. There will be no more.
    pub(crate) fn close(&self) {
        self.cell.end();
        // Release: pairs with the Acquire in `check`.
        self.has_deadline.store(true, Ordering::Release);
        self.look_again(Direction::Read);
        self.look_again(Direction::Write);
    }

    /// Wakes all who wait in this direction: they try again.
    pub(crate) fn look_again(&self, direction: Direction) {
        if self.cell.report(direction) {
            deliver::wake_all(self.cell, direction);
        }
    }

    /// Whether calls wait: those that would are told `WouldBlock` instead.
    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        self.is_nonblocking.store(nonblocking, Ordering::Relaxed);
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if *self.how.get_mut() == ENROLLED {
            let watched = self.copy.get().map_or(self.fd, AsRawFd::as_raw_fd);
            shared::leave(watched);
        }
        self.cell.give_back();
    }
}

/// What a call that may wait knows.
struct Since {
    /// The events that it has seen before it was tried last.
    seen: Seen,
    /// How long all its waits may take.
    timeout: Option<Duration>,
    /// When that is over; told by the first wait, so that a call that need not wait asks no clock.
    limit: Option<Instant>,
}

impl Since {
    fn now(seen: Seen, timeout: Option<Duration>) -> Self {
        Self {
            seen,
            timeout,
            limit: None,
        }
    }
}

#[cold]
fn closed() -> io::Error {
    io::Error::new(ErrorKind::NotConnected, "use of a closed connection")
}

/// One call of `poll`, for so long; whether the descriptor is ready, or has failed.
fn poll_once(fd: RawFd, direction: Direction, limit: Duration) -> io::Result<bool> {
    let mut poll = libc::pollfd {
        fd,
        events: match direction {
            Direction::Read => libc::POLLIN | libc::POLLPRI,
            Direction::Write => libc::POLLOUT,
        },
        revents: 0,
    };
    let millis = i32::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
    // SAFETY: one entry, which lives through the call.
    let got = unsafe { libc::poll(&raw mut poll, 1, millis) };
    if got < 0 {
        let error = io::Error::last_os_error();
        return match error.kind() {
            ErrorKind::Interrupted => Ok(false),
            _ => Err(error),
        };
    }
    if poll.revents & libc::POLLNVAL != 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    Ok(got > 0)
}
