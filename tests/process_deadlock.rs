//! The deadlock detector: what it reports, by which policy, and above all when it must hold its
//! tongue.
//!
//! Without the usual harness: that waits for tests on a thread of its own, which for the detector
//! is one that may yet wake somebody.

#[path = "support/child.rs"]
mod child;

use child::{Child, Ended, Role};
use gort::{
    go,
    runtime::{Builder, DeadlockPolicy, blocking},
    sync::{
        Barrier, Cond, Mutex, Once, RwMutex, Semaphore, WaitGroup,
        channel::{bounded, never, select},
    },
};
use std::{
    io::Read,
    process::ExitCode,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

const LINE: &str = "fatal error: all goroutines are asleep - deadlock!\n\n";
const NOTHING: &str = "deadlock";
const POLICY: &str = "GORT_DEADLOCK";

const ROLES: &[Role] = &[
    ("recv", || in_main(recv)),
    ("recv_plain", || {
        let _ = go!(recv()).join();
    }),
    ("send", || in_main(send)),
    ("select_all", || in_main(select_all)),
    ("mutex", || in_main(mutex)),
    ("rw_mutex_read", || in_main(rw_mutex_read)),
    ("rw_mutex_write", || in_main(rw_mutex_write)),
    ("wait_group", || in_main(wait_group)),
    ("wait_group_plain", wait_group),
    ("wait_group_plain_late", wait_group_plain_late),
    ("cond", || in_main(cond)),
    ("once", || in_main(once)),
    ("semaphore", || in_main(semaphore)),
    ("barrier", || in_main(barrier)),
    ("join", || in_main(join)),
    ("future", || in_main(future)),
    ("after_a_blocking_call", || in_main(after_a_blocking_call)),
    ("after_a_timer", || in_main(after_a_timer)),
    ("a_cancelled_timer", || in_main(a_cancelled_timer)),
    ("threads_wait_too", || in_main(threads_wait_too)),
    ("two_runtimes_stuck", two_runtimes_stuck),
    ("a_runtime_that_is_gone", a_runtime_that_is_gone),
    ("main_option_off", || {
        child::end_as_main(option_off::main());
    }),
    ("off_beside_exit", off_beside_exit),
    ("warned", || in_main(warned)),
    ("others_watch", || in_main(others_watch)),
    ("a_test_hangs", || {
        end_in(Duration::from_secs(8));
        gort::runtime::__private::test(Default::default(), recv);
    }),
    ("idle_server", idle_server),
    ("sleeps", || in_main(sleeps)),
    ("timeouts", || in_main(timeouts)),
    ("starts_later", || in_main(starts_later)),
    ("blocks", || in_main(blocks)),
    ("waits_for_a_descriptor", || in_main(waits_for_a_descriptor)),
    ("after_a_descriptor", || in_main(after_a_descriptor)),
    ("foreign_thread", || in_main(foreign_thread)),
    ("foreign_thread_of_a_test", || {
        let options = gort::runtime::__private::Options::new();
        let options = options.deadlock(DeadlockPolicy::Exit);
        let _ = gort::runtime::__private::test(options, foreign_thread);
    }),
    ("foreign_thread_parked_for_a_while", || {
        in_main(foreign_thread_parked_for_a_while);
    }),
    ("two_runtimes", two_runtimes),
    ("threads_spawned", || in_main(threads_spawned)),
    ("scopes", || in_main(scopes)),
    ("runtimes_come_and_go", runtimes_come_and_go),
    ("threads_hand_over", || in_main(threads_hand_over)),
    ("computes", || in_main(computes)),
    ("goexit_stuck", || in_main(goexit_stuck)),
    ("goexit_alone", || in_main(|| gort::runtime::goexit())),
];

const TESTS: &[child::Test] = child::tests! {
    a_main_that_can_never_go_on_is_reported
    each_primitive_can_be_in_a_deadlock
    what_has_ended_does_not_hide_a_deadlock
    waiting_threads_and_other_runtimes_do_not_hide_a_deadlock
    after_goexit_of_main_too
    off_says_nothing
    warn_says_it_once_and_goes_on
    with_other_threads_the_process_goes_on
    a_test_that_hangs_tells_why
    timers_and_calls_are_no_deadlock
    other_threads_are_no_deadlock
    other_runtimes_are_no_deadlock
};

fn main() -> ExitCode {
    child::main(ROLES, TESTS)
}

/// As `#[gort::main]`, with the environment's settings.
fn in_main(f: fn()) {
    let code = gort::runtime::__private::main(Default::default(), f);
    if code != ExitCode::SUCCESS {
        child::end_as_main(code);
    }
}

fn recv() {
    let (_tx, rx) = bounded::<()>(0);
    let _ = rx.recv();
}

fn send() {
    let (tx, _rx) = bounded(1);
    let _ = tx.send(1);
    let _ = tx.send(2);
}

fn select_all() {
    let (_tx, rx) = bounded::<()>(0);
    select! {
        recv(rx) -> _ => {}
        recv(never::<()>()) -> _ => {}
    }
}

fn mutex() {
    let mutex = Mutex::new(());
    let _first = mutex.lock();
    let _second = mutex.lock();
}

fn rw_mutex_read() {
    let mutex = RwMutex::new(());
    let _writer = mutex.write();
    let _reader = mutex.read();
}

fn rw_mutex_write() {
    let mutex = RwMutex::new(());
    let _reader = mutex.read();
    let _writer = mutex.write();
}

fn wait_group() {
    let group = WaitGroup::new();
    group.add(2);
    let one = group.clone();
    go!(move || one.done());
    group.wait();
}

/// The goroutine has long been asleep when the thread that could have helped gives up, too.
fn wait_group_plain_late() {
    let (_tx, rx) = bounded::<()>(0);
    let stuck = go!(move || rx.recv());
    thread::sleep(Duration::from_secs(1));
    let _ = stuck.join();
}

fn cond() {
    let mutex = Mutex::new(());
    let mut guard = mutex.lock();
    Cond::new().wait(&mut guard);
}

fn once() {
    let once = Arc::new(Once::new());
    let inner = Arc::clone(&once);
    once.call_once(move || {
        let waits = go!(move || inner.call_once(|| ()));
        let _ = waits.join();
    });
}

fn semaphore() {
    let semaphore = Semaphore::new(1);
    let _first = semaphore.acquire(1);
    let _second = semaphore.acquire(1);
}

fn barrier() {
    Barrier::new(2).wait();
}

fn join() {
    let _ = go!(recv()).join();
}

fn future() {
    gort::runtime::block_on(std::future::pending::<()>());
}

fn after_a_blocking_call() {
    blocking(|| thread::sleep(Duration::from_millis(300)));
    println!("the call is done");
    recv();
}

fn after_a_timer() {
    gort::sleep(Duration::from_millis(300));
    println!("the timer is done");
    recv();
}

fn a_cancelled_timer() {
    let (tx, rx) = bounded(0);
    go!(move || tx.send(()));
    let got = rx.recv_timeout(Duration::from_secs(3600));
    assert!(got.is_ok());
    recv();
}

/// Threads that only wait for goroutines cannot help them.
fn threads_wait_too() {
    let group = WaitGroup::new();
    group.add(1);
    for _ in 0..3 {
        let group = group.clone();
        thread::spawn(move || group.wait());
    }
    group.wait();
}

fn two_runtimes_stuck() {
    let other = Builder::new().workers(2).build().unwrap();
    let (_tx, rx) = bounded::<()>(0);
    let there = rx.clone();
    drop(other.spawn(move || there.recv()));
    let _ = go!(move || rx.recv()).join();
}

/// What is left of a runtime that was dropped does not count, and its threads do not either.
fn a_runtime_that_is_gone() {
    let other = Builder::new().workers(3).deadlock(DeadlockPolicy::Off);
    let other = other.build().unwrap();
    drop(other.spawn(recv));
    other.run(|| gort::sleep(Duration::from_millis(10)));
    drop(other);
    let _ = go!(recv()).join();
}

mod option_off {
    use super::*;

    #[gort::main(deadlock = "off")]
    pub(crate) fn main() {
        end_in(Duration::from_secs(1));
        recv();
    }
}

fn off_beside_exit() {
    let silent = Builder::new().deadlock(DeadlockPolicy::Off);
    let silent = silent.build().unwrap();
    drop(silent.spawn(recv));
    end_by_alarm(Duration::from_secs(1));
    let _ = go!(recv()).join();
}

/// Has the process end well after a while, with a thread that is there all the time.
fn end_in(time: Duration) {
    thread::spawn(move || {
        thread::sleep(time);
        std::process::exit(0);
    });
}

/// Has the process end well after a while, with no thread for it.
fn end_by_alarm(time: Duration) {
    extern "C" fn end(_: libc::c_int) {
        // SAFETY: async-signal-safe.
        unsafe { libc::_exit(0) };
    }
    let handler = end as extern "C" fn(libc::c_int);
    // SAFETY: the handler calls nothing but `_exit`.
    unsafe {
        libc::signal(libc::SIGALRM, handler as libc::sighandler_t);
        libc::alarm(u32::try_from(time.as_secs()).unwrap());
    }
}

fn warned() {
    end_by_alarm(Duration::from_secs(3));
    recv();
}

/// All goroutines are asleep and one is waited for, but there is another thread.
fn others_watch() {
    tracing::subscriber::set_global_default(Events).unwrap();
    end_in(Duration::from_secs(8));
    recv();
}

/// Prints warnings.
struct Events;

impl tracing::Subscriber for Events {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::WARN
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Print;
        impl tracing::field::Visit for Print {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                println!("event {field}={value:?}");
            }
        }
        event.record(&mut Print);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

/// Goroutines wait for work, and nobody for them.
fn idle_server() {
    let (tx, rx) = bounded(0);
    let server = go!(move || rx.iter().sum::<i32>());
    let until = Instant::now() + Duration::from_millis(4500);
    while Instant::now() < until {
        thread::sleep(Duration::from_millis(100));
    }
    tx.send(7).unwrap();
    drop(tx);
    assert_eq!(server.join().unwrap(), 7);
}

/// The other end is a process, of which this one knows nothing.
fn waits_for_a_descriptor() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = std::process::Command::new("sleep");
    let mut other = command.arg("0.5").stdout(writer).spawn().unwrap();
    drop(command);
    let waiting = go!(move || {
        gort::io::wait_readable(&reader).unwrap();
        reader.read(&mut [0]).unwrap()
    });
    assert_eq!(waiting.join().unwrap(), 0);
    other.wait().unwrap();
}

