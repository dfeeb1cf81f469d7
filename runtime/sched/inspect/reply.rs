//! Looking at goroutines for dumps (protocol D in `runtime/README.md`).
//!
//! Only the holder of a goroutine's home may look at its stack: between goroutines or inside
//! another one, nothing can resume it meanwhile.

use crate::runtime::{
    coroutine::Coroutine,
    prims::Ordering,
    sched::{
        home::{current, data::Home, held::Held, word::Told},
        inspect::{
            frames::Frames,
            request::{DumpRequest, Question, Reply},
        },
        scheduler::Scheduler,
    },
    task::{
        header::{TaskHeader, TaskRef},
        pool,
    },
};
use std::{
    ptr::NonNull,
    sync::{Arc, MutexGuard, PoisonError},
};

/// Asks about goroutines of a runtime; the questions about those of a home stand at its index.
/// `None`: that home's holder did not come to its root in time.
///
/// `give_back` makes a home idle that was looked into, or queues it.
pub(crate) fn ask(
    scheduler: &'static Scheduler,
    questions: Vec<Vec<Question>>,
    give_back: fn(Held),
) -> Vec<Option<Vec<Reply>>> {
    let request = Arc::new(DumpRequest::new(questions));
    lock_requests(scheduler).push(Arc::clone(&request));
    scheduler.begin_request();
    for i in request.asked() {
        let home = scheduler.homes[i];
        // SeqCst (D1): after the request is there, before `wake` looks at the sleep word of a
        // worker that has this home only; partner of the fence before a sleeper's last look (S3).
        home.shared.asked.store(true, Ordering::SeqCst);
    }
    let look = || {
        // The caller keeps its own home's root from answering, whichever runtime asks.
        if let Some(here) = current::home() {
            send_replies(Scheduler::of(here.home()), here);
        }
        for i in request.asked() {
            look_into(scheduler, scheduler.homes[i], give_back);
        }
    };
    look();
    let replies = request.wait(look);
    scheduler.end_request();
    lock_requests(scheduler).retain(|other| !Arc::ptr_eq(other, &request));
    // Workers of a bubble do not look again whether all is still, if it was for this dump that it
    // was not.
    if scheduler.bubble.is_some() {
        scheduler
            .workers()
            .for_each(|worker| scheduler.wake(worker));
    }
    replies
}

/// Answers for a home that the caller is in, or that nobody holds; sees to it that another's holder
/// answers.
fn look_into(scheduler: &'static Scheduler, home: &'static Home, give_back: fn(Held)) {
    if !home.shared.asked.load(Ordering::Relaxed) {
        return;
    }
    if home.claim() {
        // SAFETY: claimed.
        let held = unsafe { Held::new(home) };
        send_replies(scheduler, held);
        give_back(held);
    } else if home.shared.word.poke() == Told::Holder {
        // One that is not lent, and that its worker is not in: the worker is to enter it.
        scheduler.inject_home(home);
    }
}

fn lock_requests(scheduler: &Scheduler) -> MutexGuard<'_, Vec<Arc<DumpRequest>>> {
    let requests = &scheduler.requests;
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers what dumps ask about goroutines of this home (D2). By its holder.
#[cold]
pub(crate) fn send_replies(scheduler: &Scheduler, here: Held) {
    let asked = &here.home().shared.asked;
    // Acquire: the request is in the list, from `ask`.
    if !asked.load(Ordering::Relaxed) || !asked.swap(false, Ordering::Acquire) {
        return;
    }
    let requests = lock_requests(scheduler).clone();
    for request in requests {
        request.reply(here.home().index, |question| tell(here, question));
    }
}

fn tell(here: Held, question: Question) -> Reply {
    let seen = pool::look_at(question.cell, |header| View::of(here, header));
    match seen {
        Some(seen) if seen.id == question.id => match seen.coroutine {
            _ if is_current(here, question.cell) => Reply::Running(outer_frames(here)),
            // SAFETY: so says the view.
            Some(coroutine) => unsafe { tell_of_suspended(question.cell, coroutine) },
            None if seen.is_done => Reply::Gone,
            None => Reply::Fresh,
        },
        _ => Reply::Gone,
    }
}

fn is_current(here: Held, cell: *mut TaskHeader) -> bool {
    here.task().is_some_and(|task| task.as_ptr() == cell)
}

/// The frames of the goroutine that runs here and asks. It does so on a stack of its own, so those
/// that say what it does are on the outer ones.
fn outer_frames(here: Held) -> Option<Frames> {
    // SAFETY: a goroutine runs here, on this coroutine, and it is the caller.
    unsafe { Frames::of_outer(here.coroutine.get()?) }
}

/// What the holder of a home sees of a cell that may be in use or not.
struct View {
    id: u64,
    is_done: bool,
    /// If the goroutine in the cell has ever been suspended, lives in this home and has not ended:
    /// what it is suspended on, unless it runs now.
    coroutine: Option<NonNull<Coroutine>>,
}

impl View {
    /// The proof (D3). Say this home is H, and the coroutine that is read is not null. All holders
    /// of H are one sequence, ordered by the state word (H2). If a holder of H has stored the
    /// coroutine, the goroutine has not ended: at its end a holder of H would have stored null, and
    /// nobody reads what was there before a store that happened before. If the holder of another
    /// home has stored it, that one had stored its home in the cell before; the Acquire shows this
    /// or a later home. A later one that is H was stored by a holder of H at the start of a
    /// goroutine in the same cell; and then the null of that goroutine's birth, which this holder
    /// had seen by then, hides the coroutine.
    fn of(here: Held, header: &TaskHeader) -> Self {
        // Acquire (D3): partner of the Release in `Held::suspend`.
        let coroutine = header.coroutine.load(Ordering::Acquire);
        let home = header.home.load(Ordering::Relaxed);
        let is_here = here.is(home.cast_const().cast());
        Self {
            id: header.id.load(Ordering::Relaxed),
            is_done: header.life.is_done() || !is_here,
            coroutine: NonNull::new(coroutine.cast()).filter(|_| is_here),
        }
    }
}

/// # Safety
/// The cell holds a goroutine that lives in a home that the caller holds, has not ended, does not
/// run, and was last suspended on `coroutine`.
unsafe fn tell_of_suspended(cell: *mut TaskHeader, coroutine: NonNull<Coroutine>) -> Reply {
    // SAFETY: it has not ended, and can do so only in a home that we hold: the cell is live.
    let Some(task) = (unsafe { TaskRef::from_ptr(cell) }) else {
        return Reply::Gone;
    };
    let (reason, since) = task.wait.get();
    Reply::Suspended {
        reason: task.park.looks_parked().then_some(reason),
        since,
        // SAFETY: it does not run, so it is suspended where it was last; and only we could resume
        // it.
        frames: unsafe { Frames::of_suspended(coroutine) },
    }
}
