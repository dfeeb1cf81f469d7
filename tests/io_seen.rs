//! What dumps, bubbles and guards say of goroutines that wait for descriptors.
#![cfg(unix)]

mod support;

use gort::{io::Pollable, runtime, testing};
use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    panic,
    time::{Duration, Instant},
};

fn pair() -> (Pollable<UnixStream>, Pollable<UnixStream>) {
    let (a, b) = UnixStream::pair().unwrap();
    a.set_nonblocking(true).unwrap();
    b.set_nonblocking(true).unwrap();
    (Pollable::new(a), Pollable::new(b))
}

#[test]
fn a_dump_says_what_is_waited_for() {
    support::each(|_| {
        let (mut a, b) = pair();
        let waiting = gort::spawn(move || (&b).read(&mut [0]).unwrap());
        while !runtime::dump().contains("IO wait") {
            gort::yield_now();
        }
        a.write_all(b"x").unwrap();
        waiting.join().unwrap();
    });
}

#[test]
fn time_stands_still_in_a_bubble_while_a_descriptor_is_waited_for() {
    testing::bubble(|| {
        let start = gort::time::now();
        let (mut a, b) = pair();
        let sleeper = gort::spawn(|| gort::sleep(Duration::from_secs(3_600)));
        let waiting = gort::spawn(move || {
            let n = (&b).read(&mut [0]).unwrap();
            (n, gort::time::now())
        });
        // From outside, a little later by the real clock.
        let writer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            a.write_all(b"x").unwrap();
        });
        let (n, at) = waiting.join().unwrap();
        assert_eq!((n, at), (1, start));
        sleeper.join().unwrap();
        assert_eq!(gort::time::now() - start, Duration::from_secs(3_600));
        runtime::blocking(|| writer.join().unwrap());
    });
}

#[test]
fn a_guard_refuses_a_wait_before_anything_is_done() {
    support::each(|_| {
        let (mut a, mut b) = pair();
        let refused = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            let _guard = runtime::forbid_yield();
            b.read(&mut [0])
        }));
        let text = *refused.unwrap_err().downcast::<&str>().unwrap();
        assert!(text.contains("forbid_yield"), "{text}");
        // With something there it need not wait.
        a.write_all(b"xy").unwrap();
        {
            let _guard = runtime::forbid_yield();
            assert_eq!(b.read(&mut [0; 8]).unwrap(), 2);
        }
    });
}

#[test]
fn sleeping_workers_wake_for_timers_beside_the_poller() {
    support::each(|_| {
        let (mut a, b) = pair();
        let waiting = gort::spawn(move || (&b).read(&mut [0]).unwrap());
        let start = Instant::now();
        for n in 1..=20 {
            gort::sleep(Duration::from_millis(1));
            assert!(start.elapsed() >= Duration::from_millis(n));
        }
        a.write_all(b"x").unwrap();
        waiting.join().unwrap();
    });
}

#[test]
fn work_from_outside_wakes_the_one_that_sleeps_in_the_poller() {
    support::beside(&[1, 2, 3, 8], |runtime| {
        let (mut a, b) = pair();
        let waiting = runtime.spawn(move || (&b).read(&mut [0]).unwrap());
        for n in 0..300 {
            if n % 50 == 0 {
                // All have time to fall asleep.
                std::thread::sleep(Duration::from_millis(2));
            }
            assert_eq!(runtime.spawn(move || n).join().unwrap(), n);
        }
        a.write_all(b"x").unwrap();
        assert_eq!(waiting.join().unwrap(), 1);
    });
}
