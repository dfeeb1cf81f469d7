//! Edges, nudges and limits, as the system gives them.

use super::*;
use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    sync::Arc,
    thread,
    time::Instant,
};

fn pair() -> (UnixStream, UnixStream) {
    let (a, b) = UnixStream::pair().unwrap();
    a.set_nonblocking(true).unwrap();
    (a, b)
}

fn wait(poller: &OsPoller, limit: Limit) -> Vec<Event> {
    let mut events = Events::new();
    poller.wait(&mut events, limit);
    events.iter().collect()
}

#[test]
fn what_a_descriptor_can_do_already_is_told_once() {
    let poller = OsPoller::open().unwrap();
    let (a, _b) = pair();
    poller.add(a.as_raw_fd(), 7).unwrap();
    let told = wait(&poller, Limit::Never);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].key, told[0].is_writable), (7, true));
    assert!(!told[0].is_readable);
    assert!(wait(&poller, Limit::Now).is_empty());
}

#[test]
fn each_arrival_is_an_event_though_nothing_was_read() {
    let poller = OsPoller::open().unwrap();
    let (mut a, mut b) = pair();
    poller.add(a.as_raw_fd(), 1).unwrap();
    let _ = wait(&poller, Limit::Now);
    for _ in 0..3 {
        b.write_all(b"x").unwrap();
        let told = wait(&poller, Limit::Never);
        assert!(told.iter().any(|event| event.is_readable));
        assert!(wait(&poller, Limit::Now).is_empty());
    }
    let mut buffer = [0; 8];
    assert_eq!(a.read(&mut buffer).unwrap(), 3);
}

#[test]
fn an_end_is_readable() {
    let poller = OsPoller::open().unwrap();
    let (a, b) = pair();
    poller.add(a.as_raw_fd(), 1).unwrap();
    let _ = wait(&poller, Limit::Now);
    drop(b);
    let told = wait(&poller, Limit::Never);
    assert!(told[0].is_readable && told[0].is_writable);
}

#[test]
fn a_nudge_ends_a_wait_and_each_one_the_next() {
    let poller = Arc::new(OsPoller::open().unwrap());
    for _ in 0..3 {
        poller.nudge();
        assert!(wait(&poller, Limit::Never).is_empty());
    }
    let other = Arc::clone(&poller);
    let waiting = thread::spawn(move || wait(&other, Limit::Never));
    poller.nudge();
    assert!(waiting.join().unwrap().is_empty());
}

#[test]
fn a_descriptor_that_was_removed_is_silent() {
    let poller = OsPoller::open().unwrap();
    let (a, mut b) = pair();
    poller.add(a.as_raw_fd(), 1).unwrap();
    poller.remove(a.as_raw_fd());
    poller.remove(a.as_raw_fd());
    b.write_all(b"x").unwrap();
    assert!(wait(&poller, Limit::Now).is_empty());
}

#[test]
fn a_file_is_refused() {
    let poller = OsPoller::open().unwrap();
    let file = std::fs::File::open("Cargo.toml").unwrap();
    let error = poller.add(file.as_raw_fd(), 1).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EPERM));
}

#[test]
fn a_wait_is_never_shorter_than_it_was_asked_for() {
    let poller = OsPoller::open().unwrap();
    for time in [Duration::from_micros(300), Duration::from_millis(2)] {
        let start = Instant::now();
        assert!(wait(&poller, Limit::AtMost(time)).is_empty());
        assert!(start.elapsed() >= time);
        let mut events = Events::new();
        let start = Instant::now();
        let millis = time.as_millis() as c_int + 1;
        assert_eq!(poller.wait_coarsely(&mut events, millis), 0);
        assert!(start.elapsed() >= time);
    }
}
