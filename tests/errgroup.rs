//! `errgroup`: waits for all, gives the first error, ends its context, keeps its limit, and loses
//! no panic.

mod support;

use gort::{
    context::{self, Cause, Context, Error},
    runtime::{forbid_yield, goexit},
    select,
    sync::{Mutex, bounded, channel::TryRecvError, errgroup::Group, never},
};
use std::{
    io,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};
use support::{DELIBERATE, within_yielding};

const PATIENCE: Duration = Duration::from_secs(20);

/// Runs the body in a goroutine of each worker count, on a plain thread, and under many schedules.
#[track_caller]
fn everywhere(body: impl Fn() + Send + Sync + 'static) {
    support::each(|_| body());
    thread::scope(|s| s.spawn(&body).join().unwrap());
    support::explored(None, body);
}

/// The text of the panic of `f`.
#[track_caller]
fn panic_of(f: impl FnOnce()) -> String {
    support::silence();
    let payload = panic::catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    support::message(&*payload).to_owned()
}

#[test]
fn waits_for_all() {
    everywhere(|| {
        let (group, done) = (Group::<String>::new(), Arc::new(AtomicUsize::new(0)));
        for i in 0..500 {
            let done = Arc::clone(&done);
            group.go(move || {
                if i % 10 == 0 {
                    gort::yield_now();
                }
                done.fetch_add(1, SeqCst);
                Ok(())
            });
        }
        assert_eq!(group.wait(), Ok(()));
        assert_eq!(done.load(SeqCst), 500);
        assert_eq!(Group::<String>::new().wait(), Ok(()));
    });
}

#[test]
fn the_first_error_wins_and_all_are_waited_for() {
    everywhere(|| {
        let (group, done) = (Group::new(), Arc::new(AtomicUsize::new(0)));
        let (first, failed) = bounded::<()>(0);
        group.go(move || {
            drop(first);
            Err("first")
        });
        failed.recv().unwrap_err();
        // It counts as failed when its function has returned.
        assert!(within_yielding(PATIENCE, || format!("{group:?}").contains("active: 0")));
        for i in 0..20 {
            let done = Arc::clone(&done);
            group.go(move || {
                gort::yield_now();
                done.fetch_add(1, SeqCst);
                if i % 2 == 0 { Err("later") } else { Ok(()) }
            });
        }
        assert_eq!(group.wait(), Err("first"));
        assert_eq!(done.load(SeqCst), 20);
        // As new.
        assert_eq!(group.wait(), Ok(()));
        group.go(|| Err("again"));
        assert_eq!(group.wait(), Err("again"));
    });
}

#[test]
fn members_start_members() {
    fn spread(group: &Group<String>, depth: u32, done: &Arc<AtomicUsize>) {
        done.fetch_add(1, SeqCst);
        for _ in 0..2 * depth.min(1) {
            let (inner, done) = (group.clone(), Arc::clone(done));
            group.go(move || {
                spread(&inner, depth - 1, &done);
                Ok(())
            });
        }
    }
    everywhere(|| {
        let (group, done) = (Group::new(), Arc::new(AtomicUsize::new(0)));
        spread(&group, 8, &done);
        assert_eq!(group.wait(), Ok(()));
        assert_eq!(done.load(SeqCst), 511);
    });
}

#[test]
fn the_first_error_ends_the_context() {
    everywhere(|| {
        let (group, ctx) = Group::<String>::with_context(&Context::background());
        for i in 0..10 {
            let ctx = ctx.clone();
            group.go(move || {
                select! {
                    recv(ctx.done()) -> _ => Err(format!("gave up {i}")),
                    recv(never::<()>()) -> _ => Ok(()),
                }
            });
        }
        assert!(ctx.err().is_none());
        group.go(|| Err("no luck".into()));
        assert_eq!(group.wait(), Err("no luck".into()));
        assert_eq!(ctx.err(), Some(Error::Canceled));
        assert_eq!(context::cause(&ctx).unwrap().to_string(), "no luck");
    });
}

