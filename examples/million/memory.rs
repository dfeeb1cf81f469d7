//! What the goroutines cost in memory, as the kernel sees it. Elsewhere than on Linux every answer
//! is `None`.

use std::fs;
use std::time::{Duration, Instant};

/// How long freed memory may take to go back to the kernel, and how little counts as "gone".
const PATIENCE: Duration = Duration::from_secs(5);
const SMALL: u64 = 16 << 20;

/// Sizes in bytes.
pub(crate) struct Memory {
    pub(crate) rss_at_start: Option<u64>,
    pub(crate) parked: Parked,
    /// The highest ever, in whichever phase that was.
    pub(crate) rss_peak: Option<u64>,
    pub(crate) rss_afterwards: Option<u64>,
    /// How long after the release `rss_afterwards` was read.
    pub(crate) waited: Duration,
}

/// The picture while all goroutines are parked.
pub(crate) struct Parked {
    pub(crate) rss: Option<u64>,
    pub(crate) mappings: Option<usize>,
}

impl Parked {
    pub(crate) fn now() -> Self {
        Self {
            rss: resident(),
            mappings: mappings(),
        }
    }
}

impl Memory {
    /// Waits until the memory has gone back to the kernel (a tenth of the peak, or little, is left)
    /// or patience ends.
    pub(crate) fn after(rss_at_start: Option<u64>, parked: Parked) -> Self {
        let rss_peak = status("VmHWM:");
        let start = Instant::now();
        let rss_afterwards = loop {
            let rss = resident();
            let gone = match (rss, rss_peak) {
                (Some(rss), Some(peak)) => rss < peak / 10 || rss < SMALL,
                _ => true,
            };
            if gone || start.elapsed() >= PATIENCE {
                break rss;
            }
            gort::sleep(Duration::from_millis(50));
        };
        Self {
            rss_at_start,
            parked,
            rss_peak,
            rss_afterwards,
            waited: start.elapsed(),
        }
    }

    /// What `n` parked goroutines added to the fresh program, shared out: their stacks, cells and
    /// queues.
    pub(crate) fn bytes_each(&self, n: usize) -> Option<u64> {
        Some(self.parked.rss?.saturating_sub(self.rss_at_start?) / n as u64)
    }
}

/// The memory this process has resident.
pub(crate) fn resident() -> Option<u64> {
    status("VmRSS:")
}

/// What the machine could give without swapping.
pub(crate) fn available() -> Option<u64> {
    field("/proc/meminfo", "MemAvailable:")
}

/// How many mappings the process has: the kernel allows 65,530 unless told otherwise.
fn mappings() -> Option<usize> {
    Some(fs::read_to_string("/proc/self/maps").ok()?.lines().count())
}

fn status(name: &str) -> Option<u64> {
    field("/proc/self/status", name)
}

/// Reads a line like `VmRSS:     1234 kB`.
fn field(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value
        .trim()
        .strip_suffix("kB")?
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kib| kib * 1024)
}
