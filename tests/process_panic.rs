//! How panics, `goexit` and the return of main end a process: with which code, which words, and
//! without waiting for anybody.

#[path = "support/child.rs"]
mod child;

use child::{Child, Ended, Role};
use gort::{
    go,
    runtime::{PanicPolicy, goexit},
    sync::{Mutex, WaitGroup},
};
use std::{hint::black_box, thread, time::Duration};

const ROLES: &[Role] = &[
    ("exit_policy", || child::end_as_main(exit_policy::main())),
    ("exit_policy_main", || {
        child::end_as_main(exit_policy_main::main());
    }),
    ("exit_policy_builder", exit_policy_builder),
    ("exit_policy_in_time", exit_policy_in_time),
    ("isolated", isolated),
    ("double_panic", double_panic),
    ("double_panic_after_park", double_panic_after_park),
    ("panic_in_output_drop", panic_in_output_drop),
    ("main_panics", || child::end_as_main(main_panics::main())),
    ("main_fails", || child::end_as_main(main_fails::main())),
    ("main_has_a_code", || {
        child::end_as_main(main_has_a_code::main());
    }),
    ("main_exits", || child::end_as_main(main_exits::main())),
    ("main_is_fine", || child::end_as_main(main_is_fine::main())),
    ("goexit_alone", || child::end_as_main(goexit_alone::main())),
    ("goexit_with_others", || {
        child::end_as_main(goexit_with_others::main());
    }),
    ("goexit_then_exit", || {
        child::end_as_main(goexit_then_exit::main());
    }),
    ("goexit_with_a_thread", || {
        child::end_as_main(goexit_with_a_thread::main());
    }),
    ("subscriber_panics", subscriber_panics),
    ("subscriber_panics_at_the_monitor", || {
        child::end_as_main(monitored::main());
    }),
    ("main_returns_first", || {
        child::end_as_main(main_returns_first::main());
    }),
];

#[test]
fn plays_a_role() {
    child::play(ROLES);
}

/// Long against all patience.
const FOR_EVER: Duration = Duration::from_secs(1_000_000);

mod exit_policy {
    #[gort::main(panic = "exit")]
    pub(crate) fn main() {
        let bystander = gort::go!(gort::sleep(super::FOR_EVER));
        let culprit = gort::go!(|| panic!("the sky falls"));
        drop(culprit.join());
        println!("culprit joined");
        drop(bystander.join());
    }
}

mod exit_policy_main {
    #[gort::main(panic = "exit")]
    pub(crate) fn main() {
        panic!("main falls");
    }
}

fn exit_policy_builder() {
    let builder = gort::runtime::Builder::new().panic(PanicPolicy::Exit);
    builder.build().unwrap().run(|| {
        // Goexit is no panic.
        drop(go!(goexit()).join());
        println!("after goexit");
        drop(go!(|| panic!("the sky falls")).join());
        println!("culprit joined");
    });
}

/// The panic unwinds through parks before the process ends.
fn exit_policy_in_time() {
    let builder = gort::runtime::Builder::new().panic(PanicPolicy::Exit);
    builder.build().unwrap().run(|| {
        let culprit = go!(|| {
            let _parks = OnDrop(|| {
                gort::sleep(Duration::from_millis(20));
                println!("cleaned up");
            });
            panic!("the sky falls");
        });
        drop(culprit.join());
        println!("culprit joined");
    });
}

fn isolated() {
    let culprit = go!(|| panic!("the sky falls"));
    let payload = culprit.join().unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"the sky falls"));
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn double_panic() {
    let culprit = go!(|| {
        let _panics = OnDrop(|| panic!("second"));
        panic!("first");
    });
    drop(culprit.join());
}

fn double_panic_after_park() {
    let other = go!(gort::sleep(FOR_EVER));
    let culprit = go!(|| {
        let _panics = OnDrop(|| {
            gort::sleep(Duration::from_millis(5));
            go!(|| ()).join().unwrap();
            panic!("second");
        });
        panic!("first");
    });
    drop((culprit.join(), other.join()));
}

/// One panic at a time is no double panic, however many there are.
fn panic_in_output_drop() {
    let culprit = go!(|| OnDrop(|| panic!("in the output")));
    while !culprit.is_finished() {
        thread::sleep(Duration::from_millis(1));
    }
    drop(culprit);
    drop(go!(|| OnDrop(|| panic!("in a detached output"))));
    let payload = go!(|| std::panic::panic_any(OnDrop(|| panic!("in the payload"))));
    drop(payload);
    while gort::runtime::num_goroutines() > 0 {
        thread::sleep(Duration::from_millis(1));
    }
}

