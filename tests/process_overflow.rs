//! A goroutine that overflows its stack names itself before the process aborts, wherever and
//! however it does it.

#[path = "support/child.rs"]
mod child;
#[cfg(target_os = "linux")]
#[path = "support/forbid.rs"]
mod forbid;

use child::{Child, Ended, Role};
use gort::{go, runtime::on_big_stack, sync::Barrier};
use std::{hint::black_box, panic::Location, sync::Arc, thread};

const ROLES: &[Role] = &[
    ("small_frames", small_frames),
    ("one_large_frame", one_large_frame),
    ("deep_drop", deep_drop),
    ("after_parks", after_parks),
    ("while_unwinding", while_unwinding),
    ("eight_at_once", eight_at_once),
    ("named", named),
    ("big_stack", big_stack),
    ("big_stack_on_a_thread", big_stack_on_a_thread),
    ("big_stack_on_the_main_thread_alone", dig_on_a_big_stack),
    ("big_stack_in_a_big_stack", big_stack_in_a_big_stack),
    ("big_stack_in_a_blocking_call", big_stack_in_a_blocking_call),
    ("main_goroutine", main_goroutine),
    ("plain_runtime", plain_runtime),
    ("thread_alone", thread_alone),
    ("thread_beside", thread_beside),
    ("blocking_thread", blocking_thread),
    ("enough_on_a_big_stack", enough_on_a_big_stack),
    #[cfg(target_os = "linux")]
    ("without_sigaltstack", dig_without_sigaltstack),
    #[cfg(target_os = "linux")]
    ("without_sigaction", start_without_sigaction),
];

#[test]
fn plays_a_role() {
    child::play(ROLES);
}

/// Bytes of a goroutine's stack when nobody says otherwise.
const DEFAULT: usize = if cfg!(debug_assertions) {
    1 << 20
} else {
    256 << 10
};

/// Bytes of the smallest stack that a goroutine can have on this target.
const SMALLEST: usize = if cfg!(target_arch = "aarch64") {
    64 << 10
} else {
    32 << 10
};

/// Recursion without end by frames of some 100 bytes.
#[allow(unconditional_recursion)]
fn dig(n: usize) -> usize {
    let frame = [n; 12];
    black_box(&frame);
    dig(n + 1) + black_box(frame[n % 12])
}

/// One frame of 1 MiB.
#[inline(never)]
fn wide() -> u8 {
    let mut frame = [0_u8; 1 << 20];
    black_box(&mut frame);
    black_box(&frame)[7]
}

/// Prints the line after the caller's, where the spawn is to be.
#[track_caller]
fn spawned_on_the_next_line() {
    let here = Location::caller();
    println!("site={}:{}:", here.file(), here.line() + 1);
}

/// Prints which goroutine this is.
fn sign() {
    println!("id={}", gort::current().id());
}

fn small_frames() {
    spawned_on_the_next_line();
    let handle = go!(|| {
        sign();
        dig(0)
    });
    drop(handle.join());
}

fn one_large_frame() {
    let builder = gort::Builder::new().stack_size(64 << 10);
    spawned_on_the_next_line();
    let spawned = builder.spawn(|| {
        sign();
        wide()
    });
    drop(spawned.unwrap().join());
}

struct Node {
    _next: Option<Box<Node>>,
    weight: u64,
}

impl Drop for Node {
    fn drop(&mut self) {
        black_box(&mut self.weight);
    }
}

fn deep_drop() {
    spawned_on_the_next_line();
    let handle = go!(|| {
        sign();
        let mut list = None;
        for weight in 0..1_000_000 {
            list = Some(Box::new(Node {
                _next: list,
                weight,
            }));
        }
        drop(list);
    });
    drop(handle.join());
}

fn after_parks() {
    spawned_on_the_next_line();
    let handle = go!(|| {
        sign();
        for _ in 0..10 {
            gort::sleep(std::time::Duration::from_micros(100));
            gort::yield_now();
        }
        dig(0)
    });
    drop(handle.join());
}

struct DigsOnDrop;

impl Drop for DigsOnDrop {
    fn drop(&mut self) {
        dig(0);
    }
}

fn while_unwinding() {
    spawned_on_the_next_line();
    let handle = go!(|| {
        sign();
        let _digs = DigsOnDrop;
        panic!("on the way down");
    });
    drop(handle.join());
}

