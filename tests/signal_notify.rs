//! `gort::signal`: who receives which signals, what becomes of those that nobody receives, and that
//! waiting for one is no deadlock.

#[path = "support/child.rs"]
mod child;

use child::{Child, Role};
use gort::{
    bounded, context, fs, go, runtime, select,
    signal::{self, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH},
    time,
};
use std::{
    io::ErrorKind,
    io::{Read, Write},
    process::{self, Command},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

const ROLES: &[Role] = &[
    ("receives", receives),
    ("all_receive", all_receive),
    ("slow", slow),
    ("ctrl_c_select", ctrl_c_select),
    ("thread_receives", thread_receives),
    ("busy", busy),
    ("storm", storm),
    ("deep_stack", deep_stack),
    ("dropped", || end_with(SIGTERM, drop)),
    ("dropped_unknown", || end_with(libc::SIGRTMIN() + 3, drop)),
    ("closed", || end_with(SIGHUP, |rx| rx.close())),
    ("clone_dropped", clone_dropped),
    ("second_ctrl_c", second_ctrl_c),
    ("ignored_again", ignored_again),
    ("harmless_again", harmless_again),
    ("handler_beside", handler_beside),
    ("context_cancelled", context_cancelled),
    ("context_given_back", context_given_back),
    (
        "quit_received",
        || child::end_as_main(quit_received::main()),
    ),
    ("quit_again", || child::end_as_main(quit_again::main())),
    ("waits_long", waits_long),
    ("many_receivers", many_receivers),
];

#[test]
fn plays_a_role() {
    child::play(ROLES);
}

/// Sends this process a signal, as a terminal or another program would; any thread may get it.
fn send(signal: i32) {
    // SAFETY: no preconditions.
    assert_eq!(unsafe { libc::kill(libc::getpid(), signal) }, 0);
}

/// What the process does with a signal from now on.
fn act(signal: i32, action: usize) {
    // SAFETY: a handler of the right type, or one of the two constants.
    unsafe { libc::signal(signal, action) };
}

/// Never gives the signals back: one of them may be on its way.
fn keep(signals: gort::Receiver<i32>) {
    std::mem::forget(signals);
}

/// Runs a role under 1, 2, 3 and 8 workers.
fn passes(role: &'static str) {
    for workers in [1, 2, 3, 8] {
        Child::new(role).workers(workers).run().passes();
    }
}

/// A goroutine receives what is sent to the process, one by one.
fn receives() {
    go!(|| {
        let signals = signal::notify(&[SIGUSR1, SIGUSR2, SIGUSR1]).unwrap();
        assert!(signals.try_recv().is_err());
        for _ in 0..100 {
            for signal in [SIGUSR1, SIGUSR2] {
                send(signal);
                assert_eq!(signals.recv(), Ok(signal));
            }
        }
        assert!(signals.try_recv().is_err());
    })
    .join()
    .unwrap();
}

#[test]
fn a_goroutine_receives_signals() {
    passes("receives");
}

fn all_receive() {
    let receiver = |signals: &'static [i32]| {
        let (ready, is_ready) = bounded(0);
        let handle = go!(move || {
            let rx = signal::notify(signals).unwrap();
            ready.send(()).unwrap();
            rx.recv().unwrap()
        });
        is_ready.recv().unwrap();
        handle
    };
    let both = [(); 10].map(|()| receiver(&[SIGUSR1, SIGUSR2]));
    let other = receiver(&[SIGUSR2]);
    let gone = signal::notify(&[SIGUSR1]).unwrap();
    drop(gone);
    send(SIGUSR1);
    for handle in both {
        assert_eq!(handle.join().unwrap(), SIGUSR1);
    }
    assert!(!other.is_finished());
    send(SIGUSR2);
    assert_eq!(other.join().unwrap(), SIGUSR2);
}

#[test]
fn every_receiver_gets_its_signals() {
    passes("all_receive");
}

