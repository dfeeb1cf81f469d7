//! A goroutine's control over itself: yield, sleep, exit, and promises not to yield.

use crate::runtime::{
    clock,
    park::{self, WaitReason},
    sched::{home::current, worker::current::worker_in},
    task::cell::GoexitPayload,
};
use std::{
    any::Any,
    marker::PhantomData,
    panic,
    time::{Duration, Instant},
};

/// Lets other goroutines of this worker run, then goes on. On a plain thread it yields that.
///
/// It goes behind those that are ready, fresh ones too; with nothing else to run it returns at
/// once.
///
/// # Panics
/// Under a [`forbid_yield`] guard.
///
/// # Examples
/// ```
/// gort::go!(|| for _ in 0..3 { gort::yield_now() }).join().unwrap();
/// ```
#[doc(alias = "Gosched")]
pub fn yield_now() {
    park::yield_now();
}

/// Yields if this goroutine has run for 10 ms and others wait. For loops that compute: cheap enough
/// to call thousands of times a millisecond (it reads the clock), and better not in the innermost
/// loop.
///
/// # Panics
/// As [`yield_now`], when it yields.
///
/// # Examples
/// ```
/// let busy = gort::go!(|| {
///     let mut sum = 0_u64;
///     for i in 0..100_000 {
///         sum += i;
///         if i % 1024 == 0 {
///             gort::runtime::yield_if_due();
///         }
///     }
///     sum
/// });
/// assert_eq!(busy.join().unwrap(), 4_999_950_000);
/// ```
pub fn yield_if_due() {
    if slice_is_over() {
        park::yield_now();
    }
}

fn slice_is_over() -> bool {
    let Some((here, _)) = current::task() else {
        return false;
    };
    // SAFETY: used up here.
    let worker = unsafe { worker_in(here) };
    worker.budget.is_slice_over(worker.turn())
}

/// Parks for at least `duration`; at most about 0.1 ms longer, if the worker is free then. A plain
/// thread sleeps.
///
/// # Panics
/// Under a [`forbid_yield`] guard.
///
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
/// let start = Instant::now();
/// gort::go!(|| gort::sleep(Duration::from_millis(2))).join().unwrap();
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// ```
pub fn sleep(duration: Duration) {
    if duration.is_zero() {
        return yield_now();
    }
    match clock::now().checked_add(duration) {
        Some(deadline) => sleep_until(deadline),
        // Longer than the clock can tell.
        None => loop {
            sleep(Duration::from_secs(u64::from(u32::MAX)));
        },
    }
}

/// Parks until `deadline`; if that has passed already, only yields. As [`sleep`].
///
/// # Panics
/// As [`sleep`].
///
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
///
/// let next = Instant::now() + Duration::from_millis(2);
/// gort::go!(move || gort::runtime::sleep_until(next)).join().unwrap();
/// assert!(Instant::now() >= next);
/// ```
pub fn sleep_until(deadline: Instant) {
    park::check_may_park();
    if clock::now() >= deadline {
        // Also very short sleeps, over before they begin: a loop of them must not keep its worker
        // from others.
        return park::yield_now();
    }
    // Nobody has this goroutine's unparker for this park, so it can only time out.
    while clock::now() < deadline {
        let _ = park::park_until(WaitReason::Sleep, deadline);
    }
}

/// Ends this goroutine, running the destructors on its stack. Its `join` gives an error that says
/// so.
///
/// It unwinds the stack, as a panic does, but without the panic hook. So, other than in Go, where
/// `recover` does not stop it, [`catch_unwind`] does, and the goroutine goes on behind it. Code
/// that catches panics should let it pass: [`is_goexit`] tells it from them.
///
/// # Panics
/// On a thread that runs no goroutine.
///
/// # Examples
/// ```
/// let handle = gort::go!(|| {
///     gort::runtime::goexit();
/// });
/// assert!(handle.join().is_err());
/// ```
///
/// [`catch_unwind`]: std::panic::catch_unwind
#[doc(alias = "Goexit")]
pub fn goexit() -> ! {
    let inside = current::task().is_some();
    assert!(
        inside,
        "gort::runtime::goexit was called on a thread that runs no goroutine"
    );
    panic::resume_unwind(Box::new(GoexitPayload))
}

/// Whether the payload of an unwinding that was caught is that of [`goexit`], and not of a panic.
/// Then go on with it, by [`resume_unwind`](std::panic::resume_unwind), and the goroutine ends as
/// it was told to. Does not park.
///
/// # Examples
/// ```
/// use gort::runtime::{goexit, is_goexit};
/// use std::panic::{catch_unwind, resume_unwind};
///
/// /// Calls a handler, whose panics end here.
/// fn call(handler: fn()) {
///     match catch_unwind(handler) {
///         Err(payload) if is_goexit(&*payload) => resume_unwind(payload),
///         Err(_) => println!("a handler panicked"),
///         Ok(()) => {}
///     }
/// }
///
/// let handle = gort::go!(|| {
///     call(|| panic!("this one is caught"));
///     call(|| goexit());
///     unreachable!("the goroutine has ended");
/// });
/// assert!(handle.join().unwrap_err().is::<String>()); // which says that it called goexit
/// ```
pub fn is_goexit(payload: &(dyn Any + Send)) -> bool {
    payload.is::<GoexitPayload>()
}

/// While it lives, a park or yield by this goroutine panics; see [`forbid_yield`].
///
/// # Examples
/// ```
/// let handle = gort::go!(|| {
///     let guard = gort::runtime::forbid_yield();
///     let sum: u32 = (1..=10).sum(); // nobody else runs on this worker meanwhile
///     drop(guard);
///     gort::yield_now(); // allowed again
///     sum
/// });
/// assert_eq!(handle.join().unwrap(), 55);
/// ```
#[derive(Debug)]
#[must_use = "the promise ends when the guard is dropped"]
pub struct NoYieldGuard {
    /// Whose depth it raised: a goroutine's id, or 0 for a thread that runs none.
    maker: u64,
    not_send: PhantomData<*const ()>,
}

/// Promises that this goroutine (or plain thread) will not park or yield while the guard lives: if
/// it does, it panics. For code that holds what must not be held across a park, such as a guard of
/// a std lock or a borrow of a thread-local.
///
/// Drop the guard where it was made. Dropped in another goroutine (moved there by
/// [`spawn_local`](crate::spawn_local)) it changes nothing: its maker stays bound for good, and the
/// other is not freed of promises of its own.
///
/// # Panics
/// If 255 guards of this goroutine are alive.
///
/// # Examples
/// ```
/// let handle = gort::go!(|| {
///     let guard = gort::runtime::forbid_yield();
///     gort::yield_now(); // panics
///     drop(guard);
/// });
/// assert!(handle.join().is_err());
/// ```
pub fn forbid_yield() -> NoYieldGuard {
    let maker = match current::task() {
        Some((_, task)) => {
            let depth = task.forbid.get().checked_add(1);
            task.forbid
                .set(depth.expect("more than 255 forbid_yield guards at once"));
            task.id()
        }
        None => {
            current::set_thread_forbid(current::thread_forbid() + 1);
            0
        }
    };
    NoYieldGuard {
        maker,
        not_send: PhantomData,
    }
}

impl Drop for NoYieldGuard {
    fn drop(&mut self) {
        match current::task() {
            Some((_, task)) if task.id() == self.maker => task.forbid.set(task.forbid.get() - 1),
            None if self.maker == 0 => current::set_thread_forbid(current::thread_forbid() - 1),
            _ => {}
        }
    }
}
