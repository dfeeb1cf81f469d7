//! Child processes: waits and pipes park, outputs come whole, and a child's own input parks too.
#![cfg(unix)]

mod support;

use gort::{
    process::{Child, Command, Output, Stdio},
    runtime,
};
use std::{
    env, fs,
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    os::unix::process::ExitStatusExt,
    process,
    time::{Duration, Instant},
};

/// Runs the body in goroutines, on 1, 2, 3 and 8 workers, and on a plain thread.
fn everywhere(body: impl Fn() + Sync) {
    support::each(|_| body());
    body();
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// Waits until a goroutine waits for a descriptor.
fn until_somebody_waits() {
    while !runtime::dump().contains("IO wait") {
        gort::yield_now();
    }
}

#[test]
fn a_child_ends_with_its_code() {
    everywhere(|| {
        assert!(Command::new("true").status().unwrap().success());
        assert_eq!(shell("exit 7").status().unwrap().code(), Some(7));
        let mut child = shell("read line; exit 3").stdin(Stdio::piped()).spawn();
        let child = child.as_mut().unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        // A wait closes the input, which ends this child.
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(child.wait().unwrap(), status);
        assert_eq!(child.try_wait().unwrap(), Some(status));
        child.kill().unwrap();
        let error = Command::new("/no/such/program").status().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn who_waits_for_a_child_lets_others_run() {
    support::under(&[1], |_| {
        let mut child = shell("read line").stdin(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let waiting = gort::spawn(move || child.wait().unwrap());
        // With one worker this ends only if the goroutine parks.
        until_somebody_waits();
        drop(stdin);
        assert_eq!(waiting.join().unwrap().code(), Some(1));
    });
}

#[test]
fn two_hundred_children_run_at_once() {
    const CHILDREN: i32 = 200;
    support::each(|_| {
        let start = |n| {
            let mut child = shell(&format!("read line; exit {}", n % 100))
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let stdin = child.stdin.take().unwrap();
            (stdin, gort::spawn(move || child.wait().unwrap().code()))
        };
        let children: Vec<_> = (0..CHILDREN).map(start).collect();
        // All of them are there by now.
        let (inputs, waits): (Vec<_>, Vec<_>) = children.into_iter().unzip();
        for mut input in inputs {
            input.write_all(b"go\n").unwrap();
        }
        for (n, wait) in (0..).zip(waits) {
            assert_eq!(wait.join().unwrap(), Some(n % 100));
        }
    });
}

#[test]
fn a_child_that_is_killed_ends_the_wait() {
    everywhere(|| {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));

        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let id = libc::pid_t::try_from(child.id()).unwrap();
        let waiting = gort::spawn(move || child.wait().unwrap());
        // SAFETY: the child cannot have been waited for: it is still there.
        unsafe { libc::kill(id, libc::SIGTERM) };
        assert_eq!(waiting.join().unwrap().signal(), Some(libc::SIGTERM));
    });
}

/// Writes 1,000,000 bytes to both, so that whoever reads one after the other never ends.
const BIG: &str = "head -c 1000000 /dev/zero >&2; head -c 1000000 /dev/zero; \
                   head -c 1000 /dev/zero >&2";

#[test]
fn big_outputs_on_both_pipes_come_whole() {
    everywhere(|| {
        let output = shell(BIG).output().unwrap();
        assert!(output.status.success());
        assert_eq!(
            (output.stdout.len(), output.stderr.len()),
            (1_000_000, 1_001_000)
        );
    });
}

#[test]
fn a_child_answers_what_is_written_to_it() {
    everywhere(|| {
        let mut cat = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = cat.stdin.take().unwrap();
        let writing = gort::spawn(move || stdin.write_all(&[5; 300_000]).unwrap());
        let output = cat.wait_with_output().unwrap();
        assert_eq!(output.stdout, vec![5; 300_000]);
        assert!(output.stderr.is_empty());
        writing.join().unwrap();
    });
}

#[test]
fn one_pipe_is_read_if_there_is_one() {
    everywhere(|| {
        let run = |command: &mut Command| -> Output {
            command.spawn().and_then(Child::wait_with_output).unwrap()
        };
        let output = run(shell("echo a; echo b >&2")
            .stdout(Stdio::piped())
            .stderr(Stdio::null()));
        assert_eq!((&*output.stdout, output.stderr.len()), (&b"a\n"[..], 0));
        let output = run(shell("echo a; echo b >&2")
            .stdout(Stdio::null())
            .stderr(Stdio::piped()));
        assert_eq!((output.stdout.len(), &*output.stderr), (0, &b"b\n"[..]));
    });
}

#[test]
fn a_command_can_be_used_again() {
    everywhere(|| {
        let mut command = shell("cat; test -z \"$A\" || echo $A");
        command.env("A", "1");
        assert_eq!(command.output().unwrap().stdout, b"1\n");
        assert_eq!(command.env("A", "2").output().unwrap().stdout, b"2\n");
        // What `output` did to the streams is not there any more.
        command.stdin(Stdio::null()).env_remove("A");
        let child = command.spawn().unwrap();
        assert!(child.stdout.is_none() && child.stderr.is_none());
        assert!(child.wait_with_output().unwrap().stdout.is_empty());
        // What the user has set stays as it was set.
        let output = command
            .env("A", "3")
            .stdout(Stdio::null())
            .output()
            .unwrap();
        assert!(output.stdout.is_empty());
    });
}

#[test]
fn ends_of_pipes_go_to_other_children() {
    everywhere(|| {
        let mut first = shell("echo one; echo two")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let from_first = first.stdout.take().unwrap();
        let second = Command::new("cat").stdin(from_first).output().unwrap();
        assert_eq!(second.stdout, b"one\ntwo\n");
        assert!(first.wait().unwrap().success());

        let (mut reader, writer) = gort::io::pipe().unwrap();
        let status = Command::new("echo").arg("three").stdout(writer).status();
        assert!(status.unwrap().success());
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "three\n");
    });
}

#[test]
fn a_child_that_is_dropped_is_not_killed() {
    support::under(&[2], |_| {
        let mut child = shell("read line; echo alive")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        drop(child);
        stdin.write_all(b"go\n").unwrap();
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        assert_eq!(text, "alive\n");
    });
}

/// Tells a process of this program what to do, in [`plays_a_role`].
const ROLE: &str = "GORT_TEST_CHILD_ROLE";

/// This program, to do something else.
fn player(role: &str, workers: usize) -> Command {
    let program = env::current_exe().unwrap();
    let mut command = match env::var_os("GORT_TEST_RUNNER") {
        Some(runner) => Command::new(runner),
        None => Command::new(&program),
    };
    if env::var_os("GORT_TEST_RUNNER").is_some() {
        command.arg(program);
    }
    command
        .args(["plays_a_role", "--exact", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env("GORT_WORKERS", workers.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn plays_a_role() {
    match env::var(ROLE).as_deref() {
        Ok("counts") => gort::spawn(counts).join().unwrap(),
        Ok("counts on a thread") => counts(),
        Ok("waits beside others") => gort::spawn(waits_beside_others).join().unwrap(),
        Ok("waits for a child") => {
            let status = gort::spawn(|| Command::new("sleep").arg("0.3").status());
            assert!(status.join().unwrap().unwrap().success());
        }
        _ => {}
    }
}

/// Counts its lines, first one and then the rest, and their bytes.
fn counts() {
    let mut first = String::new();
    let stdin = gort::io::stdin();
    let bytes = stdin.read_line(&mut first).unwrap();
    let rest: Vec<_> = stdin.lines().map(Result::unwrap).collect();
    let bytes = bytes + rest.iter().map(|line| line.len() + 1).sum::<usize>();
    let mut nothing = Vec::new();
    assert_eq!(gort::io::stdin().read_to_end(&mut nothing).unwrap(), 0);
    println!(
        "\nfirst={} rest={} bytes={bytes}.",
        first.trim_end(),
        rest.len()
    );
}

fn waits_beside_others() {
    let reading = gort::spawn(|| gort::io::stdin().read(&mut [0; 64]).unwrap());
    // With one worker this ends only if the reader parks.
    until_somebody_waits();
    println!("\nit waits");
    println!("\nread={}.", reading.join().unwrap());
}

/// It must have ended well, and printed this.
#[track_caller]
fn assert_prints(output: &Output, text: &str) {
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && out.contains(text),
        "{out}\n{err}"
    );
    assert!(!err.contains("asleep"), "{err}");
}

#[test]
fn input_is_read_from_a_pipe() {
    support::each(|_| {
        for role in ["counts", "counts on a thread"] {
            let mut child = player(role, 2).stdin(Stdio::piped()).spawn().unwrap();
            let mut stdin = child.stdin.take().unwrap();
            let writing = gort::spawn(move || {
                stdin.write_all(b"a\n").unwrap();
                for _ in 0..10_000 {
                    stdin.write_all(b"a line of text\n").unwrap();
                }
            });
            let output = child.wait_with_output().unwrap();
            assert_prints(&output, "first=a rest=10000 bytes=150002.");
            writing.join().unwrap();
        }
    });
}

#[test]
fn input_is_read_from_a_file_and_from_nothing() {
    let name = env::temp_dir().join(format!("gort-test-input-{}", process::id()));
    fs::write(&name, "x\nyy\nzzz\n".repeat(10_000)).unwrap();
    support::under(&[1, 3], |_| {
        for role in ["counts", "counts on a thread"] {
            let file = fs::File::open(&name).unwrap();
            let output = player(role, 1).stdin(file).output().unwrap();
            assert_prints(&output, "first=x rest=29999 bytes=90000.");
            let output = player(role, 1).stdin(Stdio::null()).output().unwrap();
            assert_prints(&output, "first= rest=0 bytes=0.");
        }
    });
    fs::remove_file(name).unwrap();
}

#[test]
fn who_waits_for_input_lets_others_run_and_leaves_the_flags_alone() {
    support::under(&[1, 2], |_| {
        for workers in [1, 2] {
            let (reader, mut writer) = std::io::pipe().unwrap();
            // A copy that shares the flags with the child's input.
            let copy = reader.try_clone().unwrap();
            let mut child = player("waits beside others", workers)
                .stdin(reader)
                .spawn()
                .unwrap();
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            let mut line = String::new();
            while line != "it waits\n" {
                line.clear();
                assert!(stdout.read_line(&mut line).unwrap() > 0, "it ended early");
            }
            use std::os::fd::AsRawFd;
            // SAFETY: it asks for the flags of a descriptor that is open.
            let flags = unsafe { libc::fcntl(copy.as_raw_fd(), libc::F_GETFL) };
            assert_eq!(flags & libc::O_NONBLOCK, 0);
            writer.write_all(b"xyz").unwrap();
            let mut rest = String::new();
            stdout.read_to_string(&mut rest).unwrap();
            assert!(rest.contains("read=3."), "{rest}");
            assert!(child.wait().unwrap().success());
        }
    });
}

#[test]
fn a_wait_for_a_child_or_for_input_is_no_deadlock() {
    support::under(&[2], |_| {
        let output = player("waits for a child", 1).output().unwrap();
        assert_prints(&output, "");
        let mut child = player("counts", 1).stdin(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(300) {
            assert_eq!(child.try_wait().unwrap(), None);
            gort::sleep(Duration::from_millis(10));
        }
        drop(stdin);
        assert_prints(&child.wait_with_output().unwrap(), "first= rest=0 bytes=0.");
    });
}
