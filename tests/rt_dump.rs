//! A dump shows what goroutines do, for how long, and where: from any caller, while they go on, and
//! without disturbing them.

mod support;

use gort::{
    Builder, go,
    runtime::{Runtime, dump, forbid_yield, on_big_stack},
    select,
    sync::{Mutex, WaitGroup, channel},
};
use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};
use support::{Random, each, under, within, within_yielding};

/// Whether this build's context switch can be looked into.
const LOOKS: bool = cfg!(all(
    unix,
    any(target_arch = "x86_64", target_arch = "aarch64")
)) && match option_env!("GORT_SWITCH") {
    Some(switch) => !matches!(switch.as_bytes(), b"portable"),
    None => true,
};

const SOON: Duration = Duration::from_secs(10);

/// The part of a dump that is about goroutine `id`: its line, and its backtrace, which others may
/// share.
fn about(dump: &str, id: u64) -> Option<String> {
    let start = format!("goroutine {id} [");
    let group = dump
        .split("\n\n")
        .find(|group| group.lines().any(|line| line.starts_with(&start)))?;
    let mine = |line: &&str| !line.starts_with("goroutine ") || line.starts_with(&start);
    Some(group.lines().filter(mine).collect::<Vec<_>>().join("\n"))
}

/// Whether the holder of the goroutine's home has replied: a loaded machine may keep it from that.
fn is_answered(dump: &str, id: u64) -> bool {
    about(dump, id).is_some_and(|own| !own.contains("(no backtrace: a goroutine"))
}

/// Waits until the goroutine is in `state`; what the dump says about it then.
#[track_caller]
fn await_state(id: u64, state: &str, dump: impl Fn() -> String) -> String {
    let wanted = format!("goroutine {id} [{state}");
    let mut text = String::new();
    let found = within_yielding(SOON, || {
        text = dump();
        text.contains(&wanted) && is_answered(&text, id)
    });
    assert!(found, "no {wanted:?} in\n{text}");
    about(&text, id).unwrap()
}

fn await_state_from_thread(id: u64, state: &str, runtime: &Runtime) -> String {
    let mut text = String::new();
    let found = within(SOON, || {
        text = runtime.dump();
        about(&text, id).is_some_and(|own| own.contains(&format!("[{state}")))
    });
    assert!(found, "{id} is not in {state:?} in\n{text}");
    about(&text, id).unwrap()
}

/// Whether one of the frames shown is in a function of this name.
fn has_frame(text: &str, name: &str) -> bool {
    let frames = text
        .lines()
        .filter_map(|line| Some(line.trim_start().split_once(": ")?.1));
    // Optimised code has names without their paths, and with their types.
    let function = |frame: &str| {
        let path = frame.split('<').next().unwrap_or_default().to_owned();
        path.rsplit("::").next().unwrap_or_default().to_owned()
    };
    frames.map(function).any(|function| function == name)
}

#[inline(never)]
fn waits_for_a_letter(rx: &channel::Receiver<u32>) -> u32 {
    black_box(rx.recv().unwrap_or(0) + 1)
}

#[inline(never)]
fn waits_for_the_lock(lock: &Mutex<u32>) -> u32 {
    black_box(*lock.lock() + 1)
}

#[inline(never)]
fn waits_for_two(one: &channel::Receiver<u32>, other: &channel::Receiver<u32>) -> u32 {
    black_box(select! {
        recv(one) -> n => n.unwrap_or(0),
        recv(other) -> n => n.unwrap_or(0),
    })
}

#[inline(never)]
fn sleeps_until_told(told: &AtomicBool) -> u32 {
    while !told.load(Ordering::Relaxed) {
        gort::sleep(Duration::from_millis(50));
    }
    black_box(1)
}

#[inline(never)]
fn waits_for_the_end(handle: gort::JoinHandle<u32>) -> u32 {
    black_box(handle.join().unwrap() + 1)
}

