//! A worker's newest slot. The danger: a home in it is taken by its owner and by a thief, or lost
//! when the owner replaces it; or whoever takes it does not see what its last holder wrote.
//!
//! The queue behind the slot is not seen by loom, so only the owner looks into it here.

use crate::runtime::{
    models::check,
    sched::{
        home::data::Home,
        queue::runnable::{Put, RunnableStealer, runnable},
    },
};
use loom::thread;
use std::sync::Arc;

/// Homes that live as long as the model.
struct Homes(Vec<&'static Home>);

impl Homes {
    fn new(count: usize) -> Self {
        let home = |_| &*Box::leak(Box::new(Home::idle(0)));
        Self((0..count).map(home).collect())
    }

    /// All threads have ended.
    fn free(self) {
        for home in self.0 {
            // SAFETY: from a box, and nobody has a reference any more.
            drop(unsafe { Box::from_raw(std::ptr::from_ref(home).cast_mut()) });
        }
    }
}

/// Whoever takes a home holds it, and sees that it has been held.
fn enter(home: &Home) {
    assert_eq!(home.note.get(), 1);
    home.note.set(2);
}

fn thief(shared: &Arc<RunnableStealer>) -> thread::JoinHandle<usize> {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        shared
            .take_slot()
            .into_iter()
            .inspect(|home| enter(home))
            .count()
    })
}

#[test]
fn owner_and_thieves_take_each_home_once() {
    check(|| {
        let homes = Homes::new(2);
        let (owner, shared) = runnable();
        let shared = Arc::new(shared);
        let thieves = [thief(&shared), thief(&shared)];
        let mut to_queue = 0;
        for home in &homes.0 {
            home.note.set(1);
            if owner.put(&shared, home) == Put::Queue {
                to_queue += 1;
            }
        }
        assert!(to_queue <= 1);
        let mut taken = 0;
        while let Some(home) = owner.pop(&shared) {
            enter(home);
            taken += 1;
        }
        for thief in thieves {
            taken += thief.join().unwrap();
        }
        assert_eq!(taken, 2);
        assert!(homes.0.iter().all(|home| home.note.get() == 2));
        homes.free();
    });
}
