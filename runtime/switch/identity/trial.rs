//! The trial: lends an identity once, and looks whether all is as it should be.

use crate::runtime::{
    os::futex::Futex,
    prims::Ordering,
    switch::identity::{
        abi::Identity,
        facts::Trial,
        isa::{thread_pointer, tour},
    },
};
use std::{cell::Cell, mem::MaybeUninit, ptr, sync::Arc, thread};

std::thread_local! {
    /// Zero, but in the owner.
    static MARK: Cell<usize> = const { Cell::new(0) };
}

/// What only the owner's thread has set.
const OWNERS_MARK: usize = 0x00c0_ffee;

/// What code finds of the thread that it runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Surroundings {
    mark: usize,
    /// Where `errno` is.
    errno: usize,
    thread_pointer: usize,
}

impl Surroundings {
    /// Not inlined: the compiler may not keep what it knows of one thread for use in another.
    #[inline(never)]
    fn look() -> Self {
        Self {
            mark: MARK.get(),
            // SAFETY: always callable.
            errno: unsafe { libc::__errno_location() }.addr(),
            thread_pointer: thread_pointer(),
        }
    }
}

/// What the owner and the borrower share.
struct Loan {
    identity: Identity,
    /// One of the constants below.
    stage: Futex,
}

/// The owner is preparing.
const STARTED: u32 = 0;
/// The identity may be used. Release, for the borrower.
const LENT: u32 = 1;
/// It is not used any more. Release, for the owner.
const RETURNED: u32 = 2;

/// Starts a thread, goes under its identity, looks around there, and comes back.
pub(crate) fn lend_once() -> Trial {
    let loan = Arc::new(Loan {
        identity: Identity::new(),
        stage: Futex::new(STARTED),
    });
    let owner = thread::Builder::new().name("gort-probe".to_owned()).spawn({
        let loan = Arc::clone(&loan);
        move || own(&loan)
    });
    let Ok(owner) = owner else {
        return Trial::NoThread;
    };
    // Acquire: pairs with the owner's release of LENT.
    while loan.stage.load(Ordering::Acquire) == STARTED {
        loan.stage.wait(STARTED, None);
    }
    let before = Surroundings::look();
    let mut visited = Visited { found: None };
    // SAFETY: there is an instruction for it, or nobody would have called this function. The owner
    // has adopted the identity, and sleeps until it is returned. `visit` gets the argument that it
    // wants; there is no other tour, for this thread is under its own identity.
    let last = unsafe {
        tour(
            ptr::from_ref(&loan.identity).cast_mut(),
            visit,
            (&raw mut visited).cast(),
        )
    };
    let after = Surroundings::look();
    // Release: pairs with the owner's acquire.
    loan.stage.store(RETURNED, Ordering::Release);
    loan.stage.wake_all();
    let owned = owner.join().ok();
    let is_good = before == after
        && ptr::eq(last, &raw const loan.identity)
        && visited.found.is_some_and(|found| {
            owned == Some(found)
                && found.mark == OWNERS_MARK
                && found.errno != before.errno
                && found.thread_pointer != before.thread_pointer
        });
    if is_good {
        Trial::Passed
    } else {
        Trial::Failed
    }
}

/// What the visit brings back.
struct Visited {
    found: Option<Surroundings>,
}

unsafe extern "C" fn visit(
    arg: *mut (),
    _at: *mut Identity,
    _left: *mut Identity,
) -> *mut Identity {
    // SAFETY: the tour's caller passes its own variable, and waits.
    unsafe { &mut *arg.cast::<Visited>() }.found = Some(Surroundings::look());
    ptr::null_mut()
}

/// The owner's part. Returns what it finds around itself afterwards.
fn own(loan: &Loan) -> Surroundings {
    block_signals();
    MARK.set(OWNERS_MARK);
    loan.identity.adopt_calling_thread();
    // Release: pairs with the borrower's acquire.
    loan.stage.store(LENT, Ordering::Release);
    loan.stage.wake_all();
    // Acquire: pairs with the borrower's release of RETURNED.
    while loan.stage.load(Ordering::Acquire) == LENT {
        loan.stage.wait(LENT, None);
    }
    Surroundings::look()
}

/// Blocks all signals for the calling thread, until its end.
fn block_signals() {
    let mut all = MaybeUninit::uninit();
    // SAFETY: the set is valid for writes, and filled before it is read.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), ptr::null_mut());
    }
}