#[test]
fn the_function_that_parked_is_in_the_backtrace() {
    each(|_| {
        let (tx, rx) = channel::bounded::<u32>(0);
        let (one_tx, one) = channel::bounded::<u32>(0);
        let other = channel::never();
        let lock = Mutex::new(0);
        let guard = lock.lock();
        let told = AtomicBool::new(false);
        let mut texts = Vec::new();
        gort::scope(|s| {
            let receives = s.spawn(|| waits_for_a_letter(&rx));
            let locks = s.spawn(|| waits_for_the_lock(&lock));
            let selects = s.spawn(|| waits_for_two(&one, &other));
            let sleeps = s.spawn(|| sleeps_until_told(&told));
            let grown = s.spawn(|| on_big_stack(256 << 10, || waits_for_a_letter(&rx)));
            let ended = rx.clone();
            let joined = go!(move || waits_for_a_letter(&ended));
            let joins = s.spawn(|| waits_for_the_end(joined));
            for (handle, state, function) in [
                (receives.goroutine(), "chan receive", "waits_for_a_letter"),
                (locks.goroutine(), "sync.Mutex.lock", "waits_for_the_lock"),
                (selects.goroutine(), "select", "waits_for_two"),
                (sleeps.goroutine(), "sleep", "sleeps_until_told"),
                (grown.goroutine(), "chan receive", "on_big_stack"),
                (joins.goroutine(), "join", "waits_for_the_end"),
            ] {
                let text = await_state(handle.id().as_u64(), state, dump);
                texts.push((text, function));
            }
            drop((tx, one_tx, guard));
            told.store(true, Ordering::Relaxed);
        });
        for (text, function) in texts {
            assert_eq!(has_frame(&text, function), LOOKS, "{text}");
            let inner = ["suspend", "exchange", "carrier_main", "run_to_end", "root"];
            assert!(!inner.iter().any(|name| has_frame(&text, name)), "{text}");
        }
    });
}

/// How long a goroutine has waited, as its line says.
fn seconds(text: &str) -> u64 {
    let words = text.split_once(']').unwrap().0.split_once(", ");
    words.map_or(0, |(_, time)| {
        let number = time.split(' ').next().unwrap().parse().unwrap();
        assert!(time.ends_with("seconds"), "{text}");
        number
    })
}

#[test]
fn the_time_in_a_state_and_the_name_are_shown() {
    under(&[1, 3], |_| {
        let group = WaitGroup::new();
        group.add(1);
        let waits = group.clone();
        let named = Builder::new().name("mai\"ler".into());
        let handle = named.spawn(move || waits.wait()).unwrap();
        let id = handle.goroutine().id().as_u64();
        let text = await_state(id, "sync.WaitGroup.wait", dump);
        assert!(text.contains("] \"mai\\\"ler\" in home "), "{text}");
        assert!(text.contains(", spawned at tests/rt_dump.rs:"), "{text}");
        let start = Instant::now();
        gort::sleep(Duration::from_millis(3100));
        let shown = await_state(id, "sync.WaitGroup.wait, ", dump);
        assert!(seconds(&shown) >= 2, "{shown}");
        assert!(seconds(&shown) <= start.elapsed().as_secs() + 2, "{shown}");
        // A goroutine that parks anew begins anew, also where all have slept meanwhile.
        let (tx, rx) = channel::bounded::<u32>(0);
        let (since_tx, since) = channel::bounded(1);
        let fresh = go!(move || {
            gort::sleep(Duration::from_millis(2500));
            since_tx.send(Instant::now()).unwrap();
            waits_for_a_letter(&rx)
        });
        let since = since.recv().unwrap();
        let text = await_state(fresh.goroutine().id().as_u64(), "chan receive", dump);
        assert!(seconds(&text) <= since.elapsed().as_secs() + 1, "{text}");
        drop(tx);
        group.done();
        handle.join().unwrap();
        fresh.join().unwrap();
    });
}

#[inline(never)]
fn yields_until_told(told: &AtomicBool) {
    while !told.load(Ordering::Relaxed) {
        gort::yield_now();
    }
}

