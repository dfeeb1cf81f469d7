//! A home: a thread's identity, and what belongs to whoever holds it.
//!
//! A home is made once, never freed, and used by one thread at a time: its *holder*. A worker that
//! goes through its goroutines holds it, and so does for a moment a waker that found it idle, or a
//! dump that looks at its goroutines. The state word says whether somebody does. All that only the
//! holder may touch is behind [`Held`].

use crate::runtime::{
    coroutine::Coroutine,
    prims::{AtomicBool, AtomicPtr, AtomicUsize, Ordering},
    sched::home::{
        after::After,
        owner::Owner,
        ready::ReadyQueue,
        word::{Arrivals, HomeWord, Linked},
    },
    switch::identity::Identity,
    task::{
        header::{COUNTED, TaskHeader, TaskRef},
        state::Woken,
    },
};
use crossbeam_utils::CachePadded;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    marker::PhantomData,
    ptr::{self, NonNull},
    sync::{Mutex, MutexGuard, PoisonError},
};

// SAFETY: `next` is the header's one link; whoever holds the task uses it for the list that it is
// in.
unsafe impl Linked for TaskHeader {
    fn next(&self) -> &AtomicPtr<Self> {
        &self.next
    }
}

/// Who may enter a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lent {
    /// Every worker of the runtime: an owner's thread sleeps for it.
    ToAll,
    /// The worker with this index only, on whose own thread it was made.
    To(usize),
}

/// A home.
#[repr(C)]
pub(crate) struct Home {
    /// What a worker that enters takes on. The first field: a pointer to it is one to the home.
    pub(crate) identity: Identity,
    /// Its place among the homes of its runtime. Written once.
    pub(crate) index: usize,
    pub(crate) lent: Lent,
    /// The runtime's scheduler, which is never freed. Opaque here; `scheduler` gives it a meaning.
    pub(crate) scheduler: *const (),
    pub(crate) owner: Owner,
    /// Written by everybody.
    pub(crate) shared: CachePadded<Shared>,
    /// Written by the holder.
    inner: CachePadded<Inner>,
}

/// The part of a home that everybody writes.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) word: HomeWord<TaskHeader>,
    /// Goroutines whose deadline has passed while somebody else held the home. Written by whoever
    /// fires timers; emptied by the holder.
    late: Mutex<Vec<TaskRef>>,
    /// Fresh goroutines that were sent here and have not arrived. Raised by the sender, lowered by
    /// the holder.
    incoming: AtomicUsize,
    /// A dump has questions about goroutines of this home (protocol D). Set by the dump, cleared by
    /// the holder.
    pub(crate) asked: AtomicBool,
}

/// The part of a home that only its holder touches, but for the two words that others read.
#[derive(Debug)]
pub(crate) struct Inner {
    /// Goroutines that have parked or yielded here at least once and have not ended.
    live: AtomicUsize,
    /// The same, one left out if some wait for the end of others. Read by workers that look for a
    /// home with few.
    active: AtomicUsize,
    /// How many wait for the end of others.
    joining: Cell<usize>,
    /// How many may be active before fresh ones start elsewhere. Read by workers that start some.
    limit: AtomicUsize,
    /// The last of those that had yielded when the worker entered, or null when they have all had
    /// their turn.
    last_of_stay: Cell<*mut TaskHeader>,
    /// Whether a goroutine has run since the worker entered.
    has_run: Cell<bool>,
    /// The goroutine that runs now, or null. Read by the monitor and by dumps.
    pub(crate) current: AtomicPtr<TaskHeader>,
    /// The worker that is in here. Opaque here; `worker::current` gives it a meaning.
    pub(crate) worker: Cell<*const ()>,
    /// The coroutine that runs now.
    pub(crate) coroutine: Cell<Option<NonNull<Coroutine>>>,
    /// What the root does after the coroutine has come back to it.
    pub(crate) after: Cell<After>,
    /// The goroutine that the root must run next.
    pub(crate) handoff: Cell<Option<TaskRef>>,
    /// Goroutines that were unparked, or must start here.
    pub(crate) woken: ReadyQueue,
    /// Goroutines that yielded.
    pub(crate) yielded: ReadyQueue,
    /// Goroutines whose deadline has passed. Not linked through their cells, since such a
    /// goroutine's unpark may arrive in the inbox while it is here.
    due: RefCell<VecDeque<TaskRef>>,
    /// Whether there are some.
    has_due: Cell<bool>,
    /// Which of the two kinds of woken goroutines comes next.
    due_first: Cell<bool>,
}

// SAFETY: `inner` is touched by the holder only, through `Held`; the state word hands it from one
// holder to the next (H2). The scheduler is never freed and is shared by all threads. The rest is
// atomics and locks.
unsafe impl Send for Home {}
// SAFETY: as above.
unsafe impl Sync for Home {}

impl std::fmt::Debug for Home {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = f.debug_struct("Home");
        text.field("index", &self.index);
        text.field("word", &self.shared.word);
        text.finish_non_exhaustive()
    }
}

