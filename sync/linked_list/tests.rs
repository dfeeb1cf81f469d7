//! Tests of the intrusive list.

use crate::sync::linked_list::{Chain, LinkedList, Links, ListNode};
use std::{cell::Cell, ptr::NonNull};

/// A node with a number, which counts how often its links are looked at.
struct Numbered {
    number: usize,
    looks: Cell<usize>,
    links: Links<Numbered>,
}

impl Numbered {
    fn new(number: usize) -> Self {
        let looks = Cell::new(0);
        let links = Links::new();
        Self {
            number,
            looks,
            links,
        }
    }

    fn is_linked(&self) -> bool {
        // SAFETY: one thread has all there is in a test.
        unsafe { self.links.is_linked() }
    }
}

// SAFETY: each has links of its own.
unsafe impl ListNode for Numbered {
    fn links(&self) -> &Links<Self> {
        self.looks.set(self.looks.get() + 1);
        &self.links
    }
}

fn nodes(n: usize) -> Vec<Numbered> {
    (0..n).map(Numbered::new).collect()
}

/// A list of these, in order. The callers keep them where they are for longer than the list.
fn list_of<'a>(nodes: impl IntoIterator<Item = &'a Numbered>) -> LinkedList<Numbered> {
    let mut list = LinkedList::new();
    for node in nodes {
        // SAFETY: in no list; see above.
        unsafe { list.push_back(NonNull::from(node)) };
    }
    list
}

fn number(node: NonNull<Numbered>) -> usize {
    // SAFETY: the nodes of a test are alive to its end.
    unsafe { node.as_ref() }.number
}

/// From the first to the last by the links to the next, then back by the links to the one before:
/// both ways are the same.
fn numbers(list: &LinkedList<Numbered>) -> Vec<usize> {
    let walk = |mut at: Option<NonNull<Numbered>>, to_next: bool| {
        let mut numbers = Vec::new();
        while let Some(node) = at {
            numbers.push(number(node));
            // SAFETY: as above.
            let links = unsafe { &(*node.as_ptr()).links };
            at = if to_next {
                links.next.get()
            } else {
                links.prev.get()
            };
        }
        numbers
    };
    let forwards = walk(list.head, true);
    let mut backwards = walk(list.tail, false);
    backwards.reverse();
    assert_eq!(forwards, backwards);
    forwards
}

#[test]
fn both_ends_keep_the_order() {
    let nodes = nodes(4);
    let mut list = LinkedList::new();
    assert!(list.is_empty() && !list.has_one() && list.first().is_none());
    // SAFETY: in no list, and where they are for longer than the list.
    unsafe {
        list.push_front(NonNull::from(&nodes[1]));
        assert!(list.has_one());
        list.push_back(NonNull::from(&nodes[2]));
        list.push_front(NonNull::from(&nodes[0]));
        list.push_back(NonNull::from(&nodes[3]));
    }
    assert!(!list.has_one() && !list.is_empty());
    assert_eq!(numbers(&list), [0, 1, 2, 3]);
    assert_eq!(list.first().map(|node| node.number), Some(0));
    for (n, node) in nodes.iter().enumerate() {
        assert!(node.is_linked());
        assert_eq!(list.pop_front().map(number), Some(n));
        assert!(!node.is_linked());
        assert_eq!(numbers(&list), Vec::from_iter(n + 1..4));
    }
    assert!(list.pop_front().is_none() && list.is_empty());
}

#[test]
fn any_node_leaves_and_comes_again() {
    let nodes = nodes(4);
    for leaver in 0..4 {
        let mut list = list_of(&nodes);
        // SAFETY: it is in this list, and then in none.
        unsafe {
            assert_eq!(number(list.unlink(&nodes[leaver])), leaver);
            assert!(!nodes[leaver].is_linked());
            let mut rest: Vec<_> = (0..4).filter(|&n| n != leaver).collect();
            assert_eq!(numbers(&list), rest);
            list.push_back(NonNull::from(&nodes[leaver]));
            rest.push(leaver);
            assert_eq!(numbers(&list), rest);
        }
        while list.pop_front().is_some() {}
    }
}

#[test]
fn a_node_is_handed_back_as_it_was_linked() {
    // Only that pointer may free the box; Miri would report another.
    let boxes = [0, 1, 2].map(|n| NonNull::from(Box::leak(Box::new(Numbered::new(n)))));
    let mut list = LinkedList::new();
    for node in boxes {
        // SAFETY: in no list, and freed only once it is out of it.
        unsafe { list.push_back(node) };
    }
    for n in [1, 2, 0] {
        // SAFETY: it is in this list; and then nobody else has it.
        unsafe {
            let node = list.unlink(boxes[n].as_ref());
            assert_eq!(node, boxes[n]);
            drop(Box::from_raw(node.as_ptr()));
        }
    }
    assert!(list.is_empty());
}

#[test]
fn taking_a_node_out_looks_at_its_neighbours_only() {
    let nodes = nodes(1_000);
    let mut list = list_of(&nodes);
    // Each first has a neighbour on either side.
    for node in &nodes[1..999] {
        nodes.iter().for_each(|node| node.looks.set(0));
        // SAFETY: it is in this list.
        unsafe { list.unlink(node) };
        let looks: usize = nodes.iter().map(|node| node.looks.get()).sum();
        assert_eq!(looks, 3);
    }
    assert_eq!(numbers(&list), [0, 999]);
}

#[test]
fn a_cursor_takes_out_what_it_is_at_and_goes_on() {
    let nodes = nodes(6);
    let mut list = list_of(&nodes);
    let mut cursor = list.cursor();
    let mut taken = Vec::new();
    while let Some(node) = cursor.current() {
        if node.number % 3 == 1 {
            cursor.move_next();
        } else {
            taken.extend(cursor.remove_current().map(number));
        }
    }
    assert!(cursor.remove_current().is_none());
    cursor.move_next();
    assert!(cursor.current().is_none());
    assert_eq!(taken, [0, 2, 3, 5]);
    assert_eq!(numbers(&list), [1, 4]);
}

#[test]
fn a_chain_keeps_the_order_and_its_nodes_are_in_no_list() {
    let nodes = nodes(3);
    let mut list = list_of(&nodes);
    let mut chain = Chain::new();
    assert!(chain.pop_front().is_none());
    while let Some(node) = list.pop_front() {
        // SAFETY: just taken out, and alive to the end of the test.
        unsafe { chain.push_back(node) };
    }
    assert!(nodes.iter().all(|node| !node.is_linked()));
    assert_eq!(chain.pop_front().map(number), Some(0));
    // A node that has been taken out is linked anew, while the rest stays in order.
    // SAFETY: in no list, and in no chain any more.
    unsafe { list.push_back(NonNull::from(&nodes[0])) };
    assert!(nodes[0].is_linked());
    assert_eq!(numbers(&list), [0]);
    assert_eq!(chain.pop_front().map(number), Some(1));
    assert_eq!(chain.pop_front().map(number), Some(2));
    assert!(chain.pop_front().is_none());
    // It is empty as in the beginning.
    // SAFETY: in no list, and in no chain any more.
    unsafe { chain.push_back(NonNull::from(&nodes[2])) };
    assert_eq!(chain.pop_front().map(number), Some(2));
    assert!(chain.pop_front().is_none());
}