#[test]
fn wait_ends_the_context() {
    everywhere(|| {
        let (group, ctx) = Group::<String>::with_context(&Context::background());
        let theirs = ctx.clone();
        group.go(move || theirs.err().map_or(Ok(()), |err| Err(err.to_string())));
        assert_eq!(group.wait(), Ok(()));
        assert_eq!(ctx.err(), Some(Error::Canceled));
        assert_eq!(
            context::cause(&ctx).unwrap().downcast_ref(),
            Some(&Error::Canceled)
        );
        // It is still a group, with an ended context.
        group.go(|| Ok(()));
        assert_eq!(group.wait(), Ok(()));
    });
}

#[test]
fn a_parent_that_ends_ends_the_context() {
    let (parent, cancel) =
        context::with_cancel_cause(&context::with_value(&Context::background(), 7_u8));
    let (group, ctx) = Group::<&str>::with_context(&parent);
    assert_eq!(ctx.value::<u8>().as_deref(), Some(&7));
    let waits = ctx.clone();
    group.go(move || waits.done().recv().map_err(|_| "told to stop"));
    cancel.cancel("enough");
    assert_eq!(group.wait(), Err("told to stop"));
    assert_eq!(context::cause(&ctx).unwrap().to_string(), "enough");
}

/// What becomes of an error as its group's cause.
fn cause_of<E: Send + 'static>(error: E) -> Cause {
    let (group, ctx) = Group::<E>::with_context(&Context::background());
    group.go(move || Err(error));
    assert!(group.wait().is_err());
    context::cause(&ctx).unwrap()
}

#[test]
fn errors_that_can_be_are_causes() {
    type Boxed = Box<dyn std::error::Error + Send + Sync>;
    assert_eq!(cause_of::<Boxed>("text".into()).to_string(), "text");
    assert_eq!(cause_of("text").to_string(), "text");
    assert_eq!(cause_of(String::from("text")).to_string(), "text");
    let not_found = cause_of(io::Error::new(io::ErrorKind::NotFound, "file"));
    assert_eq!(not_found.to_string(), "file");
    assert_eq!(
        not_found.downcast_ref::<io::Error>().unwrap().kind(),
        io::ErrorKind::NotFound
    );
    let shared: Cause = Arc::new(std::fmt::Error);
    assert!(Arc::ptr_eq(&cause_of(Arc::clone(&shared)), &shared));
    assert!(Arc::ptr_eq(
        &cause_of::<Boxed>(Box::new(Arc::clone(&shared))),
        &shared
    ));
    let exceeded = Some(&Error::DeadlineExceeded);
    assert_eq!(cause_of(Error::DeadlineExceeded).downcast_ref(), exceeded);
    assert_eq!(
        cause_of::<Boxed>(Error::DeadlineExceeded.into()).downcast_ref(),
        exceeded
    );
    // Nothing is known of this one.
    assert_eq!(cause_of(()).downcast_ref(), Some(&Error::Canceled));

    let (group, ctx) =
        Group::with_context_cause(&Context::background(), |code: &u32| format!("code {code}"));
    group.go(|| Err(7));
    assert_eq!(group.wait(), Err(7));
    assert_eq!(context::cause(&ctx).unwrap().to_string(), "code 7");
}

#[test]
fn a_cause_that_panics_loses_no_end() {
    let told = Arc::new(AtomicUsize::new(0));
    let tells = Arc::clone(&told);
    let text = panic_of(|| {
        let cause = |_: &u32| -> String { panic!("{DELIBERATE} cause") };
        let (group, ctx) = Group::with_context_cause(&Context::background(), cause);
        group.go(move || {
            let end = ctx.done().recv_timeout(PATIENCE);
            tells.fetch_add(usize::from(end.unwrap_err().is_disconnected()), SeqCst);
            Ok(())
        });
        group.go(|| Err(7));
        let _ = group.wait();
    });
    assert_eq!(text, "deliberate cause");
    assert_eq!(told.load(SeqCst), 1);
}

