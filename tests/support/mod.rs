//! The fixture of the runtime's tests: a body as a goroutine of fresh runtimes with 1, 2, 3 and 8
//! workers, a watchdog, and a look at what is left.
//!
//! * `GORT_TEST_WORKERS=1,2` narrows the worker counts.
//! * `GORT_TEST_SEEDS=1000` sets how many schedules are explored.
//! * `GORT_TEST_SCALE=10` makes all that waits more patient (see `machine.rs`).
//! * A body that takes longer than its patience is dumped, and the process aborts: a test that
//!   hangs tells where.
//! * When the body has returned all its goroutines must end within 5 s; else the test fails with
//!   the dump.
#![allow(dead_code, unused_imports, unused_macros)]

pub(crate) mod folder;
mod machine;
pub(crate) mod party;

use gort::runtime::{Builder, Runtime};
pub(crate) use machine::is_emulated;
use machine::scaled;
use std::{
    any::Any,
    env, fs,
    io::Write,
    ops::Range,
    panic::{self, Location},
    process,
    sync::{
        Arc, Mutex, MutexGuard, Once, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// The worker counts that suites run under.
pub(crate) const WORKERS: &[usize] = &[1, 2, 3, 8];
/// How long a body may take under one worker count.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Runs `body` under 1, 2, 3 and 8 workers.
#[track_caller]
pub(crate) fn each(body: impl Fn(&Runtime) + Sync) {
    under(WORKERS, body);
}

/// Runs `body` under each of these worker counts.
#[track_caller]
pub(crate) fn under(workers: &[usize], body: impl Fn(&Runtime) + Sync) {
    run_each(workers, builder, |runtime| runtime.run(|| body(runtime)));
}

/// As [`under`], on runtimes that have at most so many homes.
#[track_caller]
pub(crate) fn with_homes(workers: &[usize], homes: usize, body: impl Fn(&Runtime) + Sync) {
    let builder = |workers| builder(workers).homes(homes);
    run_each(workers, builder, |runtime| runtime.run(|| body(runtime)));
}

/// As [`under`], but `body` runs on the calling thread, beside the runtime.
#[track_caller]
pub(crate) fn beside(workers: &[usize], body: impl Fn(&Runtime)) {
    run_each(workers, builder, |runtime| body(runtime));
}

/// Runs `body` under 1, 2, 3 and 8 workers, and under so many schedules that seeds choose.
#[track_caller]
pub(crate) fn each_and_explored(count: Option<u64>, body: impl Fn() + Send + Sync + 'static) {
    each(|_| body());
    explored(count, body);
}

/// How many schedules a test explores that does not say how many.
const SCHEDULES: u64 = 24;

/// Runs `body` in a goroutine under a few dozen schedules, or so many, with a fake clock: see
/// [`gort::testing::explore`]. `GORT_TEST_SEEDS=1000` takes more of them, of all in proportion.
#[track_caller]
pub(crate) fn explored(count: Option<u64>, body: impl Fn() + Send + Sync + 'static) {
    let count = count.unwrap_or(SCHEDULES);
    let wished = seeds(SCHEDULES).end;
    let patience = PATIENCE * wished.div_ceil(SCHEDULES) as u32;
    let _watchdog = Watchdog::with(patience, "explored", || String::from("no dump\n"));
    gort::testing::explore(0..(count * wished / SCHEDULES).max(1), body);
}

/// So many seeds, or what `GORT_TEST_SEEDS` says.
pub(crate) fn seeds(default: u64) -> Range<u64> {
    let wished = env::var("GORT_TEST_SEEDS").ok();
    0..wished.map_or(default, |n| n.parse().expect("a number of seeds"))
}

#[track_caller]
fn run_each(workers: &[usize], builder: impl Fn(usize) -> Builder, body: impl Fn(&Runtime)) {
    let only = env::var("GORT_TEST_WORKERS").ok();
    let is_wanted = |n: &usize| {
        only.as_deref()
            .is_none_or(|only| only.split(',').any(|w| w.trim().parse() == Ok(*n)))
    };
    for &n in workers.iter().filter(|n| is_wanted(n)) {
        let runtime = Arc::new(builder(n).build().expect("a runtime starts"));
        let watchdog = Watchdog::start(&runtime, PATIENCE, &format!("{n} workers"));
        body(&runtime);
        assert_no_goroutine_left(&runtime);
        drop(watchdog);
    }
}

/// A runtime for a test.
pub(crate) fn runtime(workers: usize) -> Runtime {
    builder(workers).build().expect("a runtime starts")
}

fn builder(workers: usize) -> Builder {
    Builder::new().workers(workers).thread_name("gort-test")
}

/// Whether this runtime's homes are lent: any worker enters any of them.
pub(crate) fn is_lending(runtime: &Runtime) -> bool {
    runtime.metrics().identity == "lent"
}

/// Waits until all goroutines have ended.
#[track_caller]
pub(crate) fn assert_no_goroutine_left(runtime: &Runtime) {
    let all_gone = within(Duration::from_secs(5), || runtime.num_goroutines() == 0);
    assert!(all_gone, "goroutines are left: {}", runtime.dump());
}

/// Whether `condition` comes true in time. Sleeps between two looks, so for plain threads only.
pub(crate) fn within(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + scaled(patience);
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= until {
            return condition();
        }
        thread::sleep(Duration::from_micros(200));
    }
}

/// As [`within`], for goroutines: yields between two looks.
pub(crate) fn within_yielding(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + scaled(patience);
    while !condition() {
        if Instant::now() >= until {
            return condition();
        }
        gort::yield_now();
    }
    true
}

/// Lets the tests of a file that measure time run one by one.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread that measures how late this machine lets a thread run that sleeps 1 ms at a time.
pub(crate) struct Noise {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Noise {
    /// Begins to measure.
    pub(crate) fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stops = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut longest = Duration::ZERO;
            while !stops.load(Ordering::Relaxed) {
                let start = Instant::now();
                thread::sleep(Duration::from_millis(1));
                longest = longest.max(start.elapsed());
            }
            longest
        });
        Self { stop, thread }
    }

    /// The longest that it took.
    pub(crate) fn stop(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("it does not panic")
    }
}

