//! The report as a table for people, or as one JSON object for programs.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

use crate::phases::Report;

/// Prints the report on stdout. A reader that has gone away is no error.
pub(crate) fn print(report: &Report, json: bool) {
    let text = if json {
        as_json(report)
    } else {
        as_table(report)
    };
    let _ = io::stdout().write_all(text.as_bytes());
}

fn as_table(report: &Report) -> String {
    let memory = &report.memory;
    let after = format!("resident memory {:.1} s after", memory.waited.as_secs_f64());
    let mut rows = vec![time("spawn and run", report.spawn_and_run, report.n)];
    rows.push(time("start and park", report.start_and_park, report.n));
    rows.push(time("release by close", report.release, report.n));
    rows.extend([
        (
            "resident memory at start",
            or_na(memory.rss_at_start.map(bytes)),
            String::new(),
        ),
        (
            "resident memory, parked",
            or_na(memory.parked.rss.map(bytes)),
            each(report),
        ),
        (
            "resident memory, peak",
            or_na(memory.rss_peak.map(bytes)),
            String::new(),
        ),
        (
            &after,
            or_na(memory.rss_afterwards.map(bytes)),
            part_of_peak(report),
        ),
        (
            "memory mappings, parked",
            or_na(memory.parked.mappings.map(thousands)),
            String::new(),
        ),
        ("goroutines stolen", thousands(report.steals), String::new()),
    ]);
    let mut text = format!(
        "{} goroutines, {} workers\n\n",
        thousands(report.n),
        report.workers
    );
    for (name, total, each) in rows {
        let row = format!("{name:<28}{total:>14}{each:>24}");
        let _ = writeln!(text, "{}", row.trim_end());
    }
    text
}

fn time(name: &str, total: Duration, n: usize) -> (&str, String, String) {
    let milliseconds = format!("{:.1} ms", total.as_secs_f64() * 1e3);
    (
        name,
        milliseconds,
        format!("{:.0} ns each", nanoseconds_each(total, n)),
    )
}

fn each(report: &Report) -> String {
    let bytes_each = report.memory.bytes_each(report.n);
    bytes_each.map_or_else(String::new, |bytes| {
        format!("{} bytes each", thousands(bytes))
    })
}

fn part_of_peak(report: &Report) -> String {
    match (report.memory.rss_afterwards, report.memory.rss_peak) {
        (Some(rss), Some(peak)) => format!("{:.1} % of the peak", 100.0 * rss as f64 / peak as f64),
        _ => String::new(),
    }
}

fn as_json(report: &Report) -> String {
    let Report { n, memory, .. } = report;
    let fields = [
        ("n", n.to_string()),
        ("workers", report.workers.to_string()),
        (
            "spawn_run_ns",
            format!("{:.1}", nanoseconds_each(report.spawn_and_run, *n)),
        ),
        (
            "start_park_ns",
            format!("{:.1}", nanoseconds_each(report.start_and_park, *n)),
        ),
        (
            "release_ns",
            format!("{:.1}", nanoseconds_each(report.release, *n)),
        ),
        ("rss_start_bytes", or_null(memory.rss_at_start)),
        ("rss_parked_bytes", or_null(memory.parked.rss)),
        ("rss_peak_bytes", or_null(memory.rss_peak)),
        ("rss_after_bytes", or_null(memory.rss_afterwards)),
        (
            "rss_after_seconds",
            format!("{:.2}", memory.waited.as_secs_f64()),
        ),
        ("bytes_per_parked", or_null(memory.bytes_each(*n))),
        ("mappings_parked", or_null(memory.parked.mappings)),
        ("steals", report.steals.to_string()),
    ];
    let fields = fields.map(|(name, value)| format!("\"{name}\": {value}"));
    format!("{{{}}}\n", fields.join(", "))
}

fn nanoseconds_each(total: Duration, n: usize) -> f64 {
    total.as_nanos() as f64 / n as f64
}

fn or_na(value: Option<String>) -> String {
    value.unwrap_or_else(|| "n/a".to_owned())
}

fn or_null(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
}

/// A size in the unit that suits it.
pub(crate) fn bytes(bytes: u64) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    if mebibytes < 1024.0 {
        format!("{mebibytes:.1} MiB")
    } else {
        format!("{:.2} GiB", mebibytes / 1024.0)
    }
}

/// A number with a comma at each third digit.
fn thousands(number: impl ToString) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
