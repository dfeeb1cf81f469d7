//! What a run has found, in words or as one line of JSON.

use crate::{
    connection::Tally,
    idle::Memory,
    options::{Mode, Options},
    process::Usage,
};
use std::fmt::Write;

pub struct Report {
    pub requests: u64,
    errors: u64,
    last_error: String,
    /// Each figure under its name, in the order in which they are shown.
    figures: Vec<(&'static str, f64)>,
}

impl Report {
    pub fn new(
        options: &Options,
        tally: &Tally,
        usage: Option<(Usage, Usage)>,
        memory: &Option<Memory>,
        lost: usize,
    ) -> Self {
        let requests = tally.requests.get();
        let delays = tally.delays.borrow();
        let us = |share| delays.value_at_quantile(share).min(delays.max()) as f64 / 1e3;
        let mut figures = vec![
            ("requests", requests as f64),
            ("requests_per_s", requests as f64 / options.seconds),
            ("p50_us", us(0.5)),
            ("p99_us", us(0.99)),
            ("p999_us", us(0.999)),
            ("max_us", delays.max() as f64 / 1e3),
            ("silent", (options.connections - tally.served.get()) as f64),
        ];
        if let Some((before, after)) = usage {
            let cpu = after.cpu_seconds - before.cpu_seconds;
            figures.push(("cpu_us_per_request", cpu * 1e6 / requests.max(1) as f64));
            figures.push(("rss_kib", after.rss_kib as f64));
            figures.push(("threads", after.threads as f64));
        }
        if let Some(memory) = memory {
            let grown = memory.after_kib as f64 - memory.before_kib as f64;
            figures.push(("rss_before_idle_kib", memory.before_kib as f64));
            figures.push(("rss_after_idle_kib", memory.after_kib as f64));
            figures.push(("kib_per_idle", grown / options.idle as f64));
        }
        let mut last_error = tally.last_error.borrow().clone();
        if lost > 0 {
            last_error = format!("{lost} idle connections were closed or answered");
        }
        Self {
            requests,
            errors: tally.errors.get() + lost as u64,
            last_error,
            figures,
        }
    }

    pub fn print(&self, options: &Options) {
        if options.json {
            println!("{}", self.json(options));
            return;
        }
        for (name, value) in &self.figures {
            println!("{name:<22} {value:>14.1}");
        }
        println!("{:<22} {:>14}", "errors", self.errors);
        if self.errors > 0 {
            println!("the last error: {}", self.last_error);
        }
    }

    fn json(&self, options: &Options) -> String {
        let mode = match options.mode {
            Mode::Echo => "echo",
            Mode::Http => "http",
        };
        let mut text = format!(
            r#"{{"mode":"{mode}","connections":{},"size":{},"pipeline":{},"idle":{}"#,
            options.connections, options.size, options.pipeline, options.idle
        );
        for (name, value) in &self.figures {
            let _ = write!(text, r#","{name}":{value:.3}"#);
        }
        // Rust's quotes are JSON's as long as the message has nothing but plain characters.
        let error = self
            .last_error
            .replace(|c: char| !(' '..='~').contains(&c), " ");
        let _ = write!(
            text,
            r#","errors":{},"last_error":{error:?}}}"#,
            self.errors
        );
        text
    }
}
