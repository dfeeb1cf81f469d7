//! `gort::fs` parks goroutines: others of the same home run meanwhile, a thousand at once are fine,
//! and a runtime may end in the middle of a call.

mod support;

use gort::{
    fs::{self, File, OpenOptions},
    go,
    runtime::{Builder, blocking, forbid_yield},
    scope, spawn,
    sync::{WaitGroup, bounded},
};
use std::{
    io::{BufRead, BufReader, Read, Seek, SeekFrom, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc,
    thread,
    time::Duration,
};
use support::folder::{Folder, named_pipe};

/// The open of a named pipe returns when both sides have opened it, and a read waits for a write.
/// Both sides live in one home: so each of these must leave it.
#[test]
fn the_two_ends_of_a_pipe_share_a_home() {
    support::with_homes(&[1, 2], 1, |_| {
        let folder = Folder::new();
        let (there, back) = (folder.join("there"), folder.join("back"));
        named_pipe(&there);
        named_pipe(&back);
        let (theirs, ours) = ((there.clone(), back.clone()), (there, back));
        let (tx, rx) = bounded(0);
        let echo = go!(move || {
            tx.send(()).unwrap();
            let (mut from, mut to) = (
                File::open(theirs.0).unwrap(),
                File::create(theirs.1).unwrap(),
            );
            let mut buffer = [0; 3];
            while from.read_exact(&mut buffer).is_ok() {
                to.write_all(&buffer).unwrap();
            }
        });
        // It has started, so it lives here, too.
        rx.recv().unwrap();
        let (mut to, mut from) = (File::create(ours.0).unwrap(), File::open(ours.1).unwrap());
        for i in 0..50_u8 {
            to.write_all(&[i; 3]).unwrap();
            let mut buffer = [0; 3];
            from.read_exact(&mut buffer).unwrap();
            assert_eq!(buffer, [i; 3]);
        }
        drop(to);
        echo.join().unwrap();
        assert_eq!(from.read(&mut [0; 3]).unwrap(), 0);
    });
}

#[test]
fn a_thousand_goroutines_have_a_file_each() {
    support::each(|_| {
        let folder = &Folder::new();
        scope(|s| {
            for i in 0..1000_usize {
                s.spawn(move || {
                    let path = folder.join(format!("{i}"));
                    let mut file = File::create_new(&path).unwrap();
                    for line in 0..3 {
                        writeln!(file, "{i}:{line}").unwrap();
                    }
                    file.seek(SeekFrom::Start(0)).unwrap();
                    let lines: Vec<_> = BufReader::new(file).lines().map(Result::unwrap).collect();
                    assert_eq!(lines, [0, 1, 2].map(|line| format!("{i}:{line}")));
                    fs::remove_file(&path).unwrap();
                });
            }
        });
        assert!(fs::read_dir(&**folder).unwrap().next().is_none());
    });
}

#[test]
fn a_thousand_goroutines_append_to_one_file() {
    support::each(|_| {
        let folder = Folder::new();
        let path = folder.join("log");
        let log = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .unwrap();
        scope(|s| {
            for i in 0..1000 {
                let mut log = &log;
                // One call each, though it has parts; so lines stay whole.
                s.spawn(move || writeln!(log, "{i}-{i}").unwrap());
            }
        });
        let mut numbers: Vec<usize> = Vec::new();
        for line in fs::read_to_string(&path).unwrap().lines() {
            let (number, again) = line.split_once('-').unwrap();
            assert_eq!(number, again);
            numbers.push(number.parse().unwrap());
        }
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..1000));
    });
}