fn eight_at_once() {
    let together = Arc::new(Barrier::new(8));
    let handles: Vec<_> = (0..8)
        .map(|_| {
            let together = Arc::clone(&together);
            go!(move || {
                together.wait();
                dig(0)
            })
        })
        .collect();
    for handle in handles {
        drop(handle.join());
    }
}

fn named() {
    let builder = gort::Builder::new()
        .name("deep thought".into())
        .stack_size(100_000);
    spawned_on_the_next_line();
    let spawned = builder.spawn(|| {
        sign();
        dig(0)
    });
    drop(spawned.unwrap().join());
}

fn big_stack() {
    let builder = gort::Builder::new().name("grower".into());
    spawned_on_the_next_line();
    let spawned = builder.spawn(|| {
        sign();
        on_big_stack(4 << 20, || dig(0))
    });
    drop(spawned.unwrap().join());
}

fn dig_on_a_big_stack() {
    spawned_on_the_next_line();
    on_big_stack(4 << 20, || dig(0));
}

fn big_stack_on_a_thread() {
    drop(thread::spawn(dig_on_a_big_stack).join());
}

/// The inner one returns, and the outer one overflows.
fn big_stack_in_a_big_stack() {
    spawned_on_the_next_line();
    on_big_stack(4 << 20, || {
        assert_eq!(on_big_stack(1 << 20, || black_box(7)), 7);
        dig(0)
    });
}

fn big_stack_in_a_blocking_call() {
    drop(go!(|| gort::runtime::blocking(dig_on_a_big_stack)).join());
}

mod program {
    //! The main goroutine's overflow.

    #[gort::main]
    pub(crate) fn main() {
        super::sign();
        super::dig(0);
    }
}

fn main_goroutine() {
    child::end_as_main(program::main());
}

fn plain_runtime() {
    let runtime = gort::runtime::Builder::new().stack_size(SMALLEST).build();
    spawned_on_the_next_line();
    runtime.unwrap().run(|| {
        sign();
        dig(0)
    });
}

fn overflowing_thread() {
    let thread = thread::Builder::new().name("plain".into());
    let handle = thread.spawn(|| dig(0)).unwrap();
    drop(handle.join());
}

fn thread_alone() {
    overflowing_thread();
}

fn thread_beside() {
    go!(|| ()).join().unwrap();
    overflowing_thread();
}

fn blocking_thread() {
    drop(go!(|| gort::runtime::blocking(|| dig(0))).join());
}

fn enough_on_a_big_stack() {
    fn depth(n: u64) -> u64 {
        black_box([n; 12]);
        if n == 0 {
            0
        } else {
            1 + black_box(depth(n - 1))
        }
    }
    // A few turns, so that both stacks are used again.
    for _ in 0..5 {
        let deep = go!(|| on_big_stack(64 << 20, || depth(100_000)) + depth(100));
        assert_eq!(deep.join().unwrap(), 100_100);
    }
}

const HINT: &str = "\ngort: if it is not endless recursion, give it more: Builder::stack_size for this goroutine, \
                    GORT_STACK_SIZE for all, on_big_stack for one call\n";

/// The child died of an overflow of the goroutine that signed, and told all of it, once.
#[track_caller]
fn check(ended: &Ended, name: &str, stack_size: usize) {
    let (id, site) = (ended.value("id"), ended.value("site"));
    check_report(ended, &format!("goroutine {id}{name}"), stack_size, site);
}

#[track_caller]
fn check_report(ended: &Ended, who: &str, stack_size: usize, site: &str) {
    ended.signal(libc::SIGABRT).says(HINT);
    ended.says(&format!(
        "\ngort: {who} overflowed its stack of {stack_size} bytes (fault at 0x"
    ));
    ended.says(&format!("), spawned at {site}"));
    assert_eq!(
        ended.err.matches("overflowed").count(),
        1,
        "{}",
        ended.tell()
    );
}

/// Runs a role with one and with two workers.
fn each(role: &'static str, check: impl Fn(&Ended)) {
    for workers in [1, 2] {
        check(&Child::new(role).workers(workers).run());
    }
}

#[test]
fn endless_recursion_is_reported() {
    each("small_frames", |ended| check(ended, "", DEFAULT));
}

#[test]
fn the_size_is_the_one_that_was_set() {
    let child = Child::new("small_frames").workers(1);
    check(&child.var("GORT_STACK_SIZE", "64k").run(), "", 64 << 10);
    each("plain_runtime", |ended| check(ended, "", SMALLEST));
}

