//! What happens when the system has no more: addresses, mappings, threads. A clear error in bounded
//! time; never a hang, never an end without words.
#![cfg(target_os = "linux")]

#[path = "support/child.rs"]
mod child;
#[path = "support/forbid.rs"]
mod forbid;

use child::{Child, Ended, Role};
use gort::{
    go,
    sync::{Mutex, WaitGroup},
};
use std::{
    fs,
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

const ROLES: &[Role] = &[
    ("parked_300_mb", || parked_within(300 << 20)),
    ("parked_1_gb", || parked_within(1 << 30)),
    ("parked_300_mb_of_data", parked_within_300_mb_of_data),
    ("asleep_for_long", asleep_for_long),
    ("asleep_1_gb", asleep_within_1_gb),
    ("big_stack_within_1_gb", big_stack_within_1_gb),
    ("forty_thousand_parked", || {
        child::end_as_main(forty_thousand_parked::main());
    }),
    ("forty_thousand_from_a_thread", forty_thousand_from_a_thread),
    ("forty_thousand_asleep", forty_thousand_asleep),
    ("released_by_a_thread", released_by_a_thread),
    ("after_a_timeout_in_vain", after_a_timeout_in_vain),
    ("few_mappings", few_mappings),
    ("without_guards", without_guards),
];

const TESTS: &[child::Test] = child::tests! {
    an_end_of_addresses_ends_the_process_with_words
    a_limit_on_data_is_named
    nobody_gives_up_while_goroutines_sleep
    goroutines_that_end_make_room_for_those_that_wait
    a_big_stack_that_cannot_be_had_is_a_panic
    more_guards_than_mappings_end_the_process_with_words
    more_goroutines_than_mappings_run_if_they_end
    a_hundred_thousand_parked_goroutines_take_few_mappings
    a_guard_that_the_system_refuses_is_not_blamed_on_their_number
};

/// Without the usual harness: who gives up depends on which threads there are.
fn main() -> ExitCode {
    child::main(ROLES, TESTS)
}

/// As `ulimit -v`.
fn limit_addresses(bytes: u64) {
    // SAFETY: a valid structure for a known resource.
    let done = unsafe { libc::setrlimit(libc::RLIMIT_AS, &child::limit(bytes)) };
    assert_eq!(done, 0);
}

/// As `ulimit -d`.
fn parked_within_300_mb_of_data() {
    // SAFETY: a valid structure for a known resource.
    let done = unsafe { libc::setrlimit(libc::RLIMIT_DATA, &child::limit(300 << 20)) };
    assert_eq!(done, 0);
    let builder = gort::runtime::Builder::new().stack_size(64 << 10);
    // Many more than fit, and few enough that their handles do.
    builder.build().unwrap().run(|| park_for_ever(8_000));
}

/// All that have a stack sleep for longer than the runtime waits for one.
fn asleep_for_long() {
    limit_addresses(1 << 30);
    let builder = gort::runtime::Builder::new().stack_size(64 << 10);
    let runtime = builder.build().unwrap();
    runtime.run(|| {
        static ENDED: AtomicUsize = AtomicUsize::new(0);
        let all = WaitGroup::new();
        all.add(20_000);
        let until = std::time::Instant::now() + Duration::from_secs(7);
        for _ in 0..20_000 {
            let all = all.clone();
            go!(move || {
                // Those that get a stack late are not to sleep as long once more.
                gort::runtime::sleep_until(until);
                ENDED.fetch_add(1, Ordering::Relaxed);
                all.done();
            });
        }
        all.wait();
        println!("ended={}", ENDED.load(Ordering::Relaxed));
    });
}

/// Parks goroutines for ever, and waits for them.
fn park_for_ever(n: usize) {
    let never = WaitGroup::new();
    never.add(1);
    let handles: Vec<_> = (0..n)
        .map(|_| {
            let never = never.clone();
            go!(move || never.wait())
        })
        .collect();
    println!("all spawned");
    for handle in handles {
        handle.join().unwrap();
    }
    println!("all joined");
}

fn parked_within(bytes: u64) {
    limit_addresses(bytes);
    let builder = gort::runtime::Builder::new().stack_size(64 << 10);
    builder.build().unwrap().run(|| park_for_ever(50_000));
}

/// As [`park_for_ever`], but they end by themselves.
fn sleep_in_turn(n: usize, each: Duration) {
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    let all = WaitGroup::new();
    all.add(n);
    for _ in 0..n {
        let all = all.clone();
        go!(move || {
            gort::sleep(each);
            ENDED.fetch_add(1, Ordering::Relaxed);
            all.done();
        });
    }
    all.wait();
    assert_eq!(ENDED.load(Ordering::Relaxed), n);
}

fn asleep_within_1_gb() {
    limit_addresses(1 << 30);
    let builder = gort::runtime::Builder::new().stack_size(64 << 10);
    let runtime = builder.build().unwrap();
    // Room for fewer than 16,384 stacks, and all must be asleep at once for one to be missing: on a
    // busy machine too.
    runtime.run(|| sleep_in_turn(20_000, Duration::from_millis(500)));
}

fn big_stack_within_1_gb() {
    limit_addresses(1 << 30);
    for _ in 0..3 {
        let failed = go!(|| gort::runtime::on_big_stack(1 << 30, || 0)).join();
        let text = failed.unwrap_err();
        println!("panic={}", text.downcast_ref::<String>().unwrap());
        let fine = go!(|| gort::runtime::on_big_stack(64 << 20, || 6 * 7));
        assert_eq!(fine.join().unwrap(), 42);
    }
}

mod forty_thousand_parked {
    #[gort::main]
    pub(crate) fn main() {
        super::park_for_ever(40_000);
    }
}

fn forty_thousand_from_a_thread() {
    park_for_ever(40_000);
}

fn forty_thousand_asleep() {
    // Longer than it takes to spawn them: most are asleep at once if they can be.
    sleep_in_turn(40_000, Duration::from_millis(500));
}

/// While a plain thread can still release them, nobody gives up.
fn released_by_a_thread() {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let gate = WaitGroup::new();
    gate.add(1);
    let handles: Vec<_> = (0..40_000)
        .map(|_| {
            let gate = gate.clone();
            go!(move || {
                STARTED.fetch_add(1, Ordering::Relaxed);
                gate.wait();
            })
        })
        .collect();
    // Until no more start: how long that takes depends on the machine.
    let mut seen = 0;
    loop {
        thread::sleep(Duration::from_millis(500));
        let started = STARTED.load(Ordering::Relaxed);
        if started > 0 && started == seen {
            break;
        }
        seen = started;
    }
    // Longer than the runtime's patience: this thread could release them, so it must not give up.
    thread::sleep(Duration::from_secs(4));
    gate.done();
    for handle in handles {
        handle.join().unwrap();
    }
}

/// A timeout that was taken back is nothing to wait for.
fn after_a_timeout_in_vain() {
    static LOCK: Mutex<()> = Mutex::new(());
    let held = LOCK.lock();
    let waits = go!(|| LOCK.try_lock_for(Duration::from_secs(3600)).is_some());
    thread::sleep(Duration::from_millis(50));
    drop(held);
    assert!(waits.join().unwrap());
    park_for_ever(40_000);
}

fn mappings() -> usize {
    fs::read_to_string("/proc/self/maps")
        .unwrap()
        .lines()
        .count()
}

fn few_mappings() {
    if gort::runtime::metrics().guard_mode != "guard-install" {
        println!("skipped: guards take mappings here");
        return;
    }
    let before = mappings();
    let (gate, parked) = (WaitGroup::new(), WaitGroup::new());
    gate.add(1);
    let handles: Vec<_> = (0..100_000)
        .map(|_| {
            let (gate, parked) = (gate.clone(), parked.clone());
            parked.add(1);
            go!(move || {
                parked.done();
                gate.wait();
            })
        })
        .collect();
    parked.wait();
    let new = mappings() - before;
    println!("new={new}");
    gate.done();
    for handle in handles {
        handle.join().unwrap();
    }
}

/// Longest time from the start to giving up: the runtime waits for 3 s, and this machine may be
/// busy.
const GIVES_UP: Duration = Duration::from_secs(10);

/// The child gave up: with these words, code 2, and in time.
#[track_caller]
fn gave_up(ended: &Ended, words: &[&str]) {
    ended
        .code(2)
        .prints("all spawned")
        .does_not_print("all joined");
    ended.says("gort: a goroutine cannot start yet, no stack for it: ");
    ended.says("fatal error: goroutines cannot start and none is left that could end: ");
    ended.does_not_say("panicked");
    for word in words {
        ended.says(word);
    }
    ended.in_time(GIVES_UP);
}

fn an_end_of_addresses_ends_the_process_with_words() {
    // At once: each takes three seconds to give up.
    thread::scope(|all| {
        for (role, workers) in [
            ("parked_300_mb", 1),
            ("parked_300_mb", 2),
            ("parked_1_gb", 8),
        ] {
            all.spawn(move || {
                let ended = Child::new(role).workers(workers).run();
                gave_up(
                    &ended,
                    &["no address space for a goroutine's stack", "ulimit -v"],
                );
            });
        }
    });
}

/// It was the only limit, so it is the one to see.
fn a_limit_on_data_is_named() {
    let ended = Child::new("parked_300_mb_of_data").workers(2).run();
    gave_up(
        &ended,
        &[
            "no address space for a goroutine's stack",
            "see `ulimit -d`,",
        ],
    );
    ended.does_not_say("ulimit -v");
}

/// They will end, and so make room, however long that takes.
fn nobody_gives_up_while_goroutines_sleep() {
    thread::scope(|all| {
        for workers in [1, 2] {
            all.spawn(move || {
                let ended = Child::new("asleep_for_long").workers(workers).run();
                ended.passes().says("it waits until another goroutine ends");
                assert_eq!(ended.value("ended"), "20000");
            });
        }
    });
}

fn goroutines_that_end_make_room_for_those_that_wait() {
    for workers in [1, 2] {
        let ended = Child::new("asleep_1_gb").workers(workers).run();
        ended.passes().says("it waits until another goroutine ends");
    }
}

fn a_big_stack_that_cannot_be_had_is_a_panic() {
    let ended = Child::new("big_stack_within_1_gb").run();
    let text = "panic=gort: on_big_stack: no stack of 1073741824 bytes: no address space";
    assert_eq!(ended.passes().out.matches(text).count(), 3);
}

/// Whether the budget of guards that take mappings is what these tests are made for.
fn has_usual_budget() -> bool {
    let text = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap_or_default();
    let usual = text.trim().parse().is_ok_and(|n: u32| n < 80_000);
    if !usual {
        println!("skipped: vm.max_map_count is not the default");
    }
    usual
}

fn with_mprotect(role: &'static str, workers: usize) -> Ended {
    let child = Child::new(role).workers(workers);
    child.var("GORT_GUARD", "mprotect").run()
}

fn more_guards_than_mappings_end_the_process_with_words() {
    if !has_usual_budget() {
        return;
    }
    let words = [
        "sysctl -w vm.max_map_count=1048576",
        "park fewer goroutines",
    ];
    thread::scope(|all| {
        for (role, workers) in [
            ("forty_thousand_parked", 1),
            ("forty_thousand_parked", 8),
            ("forty_thousand_from_a_thread", 2),
            ("after_a_timeout_in_vain", 1),
        ] {
            all.spawn(move || gave_up(&with_mprotect(role, workers), &words));
        }
    });
}

fn more_goroutines_than_mappings_run_if_they_end() {
    if !has_usual_budget() {
        return;
    }
    for workers in [1, 2] {
        with_mprotect("forty_thousand_asleep", workers).passes();
        let ended = with_mprotect("released_by_a_thread", workers);
        ended.passes().says("it waits until another goroutine ends");
        ended.says("they wait for the other threads of the process");
    }
}

fn a_hundred_thousand_parked_goroutines_take_few_mappings() {
    for workers in [1, 2] {
        let ended = Child::new("few_mappings").workers(workers).run();
        if ended.passes().out.contains("skipped") {
            println!("skipped: guards take mappings here");
            return;
        }
        let new: usize = ended.value("new").parse().unwrap();
        assert!(new < 200, "{new} new mappings");
    }
}

fn without_guards() {
    forbid::forbid_guards();
    let runtime = gort::runtime::Builder::new().workers(1).build().unwrap();
    runtime.run(|| println!("it runs"));
}

fn a_guard_that_the_system_refuses_is_not_blamed_on_their_number() {
    let ended = with_mprotect("without_guards", 1);
    ended.code(2).does_not_print("it runs");
    ended.says("no guard for another goroutine's stack (Operation not permitted");
    ended.does_not_say("the limit is");
}
