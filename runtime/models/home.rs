//! A home as the models have it; stands in for `sched/home/data.rs`.
//!
//! The home's state word and the goroutines' park words are the real ones. The inner part is a cell
//! of which loom reports every access that nothing orders after the last: so two holders at once,
//! and a holder that does not see what the last one wrote. What `home/held.rs`,
//! `worker/submit.rs` and `worker/visit.rs` do with the words is repeated here under the same
//! names, with one queue of homes.

use crate::runtime::{
    models::Plain,
    prims::{AtomicPtr, Ordering},
    sched::home::word::{Arrivals, HomeWord, InboxNode, Told},
    task::state::{ParkWord, Woken},
};
use loom::{
    cell::UnsafeCell,
    sync::{Arc, Mutex, atomic::AtomicBool},
};
use std::{
    collections::VecDeque,
    fmt, mem,
    ptr::{self, NonNull},
};

/// A goroutine's cell. The goroutine has a number, its place in `Home::cells`.
#[repr(align(8))]
pub(crate) struct Cell {
    number: usize,
    next: AtomicPtr<Cell>,
    pub(crate) park: ParkWord,
    /// Whether the goroutine has ended; then nobody may touch the cell any more.
    ended: Plain,
    /// What the waker writes before it wakes.
    pub(crate) data: Plain,
}

// SAFETY: one field, which only the list writes.
unsafe impl InboxNode for Cell {
    fn next(&self) -> &AtomicPtr<Self> {
        &self.next
    }
}

/// What only the holder touches.
#[derive(Default)]
pub(crate) struct HomeInner {
    woken: VecDeque<usize>,
    due: VecDeque<usize>,
    /// How often each goroutine was put into one of the two.
    queued: Vec<u32>,
    /// How often a holder was told to look at what is not in the inbox.
    pokes: u32,
}

/// A home with its goroutines.
pub(crate) struct Home {
    pub(crate) word: HomeWord<Cell>,
    late: Mutex<Vec<usize>>,
    inner: UnsafeCell<HomeInner>,
    /// The queue of homes: whether this one is in it.
    queued: AtomicBool,
    /// What a poke is about.
    pub(crate) note: Plain,
    pub(crate) cells: Vec<Cell>,
}

// SAFETY: loom checks the accesses to `inner`; the links are each used by one list at a time.
unsafe impl Send for Home {}
// SAFETY: as above.
unsafe impl Sync for Home {}

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Home")
    }
}

impl Home {
    /// A home that the caller holds, with so many goroutines that are on their way to park.
    pub(crate) fn held(goroutines: usize) -> Arc<Self> {
        let home = Arc::new(Self::idle(goroutines));
        assert!(home.word.claim());
        home
    }

    /// An idle home with so many goroutines that are parked.
    pub(crate) fn with_parked(goroutines: usize) -> Arc<Self> {
        let home = Self::idle(goroutines);
        assert!(home.cells.iter().all(|cell| cell.park.commit()));
        Arc::new(home)
    }

    pub(crate) fn idle(goroutines: usize) -> Self {
        let cell = |number| Cell {
            number,
            next: AtomicPtr::new(ptr::null_mut()),
            park: ParkWord::new(),
            ended: Plain::new(),
            data: Plain::new(),
        };
        let inner = HomeInner {
            queued: vec![0; goroutines],
            ..HomeInner::default()
        };
        Self {
            word: HomeWord::new(),
            late: Mutex::default(),
            inner: UnsafeCell::new(inner),
            queued: AtomicBool::new(false),
            note: Plain::new(),
            cells: (0..goroutines).map(cell).collect(),
        }
    }

    /// The inner part; for the holder.
    #[track_caller]
    pub(crate) fn hold<R>(&self, f: impl FnOnce(&mut HomeInner) -> R) -> R {
        // SAFETY: loom checks that nobody else is in here.
        self.inner.with_mut(|inner| f(unsafe { &mut *inner }))
    }

    /// Whoever uses a goroutine's cell: it must not have ended before, and its end must be ordered
    /// after this.
    #[track_caller]
    fn touch(&self, task: usize) {
        assert_eq!(self.cells[task].ended.get(), 0, "used after its end");
    }

    /// The goroutine ends, and its cell is freed.
    pub(crate) fn end(&self, task: usize) {
        self.cells[task].ended.set(1);
    }

    /// As `Held::unpark`.
    pub(crate) fn unpark_held(&self, task: usize) {
        self.touch(task);
        self.hold(|inner| {
            if self.cells[task].park.notify() == Woken::Enqueue {
                inner.woken.push_back(task);
                inner.queued[task] += 1;
            }
        });
    }

    /// As `Held::time_out`.
    pub(crate) fn time_out_held(&self, task: usize) {
        self.touch(task);
        self.hold(|inner| {
            if self.cells[task].park.time_out() == Woken::Enqueue {
                inner.due.push_back(task);
                inner.queued[task] += 1;
            }
        });
    }

    /// As `submit::unpark_in`.
    pub(crate) fn unpark(&self, task: usize) {
        // The cell says which home is the goroutine's.
        self.touch(task);
        if self.word.claim() {
            self.unpark_held(task);
            self.schedule();
        } else {
            self.send(task);
        }
    }

    /// As `submit::send`.
    pub(crate) fn send(&self, task: usize) {
        if self.push(task) == Told::Holder {
            self.schedule();
        }
    }