/// Keeps the CPU for so long.
pub(crate) fn compute(duration: Duration) {
    let start = Instant::now();
    while start.elapsed() < duration {
        std::hint::spin_loop();
    }
}

/// Aborts the process, with a dump, unless it is dropped in time.
pub(crate) struct Watchdog {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Watches over the calling test.
    #[track_caller]
    pub(crate) fn start(runtime: &Arc<Runtime>, patience: Duration, what: &str) -> Self {
        let runtime = Arc::clone(runtime);
        Self::with(patience, what, move || runtime.dump())
    }

    /// As `start`, for tests with other runtimes or several.
    #[track_caller]
    pub(crate) fn with(
        patience: Duration,
        what: &str,
        dump: impl Fn() -> String + Send + 'static,
    ) -> Self {
        let patience = scaled(patience);
        let site = Location::caller();
        let test = thread::current().name().unwrap_or("?").to_owned();
        let what = format!("{test} at {site} ({what})");
        let (end, ended) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            if ended.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
                give_up(&what, patience, dump);
            }
        });
        Self {
            end: Some(end),
            thread: Some(thread),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Straight to the error stream: what the print macros write is lost when a test's process aborts.
fn give_up(what: &str, patience: Duration, dump: impl Fn() -> String + Send + 'static) {
    let say = |text: &str| {
        let _ = std::io::stderr().write_all(text.as_bytes());
    };
    say(&format!(
        "\nwatchdog: {what} takes longer than {patience:?}\n"
    ));
    // The dump takes locks, which may be what hangs.
    let (tx, rx) = mpsc::channel();
    thread::spawn(move || tx.send(dump()));
    match rx.recv_timeout(Duration::from_secs(5)) {
        Ok(text) if text.len() > 60_000 => {
            say(&String::from_utf8_lossy(&text.as_bytes()[..60_000]));
            say("\n...\n");
        }
        Ok(text) => say(&text),
        Err(_) => say("watchdog: no dump to be had\n"),
    }
    process::abort();
}

/// Panics with this word in their message are not printed once [`silence`] has been called.
pub(crate) const DELIBERATE: &str = "deliberate";

/// Keeps the panic hook from printing what tests panic with on purpose.
pub(crate) fn silence() {
    static SILENCED: Once = Once::new();
    SILENCED.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let text = message(info.payload());
            if !text.contains(DELIBERATE) {
                print(info);
            }
        }));
    });
}

/// The text of a panic's payload, if it is text.
pub(crate) fn message(payload: &(dyn Any + Send)) -> &str {
    match payload.downcast_ref::<&'static str>() {
        Some(text) => text,
        None => payload.downcast_ref::<String>().map_or("", |text| text),
    }
}

/// How many threads of this process have a name that begins so (the kernel keeps 15 bytes).
pub(crate) fn threads_named(prefix: &str) -> usize {
    let name_of = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("comm")).ok();
    fs::read_dir("/proc/self/task")
        .expect("procfs is there")
        .filter_map(|entry| name_of(entry.ok()?))
        .filter(|name| name.starts_with(prefix))
        .count()
}

/// Small random numbers (xorshift, Marsaglia 2003), the same in each run.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }
}