#[test]
fn goroutines_that_have_not_started_or_are_ready_are_shown() {
    under(&[1], |_| {
        let named = Builder::new().name("new".into());
        let fresh = named.spawn(|| ()).unwrap();
        let local = gort::spawn_local(|| ());
        let text = dump();
        let line = format!(
            "goroutine {} [not started] \"new\", spawned at ",
            fresh.goroutine().id()
        );
        assert!(text.contains(&line), "{text}");
        let line = format!(
            "goroutine {} [not started] in home 0",
            local.goroutine().id()
        );
        assert!(text.contains(&line), "{text}");
        let me = format!("goroutine {} [running] in home 0", gort::current().id());
        assert!(text.contains(&me), "{text}");
        fresh.join().unwrap();
        local.join().unwrap();
        let told = AtomicBool::new(false);
        let text = gort::scope(|s| {
            let ready = s.spawn(|| yields_until_told(&told));
            let text = await_state(ready.goroutine().id().as_u64(), "runnable]", dump);
            told.store(true, Ordering::Relaxed);
            text
        });
        assert_eq!(has_frame(&text, "yields_until_told"), LOOKS, "{text}");
    });
}

#[test]
fn the_caller_sees_its_own_frames() {
    #[inline(never)]
    fn looks_at_itself() -> String {
        black_box(dump())
    }
    each(|_| {
        let text = about(&looks_at_itself(), gort::current().id().as_u64()).unwrap();
        assert!(text.contains("[running]"), "{text}");
        assert_eq!(has_frame(&text, "looks_at_itself"), LOOKS, "{text}");
        let text = on_big_stack(1 << 20, || {
            about(&looks_at_itself(), gort::current().id().as_u64()).unwrap()
        });
        assert_eq!(has_frame(&text, "looks_at_itself"), LOOKS, "{text}");
    });
}

#[test]
fn goroutines_of_one_kind_stand_together() {
    under(&[2], |_| {
        let (tx, rx) = channel::bounded::<u32>(0);
        let spawn = |_| {
            let rx = rx.clone();
            go!(move || waits_for_a_letter(&rx))
        };
        let handles: Vec<_> = (0..1_000).map(spawn).collect();
        let lock = Mutex::new(0);
        let guard = lock.lock();
        gort::scope(|s| {
            let odd = s.spawn(|| waits_for_the_lock(&lock));
            let odd_id = odd.goroutine().id().as_u64();
            let mut text = String::new();
            let all_parked = within_yielding(SOON, || {
                text = dump();
                let words = ["[not started]", "[runnable]", "(no backtrace: a goroutine"];
                !words.iter().any(|word| text.contains(word))
            });
            assert!(all_parked, "{text}");
            assert!(text.starts_with("1002 goroutines on 2 workers\n"), "{text}");
            if LOOKS {
                assert!(text.lines().count() < 100, "{text}");
                assert_eq!(
                    text.matches(": waits_for_a_letter")
                        .count()
                        .max(text.matches("::waits_for_a_letter").count()),
                    1,
                    "{text}"
                );
                assert!(
                    text.contains("goroutines have no backtrace here: a dump takes those of 200"),
                    "{text}"
                );
                // Though it is the last of so many.
                assert!(
                    has_frame(&about(&text, odd_id).unwrap(), "waits_for_the_lock"),
                    "{text}"
                );
            }
            drop(guard);
        });
        drop(tx);
        for handle in handles {
            handle.join().unwrap();
        }
    });
}

/// Parks at a depth, with numbers on the stack, and checks them after.
#[inline(never)]
fn carries(depth: u64, seed: u64, park: &mut dyn FnMut()) -> u64 {
    let mut random = Random::new(seed ^ depth);
    let frame: [u64; 16] = std::array::from_fn(|_| random.below(1 << 40));
    let before: u64 = frame.iter().sum();
    let below = if depth == 0 {
        park();
        0
    } else {
        carries(depth - 1, seed, park)
    };
    assert_eq!(black_box(&frame).iter().sum::<u64>(), before);
    below + before
}