fn after_a_descriptor() {
    let (reader, writer) = std::io::pipe().unwrap();
    let waiting = go!(move || gort::io::wait_readable(&reader));
    gort::yield_now();
    drop(writer);
    waiting.join().unwrap().unwrap();
    recv();
}

fn sleeps() {
    let others: Vec<_> = (1..=3)
        .map(|n| go!(move || gort::sleep(Duration::from_millis(150 * n))))
        .collect();
    gort::sleep(Duration::from_millis(400));
    for other in others {
        other.join().unwrap();
    }
}

fn timeouts() {
    let (_tx, rx) = bounded::<()>(0);
    assert!(rx.recv_timeout(Duration::from_millis(400)).is_err());
    let mutex = Mutex::new(());
    let _held = mutex.lock();
    assert!(mutex.try_lock_for(Duration::from_millis(400)).is_none());
    select! {
        recv(rx) -> _ => unreachable!(),
        default(Duration::from_millis(400)) => {}
    }
}

/// Nobody is there but one who will be.
fn starts_later() {
    let (tx, rx) = bounded(0);
    let after = Duration::from_millis(700);
    gort::time::after_func(after, move || tx.send(1).unwrap());
    assert_eq!(rx.recv(), Ok(1));
}

fn blocks() {
    blocking(|| thread::sleep(Duration::from_secs(1)));
}

