//! Workers that sleep and are woken, with the real counts, sleep words and state words; for
//! `waking`. Each has a home of its own that is not lent. What `scheduler.rs`, `idle/search.rs`,
//! `idle/sleep.rs` and `worker/tour.rs` do with the words is repeated here.

use crate::runtime::{
    models::Plain,
    prims::{AtomicPtr, AtomicU32, AtomicUsize, Ordering, fence},
    sched::{
        home::word::{HomeWord, InboxNode, Told},
        idle::{
            counts::IdleCounts,
            sleep_word::{Awoken, SleepWord, Sleeper},
        },
    },
};
use loom::{
    sync::Arc,
    thread::{self, Thread},
};
use std::{
    ptr::{self, NonNull},
    sync::OnceLock,
};

/// A goroutine, as far as queues go.
#[repr(align(8))]
struct Node {
    next: AtomicPtr<Node>,
}

// SAFETY: one field, which only the list writes.
unsafe impl InboxNode for Node {
    fn next(&self) -> &AtomicPtr<Self> {
        &self.next
    }
}

struct Worker {
    /// Set by the worker before it first announces its sleep. Not loom's: it orders nothing in the
    /// model.
    thread: OnceLock<Thread>,
    sleep: SleepWord,
    /// The state word of its home, which no other worker enters.
    home: HomeWord<Node>,
    /// What pokes are about; a place of its own, as the list of those whose deadline has passed.
    late: AtomicUsize,
    /// Timers that a plain thread has set for this worker, and that are due at once.
    timers: AtomicUsize,
}

// SAFETY: the nodes are boxes that are handed over.
unsafe impl Send for Worker {}
// SAFETY: as above.
unsafe impl Sync for Worker {}

/// As the scheduler, with an injector that counts.
pub(crate) struct Workers {
    pub(crate) idle: IdleCounts,
    workers: Vec<Worker>,
    /// How many of them are regular; the others are spares that are not needed.
    regular: usize,
    injected: AtomicUsize,
    /// Ends of goroutines that are still to come; none: the workers leave.
    left: AtomicUsize,
    closing: AtomicU32,
    /// What a worker or a waker did.
    pub(crate) turns: Plain,
}

impl Workers {
    pub(crate) fn new(regular: usize, spares: usize, goroutines: usize) -> Arc<Self> {
        let worker = |_| Worker {
            thread: OnceLock::new(),
            sleep: SleepWord::new(),
            home: HomeWord::new(),
            late: AtomicUsize::new(0),
            timers: AtomicUsize::new(0),
        };
        Arc::new(Self {
            idle: IdleCounts::new(regular),
            workers: (0..regular + spares).map(worker).collect(),
            regular,
            injected: AtomicUsize::new(0),
            left: AtomicUsize::new(goroutines),
            closing: AtomicU32::new(0),
            turns: Plain::new(),
        })
    }

    pub(crate) fn sleep_word(&self, i: usize) -> &SleepWord {
        &self.workers[i].sleep
    }