/// Pairs of goroutines that play ping-pong over channels until told, at different depths.
fn play(pairs: u64, stop: &AtomicBool) -> u64 {
    let rounds = AtomicUsize::new(0);
    gort::scope(|s| {
        for pair in 0..pairs {
            let (ping_tx, ping) = channel::bounded::<u64>(pair as usize % 2);
            let (pong_tx, pong) = channel::bounded::<u64>(0);
            s.spawn(move || {
                let mut n = 0;
                let mut echo = || {
                    if let Ok(got) = ping.recv() {
                        n = got;
                        let _ = pong_tx.send(got + 1);
                    } else {
                        n = u64::MAX;
                    }
                };
                for round in 0.. {
                    let sum = carries(round % 7, pair, &mut echo);
                    assert_eq!(sum, carries(round % 7, pair, &mut || ()));
                    // The other side has gone.
                    if sum == 0 || stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
            });
            let rounds = &rounds;
            s.spawn(move || {
                for round in 0.. {
                    let mut ended = false;
                    let mut serve = || {
                        ended = ping_tx.send(round).is_err() || pong.recv() != Ok(round + 1);
                    };
                    let sum = carries(round % 5, pair, &mut serve);
                    assert_eq!(sum, carries(round % 5, pair, &mut || ()));
                    if ended || stop.load(Ordering::Relaxed) {
                        break;
                    }
                    if round % 64 == 0 {
                        gort::sleep(Duration::from_micros(50));
                    }
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    rounds.into_inner() as u64
}

/// Dumps from threads and goroutines while `pairs` play.
fn dump_while_they_play(runtime: &Runtime, pairs: u64, time: Duration) {
    let stop = AtomicBool::new(false);
    let dumps = AtomicUsize::new(0);
    let shown = AtomicUsize::new(0);
    let look = |dump: &dyn Fn() -> String| {
        let text = dump();
        assert!(!text.contains("unknown"), "{text}");
        shown.fetch_add(usize::from(text.contains("carries")), Ordering::Relaxed);
        dumps.fetch_add(1, Ordering::Relaxed);
    };
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    look(&|| runtime.dump());
                }
            });
        }
        let rounds = s.spawn(|| runtime.run(|| play(pairs, &stop)));
        let start = Instant::now();
        while start.elapsed() < time {
            runtime.run(|| look(&dump));
        }
        stop.store(true, Ordering::Relaxed);
        assert!(rounds.join().unwrap() > 0);
    });
    assert!(dumps.into_inner() > 0);
    // A dump may be unlucky, not all.
    assert_eq!(shown.into_inner() > 0, LOOKS);
}

#[test]
fn dumps_do_not_disturb_goroutines_that_play() {
    let _alone = support::alone();
    support::beside(support::WORKERS, |runtime| {
        dump_while_they_play(runtime, 500, Duration::from_secs(2));
    });
}

#[test]
fn goroutines_that_come_and_go_are_no_trouble() {
    each(|_| {
        let stop = AtomicBool::new(false);
        gort::scope(|s| {
            s.spawn(|| {
                for i in 0..100 {
                    let text = dump();
                    assert!(text.contains("goroutines on"), "{i}: {text}");
                    gort::yield_now();
                }
                stop.store(true, Ordering::Relaxed);
            });
            while !stop.load(Ordering::Relaxed) {
                let spawn = |n: u64| {
                    let named = Builder::new().name(format!("n{n}"));
                    let body = move || {
                        gort::sleep(Duration::from_micros(n % 100));
                        gort::yield_now();
                    };
                    named.spawn(body).unwrap()
                };
                let handles: Vec<_> = (0..200).map(spawn).collect();
                for handle in handles {
                    handle.join().unwrap();
                }
            }
        });
    });
}

#[test]
fn a_dump_does_not_park() {
    each(|_| {
        let (tx, rx) = channel::bounded::<u32>(0);
        let handle = go!(move || waits_for_a_letter(&rx));
        let id = handle.goroutine().id().as_u64();
        let _ = await_state(id, "chan receive", dump);
        let guard = forbid_yield();
        let mut text = String::new();
        let answered = within(SOON, || {
            text = dump();
            is_answered(&text, id)
        });
        drop(guard);
        assert!(answered, "{text}");
        let text = about(&text, id).unwrap();
        assert_eq!(has_frame(&text, "waits_for_a_letter"), LOOKS, "{text}");
        drop(tx);
        handle.join().unwrap();
    });
    let guard = forbid_yield();
    assert!(dump().contains("goroutines on"));
    drop(guard);
}

#[test]
fn a_dump_leaves_the_threads_park_token() {
    thread::current().unpark();
    let runtime = support::runtime(2);
    runtime.run(|| ());
    // The run above may have taken it.
    thread::current().unpark();
    let handle = runtime.spawn(|| gort::sleep(Duration::from_millis(300)));
    let _ = await_state_from_thread(handle.goroutine().id().as_u64(), "sleep", &runtime);
    let start = Instant::now();
    thread::park_timeout(Duration::from_secs(20));
    assert!(start.elapsed() < Duration::from_secs(10));
    handle.join().unwrap();
}

#[test]
fn goroutines_behind_a_stuck_one_are_shown_without_backtraces() {
    support::beside(&[1, 2], |runtime| {
        let release = AtomicBool::new(false);
        let stuck = AtomicUsize::new(0);
        thread::scope(|s| {
            s.spawn(|| {
                runtime.run(|| {
                    gort::scope(|s| {
                        // Homed here, as this goroutine takes no other's.
                        let local = gort::spawn_local(|| gort::sleep(Duration::from_millis(1)));
                        gort::yield_now();
                        s.spawn(|| ());
                        stuck.store(gort::current().id().as_u64() as usize, Ordering::Relaxed);
                        while !release.load(Ordering::Relaxed) {
                            std::hint::spin_loop();
                        }
                        local.join().unwrap();
                    });
                });
            });
            assert!(within(SOON, || stuck.load(Ordering::Relaxed) != 0));
            let id = stuck.load(Ordering::Relaxed) as u64;
            let start = Instant::now();
            let text = runtime.dump();
            assert!(start.elapsed() < Duration::from_secs(5));
            let own = about(&text, id).unwrap();
            assert!(own.contains("[running] in home "), "{text}");
            assert!(
                own.contains("(no backtrace: a goroutine of the same home"),
                "{text}"
            );
            release.store(true, Ordering::Relaxed);
        });
    });
}

#[test]
fn two_runtimes_dump_each_other() {
    let one = support::runtime(1);
    let other = support::runtime(1);
    let left = AtomicUsize::new(2);
    thread::scope(|s| {
        for (own, others) in [(&one, &other), (&other, &one)] {
            let left = &left;
            s.spawn(move || {
                own.run(|| {
                    let answered = within(SOON, || {
                        let text = others.dump();
                        text.contains("[running]") && !text.contains("no backtrace: a goroutine")
                    });
                    assert!(answered);
                    left.fetch_sub(1, Ordering::Relaxed);
                    // In one goroutine until the other is done: only its dumps let others look into
                    // its home.
                    while left.load(Ordering::Relaxed) > 0 {
                        let _ = others.dump();
                    }
                });
            });
        }
    });
}

#[test]
fn a_stack_with_no_room_left_can_be_looked_at() {
    under(&[1, 2], |_| {
        #[inline(never)]
        fn digs(lowest: usize, told: &WaitGroup) -> usize {
            let here = 0_u8;
            // What parking takes, no more.
            if (&raw const here).addr() < lowest + (12 << 10) {
                told.wait();
                return 0;
            }
            digs(lowest, told) + black_box(1)
        }
        let group = WaitGroup::new();
        group.add(1);
        let waits = group.clone();
        let bytes = 64 << 10;
        let handle = Builder::new().stack_size(bytes).spawn(move || {
            let here = 0_u8;
            // It begins near the top.
            digs((&raw const here).addr() - (bytes - (4 << 10)), &waits)
        });
        let handle = handle.unwrap();
        let text = await_state(
            handle.goroutine().id().as_u64(),
            "sync.WaitGroup.wait",
            dump,
        );
        assert_eq!(has_frame(&text, "digs"), LOOKS, "{text}");
        assert_eq!(text.contains("... and frames further out"), LOOKS, "{text}");
        group.done();
        assert!(handle.join().unwrap() > 100);
    });
}

#[test]
fn a_dump_needs_little_of_the_callers_stack() {
    under(&[1], |_| {
        let handle = Builder::new().stack_size(16 << 10).spawn(dump).unwrap();
        let id = handle.goroutine().id();
        let text = handle.join().unwrap();
        assert!(
            text.contains(&format!("goroutine {id} [running]")),
            "{text}"
        );
    });
}
