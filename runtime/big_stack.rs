//! `on_big_stack`: one call on a bigger stack, same goroutine.

use crate::runtime::{
    coroutine::Coroutine,
    sched::home::{
        after::{After, GrownCall},
        current,
    },
    stack::{CallStack, CallWatch, LocalCache, SizeClass, StackError},
};
use std::{
    any::Any,
    io,
    panic::{self, AssertUnwindSafe, Location},
    ptr::NonNull,
};

/// The call's two ends, on the caller's stack.
struct BigStackCall<F, T> {
    f: Option<F>,
    result: Option<Result<T, Box<dyn Any + Send>>>,
}

unsafe fn run<F: FnOnce() -> T, T>(call: *mut ()) {
    // SAFETY: the caller waits on its own stack, where the call lies.
    let call = unsafe { &mut *call.cast::<BigStackCall<F, T>>() };
    let f = call.f.take().expect("called once");
    call.result = Some(panic::catch_unwind(AssertUnwindSafe(f)));
}

/// Runs `f` on a stack of at least `bytes`, for deep recursion or foreign code with large frames;
/// returns what it returns.
///
/// It is the same goroutine there, and may park. On a plain thread the stack is the only
/// difference. An overflow of that stack is reported, and aborts the process, as a goroutine's is.
///
/// # Panics
/// If `f` panics, with its payload. If `bytes` is 0 or more than 1 GiB, or there is no address
/// space for such a stack.
///
/// # Examples
/// ```
/// fn depth(n: u64) -> u64 {
///     if n == 0 { 0 } else { 1 + std::hint::black_box(depth(n - 1)) }
/// }
/// let deep = gort::spawn(|| gort::runtime::on_big_stack(64 << 20, || depth(100_000)));
/// assert_eq!(deep.join().unwrap(), 100_000);
/// ```
#[track_caller]
pub fn on_big_stack<F, T>(bytes: usize, f: F) -> T
where
    F: FnOnce() -> T,
{
    let class = match SizeClass::for_bytes(bytes) {
        Ok(class) => class,
        Err(error) => panic!("gort: on_big_stack: {error}"),
    };
    match run_on(class, f, Location::caller()) {
        Ok(value) => value,
        Err(error) => panic!("gort: on_big_stack: no stack of {bytes} bytes: {error}"),
    }
}

/// As [`on_big_stack`], but an error if there is no such stack. `f` has not been called then.
#[track_caller]
pub(crate) fn try_on_big_stack<F, T>(bytes: usize, f: F) -> io::Result<T>
where
    F: FnOnce() -> T,
{
    Ok(run_on(SizeClass::for_bytes(bytes)?, f, Location::caller())?)
}

fn run_on<F, T>(
    class: SizeClass,
    f: F,
    location: &'static Location<'static>,
) -> Result<T, StackError>
where
    F: FnOnce() -> T,
{
    let mut call = BigStackCall {
        f: Some(f),
        result: None,
    };
    let mut grown = GrownCall {
        class,
        run: run::<F, T>,
        arg: (&raw mut call).cast(),
        failed: None,
    };
    match current::task() {
        Some((here, task)) => here.suspend(task, After::Grow(NonNull::from(&mut grown))),
        None => on_thread(&mut grown, location),
    }
    if let Some(error) = grown.failed {
        return Err(error);
    }
    match call.result.expect("the call has run") {
        Ok(value) => Ok(value),
        Err(payload) => panic::resume_unwind(payload),
    }
}

unsafe extern "C" fn thread_main(grown: *mut ()) {
    // SAFETY: `on_thread` waits for us, and `grown` with it.
    unsafe {
        let grown = &mut *grown.cast::<GrownCall>();
        (grown.run)(grown.arg);
    }
}

/// A plain thread's call: a coroutine that nobody suspends, since parking there parks the thread.
fn on_thread(grown: &mut GrownCall, location: &'static Location<'static>) {
    let mut stacks = LocalCache::new();
    match stacks.take(grown.class) {
        Err(error) => grown.failed = Some(error),
        Ok(stack) => {
            let guard = stack.guard();
            let _watch = CallWatch::new(CallStack {
                guard: (guard.start, guard.end),
                size: grown.class.usable(),
                location,
            });
            let coroutine =
                Coroutine::place(stack, None, thread_main, std::ptr::from_mut(grown).cast());
            // SAFETY: placed just now; it runs to its end; then it is finished and we are not on
            // it.
            unsafe {
                Coroutine::resume(coroutine);
                stacks.give(Coroutine::retire(coroutine).0);
            }
        }
    }
}
