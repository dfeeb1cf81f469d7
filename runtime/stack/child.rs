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

/// How long a child may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(60);

/// The part that this process plays, if it is a child.
pub(crate) fn role() -> Option<String> {
    env::var(ROLE).ok()
}

/// Runs the test `name` (its full path without the crate) again in a child with the role and the
/// variables set.
pub(crate) fn run(name: &str, role: &str, vars: &[(&str, &str)]) -> Output {
    let mut child = Command::new(env::current_exe().unwrap())
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
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{name} as {role} hangs: {:?}", child.wait_with_output());
        }
        thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
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

/// Limits the addresses that this process may map, as `ulimit -v` does. For children only.
pub(crate) fn limit_addresses(bytes: usize) {
    let limit = libc::rlimit {
        rlim_cur: bytes as libc::rlim_t,
        rlim_max: bytes as libc::rlim_t,
    };
    // SAFETY: a valid structure for a known resource.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
}