#[test]
fn no_more_than_the_limit_run_at_once() {
    for limit in [1, 2, 5] {
        everywhere(move || {
            let group = Group::<String>::new();
            group.set_limit(limit);
            let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            for i in 0..100 {
                let (now, most) = (Arc::clone(&now), Arc::clone(&most));
                group.go(move || {
                    most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
                    for _ in 0..i % 4 {
                        gort::yield_now();
                    }
                    now.fetch_sub(1, SeqCst);
                    Ok(())
                });
            }
            assert_eq!(group.wait(), Ok(()));
            assert!((1..=limit).contains(&most.load(SeqCst)));
        });
    }
}

#[test]
fn go_parks_while_the_limit_is_reached() {
    everywhere(|| {
        let group = Group::<String>::new();
        group.set_limit(1);
        let (tx, rx) = bounded::<()>(0);
        group.go(move || rx.recv().map_err(|_| "nobody sent".into()));
        let (starts, started) = bounded::<()>(1);
        let other = group.clone();
        let second = gort::go!(move || other.go(move || {
            starts.send(()).unwrap();
            Ok(())
        }));
        for _ in 0..100 {
            gort::yield_now();
        }
        assert_eq!(started.try_recv(), Err(TryRecvError::Empty));
        assert!(!group.try_go(|| Ok(())));
        tx.send(()).unwrap();
        assert_eq!(started.recv_timeout(PATIENCE), Ok(()));
        second.join().unwrap();
        assert_eq!(group.wait(), Ok(()));
        assert!(group.try_go(|| Err("tried".into())));
        assert_eq!(group.wait(), Err("tried".into()));
    });
}

#[test]
fn limits_of_none_and_zero() {
    let group = Group::<String>::new();
    group.set_limit(0);
    assert!(!group.try_go(|| unreachable!()));
    assert!(panic_of(|| group.go(|| unreachable!())).contains("limit 0"));
    group.set_limit(usize::MAX);
    let (tx, rx) = bounded::<()>(0);
    for _ in 0..100 {
        let rx = rx.clone();
        assert!(group.try_go(move || rx.recv().map_err(|_| String::new())));
    }
    let text = panic_of(|| group.set_limit(2));
    assert!(text.contains("modify limit while 100 goroutines"), "{text}");
    for _ in 0..100 {
        tx.send(()).unwrap();
    }
    assert_eq!(group.wait(), Ok(()));
    group.set_limit(1);
    group.go(|| Ok(()));
    assert_eq!(group.wait(), Ok(()));
}

#[test]
fn a_panic_comes_out_of_wait() {
    everywhere(|| {
        let (group, ctx) = Group::<String>::with_context(&Context::background());
        let ended = Arc::new(AtomicUsize::new(0));
        for _ in 0..5 {
            let (ctx, ended) = (ctx.clone(), Arc::clone(&ended));
            group.go(move || {
                let _ = ctx.done().recv();
                ended.fetch_add(1, SeqCst);
                Err("only then".into())
            });
        }
        group.go(|| panic!("{DELIBERATE} end"));
        assert_eq!(panic_of(|| drop(group.wait())), "deliberate end");
        assert_eq!(ended.load(SeqCst), 5);
        let cause = context::cause(&ctx).unwrap().to_string();
        assert!(cause.contains("panicked: deliberate end"), "{cause}");
        assert_eq!(group.wait(), Ok(()));
    });
}

#[test]
fn a_panic_after_an_error_comes_out_all_the_same() {
    let group = Group::<&str>::new();
    let (tx, rx) = bounded::<()>(0);
    group.go(move || {
        drop(tx);
        Err("first")
    });
    rx.recv().unwrap_err();
    group.go(|| panic::panic_any(7_u32));
    support::silence();
    let payload = panic::catch_unwind(AssertUnwindSafe(|| group.wait())).unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&7_u32));
}

#[test]
fn goexit_comes_out_of_wait() {
    support::each(|runtime| {
        let outer = runtime.spawn(|| {
            let (group, ctx) = Group::<String>::with_context(&Context::background());
            let waits = ctx.clone();
            group.go(move || {
                let _ = waits.done().recv();
                Ok(())
            });
            group.go(|| goexit());
            let _ = group.wait();
            unreachable!();
        });
        let error = outer.join().unwrap_err();
        assert!(support::message(&*error).contains("goexit"));
    });
    let text = panic_of(|| {
        let group = Group::<String>::new();
        group.go(|| goexit());
        let _ = group.wait();
    });
    assert!(text.contains("called goexit"), "{text}");
}

