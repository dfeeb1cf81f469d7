//! Pipes: what is written comes, ends park, and std's pipes go in and out.
#![cfg(unix)]

mod support;

use gort::{
    io::{PipeReader, PipeWriter, pipe},
    runtime,
};
use std::{
    io::{ErrorKind, Read, Write},
    os::fd::{AsRawFd, OwnedFd, RawFd},
    thread,
    time::{Duration, Instant},
};

fn is_nonblocking(fd: RawFd) -> bool {
    // SAFETY: it asks for the flags of a descriptor that is open.
    unsafe { libc::fcntl(fd, libc::F_GETFL) & libc::O_NONBLOCK != 0 }
}

fn everywhere(body: impl Fn() + Sync) {
    support::each(|_| body());
    body();
}

#[test]
fn what_is_written_comes_to_the_end() {
    const BYTES: usize = 1 << 20;
    everywhere(|| {
        let (mut reader, mut writer) = pipe().unwrap();
        let writing = gort::spawn(move || {
            for n in 0..BYTES / 1_024 {
                writer.write_all(&[n as u8; 1_024]).unwrap();
            }
        });
        let mut bytes = Vec::new();
        assert_eq!(reader.read_to_end(&mut bytes).unwrap(), BYTES);
        let is_right = |(n, part): (usize, &[u8])| part.iter().all(|&byte| byte == n as u8);
        assert!(bytes.chunks(1_024).enumerate().all(is_right));
        writing.join().unwrap();
    });
}

#[test]
fn a_goroutine_that_waits_lets_others_run() {
    support::under(&[1], |_| {
        let (mut reader, mut writer) = pipe().unwrap();
        let reading = gort::spawn(move || reader.read(&mut [0; 8]).unwrap());
        // With one worker this ends only if the reader parks.
        while !runtime::dump().contains("IO wait") {
            gort::yield_now();
        }
        writer.write_all(b"x").unwrap();
        assert_eq!(reading.join().unwrap(), 1);
    });
}

#[test]
fn an_end_is_closed_when_its_last_clone_is() {
    everywhere(|| {
        let (mut reader, writer) = pipe().unwrap();
        let mut clone = writer.try_clone().unwrap();
        drop(writer);
        clone.write_all(b"x").unwrap();
        drop(clone);
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 1);
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 0);

        let (reader, mut writer) = pipe().unwrap();
        drop(reader.try_clone().unwrap());
        writer.write_all(b"x").unwrap();
        drop(reader);
        let error = writer.write(b"x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_reader_that_goes_ends_a_write_under_way() {
    support::each(|_| {
        let (reader, mut writer) = pipe().unwrap();
        let writing = gort::spawn(move || {
            loop {
                if let Err(error) = writer.write(&[0; 10_000]) {
                    return error.kind();
                }
            }
        });
        while !runtime::dump().contains("IO wait") {
            gort::yield_now();
        }
        drop(reader);
        assert_eq!(writing.join().unwrap(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn deadlines_end_reads_and_writes() {
    everywhere(|| {
        let (mut reader, mut writer) = pipe().unwrap();
        let soon = Instant::now() + Duration::from_millis(5);
        reader.set_read_deadline(Some(soon));
        let error = reader.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        writer.write_all(b"x").unwrap();
        writer.set_write_deadline(Some(Instant::now() + Duration::from_millis(5)));
        let error = loop {
            if let Err(error) = writer.write(&[0; 10_000]) {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        reader.set_read_deadline(None);
        assert!(reader.read(&mut [0]).is_ok());
    });
}

#[test]
fn ends_come_from_std_and_go_back() {
    everywhere(|| {
        let (reader, writer) = std::io::pipe().unwrap();
        let (reader, writer) = (PipeReader::from(reader), PipeWriter::from(writer));
        assert!(is_nonblocking(reader.as_raw_fd()) && is_nonblocking(writer.as_raw_fd()));
        let (mut reader, writer) = (std::io::PipeReader::from(reader), OwnedFd::from(writer));
        assert!(!is_nonblocking(reader.as_raw_fd()) && !is_nonblocking(writer.as_raw_fd()));
        PipeWriter::from(writer).write_all(b"x").unwrap();
        assert_eq!(reader.read(&mut [0; 8]).unwrap(), 1);
    });
}

#[test]
fn threads_write_to_goroutines() {
    support::each(|_| {
        let (mut reader, mut writer) = pipe().unwrap();
        let thread = thread::spawn(move || writer.write_all(&[7; 200_000]).unwrap());
        let mut bytes = Vec::new();
        assert_eq!(reader.read_to_end(&mut bytes).unwrap(), 200_000);
        runtime::blocking(|| thread.join().unwrap());
    });
}
