//! Bad settings, from the environment or from calls: the message names what was given and what is
//! allowed, and nothing runs.

#[path = "support/child.rs"]
mod child;

use child::{Child, Role};
use gort::{go, runtime::on_big_stack};
use std::{
    fmt::{self, Write},
    io, panic, thread,
    time::Duration,
};
use tracing::{Level, Metadata, field::Field, span};

const ROLES: &[Role] = &[
    ("homes", homes),
    ("tells_of_identity", tells_of_identity),
    ("program", || child::end_as_main(program::main())),
    ("explicit", || child::end_as_main(explicit::main())),
    ("default_runtime", default_runtime),
    ("default_runtime_twice", default_runtime_twice),
    ("overflow", overflow),
    ("calls", calls),
];

#[test]
fn plays_a_role() {
    child::play(ROLES);
}

mod program {
    #[gort::main]
    pub(crate) fn main() {
        println!("main runs with {} workers", gort::runtime::workers());
    }
}

mod explicit {
    #[gort::main(
        workers = 3,
        homes = 6,
        stack_size = 1 << 17,
        max_blocking_threads = 5,
        deadlock = "off"
    )]
    pub(crate) fn main() {
        println!("main runs with {} workers", gort::runtime::workers());
    }
}

/// A plain thread's first need of a runtime.
fn default_runtime() {
    println!("before");
    go!(println!("a goroutine runs"));
    println!("after");
}

/// It fails the same way each time, and a runtime of the program's own works beside it.
fn default_runtime_twice() {
    for _ in 0..2 {
        let failed = thread::spawn(gort::runtime::workers).join().unwrap_err();
        let text = failed.downcast::<String>().unwrap();
        println!("panic={text}");
    }
    let builder = gort::runtime::Builder::new().workers(1);
    assert_eq!(builder.build().unwrap().run(|| 6 * 7), 42);
}

/// Many long-lived goroutines, which spread over all homes that there may be.
fn homes() {
    let runtime = gort::runtime::Builder::new().workers(2).build().unwrap();
    let others: Vec<_> = (0..1000)
        .map(|_| runtime.spawn(|| gort::sleep(Duration::from_millis(20))))
        .collect();
    others.into_iter().for_each(|other| other.join().unwrap());
    let metrics = runtime.metrics();
    println!("identity={}, homes={}", metrics.identity, metrics.homes);
}

/// More blocking calls than threads are allowed.
fn calls() {
    let most = std::env::var("GORT_MAX_BLOCKING_THREADS").unwrap();
    let most: usize = most.parse().unwrap();
    let runtime = gort::runtime::Builder::new().workers(2).build().unwrap();
    let barrier = std::sync::Barrier::new(most);
    runtime.run(|| {
        gort::scope(|s| {
            for _ in 0..4 * most {
                s.spawn(|| gort::runtime::blocking(|| _ = barrier.wait()));
            }
        });
    });
    println!("calls={}", runtime.metrics().blocking_threads);
}

/// A runtime starts where somebody listens to events.
fn tells_of_identity() {
    tracing::subscriber::with_default(Events, || {
        gort::runtime::Builder::new().build().unwrap();
    });
}

/// Prints what is said at the level `info`, with its fields.
struct Events;

