//! Life and death: who frees a cell. The danger: a cell is freed twice, or never, or while the
//! other side still uses it.

use crate::runtime::{
    models::{Plain, check},
    park::{self, Unparker, WaitReason},
    task::state::{Finished, Joining, Life},
};
use loom::{sync::Arc, thread};
use std::sync::OnceLock;

/// The goroutine's cell and its handle, as `run::finish`, `join` and `JoinHandle::drop` use them.
struct Joined {
    life: Life,
    output: Plain,
    joiner: Plain,
    /// The joiner's, which `joiner` says is there. Not loom's: it orders nothing in the model.
    unparker: OnceLock<Unparker>,
    freed: Plain,
    woken: Plain,
}

impl Joined {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            life: Life::new(),
            output: Plain::new(),
            joiner: Plain::new(),
            unparker: OnceLock::new(),
            freed: Plain::new(),
            woken: Plain::new(),
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
                let joiner = *self.unparker.get().unwrap();
                // SAFETY: the joiner waits for exactly this unpark.
                unsafe { joiner.unpark() };
            }
        }
    }

    fn join(&self) {
        self.unparker.set(Unparker::current()).unwrap();
        self.joiner.set(1);
        if !self.life.is_done() && self.life.join() == Joining::Wait {
            park::park(WaitReason::Join);
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
        // Without the look for a handle first: loom remembers one access of each word, and that
        // load would hide ours from it.
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

#[test]
fn a_joiner_that_gives_up_leaves_a_cell_that_is_freed_once() {
    check(|| {
        let cell = Joined::new();
        cell.unparker.set(Unparker::current()).unwrap();
        cell.joiner.set(1);
        assert_eq!(cell.life.join(), Joining::Wait);
        let goroutine = Arc::clone(&cell);
        let goroutine = thread::spawn(move || goroutine.finish());
        // The joiner's last use of the cell.
        cell.joiner.get();
        if !cell.life.give_up_join() {
            park::park(WaitReason::Join);
            cell.free();
        }
        goroutine.join().unwrap();
        assert_eq!(cell.freed.get(), 1);
    });
}
