//! Go's `context`: what ends what, when, and why; trees and chains of any size; and nothing lost
//! between those who derive, end and drop at the same time.

mod support;

use gort::{
    context::{self, CancelFunc, Cause, Context, Error},
    go,
    runtime::{Builder, Runtime, forbid_yield},
    select, spawn,
    sync::{
        Cond, Mutex, Receiver, Semaphore, Sender, WaitGroup, bounded, channel::TryRecvError, never,
    },
    time,
};
use std::{
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};
use support::{Random, within_yielding};

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);
const PATIENCE: Duration = Duration::from_secs(20);

/// A derived context that nobody has cancelled yet.
fn root() -> (Context, CancelFunc) {
    context::with_cancel(&Context::background())
}

fn is_done(ctx: &Context) -> bool {
    ctx.done().try_recv() == Err(TryRecvError::Disconnected)
}

fn text(ctx: &Context) -> String {
    context::cause(ctx).expect("it has ended").to_string()
}

/// Runs the body in a goroutine of each worker count, and on a plain thread.
#[track_caller]
fn on_all(body: impl Fn() + Send + Sync) {
    support::each(|_| body());
    thread::scope(|s| s.spawn(&body).join().unwrap());
}

/// As [`on_all`], and under many schedules.
#[track_caller]
fn everywhere(body: impl Fn() + Send + Sync + 'static) {
    on_all(&body);
    support::explored(None, body);
}

#[test]
fn background_never_ends() {
    for ctx in [
        Context::background(),
        Context::todo(),
        context::background(),
        context::todo(),
        Context::default(),
    ] {
        assert!(ctx.err().is_none() && ctx.deadline().is_none() && context::cause(&ctx).is_none());
        assert!(ctx.done().same_channel(&never()));
        assert!(ctx.value::<u8>().is_none());
    }
}

#[test]
fn cancelling_ends_the_context_and_those_derived_from_it_only() {
    everywhere(|| {
        let (top, _top) = root();
        let (middle, cancel) = context::with_cancel(&top);
        let (sibling, _sibling) = context::with_cancel(&top);
        let valued = context::with_value(&middle, 1_u8);
        let (leaf, _leaf) = context::with_timeout(&valued, HOUR);
        for ctx in [&top, &middle, &sibling, &valued, &leaf] {
            assert!(ctx.err().is_none() && !is_done(ctx) && context::cause(ctx).is_none());
        }
        cancel.cancel();
        cancel.cancel();
        for ctx in [&middle, &valued, &leaf] {
            assert_eq!(ctx.err(), Some(Error::Canceled));
            assert!(is_done(ctx));
            assert_eq!(text(ctx), "context canceled");
        }
        for ctx in [&top, &sibling] {
            assert!(ctx.err().is_none() && !is_done(ctx));
        }
        // What is derived from an ended one has ended.
        let (late, _late) = context::with_timeout(&leaf, HOUR);
        assert!(is_done(&late) && late.err() == Some(Error::Canceled));
    });
}

#[test]
fn dropping_the_function_cancels() {
    let (ctx, cancel) = root();
    drop(cancel);
    assert_eq!(ctx.err(), Some(Error::Canceled));
    let (ctx, _) = root();
    assert_eq!(ctx.err(), Some(Error::Canceled));
    let (ctx, cancel) = context::with_cancel_cause(&Context::background());
    drop(cancel);
    assert_eq!(text(&ctx), "context canceled");
}

#[test]
fn done_is_one_channel_that_only_the_context_closes() {
    let (ctx, cancel) = root();
    let early = ctx.done();
    assert!(early.same_channel(&ctx.clone().done()));
    assert!(early.same_channel(&context::with_value(&ctx, 1).done()));
    early.close();
    assert!(!early.is_closed() && ctx.err().is_none());
    // A receiver outlives its context's handles, and hears of the end.
    drop(ctx);
    assert_eq!(early.try_recv(), Err(TryRecvError::Empty));
    cancel.cancel();
    assert_eq!(early.try_recv(), Err(TryRecvError::Disconnected));
}

/// Waits for the end of `ctx`, in one of several ways.
fn wait_for(ctx: &Context, how: usize) {
    let (_tx, nothing) = bounded::<()>(0);
    match how % 3 {
        0 => assert!(ctx.done().recv().is_err()),
        1 => select! {
            recv(nothing) -> _ => unreachable!(),
            recv(ctx.done()) -> end => assert!(end.is_err()),
        },
        _ => {
            let done = ctx.done();
            select! {
                recv(done) -> end => assert!(end.is_err()),
                recv(never::<()>()) -> _ => unreachable!(),
                default(PATIENCE) => panic!("not woken"),
            }
        }
    }
    assert!(ctx.err().is_some());
}

