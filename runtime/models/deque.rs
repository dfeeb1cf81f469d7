//! The deque of fresh goroutines: an owner and thieves. With `BATCH` at 2 here, a queue of five is
//! long.

use crate::runtime::{
    models::{Plain, check},
    sched::queue::deque::{BATCH, Deque, DequeOwner, deque},
};
use crossbeam_deque::Steal;
use loom::{sync::Arc, thread};
use std::ptr::NonNull;

type Item = Plain;

fn push(owner: &DequeOwner<Item>, value: u32) {
    let item = Box::new(Plain::new());
    item.set(value);
    owner.push(NonNull::from(Box::leak(item)));
}

fn open(item: NonNull<Item>) -> u32 {
    // SAFETY: from a box, and taken out once: if not, loom's allocator would not see it, but the
    // sum at the end would.
    let item = unsafe { Box::from_raw(item.as_ptr()) };
    item.get()
}

fn steal(deque: &Deque<Item>) -> Vec<u32> {
    let mut taken = Vec::new();
    if let Steal::Success(item) = deque.steal_batch(|item| taken.push(open(item))) {
        taken.insert(0, open(item));
    }
    taken
}

fn drain(owner: &DequeOwner<Item>, taken: &mut Vec<u32>) {
    while let Some(item) = owner.pop() {
        taken.push(open(item));
    }
    assert!(owner.is_empty());
}

/// Each of `0..count` once.
fn assert_all(mut taken: Vec<u32>, count: u32) {
    taken.sort_unstable();
    assert_eq!(taken, (0..count).collect::<Vec<_>>());
}

/// A thief takes two in one step while the owner pops down to them.
#[test]
fn a_batch_and_pops_take_each_item_once() {
    check(|| {
        let owner = deque();
        let count = 2 * BATCH as u32 + 1;
        (0..count).for_each(|value| push(&owner, value));
        let shared = std::sync::Arc::clone(owner.shared());
        let thief = thread::spawn(move || steal(&shared));
        let mut taken = Vec::new();
        drain(&owner, &mut taken);
        taken.extend(thief.join().unwrap());
        assert_all(taken, count);
    });
}

#[test]
fn two_thieves_and_the_owner_take_each_item_once() {
    check(|| {
        let owner = deque();
        let count = 2 * BATCH as u32 + 1;
        (0..count).for_each(|value| push(&owner, value));
        let thieves = [0, 1].map(|_| {
            let shared = std::sync::Arc::clone(owner.shared());
            thread::spawn(move || steal(&shared))
        });
        let mut taken = Vec::new();
        for _ in 0..3 {
            taken.extend(owner.pop().map(open));
        }
        for thief in thieves {
            taken.extend(thief.join().unwrap());
        }
        drain(&owner, &mut taken);
        assert_all(taken, count);
    });
}

/// Short, long, short, long: a thief may be late by all of it.
#[test]
fn a_late_thief_of_a_queue_that_was_long() {
    check(|| {
        let owner = deque();
        let count = 2 * BATCH as u32 + 1;
        (0..count).for_each(|value| push(&owner, value));
        let shared = std::sync::Arc::clone(owner.shared());
        let thief = thread::spawn(move || steal(&shared));
        let mut taken = Vec::new();
        for _ in 0..4 {
            taken.extend(owner.pop().map(open));
        }
        (count..count + 2).for_each(|value| push(&owner, value));
        drain(&owner, &mut taken);
        taken.extend(thief.join().unwrap());
        assert_all(taken, count + 2);
    });
}

/// The last one is for either.
#[test]
fn the_last_item_is_taken_once() {
    check(|| {
        let owner = deque();
        let shared = std::sync::Arc::clone(owner.shared());
        let thief = thread::spawn(move || {
            let mut taken = steal(&shared);
            taken.extend(steal(&shared));
            taken
        });
        push(&owner, 0);
        let mut taken = Vec::new();
        drain(&owner, &mut taken);
        push(&owner, 1);
        drain(&owner, &mut taken);
        taken.extend(thief.join().unwrap());
        assert_all(taken, 2);
    });
}

/// The ring grows under a thief.
#[test]
fn a_thief_may_look_into_an_old_ring() {
    check(|| {
        let owner = deque();
        let before = 8 * BATCH as u32 - 1;
        (0..before).for_each(|value| push(&owner, value));
        let shared = Arc::new(std::sync::Arc::clone(owner.shared()));
        let thief = thread::spawn(move || steal(&shared));
        (before..before + 3).for_each(|value| push(&owner, value));
        let mut taken = thief.join().unwrap();
        drain(&owner, &mut taken);
        assert_all(taken, before + 3);
    });
}