fn foreign_thread() {
    let (tx, rx) = bounded(0);
    thread::spawn(move || {
        thread::sleep(Duration::from_secs(1));
        tx.send(1).unwrap();
    });
    assert_eq!(rx.recv(), Ok(1));
}

fn foreign_thread_parked_for_a_while() {
    let (tx, rx) = bounded(0);
    thread::spawn(move || {
        // Parks in the same door as goroutines do, but will wake.
        assert!(
            never::<()>()
                .recv_timeout(Duration::from_millis(500))
                .is_err()
        );
        gort::sleep(Duration::from_millis(300));
        tx.send(1).unwrap();
    });
    assert_eq!(rx.recv(), Ok(1));
}

fn two_runtimes() {
    let other = Builder::new().build().unwrap();
    let (ask, asked) = bounded::<()>(0);
    let (answer, answered) = bounded(0);
    drop(other.spawn(move || {
        for () in &asked {
            gort::sleep(Duration::from_millis(150));
            answer.send(()).unwrap();
        }
    }));
    let asker = go!(move || {
        for _ in 0..6 {
            ask.send(()).unwrap();
            answered.recv().unwrap();
        }
    });
    asker.join().unwrap();
}

/// A goroutine waits for threads that are being started all the time.
fn threads_spawned() {
    let until = Instant::now() + Duration::from_millis(700);
    while Instant::now() < until {
        let (tx, rx) = bounded(0);
        thread::spawn(move || {
            thread::spawn(move || tx.send(()).unwrap());
        });
        rx.recv().unwrap();
    }
}