impl tracing::Subscriber for Events {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::INFO
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut fields = String::new();
        event.record(&mut |field: &Field, value: &dyn fmt::Debug| {
            let _ = write!(fields, " {field}={value:?}");
        });
        println!("event:{fields}");
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[allow(unconditional_recursion)]
fn dig(n: usize) -> usize {
    let frame = std::hint::black_box([n; 12]);
    dig(n + 1) + std::hint::black_box(frame[n % 12])
}

fn overflow() {
    drop(go!(dig(0)).join());
}

const WORKERS: &str = "it must be a whole number from 1 to 1024";
const HOMES: &str = "it must be a whole number from 1 to 65536";
const BLOCKING: &str = HOMES;
const STACK_SIZE: &str =
    "it must be a number of bytes from 16k to 1024M, such as 262144, 256k or 1M";
const DEADLOCK: &str = "it must be exit, warn or off";

/// Values that are refused, and what is said.
const BAD: &[(&str, &str, &str)] = &[
    ("GORT_WORKERS", "abc", WORKERS),
    ("GORT_WORKERS", "0", WORKERS),
    ("GORT_WORKERS", "-1", WORKERS),
    ("GORT_WORKERS", "+1", WORKERS),
    ("GORT_WORKERS", " 1", WORKERS),
    ("GORT_WORKERS", "1025", WORKERS),
    ("GORT_WORKERS", "9999999", WORKERS),
    ("GORT_WORKERS", "99999999999999999999999", WORKERS),
    ("GORT_HOMES", "many", HOMES),
    ("GORT_HOMES", "0", HOMES),
    ("GORT_HOMES", "-8", HOMES),
    ("GORT_HOMES", "65537", HOMES),
    ("GORT_MAX_BLOCKING_THREADS", "all", BLOCKING),
    ("GORT_MAX_BLOCKING_THREADS", "0", BLOCKING),
    ("GORT_MAX_BLOCKING_THREADS", "-1", BLOCKING),
    ("GORT_MAX_BLOCKING_THREADS", "65537", BLOCKING),
    ("GORT_STACK_SIZE", "much", STACK_SIZE),
    ("GORT_STACK_SIZE", "0", STACK_SIZE),
    ("GORT_STACK_SIZE", "-64k", STACK_SIZE),
    ("GORT_STACK_SIZE", "k", STACK_SIZE),
    ("GORT_STACK_SIZE", "16383", STACK_SIZE),
    ("GORT_STACK_SIZE", "1G", STACK_SIZE),
    ("GORT_STACK_SIZE", "1025M", STACK_SIZE),
    ("GORT_STACK_SIZE", "18446744073709551615M", STACK_SIZE),
    ("GORT_DEADLOCK", "panic", DEADLOCK),
    ("GORT_DEADLOCK", "Exit", DEADLOCK),
];

#[test]
fn a_bad_variable_ends_the_program_before_main() {
    for (name, value, allowed) in BAD {
        let ended = Child::new("program").var(name, value).run();
        ended.code(2).does_not_print("main runs");
        ended.says(&format!("{name}={value:?}: {allowed}"));
        assert_eq!(ended.err.lines().count(), 1, "{}", ended.tell());
    }
}

#[test]
fn a_bad_variable_is_a_panic_where_the_default_runtime_is_needed() {
    for (name, value, allowed) in BAD.iter().step_by(4) {
        let ended = Child::new("default_runtime").var(name, value).run();
        ended.code(101).prints("before").does_not_print("after");
        ended.says(&format!(
            "gort: the default runtime cannot start: {name}={value:?}: {allowed}"
        ));
        ended.does_not_print("a goroutine runs");
    }
    let child = Child::new("default_runtime_twice").var("GORT_WORKERS", "0");
    let ended = child.run();
    let text =
        format!("panic=gort: the default runtime cannot start: GORT_WORKERS=\"0\": {WORKERS}");
    assert_eq!(ended.passes().out.matches(&text).count(), 2);
}

#[test]
fn what_the_program_sets_goes_before_the_environment() {
    for (name, value, _) in BAD.iter().step_by(5) {
        let ended = Child::new("explicit").var(name, value).run();
        ended.code(0).prints("main runs with 3 workers");
        assert_eq!(ended.err, "");
    }
}

#[test]
fn good_values_are_followed() {
    for n in [1, 2, 7, 1024] {
        let ended = Child::new("program").workers(n).run();
        ended.code(0).prints(&format!("main runs with {n} workers"));
    }
    for n in [1, 7, 65_536] {
        let child = Child::new("program").var("GORT_HOMES", &n.to_string());
        child.run().code(0).prints("main runs with");
    }
    for n in [1, 7] {
        let child = Child::new("calls").var("GORT_MAX_BLOCKING_THREADS", &n.to_string());
        child.run().code(0).prints(&format!("calls={n}\n"));
    }
    for name in [
        "GORT_WORKERS",
        "GORT_HOMES",
        "GORT_STACK_SIZE",
        "GORT_MAX_BLOCKING_THREADS",
        "GORT_DEADLOCK",
    ] {
        Child::new("program").var(name, "").run().code(0);
    }
    for value in ["exit", "warn", "off"] {
        Child::new("program")
            .var("GORT_DEADLOCK", value)
            .run()
            .code(0);
    }
    for (value, bytes) in [("64k", 64 << 10), ("1M", 1 << 20), ("100000", 128 << 10)] {
        let ended = Child::new("overflow").var("GORT_STACK_SIZE", value).run();
        ended.signal(libc::SIGABRT);
        ended.says(&format!("overflowed its stack of {bytes} bytes"));
    }
}

#[test]
fn there_are_as_many_homes_as_are_allowed() {
    for most in [1, 3, 40] {
        let child = Child::new("homes").var("GORT_HOMES", &most.to_string());
        let ended = child.run();
        let (_, told) = ended.passes().out.split_once("identity=").unwrap();
        let (identity, rest) = told.lines().next().unwrap().split_once(", homes=").unwrap();
        let made: usize = rest.parse().unwrap();
        if identity == "lent" {
            // Each worker that is stuck in a home gives the right to another one.
            let allowed = most..=most + 4;
            assert!(allowed.contains(&made), "{made} where {most} are allowed");
        } else {
            assert_eq!(made, 2, "one for each worker: {identity}");
        }
    }
}

#[test]
fn where_homes_are_not_lent_an_event_tells_why() {
    let ended = Child::new("tells_of_identity")
        .var("GORT_LEND", "off")
        .run();
    let text = "homes are not lent: each worker keeps one \
                reason=the environment variable GORT_LEND says \"off\"";
    assert_eq!(
        ended.passes().out.matches(text).count(),
        1,
        "{}",
        ended.tell()
    );
}

/// The call was refused as invalid input, and the text says what is allowed.
#[track_caller]
fn refused<T>(result: io::Result<T>, given: &str, allowed: &str) {
    let Err(error) = result else {
        panic!("{given} was accepted");
    };
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    let text = error.to_string();
    assert!(text.contains(given) && text.contains(allowed), "{text}");
}

#[test]
fn bad_settings_of_a_runtime_are_errors() {
    let builder = gort::runtime::Builder::new;
    for n in [0, 1025, usize::MAX] {
        let given = format!("workers({n})");
        refused(builder().workers(n).build(), &given, WORKERS);
    }
    for n in [0, 65_537, usize::MAX] {
        let given = format!("homes({n})");
        refused(builder().homes(n).build(), &given, HOMES);
    }
    for n in [0, 65_537, usize::MAX] {
        let given = format!("max_blocking_threads({n})");
        refused(builder().max_blocking_threads(n).build(), &given, BLOCKING);
    }
    for n in [0, 1, (16 << 10) - 1, (1 << 30) + 1, usize::MAX] {
        let given = format!("stack_size({n})");
        let allowed = "it must be a number of bytes from 16k to 1024M";
        refused(builder().stack_size(n).build(), &given, allowed);
    }
    for name in ["", "a\0b"] {
        let built = builder().thread_name(name).build();
        refused(built, "thread_name(", "at least one character, without NUL");
    }
}

#[test]
fn bad_stack_sizes_of_a_goroutine_are_errors() {
    for n in [0, (1 << 30) + 1, usize::MAX] {
        let given = format!("a stack of {n} bytes is not possible");
        let spawned = gort::Builder::new().stack_size(n).spawn(|| ());
        refused(spawned, &given, "allowed are 1 to 1073741824 bytes");
        let call = move || on_big_stack(n, || ());
        for payload in [go!(call).join(), thread::spawn(call).join()] {
            let payload = payload.unwrap_err();
            let text = payload.downcast_ref::<String>().unwrap();
            assert!(text.contains(&given), "{text}");
        }
    }
    let spawned = gort::Builder::new().stack_size(1).spawn(|| 6 * 7);
    assert_eq!(spawned.unwrap().join().unwrap(), 42);
    assert!(panic::catch_unwind(|| on_big_stack(1, || ())).is_ok());
}
