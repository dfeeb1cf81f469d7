//! Says which goroutine panicked, beside what std's panic hook prints.
//!
//! std's hook names the thread, which for a goroutine is its home and says little. So the first
//! runtime puts a hook before the one that it finds. That one prints nothing: it only marks the
//! goroutine. When a marked goroutine has been unwound, a line tells its id, name and spawn site.
//! A program that sets a hook of its own later replaces ours, marks nothing, and gets no line.
//!
//! Printing waits for the end of the unwinding since a print macro panics if the error stream
//! cannot be written to, which inside of a hook would abort the process. Nothing but the print
//! macros reaches what test harnesses capture.

use crate::runtime::{
    goroutine_id,
    prims::{Ordering, statics::AtomicBool},
    sched::{home::current, scheduler::Scheduler},
    task::{
        extras,
        header::{HOOKED_BIT, TaskRef},
    },
};
use std::{
    panic::{self, AssertUnwindSafe},
    sync::{Mutex, PoisonError},
    thread,
};

/// Puts our hook before the present one, once in a process.
pub(crate) fn install_hook() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    // A thread that panics may not change the hook; the next runtime will.
    if thread::panicking() || INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if let Some((_, task)) = current::task() {
            task.set(HOOKED_BIT);
        }
        previous(info);
    }));
}

/// Which goroutine it is, in words.
///
/// # Safety
/// The caller is the goroutine.
pub(crate) unsafe fn describe(task: TaskRef) -> String {
    // SAFETY: passed on; used up here.
    let name = unsafe { extras::name(task) };
    let name = name.map(|name| &**name);
    goroutine_id::describe(task.id(), name, task.site())
}

/// Prints the line, if a hook that knows of goroutines has told of the panic.
///
/// # Safety
/// The caller is the goroutine.
pub(crate) unsafe fn tell(task: TaskRef) {
    if !task.has(HOOKED_BIT) {
        return;
    }
    // SAFETY: passed on.
    let who = unsafe { describe(task) };
    print(&format!("{who}, panicked"));
}

/// As [`tell`], of the caller, for who contains a panic before it reaches the goroutine's root.
#[cold]
pub(crate) fn tell_current() {
    if let Some((_, task)) = current::task() {
        // SAFETY: the caller is the goroutine.
        unsafe { tell(task) };
    }
}

/// Prints a line; an error stream that cannot be written to is no error.
pub(crate) fn print(line: &str) {
    if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| eprintln!("{line}"))) {
        // Not dropped: its destructor might panic, too.
        std::mem::forget(payload);
    }
}

/// A panic in the runtime of a test.
struct TestPanic {
    id: u64,
    /// The address of the test's scheduler, which is never freed.
    scheduler: usize,
    who: String,
}

/// The panics in runtimes of tests that nobody has joined yet.
static UNSEEN: Mutex<Vec<TestPanic>> = Mutex::new(Vec::new());

/// Keeps in mind that a goroutine of a test's runtime panicked.
///
/// # Safety
/// The caller is the goroutine.
pub(crate) unsafe fn record(scheduler: &Scheduler, task: TaskRef) {
    if !scheduler.in_test.load(Ordering::Relaxed) {
        return;
    }
    // SAFETY: passed on.
    let who = unsafe { describe(task) };
    let mut unseen = UNSEEN.lock().unwrap_or_else(PoisonError::into_inner);
    unseen.push(TestPanic {
        id: task.id(),
        scheduler: scheduler.address().addr(),
        who,
    });
}

/// Somebody has joined goroutine `id` and got its panic.
#[cold]
pub(crate) fn saw(id: u64) {
    let mut unseen = UNSEEN.lock().unwrap_or_else(PoisonError::into_inner);
    unseen.retain(|panic| panic.id != id);
}

/// Takes the panics of a test's runtime that nobody has joined.
pub(crate) fn take_unseen(scheduler: &Scheduler) -> Vec<String> {
    let address = scheduler.address().addr();
    let mut unseen = UNSEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let ours = unseen.extract_if(.., |panic| panic.scheduler == address);
    ours.map(|panic| panic.who).collect()
}