#[test]
fn a_panic_gives_its_place_back() {
    let group = Group::<String>::new();
    group.set_limit(1);
    support::silence();
    for _ in 0..50 {
        group.go(|| panic!("{DELIBERATE}"));
    }
    assert_eq!(panic_of(|| drop(group.wait())), DELIBERATE);
    assert!(group.try_go(|| Ok(())));
    assert_eq!(group.wait(), Ok(()));
}

#[test]
fn a_dropped_group_goes_on_and_its_context_ends_with_it() {
    everywhere(|| {
        let (group, ctx) = Group::<String>::with_context(&Context::background());
        let (tx, rx) = bounded::<()>(0);
        group.go(move || rx.recv().map_err(|_| "nobody sent".into()));
        drop(group);
        assert!(ctx.err().is_none());
        tx.send(()).unwrap();
        assert!(
            ctx.done()
                .recv_timeout(PATIENCE)
                .unwrap_err()
                .is_disconnected()
        );
    });
}

/// A runtime dropped with members of a group that had no chance to start; how many did not.
fn drop_before_start() -> usize {
    let runtime = support::runtime(1);
    let (group, ctx) = Group::<String>::with_context(&Context::background());
    let ran = Arc::new(AtomicUsize::new(0));
    let (tx, rx) = std::sync::mpsc::channel();
    let (starts, theirs) = (group.clone(), Arc::clone(&ran));
    runtime.spawn(move || {
        for _ in 0..10 {
            let ran = Arc::clone(&theirs);
            starts.go(move || {
                ran.fetch_add(1, SeqCst);
                Ok(())
            });
        }
        tx.send(()).unwrap();
        // Shorter than the monitor's patience, so that no spare starts them.
        support::compute(Duration::from_millis(4));
    });
    rx.recv().unwrap();
    drop(runtime);
    let unstarted = 10 - ran.load(SeqCst);
    match unstarted {
        0 => assert_eq!(group.wait(), Ok(())),
        _ => {
            let text = panic_of(|| drop(group.wait()));
            assert!(text.contains("was shut down before"), "{text}");
            let cause = context::cause(&ctx).unwrap().to_string();
            assert!(cause.contains("never started"), "{cause}");
        }
    }
    assert_eq!(ctx.err(), Some(Error::Canceled));
    unstarted
}

#[test]
fn members_that_never_start_are_told_of() {
    let unstarted: usize = (0..20).map(|_| drop_before_start()).sum();
    assert!(
        unstarted > 0,
        "each of them started; the test shows nothing"
    );
}

#[test]
fn parks_only_where_it_says() {
    support::each(|_| {
        let group = Group::<String>::new();
        group.set_limit(1);
        let (tx, rx) = bounded::<()>(0);
        group.go(move || rx.recv().map_err(|_| "told".into()));
        let guard = forbid_yield();
        assert!(!group.try_go(|| Ok(())));
        for text in [
            panic_of(|| group.go(|| Ok(()))),
            panic_of(|| drop(group.wait())),
        ] {
            assert!(text.contains("forbid_yield"), "{text}");
        }
        drop((guard, tx));
        assert_eq!(group.wait(), Err("told".into()));
        group.go(|| Ok(()));
        assert_eq!(group.wait(), Ok(()));
    });
}

#[test]
fn threads_and_goroutines_share_a_group() {
    support::beside(support::WORKERS, |runtime| {
        let group = Group::<usize>::new();
        group.set_limit(3);
        let done = Arc::new(AtomicUsize::new(0));
        let starts = |from: usize| {
            let (group, done) = (group.clone(), Arc::clone(&done));
            move || {
                for i in from..from + 200 {
                    let done = Arc::clone(&done);
                    group.go(move || {
                        done.fetch_add(1, SeqCst);
                        if i == 777 { Err(i) } else { Ok(()) }
                    });
                }
            }
        };
        let goroutines: Vec<_> = (0..4).map(|i| runtime.spawn(starts(i * 1000))).collect();
        let threads: Vec<_> = (0..2)
            .map(|i| thread::spawn(starts(600 + i * 5000)))
            .collect();
        goroutines.into_iter().for_each(|g| g.join().unwrap());
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(group.wait(), Err(777));
        assert_eq!(done.load(SeqCst), 1200);
    });
}

