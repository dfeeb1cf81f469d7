//! Goroutines that keep their thread, by blocking it or by computing: they hold up their own home
//! alone, and the runtime tells of them if others wait for them.

mod support;

use gort::{
    go,
    runtime::{Builder, GoroutineId, Runtime, Stuck, spawn_local, yield_if_due},
    sleep, spawn,
    sync::{Semaphore, WaitGroup, channel},
    yield_now,
};
use std::{
    collections::HashSet,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};
use support::{DELIBERATE, Noise, Watchdog, compute};

/// How long a goroutine keeps its thread.
const KEPT: Duration = Duration::from_millis(300);
/// By when the others must have run. Two rounds of the monitor and the start of a thread are some
/// 20 ms.
const SOON: Duration = Duration::from_millis(50);

/// What keeps a thread for so long.
type Keep = fn(Duration);
const KEEPS: [Keep; 2] = [thread::sleep, compute];

/// Repeats what a busy machine can spoil; a defect spoils it each time.
#[track_caller]
fn in_one_of_ten(attempt: impl Fn() -> Duration) {
    let mut tries = Vec::new();
    for _ in 0..10 {
        let noise = Noise::start();
        let took = attempt();
        let allowed = SOON.max(2 * noise.stop());
        if took < allowed.min(KEPT / 2) {
            return;
        }
        tries.push((took, allowed));
    }
    panic!("took, and allowed: {tries:?}");
}

#[test]
fn fresh_goroutines_run_while_their_spawner_keeps_its_thread() {
    let _alone = support::alone();
    support::each(|_| {
        for keep in KEEPS {
            in_one_of_ten(|| {
                let start = Instant::now();
                let last = Arc::new(Mutex::new(Duration::ZERO));
                let group = WaitGroup::new();
                for _ in 0..100 {
                    let last = Arc::clone(&last);
                    group.go(move || *last.lock().unwrap() = start.elapsed());
                }
                keep(KEPT);
                group.wait();
                *last.lock().unwrap()
            });
        }
    });
}

#[test]
fn what_threads_spawn_runs_while_the_only_worker_is_kept() {
    let _alone = support::alone();
    support::beside(&[1], |runtime| {
        for keep in KEEPS {
            in_one_of_ten(|| {
                let (started, starts) = mpsc::channel();
                let busy = runtime.spawn(move || {
                    started.send(()).unwrap();
                    keep(KEPT);
                });
                starts.recv().unwrap();
                let start = Instant::now();
                runtime.spawn(|| ()).join().unwrap();
                let took = start.elapsed();
                busy.join().unwrap();
                took
            });
        }
    });
}

#[test]
fn goroutines_run_while_a_foreign_call_blocks_the_only_worker() {
    let _alone = support::alone();
    support::under(&[1], |runtime| {
        // The goroutine waits, by means of std, for what only another goroutine can give.
        for _ in 0..10 {
            let (tx, rx) = mpsc::channel();
            spawn(move || tx.send(1).unwrap());
            assert_eq!(rx.recv().unwrap(), 1);
            let outside = thread::scope(|threads| {
                let joined = threads.spawn(|| runtime.spawn(|| 2).join().unwrap());
                joined.join().unwrap()
            });
            assert_eq!(outside, 2);
        }
    });
}

/// Goroutines that sleep again and again, in homes that the threads' identities tell apart.
struct Sleepers {
    stop: Arc<AtomicBool>,
    group: WaitGroup,
    states: Vec<Arc<Mutex<Sleeper>>>,
}

/// What one of them has noted.
#[derive(Default)]
struct Sleeper {
    home: Option<thread::ThreadId>,
    last: Option<Instant>,
    /// The longest time between two turns since it was reset.
    longest: Duration,
}