#[test]
fn everybody_who_waits_wakes() {
    support::beside(support::WORKERS, |runtime| {
        let (ctx, cancel) = root();
        let (child, _child) = context::with_timeout(&context::with_value(&ctx, 7), HOUR);
        let about_to = Arc::new(AtomicUsize::new(0));
        let waits = |i: usize| {
            let (ctx, about_to) = (
                if i.is_multiple_of(2) {
                    ctx.clone()
                } else {
                    child.clone()
                },
                Arc::clone(&about_to),
            );
            move || {
                about_to.fetch_add(1, SeqCst);
                wait_for(&ctx, i);
            }
        };
        let goroutines: Vec<_> = (0..300).map(|i| runtime.spawn(waits(i))).collect();
        let threads: Vec<_> = (0..6).map(|i| thread::spawn(waits(i))).collect();
        assert!(support::within(PATIENCE, || about_to.load(SeqCst) == 306));
        assert!(goroutines.iter().all(|g| !g.is_finished()));
        cancel.cancel();
        goroutines.into_iter().for_each(|g| g.join().unwrap());
        threads.into_iter().for_each(|t| t.join().unwrap());
    });
}

#[test]
fn nobody_sees_err_without_done_or_done_without_err() {
    support::beside(support::WORKERS, |runtime| {
        for round in 0..200 {
            let (ctx, cancel) = match round % 2 {
                0 => root(),
                _ => context::with_timeout(&Context::background(), Duration::from_micros(200)),
            };
            let start = Arc::new(Barrier::new(2));
            let looks = |first_done: bool| {
                let ctx = ctx.clone();
                move || loop {
                    // What is asked second must not say less than what was asked first.
                    let (closed, err) = if first_done {
                        let closed = is_done(&ctx);
                        (closed, ctx.err().is_some())
                    } else {
                        let err = ctx.err().is_some();
                        (err, is_done(&ctx))
                    };
                    assert!(
                        !closed || err,
                        "one without the other, done first: {first_done}"
                    );
                    if closed {
                        return;
                    }
                    gort::yield_now();
                }
            };
            let goroutines = [runtime.spawn(looks(true)), runtime.spawn(looks(false))];
            let begins = Arc::clone(&start);
            let look = looks(round % 4 < 2);
            let thread = thread::spawn(move || {
                begins.wait();
                look();
            });
            start.wait();
            if round % 2 == 0 {
                cancel.cancel();
                assert!(ctx.err().is_some());
            }
            goroutines.into_iter().for_each(|g| g.join().unwrap());
            thread.join().unwrap();
        }
    });
}

#[test]
fn the_cause_is_the_first_and_goes_down() {
    let (top, cancel) = context::with_cancel_cause(&Context::background());
    let (middle, cancel_middle) = context::with_cancel_cause(&top);
    let (leaf, _leaf) = context::with_cancel(&context::with_value(&middle, 1));
    let (other, _other) = context::with_timeout_cause(&top, HOUR, "too slow");
    cancel_middle.cancel("lower");
    cancel_middle.cancel("later");
    cancel.cancel(std::fmt::Error);
    assert_eq!(
        (text(&middle), text(&leaf)),
        ("lower".into(), "lower".into())
    );
    for ctx in [&top, &other] {
        assert!(context::cause(ctx).unwrap().is::<std::fmt::Error>());
        assert_eq!(ctx.err(), Some(Error::Canceled));
    }
    // It is derived late, and still learns why.
    let (late, _late) = context::with_cancel(&leaf);
    assert_eq!(text(&late), "lower");
    // A cause that is passed on stays what it is.
    let (next, cancel) = context::with_cancel_cause(&Context::background());
    let cause: Cause = context::cause(&top).unwrap();
    cancel.cancel(Arc::clone(&cause));
    assert!(Arc::ptr_eq(&cause, &context::cause(&next).unwrap()));
}