/// Values of the user's that are dropped may use the group.
#[test]
fn destructors_may_use_the_group() {
    struct Uses(Group<Uses>);
    impl Drop for Uses {
        fn drop(&mut self) {
            assert!(!self.0.try_go(|| unreachable!()));
            let _ = format!("{:?}", self.0);
        }
    }
    support::each(|_| {
        let group = Group::<Uses>::new();
        group.set_limit(1);
        let limits = group.clone();
        let held = Arc::new(Mutex::new(()));
        for _ in 0..20 {
            let (uses, held) = (limits.clone(), Arc::clone(&held));
            group.go(move || {
                let _held = held.lock();
                // The second and later ones are dropped inside, while the limit is reached.
                Err(Uses(uses))
            });
        }
        let Err(first) = group.wait() else {
            panic!("all failed")
        };
        first.0.set_limit(0);
    });
}

// What Go's documentation shows, in other words.

/// Searches in parallel; as soon as one fails, the others are of no use.
#[test]
fn go_example_parallel() {
    type Search = fn(&Context, &str) -> Result<String, Box<dyn std::error::Error + Send + Sync>>;
    fn find(kind: &'static str) -> Search {
        match kind {
            "web" => |_, query| Ok(format!("web result for {query}")),
            "image" => |_, query| Ok(format!("image result for {query}")),
            _ => |ctx, _| match ctx.done().recv_timeout(Duration::from_millis(1)) {
                Err(e) if e.is_timeout() => Err("no such kind".into()),
                _ => Err(Box::new(ctx.err().unwrap())),
            },
        }
    }
    let google = |kinds: &[&'static str]| {
        let (group, ctx) = <Group>::with_context(&Context::background());
        let results = Arc::new(Mutex::new(vec![String::new(); kinds.len()]));
        for (i, kind) in kinds.iter().enumerate() {
            let (ctx, search, results) = (ctx.clone(), find(kind), Arc::clone(&results));
            group.go(move || {
                results.lock()[i] = search(&ctx, "golang")?;
                Ok(())
            });
        }
        group.wait()?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(results.lock().clone())
    };
    everywhere(move || {
        let found = google(&["web", "image"]).unwrap();
        assert_eq!(found, ["web result for golang", "image result for golang"]);
        assert_eq!(
            google(&["web", "smell"]).unwrap_err().to_string(),
            "no such kind"
        );
    });
}

/// A pipeline of stages in one group: what one stage fails over ends all.
#[test]
fn go_example_pipeline() {
    let square_all = |bad: Option<u32>| -> Result<u32, String> {
        let (group, ctx) = Group::<String>::with_context(&Context::background());
        let (numbers, to_square) = bounded::<u32>(0);
        let (squares, squared) = bounded::<u32>(0);
        let ends = ctx.clone();
        group.go(move || {
            for n in 1..=100 {
                select! {
                    send(numbers, n) -> sent => sent.map_err(|e| e.to_string())?,
                    recv(ends.done()) -> _ => return Err(ends.err().unwrap().to_string()),
                }
            }
            Ok(())
        });
        for _ in 0..4 {
            let (from, to, ctx) = (to_square.clone(), squares.clone(), ctx.clone());
            group.go(move || {
                for n in &from {
                    if Some(n) == bad {
                        return Err(format!("{n} is bad"));
                    }
                    select! {
                        send(to, n * n) -> sent => sent.map_err(|e| e.to_string())?,
                        recv(ctx.done()) -> _ => return Err(ctx.err().unwrap().to_string()),
                    }
                }
                Ok(())
            });
        }
        drop((to_square, squares));
        let sum = squared.iter().sum();
        group.wait().map(|()| sum)
    };
    everywhere(move || {
        assert_eq!(square_all(None), Ok(338_350));
        assert_eq!(square_all(Some(50)), Err("50 is bad".into()));
    });
}
