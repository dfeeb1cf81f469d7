//! A million goroutines: how long they take to start, run, park and release, and what memory they
//! need. Run it with `cargo run --release --example million [-- --n N --workers W --json --help]`.
//!
//! The phases, and how each is timed, are in `phases.rs`; what the memory rows mean is in
//! `memory.rs`.

mod memory;
mod phases;
mod progress;
mod table;

use std::process::ExitCode;

use gort::runtime;

const USAGE: &str = "\
Usage: million [--n N] [--workers W] [--json]
  --n N        how many goroutines (default 1000000)
  --workers W  on how many OS threads (default: GORT_WORKERS, else one a processor)
  --json       print one JSON object instead of progress bars and a table
  --help       print this";

/// What a parked goroutine takes at the least, and some room for the rest: a page of stack and its
/// bookkeeping.
const BYTES_NEEDED_EACH: u64 = 5 * 1024;

struct Options {
    n: usize,
    workers: Option<usize>,
    json: bool,
    help: bool,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            n: 1_000_000,
            workers: None,
            json: false,
            help: false,
        };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--n" => options.n = positive(&arg, args.next())?,
                "--workers" => options.workers = Some(positive(&arg, args.next())?),
                "--json" => options.json = true,
                "--help" | "-h" => options.help = true,
                _ => return Err(format!("unknown argument {arg:?}")),
            }
        }
        Ok(options)
    }
}

fn positive(option: &str, value: Option<String>) -> Result<usize, String> {
    let value = value.ok_or_else(|| format!("{option} needs a number"))?;
    let number = value.replace('_', "").parse().ok().filter(|&n| n > 0);
    number.ok_or_else(|| format!("{option} needs a whole number from 1 up, not {value:?}"))
}

/// Says no before the kernel does: without swap it would end this program, or another.
fn check_memory(n: usize) -> Result<(), String> {
    let needed = (n as u64).saturating_mul(BYTES_NEEDED_EACH);
    match memory::available() {
        Some(available) if available < needed => Err(format!(
            "{n} parked goroutines need about {} of memory, and {} are available: try a smaller --n",
            table::bytes(needed),
            table::bytes(available),
        )),
        _ => Ok(()),
    }
}

fn run(options: &Options) -> Result<(), String> {
    let n = options.n;
    check_memory(n)?;
    // Closing a channel that a million wait for keeps its goroutine busy for some 0.4 s: no news.
    let mut builder = runtime::Builder::new().on_stuck(|_| ());
    if let Some(workers) = options.workers {
        builder = builder.workers(workers);
    }
    let runtime = builder
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    let bars = (!options.json).then(|| progress::Bars::start(n as u64));
    let report = runtime.run(move || phases::run(n));
    drop(bars);
    table::print(&report?, options.json);
    Ok(())
}

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("million: {message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if options.help {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("million: {message}");
            ExitCode::FAILURE
        }
    }
}