fn scopes() {
    let until = Instant::now() + Duration::from_millis(500);
    let (tx, rx) = bounded(0);
    while Instant::now() < until {
        gort::scope(|s| {
            s.spawn(|| tx.send(1).unwrap());
            s.spawn(|| rx.recv().unwrap());
        });
    }
}

fn runtimes_come_and_go() {
    let (tx, rx) = bounded(0);
    let waits = go!(move || rx.recv());
    for _ in 0..30 {
        let runtime = Builder::new().workers(2).build().unwrap();
        runtime.run(|| gort::sleep(Duration::from_millis(15)));
    }
    let runtime = Builder::new().build().unwrap();
    runtime.run(|| tx.send(()).unwrap());
    waits.join().unwrap().unwrap();
}

/// At every moment but one thread can go on: the token goes round among goroutines, plain threads
/// and blocking calls.
fn threads_hand_over() {
    let (tx, rx) = bounded::<u32>(0);
    let (to_thread, from_goroutine) = bounded::<u32>(0);
    let (to_call, from_thread) = bounded::<u32>(0);
    thread::spawn(move || {
        for n in &from_goroutine {
            to_call.send(n + 1).unwrap();
        }
    });
    go!(move || {
        blocking(move || {
            for n in &from_thread {
                if n % 100 == 2 {
                    thread::sleep(Duration::from_millis(2));
                }
                if tx.send(n + 1).is_err() {
                    return;
                }
            }
        });
    });
    let until = Instant::now() + Duration::from_millis(700);
    let mut n = 0;
    while Instant::now() < until {
        to_thread.send(n).unwrap();
        n = rx.recv().unwrap();
    }
}

fn computes() {
    let until = Instant::now() + Duration::from_millis(500);
    let busy = go!(move || while Instant::now() < until {});
    busy.join().unwrap();
}

/// Main is gone, and those who are left cannot end the process either.
fn goexit_stuck() {
    // Nothing is wrong as long as one sleeps or is in a blocking call.
    go!(|| gort::sleep(Duration::from_millis(300)));
    go!(|| {
        blocking(|| thread::sleep(Duration::from_millis(500)));
        println!("the call is done");
    });
    let never = WaitGroup::new();
    never.add(1);
    go!(move || never.wait());
    gort::runtime::goexit();
}

/// Runs a role with several numbers of workers.
#[track_caller]
fn each(role: &'static str, check: impl Fn(&Ended)) {
    for n in [1, 2, 3, 8] {
        check(&Child::new(role).workers(n).run());
    }
}