/// Buffers are borrowed from goroutines that end with their runtime. What the calls write goes to
/// where it was meant to, though nobody reads it, and into nobody else's memory.
#[test]
fn a_read_that_outlives_its_runtime_harms_nobody() {
    const SIZE: usize = 4096;
    let folder = Folder::new();
    let pipes: Vec<_> = (0..8).map(|i| folder.join(format!("{i}"))).collect();
    pipes.iter().for_each(|path| named_pipe(path));
    let runtime = Builder::new().workers(2).build().unwrap();
    let (tx, ready) = mpsc::channel();
    for path in pipes {
        let tx = tx.clone();
        runtime.spawn(move || {
            // To read and write: such an open does not wait for the other side.
            let pipe = OpenOptions::new()
                .read(true)
                .write(true)
                .open(path)
                .unwrap();
            tx.send(std::fs::File::from(pipe.try_clone().unwrap()))
                .unwrap();
            let mut buffer = [7_u8; SIZE];
            (&pipe).read_exact(&mut buffer).unwrap();
            panic!("it goes on in a runtime that has ended");
        });
    }
    let pipes: Vec<_> = (0..8).map(|_| ready.recv().unwrap()).collect();
    let all_read = || pipes.iter().all(|pipe| unread(pipe) == 0);
    // When the first byte is taken, the call has begun.
    for mut pipe in &pipes {
        pipe.write_all(&[255]).unwrap();
    }
    assert!(support::within(Duration::from_secs(20), all_read));
    drop(runtime);
    // Others use the stacks that are free, while the reads end.
    support::under(&[2], |_| {
        let (begun, go_on) = (WaitGroup::new(), WaitGroup::new());
        begun.add(50);
        go_on.add(1);
        let others: Vec<_> = (0..50_u8)
            .map(|i| {
                let (begun, go_on) = (begun.clone(), go_on.clone());
                spawn(move || {
                    let filled = std::hint::black_box([i; SIZE]);
                    begun.done();
                    go_on.wait();
                    filled.iter().all(|byte| *byte == i)
                })
            })
            .collect();
        begun.wait();
        for mut pipe in &pipes {
            blocking(|| pipe.write_all(&[255; SIZE - 1])).unwrap();
        }
        let patience = Duration::from_secs(20);
        assert!(support::within_yielding(patience, all_read));
        go_on.done();
        for other in others {
            assert!(other.join().unwrap());
        }
    });
}

/// How many bytes are in a pipe.
fn unread(pipe: &std::fs::File) -> libc::c_int {
    use std::os::fd::AsRawFd;
    let mut count = 0;
    // SAFETY: the request stores a number of this type.
    let told = unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &mut count) };
    assert_eq!(told, 0);
    count
}

#[test]
fn under_a_guard_that_forbids_parking_nothing_is_done() {
    support::each(|_| {
        let folder = Folder::new();
        let (path, other) = (folder.join("file"), folder.join("other"));
        fs::write(&path, "as it was").unwrap();
        let guard = forbid_yield();
        let refused = [
            catch_unwind(|| fs::write(&path, "changed").unwrap()),
            catch_unwind(|| drop(File::create(&path).unwrap())),
            catch_unwind(AssertUnwindSafe(|| fs::rename(&path, &other).unwrap())),
        ];
        drop(guard);
        for refusal in refused {
            assert!(support::message(&*refusal.unwrap_err()).contains("forbid_yield"));
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), "as it was");
        assert!(!fs::exists(&other).unwrap());
    });
}

/// There is no goroutine, so the call is made where it is: also under `blocking`, whose threads
/// would run out if each call took one more.
#[test]
fn plain_threads_and_blocking_threads_call_in_place() {
    let folder = Folder::new();
    let pipe = folder.join("pipe");
    named_pipe(&pipe);
    let theirs = pipe.clone();
    let writes = thread::spawn(move || fs::write(theirs, "from a thread"));
    assert_eq!(fs::read_to_string(&pipe).unwrap(), "from a thread");
    writes.join().unwrap().unwrap();
    let runtime = Builder::new()
        .workers(1)
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let text = runtime.run(|| blocking(|| fs::read_to_string("Cargo.toml").unwrap()));
    assert!(text.contains("gort"));
    assert_eq!(runtime.metrics().blocking_threads, 1);
}