impl Sleepers {
    fn start(count: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let group = WaitGroup::new();
        let states: Vec<Arc<Mutex<Sleeper>>> = (0..count).map(|_| Arc::default()).collect();
        for state in &states {
            let (state, stop) = (Arc::clone(state), Arc::clone(&stop));
            group.go(move || {
                while !stop.load(SeqCst) {
                    {
                        let mut state = state.lock().unwrap();
                        let now = Instant::now();
                        let since = state.last.replace(now).map(|last| now - last);
                        state.longest = state.longest.max(since.unwrap_or_default());
                        state.home = Some(thread::current().id());
                    }
                    sleep(Duration::from_millis(2));
                }
            });
        }
        while states.iter().any(|s| s.lock().unwrap().home.is_none()) {
            sleep(Duration::from_millis(1));
        }
        Self {
            stop,
            group,
            states,
        }
    }

    /// Forgets what was before.
    fn reset(&self) {
        for state in &self.states {
            state.lock().unwrap().longest = Duration::ZERO;
        }
    }

    /// The longest times between two turns of those in this home, and of the others.
    fn longest(&self, home: thread::ThreadId) -> (Vec<Duration>, Vec<Duration>) {
        let now = Instant::now();
        let (mut here, mut elsewhere) = (Vec::new(), Vec::new());
        for state in &self.states {
            let state = state.lock().unwrap();
            let since = now - state.last.unwrap();
            let list = if state.home == Some(home) {
                &mut here
            } else {
                &mut elsewhere
            };
            list.push(state.longest.max(since));
        }
        (here, elsewhere)
    }

    fn end(self) {
        self.stop.store(true, SeqCst);
        self.group.wait();
    }
}

#[test]
fn the_other_homes_go_on_beside_one_that_is_kept() {
    let _alone = support::alone();
    support::each(|runtime| {
        let sleepers = Sleepers::start(64);
        for keep in KEEPS {
            in_one_of_ten(|| {
                sleepers.reset();
                keep(KEPT);
                let (_, elsewhere) = sleepers.longest(thread::current().id());
                assert!(!elsewhere.is_empty(), "{:?}", runtime.metrics());
                elsewhere.into_iter().max().unwrap()
            });
        }
        sleepers.end();
    });
}

/// Goroutines that block their threads until all of them have started.
#[track_caller]
fn block_until_all_have_started(runtime: &Runtime, count: usize) -> Duration {
    let start = Instant::now();
    let meeting = Arc::new((Mutex::new(0), Condvar::new()));
    let handles: Vec<_> = (0..count)
        .map(|_| {
            let meeting = Arc::clone(&meeting);
            runtime.spawn(move || {
                let (started, all) = &*meeting;
                let mut started = started.lock().unwrap();
                *started += 1;
                all.notify_all();
                while *started < count {
                    started = all.wait(started).unwrap();
                }
            })
        })
        .collect();
    handles.into_iter().for_each(|h| h.join().unwrap());
    start.elapsed()
}

#[test]
fn goroutines_that_block_their_threads_all_start() {
    let _alone = support::alone();
    support::beside(support::WORKERS, |runtime| {
        in_one_of_ten(|| block_until_all_have_started(runtime, 3) / 2);
    });
}

#[test]
fn a_hundred_that_block_their_threads_all_start() {
    let _alone = support::alone();
    support::beside(&[1, 2], |runtime| {
        let took = block_until_all_have_started(runtime, 100);
        assert!(took < Duration::from_secs(20), "{took:?}");
        // And they leave the runtime as it was.
        assert_eq!(runtime.run(|| go!(|| 1).join().unwrap()), 1);
    });
}

#[test]
fn a_loop_that_yields_if_due_lets_others_run() {
    let _alone = support::alone();
    support::under(&[1], |_| {
        in_one_of_ten(|| {
            let start = Instant::now();
            let gate = Arc::new(Semaphore::new(0));
            let theirs = Arc::clone(&gate);
            let other = spawn(move || {
                theirs.acquire(1).forget();
                start.elapsed()
            });
            yield_now();
            gate.add_permits(1);
            while start.elapsed() < KEPT {
                yield_if_due();
            }
            other.join().unwrap()
        });
    });
}

