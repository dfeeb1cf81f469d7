//! The loop inside a home: what a worker does under the home's identity.

use crate::runtime::{
    sched::{
        home::{current, data::Home, held::Held},
        worker::{
            data::Worker,
            find::{self, Next},
            run,
        },
    },
    switch::identity::Identity,
};
use std::ptr;

/// One stay in a home, as `switch::identity` calls it: `arg` is the worker, `at` the home, `left`
/// the home that the worker was in before, which nobody has been able to enter until now. Returns
/// the next home, or null.
///
/// # Safety
/// The worker is the calling thread's; it holds `at`, whose identity the thread has, and `left`, if
/// that is not null.
pub(crate) unsafe extern "C" fn visit(
    arg: *mut (),
    at: *mut Identity,
    left: *mut Identity,
) -> *mut Identity {
    // SAFETY: the worker outlives the tour; homes are never freed, and an identity is its home's
    // first field.
    let (worker, home, left) = unsafe {
        let worker = &*arg.cast_const().cast::<Worker>();
        let home: &'static Home = &*at.cast_const().cast::<Home>();
        let left: Option<&'static Home> = left.cast_const().cast::<Home>().as_ref();
        (worker, home, left)
    };
    // The home that was left is given up only now: until the thread had its new identity, nobody
    // else could take on the old one.
    if let Some(left) = left {
        // SAFETY: held by this worker, and given up here.
        put_back(worker, unsafe { Held::new(left) });
    }
    // SAFETY: held by this worker.
    let here = unsafe { Held::new(home) };
    here.worker.set(ptr::from_ref(worker).cast());
    worker.set_home(home);
    here.begin_stay();
    loop {
        match find::next(worker, here) {
            Next::Run(task) => run::run(worker, here, task),
            Next::Enter(next) => return ptr::from_ref(next).cast_mut().cast(),
            Next::Leave => return ptr::null_mut(),
        }
    }
}

/// As `visit`, for a worker whose only home has the identity of its own thread: outside of it, the
/// thread is in no home.
///
/// # Safety
/// As for `visit`.
pub(crate) unsafe extern "C" fn visit_only_home(
    arg: *mut (),
    at: *mut Identity,
    left: *mut Identity,
) -> *mut Identity {
    // SAFETY: the worker holds the home until `visit` returns.
    unsafe { current::set_home(at.cast()) };
    // SAFETY: passed on.
    let next = unsafe { visit(arg, at, left) };
    // SAFETY: none.
    unsafe { current::set_home(ptr::null()) };
    next
}

/// Gives up a home that the worker has left: to nobody if nothing in it can run, else to a queue.
#[inline]
pub(crate) fn put_back(worker: &Worker, left: Held) {
    let home = left.home();
    // It goes to a queue if somebody in it can run. An arrival that the worker has not seen makes
    // `give_back` fail, which says the same.
    if left.has_known_ready() || !home.shared.word.give_back() {
        worker.requeue(left);
    }
}
