//! Counts words over files and folders, one goroutine a file, and prints those that occur more than
//! once: `cargo run --example word_count -- [--top K] PATH...`. A word is letters and digits, in
//! lower case. Links in folders are not followed. A file that cannot be read, or is no UTF-8, makes
//! the exit code 1. In Go: a map beside a `sync.Mutex`, and a channel of 64 tokens for open files.

use gort::sync::{Mutex, Semaphore};
use gort::{fs, runtime};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::{collections::HashMap, env, process::ExitCode};

#[runtime::main]
fn main() -> ExitCode {
    let Some((top, mut paths)) = arguments() else {
        eprintln!("usage: word_count [--top K] PATH...");
        return ExitCode::from(2);
    };
    let (counts, failed) = (&Mutex::new(HashMap::new()), AtomicBool::new(false));
    let report = &|path: &Path, error: io::Error| {
        eprintln!("word_count: {}: {error}", path.display());
        failed.store(true, Ordering::Relaxed);
    };
    let slots = &Semaphore::new(64); // at most so many files at once, however many there are
    gort::scope(|s| {
        while let Some(path) = paths.pop() {
            match list(path.clone()) {
                Ok(inside) => paths.extend(inside),
                Err(error) if error.kind() == ErrorKind::NotADirectory => {
                    let slot = slots.acquire(1);
                    s.spawn(move || {
                        count(path.clone(), counts).unwrap_or_else(|error| report(&path, error));
                        drop(slot);
                    });
                }
                Err(error) => report(&path, error),
            }
        }
    });
    let counts = counts.lock();
    let mut repeated: Vec<_> = counts.iter().filter(|&(_, &n)| n > 1).collect();
    repeated.sort_unstable_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
    let lines = (repeated.iter().take(top)).map(|(word, n)| format!("{word}: {n}\n"));
    match io::stdout().write_all(lines.collect::<String>().as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => report("stdout".as_ref(), error),
        _ => {} // also when `head`, or whoever reads this, has seen enough
    }
    ExitCode::from(u8::from(failed.load(Ordering::Relaxed)))
}

fn arguments() -> Option<(usize, Vec<PathBuf>)> {
    let (mut args, mut top) = (env::args_os().skip(1).collect::<Vec<_>>(), usize::MAX);
    if let Some(at) = args.iter().position(|arg| arg == "--top") {
        top = args.get(at + 1)?.to_str()?.parse().ok()?;
        args.drain(at..at + 2);
    }
    let option = |arg: &std::ffi::OsString| arg.as_encoded_bytes().starts_with(b"-");
    let good = !args.is_empty() && !args.iter().any(option);
    good.then(|| (top, args.into_iter().map(PathBuf::from).collect()))
}

/// The files and folders in a folder, without links, pipes and devices.
fn list(folder: PathBuf) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    let plain = |e: &fs::DirEntry| matches!(e.file_type(), Ok(t) if t.is_file() || t.is_dir());
    entries.retain(plain);
    Ok(entries.iter().map(fs::DirEntry::path).collect())
}

/// Counts one file by itself first: so it takes the lock once, not once a word.
fn count(file: PathBuf, counts: &Mutex<HashMap<String, u64>>) -> io::Result<()> {
    let text = fs::read_to_string(file)?.to_lowercase();
    let mut own = HashMap::<_, u64>::new();
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.for_each(|word| *own.entry(word).or_default() += 1);
    own.remove(""); // what stands between two separators in a row
    let mut all = counts.lock();
    (own.iter()).for_each(|(&word, n)| *all.entry(word.to_owned()).or_default() += n);
    Ok(())
}