/// A runtime that collects what it has to tell, under each worker count.
fn told(body: impl Fn(&Runtime, &Mutex<Vec<Stuck>>)) {
    for &workers in support::WORKERS {
        let told = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&told);
        let tell = move |stuck: &Stuck| list.lock().unwrap().push(stuck.clone());
        let builder = Builder::new().workers(workers).on_stuck(tell);
        let runtime = Arc::new(builder.build().unwrap());
        let _watchdog = Watchdog::start(&runtime, support::PATIENCE, &format!("{workers} workers"));
        body(&runtime, &told);
        support::assert_no_goroutine_left(&runtime);
    }
}

/// Waits until all goroutines of the caller's home but the caller have had a turn.
fn settle() {
    for _ in 0..3 {
        yield_now();
    }
    sleep(Duration::from_millis(5));
}

#[test]
fn everybody_who_waits_is_counted_and_nobody_else() {
    let _alone = support::alone();
    told(|runtime, told| {
        let mut sites = HashSet::new();
        for round in 0..3 {
            let (id, stuck) = told_of_six(runtime, told, round);
            assert_eq!(stuck.goroutine(), id);
            assert_eq!(stuck.waiting(), 6, "{stuck}");
            assert!(stuck.ran_for() >= Duration::from_millis(100), "{stuck}");
            assert!(stuck.ran_for() < 2 * KEPT, "{stuck}");
            let site = stuck.site().expect("it was spawned somewhere");
            assert_eq!(site.file(), file!());
            sites.insert((site.line(), site.column()));
            if cfg!(target_os = "linux") {
                let call = "in the system call clock_nanosleep";
                assert_eq!(stuck.doing(), call);
            }
        }
        assert_eq!(sites.len(), 1);
    });
}

/// What is told of one whom six wait for. On a busy machine some come to wait too late for that.
fn told_of_six(runtime: &Runtime, told: &Mutex<Vec<Stuck>>, round: u64) -> (GoroutineId, Stuck) {
    let mut attempts = 10;
    loop {
        attempts -= 1;
        let handle = runtime.spawn(move || wait_in_all_ways(round));
        let id = handle.goroutine().id();
        handle.join().unwrap();
        let told = std::mem::take(&mut *told.lock().unwrap());
        let [stuck] = &told[..] else {
            panic!("told once: {told:?}");
        };
        if stuck.waiting() >= 6 || attempts == 0 {
            return (id, stuck.clone());
        }
    }
}

/// Keeps its thread while six goroutines of its home wait, each in its own way, and others are
/// parked there, or have ended.
fn wait_in_all_ways(round: u64) {
    let (tx, rx) = channel::bounded::<()>(0);
    let (never, parked) = channel::bounded::<()>(0);
    let (outside, from_outside) = channel::bounded::<()>(1);
    let stop = Arc::new(AtomicBool::new(false));
    let stops = Arc::clone(&stop);
    // Two whose time comes; one that is woken by the culprit, one by a thread, and one that has
    // yielded.
    let mut handles = vec![
        spawn_local(|| sleep(Duration::from_millis(30))),
        spawn_local(|| sleep(Duration::from_millis(40))),
        spawn_local(move || {
            let _ = rx.recv();
        }),
        spawn_local(move || {
            let _ = from_outside.recv();
        }),
        spawn_local(move || {
            while !stops.load(SeqCst) {
                yield_now();
            }
        }),
    ];
    for _ in 0..5 {
        let parked = parked.clone();
        handles.push(spawn_local(move || {
            let _ = parked.recv();
        }));
    }
    for _ in 0..=round {
        spawn_local(|| ()).join().unwrap();
    }
    settle();
    let sender = thread::spawn(move || {
        thread::sleep(Duration::from_millis(20));
        outside.send(()).unwrap();
    });
    tx.send(()).unwrap();
    // And one that has not started.
    handles.push(spawn_local(|| ()));
    thread::sleep(KEPT);
    stop.store(true, SeqCst);
    drop(never);
    sender.join().unwrap();
    handles.into_iter().for_each(|h| h.join().unwrap());
}