/// The one who does not receive gets each kind once, in the order in which they came. The other one
/// shows that a signal has been handed out: he comes after.
fn slow() {
    go!(|| {
        let slow = signal::notify(&[SIGUSR1, SIGUSR2, SIGHUP]).unwrap();
        let quick = signal::notify(&[SIGUSR1, SIGUSR2, SIGHUP]).unwrap();
        for round in [SIGUSR2, SIGUSR1].map(|signal| [signal; 200]) {
            for signal in round {
                send(signal);
                assert_eq!(quick.recv(), Ok(signal));
            }
        }
        assert_eq!(slow.try_iter().collect::<Vec<_>>(), [SIGUSR2, SIGUSR1]);
        // Then there is room again: also for one that was received before another one.
        for signal in [SIGUSR1, SIGHUP] {
            send(signal);
            assert_eq!(quick.recv(), Ok(signal));
        }
        assert_eq!(slow.recv(), Ok(SIGUSR1));
        send(SIGUSR1);
        assert_eq!(quick.recv(), Ok(SIGUSR1));
        assert_eq!(slow.try_iter().collect::<Vec<_>>(), [SIGHUP, SIGUSR1]);
    })
    .join()
    .unwrap();
}

#[test]
fn a_slow_receiver_loses_repeats_only() {
    passes("slow");
}

fn ctrl_c_select() {
    go!(|| {
        let stop = signal::ctrl_c().unwrap();
        let by_number = signal::notify(&[SIGINT]).unwrap();
        let timed_out = select! {
            recv(stop) -> _ => false,
            default(Duration::from_millis(5)) => true,
        };
        assert!(timed_out);
        for _ in 0..20 {
            send(SIGINT);
            let tick = time::after(Duration::from_secs(3600));
            select! {
                recv(stop) -> message => message.unwrap(),
                recv(tick) -> _ => panic!("not in an hour"),
            }
            assert_eq!(by_number.recv(), Ok(SIGINT));
        }
    })
    .join()
    .unwrap();
}

#[test]
fn ctrl_c_stands_in_a_select() {
    passes("ctrl_c_select");
}

/// No goroutine and no runtime is there.
fn thread_receives() {
    let signals = signal::notify(&[SIGWINCH]).unwrap();
    send(SIGWINCH);
    assert_eq!(signals.recv(), Ok(SIGWINCH));
}

#[test]
fn a_plain_thread_receives_signals() {
    passes("thread_receives");
}

/// All workers compute when Ctrl-C is pressed, and more goroutines than there are workers.
fn busy() {
    let stop = Arc::new(AtomicBool::new(false));
    let started = Arc::new(AtomicUsize::new(0));
    let (ready, is_ready) = bounded(0);
    let theirs = Arc::clone(&stop);
    let ends = go!(move || {
        let ctrl_c = signal::ctrl_c().unwrap();
        ready.send(()).unwrap();
        ctrl_c.recv().unwrap();
        theirs.store(true, Ordering::Relaxed);
    });
    is_ready.recv().unwrap();
    let compute = |_| {
        let (stop, started) = (Arc::clone(&stop), Arc::clone(&started));
        go!(move || {
            started.fetch_add(1, Ordering::Relaxed);
            let mut sum = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                sum = (0..1000).fold(sum, |sum, n| std::hint::black_box(sum.wrapping_add(n)));
                runtime::yield_if_due();
            }
        })
    };
    let computing: Vec<_> = (0..runtime::workers() + 2).map(compute).collect();
    while started.load(Ordering::Relaxed) < computing.len() {
        thread::yield_now();
    }
    send(SIGINT);
    ends.join().unwrap();
    for handle in computing {
        handle.join().unwrap();
    }
}

#[test]
fn ctrl_c_reaches_a_program_that_computes() {
    passes("busy");
}

