//! Protocol P for homed goroutines: the home's thread alone changes the park word; from elsewhere the arrival in the home's inbox is the unpark.
//!
//! The model's main thread is the home: worker and goroutine in one, as they are one thread in life.

use crate::runtime::{
    models::{Flag, Plain, check},
    prims::AtomicPtr,
    sched::inbox::{Inbox, Linked},
    task::state::{ParkWord, Woken},
};
use loom::{
    sync::{Arc, atomic::Ordering},
    thread::{self, JoinHandle},
};
use std::{
    cell::Cell as StdCell,
    ptr::{self, NonNull},
};

/// A goroutine's cell.
struct Cell {
    next: AtomicPtr<Cell>,
    park: ParkWord,
    /// The waker's writes.
    data: Plain,
    /// The list where the waker finds the unparker.
    published: Flag,
}

// SAFETY: one field, which only the list writes.
unsafe impl Linked for Cell {
    fn next(&self) -> &AtomicPtr<Self> {
        &self.next
    }
}

impl Cell {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            next: AtomicPtr::new(ptr::null_mut()),
            park: ParkWord::new(),
            data: Plain::new(),
            published: Flag::new(),
        })
    }
}

/// A worker, as far as waking goes.
struct Home {
    inbox: Arc<Inbox<Cell>>,
    /// How often a goroutine was put into a queue.
    queued: StdCell<usize>,
}

impl Home {
    fn new() -> Self {
        Self {
            inbox: Arc::new(Inbox::new()),
            queued: StdCell::new(0),
        }
    }

    /// A waker on another thread: claims `cell`'s unparker once it is published, and uses it.
    fn waker(&self, cell: &Arc<Cell>, data: u32) -> JoinHandle<()> {
        let (inbox, cell) = (Arc::clone(&self.inbox), Arc::clone(cell));
        thread::spawn(move || {
            cell.published.take_over();
            cell.data.set(data);
            // SAFETY: alive as long as the model, claimed by us, and in no list.
            unsafe { inbox.push(NonNull::new_unchecked(Arc::as_ptr(&cell).cast_mut())) };
        })
    }

    /// As `WorkerCore::take_inbox`.
    fn take_inbox(&self) {
        let mut next = self.inbox.take_all();
        // SAFETY: from `waker`, alive as long as the model.
        while let Some(cell) = unsafe { next.as_ref() } {
            next = cell.next.load(Ordering::Relaxed);
            self.count(&cell.park.notify_home());
        }
    }

    fn count(&self, woken: &Woken) {
        if *woken == Woken::Enqueue {
            self.queued.set(self.queued.get() + 1);
        }
    }

    /// Looks into the inbox until so many have been queued.
    fn run_until_queued(&self, times: usize) {
        while self.queued.get() < times {
            thread::yield_now();
            self.take_inbox();
        }
        assert_eq!(self.queued.get(), times);
    }
}

#[test]
fn an_arrival_is_the_unpark_early_or_late() {
    check(|| {
        let (home, cell) = (Home::new(), Cell::new());
        let waker = home.waker(&cell, 7);
        cell.published.hand_over();
        // More than happens in life: a look into the inbox while the goroutine is on its way.
        home.take_inbox();
        if !cell.park.take_early() {
            assert!(cell.park.commit());
            home.run_until_queued(1);
            cell.park.take();
        }
        assert_eq!(cell.data.get(), 7);
        waker.join().unwrap();
        home.take_inbox();
        assert!(!cell.park.take_early(), "woken twice");
    });
}

#[test]
fn two_parks_take_their_own_arrivals() {
    check(|| {
        let (home, cell) = (Home::new(), Cell::new());
        for park in 1..=2 {
            let waker = home.waker(&cell, park);
            cell.published.hand_over();
            home.take_inbox();
            if cell.park.take_early() {
                home.queued.set(home.queued.get() + 1);
            } else {
                assert!(cell.park.commit());
                home.run_until_queued(park as usize);
                cell.park.take();
            }
            assert_eq!(cell.data.get(), park);
            waker.join().unwrap();
            cell.published.clear();
        }
    });
}

#[test]
fn two_goroutines_of_a_home_are_both_woken() {
    check(|| {
        let home = Home::new();
        let cells = [Cell::new(), Cell::new()];
        cells.iter().for_each(|cell| cell.published.hand_over());
        let wakers = [1, 2].map(|n| home.waker(&cells[n as usize - 1], n));
        let mut parked = [true; 2];
        for (cell, parks) in cells.iter().zip(&mut parked) {
            home.take_inbox();
            *parks = !cell.park.take_early();
            assert!(!*parks || cell.park.commit());
        }
        for waker in wakers {
            waker.join().unwrap();
        }
        home.take_inbox();
        assert_eq!(home.queued.get(), parked.iter().filter(|p| **p).count());
        for ((cell, parks), data) in cells.iter().zip(parked).zip(1..) {
            if parks {
                cell.park.take();
            }
            assert_eq!(cell.data.get(), data);
        }
    });
}

/// The deadline passes on the home's thread, before or after the arrival. The goroutine is queued once, and if the deadline ended the park it
/// parks once more for the arrival, which finds the cell's link unused: who waits in `due` is not linked.
#[test]
fn deadline_and_arrival_queue_once() {
    check(|| {
        let (home, cell) = (Home::new(), Cell::new());
        let waker = home.waker(&cell, 7);
        cell.published.hand_over();
        if cell.park.take_early() {
            unreachable!("nobody has looked into the inbox");
        }
        assert!(cell.park.commit());
        home.take_inbox();
        home.count(&cell.park.time_out_home());
        // It waits in a queue, woken or due; the arrival may come meanwhile.
        home.take_inbox();
        assert_eq!(home.queued.get(), 1);
        if !cell.park.take_timed() {
            // The unparker is claimed, so its arrival is owed.
            home.take_inbox();
            if !cell.park.take_early() {
                assert!(cell.park.commit());
                home.run_until_queued(2);
                cell.park.take();
            }
        }
        assert_eq!(cell.data.get(), 7);
        waker.join().unwrap();
        home.take_inbox();
        assert!(!cell.park.take_early(), "woken twice");
    });
}

/// A waker that the goroutine's own thread runs, after the look for an early wake.
#[test]
fn a_wake_on_the_way_makes_the_commit_fail() {
    check(|| {
        let cell = Cell::new();
        assert!(!cell.park.take_early());
        assert_eq!(cell.park.notify_home(), Woken::Nothing);
        assert!(!cell.park.commit());
        cell.park.take();
        assert!(!cell.park.take_early());
    });
}
