//! Protocol H: nobody who is woken in a home is lost, never are there two holders, and each holder sees what the last one
//! and the wakers did.
//!
//! The danger: a waker finds the home held and leaves its goroutine in the inbox, while the holder gives the home back
//! without having seen it; or two threads both believe that they hold the home.
//!
//! What only a holder may touch is a loom cell, which reports two that touch it at once, or one that does not see what
//! the last one did.

use crate::runtime::{
    models::check,
    prims::AtomicPtr,
    sched::home::word::{HomeWord, Linked, Told, reverse},
    task::state::{ParkWord, Woken},
};
use loom::{
    cell::UnsafeCell,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use std::ptr::{self, NonNull};

/// A goroutine's cell.
struct Node {
    next: AtomicPtr<Node>,
    park: ParkWord,
    /// What its waker wrote.
    data: UnsafeCell<u32>,
}

// SAFETY: one field, which only the list writes.
unsafe impl Linked for Node {
    fn next(&self) -> &AtomicPtr<Self> {
        &self.next
    }
}

/// A home with a queue of its own, in which only it can be.
struct Home {
    word: HomeWord<Node>,
    /// How many goroutines have been queued in the home: the holder's.
    woken: UnsafeCell<usize>,
    /// Goroutines whose deadline has passed.
    late: Mutex<usize>,
    /// How often the home stands in the queue: 0 or 1.
    queued: AtomicUsize,
}

// SAFETY: the protocol, which is under test, says who may touch the cells.
unsafe impl Send for Home {}
// SAFETY: as above.
unsafe impl Sync for Home {}

impl Home {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            word: HomeWord::new(),
            woken: UnsafeCell::new(0),
            late: Mutex::new(0),
            queued: AtomicUsize::new(0),
        })
    }

    /// As the holder: one more goroutine is queued in the home.
    fn add(&self, n: usize) {
        // SAFETY: loom reports it if another one touches it now.
        self.woken.with_mut(|woken| unsafe { *woken += n });
    }

    /// The holder queues the home. Release, as every queue does.
    fn schedule(&self) {
        let before = self.queued.fetch_add(1, Ordering::Release);
        assert_eq!(before, 0, "the home is queued twice");
    }

    /// `submit::unpark_in`: of a goroutine that is parked.
    fn unpark(&self, node: NonNull<Node>) {
        // SAFETY: alive as long as the model; the waker's own before it is handed over.
        unsafe { node.as_ref() }
            .data
            .with_mut(|data| unsafe { *data = 7 });
        if self.word.claim() {
            self.notify(node);
            self.schedule();
        // SAFETY: in no list, alive as long as the model, and given up.
        } else if unsafe { self.word.push(node) } == Told::Holder {
            self.schedule();
        }
    }

    /// As the holder: the one unpark of a park.
    fn notify(&self, node: NonNull<Node>) {
        // SAFETY: alive as long as the model.
        let node = unsafe { node.as_ref() };
        // SAFETY: loom reports it if the waker's write is not seen.
        node.data.with(|data| assert_eq!(unsafe { *data }, 7));
        if node.park.notify() == Woken::Enqueue {
            self.add(1);
        }
    }

    /// `submit::time_out`.
    fn time_out(&self) {
        if self.word.claim() {
            self.add(1);
            self.schedule();
            return;
        }
        let is_first = {
            let mut late = self.late.lock().unwrap();
            *late += 1;
            *late == 1
        };
        if is_first && self.word.poke() == Told::Holder {
            self.schedule();
        }
    }

    /// A stay of the holder: takes in what has come.
    fn take_arrivals(&self) {
        if !self.word.has_arrivals() {
            return;
        }
        let arrivals = self.word.take();
        let mut next = arrivals.oldest;
        while let Some(node) = NonNull::new(next) {
            // SAFETY: taken from the inbox, so ours.
            next = unsafe { node.as_ref() }.next.load(Ordering::Relaxed);
            self.notify(node);
        }
        if arrivals.poked {
            let late = std::mem::take(&mut *self.late.lock().unwrap());
            self.add(late);
        }
    }

    /// A worker: enters the home when it is queued, until so many have been woken.
    fn work_until(&self, woken: usize) {
        loop {
            while self.queued.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            // Acquire: as every queue.
            self.queued.fetch_sub(1, Ordering::Acquire);
            loop {
                self.take_arrivals();
                // SAFETY: as in `add`.
                let now = self.woken.with(|woken| unsafe { *woken });
                assert!(now <= woken, "woken twice");
                if now == woken {
                    return;
                }
                if self.word.give_back() {
                    break;
                }
            }
        }
    }
}