#[test]
fn a_cause_of_a_deadline_is_for_the_deadline_only() {
    let background = Context::background();
    let (ctx, cancel) = context::with_timeout_cause(&background, HOUR, "too slow");
    cancel.cancel();
    assert_eq!(
        (ctx.err(), text(&ctx)),
        (Some(Error::Canceled), "context canceled".into())
    );
    let (ctx, _cancel) = context::with_timeout_cause(&background, MS, "too slow");
    let (child, _cancel) = context::with_timeout_cause(&ctx, HOUR, "never said");
    assert!(child.done().recv().is_err());
    assert_eq!(
        (child.err(), text(&child)),
        (Some(Error::DeadlineExceeded), "too slow".into())
    );
    let (ctx, _cancel) = context::with_timeout(&background, MS);
    assert!(ctx.done().recv().is_err());
    assert_eq!(
        context::cause(&ctx).unwrap().downcast_ref(),
        Some(&Error::DeadlineExceeded)
    );
}

#[test]
fn the_earlier_deadline_wins_and_none_comes_early() {
    everywhere(|| {
        let start = time::now();
        let soon = start + 20 * MS;
        let (outer, _outer) = context::with_deadline(&Context::background(), soon);
        let (inner, _inner) = context::with_timeout(&outer, HOUR);
        let (same, _same) = context::with_deadline(&outer, soon);
        let (early, _early) = context::with_deadline(&outer, soon - 10 * MS);
        assert_eq!(inner.deadline(), Some(soon));
        assert_eq!(same.deadline(), Some(soon));
        assert_eq!(early.deadline(), Some(soon - 10 * MS));
        assert_eq!(context::with_cancel(&early).0.deadline(), early.deadline());
        wait_for(&early, 0);
        assert!(time::now() - start >= 10 * MS);
        wait_for(&inner, 1);
        wait_for(&same, 2);
        assert!(time::now() - start >= 20 * MS);
        for ctx in [&outer, &inner, &same, &early] {
            assert_eq!(ctx.err(), Some(Error::DeadlineExceeded));
        }
    });
}

#[test]
fn a_deadline_that_has_passed_ends_the_context_from_the_start() {
    everywhere(|| {
        let now = time::now();
        let (ctx, cancel) = context::with_deadline(&Context::background(), now);
        assert_eq!(
            (ctx.err(), ctx.deadline()),
            (Some(Error::DeadlineExceeded), Some(now))
        );
        assert!(is_done(&ctx));
        cancel.cancel();
        assert_eq!(ctx.err(), Some(Error::DeadlineExceeded));
        let (ctx, _cancel) = context::with_timeout(&ctx, Duration::ZERO);
        assert_eq!(ctx.err(), Some(Error::DeadlineExceeded));
        // A parent that was cancelled before says why.
        let (parent, cancel) = root();
        cancel.cancel();
        let (ctx, _cancel) = context::with_deadline(&parent, now);
        assert_eq!(ctx.err(), Some(Error::Canceled));
    });
}

#[test]
fn a_timeout_beyond_the_clock_is_none() {
    let (ctx, cancel) = context::with_timeout(&Context::background(), Duration::MAX);
    assert!(ctx.deadline().is_none() && ctx.err().is_none());
    let (limited, _limited) = context::with_timeout(&Context::background(), HOUR);
    let (inner, _inner) = context::with_timeout(&limited, Duration::MAX);
    assert_eq!(inner.deadline(), limited.deadline());
    cancel.cancel();
    assert_eq!(ctx.err(), Some(Error::Canceled));
}

#[test]
fn many_deadlines_all_come() {
    on_all(|| {
        let wait = WaitGroup::new();
        for i in 0..2_000 {
            let (ctx, cancel) = context::with_timeout(&Context::background(), i % 20 * MS);
            wait.go(move || {
                let _cancel = cancel;
                wait_for(&ctx, i as usize);
                assert_eq!(ctx.err(), Some(Error::DeadlineExceeded));
                assert!(time::now() >= ctx.deadline().unwrap());
            });
        }
        wait.wait();
    });
}

