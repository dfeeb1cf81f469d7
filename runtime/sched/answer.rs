//! Asking workers about their goroutines, and answering (protocol D in `runtime/README.md`).
//!
//! Only the thread that a homed goroutine runs on may look at its stack: there, between goroutines or inside another one, nothing can resume it meanwhile.

use crate::runtime::{
    coroutine::Carrier,
    prims::Ordering,
    sched::{
        current,
        frames::Frames,
        roster::Roster,
        survey::{Answer, Question, Survey},
        worker::WorkerCore,
    },
    task::{
        header::{TaskHeader, TaskRef},
        pool,
    },
};
use std::{
    ptr::NonNull,
    sync::{Arc, PoisonError},
};

impl Roster {
    /// Asks each worker about some of its goroutines, homed ones; the questions to a worker stand at its index. `None`: that worker did not come to
    /// its root in time.
    pub(crate) fn ask(&self, questions: Vec<Vec<Question>>) -> Vec<Option<Vec<Answer>>> {
        let survey = Arc::new(Survey::new(questions));
        self.lock_surveys().push(Arc::clone(&survey));
        self.call();
        for i in survey.asked() {
            let worker = &self.workers[i];
            // SeqCst (D1): after the survey is there, before `wake` looks at the sleep word; partner of the fence before a sleeper's last look (S3).
            worker.remote.asked.store(true, Ordering::SeqCst);
            worker.wake();
        }
        // The caller may be on a worker, which then cannot come to its root: it answers from here, also what others ask it meanwhile.
        // SAFETY: used up before the caller can suspend.
        let own = unsafe { current::core() };
        let answer_own = || {
            if let Some(core) = own {
                core.answer_surveys();
            }
        };
        answer_own();
        let answers = survey.wait(answer_own);
        self.take_call_back();
        self.lock_surveys()
            .retain(|other| !Arc::ptr_eq(other, &survey));
        answers
    }

    fn lock_surveys(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Survey>>> {
        self.surveys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WorkerCore {
    /// At the root, when the roster has calls: answers what dumps ask. True: the worker must leave its loop.
    #[cold]
    pub(crate) fn must_leave(&self) -> bool {
        self.answer_surveys();
        self.roster.is_closing()
    }

    /// Answers what dumps ask this worker (D2). On its thread: at the root, or in a goroutine that asks itself.
    pub(crate) fn answer_surveys(&self) {
        let asked = &self.shared().remote.asked;
        // Acquire: the survey is in the list, from `ask`.
        if !asked.load(Ordering::Relaxed) || !asked.swap(false, Ordering::Acquire) {
            return;
        }
        let surveys = self.roster.lock_surveys().clone();
        for survey in surveys {
            survey.answer(self.shared().index, |question| self.tell(question));
        }
    }

    fn tell(&self, question: Question) -> Answer {
        let seen = pool::look_at(question.cell, |header| Glance::of(self, header));
        match seen {
            Some(seen) if seen.id == question.id => match seen.carrier {
                _ if self.is_current(question.cell) => Answer::Running(self.outer_frames()),
                // SAFETY: so says the glance.
                Some(carrier) => unsafe { tell_of_suspended(question.cell, carrier) },
                None if seen.is_done => Answer::Gone,
                None => Answer::Fresh,
            },
            _ => Answer::Gone,
        }
    }

    fn is_current(&self, cell: *mut TaskHeader) -> bool {
        self.current().is_some_and(|task| task.as_ptr() == cell)
    }

    /// The frames of the goroutine that runs here and asks. It does so on a stack of its own, so those that say what it does are on the outer ones.
    fn outer_frames(&self) -> Option<Frames> {
        // SAFETY: a goroutine runs here, on this carrier, and it is the caller.
        unsafe { Frames::of_outer(self.carrier.get()?) }
    }
}

/// What a worker sees of a cell that may be in use or not.
struct Glance {
    id: u64,
    is_done: bool,
    /// If the goroutine in the cell has ever been suspended, is homed at this worker and has not ended: what it is suspended on, unless it runs now.
    carrier: Option<NonNull<Carrier>>,
}

impl Glance {
    /// The proof (D3). Say this worker is W, and the carrier that it reads is not null. If W has stored it, the goroutine has not ended: at its end W
    /// would have stored null, and a thread never reads what was there before its own last store. If another worker has stored it, that one had
    /// stored itself as the home before; the Acquire shows this or a later home. A later one that is W was stored by W at the start of
    /// a goroutine in the same cell; and then the null of that goroutine's birth, which W had seen by then, hides the carrier.
    fn of(core: &WorkerCore, header: &TaskHeader) -> Self {
        // Acquire (D3): partner of the Release in `WorkerCore::suspend`.
        let carrier = header.carrier.load(Ordering::Acquire);
        let is_home = core.is_home(header.home.load(Ordering::Relaxed));
        Self {
            id: header.id.load(Ordering::Relaxed),
            is_done: header.life.is_done() || !is_home,
            carrier: NonNull::new(carrier.cast()).filter(|_| is_home),
        }
    }
}

/// # Safety
/// The cell holds a goroutine that is homed at the caller's worker, has not ended, does not run, and was last suspended on `carrier`.
unsafe fn tell_of_suspended(cell: *mut TaskHeader, carrier: NonNull<Carrier>) -> Answer {
    // SAFETY: it has not ended, and can do so only on this thread: the cell is live.
    let Some(task) = (unsafe { TaskRef::from_ptr(cell) }) else {
        return Answer::Gone;
    };
    let (reason, since) = task.wait.get();
    Answer::Suspended {
        reason: task.park.looks_parked().then_some(reason),
        since,
        // SAFETY: it does not run, so it is suspended where it was last; and only this thread resumes it.
        frames: unsafe { Frames::of_suspended(carrier) },
    }
}
