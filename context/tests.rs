//! What the public face does not show: who is registered with whom, and what is freed.

use crate::context::{
    CancelFunc, Context, Error, after_func, cause, node::CancelNode, with_cancel,
    with_cancel_cause, with_deadline, with_timeout, with_value,
};
use std::{
    sync::{Arc, Weak},
    thread,
    time::{Duration, Instant},
};

const HOUR: Duration = Duration::from_secs(3600);

fn node(ctx: &Context) -> &Arc<CancelNode> {
    ctx.node().expect("it can be cancelled")
}

fn weak(ctx: &Context) -> Weak<CancelNode> {
    Arc::downgrade(node(ctx))
}

#[track_caller]
fn await_true(what: &str, is_so: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < patience, "not in 10 s: {what}");
        thread::yield_now();
    }
}

/// A tree of `n` nodes below `root`, ten children each; a node before its children.
fn tree(root: &Context, n: usize) -> Vec<(Context, CancelFunc)> {
    let mut nodes: Vec<(Context, CancelFunc)> = Vec::with_capacity(n);
    for i in 0..n {
        let parent = if i < 10 { root } else { &nodes[i / 10 - 1].0 };
        let node = match i % 3 {
            0 => with_timeout(parent, HOUR),
            _ => with_cancel(parent),
        };
        nodes.push(node);
    }
    nodes
}

#[test]
fn a_cancelled_tree_has_no_child_registered() {
    let (root, cancel) = with_cancel(&Context::background());
    let nodes = tree(&root, 10_000);
    assert_eq!(node(&root).children(), 10);
    assert!(
        nodes[..900]
            .iter()
            .all(|(ctx, _)| node(ctx).children() == 10)
    );
    cancel.cancel();
    assert_eq!(node(&root).children(), 0);
    for (ctx, _) in &nodes {
        assert_eq!(node(ctx).children(), 0);
        assert_eq!(ctx.err(), Some(Error::Canceled));
    }
    // Handle, function and children; no list, no timer.
    let leaves = &nodes[1_000..];
    assert!(
        leaves
            .iter()
            .all(|(ctx, _)| Arc::strong_count(node(ctx)) == 2)
    );
}

#[test]
fn a_child_leaves_at_once_however_it_ends() {
    let (root, _cancel) = with_cancel(&Context::background());
    let (one, cancel_one) = with_cancel(&root);
    let (two, cancel_two) = with_timeout(&root, HOUR);
    let (_three, cancel_three) = with_cancel_cause(&with_value(&root, 1));
    let four = with_deadline(&root, Instant::now());
    assert_eq!(four.0.err(), Some(Error::DeadlineExceeded));
    assert_eq!(node(&root).children(), 3);
    cancel_one.cancel();
    assert_eq!(node(&root).children(), 2);
    drop(cancel_two);
    assert_eq!(node(&root).children(), 1);
    cancel_three.cancel("enough");
    assert_eq!(node(&root).children(), 0);
    assert_eq!(
        (one.err(), two.err()),
        (Some(Error::Canceled), Some(Error::Canceled))
    );
    assert!(root.err().is_none());
    let (_, soon) = with_timeout(&root, Duration::from_millis(1));
    let (timed, _cancel) = with_timeout(&root, Duration::from_millis(1));
    drop(soon);
    assert!(timed.done().recv().is_err());
    // It leaves when all below it has ended, which is after it says so.
    await_true("the child has left", || node(&root).children() == 0);
}

#[test]
fn functions_are_registered_until_they_are_stopped() {
    let (root, cancel) = with_cancel(&Context::background());
    let shared = Arc::new(());
    let register = || {
        let theirs = Arc::clone(&shared);
        after_func(&root, move || drop(theirs))
    };
    let stops: Vec<_> = (0..100).map(|_| register()).collect();
    drop(register());
    assert_eq!(node(&root).children(), 101);
    assert!(stops.iter().all(|stop| stop.stop()));
    assert_eq!(node(&root).children(), 1);
    assert_eq!(Arc::strong_count(&shared), 2);
    cancel.cancel();
    assert!(stops.iter().all(|stop| !stop.stop()));
    assert_eq!(node(&root).children(), 0);
    // Where nothing ends, nobody but the `Stop` holds the function.
    let theirs = Arc::clone(&shared);
    drop(after_func(&Context::background(), move || drop(theirs)));
    await_true("the function has run", || Arc::strong_count(&shared) == 1);
}

#[test]
fn background_and_values_register_nobody() {
    let ctx = with_value(&Context::background(), 1);
    assert!(ctx.node().is_none());
    let (child, cancel) = with_cancel(&ctx);
    let gone = weak(&child);
    drop(child);
    assert!(gone.upgrade().is_some());
    drop(cancel);
    assert!(gone.upgrade().is_none());
}

#[test]
fn dropped_timeouts_leave_nothing() {
    let (root, _cancel) = with_cancel(&Context::background());
    for parent in [&Context::background(), &root] {
        let all: Vec<_> = (0..100_000).map(|_| with_timeout(parent, HOUR)).collect();
        let gone: Vec<_> = all.iter().map(|(ctx, _)| weak(ctx)).collect();
        drop(all);
        // Neither nodes, nor the timers' references to them.
        assert!(
            gone.iter()
                .all(|w| w.strong_count() == 0 && w.weak_count() == 0)
        );
    }
    assert_eq!(node(&root).children(), 0);
}

#[test]
fn a_timer_goes_when_its_context_ends() {
    let (root, cancel) = with_cancel(&Context::background());
    let (ctx, _cancel) = with_timeout(&root, HOUR);
    assert_eq!(Arc::weak_count(node(&ctx)), 1);
    cancel.cancel();
    assert_eq!(Arc::weak_count(node(&ctx)), 0);
}

#[test]
fn all_is_freed_when_the_last_handle_goes() {
    let (root, cancel) = with_cancel(&Context::background());
    let nodes = tree(&root, 1_000);
    let gone: Vec<_> = nodes.iter().map(|(ctx, _)| weak(ctx)).collect();
    after_func(&nodes[999].0, || {});
    cancel.cancel();
    assert_eq!(
        cause(&nodes[999].0).unwrap().to_string(),
        "context canceled"
    );
    drop(nodes);
    assert!(gone.iter().all(|w| w.strong_count() == 0));
    assert_eq!(Arc::strong_count(node(&root)), 2);
}