#[test]
fn values_are_found_by_type_and_the_newest_first() {
    #[derive(Debug, PartialEq)]
    struct User(&'static str);
    let ctx = context::with_value(&Context::background(), User("one"));
    let (ctx, _cancel) = context::with_cancel(&context::with_value(&ctx, 7_u32));
    let inner = context::with_value(&ctx, User("two"));
    assert_eq!(*ctx.value::<User>().unwrap(), User("one"));
    assert_eq!(*inner.value::<User>().unwrap(), User("two"));
    assert_eq!(*inner.value::<u32>().unwrap(), 7);
    assert!(inner.value::<u64>().is_none());
    // Siblings do not see each other's.
    let other = context::with_value(&ctx, 1_u64);
    assert!(inner.value::<u64>().is_none() && other.value::<User>().unwrap().0 == "one");
    // Shared, not copied.
    assert!(Arc::ptr_eq(
        &ctx.value::<u32>().unwrap(),
        &inner.value::<u32>().unwrap()
    ));
}

#[test]
fn without_cancel_keeps_the_values_only() {
    let (ctx, cancel) =
        context::with_timeout(&context::with_value(&Context::background(), 7_u8), HOUR);
    let free = context::without_cancel(&ctx);
    let (below, cancel_below) = context::with_cancel(&free);
    cancel.cancel();
    assert!(free.err().is_none() && free.deadline().is_none() && context::cause(&free).is_none());
    assert!(free.done().same_channel(&never()));
    assert_eq!(free.value::<u8>().as_deref(), Some(&7));
    assert!(below.err().is_none());
    cancel_below.cancel();
    assert_eq!(below.err(), Some(Error::Canceled));
}

#[test]
fn after_func_runs_once_in_a_goroutine_of_its_own() {
    everywhere(|| {
        let (ctx, cancel) = root();
        let (tx, rx) = bounded(0);
        let who = gort::runtime::try_current().map(|g| g.id());
        let send = |i: u32| {
            let (tx, ctx) = (tx.clone(), ctx.clone());
            move || {
                assert_eq!(ctx.err(), Some(Error::Canceled));
                assert_ne!(who, Some(gort::current().id()));
                tx.send(i).unwrap(); // parks
            }
        };
        let stop = context::after_func(&ctx, send(1));
        drop(context::after_func(&ctx, send(2)));
        let never_runs = context::after_func(&ctx, || unreachable!());
        assert!(never_runs.stop() && !never_runs.stop());
        cancel.cancel();
        let late = context::after_func(&context::with_value(&ctx, 1), send(4));
        assert!(!stop.stop() && !late.stop());
        let sum: u32 = (0..3).map(|_| rx.recv_timeout(PATIENCE).unwrap()).sum();
        assert_eq!(sum, 7);
        drop(send(0));
        assert!(rx.recv_timeout(MS).is_err());
        // Nothing ends it, so it can only be stopped.
        assert!(context::after_func(&Context::background(), || unreachable!()).stop());
    });
}

#[test]
fn a_function_is_either_stopped_or_run() {
    support::each_and_explored(Some(4), || {
        for round in 0..300_u32 {
            let (ctx, cancel) = match round % 3 {
                0 => context::with_timeout(
                    &Context::background(),
                    Duration::from_micros(u64::from(round)),
                ),
                _ => root(),
            };
            let (ran, stopped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let all_ran = WaitGroup::new();
            let stops: Vec<_> = (0..8)
                .map(|_| {
                    let (ran, all_ran) = (Arc::clone(&ran), all_ran.clone());
                    all_ran.add(1);
                    // Counts what becomes of the closure, run or dropped.
                    let done = Finally(Some(move || all_ran.done()));
                    context::after_func(&ctx, move || {
                        let _done = done;
                        ran.fetch_add(1, SeqCst);
                    })
                })
                .collect();
            let cancels = spawn(move || cancel.cancel());
            let racers: Vec<_> = stops
                .into_iter()
                .map(|stop| {
                    let stopped = Arc::clone(&stopped);
                    spawn(move || {
                        stopped.fetch_add(usize::from(stop.stop()), SeqCst);
                    })
                })
                .collect();
            cancels.join().unwrap();
            racers.into_iter().for_each(|r| r.join().unwrap());
            all_ran.wait();
            assert_eq!(ran.load(SeqCst) + stopped.load(SeqCst), 8);
        }
    });
}

/// Calls its function when it is dropped.
struct Finally<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for Finally<F> {
    fn drop(&mut self) {
        self.0.take().unwrap()();
    }
}

/// Runs `body` in a goroutine with a stack of 64 KiB.
fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
    let small = gort::Builder::new().stack_size(64 << 10);
    small.spawn(body).unwrap().join().unwrap();
}

/// A chain of contexts, each derived from the one before, every seventh with a deadline; from the
/// top down.
fn chain(n: usize) -> Vec<(Context, CancelFunc)> {
    let mut links: Vec<(Context, CancelFunc)> = vec![root()];
    while links.len() < n {
        let above = &links[links.len() - 1].0;
        let link = match links.len() % 7 {
            0 => context::with_timeout(above, HOUR),
            _ => context::with_cancel(above),
        };
        links.push(link);
    }
    links
}

#[test]
fn a_deep_chain_takes_no_stack() {
    const DEPTH: usize = 100_000;
    support::under(&[1, 3], |_| {
        on_a_small_stack(|| {
            let links = chain(DEPTH);
            links[0].1.cancel();
            assert!(links.iter().all(|(ctx, _)| is_done(ctx)));
        });
        // Dropped from the top, which cancels all below; from the bottom; and the handles before or
        // after the functions.
        on_a_small_stack(|| drop(chain(DEPTH)));
        on_a_small_stack(|| chain(DEPTH).into_iter().rev().for_each(drop));
        on_a_small_stack(|| {
            let (handles, functions): (Vec<_>, Vec<_>) = chain(DEPTH).into_iter().unzip();
            drop(functions);
            drop(handles);
        });
        on_a_small_stack(|| {
            let (mut handles, functions): (Vec<_>, Vec<_>) = chain(DEPTH).into_iter().unzip();
            let last = handles.pop().unwrap();
            drop(handles);
            assert!(last.err().is_none());
            drop(functions);
            assert_eq!(last.err(), Some(Error::Canceled));
        });
    });
}

#[test]
fn a_long_chain_of_values_takes_no_stack() {
    struct First(u8);
    on_a_small_stack(|| {
        let mut ctx = context::with_value(&Context::background(), First(7));
        for i in 0..100_000_u64 {
            ctx = context::with_value(&ctx, i);
        }
        assert_eq!(ctx.value::<First>().unwrap().0, 7);
        assert!(ctx.value::<String>().is_none());
        assert_eq!(ctx.value::<u64>().as_deref(), Some(&99_999));
        let other = ctx.clone();
        drop(ctx);
        drop(other);
    });
}

/// A tree of `n` contexts below `top`, ten children each, of all kinds.
fn tree(top: &Context, n: usize) -> Vec<(Context, CancelFunc)> {
    let mut nodes: Vec<(Context, CancelFunc)> = Vec::with_capacity(n);
    for i in 0..n {
        let parent = if i < 10 { top } else { &nodes[i / 10 - 1].0 };
        let node = match i % 4 {
            0 => context::with_timeout(parent, HOUR),
            1 => context::with_cancel(&context::with_value(parent, i)),
            2 => context::with_timeout(parent, (i as u32 % 30) * MS / 10),
            _ => context::with_cancel(parent),
        };
        nodes.push(node);
    }
    nodes
}

#[test]
fn a_tree_ends_as_a_whole() {
    on_all(|| {
        let (top, cancel) = root();
        let nodes = tree(&top, 10_000);
        cancel.cancel();
        assert!(
            nodes
                .iter()
                .all(|(ctx, _)| is_done(ctx) && ctx.err().is_some())
        );
    });
}

#[test]
fn a_tree_ends_while_half_of_it_ends_by_itself() {
    const NODES: usize = 10_000;
    support::beside(support::WORKERS, |runtime| {
        let (top, cancel) = root();
        let nodes = runtime.run(move || (tree(&top, NODES), top));
        let (nodes, top) = nodes;
        let (contexts, functions): (Vec<_>, Vec<_>) = nodes.into_iter().unzip();
        let contexts = Arc::new(contexts);
        let mut waiting: Vec<_> = (0..500)
            .map(|i| {
                let contexts = Arc::clone(&contexts);
                runtime.spawn(move || wait_for(&contexts[i * (NODES / 500)], i))
            })
            .collect();
        // Half of the functions are called or dropped by goroutines, in any order, while the root
        // is cancelled by a thread.
        let (mut mine, mut kept) = (
            vec![Vec::new(), Vec::new(), Vec::new(), Vec::new()],
            Vec::new(),
        );
        let mut random = Random::new(7);
        for function in functions {
            match random.below(8) as usize {
                i if i < 4 => mine[i].push(function),
                _ => kept.push(function),
            }
        }
        for (i, functions) in mine.into_iter().enumerate() {
            waiting.push(runtime.spawn(move || {
                for function in functions {
                    if i % 2 == 0 {
                        function.cancel();
                    }
                    drop(function);
                }
            }));
        }
        let all = Arc::clone(&contexts);
        let thread = thread::spawn(move || {
            cancel.cancel();
            // Also what others are at.
            assert!(all.iter().all(|ctx| ctx.err().is_some() && is_done(ctx)));
        });
        waiting.into_iter().for_each(|w| w.join().unwrap());
        thread.join().unwrap();
        assert!(
            contexts
                .iter()
                .all(|ctx| is_done(ctx) && ctx.err().is_some())
        );
        assert_eq!(top.err(), Some(Error::Canceled));
        drop(kept);
    });
}

/// Derives from `ctx` as long as it lives and once after; all that was derived must end with it.
fn derive_until_the_end(ctx: &Context, seed: u64, ran: &Arc<AtomicUsize>) -> usize {
    let (mut random, mut kept, mut functions) = (Random::new(seed), Vec::new(), 0);
    loop {
        let last = ctx.err().is_some();
        match random.below(4) {
            0 => kept.push(context::with_cancel(ctx)),
            1 => kept.push(context::with_timeout(ctx, HOUR)),
            2 => drop(context::with_timeout(ctx, MS)),
            _ => {
                let ran = Arc::clone(ran);
                context::after_func(ctx, move || {
                    ran.fetch_add(1, SeqCst);
                });
                functions += 1;
            }
        }
        if random.below(3) == 0 && !kept.is_empty() {
            let at = random.below(kept.len() as u64) as usize;
            drop(kept.swap_remove(at));
        }
        if last {
            break;
        }
        if random.below(16) == 0 {
            gort::yield_now();
        }
    }
    for (ctx, _) in &kept {
        assert!(within_yielding(PATIENCE, || is_done(ctx)), "a lost cancel");
    }
    functions
}

#[test]
fn no_cancel_is_lost_on_those_who_come_late() {
    support::beside(support::WORKERS, |runtime| {
        for round in 0..60 {
            let (ctx, cancel) = match round % 3 {
                0 => context::with_timeout(&Context::background(), MS),
                _ => root(),
            };
            let ran = Arc::new(AtomicUsize::new(0));
            let derives = |seed: u64| {
                let (ctx, ran) = (ctx.clone(), Arc::clone(&ran));
                move || derive_until_the_end(&ctx, seed, &ran)
            };
            let goroutines: Vec<_> = (0..6)
                .map(|i| runtime.spawn(derives(round * 10 + i)))
                .collect();
            let thread = thread::spawn(derives(round * 10 + 9));
            if round % 3 != 0 {
                thread::sleep(Duration::from_micros(round * 20));
                cancel.cancel();
            }
            let functions: usize = goroutines.into_iter().map(|g| g.join().unwrap()).sum();
            let functions = functions + thread.join().unwrap();
            assert!(support::within(PATIENCE, || ran.load(SeqCst) == functions));
        }
    });
}

#[test]
fn an_end_by_two_at_once_is_one() {
    support::each(|runtime| {
        for round in 0..300 {
            let (ctx, cancel) = context::with_cancel_cause(&Context::background());
            let (child, _child) = context::with_cancel(&ctx);
            let cancel = Arc::new(cancel);
            let racers: Vec<_> = (0..4_usize)
                .map(|i| {
                    let (cancel, ctx) = (Arc::clone(&cancel), ctx.clone());
                    runtime.spawn(move || {
                        cancel.cancel(format!("{round}.{i}"));
                        // Ended for whoever has called, first or not; and never for another cause.
                        assert!(ctx.err().is_some() && is_done(&ctx));
                        text(&ctx)
                    })
                })
                .collect();
            let said: Vec<_> = racers.into_iter().map(|r| r.join().unwrap()).collect();
            assert!(said.iter().all(|s| *s == said[0]), "{said:?}");
            assert_eq!(text(&child), said[0]);
        }
    });
}

/// When it is dropped it uses a context in every way.
#[derive(Debug)]
struct Reenters(Context, Arc<AtomicUsize>);

impl Drop for Reenters {
    fn drop(&mut self) {
        let (inner, cancel) = context::with_timeout(&self.0, HOUR);
        context::after_func(&self.0, || {}).stop();
        cancel.cancel();
        assert!(is_done(&inner));
        let _ = (self.0.err(), self.0.done(), context::cause(&self.0));
        gort::yield_now();
        self.1.fetch_add(1, SeqCst);
    }
}

impl std::fmt::Display for Reenters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("reenters")
    }
}

