//! Waiting for descriptors: nothing is missed, however readiness and waits meet.
#![cfg(unix)]

mod support;

use gort::{
    io::{Pollable, wait_readable, wait_writable},
    runtime,
    sync::channel::bounded,
};
use std::{
    io::{self, ErrorKind, Read, Write},
    os::unix::net::UnixStream,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

fn pair() -> (Pollable<UnixStream>, Pollable<UnixStream>) {
    let (a, b) = UnixStream::pair().unwrap();
    a.set_nonblocking(true).unwrap();
    b.set_nonblocking(true).unwrap();
    (Pollable::new(a), Pollable::new(b))
}

fn echo(stream: Pollable<UnixStream>) {
    let mut buffer = [0; 64];
    loop {
        match (&stream).read(&mut buffer).unwrap() {
            0 => return,
            n => (&stream).write_all(&buffer[..n]).unwrap(),
        }
    }
}

fn ping(mut stream: Pollable<UnixStream>, rounds: u32) {
    for round in 0..rounds {
        stream.write_all(&round.to_le_bytes()).unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(u32::from_le_bytes(answer), round);
    }
}

#[test]
fn every_answer_comes() {
    support::each(|_| {
        let pairs: Vec<_> = (0..20)
            .map(|_| {
                let (a, b) = pair();
                gort::spawn(move || echo(b));
                gort::spawn(move || ping(a, 500))
            })
            .collect();
        for pair in pairs {
            pair.join().unwrap();
        }
    });
}

#[test]
fn a_lone_pair_goes_on_while_all_else_sleeps() {
    support::each(|_| {
        let (a, b) = pair();
        let server = gort::spawn(move || echo(b));
        ping(a, 5_000);
        server.join().unwrap();
    });
}

#[test]
fn threads_wait_as_goroutines_do() {
    support::each(|_| {
        let (a, b) = pair();
        let server = thread::spawn(move || echo(b));
        ping(a, 200);
        runtime::blocking(move || server.join().unwrap());
        let (a, b) = pair();
        let server = gort::spawn(move || echo(b));
        runtime::blocking(move || ping(a, 200));
        server.join().unwrap();
    });
}

#[test]
fn both_ends_may_be_threads() {
    let (a, b) = pair();
    let server = thread::spawn(move || echo(b));
    ping(a, 200);
    server.join().unwrap();
}

#[test]
fn events_come_beside_goroutines_that_never_stop() {
    support::each(|_| {
        let (a, b) = pair();
        let server = gort::spawn(move || echo(b));
        let (stop, stopped) = bounded::<()>(0);
        let busy: Vec<_> = (0..10)
            .map(|_| {
                let stopped = stopped.clone();
                gort::spawn(move || {
                    while stopped.try_recv().is_err_and(|why| why.is_empty()) {
                        gort::yield_now();
                    }
                })
            })
            .collect();
        ping(a, 100);
        drop(stop);
        server.join().unwrap();
        for one in busy {
            one.join().unwrap();
        }
    });
}

#[test]
fn events_come_beside_one_that_never_yields() {
    support::under(&[1, 2], |_| {
        let (mut a, b) = pair();
        let server = gort::spawn(move || echo(b));
        let until = Instant::now() + Duration::from_millis(300);
        let hog = gort::spawn(move || while Instant::now() < until {});
        let mut answer = [0];
        a.write_all(b"x").unwrap();
        a.read_exact(&mut answer).unwrap();
        hog.join().unwrap();
        drop(a);
        server.join().unwrap();
    });
}

#[test]
fn a_reader_and_a_writer_share_one_descriptor() {
    const BYTES: usize = 1 << 20;
    support::each(|_| {
        let (a, b) = pair();
        let a = Arc::new(a);
        let server = gort::spawn(move || {
            // Slower than its peer, so that both directions fill up.
            let mut buffer = [0; 1000];
            let mut left = BYTES;
            while left > 0 {
                let n = (&b).read(&mut buffer).unwrap();
                (&b).write_all(&buffer[..n]).unwrap();
                left -= n;
            }
        });
        let writer = gort::spawn({
            let a = Arc::clone(&a);
            move || {
                let data: Vec<u8> = (0..BYTES).map(|i| (i % 251) as u8).collect();
                (&*a).write_all(&data).unwrap();
            }
        });
        let mut data = vec![0; BYTES];
        (&*a).read_exact(&mut data).unwrap();
        assert!(
            data.iter()
                .enumerate()
                .all(|(i, &byte)| byte == (i % 251) as u8)
        );
        writer.join().unwrap();
        server.join().unwrap();
    });
}

#[test]
fn many_wait_for_one_descriptor_and_each_byte_goes_to_one() {
    support::each(|_| {
        let (mut a, b) = pair();
        let b = Arc::new(b);
        let readers: Vec<_> = (0..10)
            .map(|_| {
                let b = Arc::clone(&b);
                gort::spawn(move || {
                    let mut got = 0;
                    while (&*b).read(&mut [0]).unwrap() > 0 {
                        got += 1;
                    }
                    got
                })
            })
            .collect();
        for _ in 0..1_000 {
            a.write_all(b"x").unwrap();
            gort::yield_now();
        }
        drop(a);
        let got: usize = readers.into_iter().map(|r| r.join().unwrap()).sum();
        assert_eq!(got, 1_000);
    });
}

#[test]
fn one_off_waits() {
    support::each(|_| {
        for _ in 0..50 {
            let (mut reader, mut writer) = io::pipe().unwrap();
            wait_writable(&writer).unwrap();
            let waiting = gort::spawn(move || {
                wait_readable(&reader).unwrap();
                let mut byte = [0];
                reader.read_exact(&mut byte).unwrap();
                byte[0]
            });
            gort::yield_now();
            writer.write_all(b"x").unwrap();
            assert_eq!(waiting.join().unwrap(), b'x');
        }
    });
}

#[test]
fn a_descriptor_may_be_watched_twice() {
    support::each(|_| {
        let (a, b) = UnixStream::pair().unwrap();
        a.set_nonblocking(true).unwrap();
        let a = Arc::new(a);
        let first = Pollable::new(Arc::clone(&a));
        let second = Pollable::new(Arc::clone(&a));
        let waiting: Vec<_> = [first, second]
            .map(|one| gort::spawn(move || one.wait_readable().unwrap()))
            .into();
        gort::sleep(Duration::from_millis(1));
        let third = gort::spawn(move || wait_readable(&*a).unwrap());
        (&b).write_all(b"x").unwrap();
        for one in waiting {
            one.join().unwrap();
        }
        third.join().unwrap();
    });
}

#[test]
fn deadlines_end_waits_and_can_be_moved() {
    support::each(|_| {
        let (a, mut b) = pair();
        let a = Arc::new(a);
        let ms = Duration::from_millis;
        let read = |a: &Pollable<UnixStream>| (&*a).read(&mut [0; 8]).map_err(|e| e.kind());
        a.set_read_deadline(Some(Instant::now()));
        assert_eq!(read(&a), Err(ErrorKind::TimedOut));
        // It has passed for data, too.
        b.write_all(b"x").unwrap();
        assert_eq!(read(&a), Err(ErrorKind::TimedOut));
        a.set_read_deadline(None);
        assert_eq!(read(&a), Ok(1));
        // Moved nearer while somebody waits.
        let waiting = {
            let a = Arc::clone(&a);
            gort::spawn(move || read(&a))
        };
        gort::sleep(ms(1));
        a.set_read_deadline(Some(Instant::now() + ms(3)));
        assert_eq!(waiting.join().unwrap(), Err(ErrorKind::TimedOut));
        // Moved away.
        a.set_read_deadline(Some(Instant::now() + ms(20)));
        let waiting = {
            let a = Arc::clone(&a);
            gort::spawn(move || read(&a))
        };
        gort::sleep(ms(1));
        a.set_read_deadline(None);
        gort::sleep(ms(30));
        assert!(!waiting.is_finished());
        b.write_all(b"xy").unwrap();
        assert_eq!(waiting.join().unwrap(), Ok(2));
    });
}

#[test]
fn a_close_ends_all_waits() {
    support::each(|_| {
        let (a, _b) = pair();
        let a = Arc::new(a);
        let waiting: Vec<_> = (0..20)
            .map(|i| {
                let a = Arc::clone(&a);
                let read = move || (&*a).read(&mut [0]).map_err(|e| e.kind());
                if i % 4 == 0 {
                    let thread = thread::spawn(read);
                    gort::spawn(move || runtime::blocking(move || thread.join().unwrap()))
                } else {
                    gort::spawn(read)
                }
            })
            .collect();
        gort::sleep(Duration::from_millis(2));
        a.close();
        for one in waiting {
            assert_eq!(one.join().unwrap(), Err(ErrorKind::NotConnected));
        }
        assert!((&*a).write(b"x").is_err());
    });
}

#[test]
fn another_runtime_goes_on_with_a_descriptor() {
    let (a, b) = pair();
    let (a, b) = (Arc::new(a), Arc::new(b));
    for _ in 0..20 {
        let (a, b) = (Arc::clone(&a), Arc::clone(&b));
        let one = runtime::Builder::new().workers(2).build().unwrap();
        one.run(move || {
            let waiting = gort::spawn(move || (&*b).read(&mut [0; 4]).unwrap());
            gort::yield_now();
            (&*a).write_all(b"x").unwrap();
            assert_eq!(waiting.join().unwrap(), 1);
        });
    }
}

#[test]
fn the_end_of_one_runtime_leaves_others_their_events() {
    let (mut a, b) = pair();
    let staying = runtime::Builder::new().workers(2).build().unwrap();
    let server = staying.spawn(move || echo(b));
    for round in 0..30_u8 {
        let ending = runtime::Builder::new().workers(2).build().unwrap();
        ending.run(|| {
            let (c, d) = pair();
            gort::spawn(move || echo(d));
            ping(c, 3);
        });
        drop(ending);
        a.write_all(&[round]).unwrap();
        let mut answer = [0];
        a.read_exact(&mut answer).unwrap();
        assert_eq!(answer, [round]);
    }
    drop(a);
    server.join().unwrap();
}

#[test]
fn a_runtime_ends_while_its_goroutines_wait() {
    for workers in [1, 2, 8] {
        let (a, b) = pair();
        let a = Arc::new(a);
        let runtime = runtime::Builder::new().workers(workers).build().unwrap();
        for _ in 0..10 {
            let a = Arc::clone(&a);
            runtime.spawn(move || (&*a).read(&mut [0]));
        }
        runtime.run(|| gort::sleep(Duration::from_millis(2)));
        drop(runtime);
        // What would wake them goes nowhere, and does no harm.
        (&b).write_all(b"xy").unwrap();
        let mut got = [0];
        (&*a).read_exact(&mut got).unwrap();
        assert_eq!(&got, b"x");
    }
}
