//! The deque between real threads: each item is taken once. `runtime/models/deque.rs` has the small
//! cases, all of them.

use crate::runtime::sched::queue::deque::{BATCH, Deque, deque};
use crossbeam_deque::Steal;
use std::{
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// Never looked into: the address is the item.
fn item(value: usize) -> NonNull<u64> {
    NonNull::new(std::ptr::without_provenance_mut(8 * value)).expect("values start at 1")
}

fn value(item: NonNull<u64>) -> usize {
    item.as_ptr().addr() / 8
}

#[test]
fn newest_first_for_the_owner_oldest_first_for_thieves() {
    let owner = deque();
    (1..=10).for_each(|i| owner.push(item(i)));
    assert_eq!(owner.pop().map(value), Some(10));
    let thief = owner.shared();
    assert!(matches!(thief.steal(), Steal::Success(i) if value(i) == 1));
    assert_eq!(owner.len(), 8);
}

#[test]
fn from_a_long_queue_a_thief_takes_a_batch_and_from_a_short_one_one() {
    let owner = deque();
    (1..=2 * BATCH + 1).for_each(|i| owner.push(item(i)));
    let thief = owner.shared();
    let mut rest = Vec::new();
    assert!(
        matches!(thief.steal_batch(|i| rest.push(value(i))), Steal::Success(i) if value(i) == 1)
    );
    assert_eq!(rest, (2..=BATCH).collect::<Vec<_>>());
    let none = |_| panic!("the queue is short now");
    assert!(matches!(thief.steal_batch(none), Steal::Success(i) if value(i) == BATCH + 1));
}

#[test]
fn once_short_again_the_oldest_comes_first_once() {
    let owner = deque();
    let all = 2 * BATCH + 1;
    (1..=all).for_each(|i| owner.push(item(i)));
    let popped: Vec<_> = std::iter::from_fn(|| owner.pop().map(value)).collect();
    let oldest = popped.iter().position(|i| *i == 1);
    assert_eq!(oldest, Some(all - BATCH));
    let mut others: Vec<_> = popped.into_iter().filter(|i| *i != 1).collect();
    others.reverse();
    assert_eq!(others, (2..=all).collect::<Vec<_>>());
}

fn thief(deque: &Deque<u64>, done: &AtomicBool) -> Vec<usize> {
    let mut taken = Vec::new();
    loop {
        let ended = done.load(Ordering::Acquire);
        match deque.steal_batch(|i| taken.push(value(i))) {
            Steal::Success(i) => taken.push(value(i)),
            Steal::Retry => {}
            Steal::Empty if ended => return taken,
            Steal::Empty => thread::yield_now(),
        }
    }
}

#[test]
fn each_item_is_taken_once() {
    let count = if cfg!(debug_assertions) {
        200_000
    } else {
        3_000_000
    };
    let owner = deque();
    let done = Arc::new(AtomicBool::new(false));
    let thieves: Vec<_> = (0..3)
        .map(|_| {
            let (deque, done) = (Arc::clone(owner.shared()), Arc::clone(&done));
            thread::spawn(move || thief(&deque, &done))
        })
        .collect();
    let mut taken = Vec::new();
    // Bursts of all lengths around those at which the queue counts as long, and a ring grows; pops
    // of as many or fewer.
    let (mut next, mut burst) = (1, 1);
    while next <= count {
        burst = (burst * 7 + 3) % (12 * BATCH);
        for _ in 0..=burst {
            owner.push(item(next));
            next += 1;
        }
        for _ in 0..burst * (next % 5) / 4 {
            taken.extend(owner.pop().map(value));
        }
    }
    taken.extend(std::iter::from_fn(|| owner.pop().map(value)));
    done.store(true, Ordering::Release);
    for thief in thieves {
        taken.extend(thief.join().unwrap());
    }
    taken.sort_unstable();
    assert!(
        taken.iter().copied().eq(1..next),
        "{} of {}",
        taken.len(),
        next - 1
    );
}