impl std::error::Error for Reenters {}

#[test]
fn destructors_may_use_the_contexts_that_end() {
    support::each_and_explored(None, || {
        let dropped = Arc::new(AtomicUsize::new(0));
        let (top, cancel_top) = root();
        let (ctx, cancel) = context::with_cancel_cause(&top);
        let uses = |ctx: &Context| Reenters(ctx.clone(), Arc::clone(&dropped));
        // A function that is stopped, and one that runs.
        let (first, second) = (uses(&ctx), uses(&ctx));
        assert!(context::after_func(&ctx, move || drop(first)).stop());
        assert_eq!(dropped.load(SeqCst), 1);
        context::after_func(&ctx, move || drop(second));
        // A cause for a deadline that does not come, one that is stored, and one that comes too
        // late.
        let (timed, _timed) = context::with_timeout_cause(&top, HOUR, uses(&ctx));
        cancel.cancel(uses(&top));
        cancel.cancel(uses(&ctx));
        assert!(within_yielding(PATIENCE, || dropped.load(SeqCst) == 3));
        cancel_top.cancel();
        assert_eq!(
            (dropped.load(SeqCst), timed.err()),
            (4, Some(Error::Canceled))
        );
        // The stored one goes with its context; so do values.
        drop((context::with_value(&ctx, uses(&top)), ctx, cancel));
        assert!(within_yielding(PATIENCE, || dropped.load(SeqCst) == 6));
    });
}

