//! Other programs are started from goroutines as from threads.

#[path = "support/child.rs"]
mod child;

use child::{Child, Role};
use gort::{go, runtime::blocking};
use std::{
    io::Write,
    process::{Command, Stdio},
};

const ROLES: &[Role] = &[
    ("through_blocking", || start_many(|n| blocking(|| echo(n)))),
    ("directly", || start_many(echo)),
    ("with_pipes", with_pipes),
];

#[test]
fn plays_a_role() {
    child::play(ROLES);
}

/// Has another program say a number.
fn echo(n: usize) -> String {
    let output = Command::new("echo").arg(n.to_string()).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// A hundred programs, ten at a time, beside goroutines that come and go.
fn start_many(start: impl Fn(usize) -> String + Send + Copy + 'static) {
    for round in 0..10 {
        let handles: Vec<_> = (0..10)
            .map(|i| {
                let n = round * 10 + i;
                go!(move || (n, start(n)))
            })
            .collect();
        let others: Vec<_> = (0..100).map(|_| go!(gort::yield_now())).collect();
        for handle in handles {
            let (n, said) = handle.join().unwrap();
            assert_eq!(said, format!("{n}\n"));
        }
        for other in others {
            other.join().unwrap();
        }
    }
}

/// One goroutine writes, another reads, while the program runs.
fn with_pipes() {
    let mut cat = Command::new("cat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = "a line of text\n".repeat(50_000);
    let (mut input, expected) = (cat.stdin.take().unwrap(), text.clone());
    let writer = go!(move || blocking(|| input.write_all(text.as_bytes()).map(|()| drop(input))));
    let reader = go!(move || blocking(|| cat.wait_with_output()));
    writer.join().unwrap().unwrap();
    let output = reader.join().unwrap().unwrap();
    assert!(output.status.success() && output.stdout == expected.as_bytes());
}

#[test]
fn programs_start_from_goroutines() {
    for role in ["through_blocking", "directly", "with_pipes"] {
        for workers in [1, 2] {
            Child::new(role).workers(workers).run().passes();
        }
    }
}
