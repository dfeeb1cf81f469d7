//! Compresses each FILE to FILE.gz, a goroutine each; one that fails makes the exit code 1:
//! `cargo run --release --example gzip_files -- [--force] [--out DIR] FILE...`. A FILE.gz that is
//! there stays without `--force`. In Go: `go compress(file)`, and a channel of errors.

use flate2::{Compression, write::GzEncoder};
use gort::{go, runtime};
use indicatif::ProgressBar;
use std::path::PathBuf;
use std::process::{self, ExitCode};
use std::{collections::HashSet, env, fs, fs::File, io};

#[runtime::main]
fn main() -> ExitCode {
    let Some((force, out, files)) = arguments() else {
        eprintln!("usage: gzip_files [--force] [--out DIR] FILE...");
        return ExitCode::from(2);
    };
    let (total, mut goals, mut jobs) = (files.len(), HashSet::new(), Vec::new());
    let bar = ProgressBar::new(total as u64); // draws on stderr, if that is a terminal
    for file in files {
        let mut goal = match &out {
            Some(folder) => folder.join(file.file_name().unwrap_or_default()),
            None => file.clone(),
        };
        goal.as_mut_os_string().push(".gz");
        let is_new = goals.insert(goal.clone()); // with --out, a/x and b/x would both be DIR/x.gz
        let bar = bar.clone();
        jobs.push(go!(move || {
            let name = file.display().to_string();
            let done = runtime::blocking(move || compress(file, goal, force, is_new));
            bar.inc(1);
            done.map_err(|error| bar.suspend(|| eprintln!("gzip_files: {name}: {error}")))
        }));
    }
    let done = jobs.into_iter().map(|job| job.join());
    let done = done.filter(|done| matches!(done, Ok(Ok(())))).count();
    bar.finish_and_clear();
    eprintln!("compressed {done} of {total} files");
    ExitCode::from(u8::from(done < total))
}

fn arguments() -> Option<(bool, Option<PathBuf>, Vec<PathBuf>)> {
    let (mut force, mut out, mut files) = (false, None, Vec::new());
    let mut args = env::args_os().skip(1);
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--force") => force = true,
            Some("--out") => out = Some(PathBuf::from(args.next()?)),
            Some(option) if option.starts_with('-') => return None,
            _ => files.push(PathBuf::from(arg)),
        }
    }
    (!files.is_empty()).then_some((force, out, files))
}

/// Writes to another name first, and removes that if anything fails: `goal` is whole or absent.
fn compress(file: PathBuf, goal: PathBuf, force: bool, is_new: bool) -> io::Result<()> {
    if !is_new || (!force && goal.exists()) {
        return Err(io::Error::other(format!("{} exists", goal.display())));
    }
    let mut source = File::open(file)?;
    goal.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut partial = goal.clone();
    partial
        .as_mut_os_string()
        .push(format!(".{}.partial", process::id()));
    let target = File::create_new(&partial)?;
    let write = || {
        target.set_permissions(source.metadata()?.permissions())?; // as private as the file is
        let mut encoder = GzEncoder::new(target, Compression::default());
        io::copy(&mut source, &mut encoder)?;
        encoder.finish()?;
        if force {
            return fs::rename(&partial, &goal);
        }
        File::create_new(&goal)?; // takes the name, unless somebody else has it by now
        fs::rename(&partial, &goal).inspect_err(|_| drop(fs::remove_file(&goal)))
    };
    write().inspect_err(|_| drop(fs::remove_file(&partial)))
}
