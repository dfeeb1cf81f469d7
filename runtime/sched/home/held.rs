//! A home as its holder sees it.

use crate::runtime::{
    coroutine::Coroutine,
    prims::{AtomicUsize, Ordering},
    sched::home::{
        after::After,
        data::{Home, HomeInner},
        word::Arrivals,
    },
    task::{
        header::{COUNTED_BIT, TaskHeader, TaskRef},
        state::Woken,
    },
};
use std::{marker::PhantomData, ptr};

/// Changes a count that only the holder writes.
#[inline]
fn add(count: &AtomicUsize, by: isize) {
    let now = count.load(Ordering::Relaxed).wrapping_add_signed(by);
    count.store(now, Ordering::Relaxed);
}

/// A home that the caller holds.
///
/// While one exists, nobody else touches the home's inner part. It does not leave its thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    home: &'static Home,
    not_send: PhantomData<*const ()>,
}

impl std::ops::Deref for Held {
    type Target = HomeInner;

    #[inline]
    fn deref(&self) -> &HomeInner {
        &self.home.inner
    }
}

impl Held {
    /// # Safety
    /// The caller holds the home, by the state word or by having taken it from a queue, and does
    /// not use the result after it has given the home up.
    #[inline]
    pub(crate) unsafe fn new(home: &'static Home) -> Self {
        Self {
            home,
            not_send: PhantomData,
        }
    }