mod main_panics {
    #[gort::main]
    pub(crate) fn main() {
        let _said = super::OnDrop(|| println!("destructors run"));
        panic!("main falls");
    }
}

mod main_fails {
    #[gort::main]
    pub(crate) fn main() -> Result<(), String> {
        gort::go!(|| ()).join().unwrap();
        Err("no luck today".to_owned())
    }
}

mod main_has_a_code {
    use std::process::ExitCode;

    #[gort::main]
    pub(crate) fn main() -> ExitCode {
        ExitCode::from(37)
    }
}

mod main_exits {
    #[gort::main]
    pub(crate) fn main() {
        gort::go!(|| std::process::exit(38)).join().unwrap();
    }
}

mod main_is_fine {
    #[gort::main]
    pub(crate) fn main() -> Result<(), std::io::Error> {
        println!("fine");
        Ok(())
    }
}

mod goexit_alone {
    #[gort::main]
    pub(crate) fn main() {
        let _said = super::OnDrop(|| println!("destructors run"));
        gort::runtime::goexit();
    }
}

mod goexit_with_others {
    use std::time::Duration;

    #[gort::main]
    pub(crate) fn main() {
        for n in 1..=3 {
            gort::go!(move || {
                gort::sleep(Duration::from_millis(50 * n));
                println!("other {n} is done");
            });
        }
        gort::runtime::goexit();
    }
}

mod goexit_then_exit {
    use std::time::Duration;

    #[gort::main]
    pub(crate) fn main() {
        gort::go!(|| {
            gort::sleep(Duration::from_millis(50));
            std::process::exit(39);
        });
        gort::runtime::goexit();
    }
}

mod goexit_with_a_thread {
    use super::*;

    #[gort::main]
    pub(crate) fn main() {
        let group = WaitGroup::new();
        group.add(1);
        let by_thread = group.clone();
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(400));
            by_thread.done();
        });
        gort::go!(move || {
            group.wait();
            std::process::exit(39);
        });
        gort::runtime::goexit();
    }
}

mod main_returns_first {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static STARTED: AtomicUsize = AtomicUsize::new(0);
    static LOCK: Mutex<u64> = Mutex::new(0);

    #[gort::main(workers = 4)]
    pub(crate) fn main() {
        let never = WaitGroup::new();
        never.add(1);
        start(|| gort::sleep(FOR_EVER));
        start(move || never.wait());
        start(|| gort::runtime::blocking(|| thread::sleep(FOR_EVER)));
        start(|| for_ever(|| {}));
        start(|| for_ever(gort::yield_now));
        start(|| {
            for_ever(|| {
                *LOCK.lock() += 1;
                gort::go!(|| ()).join().unwrap();
            });
        });
        // Main does not park, or the one that computes might start on its worker.
        while STARTED.load(Ordering::Relaxed) < 6 {
            thread::sleep(Duration::from_millis(1));
        }
        println!("main returns");
    }

    fn for_ever(mut f: impl FnMut()) {
        while black_box(true) {
            f();
        }
    }

    fn start(f: impl FnOnce() + Send + 'static) {
        gort::go!(move || {
            let _never = OnDrop(|| println!("ended by itself"));
            STARTED.fetch_add(1, Ordering::Relaxed);
            f();
        });
    }
}

/// Runs a role with one and with two workers.
fn each(role: &'static str, check: impl Fn(&Ended)) {
    for workers in [1, 2] {
        let child = Child::new(role).workers(workers);
        check(&child.within(Duration::from_secs(10)).run());
    }
}

#[test]
fn the_exit_policy_ends_the_process_with_code_2() {
    let words = "panicked, and the panic policy is \"exit\": ending the process";
    for role in ["exit_policy", "exit_policy_builder", "exit_policy_in_time"] {
        each(role, |ended| {
            ended.code(2).says("the sky falls").says("gort: goroutine ");
            ended.says(words).does_not_print("culprit joined");
        });
    }
    each("exit_policy_main", |ended| {
        ended.code(2).says("main falls").says(words);
    });
    let ended = Child::new("exit_policy_in_time").run();
    ended.code(2).prints("cleaned up");
}

#[test]
fn otherwise_a_panic_is_the_joiners() {
    each("isolated", |ended| {
        ended.passes().says("the sky falls").does_not_say("gort:");
    });
}

#[test]
fn a_panic_in_drop_while_unwinding_aborts_as_std_does() {
    for role in ["double_panic", "double_panic_after_park"] {
        each(role, |ended| {
            ended.signal(libc::SIGABRT).says("first").says("second");
            ended.says("panic in a destructor during cleanup");
            ended.says("thread caused non-unwinding panic. aborting.");
        });
    }
}

