//! The command line that all benchmark programs share, and the loop over scenarios and numbers of
//! workers.
//!
//! Knows no runtime: the peers' programs in `benches/compare/rust` use this file as it is.

use crate::report::{Record, Sample};
use std::{
    env,
    io::{self, Write as _},
    num::NonZero,
    process, thread,
};

/// One scenario. `B` is what a program needs to run one round of it.
pub(crate) struct Scenario<B> {
    pub(crate) name: &'static str,
    /// The `n` of a run that does not say `--n`.
    pub(crate) default_n: usize,
    /// Under fewer workers there is nothing to measure, or no end.
    pub(crate) min_workers: usize,
    /// The numbers of workers of a run that does not say `--workers`; empty: as many as there are
    /// cores.
    pub(crate) default_workers: &'static [usize],
    pub(crate) body: B,
    /// What it does; what one operation is.
    pub(crate) about: &'static str,
}

impl<B> Scenario<B> {
    /// A scenario for any number of workers.
    pub(crate) const fn new(
        name: &'static str,
        default_n: usize,
        body: B,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            default_n,
            min_workers: 1,
            default_workers: &[],
            body,
            about,
        }
    }

    /// The same, for `min` workers or more.
    pub(crate) const fn at_least(mut self, min: usize) -> Self {
        self.min_workers = min;
        self
    }

    /// The same, by default under each of these numbers of workers.
    pub(crate) const fn under(mut self, workers: &'static [usize]) -> Self {
        self.default_workers = workers;
        self
    }
}

/// How one scenario is to be run.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) n: usize,
    pub(crate) workers: usize,
    pub(crate) rounds: usize,
}

/// What a program's `run` hands back: all rounds, and the runtime's own counters (or an empty
/// string).
pub(crate) type Measured = (Vec<Sample>, String);

/// Does what the command line asks; `run` does all rounds of one scenario on one runtime.
pub(crate) fn main<B>(
    runtime: &'static str,
    table: &[Scenario<B>],
    mut run: impl FnMut(&Scenario<B>, Plan) -> Measured,
) {
    let options = Options::parse(env::args().skip(1)).unwrap_or_else(|e| fail(runtime, &e));
    if options.list || options.names.is_empty() {
        return list(runtime, table, options.list);
    }
    for name in &options.names {
        let chosen: Vec<_> = table
            .iter()
            .filter(|s| name == "all" || name == s.name)
            .collect();
        if chosen.is_empty() {
            fail(
                runtime,
                &format!("no scenario {name:?}; --list shows them all"),
            );
        }
        for scenario in chosen {
            each_worker_count(runtime, scenario, &options, &mut run);
        }
    }
}

fn each_worker_count<B>(
    runtime: &'static str,
    scenario: &Scenario<B>,
    options: &Options,
    run: &mut impl FnMut(&Scenario<B>, Plan) -> Measured,
) {
    let mut first = None;
    for workers in options.workers_for(scenario) {
        if workers < scenario.min_workers {
            eprintln!(
                "{}: skipped, it needs {} workers",
                scenario.name, scenario.min_workers
            );
            continue;
        }
        let n = options.n.unwrap_or(scenario.default_n);
        let (rounds, metrics) = run(scenario, options.plan(n, workers));
        let record = Record {
            runtime,
            name: scenario.name,
            workers,
            rounds,
            metrics,
        };
        record.print(options.json);
        match first {
            None => first = Some((workers, record.ns_per_op())),
            Some((base, ns)) if !options.json => {
                let ratio = record.ns_per_op() / ns;
                println!("    time with {workers} workers / with {base}: {ratio:.3}");
            }
            Some(_) => {}
        }
    }
}

fn list<B>(runtime: &str, table: &[Scenario<B>], asked: bool) {
    if !asked {
        eprintln!(
            "{}\nscenarios (name, default n, what it measures):",
            usage(runtime)
        );
    }
    let lines: String = table
        .iter()
        .map(|s| format!("{:<22} {:>9}  {}\n", s.name, s.default_n, s.about))
        .collect();
    let _ = io::stdout().write_all(lines.as_bytes()); // the reader may have seen enough
}

fn usage(runtime: &str) -> String {
    format!(
        "{runtime} scenarios: NAME.. [--n N] [--workers W[,W..]] [--rounds R] [--json] [--list]\n\
         NAME is a scenario, or `all`; the first round is the cold one"
    )
}

fn fail(runtime: &str, message: &str) -> ! {
    eprintln!("{message}\n{}", usage(runtime));
    process::exit(2)
}

struct Options {
    names: Vec<String>,
    n: Option<usize>,
    workers: Vec<usize>,
    rounds: usize,
    json: bool,
    list: bool,
}

impl Options {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            names: vec![],
            n: None,
            workers: vec![],
            rounds: 3,
            json: false,
            list: false,
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--n" => options.n = Some(count(&value()?)?),
                "--workers" => {
                    options.workers = value()?.split(',').map(count).collect::<Result<_, _>>()?;
                }
                "--rounds" => options.rounds = count(&value()?)?,
                "--json" => options.json = true,
                "--list" => options.list = true,
                "--bench" => {} // what `cargo bench` adds
                _ if arg.starts_with('-') => return Err(format!("unknown option {arg}")),
                _ => options.names.push(arg),
            }
        }
        Ok(options)
    }

    fn plan(&self, n: usize, workers: usize) -> Plan {
        Plan {
            n,
            workers,
            rounds: self.rounds,
        }
    }

    fn workers_for<B>(&self, scenario: &Scenario<B>) -> Vec<usize> {
        if !self.workers.is_empty() {
            self.workers.clone()
        } else if !scenario.default_workers.is_empty() {
            scenario.default_workers.to_vec()
        } else {
            vec![thread::available_parallelism().map_or(1, NonZero::get)]
        }
    }
}

/// A whole number above zero; `1_000` is one too.
fn count(text: &str) -> Result<usize, String> {
    match text.replace('_', "").parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(format!("{text:?} is not a whole number above zero")),
    }
}
