//! Protocol P for goroutines that may move (`ParkWord`), and who frees a cell (`Life`).

use crate::runtime::{
    models::{Flag, Plain, check, movable},
    task::state::{Finished, Joining, Life, ParkWord, Woken},
};
use loom::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// A goroutine's cell, as far as parking goes.
struct Cell {
    park: ParkWord,
    /// The saved stack pointer: written before the commit.
    saved: Plain,
    /// The waker's writes.
    data: Plain,
    /// Times that it was put into a queue.
    queued: AtomicUsize,
    ready: Flag,
}

impl Cell {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            park: movable(),
            saved: Plain::new(),
            data: Plain::new(),
            queued: AtomicUsize::new(0),
            ready: Flag::new(),
        })
    }

    /// What whoever enqueues does: it alone, once, with the stack pointer in sight.
    fn woke(&self, woken: &Woken) {
        if *woken == Woken::Enqueue {
            assert_eq!(self.saved.get(), 1);
            self.queued.fetch_add(1, Ordering::Relaxed);
            self.ready.hand_over();
        }
    }

    /// The worker's side of a park. True: it was committed, and somebody has enqueued it.
    fn commit_and_wait(&self) -> bool {
        self.saved.set(1);
        let committed = self.park.commit();
        if committed {
            self.ready.take_over();
        }
        committed
    }
}

#[test]
fn a_wake_is_never_lost_and_its_writes_are_seen() {
    check(|| {
        let cell = Cell::new();
        let waker = Arc::clone(&cell);
        let waker = thread::spawn(move || {
            waker.data.set(7);
            waker.woke(&waker.park.notify());
        });
        if !cell.park.take_early() {
            cell.commit_and_wait();
            cell.park.take();
        }
        assert_eq!(cell.data.get(), 7);
        waker.join().unwrap();
        assert!(cell.queued.load(Ordering::Relaxed) <= 1);
    });
}

#[test]
fn two_parks_take_their_own_wakes() {
    check(|| {
        let cell = Cell::new();
        // The claim of the second park's unparker; in real life under a list's lock.
        let published = Arc::new(Flag::new());
        let second = Arc::new(Plain::new());
        let waker = (
            Arc::clone(&cell),
            Arc::clone(&published),
            Arc::clone(&second),
        );
        let waker = thread::spawn(move || {
            let (cell, published, second) = waker;
            cell.data.set(1);
            cell.woke(&cell.park.notify());
            published.take_over();
            second.set(2);
            // Two parks, two queues: `ready` served the first.
            if cell.park.notify() == Woken::Enqueue {
                published.clear();
            }
        });
        if !cell.park.take_early() {
            cell.commit_and_wait();
            cell.park.take();
        }
        assert_eq!(cell.data.get(), 1);
        published.hand_over();
        // The second wake comes early, or makes the commit fail, or finds the goroutine parked.
        if !cell.park.take_early() && !cell.park.commit() {
            cell.park.take();
            assert_eq!(second.get(), 2);
        }
        waker.join().unwrap();
        assert_eq!(second.get(), 2);
    });
}

/// A deadline, the one unpark, and a goroutine that owes a second park if the deadline came first.
#[test]
fn deadline_and_wake_enqueue_once() {
    check(|| {
        let cell = Cell::new();
        let armed = Arc::new(Flag::new());
        let timer = {
            let (cell, armed) = (Arc::clone(&cell), Arc::clone(&armed));
            thread::spawn(move || {
                // The timers' lock: it fires after it was armed.
                armed.wait();
                cell.woke(&cell.park.time_out());
            })
        };
        let waker = {
            let cell = Arc::clone(&cell);
            thread::spawn(move || {
                cell.data.set(7);
                cell.woke(&cell.park.notify());
            })
        };
        let mut notified = cell.park.take_early();
        armed.set();
        if !notified {
            cell.commit_and_wait();
            // Cancelled, or it has fired.
            timer.join().unwrap();
            assert!(cell.queued.load(Ordering::Relaxed) <= 1);
            notified = cell.park.take_timed();
        } else {
            timer.join().unwrap();
        }
        if notified {
            assert_eq!(cell.data.get(), 7);
        }
        waker.join().unwrap();
    });
}

/// The goroutine's cell and its handle, as `carry::finish`, `join` and `JoinHandle::drop` use them.
struct Joined {
    life: Life,
    park: ParkWord,
    output: Plain,
    joiner: Plain,
    freed: Plain,
    woken: Plain,
    ready: Flag,
}

impl Joined {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            life: Life::new(),
            park: movable(),
            output: Plain::new(),
            joiner: Plain::new(),
            freed: Plain::new(),
            woken: Plain::new(),
            ready: Flag::new(),
        })
    }

    fn free(&self) {
        assert_eq!(self.output.get(), 7);
        // The memory's next use.
        self.output.set(0);
        self.joiner.set(0);
        self.freed.add(1);
    }

    fn finish(&self) {
        self.output.set(7);
        if self.life.is_detached() {
            return self.free();
        }
        match self.life.finish() {
            Finished::LeftToHandle => {}
            Finished::Free => self.free(),
            Finished::WakeJoiner => {
                assert_eq!(self.joiner.get(), 1);
                self.woken.add(1);
                if self.park.notify() == Woken::Enqueue {
                    self.ready.hand_over();
                }
            }
        }
    }

    fn join(&self) {
        self.joiner.set(1);
        if !self.life.is_done() && self.life.join() == Joining::Wait {
            if !self.park.take_early() {
                if self.park.commit() {
                    self.ready.take_over();
                }
                self.park.take();
            }
            assert_eq!(self.woken.get(), 1);
        }
        self.free();
    }
}

#[test]
fn a_joiner_gets_the_output_and_frees_once() {
    check(|| {
        let cell = Joined::new();
        let goroutine = Arc::clone(&cell);
        let goroutine = thread::spawn(move || goroutine.finish());
        cell.join();
        goroutine.join().unwrap();
        assert_eq!(cell.freed.get(), 1);
    });
}

#[test]
fn whoever_sees_the_end_sees_the_output() {
    check(|| {
        let cell = Joined::new();
        let goroutine = Arc::clone(&cell);
        // Without the look for a handle first: loom remembers one access of each word, and that load would hide ours from it.
        let goroutine = thread::spawn(move || {
            goroutine.output.set(7);
            assert_eq!(goroutine.life.finish(), Finished::LeftToHandle);
        });
        if cell.life.is_done() {
            assert_eq!(cell.output.get(), 7);
        }
        goroutine.join().unwrap();
    });
}

#[test]
fn a_detached_cell_is_freed_once() {
    check(|| {
        let cell = Joined::new();
        let goroutine = Arc::clone(&cell);
        let goroutine = thread::spawn(move || goroutine.finish());
        // The handle's last use of the cell.
        cell.joiner.get();
        if cell.life.detach() {
            cell.free();
        }
        goroutine.join().unwrap();
        assert_eq!(cell.freed.get(), 1);
    });
}