/// A cause whose destructor stops on the way: says so, and waits until it may go on.
#[derive(Debug)]
struct Stops(Sender<()>, Receiver<()>);

impl Drop for Stops {
    fn drop(&mut self) {
        self.0.send(()).unwrap();
        self.1.recv().unwrap();
    }
}

impl std::fmt::Display for Stops {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stops")
    }
}

impl std::error::Error for Stops {}

#[test]
fn whoever_cancels_finds_all_ended_though_another_is_stuck_on_the_way() {
    everywhere(|| {
        let (top, cancel) = root();
        let (middle, cancel_middle) = context::with_cancel_cause(&top);
        let before = tree(&middle, 300);
        let (stops, is_stopped) = bounded(0);
        let (go_on, may_go_on) = bounded(0);
        let stop = Stops(stops, may_go_on);
        let (timed, _timed) = context::with_timeout_cause(&middle, HOUR, stop);
        let after = tree(&timed, 300);
        let cancel_middle = Arc::new(cancel_middle);
        let first = Arc::clone(&cancel_middle);
        let stuck = spawn(move || first.cancel("first"));
        is_stopped.recv().unwrap();
        // The same one again, or one above.
        cancel_middle.cancel("second");
        let all = || {
            before
                .iter()
                .chain(&after)
                .map(|(ctx, _)| ctx)
                .chain([&timed, &middle])
        };
        assert!(all().all(is_done));
        assert!(top.err().is_none());
        cancel.cancel();
        assert!(is_done(&top));
        go_on.send(()).unwrap();
        stuck.join().unwrap();
        // What had not ended by itself has the cause of what ended it.
        let by_cancel = all().filter(|ctx| ctx.err() == Some(Error::Canceled));
        assert!(by_cancel.map(text).all(|text| text == "first"));
    });
}