/// Goroutines that are parked, and that each have one waker.
fn parked(n: usize) -> Vec<usize> {
    let node = || {
        let park = ParkWord::new();
        assert!(park.commit());
        let node = Box::new(Node {
            next: AtomicPtr::new(ptr::null_mut()),
            park,
            data: UnsafeCell::new(0),
        });
        Box::into_raw(node).addr()
    };
    (0..n).map(|_| node()).collect()
}

fn at(node: usize) -> NonNull<Node> {
    NonNull::new(ptr::with_exposed_provenance_mut(node)).unwrap()
}

fn free(nodes: Vec<usize>) {
    for node in nodes {
        // SAFETY: from a box in `parked`, and no longer in use.
        drop(unsafe { Box::from_raw(at(node).as_ptr()) });
    }
}

#[test]
fn two_wakers_and_a_worker() {
    check(|| {
        let (home, nodes) = (Home::new(), parked(2));
        let wakers: Vec<_> = nodes
            .iter()
            .map(|&node| {
                let home = Arc::clone(&home);
                thread::spawn(move || home.unpark(at(node)))
            })
            .collect();
        home.work_until(2);
        wakers.into_iter().for_each(|w| w.join().unwrap());
        assert_eq!(home.queued.load(Ordering::Relaxed), 0);
        free(nodes);
    });
}

#[test]
fn a_waker_a_timer_and_a_worker() {
    check(|| {
        let (home, nodes) = (Home::new(), parked(1));
        let (waker, node) = (Arc::clone(&home), nodes[0]);
        let waker = thread::spawn(move || waker.unpark(at(node)));
        let timer = Arc::clone(&home);
        let timer = thread::spawn(move || timer.time_out());
        home.work_until(2);
        waker.join().unwrap();
        timer.join().unwrap();
        free(nodes);
    });
}

/// A goroutine that publishes its unparker while it runs: the wake-up comes before its park, during it, or after it.
#[test]
fn a_waker_and_a_goroutine_that_parks() {
    check(|| {
        let home = Home::new();
        let node = Box::into_raw(Box::new(Node {
            next: AtomicPtr::new(ptr::null_mut()),
            park: ParkWord::new(),
            data: UnsafeCell::new(0),
        }))
        .addr();
        // The goroutine runs in the home.
        assert!(home.word.claim());
        let waker = Arc::clone(&home);
        let waker = thread::spawn(move || waker.unpark(at(node)));
        // SAFETY: alive as long as the model.
        let park = unsafe { &at(node).as_ref().park };
        // Nobody but the holder unparks it, so nothing has come yet.
        assert!(!park.take_early());
        assert!(park.commit());
        // The root goes on, and leaves the home when nothing has come in.
        home.take_arrivals();
        // SAFETY: as in `add`.
        let is_woken = home.woken.with(|woken| unsafe { *woken }) == 1;
        if !is_woken && home.word.give_back() {
            home.work_until(1);
        } else if !is_woken {
            home.take_arrivals();
        }
        // SAFETY: as in `add`; the home is held.
        assert_eq!(home.woken.with(|woken| unsafe { *woken }), 1);
        park.take();
        waker.join().unwrap();
        free(vec![node]);
    });
}

/// The monitor takes arrivals from a holder that may be busy for long, and sends them again.
#[test]
fn the_monitor_loses_nothing() {
    check(|| {
        let (home, nodes) = (Home::new(), parked(1));
        let (waker, node) = (Arc::clone(&home), nodes[0]);
        let waker = thread::spawn(move || waker.unpark(at(node)));
        let monitor = Arc::clone(&home);
        let monitor = thread::spawn(move || {
            // SAFETY: taken out, so ours.
            let mut next = unsafe { reverse(monitor.word.take_from_holder()) };
            while let Some(node) = NonNull::new(next) {
                // SAFETY: as above.
                next = unsafe { node.as_ref() }.next.load(Ordering::Relaxed);
                // SAFETY: ours, and given up.
                if unsafe { monitor.word.push(node) } == Told::Holder {
                    monitor.schedule();
                }
            }
        });
        home.work_until(1);
        waker.join().unwrap();
        monitor.join().unwrap();
        free(nodes);
    });
}
