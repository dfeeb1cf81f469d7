//! The inbox: two pushers, an owner that takes all, and the monitor that may take them instead.

use crate::runtime::{
    models::{Plain, check},
    prims::{AtomicPtr, Ordering},
    sched::inbox::{Inbox, Linked},
};
use loom::{sync::Arc, thread};
use std::ptr::{self, NonNull};

struct Node {
    next: AtomicPtr<Node>,
    value: Plain,
}

// SAFETY: one field, which only the list writes.
unsafe impl Linked for Node {
    fn next(&self) -> &AtomicPtr<Self> {
        &self.next
    }
}

fn push(inbox: &Inbox<Node>, value: u32) {
    let node = Box::new(Node {
        next: AtomicPtr::new(ptr::null_mut()),
        value: Plain::new(),
    });
    node.value.set(value);
    // SAFETY: from a box, in no list, and given up.
    unsafe { inbox.push(NonNull::from(Box::leak(node))) };
}

/// What `take_all` gave, in its order.
fn take(inbox: &Inbox<Node>) -> Vec<u32> {
    let mut values = Vec::new();
    let mut next = inbox.take_all();
    while !next.is_null() {
        // SAFETY: from a box, and taken out of the list by us.
        let node = unsafe { Box::from_raw(next) };
        values.push(node.value.get());
        next = node.next.load(Ordering::Relaxed);
    }
    values
}

#[test]
fn each_node_is_taken_once_in_its_pushers_order() {
    check(|| {
        let inbox = Arc::new(Inbox::new());
        let pushers = [10, 20].map(|first| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || {
                push(&inbox, first);
                if first == 10 {
                    push(&inbox, first + 1);
                }
            })
        });
        let mut taken = take(&inbox);
        taken.extend(take(&inbox));
        for pusher in pushers {
            pusher.join().unwrap();
        }
        assert_eq!(taken.len() < 3, !inbox.looks_empty());
        taken.extend(take(&inbox));
        let of_first: Vec<u32> = taken.iter().copied().filter(|v| *v < 20).collect();
        assert_eq!(of_first, [10, 11]);
        assert_eq!(taken.len(), 3);
        assert!(taken.contains(&20));
    });
}

#[test]
fn the_monitor_may_take_instead_of_the_owner() {
    check(|| {
        let inbox = Arc::new(Inbox::new());
        let monitor = Arc::clone(&inbox);
        let monitor = thread::spawn(move || take(&monitor));
        let pusher = Arc::clone(&inbox);
        let pusher = thread::spawn(move || push(&pusher, 1));
        let mut taken = take(&inbox);
        pusher.join().unwrap();
        taken.extend(monitor.join().unwrap());
        taken.extend(take(&inbox));
        assert_eq!(taken, [1]);
    });
}
