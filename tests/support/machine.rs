//! What kind of machine the tests run on.

use std::{env, sync::OnceLock, time::Duration};

/// What children are started with, as the runner in cargo's settings: the name of an emulator, on a
/// machine that cannot start this program by itself.
pub(crate) const RUNNER: &str = "GORT_TEST_RUNNER";

/// How long to wait here, where a usual machine would be given so long. Machines on which all takes
/// longer, emulated ones say, set `GORT_TEST_SCALE=10`.
pub(crate) fn scaled(patience: Duration) -> Duration {
    static FACTOR: OnceLock<u32> = OnceLock::new();
    let wished = || env::var("GORT_TEST_SCALE").ok()?.parse().ok();
    patience * *FACTOR.get_or_init(|| wished().unwrap_or(1))
}

/// Whether an emulator runs this program; then it prints that the rest of a test is left out, and
/// what the emulator lacks.
pub(crate) fn is_emulated(lacks: &str) -> bool {
    let is_emulated = env::var_os(RUNNER).is_some();
    if is_emulated {
        println!("skipped under emulation: {lacks}");
    }
    is_emulated
}