/// Signals at 1 kHz while goroutines talk, park, and read a file that is slow to come.
fn storm() {
    const COUNT: u32 = 1000;
    let folder = std::env::temp_dir().join(format!("gort-signal-{}", process::id()));
    let path = std::ffi::CString::new(folder.to_str().unwrap()).unwrap();
    // SAFETY: a C string.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
    let signals = signal::notify(&[SIGUSR1, SIGUSR2]).unwrap();
    let counts = go!(move || {
        let mut count = 0;
        while signals.recv() == Ok(SIGUSR1) {
            count += 1;
        }
        keep(signals);
        count
    });
    let (tx, rx) = bounded(0);
    let sums = go!(move || (0..COUNT).map(|_| rx.recv().unwrap()).sum::<u32>());
    let theirs = folder.clone();
    let reads = go!(move || {
        let mut file = fs::File::open(theirs).unwrap();
        let mut bytes = [0; 100];
        // Not one call is interrupted: the system restarts them.
        for expected in 0..10 {
            for byte in bytes.chunks_mut(10) {
                let read = file.read(byte).unwrap();
                assert_eq!(read, 10);
            }
            assert_eq!(bytes, [expected; 100]);
        }
    });
    let mut pipe = std::fs::File::create(&folder).unwrap();
    for i in 0..COUNT {
        send(SIGUSR1);
        thread::sleep(Duration::from_millis(1));
        tx.send(i).unwrap();
        if i % 100 == 50 {
            pipe.write_all(&[(i / 100) as u8; 100]).unwrap();
        }
    }
    send(SIGUSR2);
    std::fs::remove_file(folder).unwrap();
    assert_eq!(sums.join().unwrap(), (0..COUNT).sum());
    reads.join().unwrap();
    let count = counts.join().unwrap();
    assert!((1..=COUNT).contains(&count), "{count} signals");
}

#[test]
fn signals_at_a_kilohertz_disturb_nobody() {
    passes("storm");
}

/// Each call has a frame of some size, and the last one is near the end of the stack: the handler
/// has no room there.
fn deep_stack() {
    #[inline(never)]
    fn dig(end: usize) {
        let frame = std::hint::black_box([0_u8; 512]);
        if frame.as_ptr().addr() > end {
            dig(end);
        } else {
            for _ in 0..100 {
                // To this thread, so handled before this returns.
                // SAFETY: no preconditions.
                unsafe { libc::raise(SIGUSR1) };
            }
        }
        std::hint::black_box(&frame);
    }
    let goroutine = gort::Builder::new().stack_size(64 << 10).spawn(|| {
        let signals = signal::notify(&[SIGUSR1]).unwrap();
        let here = std::hint::black_box(0_u8);
        let top = std::ptr::from_ref(&here).addr();
        // What is left is less than a frame of a signal, whatever registers the processor has.
        dig(top - (64 << 10) + 3072);
        assert_eq!(signals.recv(), Ok(SIGUSR1));
        keep(signals);
    });
    goroutine.unwrap().join().unwrap();
}

#[test]
fn a_handler_needs_no_room_on_a_stack_of_a_goroutine() {
    passes("deep_stack");
}

/// Gives a signal back, in some way, and sends it.
fn end_with(signal: i32, give_back: fn(gort::Receiver<i32>)) {
    let signals = signal::notify(&[signal]).unwrap();
    send(signal);
    assert_eq!(signals.recv(), Ok(signal));
    give_back(signals);
    send(signal);
    thread::sleep(Duration::from_secs(3600));
}

#[test]
fn a_signal_that_nobody_receives_any_more_ends_the_program() {
    Child::new("dropped").run().signal(SIGTERM);
    Child::new("closed").run().signal(SIGHUP);
    let unknown = libc::SIGRTMIN() + 3;
    Child::new("dropped_unknown").run().signal(unknown);
}

/// As long as one of them is left.
fn clone_dropped() {
    let signals = signal::notify(&[SIGTERM]).unwrap();
    let clone = signals.clone();
    drop(signals);
    let other = signal::notify(&[SIGTERM]).unwrap();
    send(SIGTERM);
    assert_eq!((clone.recv(), other.recv()), (Ok(SIGTERM), Ok(SIGTERM)));
    drop(clone);
    send(SIGTERM);
    assert_eq!(other.recv(), Ok(SIGTERM));
}

#[test]
fn a_signal_is_kept_while_one_receiver_is_left() {
    passes("clone_dropped");
}