#[track_caller]
fn each_is_reported(roles: &[&'static str], words: &str) {
    for role in roles {
        each(role, |ended| {
            ended.code(2).says(LINE).says(words);
            ended.in_time(Duration::from_secs(15));
        });
    }
}

fn a_main_that_can_never_go_on_is_reported() {
    each_is_reported(&["recv", "recv_plain"], "chan receive");
    each_is_reported(&["send"], "chan send");
    each_is_reported(&["select_all"], "select");
    each_is_reported(&["join"], "join");
}

fn each_primitive_can_be_in_a_deadlock() {
    each_is_reported(&["mutex"], "sync.Mutex.lock");
    each_is_reported(&["rw_mutex_read"], "sync.RwMutex.read");
    each_is_reported(&["rw_mutex_write"], "sync.RwMutex.write");
    each_is_reported(&["wait_group"], "sync.WaitGroup.wait");
    each_is_reported(&["cond"], "sync.Cond.wait");
    each_is_reported(&["once"], "sync.Once");
    each_is_reported(&["semaphore"], "semacquire");
    each_is_reported(&["barrier"], "sync.Barrier.wait");
    each_is_reported(&["future"], "block_on");
}

fn what_has_ended_does_not_hide_a_deadlock() {
    each_is_reported(&["after_a_blocking_call"], "chan receive");
    each_is_reported(&["after_a_timer"], "chan receive");
    each_is_reported(&["a_cancelled_timer"], "chan receive");
    each_is_reported(&["after_a_descriptor"], "chan receive");
    each_is_reported(&["a_runtime_that_is_gone"], "chan receive");
}

fn waiting_threads_and_other_runtimes_do_not_hide_a_deadlock() {
    each_is_reported(&["threads_wait_too"], "sync.WaitGroup.wait");
    each_is_reported(&["two_runtimes_stuck"], "chan receive");
    each_is_reported(&["wait_group_plain_late"], "chan receive");
    // The goroutine has ended, and the thread waits for one that never was.
    each_is_reported(&["wait_group_plain"], "0 goroutines");
}

fn after_goexit_of_main_too() {
    each("goexit_stuck", |ended| {
        ended.code(2).says(LINE).says("sync.WaitGroup.wait");
        ended.prints("the call is done");
    });
    for policy in ["exit", "warn", "off"] {
        let ended = Child::new("goexit_alone").var(POLICY, policy).run();
        let words = "fatal error: no goroutines (main called goexit) - deadlock!";
        ended.code(2).says(words).does_not_say("panicked");
    }
}

fn off_says_nothing() {
    each("main_option_off", |ended| {
        ended.code(0).does_not_say(NOTHING);
    });
    let ended = Child::new("warned").var(POLICY, "off").run();
    ended.code(0).does_not_say(NOTHING);
    let ended = Child::new("off_beside_exit").run();
    ended.code(0).does_not_say(NOTHING);
}

fn warn_says_it_once_and_goes_on() {
    for n in [1, 2, 3, 8] {
        let child = Child::new("warned").workers(n).var(POLICY, "warn");
        let ended = child.run();
        ended
            .code(0)
            .says("gort: all goroutines are asleep - deadlock!\n\n");
        ended.says("chan receive").does_not_say("fatal");
        assert_eq!(
            ended.err.matches("goroutine 1 [").count(),
            1,
            "{}",
            ended.tell()
        );
    }
}

fn with_other_threads_the_process_goes_on() {
    let ended = Child::new("others_watch").run();
    ended.code(0).does_not_say(NOTHING);
    let warning = "event message=all goroutines are parked and a thread waits for one";
    assert_eq!(ended.out.matches(warning).count(), 1, "{}", ended.tell());
    ended
        .prints("event other_threads=1\n")
        .prints("event goroutines=1\n");
    let ended = Child::new("others_watch").var(POLICY, "warn").run();
    ended.does_not_print("event message");
    ended.code(0).says("other threads: 1 (");
    ended.says("chan receive");
    assert_eq!(
        ended.err.matches("goroutine 1 [").count(),
        1,
        "{}",
        ended.tell()
    );
}

/// Runs a role that no detector may disturb, many times.
#[track_caller]
fn never_reported(role: &'static str, times: usize) {
    for round in 0..times {
        let workers = [1, 2, 3, 8][round % 4];
        let policy = ["exit", "warn"][(round + round / 4) % 2];
        let ended = Child::new(role).workers(workers).var(POLICY, policy).run();
        ended.code(0).does_not_say(NOTHING);
    }
}

fn a_test_that_hangs_tells_why() {
    let ended = Child::new("a_test_hangs").run();
    ended
        .code(0)
        .says("other threads: 1 (")
        .says("chan receive");
    let ended = Child::new("a_test_hangs").var(POLICY, "off").run();
    ended.code(0).does_not_say(NOTHING);
}

fn timers_and_calls_are_no_deadlock() {
    never_reported("sleeps", 4);
    never_reported("timeouts", 4);
    never_reported("starts_later", 4);
    never_reported("blocks", 4);
    never_reported("waits_for_a_descriptor", 4);
    never_reported("computes", 4);
}

fn other_threads_are_no_deadlock() {
    never_reported("foreign_thread", 4);
    never_reported("foreign_thread_of_a_test", 4);
    never_reported("foreign_thread_parked_for_a_while", 4);
    never_reported("threads_spawned", 12);
    never_reported("threads_hand_over", 12);
    never_reported("idle_server", 2);
}

fn other_runtimes_are_no_deadlock() {
    never_reported("two_runtimes", 8);
    never_reported("runtimes_come_and_go", 8);
    never_reported("scopes", 4);
}
