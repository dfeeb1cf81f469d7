//! Signals that are not ours: faults of other origins reach the handlers that were there before,
//! and handlers that run on goroutines' stacks harm nobody.

#[path = "support/child.rs"]
mod child;

use child::{Child, Role};
use gort::{go, sync::Mutex};
use std::{
    hint::black_box,
    mem, ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const ROLES: &[Role] = &[
    ("fault_in_goroutine", fault_in_goroutine),
    ("fault_in_thread", fault_in_thread),
    ("foreign_handler_goroutine", foreign_handler_goroutine),
    ("foreign_handler_thread", foreign_handler_thread),
    ("foreign_handler_short", foreign_handler_short),
    ("foreign_handler_overflow", foreign_handler_overflow),
    ("handler_that_mends", handler_that_mends),
    ("handler_after_ours", handler_after_ours),
    ("storm", storm),
];

#[test]
fn plays_a_role() {
    child::play(ROLES);
}

/// A store to an address in the first page, which is never mapped.
fn fault() {
    let nowhere = ptr::without_provenance_mut::<u8>(black_box(16));
    // SAFETY: none; the fault is what is wanted.
    unsafe { nowhere.write_volatile(1) };
}

#[allow(unconditional_recursion)]
fn dig(n: usize) -> usize {
    let frame = [n; 12];
    black_box(&frame);
    dig(n + 1) + black_box(frame[n % 12])
}

/// Has `handler` called for `signal`, with these flags.
fn handle(signal: libc::c_int, handler: usize, flags: libc::c_int) {
    // SAFETY: zeroes are a valid action: the default one.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = flags;
    // SAFETY: the action is valid.
    let done = unsafe { libc::sigaction(signal, &action, ptr::null_mut()) };
    assert_eq!(done, 0);
}

fn say(text: &str) {
    // SAFETY: the bytes are valid for their length.
    unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
}

/// The code that the foreign handlers end the process with.
const FOREIGN: i32 = 42;

extern "C" fn foreign(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the handler is installed with SA_SIGINFO, so there is information, and for this
    // signal an address.
    let address = unsafe { (*info).si_addr() } as usize;
    if signal == libc::SIGSEGV && address == 16 && !context.is_null() {
        say("foreign handler: all is there\n");
    }
    // SAFETY: async-signal-safe.
    unsafe { libc::_exit(FOREIGN) };
}

extern "C" fn foreign_short(signal: libc::c_int) {
    if signal == libc::SIGSEGV {
        say("foreign handler: short form\n");
    }
    // SAFETY: async-signal-safe.
    unsafe { libc::_exit(FOREIGN) };
}

fn install_foreign() {
    let handler = foreign as extern "C" fn(_, _, _) as usize;
    handle(libc::SIGSEGV, handler, libc::SA_SIGINFO | libc::SA_ONSTACK);
}

fn fault_in_goroutine() {
    drop(go!(fault()).join());
}

fn fault_in_thread() {
    go!(|| ()).join().unwrap();
    drop(thread::spawn(fault).join());
}

fn foreign_handler_goroutine() {
    install_foreign();
    fault_in_goroutine();
}

fn foreign_handler_thread() {
    install_foreign();
    fault_in_thread();
}

fn foreign_handler_short() {
    let handler = foreign_short as extern "C" fn(_) as usize;
    handle(libc::SIGSEGV, handler, 0);
    fault_in_goroutine();
}

fn foreign_handler_overflow() {
    install_foreign();
    drop(go!(dig(0)).join());
}

/// A page without access, which [`mend`] gives access to.
static PAGE: AtomicUsize = AtomicUsize::new(0);
static MENDED: AtomicUsize = AtomicUsize::new(0);
const PAGE_SIZE: usize = 64 << 10;

extern "C" fn mend(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let page = PAGE.load(Ordering::Relaxed);
    // SAFETY: installed with SA_SIGINFO, for a signal with an address.
    let address = unsafe { (*info).si_addr() } as usize;
    if page == 0 || !(page..page + PAGE_SIZE).contains(&address) {
        // SAFETY: async-signal-safe.
        unsafe { libc::_exit(FOREIGN) };
    }
    MENDED.fetch_add(1, Ordering::Relaxed);
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the page is this test's own.
    unsafe { libc::mprotect(ptr::without_provenance_mut(page), PAGE_SIZE, access) };
}

fn handler_that_mends() {
    let handler = mend as extern "C" fn(_, _, _) as usize;
    handle(libc::SIGSEGV, handler, libc::SA_SIGINFO | libc::SA_ONSTACK);
    touch_closed_pages();
}

fn handler_after_ours() {
    go!(|| ()).join().unwrap();
    handler_that_mends();
}

/// Has goroutines and this thread fault on pages that the handler opens, again and again.
fn touch_closed_pages() {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping.
    let page = unsafe { libc::mmap(ptr::null_mut(), PAGE_SIZE, libc::PROT_NONE, flags, -1, 0) };
    let page = page as usize;
    PAGE.store(page, Ordering::Relaxed);
    let touch = move |n: u8| {
        let page = ptr::with_exposed_provenance_mut::<u8>(page);
        // SAFETY: closed here and opened by the handler; nobody else uses it.
        unsafe {
            libc::mprotect(page.cast(), PAGE_SIZE, libc::PROT_NONE);
            page.write_volatile(n);
            assert_eq!(page.read_volatile(), n);
        }
    };
    for n in 0..100 {
        go!(move || touch(n)).join().unwrap();
        touch(n);
    }
    assert_eq!(MENDED.load(Ordering::Relaxed), 200);
}

/// Stack addresses of the goroutines of [`storm`].
static STACKS: [AtomicUsize; 16] = [const { AtomicUsize::new(0) }; 16];
static ON_GOROUTINES: AtomicUsize = AtomicUsize::new(0);
static SIGNALS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count(_: libc::c_int) {
    let here = (&raw const *black_box(&0_u8)).addr();
    let local = black_box([here; 32]);
    let sp = local.as_ptr().addr();
    SIGNALS.fetch_add(1, Ordering::Relaxed);
    let near = |stack: &AtomicUsize| stack.load(Ordering::Relaxed).abs_diff(sp) < 32 << 10;
    if STACKS.iter().any(near) {
        ON_GOROUTINES.fetch_add(1, Ordering::Relaxed);
    }
}

/// Real time, for signals whatever the process does, and CPU time, for signals to the threads that
/// do it.
const TIMERS: [(libc::c_int, libc::c_int); 2] = [
    (libc::ITIMER_REAL, libc::SIGALRM),
    (libc::ITIMER_PROF, libc::SIGPROF),
];

fn set_timers(every: Duration) {
    let time = libc::timeval {
        tv_sec: 0,
        tv_usec: every.as_micros() as libc::suseconds_t,
    };
    let timer = libc::itimerval {
        it_interval: time,
        it_value: time,
    };
    for (which, _) in TIMERS {
        // SAFETY: the structure is valid.
        let done = unsafe { libc::setitimer(which, &timer, ptr::null_mut()) };
        assert_eq!(done, 0);
    }
}

fn block_on_this_thread(signal: libc::c_int) {
    // SAFETY: the set is initialised before it is used.
    unsafe {
        let mut set = mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, signal);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, ptr::null_mut());
    }
}

