//! `blocking`: calls that block a thread, on threads of their own.

use crate::runtime::{
    park::{self, Unparker, WaitReason},
    sched::{home::current, scheduler::Scheduler},
};
use std::{
    any::Any,
    panic::{self, AssertUnwindSafe},
};

struct BlockingCall<F, T> {
    f: Option<F>,
    result: Option<Result<T, Box<dyn Any + Send>>>,
    caller: Unparker,
}

/// A call to be run elsewhere while its owner is parked.
struct CallPtr<F, T>(*mut BlockingCall<F, T>);

// SAFETY: the owner is parked until the call has run; F goes over and T comes back, both Send.
unsafe impl<F: Send, T: Send> Send for CallPtr<F, T> {}

impl<F: FnOnce() -> T, T> CallPtr<F, T> {
    fn run(self) {
        // SAFETY: the owner waits on its stack for the unpark below.
        let call = unsafe { &mut *self.0 };
        let f = call.f.take().expect("called once");
        call.result = Some(panic::catch_unwind(AssertUnwindSafe(f)));
        let caller = call.caller;
        // SAFETY: the one unpark of the owner's park; the call is not touched after.
        unsafe { caller.unpark() };
    }
}

/// Runs `f` on a thread for blocking calls and returns what it returns. Parks the goroutine, so
/// that others run meanwhile.
///
/// For system calls, files, name resolution and foreign code that block. On a plain thread `f` is
/// simply called.
///
/// # The limit
///
/// At most [`max_blocking_threads`](crate::runtime::Builder::max_blocking_threads) such calls run
/// at a time, by default 512. More wait, in order, until one ends: a call that never ends takes one
/// thread away for good, and when all are taken no call begins any more, be it only to read a file.
/// So calls that wait for other goroutines, or for input that may never come, do not belong here
/// in great numbers: goroutines wait for each other through channels, which take no thread. When
/// calls have waited for a thread for 1 s, a warning says so: a `tracing` event if somebody
/// listens to those of target `gort`, else a line on the error stream. The
/// [deadlock detector](crate::runtime::DeadlockPolicy) does not: it takes every call, running or
/// waiting, for one that will end.
///
/// # What `f` may borrow
///
/// The goroutine is parked until `f` has returned, so `f` may borrow its locals. It runs on another
/// thread, so what it captures must be `Send`: for a shared borrow that takes a type that is
/// `Sync`. Something that is `Send` only, as a [`Cell`](std::cell::Cell), a
/// [`mpsc::Receiver`](std::sync::mpsc::Receiver) or a database connection, is lent by `&mut`:
///
/// ```
/// use gort::runtime::blocking;
/// use std::{cell::Cell, sync::mpsc};
///
/// let handle = gort::go!(|| {
///     let (tx, mut rx) = mpsc::channel();
///     let mut count = Cell::new(0);
///     tx.send("a line").unwrap();
///     let (lent_rx, lent_count) = (&mut rx, &mut count); // nobody else has them meanwhile
///     let line = blocking(move || {
///         lent_count.set(lent_count.get() + 1); // a method with `&self` is fine here, too
///         lent_rx.recv()
///     });
///     (line, count.get()) // both are back
/// });
/// assert_eq!(handle.join().unwrap(), (Ok("a line"), 1));
/// ```
///
/// The `move` makes `f` capture the `&mut` itself; without it, `f` would share what it borrows.
///
/// If the runtime is dropped while the call runs, the call goes on, and the goroutine is given up
/// as it is: its stack, and what it had borrowed, stay for good.
///
/// # Panics
/// If `f` panics, with its payload.
///
/// # Examples
/// ```
/// let handle = gort::go!(|| gort::runtime::blocking(|| std::fs::read_to_string("Cargo.toml")));
/// assert!(handle.join().unwrap()?.contains("gort"));
/// # std::io::Result::Ok(())
/// ```
pub fn blocking<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    blocking_for(WaitReason::Blocking, f)
}

/// As [`blocking`]; dumps show `reason`.
pub(crate) fn blocking_for<F, T>(reason: WaitReason, f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let Some((here, _)) = current::task() else {
        return f();
    };
    let mut call = BlockingCall {
        f: Some(f),
        result: None,
        caller: Unparker::current(),
    };
    let pointer = CallPtr(&raw mut call);
    let job: Box<dyn FnOnce() + Send + '_> = Box::new(move || pointer.run());
    // SAFETY: only the lifetime changes: the job is run, or handed back and dropped, before this
    // function returns. If the goroutine is given up meanwhile this never returns, and the stack
    // stays.
    let job = unsafe {
        std::mem::transmute::<Box<dyn FnOnce() + Send + '_>, Box<dyn FnOnce() + Send>>(job)
    };
    if let Err(refused) = Scheduler::of(here.home()).blocking.submit(job) {
        // No thread to be had: better here than never. It unparks us, so that the park below
        // returns at once.
        refused();
    }
    park::park(reason);
    match call.result.take().expect("the call has run") {
        Ok(value) => value,
        Err(payload) => panic::resume_unwind(payload),
    }
}