    pub(crate) fn push(&self, task: usize) -> Told {
        // SAFETY: the cells live as long as the home; the caller has the goroutine's one unpark.
        unsafe { self.word.push(NonNull::from(&self.cells[task])) }
    }

    /// As `Held::end`: the goroutines that had come in.
    pub(crate) fn end_home(&self) -> Vec<usize> {
        self.numbers(self.word.end().oldest)
    }

    /// As `submit::poke`.
    pub(crate) fn poke(&self) {
        if self.word.poke() == Told::Holder {
            self.schedule();
        }
    }

    /// As `submit::time_out`, by somebody who is not in this home.
    pub(crate) fn time_out(&self, task: usize) {
        self.touch(task);
        if self.word.claim() {
            self.time_out_held(task);
            self.schedule();
        } else if self.add_late(task) {
            self.poke();
        }
    }

    /// As `Home::add_late`.
    fn add_late(&self, task: usize) -> bool {
        let mut late = self.late.lock().unwrap();
        late.push(task);
        late.len() == 1
    }

    /// As `Held::take_late`.
    pub(crate) fn take_late(&self) {
        let late = mem::take(&mut *self.late.lock().unwrap());
        for task in late {
            self.time_out_held(task);
        }
    }

    /// As `Held::take_arrivals`.
    pub(crate) fn take_arrivals(&self) {
        if !self.word.has_arrivals() {
            return;
        }
        let Arrivals { oldest, poked } = self.word.take();
        let arrived = self.numbers(oldest);
        arrived.into_iter().for_each(|task| self.unpark_held(task));
        if poked {
            self.hold(|inner| inner.pokes += 1);
            self.take_late();
        }
    }

    /// The goroutines of a chain that was taken out of the inbox, in its order.
    pub(crate) fn numbers(&self, mut next: *mut Cell) -> Vec<usize> {
        let mut numbers = Vec::new();
        // SAFETY: taken out of the inbox, and the cells live as long as the home.
        while let Some(cell) = unsafe { next.as_ref() } {
            next = cell.next.load(Ordering::Relaxed);
            numbers.push(cell.number);
        }
        numbers
    }

    /// Puts the home, which the caller holds, into the queue.
    pub(crate) fn schedule(&self) {
        // Release: as every queue does.
        let put = self
            .queued
            .compare_exchange(false, true, Ordering::Release, Ordering::Relaxed);
        assert!(put.is_ok(), "a home is in the queue twice");
    }

    /// Takes the home out of the queue. True: the caller holds it now.
    pub(crate) fn take_queued(&self) -> bool {
        // Acquire: as every queue does.
        self.queued
            .compare_exchange(true, false, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// The goroutine that is to run next in this home, which the caller is in.
    pub(crate) fn next(&self) -> Option<usize> {
        self.take_arrivals();
        self.hold(|inner| inner.woken.pop_front().or_else(|| inner.due.pop_front()))
    }

    /// As `visit::put_back`.
    pub(crate) fn put_back(&self) {
        let is_ready = self.hold(|inner| !inner.woken.is_empty() || !inner.due.is_empty());
        if is_ready || self.word.has_arrivals() || !self.word.give_back() {
            self.schedule();
        }
    }

    /// One stay of a worker that holds the home. Calls `run` with each goroutine that can run.
    pub(crate) fn stay(&self, mut run: impl FnMut(usize)) {
        while let Some(task) = self.next() {
            run(task);
        }
        self.put_back();
    }

    /// One turn of a worker that may find the home in the queue.
    pub(crate) fn turn(&self, run: impl FnMut(usize)) {
        if self.take_queued() {
            self.stay(run);
        }
    }

    /// Runs a goroutine that waited for its unpark only.
    pub(crate) fn run(&self, task: usize) {
        self.cells[task].park.take();
        self.look_at(task);
    }

    /// Reads what the waker of a goroutine wrote; for whoever has taken it in.
    pub(crate) fn look_at(&self, task: usize) {
        // Each waker writes its goroutine's number, and one.
        assert_eq!(self.cells[task].data.get(), task as u32 + 1);
    }

    /// What each waker does before it wakes.
    pub(crate) fn write_data(&self, task: usize) {
        self.cells[task].data.set(task as u32 + 1);
    }

    /// How often a goroutine was queued; for the holder.
    pub(crate) fn times_queued(&self, task: usize) -> u32 {
        self.hold(|inner| inner.queued[task])
    }

    /// The goroutine parks again: it may be queued once more; for the holder.
    pub(crate) fn forget_queued(&self, task: usize) {
        self.hold(|inner| inner.queued[task] -= 1);
    }

    /// How often a holder saw a poke; for the holder.
    pub(crate) fn pokes(&self) -> u32 {
        self.hold(|inner| inner.pokes)
    }

    /// When all others have ended: works off the queue; then the home is idle and nothing is left
    /// in it. The caller holds it after.
    pub(crate) fn finish(&self, mut run: impl FnMut(usize)) {
        while self.take_queued() {
            self.stay(&mut run);
        }
        assert!(self.word.claim(), "busy, but neither held nor in a queue");
        assert!(self.late.lock().unwrap().is_empty());
        let is_ready = self.hold(|inner| !inner.woken.is_empty() || !inner.due.is_empty());
        assert!(!is_ready, "idle, but somebody can run");
    }
}