    #[inline]
    pub(crate) fn home(self) -> &'static Home {
        self.home
    }

    #[inline]
    pub(crate) fn is(self, home: *const Home) -> bool {
        ptr::eq(self.home, home)
    }

    /// The goroutine that runs here now.
    #[inline]
    pub(crate) fn task(self) -> Option<TaskRef> {
        // SAFETY: the current goroutine of a home that we hold is running, so live.
        unsafe { TaskRef::from_ptr(self.current.load(Ordering::Relaxed)) }
    }

    #[inline]
    pub(crate) fn set_task(self, task: Option<TaskRef>) {
        let at = task.map_or(ptr::null_mut(), TaskRef::as_ptr);
        self.current.store(at, Ordering::Relaxed);
    }

    /// Counts a goroutine as living here, the first time that it leaves the processor.
    #[inline]
    pub(crate) fn count(self, task: TaskRef) {
        if !task.has(COUNTED_BIT) {
            task.set(COUNTED_BIT);
            add(&self.live, 1);
            add(&self.active, 1);
        }
    }

    /// Takes a goroutine that ends off the counts.
    #[inline]
    pub(crate) fn uncount(self, task: TaskRef) {
        if task.has(COUNTED_BIT) {
            add(&self.live, -1);
            add(&self.active, -1);
            self.lower_limit();
        }
    }

    /// A home that has become much emptier takes fewer again.
    #[inline]
    fn lower_limit(self) {
        let limit = self.home.limit();
        if limit > 1 && 4 * self.home.active() < limit {
            self.limit.store(limit / 2, Ordering::Relaxed);
        }
    }

    /// The current goroutine is going to park until others have ended.
    #[inline]
    pub(crate) fn begin_join(self, task: TaskRef) {
        self.count(task);
        let joining = self.joining.get();
        self.joining.set(joining + 1);
        // Only the first: many that wait for the same end may all want to run when it comes.
        if joining == 0 {
            add(&self.active, -1);
        }
    }

    /// It runs again.
    #[inline]
    pub(crate) fn end_join(self) {
        let joining = self.joining.get() - 1;
        self.joining.set(joining);
        if joining == 0 {
            add(&self.active, 1);
        }
    }

    /// A stay begins: those that have yielded before it run before the worker turns to another
    /// home, since they have waited for their turn.
    #[inline]
    pub(crate) fn begin_stay(self) {
        self.has_run.set(false);
        self.last_of_stay.set(self.yielded.newest());
    }

    /// A goroutine of this home runs now.
    #[inline]
    pub(crate) fn use_stay(self) {
        self.has_run.set(true);
    }

    /// A fresh goroutine could not start, since there was no stack. Those of this home that can run
    /// come before the next fresh one, even if the worker looks around at every turn because
    /// failing is slow.
    #[cold]
    pub(crate) fn renew_stay(self) {
        self.has_run.set(false);
    }

    /// Whether a goroutine has run since the stay began.
    pub(crate) fn is_stay_used(self) -> bool {
        self.has_run.get()
    }

    /// Whether goroutines are left that had yielded before this stay began.
    #[inline]
    pub(crate) fn owes_turns(self) -> bool {
        !self.last_of_stay.get().is_null()
    }

    /// The next goroutine that has yielded.
    #[inline]
    pub(crate) fn next_yielded(self) -> Option<TaskRef> {
        let task = self.yielded.pop()?;
        if task.as_ptr() == self.last_of_stay.get() {
            self.last_of_stay.set(ptr::null_mut());
        }
        Some(task)
    }

    /// Lets so many goroutines be active here before fresh ones start elsewhere.
    pub(crate) fn raise_limit(self, limit: usize) {
        if limit > self.home.limit() {
            self.limit.store(limit, Ordering::Relaxed);
        }
    }

    /// The one unpark of a park, by the holder.
    #[inline]
    pub(crate) fn unpark(self, task: TaskRef) {
        if task.park.notify() == Woken::Enqueue {
            self.woken.push(task);
        }
    }

    /// Ends a park whose deadline has passed.
    pub(crate) fn time_out(self, task: TaskRef) {
        if task.park.time_out() == Woken::Enqueue {
            self.due.borrow_mut().push_back(task);
            self.takes_turns.set(true);
        }
    }

    /// Takes what has come in: woken goroutines, and those whose deadline has passed.
    #[inline]
    pub(crate) fn take_arrivals(self) {
        if self.home.shared.word.has_arrivals() {
            self.take_inbox();
        }
    }

    fn take_inbox(self) {
        self.receive(self.home.shared.word.take());
    }

    /// Takes in what has come, for the last time: the runtime has ended (E1).
    pub(crate) fn end(self) {
        self.receive(self.home.shared.word.end());
    }

    fn receive(self, arrivals: Arrivals<TaskHeader>) {
        let Arrivals { oldest, poked } = arrivals;
        let mut next = oldest;
        // SAFETY: taken from the inbox, so held by us.
        while let Some(task) = unsafe { TaskRef::from_ptr(next) } {
            next = task.next.load(Ordering::Relaxed);
            // One that has not started was sent here to do so.
            if task.is_fresh() {
                self.home.uncount_incoming();
                self.woken.push(task);
            } else {
                self.unpark(task);
            }
        }
        if poked {
            self.take_late();
        }
    }

    /// Ends the parks of those whose deadline has passed while others held the home. After it, no
    /// timer that has been fired is on its way to a goroutine of this home.
    pub(crate) fn take_late(self) {
        let late = std::mem::take(&mut *self.home.lock_late());
        for task in late {
            self.time_out(task);
        }
    }

    /// The next goroutine that was unparked, or whose deadline has passed, or that was passed over.
    /// They take turns: each sort may be refilled for ever, by goroutines that wake each other, or
    /// sleep again and again.
    #[inline]
    pub(crate) fn next_woken(self) -> Option<TaskRef> {
        if self.takes_turns.get() {
            self.next_in_turn()
        } else {
            self.woken.pop()
        }
    }

    #[inline(never)]
    fn next_in_turn(self) -> Option<TaskRef> {
        let first = self.next_kind.get();
        self.next_kind.set((first + 1) % 3);
        let next = (first..first + 3).find_map(|kind| match kind % 3 {
            0 => self.due.borrow_mut().pop_front(),
            1 => self.woken.pop(),
            _ => self.passed_over.pop(),
        });
        let is_mixed = !self.due.borrow().is_empty() || !self.passed_over.is_empty();
        self.takes_turns.set(is_mixed);
        next
    }

    /// Lets those that have yielded take turns with the woken ones, if these have kept the home
    /// busy until now. The next ones follow when these have had their turn.
    pub(crate) fn pass_over(self) {
        if self.has_woken() && self.passed_over.is_empty() && !self.yielded.is_empty() {
            self.passed_over.swap(&self.yielded);
            self.takes_turns.set(true);
            self.last_of_stay.set(ptr::null_mut());
        }
    }

    /// Whether one is queued that was unparked or whose deadline has passed.
    #[inline]
    pub(crate) fn has_woken(self) -> bool {
        !self.woken.is_empty() || self.takes_turns.get() || self.home.shared.word.has_arrivals()
    }

    /// Whether a goroutine of this home can run, as far as the holder knows: what has come in is
    /// left out.
    #[inline]
    pub(crate) fn has_known_ready(self) -> bool {
        !self.woken.is_empty() || self.takes_turns.get() || !self.yielded.is_empty()
    }

    /// Whether a goroutine of this home can run.
    #[inline]
    pub(crate) fn has_ready(self) -> bool {
        self.has_woken() || !self.yielded.is_empty()
    }

    /// Suspends the goroutine that runs here, which is the caller; the root does `after`. It may
    /// return on another worker: the caller does not use a reference to the worker after this.
    #[inline(always)]
    pub(crate) fn suspend(self, task: TaskRef, after: After) {
        let coroutine = self.coroutine.get().expect("goroutines run on coroutines");
        // Release (D3): after the store of the home; partner of the Acquire in `inspect::reply`.
        task.coroutine
            .store(coroutine.as_ptr().cast(), Ordering::Release);
        self.after.set(after);
        // SAFETY: the current goroutine is the caller, and runs on this coroutine.
        unsafe { Coroutine::suspend(coroutine) };
    }
}