#[test]
fn a_destructor_that_panics_stops_no_cancel() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("{} bomb", support::DELIBERATE);
        }
    }
    #[derive(Debug)]
    struct Cause(#[allow(dead_code)] Option<NoDebug>);
    struct NoDebug(#[allow(dead_code)] Bomb);
    impl std::fmt::Debug for NoDebug {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bomb")
        }
    }
    impl std::fmt::Display for Cause {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("bomb")
        }
    }
    impl std::error::Error for Cause {}
    support::silence();
    let (top, cancel) = root();
    let before = tree(&top, 500);
    let armed = context::with_timeout_cause(&top, HOUR, Cause(Some(NoDebug(Bomb))));
    let after = tree(&top, 500);
    let result = panic::catch_unwind(AssertUnwindSafe(|| cancel.cancel()));
    assert!(support::message(&*result.unwrap_err()).contains("bomb"));
    for (ctx, _) in before.iter().chain(&after).chain([&armed]) {
        assert!(is_done(ctx));
    }
}

#[test]
fn nothing_parks() {
    support::each(|_| {
        let guard = forbid_yield();
        let (top, cancel) = root();
        let nodes = tree(&top, 100);
        let waiting = top.done();
        context::after_func(&top, || {});
        let (ctx, _cancel) = context::with_deadline(&top, time::now());
        assert!(is_done(&ctx));
        cancel.cancel();
        assert!(waiting.try_recv().is_err());
        drop((nodes, top, cancel));
        drop(guard);
    });
}

#[test]
fn contexts_go_on_without_the_runtime_that_made_them() {
    let (background, cancel) = root();
    let runtime = Builder::new().workers(2).build().unwrap();
    let (ctx, function) = runtime.run(|| context::with_timeout(&background, HOUR));
    drop(runtime);
    assert!(ctx.err().is_none());
    cancel.cancel();
    assert_eq!(ctx.err(), Some(Error::Canceled));
    drop(function);
}