    fn is_needed(&self, i: usize) -> bool {
        i < self.regular
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed) != 0
    }

    fn has_public_work(&self) -> bool {
        self.injected.load(Ordering::Relaxed) != 0
    }

    /// `Scheduler::inject`, with `offer`.
    pub(crate) fn inject(&self) {
        self.injected.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.wake_one();
    }

    /// `Scheduler::wake_one`.
    fn wake_one(&self) {
        let word = |i: usize| &self.workers[i].sleep;
        let woken = self
            .idle
            .wake_one(self.workers.len(), word, || self.has_public_work());
        if let Some(i) = woken {
            self.unpark(i);
        }
    }

    /// In the place of `futex::wake_one`.
    fn unpark(&self, i: usize) {
        if let Some(thread) = self.workers[i].thread.get() {
            thread.unpark();
        }
    }

    /// `submit::send` to a home that is not lent.
    pub(crate) fn deliver(&self, i: usize) {
        let node = NonNull::from(Box::leak(Box::new(Node {
            next: AtomicPtr::new(ptr::null_mut()),
        })));
        // SAFETY: from a box, in no list, and given up.
        if unsafe { self.workers[i].home.push(node) } == Told::Holder {
            self.wake(i);
        }
    }

    /// `submit::time_out` for a home that is not lent.
    pub(crate) fn poke(&self, i: usize) {
        self.workers[i].late.fetch_add(1, Ordering::Relaxed);
        if self.workers[i].home.poke() == Told::Holder {
            self.wake(i);
        }
    }

    /// `later::spawn_delayed` by a plain thread (T4).
    pub(crate) fn set_timer(&self, i: usize) {
        self.workers[i].timers.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.wake(i);
    }

    /// `Scheduler::wake`.
    pub(crate) fn wake(&self, i: usize) {
        let Some(sleeper) = self.workers[i].sleep.wake_to_work() else {
            return;
        };
        if sleeper == Sleeper::Counted {
            self.idle.remove_sleeper();
        }
        self.unpark(i);
    }

    fn take_injected(&self) -> bool {
        take_one(&self.injected)
    }

    /// A stay in the worker's home, if it is busy: takes all that has come in, and gives the home
    /// back, or leaves it busy.
    fn visit(&self, i: usize) -> usize {
        let worker = &self.workers[i];
        if !worker.home.is_busy() {
            return 0;
        }
        let mut n = 0;
        if worker.home.has_arrivals() {
            let arrivals = worker.home.take();
            let mut next = arrivals.oldest;
            while !next.is_null() {
                // SAFETY: from a box, and taken out of the list by us.
                next = unsafe { Box::from_raw(next) }.next.load(Ordering::Relaxed);
                n += 1;
            }
            if arrivals.poked {
                let late = worker.late.swap(0, Ordering::Relaxed);
                assert!(late > 0, "poked, but for nothing");
                n += late;
            }
        }
        // If it fails the home stays busy, and the worker sees that.
        let _is_idle = worker.home.give_back();
        n
    }

    /// Goroutines run to their end; the last one lets the workers leave.
    pub(crate) fn ran(&self, n: usize) {
        if self.left.fetch_sub(n, Ordering::AcqRel) == n {
            // `Scheduler::close`, then what `launch::stop` does again and again.
            self.closing.fetch_or(1, Ordering::SeqCst);
            for i in 0..self.workers.len() {
                self.wake(i);
            }
        }
    }

    /// `search::look`: one search, without the time. `counted`: it was counted by its waker.
    pub(crate) fn look(&self, counted: bool) -> bool {
        if !counted && !self.idle.start_search() {
            return self.take_injected();
        }
        let found = self.take_injected();
        self.end_search();
        found
    }

    /// `Scheduler::end_search`.
    fn end_search(&self) {
        if self.idle.end_search(|| self.has_public_work()) {
            self.wake_one();
        }
    }

    /// What waits at the worker itself, as `search::own`. How many have run.
    fn run_own(&self, i: usize) -> usize {
        let n = usize::from(take_one(&self.workers[i].timers)) + self.visit(i);
        if n != 0 {
            self.ran(n);
        }
        n
    }

    /// `search::search` again and again.
    pub(crate) fn run(&self, i: usize) {
        let _ = self.workers[i].thread.set(thread::current());
        let mut counted = false;
        loop {
            if self.is_closing() {
                if counted {
                    self.end_search();
                }
                return;
            }
            let found = self.is_needed(i) && self.look(counted);
            assert!(self.is_needed(i) || !counted, "a spare was woken to search");
            if found {
                self.ran(1);
            }
            if found || self.run_own(i) != 0 {
                counted = false;
                continue;
            }
            counted = self.sleep(i);
            if !counted {
                self.run_own(i);
            }
        }
    }

    /// `sleep::sleep`.
    fn sleep(&self, i: usize) -> bool {
        let worker = &self.workers[i];
        let sleeper = if self.is_needed(i) {
            Sleeper::Counted
        } else {
            Sleeper::Uncounted
        };
        self.idle.announce(&worker.sleep, sleeper);
        let has_work = worker.home.is_busy()
            || self.is_closing()
            || (sleeper == Sleeper::Counted && self.has_public_work());
        if !has_work {
            while worker.sleep.is_asleep() && worker.timers.load(Ordering::Relaxed) == 0 {
                thread::park();
            }
        }
        self.idle.get_up(&worker.sleep) == Awoken::ToSearch
    }

    /// No count has gone below zero, which would read as very many.
    pub(crate) fn assert_sane(&self) {
        assert!(self.idle.sleeping() < 8 && self.idle.searching() < 8);
    }

    pub(crate) fn assert_quiet(&self) {
        assert_eq!((self.idle.sleeping(), self.idle.searching()), (0, 0));
        assert!(!self.has_public_work());
    }
}

fn take_one(count: &AtomicUsize) -> bool {
    let mut n = count.load(Ordering::Relaxed);
    while n != 0 {
        match count.compare_exchange(n, n - 1, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(now) => n = now,
        }
    }
    false
}
