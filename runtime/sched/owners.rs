//! Making homes: a thread for each, whose identity the home is, and which sleeps until its runtime
//! ends.

use crate::runtime::{
    contain::AbortAtRoot,
    prims::{Ordering, fence},
    sched::{
        abandon,
        home::{
            current,
            data::{Home, Lent},
            held::Held,
        },
        inspect::quiescence::{self, RegisteredThread},
        scheduler::Scheduler,
    },
    stack,
};
use std::{io, mem, ptr, thread};

/// Addresses that must be left for one home more, under a limit on them (`ulimit -v`). An allocator
/// may take some for each thread (glibc: 64 to 128 MiB), and stacks need them more.
const ADDRESSES_LEFT: usize = 1 << 30;

/// Whether there are addresses enough for one home more. Half as many will do for those without
/// which not all workers can be in one.
fn has_addresses(each_worker_needs_one: bool) -> bool {
    let enough = if each_worker_needs_one {
        ADDRESSES_LEFT / 2
    } else {
        ADDRESSES_LEFT
    };
    stack::left_to_limit().is_none_or(|left| left >= enough)
}

/// An owner sleeps; at the end its thread-locals' destructors run. Much smaller than std's threads,
/// since there may be many where addresses are scarce.
const OWNER_STACK: usize = 512 << 10;

/// Makes a home, which the caller holds then, unless there are `most` already. Takes about 50 us.
///
/// # Errors
/// What the system says when it refuses a thread.
#[cold]
pub(crate) fn make(
    scheduler: &'static Scheduler,
    most: usize,
) -> io::Result<Option<&'static Home>> {
    // One after another, so that a home's number is its place.
    let _making = scheduler.lock_making();
    let index = scheduler.homes.count();
    if index >= most {
        return Ok(None);
    }
    // The first one is needed, whatever it costs.
    if index > 0 && !has_addresses(index < scheduler.config.workers) {
        scheduler.homes_cap.store(index, Ordering::Relaxed);
        return Ok(None);
    }
    let made = Home::new(index, Lent::ToAll, scheduler.address());
    let raw = Box::into_raw(Box::new(made));
    // SAFETY: from a box, which is freed below only if nobody has been told of the home.
    let home: &'static Home = unsafe { &*raw };
    let claimed = home.claim();
    debug_assert!(claimed, "nobody knows it yet");
    let thread = thread::Builder::new()
        .name(format!("{}-{index}", scheduler.config.thread_name))
        .stack_size(OWNER_STACK)
        .spawn(move || own(scheduler, home));
    let thread = match thread {
        Ok(thread) => thread,
        Err(error) => {
            // SAFETY: made above, and no thread has been told of it.
            drop(unsafe { Box::from_raw(raw) });
            return Err(error);
        }
    };
    home.owner.set_thread(thread);
    home.owner.wait_until_lent();
    scheduler.homes.push(home);
    Ok(Some(home))
}

/// The body of an owner's thread.
fn own(scheduler: &'static Scheduler, home: &'static Home) {
    let _root = AbortAtRoot;
    let registered = RegisteredThread::new(scheduler);
    let _worn = scheduler.wear_clock();
    // A handler on this thread would share the thread-locals with whoever is in the home.
    let mask = block_signals();
    // SAFETY: from here until the home is back, nothing runs under this identity but what its
    // holders do.
    unsafe { current::set_home(home) };
    home.identity.adopt_calling_thread();
    home.owner.lend();
    // SAFETY: the home has been given back for good: no holder will use this identity again.
    unsafe { current::set_home(ptr::null()) };
    restore_signals(&mask);
    abandon_fresh(scheduler, home);
    rest_if_needed(home, registered);
}

/// Ends a home: what was woken there and will not run is passed on, and what was to start there is
/// dropped. On its owner's thread, when the runtime has ended and the home
/// is back.
pub(crate) fn abandon_fresh(scheduler: &'static Scheduler, home: &'static Home) {
    // SAFETY: the home is back, so it is held by its owner, which we are.
    let held = unsafe { Held::new(home) };
    held.worker.set(ptr::null());
    held.end();
    abandon::pass_on_all(held);
    abandon::abandon_in(scheduler, held);
}

/// The end of the thread whose identity `home` is. Does not return if a goroutine that has started
/// lives there: what it has borrowed from thread-locals stays alive.
pub(crate) fn rest_if_needed(home: &'static Home, registered: RegisteredThread<'_>) {
    if home.live() > 0 {
        quiescence::rest_for_ever(registered);
    }
}

/// Gives all homes that nobody is in back to their owners. The runtime has ended: no worker enters
/// a home any more, and who is woken in one stays where he is.
pub(crate) fn take_back_all(scheduler: &'static Scheduler) {
    // SeqCst (E2): after the runtime was closed, before the look at the queue of homes that were
    // woken from outside; partner of the fence between a push to it and the look whether the
    // runtime closes, in `Scheduler::inject_home`.
    fence(Ordering::SeqCst);
    // What is in a queue is held by it; taken out, it is ours.
    for worker in scheduler.workers() {
        let slot = worker.runnable.take_slot();
        slot.into_iter().for_each(|home| home.owner.take_back());
        while let Some(home) = worker.runnable.steal() {
            home.owner.take_back();
        }
    }
    scheduler.take_injected_back();
    for home in scheduler.homes().filter(|home| home.claim()) {
        home.owner.take_back();
    }
}

/// Blocks all signals for the calling thread. Returns the mask before.
fn block_signals() -> libc::sigset_t {
    // SAFETY: both sets are valid: filled in by these functions.
    unsafe {
        let (mut all, mut before) = (mem::zeroed(), mem::zeroed());
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        before
    }
}

fn restore_signals(mask: &libc::sigset_t) {
    // SAFETY: from `block_signals`.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, mask, ptr::null_mut()) };
}
