//! The dump tells of each goroutine which it is, what it does or waits for, and where it was
//! spawned.
//!
//! In a child, so that no goroutines of other tests are in it.

#[path = "support/child.rs"]
mod child;

use child::{Child, Role};
use gort::{
    go,
    runtime::{Builder, Runtime, blocking, dump},
    sync::{Barrier, Cond, Mutex, Once, RwMutex, Semaphore, WaitGroup},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const ROLES: &[Role] = &[
    ("reasons", reasons),
    ("fresh_and_running", fresh_and_running),
    ("two_runtimes", two_runtimes),
    ("still_running", still_running),
    ("while_all_change", while_all_change),
];

#[test]
fn plays_a_role() {
    child::play(ROLES);
}

const FOR_EVER: Duration = Duration::from_secs(1_000_000);

/// The line of the dump that is about goroutine `id`.
fn line(dump: &str, id: u64) -> Option<&str> {
    let start = format!("goroutine {id} [");
    dump.lines().find(|line| line.starts_with(&start))
}

/// Waits until the dump shows the goroutine with this state, and returns the line.
#[track_caller]
fn await_state(dump: impl Fn() -> String, id: u64, state: &str) -> String {
    // A time may follow on a machine that is slow.
    let wanted = format!("goroutine {id} [{state}");
    let start = Instant::now();
    loop {
        let text = dump();
        if let Some(line) = line(&text, id).filter(|line| line.starts_with(&wanted)) {
            return line.to_owned();
        }
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "no {wanted:?} in\n{text}"
        );
        thread::sleep(Duration::from_millis(1));
    }
}

/// Spawns, checks that the goroutine comes to be in `state`, and that its line names its spawn
/// site.
#[track_caller]
fn comes_to(state: &str, f: impl FnOnce() + Send + 'static) -> u64 {
    let site = std::panic::Location::caller();
    let handle = gort::spawn(f);
    let id = handle.goroutine().id().as_u64();
    let line = await_state(dump, id, state);
    let place = format!(", spawned at {}:{}:", site.file(), site.line());
    assert!(
        line.contains(&place) && line.contains(" in home "),
        "{line}"
    );
    id
}

fn reasons() {
    let never = WaitGroup::new();
    never.add(1);
    static MUTEX: Mutex<()> = Mutex::new(());
    static RW: RwMutex<()> = RwMutex::new(());
    static ONCE: Once = Once::new();
    let mut seen = BTreeMap::new();
    let mut see = |state, f: Box<dyn FnOnce() + Send>| {
        seen.insert(comes_to(state, f), state);
    };
    see("sleep", Box::new(|| gort::sleep(FOR_EVER)));
    let group = never.clone();
    see("sync.WaitGroup.wait", Box::new(move || group.wait()));
    let (one, other) = (never.clone(), never.clone());
    let joined = go!(move || one.wait());
    see("join", Box::new(|| drop(joined.join())));
    std::mem::forget(MUTEX.lock());
    see("sync.Mutex.lock", Box::new(|| drop(MUTEX.lock())));
    std::mem::forget(RW.write());
    see("sync.RwMutex.read", Box::new(|| drop(RW.read())));
    see("sync.RwMutex.write", Box::new(|| drop(RW.write())));
    see(
        "sync.WaitGroup.wait",
        Box::new(move || ONCE.call_once(|| other.wait())),
    );
    see("sync.Once", Box::new(|| ONCE.call_once(|| ())));
    let pair = Arc::new((Mutex::new(()), Cond::new()));
    see(
        "sync.Cond.wait",
        Box::new(move || pair.1.wait(&mut pair.0.lock())),
    );
    see(
        "semacquire",
        Box::new(|| drop(Semaphore::new(0).acquire(1))),
    );
    see(
        "sync.Barrier.wait",
        Box::new(|| assert!(Barrier::new(2).wait().is_leader())),
    );
    see(
        "blocking call",
        Box::new(|| blocking(|| thread::sleep(FOR_EVER))),
    );
    see(
        "block_on",
        Box::new(|| gort::runtime::block_on(std::future::pending())),
    );
    // All at once, sorted by id, and counted.
    let text = dump();
    for (id, state) in &seen {
        assert!(line(&text, *id).unwrap().contains(state), "{text}");
    }
    let count = seen.len() + 1;
    assert!(
        text.starts_with(&format!("{count} goroutines on 1 worker\n")),
        "{text}"
    );
    // Each group by the first of it.
    let lines = text
        .split("\n\n")
        .filter(|group| group.starts_with("goroutine "));
    let number = |line: &str| line.split(' ').nth(1).unwrap().parse::<u64>().unwrap();
    assert!(lines.map(number).is_sorted(), "{text}");
    println!("states={}", seen.len());
}