/// A signal a millisecond, handled on whatever stack the thread is on, without SA_RESTART, while
/// goroutines with the smallest stacks do all sorts of things.
fn storm() {
    let runtime = gort::runtime::Builder::new().stack_size(32 << 10).build();
    let runtime = runtime.unwrap();
    for (_, signal) in TIMERS {
        handle(signal, count as extern "C" fn(_) as usize, 0);
        block_on_this_thread(signal);
    }
    set_timers(Duration::from_millis(1));
    let stop = Arc::new(AtomicBool::new(false));
    let sum = Arc::new(Mutex::new(0_u64));
    let handles: Vec<_> = (0..STACKS.len())
        .map(|n| {
            let (stop, sum) = (Arc::clone(&stop), Arc::clone(&sum));
            runtime.spawn(move || {
                let mark = 0_u8;
                STACKS[n].store((&raw const mark).addr(), Ordering::Relaxed);
                let mut turns = 0;
                while !stop.load(Ordering::Relaxed) {
                    turn(n, &sum);
                    turns += 1;
                }
                black_box(&mark);
                turns
            })
        })
        .collect();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(1500) {
        thread::sleep(Duration::from_millis(50));
    }
    stop.store(true, Ordering::Relaxed);
    let turns: u64 = handles.into_iter().map(|h| h.join().unwrap()).sum();
    set_timers(Duration::ZERO);
    assert_eq!(*sum.lock(), turns);
    println!("signals={}", SIGNALS.load(Ordering::Relaxed));
    println!("on_goroutines={}", ON_GOROUTINES.load(Ordering::Relaxed));
}

fn turn(n: usize, sum: &Mutex<u64>) {
    match n % 4 {
        0 => gort::sleep(Duration::from_micros(200)),
        1 => assert_eq!(go!(move || black_box(n) + 1).join().unwrap(), n + 1),
        2 => assert_eq!(gort::runtime::blocking(|| black_box(n)), n),
        _ => {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(1) {
                black_box([n as f64; 64].iter().sum::<f64>());
            }
            gort::yield_now();
        }
    }
    *sum.lock() += 1;
}

/// Runs a role with one and with two workers.
fn each(role: &'static str, check: impl Fn(child::Ended)) {
    for workers in [1, 2] {
        check(Child::new(role).workers(workers).run());
    }
}

#[test]
fn a_fault_that_is_no_overflow_ends_the_process_as_ever() {
    for role in ["fault_in_goroutine", "fault_in_thread"] {
        each(role, |ended| {
            ended.signal(libc::SIGSEGV).does_not_say("gort:");
        });
    }
}

#[test]
fn a_handler_from_before_gets_foreign_faults() {
    for role in ["foreign_handler_goroutine", "foreign_handler_thread"] {
        each(role, |ended| {
            ended.code(FOREIGN).says("foreign handler: all is there\n");
        });
    }
    each("foreign_handler_short", |ended| {
        ended.code(FOREIGN).says("foreign handler: short form\n");
    });
}

#[test]
fn a_handler_from_before_does_not_get_overflows() {
    each("foreign_handler_overflow", |ended| {
        ended
            .signal(libc::SIGABRT)
            .says(" overflowed its stack of ");
    });
}

#[test]
fn a_handler_that_mends_the_fault_lets_the_goroutine_go_on() {
    for role in ["handler_that_mends", "handler_after_ours"] {
        each(role, |ended| {
            ended.passes();
        });
    }
}

#[test]
fn handlers_on_goroutines_stacks_at_1_khz_harm_nobody() {
    each("storm", |ended| {
        ended.passes();
        let signals: usize = ended.value("signals").parse().unwrap();
        let on_goroutines: usize = ended.value("on_goroutines").parse().unwrap();
        assert!(signals >= 200 && on_goroutines >= 20, "{}", ended.tell());
    });
}
