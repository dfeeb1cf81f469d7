//! Protocol R. The danger: data come after a call has said that it would block, and before the
//! caller is in the list; the event finds nobody, and the caller waits for ever, which loom reports
//! as a deadlock.
//!
//! The kernel's own order is left out: the data are a `Relaxed` flag, so all that a caller knows of
//! them it knows through the word. The list is that of `sched/poller/cell.rs`, whose steps are
//! repeated here.

use crate::runtime::{
    models::check,
    park::{self, Unparker, WaitReason},
    prims::{AtomicUsize, Ordering},
    sched::poller::ready_word::{ReadyWord, Seen},
};
use loom::{
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

/// One direction of a descriptor, with something that can be read once each.
struct Way {
    ready: ReadyWord,
    /// As `Unparker::into_raw` gives them.
    waiters: Mutex<Vec<usize>>,
    data: AtomicUsize,
}

#[derive(PartialEq)]
enum Begun {
    Waits,
    Ready,
}

impl Way {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            ready: ReadyWord::new(),
            waiters: Mutex::new(Vec::new()),
            data: AtomicUsize::new(0),
        })
    }

    /// The kernel has data, and whoever polls is told.
    fn arrive(&self) {
        self.data.fetch_add(1, Ordering::Relaxed);
        self.report();
    }

    fn report(&self) {
        if !self.ready.report() {
            return;
        }
        let mut waiters = self.waiters.lock().unwrap();
        let woken = std::mem::take(&mut *waiters);
        self.ready.settle(true);
        drop(waiters);
        for waiter in woken {
            // SAFETY: from `into_raw`; taken out of the list, so unparked once.
            unsafe { Unparker::from_raw(waiter).unpark() };
        }
    }

    /// The call: false, it would block.
    fn read(&self) -> bool {
        let mut data = self.data.load(Ordering::Relaxed);
        while data > 0 {
            let taken =
                self.data
                    .compare_exchange(data, data - 1, Ordering::Relaxed, Ordering::Relaxed);
            match taken {
                Ok(_) => return true,
                Err(now) => data = now,
            }
        }
        false
    }

    fn begin_wait(&self, seen: Seen) -> Begun {
        let mut waiters = self.waiters.lock().unwrap();
        if !self.ready.begin_wait(seen) {
            self.ready.settle(waiters.is_empty());
            return Begun::Ready;
        }
        waiters.push(Unparker::current().into_raw());
        Begun::Waits
    }

    /// The time is up. False: it has been taken out, and the unpark comes.
    fn leave(&self) -> bool {
        let own = Unparker::current().into_raw();
        let mut waiters = self.waiters.lock().unwrap();
        let Some(at) = waiters.iter().position(|&waiter| waiter == own) else {
            return false;
        };
        waiters.swap_remove(at);
        self.ready.settle(waiters.is_empty());
        true
    }

    /// Reads once, and waits for as long as it takes.
    fn read_one(&self) {
        loop {
            let seen = self.ready.look();
            if self.read() {
                return;
            }
            if self.begin_wait(seen) == Begun::Waits {
                park::park(WaitReason::Io);
            }
        }
    }

    fn assert_quiet(&self) {
        assert!(self.waiters.lock().unwrap().is_empty());
        assert_eq!(self.data.load(Ordering::Relaxed), 0);
        // Nobody waits, so an event finds nobody.
        assert!(!self.ready.report());
    }
}

fn beside(way: &Arc<Way>, act: impl FnOnce(&Way) + Send + 'static) -> JoinHandle<()> {
    let way = Arc::clone(way);
    thread::spawn(move || act(&way))
}

#[test]
fn an_event_finds_a_waiter() {
    check(|| {
        let way = Way::new();
        let reader = beside(&way, Way::read_one);
        way.arrive();
        reader.join().unwrap();
        way.assert_quiet();
    });
}

#[test]
fn two_events_find_two_waiters() {
    check(|| {
        let way = Way::new();
        let readers = [(); 2].map(|()| beside(&way, Way::read_one));
        way.arrive();
        way.arrive();
        for reader in readers {
            reader.join().unwrap();
        }
        way.assert_quiet();
    });
}

/// Two workers report at the same time; the reader comes back for the second.
#[test]
fn two_reporters_and_one_waiter() {
    check(|| {
        let way = Way::new();
        let reporter = beside(&way, Way::arrive);
        let reader = beside(&way, |way| {
            way.read_one();
            way.read_one();
        });
        way.arrive();
        reporter.join().unwrap();
        reader.join().unwrap();
        way.assert_quiet();
    });
}

/// One waiter's time is up at any moment, and the other one still gets both events.
#[test]
fn a_waiter_that_leaves_takes_nothing_along() {
    check(|| {
        let way = Way::new();
        let reader = beside(&way, |way| {
            way.read_one();
            way.read_one();
        });
        let leaving = beside(&way, |way| {
            let seen = way.ready.look();
            if way.begin_wait(seen) == Begun::Waits && !way.leave() {
                park::park(WaitReason::Io);
            }
        });
        way.arrive();
        way.arrive();
        reader.join().unwrap();
        leaving.join().unwrap();
        way.assert_quiet();
    });
}

/// One waits, is woken and goes away; meanwhile another one begins to wait in the same list.
#[test]
fn the_list_is_emptied_and_filled_again() {
    check(|| {
        let way = Way::new();
        let seen = way.ready.look();
        assert!(way.begin_wait(seen) == Begun::Waits);
        let reader = beside(&way, |way| {
            way.read_one();
            way.read_one();
        });
        let events = beside(&way, |way| {
            way.arrive();
            way.arrive();
        });
        park::park(WaitReason::Io);
        events.join().unwrap();
        reader.join().unwrap();
        way.assert_quiet();
    });
}
