//! SIGQUIT under `#[runtime::main]`: every goroutine is shown, whatever the workers do, and the
//! process ends with code 2. Programs that have an action of their own for the signal keep it, and
//! runtimes that are built have nothing to do with it.

#[path = "support/child.rs"]
mod child;

use child::{Child, Role};
use gort::{
    go,
    sync::{WaitGroup, channel},
};
use std::{
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

const ROLES: &[Role] = &[
    ("parked", || child::end_as_main(parked::main())),
    ("stuck", || child::end_as_main(stuck::main())),
    ("goexit", || child::end_as_main(goexit::main())),
    ("ignored", || {
        act(libc::SIG_IGN);
        child::end_as_main(survivor::main());
    }),
    ("handled", || {
        act(own_handler as extern "C" fn(_) as usize);
        child::end_as_main(survivor::main());
    }),
    ("taken_over", || child::end_as_main(taken_over::main())),
    ("built", built),
    ("forked", || child::end_as_main(forked::main())),
];

#[test]
fn plays_a_role() {
    child::play(ROLES);
}

const FOR_EVER: Duration = Duration::from_secs(1_000_000);

/// To this process, as a terminal would; any thread may get it.
fn quit_self() {
    // SAFETY: no preconditions.
    unsafe { libc::kill(libc::getpid(), libc::SIGQUIT) };
}

/// To this thread, so handled before this returns.
fn raise() {
    // SAFETY: no preconditions.
    unsafe { libc::raise(libc::SIGQUIT) };
}

/// What SIGQUIT does from now on.
fn act(action: usize) {
    // SAFETY: a handler of the right type, or ignore.
    unsafe { libc::signal(libc::SIGQUIT, action) };
}

static HANDLED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn own_handler(_: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

#[inline(never)]
fn waits_for_a_letter(rx: &channel::Receiver<u32>) -> u32 {
    black_box(rx.recv().unwrap_or(0) + 1)
}

mod parked {
    use super::*;

    /// With all workers asleep.
    #[gort::main(workers = 2)]
    pub(crate) fn main() {
        let (_tx, rx) = channel::bounded(0);
        let named = gort::Builder::new().name("mailer".into());
        named.spawn(move || waits_for_a_letter(&rx)).unwrap();
        thread::spawn(|| {
            // The default runtime of plain threads is this program's.
            let are_there =
                |text: String| text.contains("[sleep") && text.contains("[chan receive");
            while !are_there(gort::runtime::dump()) {
                thread::sleep(Duration::from_millis(1));
            }
            quit_self();
        });
        gort::sleep(FOR_EVER);
    }
}

mod stuck {
    use super::*;

    /// With all workers in loops.
    #[gort::main(workers = 2)]
    pub(crate) fn main() {
        static SPINNING: AtomicUsize = AtomicUsize::new(0);
        let spin = || {
            SPINNING.fetch_add(1, Ordering::Relaxed);
            loop {
                std::hint::spin_loop();
            }
        };
        thread::spawn(|| {
            while SPINNING.load(Ordering::Relaxed) < 2 {
                thread::sleep(Duration::from_millis(1));
            }
            quit_self();
        });
        go!(spin);
        spin();
    }
}

mod goexit {
    use super::*;

    #[gort::main(workers = 1, deadlock = "off")]
    pub(crate) fn main() {
        let group = WaitGroup::new();
        group.add(1);
        go!(move || group.wait());
        go!(|| {
            gort::sleep(Duration::from_millis(100));
            quit_self();
        });
        gort::runtime::goexit();
    }
}

mod survivor {
    use super::*;

    /// Prints how often its own handler has run.
    #[gort::main(workers = 1)]
    pub(crate) fn main() {
        raise();
        println!("handled={}", HANDLED.load(Ordering::Relaxed));
    }
}

mod taken_over {
    use super::*;

    #[gort::main(workers = 1)]
    pub(crate) fn main() {
        act(own_handler as extern "C" fn(_) as usize);
        raise();
        println!("handled={}", HANDLED.load(Ordering::Relaxed));
    }
}

fn built() {
    let runtime = gort::runtime::Builder::new().workers(1).build().unwrap();
    runtime.run(quit_self);
    thread::sleep(FOR_EVER);
}

mod forked {
    use super::*;

    /// The child has the handler, but nobody who waits for it.
    #[gort::main(workers = 1)]
    pub(crate) fn main() {
        // SAFETY: the child raises the signal and else does nothing.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: no preconditions, both; async-signal-safe.
            unsafe {
                libc::raise(libc::SIGQUIT);
                libc::_exit(1);
            }
        }
        let mut status = 0;
        let start = Instant::now();
        // SAFETY: our child, waited for once.
        while unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == 0 {
            assert!(start.elapsed() < Duration::from_secs(10));
            thread::sleep(Duration::from_millis(1));
        }
        println!("signal={}", libc::WTERMSIG(status));
    }
}

/// Whether this build's context switch can be looked into.
const LOOKS: bool = cfg!(all(
    unix,
    any(target_arch = "x86_64", target_arch = "aarch64")
)) && match option_env!("GORT_SWITCH") {
    Some(switch) => !matches!(switch.as_bytes(), b"portable"),
    None => true,
};

#[test]
fn parked_goroutines_are_shown_with_their_backtraces() {
    let ended = Child::new("parked").run();
    ended
        .code(2)
        .says("SIGQUIT: quit\n\n2 goroutines on 2 workers\n");
    ended.says("[sleep").says("] \"mailer\" in home ");
    if LOOKS {
        ended.says("waits_for_a_letter");
    }
}

#[test]
fn stuck_workers_do_not_matter() {
    let ended = Child::new("stuck").run();
    ended
        .code(2)
        .says("SIGQUIT: quit\n")
        .says("[running] in home ");
    ended.says("(no backtrace: a goroutine of the same home does not let others run)");
}

#[test]
fn a_program_whose_main_has_left_is_shown_too() {
    let ended = Child::new("goexit").run();
    ended
        .code(2)
        .says("SIGQUIT: quit\n")
        .says("[sync.WaitGroup.wait");
}

#[test]
fn an_action_of_the_program_stays() {
    let ended = Child::new("handled").run();
    assert_eq!(ended.code(0).value("handled"), "1");
    let ended = Child::new("ignored").run();
    assert_eq!(ended.code(0).value("handled"), "0");
    let ended = Child::new("taken_over").run();
    assert_eq!(ended.code(0).value("handled"), "1");
}

#[test]
fn a_runtime_that_is_built_does_not_take_the_signal() {
    let ended = Child::new("built").run();
    ended.signal(libc::SIGQUIT).does_not_say("goroutine");
}

#[test]
fn these_tests_pass_when_started_with_the_signal_ignored() {
    // As `cargo test &` in a script; the children of the other tests inherit it, too.
    act(libc::SIG_IGN);
    let ended = Child::new("built").run();
    ended.signal(libc::SIGQUIT);
}

#[test]
fn a_forked_child_ends_as_without_us() {
    let ended = Child::new("forked").run();
    let number = libc::SIGQUIT.to_string();
    assert_eq!(ended.code(0).value("signal"), number);
    ended.does_not_say("SIGQUIT");
}
