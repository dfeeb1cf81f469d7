//! What the kernel knows of the server: `/proc/PID/stat` and `status`.

use std::{fs, io};

/// Linux counts in hundredths of a second there on every machine that gort runs on (`USER_HZ`).
const TICKS_A_SECOND: f64 = 100.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// Processor time so far, of all threads, user and system.
    pub cpu_seconds: f64,
    pub rss_kib: u64,
    pub threads: u64,
}

impl Usage {
    pub fn of(pid: u32) -> io::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        read(&stat, &status).ok_or_else(|| io::Error::other("/proc has another format"))
    }
}

fn read(stat: &str, status: &str) -> Option<Usage> {
    // The name of the program is in parentheses and may hold anything: what follows the last one
    // begins with the third field.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(14 - 3);
    let user: f64 = ticks.next()?.parse().ok()?;
    let system: f64 = ticks.next()?.parse().ok()?;
    let line = |name: &str| {
        let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_whitespace().next()?.parse().ok()
    };
    Some(Usage {
        cpu_seconds: (user + system) / TICKS_A_SECOND,
        rss_kib: line("VmRSS:")?,
        threads: line("Threads:")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_after_the_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 9 0 0 0 150 50 3 4 20 0 2 0";
        let usage = read(stat, "Name:\tx\nVmRSS:\t  812 kB\nThreads:\t2\n").unwrap();
        let right = Usage {
            cpu_seconds: 2.0,
            rss_kib: 812,
            threads: 2,
        };
        assert_eq!(usage, right);
    }

    #[test]
    fn this_process_is_read() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.rss_kib > 0 && usage.threads > 0);
    }
}
