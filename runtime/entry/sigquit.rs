//! SIGQUIT (Ctrl-\ on a terminal) under `#[runtime::main]`: shows what every goroutine is doing and
//! ends the program, as Go does.
//!
//! The handler only writes a byte into a pipe; a thread that waits at the other end dumps. So it
//! works whatever the workers are doing, asleep or stuck.

use crate::runtime::{
    contain::contain,
    dump,
    os::stderr,
    prims::{
        Ordering,
        statics::{AtomicBool, AtomicUsize},
    },
    sched::{inspect::quiescence::RegisteredThread, scheduler::Scheduler},
};
use std::{
    io::{self, PipeReader, Read},
    mem,
    os::fd::IntoRawFd,
    ptr, thread,
};

/// The end of the pipe that the handler writes to, and the process that it is for. Set before the
/// handler is.
static PIPE: AtomicUsize = AtomicUsize::new(0);
static PROCESS: AtomicUsize = AtomicUsize::new(0);

/// Whether the program receives the signal by now, through `signal`. Then the handler is still
/// called, by the one that has taken its place, and has nothing to do.
static HANDED_OVER: AtomicBool = AtomicBool::new(false);

/// What Go's runtime ends with.
const EXIT_CODE: libc::c_int = 2;

/// Sees to it that SIGQUIT dumps this runtime, unless the program has an action of its own for it,
/// or was started with the signal ignored.
pub(crate) fn watch(scheduler: &'static Scheduler) {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if !is_default() || TAKEN.swap(true, Ordering::Relaxed) {
        return;
    }
    if let Err(error) = start(scheduler) {
        contain(|| tracing::warn!(target: "gort", %error, "SIGQUIT will not show the goroutines"));
    }
}

fn start(scheduler: &'static Scheduler) -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    thread::Builder::new()
        .name(format!("{}-quit", scheduler.config.thread_name))
        .spawn(move || wait(reader, scheduler))?;
    // Open for good: the handler may run at any time.
    PIPE.store(writer.into_raw_fd() as usize, Ordering::Relaxed);
    PROCESS.store(std::process::id() as usize, Ordering::Relaxed);
    install()
}

/// Waits for the signal; then shows the goroutines and ends the process.
fn wait(mut signals: PipeReader, scheduler: &'static Scheduler) {
    // It ends the process, or does nothing: no goroutine can hope for it.
    let _registered = RegisteredThread::new(scheduler);
    if signals.read_exact(&mut [0]).is_err() {
        return;
    }
    let text = format!("SIGQUIT: quit\n\n{}\n", dump::of(scheduler));
    stderr::say(&text);
    // At once: destructors and exit handlers may wait for what goroutines hold.
    // SAFETY: no preconditions.
    unsafe { libc::_exit(EXIT_CODE) }
}

fn is_default() -> bool {
    // SAFETY: zeroes are a valid action.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: no new action; the old one is written to memory of its type.
    let told = unsafe { libc::sigaction(libc::SIGQUIT, ptr::null(), &raw mut action) } == 0;
    told && action.sa_sigaction == libc::SIG_DFL
}

fn install() -> io::Result<()> {
    // SAFETY: zeroes are a valid action, with an empty mask.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = handler as extern "C" fn(_) as usize;
    // RESETHAND: a second signal ends the process as if we were not there, should the dump hang.
    // ONSTACK: the goroutine's stack may have no room.
    action.sa_flags = libc::SA_RESTART | libc::SA_RESETHAND | libc::SA_ONSTACK;
    // SAFETY: the action is valid, and its handler async-signal-safe.
    if unsafe { libc::sigaction(libc::SIGQUIT, &raw const action, ptr::null_mut()) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Whether an action, as `sigaction` tells it, is the handler here.
#[cfg(feature = "signal")]
pub(crate) fn is_ours(action: usize) -> bool {
    action == handler as extern "C" fn(_) as usize
}

/// The program has put another handler into the place of this one.
#[cfg(feature = "signal")]
pub(crate) fn hand_over() {
    // Relaxed: a signal that comes at the same time may count as one that came before.
    HANDED_OVER.store(true, Ordering::Relaxed);
}

/// Does what the signal does while nobody else receives it. Returns at once; another thread shows
/// the goroutines and ends the process.
#[cfg(feature = "signal")]
pub(crate) fn quit() {
    if !wake_waiter() {
        // SAFETY: no preconditions.
        unsafe { libc::_exit(EXIT_CODE) }
    }
}

/// Wakes the thread that ends the process; whether that is done. Async-signal-safe.
fn wake_waiter() -> bool {
    let pipe = PIPE.load(Ordering::Relaxed) as libc::c_int;
    // A forked child has the handler, but not the thread; its byte would end the parent.
    // SAFETY: no preconditions; and one byte is readable.
    unsafe {
        libc::getpid() as usize == PROCESS.load(Ordering::Relaxed)
            && libc::write(pipe, [0_u8].as_ptr().cast(), 1) == 1
    }
}

/// Async-signal-safe: loads and system calls only.
extern "C" fn handler(signal: libc::c_int) {
    if HANDED_OVER.load(Ordering::Relaxed) {
        return;
    }
    if !wake_waiter() {
        // The action is the default again: this ends the process when the handler returns.
        // SAFETY: no preconditions; async-signal-safe.
        unsafe { libc::raise(signal) };
    }
}