impl Home {
    /// An idle home whose identity is not known yet.
    pub(crate) fn new(index: usize, lent: Lent, scheduler: *const ()) -> Self {
        Self {
            identity: Identity::new(),
            index,
            lent,
            scheduler,
            owner: Owner::new(),
            shared: CachePadded::new(Shared {
                word: HomeWord::new(),
                late: Mutex::default(),
                incoming: AtomicUsize::new(0),
                asked: AtomicBool::new(false),
            }),
            inner: CachePadded::new(Inner {
                live: AtomicUsize::new(0),
                active: AtomicUsize::new(0),
                joining: Cell::new(0),
                limit: AtomicUsize::new(1),
                last_of_stay: Cell::new(ptr::null_mut()),
                has_run: Cell::new(false),
                current: AtomicPtr::new(ptr::null_mut()),
                worker: Cell::new(ptr::null()),
                coroutine: Cell::new(None),
                after: Cell::new(After::Retire),
                handoff: Cell::new(None),
                woken: ReadyQueue::new(),
                yielded: ReadyQueue::new(),
                due: RefCell::default(),
                has_due: Cell::new(false),
                due_first: Cell::new(false),
            }),
        }
    }

    /// Goroutines that live here. Relaxed: a hint for all but the holder.
    #[inline]
    pub(crate) fn live(&self) -> usize {
        self.inner.live.load(Ordering::Relaxed)
    }

    /// Goroutines that live here, one left out that waits for the end of others: it does not keep
    /// anybody here from running. Relaxed: a hint for all but the holder.
    #[inline]
    pub(crate) fn active(&self) -> usize {
        self.inner.active.load(Ordering::Relaxed)
    }

    /// How many may be active here before fresh ones start elsewhere. A hint for all but the
    /// holder.
    #[inline]
    pub(crate) fn limit(&self) -> usize {
        self.inner.limit.load(Ordering::Relaxed)
    }

    /// Goroutines that are active here, or were sent here to start. A hint.
    pub(crate) fn load(&self) -> usize {
        self.active() + self.shared.incoming.load(Ordering::Relaxed)
    }

    /// Counts a fresh goroutine that is about to be sent here.
    pub(crate) fn count_incoming(&self) {
        self.shared.incoming.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one off that does not arrive.
    pub(crate) fn uncount_incoming(&self) {
        self.shared.incoming.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether fresh goroutines have been sent here that have not arrived.
    pub(crate) fn has_incoming(&self) -> bool {
        self.shared.incoming.load(Ordering::Relaxed) > 0
    }

    /// Makes an idle home busy, for a caller that is to look into it or to enter it. True: the
    /// caller holds it now. Never for a home that is not lent: its worker enters it when it sees it
    /// busy.
    #[inline]
    #[must_use]
    pub(crate) fn claim(&self) -> bool {
        self.lent == Lent::ToAll && self.shared.word.claim()
    }

    /// The goroutine that runs here now, or null; it may have ended by the time the caller looks.
    #[inline]
    pub(crate) fn current(&self) -> *mut TaskHeader {
        self.inner.current.load(Ordering::Relaxed)
    }

    /// How many goroutines whose deadline has passed wait for the holder.
    pub(crate) fn count_late(&self) -> usize {
        self.lock_late().len()
    }

    /// Adds a goroutine whose deadline has passed. True: the caller must poke the home, since
    /// nobody has done so since the holder emptied the list.
    #[must_use]
    pub(crate) fn add_late(&self, task: TaskRef) -> bool {
        let mut late = self.lock_late();
        late.push(task);
        late.len() == 1
    }

    fn lock_late(&self) -> MutexGuard<'_, Vec<TaskRef>> {
        let late = &self.shared.late;
        late.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

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
    type Target = Inner;

    #[inline]
    fn deref(&self) -> &Inner {
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
        if !task.has(COUNTED) {
            task.set(COUNTED);
            add(&self.live, 1);
            add(&self.active, 1);
        }
    }

    /// Takes a goroutine that ends off the counts.
    #[inline]
    pub(crate) fn uncount(self, task: TaskRef) {
        if task.has(COUNTED) {
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
            self.has_due.set(true);
        }
    }

    /// Takes what has come in: woken goroutines, and those whose deadline has passed.
    #[inline]
    pub(crate) fn take_arrivals(self) {
        if self.home.shared.word.has_arrivals() {
            self.take_arrivals_slow();
        }
    }

    fn take_arrivals_slow(self) {
        let Arrivals { oldest, poked } = self.home.shared.word.take();
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

    /// The next goroutine that was unparked or whose deadline has passed. They take turns: either
    /// sort may be refilled for ever by goroutines that wake each other, or sleep again and again.
    #[inline]
    pub(crate) fn next_woken(self) -> Option<TaskRef> {
        if self.has_due.get() {
            self.next_woken_slow()
        } else {
            self.woken.pop()
        }
    }

    #[inline(never)]
    fn next_woken_slow(self) -> Option<TaskRef> {
        let due_first = !self.due_first.get();
        self.due_first.set(due_first);
        let due = || {
            let mut due = self.due.borrow_mut();
            let first = due.pop_front();
            self.has_due.set(!due.is_empty());
            first
        };
        if due_first {
            due().or_else(|| self.woken.pop())
        } else {
            self.woken.pop().or_else(due)
        }
    }

    /// Whether one is queued that was unparked or whose deadline has passed.
    #[inline]
    pub(crate) fn has_woken(self) -> bool {
        !self.woken.is_empty() || self.has_due.get() || self.home.shared.word.has_arrivals()
    }

    /// Whether a goroutine of this home can run, as far as the holder knows: what has come in is
    /// left out.
    #[inline]
    pub(crate) fn has_known_ready(self) -> bool {
        !self.woken.is_empty() || self.has_due.get() || !self.yielded.is_empty()
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