fn fresh_and_running() {
    let runtime = Builder::new().workers(1).build().unwrap();
    runtime.run(|| {
        let me = gort::current().id().as_u64();
        let handles: Vec<_> = (0..3).map(|_| go!(gort::yield_now())).collect();
        let text = dump();
        assert!(text.starts_with("4 goroutines on 1 worker\n"), "{text}");
        assert!(
            line(&text, me).unwrap().contains("[running] in home 0"),
            "{text}"
        );
        for handle in &handles {
            let line = line(&text, handle.goroutine().id().as_u64()).unwrap();
            assert!(line.contains("[not started], spawned at"), "{line}");
            assert!(line.contains(file!()), "{line}");
        }
        for handle in handles {
            handle.join().unwrap();
        }
        let text = dump();
        assert!(text.starts_with("1 goroutine on 1 worker\n"), "{text}");
    });
    assert_eq!(runtime.dump(), "0 goroutines on 1 worker\n");
}

/// A runtime with goroutines asleep, and their ids.
fn with_sleepers(workers: usize, n: usize) -> (Runtime, Vec<u64>) {
    let runtime = Builder::new().workers(workers).build().unwrap();
    let spawned = (0..n).map(|_| runtime.spawn(|| gort::sleep(FOR_EVER)));
    let ids: Vec<_> = spawned.map(|h| h.goroutine().id().as_u64()).collect();
    for &id in &ids {
        await_state(|| runtime.dump(), id, "sleep");
    }
    (runtime, ids)
}

fn two_runtimes() {
    let (one, ones) = with_sleepers(1, 5);
    let (two, twos) = with_sleepers(2, 7);
    assert!(one.dump().starts_with("5 goroutines on 1 worker\n"));
    assert!(two.dump().starts_with("7 goroutines on 2 workers\n"));
    for (runtime, own, others) in [(&one, &ones, &twos), (&two, &twos, &ones)] {
        let text = runtime.dump();
        assert!(own.iter().all(|&id| line(&text, id).is_some()), "{text}");
        assert!(others.iter().all(|&id| line(&text, id).is_none()), "{text}");
    }
    // From inside, each sees its own; from outside, it is the default runtime.
    assert!(one.run(dump).starts_with("6 goroutines on 1 worker\n"));
    assert!(two.run(dump).starts_with("8 goroutines on 2 workers\n"));
    assert!(dump().starts_with("0 goroutines on 1 worker\n"));
    drop(one);
    assert!(two.dump().starts_with("7 goroutines on 2 workers\n"));
}

fn still_running() {
    let (runtime, ids) = with_sleepers(2, 3);
    let left = runtime
        .shutdown_timeout(Duration::from_millis(10))
        .unwrap_err();
    assert_eq!(left.goroutines(), 3);
    for text in [left.dump().to_owned(), left.to_string()] {
        for &id in &ids {
            assert!(line(&text, id).unwrap().contains("[sleep"), "{text}");
        }
    }
}

/// Dumps from a thread while goroutines come and go; what they show must make sense.
fn while_all_change() {
    let runtime = Builder::new().workers(2).build().unwrap();
    let stop = AtomicBool::new(false);
    thread::scope(|s| {
        s.spawn(|| {
            let mut dumps = 0;
            while !stop.load(Ordering::Relaxed) {
                let text = runtime.dump();
                for group in text.split("\n\n").skip(1) {
                    let is_note = group.contains("backtrace");
                    assert!(
                        is_note || group.starts_with("goroutine ") && group.contains('['),
                        "{text}"
                    );
                    assert!(!group.contains("unknown"), "{text}");
                }
                dumps += 1;
            }
            println!("dumps={dumps}");
        });
        for _ in 0..30 {
            runtime.run(|| {
                let spawn = |n: u64| go!(move || gort::sleep(Duration::from_micros(n % 200)));
                let handles: Vec<_> = (0..2_000).map(spawn).collect();
                for handle in handles {
                    handle.join().unwrap();
                }
            });
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn each_reason_to_wait_is_named_with_the_spawn_site() {
    let ended = Child::new("reasons").workers(1).run();
    assert_eq!(ended.passes().value("states"), "13");
}

#[test]
fn fresh_and_running_goroutines_are_shown() {
    Child::new("fresh_and_running").run().passes();
}

#[test]
fn each_runtime_shows_its_own() {
    Child::new("two_runtimes").workers(1).run().passes();
}

#[test]
fn a_shutdown_that_leaves_goroutines_lists_them() {
    Child::new("still_running").run().passes();
}

#[test]
fn a_dump_at_any_time_makes_sense() {
    Child::new("while_all_change").run().passes();
}
