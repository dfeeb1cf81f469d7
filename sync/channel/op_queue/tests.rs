//! Tests of the lists of pending operations.

use crate::{
    runtime::park::Unparker,
    sync::channel::{
        op_queue::{OpQueue, Wakes},
        wait::{ClaimedOp, OpOutcome, Partners, PendingOp, QueueKind, SelectToken, Side},
    },
};
use std::{array, ptr};

fn arm(side: Side, token: &SelectToken, place: usize) -> PendingOp {
    PendingOp::arm(side, ptr::null_mut(), Unparker::unchecked(), token, place)
}

fn list(nodes: &[&PendingOp]) -> OpQueue {
    let mut list = OpQueue::new();
    // SAFETY: linked nowhere; the callers keep them longer than the list.
    let push = |node| unsafe { list.push(node, QueueKind::Watchers) };
    nodes.iter().copied().for_each(push);
    list
}

/// Those in it, in order. Nobody of them is parked, so they are not unparked.
fn chain(mut wakes: Wakes) -> Vec<*const PendingOp> {
    let next = || wakes.0.pop_front().map(|op| op.as_ptr().cast_const());
    std::iter::from_fn(next).collect()
}

/// Where it is, if one was claimed.
fn address(claimed: Option<ClaimedOp>) -> Option<*const PendingOp> {
    claimed.map(|op| ptr::from_ref(&*op))
}

fn queue(op: &PendingOp) -> Option<QueueKind> {
    // SAFETY: one thread has all there is in a test.
    unsafe { op.queue() }
}

#[test]
fn of_one_side_those_are_woken_that_no_other_channel_has_won() {
    let [first, lost, other, last] = array::from_fn(|_| SelectToken::new());
    assert!(lost.choose(7));
    let loser = arm(Side::Recv, &lost, 1);
    let winner = arm(Side::Recv, &first, 2);
    let sender = arm(Side::Send, &other, 3);
    let second = arm(Side::Recv, &last, 4);
    let mut list = list(&[&loser, &winner, &sender, &second]);
    let mut wakes = Wakes::new();
    list.claim_side(Side::Recv, OpOutcome::Done, &mut wakes);
    assert_eq!(chain(wakes), [ptr::from_ref(&winner), &raw const second]);
    assert_eq!(lost.chosen(), Some(7));
    assert_eq!([first.chosen(), last.chosen()], [Some(2), Some(4)]);
    assert_eq!(loser.outcome(), OpOutcome::Pending);
    assert_eq!([queue(&loser), queue(&winner)], [None; 2]);
    // Those of the other side wait on.
    assert_eq!(other.chosen(), None);
    assert_eq!(queue(&sender), Some(QueueKind::Watchers));
    assert!(list.has_live(Partners::All));
    assert_eq!(address(list.claim()), Some(ptr::from_ref(&sender)));
    assert!(list.is_empty());
}

#[test]
fn who_may_not_wait_is_paired_with_those_that_have_a_value() {
    let [promise, lost, has_value] = array::from_fn(|_| SelectToken::new());
    assert!(lost.choose(7));
    let mut value = 5_u8;
    let promise = arm(Side::Send, &promise, 0);
    let loser = arm(Side::Send, &lost, 0);
    let unparker = Unparker::unchecked();
    let sender = PendingOp::arm(Side::Send, &raw mut value, unparker, &has_value, 0);
    let mut list = list(&[&promise, &loser, &sender]);
    assert!(list.has_live(Partners::WithValue));
    let sender_at = Some(ptr::from_ref(&sender));
    assert_eq!(address(list.claim_from(Partners::WithValue)), sender_at);
    assert!(!list.has_live(Partners::WithValue));
    assert_eq!(address(list.claim_from(Partners::WithValue)), None);
    assert_eq!(address(list.claim()), Some(ptr::from_ref(&promise)));
    assert!(list.is_empty());
}