#[test]
fn goroutines_of_many_homes_hear_of_the_end() {
    support::each_and_explored(Some(6), || {
        let (top, cancel) = root();
        let wait = WaitGroup::new();
        for i in 0..200 {
            let (ctx, own) = match i % 2 {
                0 => context::with_timeout(&top, i * MS / 20),
                _ => context::with_cancel(&top),
            };
            wait.go(move || {
                let _own = own;
                wait_for(&ctx, i as usize);
                gort::yield_now();
                assert!(ctx.err().is_some() && is_done(&ctx));
            });
        }
        gort::sleep(5 * MS);
        cancel.cancel();
        wait.wait();
    });
}

// What Go's documentation shows, in other words.

/// A generator that stops when its reader has had enough.
#[test]
fn go_example_cancel() {
    support::each(|runtime: &Runtime| {
        let count_up = |ctx: Context| -> Receiver<i32> {
            let (tx, rx) = bounded(0);
            go!(move || {
                for n in 1.. {
                    select! {
                        recv(ctx.done()) -> _ => return,
                        send(tx, n) -> _ => {}
                    }
                }
            });
            rx
        };
        let before = runtime.num_goroutines();
        let (ctx, cancel) = root();
        let rx = count_up(ctx);
        assert_eq!(
            rx.iter().take_while(|n| *n < 5).collect::<Vec<_>>(),
            [1, 2, 3, 4]
        );
        cancel.cancel();
        assert!(within_yielding(PATIENCE, || runtime.num_goroutines() == before));
        drop(rx);
    });
}

/// Waiting on a condition, and for a context, at the same time.
#[test]
fn go_example_cond() {
    support::each_and_explored(None, || {
        let shared = Arc::new((Mutex::new(false), Cond::new()));
        let wait_on_cond = |ctx: &Context| -> Result<(), Error> {
            let notify = Arc::clone(&shared);
            let stop = context::after_func(ctx, move || {
                let _held = notify.0.lock(); // not between the look and the wait
                notify.1.notify_all();
            });
            let mut ready = shared.0.lock();
            while !*ready {
                if let Some(err) = ctx.err() {
                    return Err(err);
                }
                shared.1.wait(&mut ready);
            }
            stop.stop();
            Ok(())
        };
        let group = WaitGroup::new();
        gort::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    let (ctx, _cancel) = context::with_timeout(&Context::background(), MS);
                    assert_eq!(wait_on_cond(&ctx), Err(Error::DeadlineExceeded));
                });
            }
        });
        group.wait();
        *shared.0.lock() = true;
        assert_eq!(wait_on_cond(&Context::background()), Ok(()));
    });
}

/// A context that ends when one of two does.
#[test]
fn go_example_merge() {
    let merge = |one: &Context, other: &Context| {
        let (ctx, cancel) = context::with_cancel_cause(one);
        let cancel = Arc::new(cancel);
        let (cancels, why) = (Arc::clone(&cancel), other.clone());
        let stop =
            context::after_func(other, move || cancels.cancel(context::cause(&why).unwrap()));
        (ctx, cancel, stop)
    };
    everywhere(move || {
        let (one, _one) = context::with_cancel_cause(&Context::background());
        let (two, cancel_two) = context::with_cancel_cause(&Context::background());
        let (merged, _cancel, _stop) = merge(&one, &two);
        cancel_two.cancel("two");
        wait_for(&merged, 0);
        assert_eq!(
            (merged.err(), text(&merged)),
            (Some(Error::Canceled), "two".into())
        );
        let (other, _cancel, stop) = merge(&two, &one);
        assert_eq!(text(&other), "two");
        stop.stop();
    });
}

/// A limit on how many work, that those who wait give up with their context.
#[test]
fn a_semaphore_with_a_context() {
    support::each_and_explored(None, || {
        let limit = Arc::new(Semaphore::new(0));
        let (ctx, _cancel) = context::with_timeout(&Context::background(), 2 * MS);
        let (tx, rx) = bounded(1);
        let theirs = Arc::clone(&limit);
        let waiting = go!(move || {
            let got = theirs.acquire(1).count();
            let _ = tx.send(got);
        });
        select! {
            recv(rx) -> _ => panic!("there was none"),
            recv(ctx.done()) -> _ => assert_eq!(ctx.err(), Some(Error::DeadlineExceeded)),
        }
        limit.add_permits(1);
        waiting.join().unwrap();
    });
}
