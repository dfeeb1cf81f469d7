//! Goroutines append to one buffer under a lock; when all are done it is written to a file.
//! Run it with `cargo run --example shared_buffer`.
//!
//! In Go: a `bytes.Buffer` beside a `sync.Mutex`, and the hope that everybody locks it. Here the
//! buffer is *in* the mutex, and there is no way to it but through the lock.

use std::fmt::{self, Write};
use std::sync::Arc;
use std::{env, fs, io, process};

use gort::runtime;
use gort::sync::{Mutex, WaitGroup};

const WRITERS: u32 = 5;
const LINES: u32 = 3;

/// A line is written in two pieces, with a pause: the lock keeps the other writers out of it.
fn append(writer: u32, buffer: &Mutex<String>) -> fmt::Result {
    for line in 1..=LINES {
        let mut text = buffer.lock();
        write!(text, "writer {writer}, ")?;
        gort::yield_now();
        writeln!(text, "line {line}")?;
    }
    Ok(())
}

#[runtime::main]
fn main() -> io::Result<()> {
    let buffer = Arc::new(Mutex::new(String::new()));
    let writers = WaitGroup::new();
    for writer in 1..=WRITERS {
        let buffer = Arc::clone(&buffer);
        writers.go(move || append(writer, &buffer).expect("a String takes all that is written"));
    }
    writers.wait();

    let path = env::temp_dir().join(format!("gort-shared-buffer-{}.txt", process::id()));
    let text = std::mem::take(&mut *buffer.lock());
    let written = runtime::blocking(|| {
        fs::write(&path, text)?;
        let written = fs::read_to_string(&path)?;
        fs::remove_file(&path)?;
        io::Result::Ok(written)
    })?;

    let mut lines: Vec<&str> = written.lines().collect();
    lines.sort_unstable(); // they came in the order in which the writers got the lock
    for line in &lines {
        println!("{line}");
    }
    println!("{} lines, none torn", lines.len());
    Ok(())
}
