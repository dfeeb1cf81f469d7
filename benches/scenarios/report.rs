//! What one round measured, and how all rounds of a scenario are summed up and printed.
//!
//! Knows no runtime: the peers' programs in `benches/compare/rust` use this file as it is. The
//! first round is the cold one: fresh stacks, fresh heap. It is always shown apart from the warm
//! rounds after it.

use std::{fmt::Write as _, fs, time::Duration};

/// What one round of a scenario measured.
pub(crate) struct Sample {
    /// How many operations the round did; the table of scenarios says what one is.
    pub(crate) ops: usize,
    /// From the first operation to the end of the last.
    pub(crate) elapsed: Duration,
    /// The cost of one operation: a mean, or for a latency the median.
    pub(crate) ns_per_op: f64,
    /// Further figures, each with its unit in its name.
    pub(crate) extras: Vec<(&'static str, f64)>,
}

impl Sample {
    /// A round whose operations were timed together.
    pub(crate) fn timed(ops: usize, elapsed: Duration) -> Self {
        Self {
            ops,
            elapsed,
            ns_per_op: per_op(elapsed, ops),
            extras: Vec::new(),
        }
    }

    /// A round whose operations were timed one by one.
    pub(crate) fn latency(elapsed: Duration, mut each_ns: Vec<u64>) -> Self {
        assert!(
            !each_ns.is_empty(),
            "a latency needs at least one measurement"
        );
        each_ns.sort_unstable();
        let at = |percent: usize| each_ns[(each_ns.len() - 1) * percent / 100] as f64;
        Self {
            ops: each_ns.len(),
            elapsed,
            ns_per_op: at(50),
            extras: vec![
                ("p50_ns", at(50)),
                ("p90_ns", at(90)),
                ("p99_ns", at(99)),
                ("max_ns", at(100)),
            ],
        }
    }

    /// Adds one more figure.
    pub(crate) fn with(mut self, name: &'static str, value: f64) -> Self {
        self.extras.push((name, value));
        self
    }
}

/// Nanoseconds of `elapsed` for each of `ops` operations.
pub(crate) fn per_op(elapsed: Duration, ops: usize) -> f64 {
    elapsed.as_nanos() as f64 / ops.max(1) as f64
}

/// All rounds of one scenario under one number of workers.
pub(crate) struct Record<'a> {
    /// Which program measured.
    pub(crate) runtime: &'static str,
    pub(crate) name: &'a str,
    pub(crate) workers: usize,
    /// At least one; the first is the cold one.
    pub(crate) rounds: Vec<Sample>,
    /// The runtime's own counters as it prints them, or nothing.
    pub(crate) metrics: String,
}

impl Record<'_> {
    /// The median over the warm rounds, or the cold one if it is the only one.
    pub(crate) fn ns_per_op(&self) -> f64 {
        median(self.warm().iter().map(|s| s.ns_per_op))
    }

    /// Prints the record: one line of JSON, or a few lines for people.
    pub(crate) fn print(&self, json: bool) {
        println!("{}", if json { self.to_json() } else { self.to_text() });
    }

    fn warm(&self) -> &[Sample] {
        if self.rounds.len() > 1 {
            &self.rounds[1..]
        } else {
            &self.rounds
        }
    }

    fn min_ns_per_op(&self) -> f64 {
        self.warm()
            .iter()
            .map(|s| s.ns_per_op)
            .fold(f64::INFINITY, f64::min)
    }

    fn total_ms(&self) -> f64 {
        median(self.warm().iter().map(|s| s.elapsed.as_secs_f64() * 1e3))
    }

    /// Each further figure: its name, cold, and its warm median.
    fn extras(&self) -> Vec<(&'static str, f64, f64)> {
        let cold = &self.rounds[0].extras;
        let warm = |i: usize| median(self.warm().iter().map(|s| s.extras[i].1));
        cold.iter()
            .enumerate()
            .map(|(i, &(name, value))| (name, value, warm(i)))
            .collect()
    }

    fn to_text(&self) -> String {
        let memory = Memory::now();
        let mut out = format!(
            "{:<20} workers {} n {:<9} cold {:>9.1}  warm min {:>9.1}  median {:>9.1} ns/op  \
             total {:>8.1} ms  rss {} KiB  peak {} KiB",
            self.name,
            self.workers,
            self.rounds[0].ops,
            self.rounds[0].ns_per_op,
            self.min_ns_per_op(),
            self.ns_per_op(),
            self.total_ms(),
            memory.rss_kib,
            memory.peak_kib,
        );
        for (name, cold, warm) in self.extras() {
            let _ = write!(out, "\n    {name:<24} cold {cold:>12.1}  warm {warm:>12.1}");
        }
        if !self.metrics.is_empty() {
            let _ = write!(out, "\n    {}", self.metrics);
        }
        out
    }

    fn to_json(&self) -> String {
        let memory = Memory::now();
        let extras = self.extras();
        format!(
            "{{\"runtime\":{},\"name\":{},\"n\":{},\"workers\":{},\"rounds\":{},\
             \"ns_per_op\":{:.3},\"min_ns_per_op\":{:.3},\"cold_ns_per_op\":{:.3},\
             \"total_ms\":{:.3},\"rss_kib\":{},\"peak_kib\":{},\
             \"extra\":{},\"cold_extra\":{},\"metrics\":{}}}",
            quote(self.runtime),
            quote(self.name),
            self.rounds[0].ops,
            self.workers,
            self.rounds.len(),
            self.ns_per_op(),
            self.min_ns_per_op(),
            self.rounds[0].ns_per_op,
            self.total_ms(),
            memory.rss_kib,
            memory.peak_kib,
            object(extras.iter().map(|&(name, _, warm)| (name, warm))),
            object(extras.iter().map(|&(name, cold, _)| (name, cold))),
            quote(&self.metrics),
        )
    }
}

/// The middle value, or the mean of the two in the middle.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[half]
    } else {
        (sorted[half - 1] + sorted[half]) / 2.0
    }
}

fn object<'a>(pairs: impl Iterator<Item = (&'a str, f64)>) -> String {
    let fields: Vec<String> = pairs.map(|(k, v)| format!("{}:{v:.3}", quote(k))).collect();
    format!("{{{}}}", fields.join(","))
}

fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The memory that this process holds, by the kernel's account. Zeros where there is no `/proc`.
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) rss_kib: usize,
    /// Resident at most since the process began.
    pub(crate) peak_kib: usize,
}

impl Memory {
    /// Reads `/proc/self/status`.
    pub(crate) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |key: &str| {
            let line = status.lines().find(|l| l.starts_with(key))?;
            line.split_whitespace().nth(1)?.parse().ok()
        };
        Self {
            rss_kib: field("VmRSS:").unwrap_or(0),
            peak_kib: field("VmHWM:").unwrap_or(0),
        }
    }
}
