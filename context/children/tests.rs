//! Tests of the list of children.

use crate::context::children::ChildList;
use crate::sync::linked_list::{Links, ListNode};
use std::sync::Arc;

struct Child(u32, Links<Child>);

// SAFETY: each has links of its own.
unsafe impl ListNode for Child {
    fn links(&self) -> &Links<Self> {
        &self.1
    }
}

fn list_of(n: u32) -> (ChildList<Child>, Vec<Arc<Child>>) {
    let mut list = ChildList::new();
    let children: Vec<_> = (0..n).map(|i| Arc::new(Child(i, Links::new()))).collect();
    for child in &children {
        // SAFETY: new.
        unsafe { list.push(Arc::clone(child)) };
    }
    (list, children)
}

/// Empties it from the front.
fn numbers(mut list: ChildList<Child>) -> Vec<u32> {
    let next = || {
        let first = list.first()?;
        // SAFETY: in this list.
        unsafe { list.remove(&first) }.map(|c| c.0)
    };
    std::iter::from_fn(next).collect()
}

#[test]
fn each_leaves_from_any_place_and_once() {
    for leaver in 0..4 {
        let (mut list, children) = list_of(4);
        let child = &children[leaver as usize];
        // SAFETY: in this list, and then in none.
        let (left, again) = unsafe { (list.remove(child), list.remove(child)) };
        assert_eq!(left.unwrap().0, leaver);
        assert!(again.is_none());
        assert_eq!(list.len(), 3);
        let rest: Vec<_> = (0..4).rev().filter(|&i| i != leaver).collect();
        assert_eq!(numbers(list), rest);
        assert!(children.iter().all(|c| Arc::strong_count(c) == 1));
    }
}

#[test]
fn all_leave_one_by_one() {
    let (mut list, children) = list_of(5);
    for i in [2, 4, 0, 1, 3] {
        // SAFETY: in this list.
        assert!(unsafe { list.remove(&children[i]) }.is_some());
    }
    assert_eq!(list.len(), 0);
    assert!(children.iter().all(|c| Arc::strong_count(c) == 1));
}

#[test]
fn a_list_has_a_count_of_each_child_and_gives_it_up() {
    let (list, children) = list_of(3);
    assert!(children.iter().all(|c| Arc::strong_count(c) == 2));
    assert_eq!(list.first().map(|c| c.0), Some(2));
    drop(list);
    assert!(children.iter().all(|c| Arc::strong_count(c) == 1));
}
