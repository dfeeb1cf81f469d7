//! `blocking`: calls that block a thread, on threads of their own.

use crate::runtime::{
    park::{self, Unparker, WaitReason},
    sched::{home::current, scheduler::Scheduler},
};
use std::{
    any::Any,
    panic::{self, AssertUnwindSafe},
};

struct Call<F, T> {
    f: Option<F>,
    result: Option<Result<T, Box<dyn Any + Send>>>,
    caller: Unparker,
}

/// A call to be run elsewhere while its owner is parked.
struct CallPtr<F, T>(*mut Call<F, T>);

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
/// For system calls, files, name resolution and foreign code that block. At most 512 such calls run at a time; more wait their turn.
/// On a plain thread `f` is simply called.
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
    let Some((here, _)) = current::task() else {
        return f();
    };
    let mut call = Call {
        f: Some(f),
        result: None,
        caller: Unparker::current(),
    };
    let pointer = CallPtr(&raw mut call);
    let job: Box<dyn FnOnce() + Send + '_> = Box::new(move || pointer.run());
    // SAFETY: only the lifetime changes: the job is run, or handed back and dropped, before this function returns.
    let job = unsafe {
        std::mem::transmute::<Box<dyn FnOnce() + Send + '_>, Box<dyn FnOnce() + Send>>(job)
    };
    if let Err(refused) = Scheduler::of(here.home()).blocking.submit(job) {
        // No thread to be had: better here than never. It unparks us, so that the park below returns at once.
        refused();
    }
    park::park(WaitReason::Blocking);
    match call.result.take().expect("the call has run") {
        Ok(value) => value,
        Err(payload) => panic::resume_unwind(payload),
    }
}
