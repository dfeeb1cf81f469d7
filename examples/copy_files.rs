//! Copies files and folders into a folder, at most 32 files at once:
//! `cargo run --example copy_files -- PATH... FOLDER`. Files that are there stay, and links are not
//! followed. What cannot be copied is named, stops nobody, and makes the exit code 1. In Go:
//! `os.ReadDir`, `io.Copy`, and a channel of 32 tokens.

use gort::{Mutex, Semaphore, fs, fs::File, runtime, scope};
use std::path::{Path, PathBuf};
use std::{env, io, process::ExitCode};

#[runtime::main]
fn main() -> ExitCode {
    let mut paths: Vec<_> = env::args_os().skip(1).map(PathBuf::from).collect();
    let (Some(target), false) = (paths.pop(), paths.is_empty()) else {
        eprintln!("usage: copy_files PATH... FOLDER");
        return ExitCode::from(2);
    };
    let (copied, failed) = (&Mutex::new((0, 0)), &Mutex::new(0));
    let report = |path: &Path, error: io::Error| {
        eprintln!("copy_files: {}: {error}", path.display());
        *failed.lock() += 1;
    };
    let made = fs::create_dir_all(&target).and_then(|()| fs::canonicalize(&target));
    let target = made.unwrap_or_else(|error| {
        report(&target, error);
        paths.clear();
        target
    });
    let name = |path: PathBuf| {
        let to = target.join(path.file_name().unwrap_or_default());
        (path, to)
    };
    let (mut jobs, slots) = (
        paths.into_iter().map(name).collect::<Vec<_>>(),
        &Semaphore::new(32),
    );
    scope(|s| {
        while let Some((from, to)) = jobs.pop() {
            match inside(&from, &to, &target) {
                Ok(Some(more)) => jobs.extend(more),
                Ok(None) => {
                    let slot = slots.acquire(1); // waits here, so that goroutines do not pile up
                    s.spawn(move || {
                        match copy(&from, &to) {
                            Ok(bytes) => {
                                let mut copied = copied.lock();
                                *copied = (copied.0 + 1, copied.1 + bytes);
                            }
                            Err(error) => report(&from, error),
                        }
                        drop(slot);
                    });
                }
                Err(error) => report(&from, error),
            }
        }
    });
    let (files, bytes) = *copied.lock();
    println!("copied {files} files, {bytes} bytes");
    ExitCode::from(u8::from(*failed.lock() > 0))
}

/// For a folder: makes it at its new place, and tells what is in it and where that goes.
fn inside(from: &Path, to: &Path, target: &Path) -> io::Result<Option<Vec<(PathBuf, PathBuf)>>> {
    let kind = fs::symlink_metadata(from)?.file_type();
    if kind.is_file() {
        return Ok(None);
    } else if !kind.is_dir() || fs::canonicalize(from)? == target {
        return Err(io::Error::other("no file, and no folder to be copied"));
    }
    fs::create_dir_all(to)?;
    let job = |entry: fs::DirEntry| (entry.path(), to.join(entry.file_name()));
    let jobs = fs::read_dir(from)?.map(|entry| entry.map(job));
    jobs.collect::<io::Result<_>>().map(Some)
}

/// Takes the new name first: so nothing is overwritten.
fn copy(from: &Path, to: &Path) -> io::Result<u64> {
    File::create_new(to)?;
    fs::copy(from, to).inspect_err(|_| drop(fs::remove_file(to)))
}