fn second_ctrl_c() {
    go!(|| signal::ctrl_c()
        .unwrap()
        .recv()
        .unwrap_or_else(|_| process::exit(1)));
    let stop = signal::ctrl_c().unwrap();
    send(SIGINT);
    stop.recv().unwrap();
    println!("\nfirst=received");
    drop(stop);
    // Until the other one has been received, too, this one may be a repeat; no harm is done.
    loop {
        send(SIGINT);
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn the_second_ctrl_c_ends_the_program() {
    let ended = Child::new("second_ctrl_c").run();
    ended.signal(SIGINT).prints("first=received");
}

fn ignored_again() {
    act(SIGINT, libc::SIG_IGN);
    let probe = signal::notify(&[SIGUSR1]).unwrap();
    let signals = signal::notify(&[SIGINT]).unwrap();
    send(SIGINT);
    assert_eq!(signals.recv(), Ok(SIGINT));
    drop(signals);
    for _ in 0..10 {
        send(SIGINT);
        send(SIGUSR1);
        assert_eq!(probe.recv(), Ok(SIGUSR1));
    }
}

#[test]
fn a_signal_that_was_ignored_is_ignored_again() {
    passes("ignored_again");
}

fn harmless_again() {
    let probe = signal::notify(&[SIGUSR1]).unwrap();
    drop(signal::notify(&[SIGWINCH, libc::SIGCHLD, libc::SIGURG]).unwrap());
    for signal in [SIGWINCH, libc::SIGCHLD, libc::SIGURG] {
        send(signal);
        send(SIGUSR1);
        assert_eq!(probe.recv(), Ok(SIGUSR1));
    }
}

#[test]
fn a_signal_that_does_nothing_does_nothing_again() {
    passes("harmless_again");
}

static HANDLED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn handler(_: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::SeqCst);
}

fn handler_beside() {
    act(SIGUSR2, handler as extern "C" fn(_) as usize);
    let signals = signal::notify(&[SIGUSR2]).unwrap();
    send(SIGUSR2);
    assert_eq!(signals.recv(), Ok(SIGUSR2));
    assert_eq!(HANDLED.load(Ordering::SeqCst), 1);
    drop(signals);
    send(SIGUSR2);
    while HANDLED.load(Ordering::SeqCst) < 2 {
        thread::yield_now();
    }
}

#[test]
fn a_handler_that_was_there_is_called_beside() {
    passes("handler_beside");
}

fn context_cancelled() {
    go!(|| {
        let signals = [SIGINT, SIGTERM];
        for signal in signals {
            let background = context::background();
            let (ctx, _cancel) = signal::notify_context(&background, &signals).unwrap();
            let child = context::with_cancel(&ctx).0;
            assert_eq!(ctx.err(), None);
            send(signal);
            assert!(ctx.done().recv().is_err() && child.done().recv().is_err());
            assert_eq!(ctx.err(), Some(context::Error::Canceled));
            assert_eq!(background.err(), None);
        }
    })
    .join()
    .unwrap();
}

#[test]
fn a_signal_cancels_a_context() {
    passes("context_cancelled");
}

/// Given back when the function, or the parent, has cancelled the context.
fn context_given_back() {
    let probe = signal::notify(&[SIGINT, SIGUSR1]).unwrap();
    let (parent, cancel_parent) = context::with_cancel(&context::background());
    let (first, cancel_first) = signal::notify_context(&parent, &[SIGINT]).unwrap();
    let (second, _cancel) = signal::notify_context(&parent, &[SIGINT, SIGTERM]).unwrap();
    cancel_first.cancel();
    assert!(first.err().is_some() && second.err().is_none());
    cancel_parent.cancel();
    assert!(second.err().is_some());
    send(SIGINT);
    assert_eq!(probe.recv(), Ok(SIGINT));
    send(SIGTERM);
    thread::sleep(Duration::from_secs(3600));
}

#[test]
fn a_cancelled_context_gives_its_signals_back() {
    Child::new("context_given_back").run().signal(SIGTERM);
}

mod quit_received {
    use super::*;

    #[gort::main(workers = 2)]
    pub(crate) fn main() {
        let signals = signal::notify(&[SIGQUIT]).unwrap();
        for _ in 0..10 {
            send(SIGQUIT);
            assert_eq!(signals.recv(), Ok(SIGQUIT));
        }
        // Long enough for the goroutines to be shown, if that were to happen.
        gort::sleep(Duration::from_millis(300));
        println!("\nquit=received");
    }
}

mod quit_again {
    use super::*;

    #[gort::main(workers = 2)]
    pub(crate) fn main() {
        let signals = signal::notify(&[SIGQUIT]).unwrap();
        send(SIGQUIT);
        assert_eq!(signals.recv(), Ok(SIGQUIT));
        drop(signals);
        send(SIGQUIT);
        gort::sleep(Duration::from_secs(3600));
    }
}

#[test]
fn sigquit_shows_goroutines_only_if_nobody_receives_it() {
    let received = Child::new("quit_received").run();
    received
        .prints("quit=received")
        .code(0)
        .does_not_say("goroutine");
    let again = Child::new("quit_again").run();
    again.code(2).says("SIGQUIT: quit").says("[sleep");
}

/// Nothing happens for longer than the detector's patience, and nothing is said. The signal comes
/// from a program that sleeps meanwhile, so from no thread of this one.
fn waits_long() {
    let main = runtime::Builder::new()
        .workers(2)
        .deadlock(runtime::DeadlockPolicy::Warn)
        .build()
        .unwrap();
    main.run(|| {
        let signals = signal::notify(&[SIGUSR1]).unwrap();
        let kill = format!("sleep 5; kill -USR1 {}", process::id());
        let mut sleeper = Command::new("sh").args(["-c", &kill]).spawn().unwrap();
        let others = [(); 3].map(|()| {
            let signals = signal::notify(&[SIGUSR1]).unwrap();
            go!(move || signals.recv())
        });
        assert_eq!(signals.recv(), Ok(SIGUSR1));
        for other in others {
            assert_eq!(other.join().unwrap(), Ok(SIGUSR1));
        }
        sleeper.wait().unwrap();
    });
}

#[test]
fn who_waits_for_a_signal_is_in_no_deadlock() {
    let ended = Child::new("waits_long").run();
    ended
        .passes()
        .does_not_say("nothing has run")
        .does_not_say("asleep");
}

/// Receivers that come and go leave nothing behind.
fn many_receivers() {
    let files = || std::fs::read_dir("/proc/self/fd").map(Iterator::count).ok();
    drop(signal::notify(&[SIGUSR1]).unwrap());
    let before = files();
    for i in 0..20_000 {
        let signals = signal::notify(&[SIGUSR1, SIGUSR2]).unwrap();
        if i % 1000 == 0 {
            send(SIGUSR1);
            assert_eq!(signals.recv(), Ok(SIGUSR1));
        }
    }
    assert_eq!(files(), before);
    let threads = std::fs::read_dir("/proc/self/task").map(Iterator::count);
    assert!(threads.is_ok_and(|n| n < 20));
}

#[test]
fn receivers_that_come_and_go_cost_nothing() {
    passes("many_receivers");
}

#[test]
fn what_cannot_be_received_is_refused_with_the_reason() {
    let refused = [
        (
            libc::SIGKILL,
            "SIGKILL cannot be received: the system lets no program handle it",
        ),
        (libc::SIGSTOP, "SIGSTOP cannot be received: the system"),
        (
            libc::SIGSEGV,
            "SIGSEGV cannot be received: it says that an instruction has failed",
        ),
        (libc::SIGBUS, "SIGBUS cannot be received: it says"),
        (libc::SIGILL, "SIGILL cannot be received: it says"),
        (libc::SIGFPE, "SIGFPE cannot be received: it says"),
        (0, "there is no signal 0"),
        (-1, "there is no signal -1"),
        (127, "signal 127 cannot be received"),
        (128, "there is no signal 128"),
        (i32::MAX, "there is no signal"),
    ];
    for (signal, why) in refused {
        let background = context::background();
        for error in [
            signal::notify(&[signal]).unwrap_err(),
            signal::notify(&[SIGWINCH, signal]).unwrap_err(),
            signal::notify_context(&background, &[signal]).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert!(error.to_string().contains(why), "{error}");
        }
    }
    let none = signal::notify(&[]).unwrap_err();
    assert_eq!(none.to_string(), "signal: no signal was named");
}
