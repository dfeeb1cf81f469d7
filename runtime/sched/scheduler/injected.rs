//! Work that comes from outside of the workers: the two queues that any thread may push to, and
//! the wake-up that each push owes.

use crate::runtime::{
    prims::{Ordering, fence},
    sched::{
        home::data::{Home, Lent},
        scheduler::Scheduler,
    },
    task::header::TaskRef,
};
use crossbeam_deque::{Injector, Steal};

impl Scheduler {
    /// Queues a fresh task for any worker; from any thread.
    pub(crate) fn inject(&self, task: TaskRef) {
        self.injector.push(task);
        self.offer();
    }

    /// Queues a home that the caller holds for any worker that may enter it; from any thread.
    pub(crate) fn inject_home(&self, home: &'static Home) {
        match home.lent {
            Lent::ToAll => {
                self.woken_homes.push(home);
                self.offer();
                // After the fence in `offer` (E2): partner of that in `owners::take_back_all`.
                if self.is_closing() {
                    self.take_injected_back();
                }
            }
            // Its worker sees by the state word that it is busy. The SeqCst step that made it so
            // came before this look at the sleep word (S1).
            Lent::To(index) => self.wake(self.workers[index as usize]),
        }
    }

    /// Wakes one worker for public work that was queued just now.
    pub(crate) fn offer(&self) {
        // SeqCst (S1): after the push, before the look at the counts; partner of the fences before
        // a sleeper's (S3) and a searcher's (S4) last look.
        fence(Ordering::SeqCst);
        self.wake_one();
    }

    /// The next fresh tasks from the injector: one to run, the others, up to `limit`, to `rest`.
    pub(crate) fn take_injected(
        &self,
        rest: &crossbeam_deque::Worker<TaskRef>,
        limit: usize,
    ) -> Option<TaskRef> {
        take(&self.injector, |queue| {
            queue.steal_batch_with_limit_and_pop(rest, limit)
        })
    }

    /// Whether fresh tasks wait in the injector.
    pub(crate) fn has_injected(&self) -> bool {
        !self.injector.is_empty()
    }

    /// One fresh task from the injector, for the end of the runtime.
    pub(crate) fn take_one_injected(&self) -> Option<TaskRef> {
        take(&self.injector, Injector::steal)
    }

    /// Whether homes wait in which threads from outside have woken somebody.
    pub(crate) fn has_woken_home(&self) -> bool {
        !self.woken_homes.is_empty()
    }

    /// The next home in which a thread from outside has woken somebody.
    pub(crate) fn take_woken_home(&self) -> Option<&'static Home> {
        take(&self.woken_homes, Injector::steal)
    }

    /// Gives homes in which threads from outside have woken somebody back to their owners. The
    /// runtime ends.
    pub(crate) fn take_injected_back(&self) {
        while let Some(home) = self.take_woken_home() {
            home.owner.take_back();
        }
    }
}

/// Takes from a queue, again and again while others get in the way.
#[inline]
fn take<T>(queue: &Injector<T>, steal: impl Fn(&Injector<T>) -> Steal<T>) -> Option<T> {
    // Workers ask all the time, and most often in vain: this look writes nothing.
    while !queue.is_empty() {
        match steal(queue) {
            Steal::Success(taken) => return Some(taken),
            Steal::Empty => return None,
            // Another thief was faster, which says nothing about what is left.
            Steal::Retry => std::hint::spin_loop(),
        }
    }
    None
}