#[test]
fn panics_in_destructors_of_outputs_end_there() {
    each("panic_in_output_drop", |ended| {
        ended
            .passes()
            .says("in the output")
            .says("in a detached output");
    });
}

#[test]
fn a_panic_in_main_is_code_101() {
    each("main_panics", |ended| {
        ended.code(101).says("main falls").prints("destructors run");
    });
}

#[test]
fn what_main_returns_is_the_code() {
    each("main_fails", |ended| {
        ended.code(1).says("Error: \"no luck today\"");
    });
    each("main_has_a_code", |ended| {
        ended.code(37);
    });
    each("main_exits", |ended| {
        ended.code(38);
    });
    each("main_is_fine", |ended| {
        assert_eq!(ended.code(0).prints("fine").err, "");
    });
}

#[test]
fn when_main_has_left_by_goexit_the_last_one_ends_the_process() {
    let words = "fatal error: no goroutines (main called goexit) - deadlock!";
    each("goexit_alone", |ended| {
        ended.code(2).says(words).prints("destructors run");
    });
    each("goexit_with_others", |ended| {
        ended.code(2).says(words).does_not_say("panicked");
        for n in 1..=3 {
            ended.prints(&format!("other {n} is done"));
        }
    });
    each("goexit_with_a_thread", |ended| {
        ended.code(39).does_not_say("fatal error");
    });
    each("goexit_then_exit", |ended| {
        ended.code(39).does_not_say("fatal error");
    });
}

#[test]
fn the_return_of_main_ends_the_process_whatever_others_do() {
    for _ in 0..5 {
        let child = Child::new("main_returns_first");
        let ended = child.within(Duration::from_secs(10)).run();
        ended
            .code(0)
            .prints("main returns")
            .does_not_print("ended by itself");
        assert_eq!(ended.err, "");
        ended.in_time(Duration::from_secs(3));
    }
}

/// Panics at each event.
struct Panics;

/// The messages of the events.
static TOLD: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());

/// How many events there were whose message begins so.
fn times_told(of: &str) -> usize {
    TOLD.lock()
        .unwrap()
        .iter()
        .filter(|text| text.starts_with(of))
        .count()
}

impl tracing::Subscriber for Panics {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "gort"
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Message(String);
        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        TOLD.lock().unwrap().push(message.0);
        // Without the hook's words: there are thousands.
        std::panic::resume_unwind(Box::new("a subscriber's panic"));
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

fn subscriber_panics() {
    tracing::subscriber::set_global_default(Panics).unwrap();
    let runtime = gort::runtime::Builder::new().workers(2).build().unwrap();
    let moved = if runtime.metrics().identity == "lent" {
        "steal"
    } else {
        "hand over"
    };
    let mut rounds = 0;
    while rounds < 3 || times_told(moved) == 0 {
        rounds += 1;
        runtime.run(|| {
            let group = WaitGroup::new();
            let mut timers = Vec::new();
            for _ in 0..200 {
                group.go(|| {
                    black_box([0_u8; 512]);
                    gort::sleep(Duration::from_micros(50));
                });
                let later = group.clone();
                later.add(1);
                // Its goroutine is spawned by whoever fires the timer.
                let soon = Duration::from_micros(50);
                timers.push(gort::time::after_func(soon, move || later.done()));
            }
            group.wait();
        });
    }
    assert!(times_told("spawn") > 400 && times_told("park") > 200);
    println!("all ran");
}

mod monitored {
    use super::{Panics, times_told};
    use std::{thread, time::Duration};

    /// The monitor tells of a long silence, and then has to find hands for what a goroutine holds
    /// up.
    #[gort::main(workers = 1)]
    pub(crate) fn main() {
        tracing::subscriber::set_global_default(Panics).unwrap();
        let (tx, rx) = gort::sync::channel::bounded(1);
        thread::spawn(move || {
            while times_told("all goroutines are parked") == 0 {
                thread::sleep(Duration::from_millis(10));
            }
            tx.send(()).unwrap();
        });
        rx.recv().unwrap();
        let (tx, rx) = std::sync::mpsc::channel();
        gort::go!(move || tx.send(()).unwrap());
        // Blocks the only worker's thread until another has started the goroutine.
        rx.recv().unwrap();
        println!("all ran");
    }
}

#[test]
fn a_subscriber_that_panics_stops_nobody() {
    for (role, lend) in [
        ("subscriber_panics", "on"),
        ("subscriber_panics", "off"),
        ("subscriber_panics_at_the_monitor", "on"),
    ] {
        let mut child = Child::new(role);
        if lend == "off" {
            child = child.var("GORT_LEND", lend);
        }
        child.run().code(0).prints("all ran");
    }
}