#[test]
fn nothing_is_told_if_nobody_waits() {
    let _alone = support::alone();
    told(|runtime, told| {
        runtime.run(|| {
            let (never, parked) = channel::bounded::<()>(0);
            let waiting: Vec<_> = (0..5)
                .map(|_| {
                    let parked = parked.clone();
                    spawn_local(move || {
                        let _ = parked.recv();
                    })
                })
                .collect();
            spawn_local(|| ()).join().unwrap();
            settle();
            for keep in KEEPS {
                // Goroutines that others can start are no reason to complain.
                let group = WaitGroup::new();
                (0..20).for_each(|_| drop(group.go(|| ())));
                keep(KEPT);
                group.wait();
            }
            // A dump asks the home for what it cannot give yet.
            thread::scope(|threads| {
                threads.spawn(|| runtime.dump());
                compute(KEPT);
            });
            drop(never);
            waiting.into_iter().for_each(|h| h.join().unwrap());
        });
        assert!(told.lock().unwrap().is_empty(), "{told:?}");
    });
}

#[test]
fn it_is_told_again_after_a_second() {
    let _alone = support::alone();
    told(|runtime, told| {
        let counts = runtime.run(|| {
            let waiting = spawn_local(|| ());
            let counts = [500, 200, 800].map(|ms| {
                // Not `compute`: of one that gets too little of a busy machine nothing is told.
                thread::sleep(Duration::from_millis(ms));
                told.lock().unwrap().len()
            });
            waiting.join().unwrap();
            counts
        });
        assert_eq!(counts, [1, 1, 2]);
        let told = told.lock().unwrap();
        assert!(told[1].ran_for() >= Duration::from_secs(1), "{told:?}");
        assert_eq!(told[0].goroutine(), told[1].goroutine());
    });
}

/// Sooner or later: not while it gets too little of a busy machine.
#[test]
fn one_that_computes_is_told_of() {
    let _alone = support::alone();
    told(|runtime, told| {
        let mut attempts = 40;
        while told.lock().unwrap().is_empty() {
            assert!(attempts > 0, "nothing was told");
            attempts -= 1;
            runtime.run(|| {
                let waiting = spawn_local(|| ());
                compute(KEPT);
                waiting.join().unwrap();
            });
        }
        if cfg!(target_os = "linux") {
            assert_eq!(told.lock().unwrap()[0].doing(), "computing");
        }
    });
}

#[test]
fn one_that_comes_to_wait_late_is_told_of_once() {
    let _alone = support::alone();
    told(|runtime, told| {
        let early = runtime.run(|| {
            // Not a channel: its operations let others have a turn when one's own is over.
            let gate = Arc::new(gort::sync::Semaphore::new(0));
            let theirs = Arc::clone(&gate);
            let waiting = spawn_local(move || theirs.acquire(1).forget());
            settle();
            thread::sleep(Duration::from_millis(1200));
            let early = told.lock().unwrap().len();
            gate.add_permits(1);
            thread::sleep(KEPT);
            waiting.join().unwrap();
            early
        });
        let told = told.lock().unwrap();
        assert_eq!((early, told.len()), (0, 1), "{told:?}");
    });
}

#[test]
fn names_are_told_and_panics_of_the_report_go_no_further() {
    let _alone = support::alone();
    support::silence();
    let names = Arc::new(Mutex::new(Vec::new()));
    let (list, calls) = (Arc::clone(&names), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&calls);
    let tell = move |stuck: &Stuck| {
        counted.fetch_add(1, SeqCst);
        list.lock()
            .unwrap()
            .push(stuck.name().map(ToOwned::to_owned));
        panic!("{DELIBERATE}");
    };
    let runtime = Builder::new().workers(2).on_stuck(tell).build().unwrap();
    runtime.run(|| {
        for name in ["clerk", "boss"] {
            let keep = || {
                let waiting = spawn_local(|| ());
                thread::sleep(KEPT);
                waiting.join().unwrap();
            };
            let handle = gort::Builder::new().name(name.into()).spawn(keep);
            handle.unwrap().join().unwrap();
        }
    });
    let names = names.lock().unwrap();
    assert_eq!(*names, [Some("clerk".to_owned()), Some("boss".to_owned())]);
    assert_eq!(calls.load(SeqCst), 2);
}
