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
        owner::HomeOwner,
        ready::ReadyQueue,
        word::{HomeWord, InboxNode},
    },
    switch::identity::Identity,
    task::header::{TaskHeader, TaskRef},
};
use crossbeam_utils::CachePadded;
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    ptr::{self, NonNull},
    sync::{Mutex, MutexGuard, PoisonError},
};

// SAFETY: `next` is the header's one link; whoever holds the task uses it for the list that it is
// in.
unsafe impl InboxNode for TaskHeader {
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
    To(u32),
}

/// A home. What everybody reads or writes and what the holder writes share no pair of cache lines.
#[repr(C)]
pub(crate) struct Home {
    /// What a worker that enters takes on. The first field: a pointer to it is one to the home.
    pub(crate) identity: Identity,
    /// Its place among the homes of its runtime. Written once.
    pub(crate) index: usize,
    /// Who may enter it. Written once.
    pub(crate) lent: Lent,
    /// The runtime's scheduler, which is never freed. Opaque here; `scheduler` gives it a meaning.
    pub(crate) scheduler: *const (),
    /// The thread whose identity this is, and whether it has it back. Written by that thread, and
    /// by whoever takes the home back at the end of the runtime.
    pub(crate) owner: HomeOwner,
    /// What everybody writes: wakers, spawners, dumps.
    pub(crate) shared: HomeShared,
    /// What only the holder writes.
    pub(in crate::runtime::sched::home) inner: CachePadded<HomeInner>,
}

/// The part of a home that everybody writes.
#[derive(Debug)]
pub(crate) struct HomeShared {
    /// Whether somebody holds the home, and the inbox: goroutines that were woken from elsewhere,
    /// or sent here (protocol H). Pushed to by anybody, emptied by the holder.
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
pub(crate) struct HomeInner {
    /// Goroutines that have parked or yielded here at least once and have not ended.
    pub(in crate::runtime::sched::home) live: AtomicUsize,
    /// The same, one left out if some wait for the end of others. Read by workers that look for a
    /// home with few.
    pub(in crate::runtime::sched::home) active: AtomicUsize,
    /// How many wait for the end of others. The holder's alone, as all that is no atomic here.
    pub(in crate::runtime::sched::home) joining: Cell<usize>,
    /// How many may be active before fresh ones start elsewhere. Read by workers that start some.
    pub(in crate::runtime::sched::home) limit: AtomicUsize,
    /// The last of those that had yielded when the worker entered, or null when they have all had
    /// their turn.
    pub(in crate::runtime::sched::home) last_of_stay: Cell<*mut TaskHeader>,
    /// Whether a goroutine has run since the worker entered.
    pub(in crate::runtime::sched::home) has_run: Cell<bool>,
    /// The goroutine that runs now, or null. Read by the monitor and by dumps.
    pub(crate) current: AtomicPtr<TaskHeader>,
    /// The worker that is in here. Opaque here; `worker::current` gives it a meaning.
    pub(crate) worker: Cell<*const ()>,
    /// The coroutine that runs now, or ran last. Set by the root before it enters one, and by a
    /// goroutine that changes stacks; read by the root when one has come back.
    pub(crate) coroutine: Cell<Option<NonNull<Coroutine>>>,
    /// What the root does after the coroutine has come back to it. Set by the goroutine before it
    /// suspends.
    pub(crate) after: Cell<After>,
    /// The goroutine that runs next, before all queues are looked at. Set by `place` and by a
    /// coroutine that found one for another size of stack; taken by `find` or a new coroutine.
    pub(crate) handoff: Cell<Option<TaskRef>>,
    /// Goroutines that were unparked, or must start here, oldest first.
    pub(crate) woken: ReadyQueue,
    /// Goroutines that yielded, oldest first.
    pub(crate) yielded: ReadyQueue,
    /// Goroutines whose deadline has passed. Not linked through their cells, since such a
    /// goroutine's unpark may arrive in the inbox while it is here.
    pub(in crate::runtime::sched::home) due: RefCell<VecDeque<TaskRef>>,
    /// Goroutines that had yielded when woken ones had kept the home busy for long. They take
    /// turns with the woken ones.
    pub(in crate::runtime::sched::home) passed_over: ReadyQueue,
    /// Whether there are some that are due, or were passed over.
    pub(in crate::runtime::sched::home) takes_turns: Cell<bool>,
    /// Which of the three kinds comes next: woken ones, those that are due, those passed over.
    pub(in crate::runtime::sched::home) next_kind: Cell<u32>,
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
            owner: HomeOwner::new(),
            shared: HomeShared {
                word: HomeWord::new(),
                late: Mutex::default(),
                incoming: AtomicUsize::new(0),
                asked: AtomicBool::new(false),
            },
            inner: CachePadded::new(HomeInner {
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
                passed_over: ReadyQueue::new(),
                takes_turns: Cell::new(false),
                next_kind: Cell::new(0),
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

    pub(in crate::runtime::sched::home) fn lock_late(&self) -> MutexGuard<'_, Vec<TaskRef>> {
        let late = &self.shared.late;
        late.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