#[test]
fn a_frame_larger_than_stack_and_guard_is_reported() {
    each("one_large_frame", |ended| check(ended, "", 64 << 10));
}

#[test]
fn deep_recursion_in_drop_is_reported() {
    each("deep_drop", |ended| check(ended, "", DEFAULT));
}

#[test]
fn a_goroutine_that_parked_before_is_reported() {
    each("after_parks", |ended| check(ended, "", DEFAULT));
}

#[test]
fn an_overflow_while_unwinding_is_reported() {
    each("while_unwinding", |ended| {
        check(ended.says("on the way down"), "", DEFAULT);
    });
}

#[test]
fn one_of_eight_at_once_is_reported() {
    for workers in [1, 2, 8] {
        let ended = Child::new("eight_at_once").workers(workers).run();
        ended.signal(libc::SIGABRT).says(HINT).says(file!());
        let overflowed = format!(" overflowed its stack of {DEFAULT} bytes");
        assert_eq!(
            ended.err.matches(&overflowed).count(),
            1,
            "{}",
            ended.tell()
        );
    }
}

#[test]
fn a_name_and_a_size_of_its_own_are_told() {
    each("named", |ended| {
        check(ended, " \"deep thought\"", 128 << 10);
    });
}

#[test]
fn on_a_big_stack_that_is_the_one_reported() {
    each("big_stack", |ended| check(ended, " \"grower\"", 4 << 20));
}

#[test]
fn on_a_big_stack_of_a_thread_too() {
    for role in [
        "big_stack_on_a_thread",
        "big_stack_on_the_main_thread_alone",
        "big_stack_in_a_big_stack",
        "big_stack_in_a_blocking_call",
    ] {
        let ended = Child::new(role).run();
        let site = ended.signal(libc::SIGABRT).value("site");
        ended.says(&format!("), made at {site}"));
        ended.says(
            "gort: a call by on_big_stack, on a thread, overflowed its stack of 4194304 bytes",
        );
        assert_eq!(ended.err.matches("overflowed").count(), 1);
    }
}

#[test]
fn the_main_goroutine_is_reported() {
    each("main_goroutine", |ended| {
        let id = ended.value("id");
        check_report(ended, &format!("goroutine {id}"), 8 << 20, file!());
    });
}

#[test]
fn threads_are_left_to_std() {
    for role in ["thread_alone", "thread_beside", "blocking_thread"] {
        let ended = Child::new(role).run();
        ended.signal(libc::SIGABRT).does_not_say("gort:");
        let name = match role {
            "blocking_thread" => "gort-blocking-0",
            _ => "plain",
        };
        ended
            .says("has overflowed its stack")
            .says(&format!("thread '{name}'"));
    }
}

#[test]
fn deep_recursion_fits_a_big_stack() {
    each("enough_on_a_big_stack", |ended| {
        ended.passes();
    });
}

/// A goroutine overflows in a process in which no thread can have an alternate signal stack.
#[cfg(target_os = "linux")]
fn dig_without_sigaltstack() {
    forbid::forbid(libc::SYS_sigaltstack);
    let builder = gort::runtime::Builder::new().workers(1);
    let runtime = builder.build().expect("a runtime starts");
    black_box(runtime.run(|| dig(0)));
}

/// No overflow here: std's handler, to which the fault would go, could not leave it to the system.
#[cfg(target_os = "linux")]
fn start_without_sigaction() {
    forbid::forbid(libc::SYS_rt_sigaction);
    assert_eq!(go!(|| 6 * 7).join().unwrap(), 42);
}

/// Nobody can say so afterwards.
#[test]
#[cfg(target_os = "linux")]
fn that_it_cannot_be_reported_is_said_beforehand() {
    if child::is_emulated("it cannot forbid system calls") {
        return;
    }
    for (role, lacks) in [
        ("without_sigaltstack", "no alternate signal stack"),
        ("without_sigaction", "no handler for a signal"),
    ] {
        let ended = Child::new(role).workers(1).run();
        ended.says(lacks).says("without a message");
        assert_eq!(ended.err.matches("without a message").count(), 1);
        match role {
            "without_sigaction" => ended.passes(),
            _ => ended.signal(libc::SIGSEGV),
        };
    }
}
