//! `on_big_stack`: nested, parking, panicking, from threads; sizes that cannot be.

mod support;

use gort::{
    runtime::{blocking, on_big_stack},
    sleep, spawn,
    sync::WaitGroup,
    yield_now,
};
use std::{
    any::Any,
    hint::black_box,
    panic::{self, AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};
use support::{message, silence};

/// Uses some 4 KiB a level and parks at the bottom.
fn dig(levels: usize) -> usize {
    let mut frame = [0_u8; 4 << 10];
    black_box(&mut frame);
    if levels == 0 {
        yield_now();
        sleep(Duration::from_micros(20));
        return usize::from(frame[0]);
    }
    1 + dig(levels - 1) + usize::from(black_box(&frame)[levels % frame.len()])
}

#[test]
fn it_is_as_big_as_asked_for_and_may_park() {
    support::each(|_| {
        let handles: Vec<_> = (0..8)
            .map(|_| spawn(|| on_big_stack(16 << 20, || dig(3000))))
            .collect();
        for handle in handles {
            assert_eq!(handle.join().unwrap(), 3000);
        }
    });
}

#[test]
fn calls_nest() {
    fn nest(depth: usize) -> usize {
        if depth == 0 {
            return 0;
        }
        let below = on_big_stack(64 << 10, || {
            yield_now();
            nest(depth - 1)
        });
        yield_now();
        below + 1
    }
    support::each(|_| {
        let handles: Vec<_> = (0..20).map(|_| spawn(|| nest(50))).collect();
        for handle in handles {
            assert_eq!(handle.join().unwrap(), 50);
        }
    });
}

#[test]
fn it_is_the_same_goroutine_and_may_borrow() {
    support::each(|_| {
        let id = gort::current().id();
        let mut log = vec![1];
        let length = on_big_stack(1 << 20, || {
            assert_eq!(gort::current().id(), id);
            log.push(2);
            let group = WaitGroup::new();
            for _ in 0..10 {
                group.go(yield_now);
            }
            group.wait();
            log.push(spawn(|| 3).join().unwrap());
            log.len()
        });
        assert_eq!((length, log), (3, vec![1, 2, 3]));
    });
}

#[test]
fn a_panic_comes_back_from_any_depth() {
    silence();
    support::each(|_| {
        for _ in 0..100 {
            let caught = catch_unwind(|| {
                on_big_stack(1 << 20, || {
                    on_big_stack(2 << 20, || {
                        yield_now();
                        panic!("deliberate: deep");
                    })
                })
            });
            let payload: Box<dyn Any + Send> = caught.unwrap_err();
            assert_eq!(message(&*payload), "deliberate: deep");
        }
        let value = catch_unwind(|| on_big_stack(1 << 20, || panic::resume_unwind(Box::new(4))));
        let payload: Box<dyn Any + Send> = value.unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&4));
    });
}

#[test]
fn sizes_that_cannot_be_panic_with_words() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !message(info.payload()).contains("on_big_stack") {
            print(info);
        }
    }));
    let refuse = || {
        for bytes in [0, (1 << 30) + 1, usize::MAX] {
            let mut called = false;
            let caught = catch_unwind(AssertUnwindSafe(|| on_big_stack(bytes, || called = true)));
            let payload = caught.expect_err("absurd");
            assert!(message(&*payload).contains("on_big_stack"));
            assert!(!called);
        }
    };
    support::under(&[1, 2], |_| refuse());
    refuse();
}

#[test]
fn plain_threads_may_use_it() {
    silence();
    let work = || {
        assert_eq!(on_big_stack(16 << 20, || dig(3000)), 3000);
        let nested = on_big_stack(1 << 20, || on_big_stack(1 << 20, || spawn(|| 5).join()));
        assert_eq!(nested.unwrap(), 5);
        assert!(catch_unwind(|| on_big_stack(1 << 20, || panic!("deliberate: thread"))).is_err());
    };
    let threads: Vec<_> = (0..4).map(|_| thread::spawn(work)).collect();
    for thread in threads {
        thread.join().unwrap();
    }
    support::each(|_| blocking(work));
}
