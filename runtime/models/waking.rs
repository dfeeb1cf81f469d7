//! Protocol S: no work is left while a worker sleeps unwoken, and the counts end as they began.
//!
//! The public queue is a `Relaxed` counter: all order between it and the counts is the protocol's. A wake-up that is lost leaves its worker asleep for
//! ever, which loom reports as a deadlock.

use crate::runtime::{
    models::{Flag, check},
    prims::{AtomicPtr, AtomicUsize, Ordering, fence},
    sched::{
        home::word::{HomeWord, Linked},
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
struct Node {
    next: AtomicPtr<Node>,
}

// SAFETY: one field, which only the list writes.
unsafe impl Linked for Node {
    fn next(&self) -> &AtomicPtr<Self> {
        &self.next
    }
}

struct Worker {
    /// Set by the worker before it first announces its sleep. Not loom's: it orders nothing in the model.
    thread: OnceLock<Thread>,
    sleep: SleepWord,
    /// Its only home: as where homes are not lent.
    home: HomeWord<Node>,
}

/// As the scheduler, with an injector that counts.
struct Workers {
    idle: IdleCounts,
    workers: Vec<Worker>,
    injected: AtomicUsize,
    /// Ends of goroutines that are still to come; none: the workers leave.
    left: AtomicUsize,
    closing: Flag,
}

impl Workers {
    fn new(workers: usize, goroutines: usize) -> Arc<Self> {
        let worker = || Worker {
            thread: OnceLock::new(),
            sleep: SleepWord::new(),
            home: HomeWord::new(),
        };
        Arc::new(Self {
            idle: IdleCounts::new(workers),
            workers: (0..workers).map(|_| worker()).collect(),
            injected: AtomicUsize::new(0),
            left: AtomicUsize::new(goroutines),
            closing: Flag::new(),
        })
    }

    fn has_work(&self) -> bool {
        self.injected.load(Ordering::Relaxed) != 0
    }

    /// `Scheduler::inject`.
    fn inject(&self) {
        self.injected.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.wake_one();
    }

    /// `Scheduler::wake_one`.
    fn wake_one(&self) {
        let word = |i: usize| &self.workers[i].sleep;
        let woken = self
            .idle
            .wake_one(self.workers.len(), word, || self.has_work());
        if let Some(i) = woken {
            self.unpark(i);
        }
    }

    fn unpark(&self, i: usize) {
        if let Some(thread) = self.workers[i].thread.get() {
            thread.unpark();
        }
    }

    /// `submit::send` to a home that is not lent.
    fn deliver(&self, i: usize) {
        let node = Box::new(Node {
            next: AtomicPtr::new(ptr::null_mut()),
        });
        // SAFETY: from a box, in no list, and given up.
        let _told = unsafe { self.workers[i].home.push(NonNull::from(Box::leak(node))) };
        self.wake(i);
    }

    /// `Scheduler::wake`.
    fn wake(&self, i: usize) {
        if let Some(sleeper) = self.workers[i].sleep.wake_to_work() {
            if sleeper == Sleeper::Counted {
                self.idle.remove_sleeper();
            }
            self.unpark(i);
        }
    }

    fn take_injected(&self) -> bool {
        let mut n = self.injected.load(Ordering::Relaxed);
        while n != 0 {
            let taken =
                self.injected
                    .compare_exchange(n, n - 1, Ordering::Relaxed, Ordering::Relaxed);
            match taken {
                Ok(_) => return true,
                Err(now) => n = now,
            }
        }
        false
    }

    /// Enters the home if it is busy, and gives it back when nothing more has come in.
    fn take_inbox(&self, i: usize) -> usize {
        let home = &self.workers[i].home;
        if !home.is_busy() {
            return 0;
        }
        let mut n = 0;
        loop {
            let mut next = home.take().oldest;
            while !next.is_null() {
                // SAFETY: from a box, and taken out of the list by us.
                next = unsafe { Box::from_raw(next) }.next.load(Ordering::Relaxed);
                n += 1;
            }
            if home.give_back() {
                return n;
            }
        }
    }

    /// Goroutines run to their end; the last one lets the workers leave.
    fn ran(&self, n: usize) {
        if self.left.fetch_sub(n, Ordering::AcqRel) == n {
            self.closing.set();
            // As `launch::stop`, which repeats itself until all have gone: here a fence does.
            fence(Ordering::SeqCst);
            for i in 0..self.workers.len() {
                self.wake(i);
            }
        }
    }

    /// `idle::search::search`, with `own` and `look`.
    fn run(&self, i: usize) {
        let _ = self.workers[i].thread.set(thread::current());
        let mut searching = false;
        while !self.closing.is_set() {
            let own = if searching { 0 } else { self.take_inbox(i) };
            if own != 0 {
                self.ran(own);
                continue;
            }
            let counted = searching || self.idle.start_search();
            let found = self.take_injected();
            if counted && self.idle.end_search(|| self.has_work()) {
                self.wake_one();
            }
            if found {
                self.ran(1);
                searching = false;
                continue;
            }
            let own = self.take_inbox(i);
            if own != 0 {
                self.ran(own);
            }
            searching = own == 0 && self.sleep(i);
        }
        if searching {
            let _ = self.idle.end_search(|| false);
        }
    }

    /// `idle::sleep::sleep`.
    fn sleep(&self, i: usize) -> bool {
        let worker = &self.workers[i];
        self.idle.announce(&worker.sleep, Sleeper::Counted);
        if !worker.home.is_busy() && !self.closing.is_set() && !self.has_work() {
            while worker.sleep.is_asleep() {
                thread::park();
            }
        }
        self.idle.get_up(&worker.sleep) == Awoken::ToSearch
    }

    fn assert_quiet(&self) {
        assert_eq!((self.idle.sleeping(), self.idle.searching()), (0, 0));
        assert!(!self.has_work());
    }
}

/// Runs workers 1.. on threads of their own and worker 0 here, beside what `outside` does.
fn with_workers(
    workers: usize,
    goroutines: usize,
    outside: impl FnOnce(&Workers) + Send + 'static,
) {
    let all = Workers::new(workers, goroutines);
    let mut threads: Vec<_> = (1..workers)
        .map(|i| {
            let all = Arc::clone(&all);
            thread::spawn(move || all.run(i))
        })
        .collect();
    let for_outside = Arc::clone(&all);
    threads.push(thread::spawn(move || outside(&for_outside)));
    all.run(0);
    for thread in threads {
        thread.join().unwrap();
    }
    all.assert_quiet();
}

#[test]
fn a_delivery_finds_its_worker() {
    check(|| with_workers(1, 2, |all| (0..2).for_each(|_| all.deliver(0))));
}

#[test]
fn an_injection_finds_a_worker() {
    check(|| with_workers(1, 2, |all| (0..2).for_each(|_| all.inject())));
}

#[test]
fn an_injection_finds_one_of_two_workers() {
    check(|| with_workers(2, 1, |all| all.inject()));
}

#[test]
fn a_delivery_and_an_injection_find_their_workers() {
    check(|| {
        with_workers(2, 2, |all| {
            all.deliver(0);
            all.inject();
        });
    });
}

/// One of them may find the other's claim for a searcher, and that find nobody to wake.
#[test]
fn two_injections_find_a_worker() {
    check(|| {
        let all = Workers::new(1, 2);
        let outside = [(); 2].map(|()| {
            let all = Arc::clone(&all);
            thread::spawn(move || all.inject())
        });
        all.run(0);
        outside.into_iter().for_each(|t| t.join().unwrap());
        all.assert_quiet();
    });
}

/// What a searcher takes on itself: it may have work of its own when it stops, and run that for ever; the other worker must be woken then.
#[test]
fn a_searcher_that_stops_leaves_nothing_behind() {
    check(|| {
        let all = Workers::new(2, 1);
        let sleeper = {
            let all = Arc::clone(&all);
            thread::spawn(move || all.run(1))
        };
        let outside = {
            let all = Arc::clone(&all);
            thread::spawn(move || all.inject())
        };
        // Worker 0 searches once, then turns to something long of its own.
        let counted = all.idle.start_search();
        let found = all.take_injected();
        if counted && all.idle.end_search(|| all.has_work()) {
            all.wake_one();
        }
        if found {
            all.ran(1);
        }
        sleeper.join().unwrap();
        outside.join().unwrap();
        all.assert_quiet();
    });
}

/// A sleeper that gets up by itself (a timer) at any moment, and two wakers: each sleeper is taken off the count once, whoever does it.
#[test]
fn sleepers_are_counted_once() {
    check(|| {
        let all = Workers::new(1, 1);
        let wakers = [0, 1].map(|kind| {
            let all = Arc::clone(&all);
            thread::spawn(move || {
                match kind {
                    0 => all.wake(0),
                    _ => all.inject(),
                }
                // Never below zero, which would read as very many.
                assert!(all.idle.sleeping() < 8 && all.idle.searching() < 8);
            })
        });
        let worker = &all.workers[0];
        for _ in 0..2 {
            all.idle.announce(&worker.sleep, Sleeper::Counted);
            let awoken = all.idle.get_up(&worker.sleep);
            if awoken == Awoken::ToSearch {
                let _ = all.idle.end_search(|| false);
            }
        }
        for waker in wakers {
            waker.join().unwrap();
        }
        assert_eq!((all.idle.sleeping(), all.idle.searching()), (0, 0));
    });
}

/// M1, M2: the monitor rests only if every worker that gets up later will see that it rests.
#[test]
fn the_monitor_rests_only_while_all_sleep() {
    check(|| {
        let (word, watched) = (Arc::new(SleepWord::new()), Arc::new(Flag::new()));
        watched.set();
        word.announce(Sleeper::Counted);
        let worker = {
            let (word, watched) = (Arc::clone(&word), Arc::clone(&watched));
            thread::spawn(move || {
                let _ = word.get_up();
                fence(Ordering::SeqCst);
                !watched.is_set()
            })
        };
        watched.clear();
        fence(Ordering::SeqCst);
        let rests = word.is_asleep();
        let starts_it = worker.join().unwrap();
        assert!(!rests || starts_it);
    });
}
