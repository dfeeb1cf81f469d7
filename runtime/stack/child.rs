//! For tests of things that end a process, or change it as a whole: runs one test of this binary in
//! a process of its own.

use std::{
    env,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Names the part of the test that the child is to play.
const ROLE: &str = "GORT_TEST_CHILD";

/// What children are started with, and how much longer they may take: for emulators. As in the
/// tests outside, see `tests/support/`.
const RUNNER: &str = "GORT_TEST_RUNNER";
const SCALE: &str = "GORT_TEST_SCALE";

/// How long a child may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// The part that this process plays, if it is a child.
pub(crate) fn role() -> Option<String> {
    env::var(ROLE).ok()
}

/// Runs the test `name` (its full path without the crate) again in a child with the role and the
/// variables set.
pub(crate) fn run(name: &str, role: &str, vars: &[(&str, &str)]) -> Output {
    let scale: Option<u32> = env::var(SCALE).ok().and_then(|factor| factor.parse().ok());
    let patience = PATIENCE * scale.unwrap_or(1);
    let mut child = this_program()
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .envs(vars.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > patience {
            child.kill().unwrap();
            panic!("{name} as {role} hangs: {:?}", child.wait_with_output());
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

/// This program, to be run once more.
fn this_program() -> Command {
    let program = env::current_exe().unwrap();
    let Some(runner) = env::var_os(RUNNER) else {
        return Command::new(program);
    };
    let mut command = Command::new(runner);
    command.arg(program);
    command
}

/// As [`run`]; the child must succeed, and must have run the test.
pub(crate) fn pass(name: &str, role: &str, vars: &[(&str, &str)]) {
    let output = run(name, role, vars);
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && out.contains("1 passed"),
        "{name} as {role}: {}\n{out}\n{err}",
        output.status
    );
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

/// Limits the addresses that this process may map, as `ulimit -v` does. For children only.
pub(crate) fn limit_addresses(bytes: usize) {
    let limit = libc::rlimit {
        rlim_cur: bytes as libc::rlim_t,
        rlim_max: bytes as libc::rlim_t,
    };
    // SAFETY: a valid structure for a known resource.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
}
