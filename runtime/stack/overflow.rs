//! The overflow report: a goroutine that runs into its guard is named before the process aborts.
//!
//! [`install`] puts one handler on SIGSEGV and SIGBUS. On a fault it asks `describe` (the
//! scheduler's) whether the address is in the guard of the goroutine that runs on this thread. If
//! so it prints one line and a hint, and aborts. If not, the fault is somebody else's, and goes to
//! the action that was there before, as the kernel would have sent it (std's own handler, which
//! reports the overflows of plain threads, is usually that one).
//!
//! The handler does what is async-signal-safe only: no allocation, no lock, numbers formatted here,
//! `write(2)`. It needs a stack to run on, as the goroutine's is used up: each worker has an
//! alternate one (`alt_stack`).
//!
//! When several goroutines overflow at once, the first to claim the report prints and aborts, the
//! others wait for that to end them.

use crate::runtime::{
    prims::{Ordering, statics::AtomicUsize},
    stack::{AltStack, signal_text::SignalText, tell_unwatched},
};
use std::{
    cell::Cell,
    io,
    mem::{self, MaybeUninit},
    panic::Location,
    ptr,
    sync::OnceLock,
};

/// Whose guard was hit: a goroutine's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OverflowReport {
    /// The goroutine's number.
    pub(crate) id: u64,
    /// Its name. It is not used past the end of the process, which is near.
    pub(crate) name: Option<&'static [u8]>,
    /// Usable bytes of its stack.
    pub(crate) stack_size: usize,
    /// Where it was spawned.
    pub(crate) location: &'static Location<'static>,
}

/// Tells, inside a signal handler on the thread that faulted, whether the address is in the guard
/// of the goroutine that runs there. It must be async-signal-safe: no allocation, no lock, no
/// thread-local with a destructor or lazy initialiser.
pub(crate) type Describe = fn(fault_addr: usize) -> Option<OverflowReport>;

/// The signals of an access that is not allowed: Linux sends the first for guards, others the
/// second too.
const SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

static DESCRIBE: OnceLock<Describe> = OnceLock::new();

/// A stack on which a plain thread runs a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallStack {
    /// The first address of its guard, and the first behind it.
    pub(crate) guard: (usize, usize),
    /// Its usable bytes.
    pub(crate) size: usize,
    /// Where the call was made.
    pub(crate) location: &'static Location<'static>,
}

thread_local! {
    // No destructor and no lazy initialiser: the handler reads it.
    static CALL_STACK: Cell<Option<CallStack>> = const { Cell::new(None) };
}

/// While it lives, an overflow of a stack on which this thread runs a call is reported.
#[derive(Debug)]
pub(crate) struct CallWatch {
    /// The one that the call was made on.
    outer: Option<CallStack>,
    _alternate: io::Result<AltStack>,
}

impl CallWatch {
    pub(crate) fn new(stack: CallStack) -> Self {
        install_handler();
        let alternate = AltStack::new();
        // The call itself is fine without one.
        if let Err(error) = &alternate {
            tell_unwatched("no alternate signal stack for a call on a big stack", error);
        }
        Self {
            outer: CALL_STACK.replace(Some(stack)),
            _alternate: alternate,
        }
    }
}

impl Drop for CallWatch {
    fn drop(&mut self) {
        CALL_STACK.set(self.outer);
    }
}

/// What was there before, for each of [`SIGNALS`]. Set before the handler is, and never changed, so
/// the handler can read it.
static PREVIOUS: [OnceLock<libc::sigaction>; 2] = [const { OnceLock::new() }; 2];

/// The thread that reports, as its `pthread_t`; 0 while there is none.
static REPORTER: AtomicUsize = AtomicUsize::new(0);

/// Installs the handler for goroutines; calls after the first do nothing.
pub(crate) fn install(describe: Describe) {
    DESCRIBE.get_or_init(|| describe);
    install_handler();
}

fn install_handler() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        for (signal, previous) in SIGNALS.into_iter().zip(&PREVIOUS) {
            let installed = current_action(signal).and_then(|old| {
                let _ = previous.set(old);
                set_action(signal, &ours(&old))
            });
            if let Err(error) = installed {
                tell_unwatched("no handler for a signal that overflows cause", &error);
            }
        }
    });
}

/// Our action in the place of `old`: on the alternate stack, and else with the mask and flags that
/// `old` expects to run under, so that being chained to looks to it like being called by the
/// kernel.
fn ours(old: &libc::sigaction) -> libc::sigaction {
    let mut action = *old;
    action.sa_sigaction = handler as extern "C" fn(_, _, _) as usize;
    action.sa_flags &= !libc::SA_RESETHAND;
    action.sa_flags |= libc::SA_SIGINFO | libc::SA_ONSTACK;
    action
}

fn current_action(signal: libc::c_int) -> io::Result<libc::sigaction> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: no new action; the old one is written to memory of its type.
    let done = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) } == 0;
    if !done {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroes are valid for it, being integers and an optional function pointer, and
    // `sigaction` wrote over them.
    Ok(unsafe { action.assume_init() })
}

fn set_action(signal: libc::c_int, action: &libc::sigaction) -> io::Result<()> {
    // SAFETY: the action is valid: ours, one that the system gave, or the default.
    // Async-signal-safe.
    if unsafe { libc::sigaction(signal, action, ptr::null_mut()) } == 0 {
        Ok(())
    } else {
        // Reads `errno` only, and allocates nothing.
        Err(io::Error::last_os_error())
    }
}

fn set_default(signal: libc::c_int) {
    // SAFETY: zeroes are a valid action: the default one, with an empty mask.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = libc::SIG_DFL;
    if set_action(signal, &action).is_err() {
        // Without it the same fault would come again for ever.
        // SAFETY: no preconditions; async-signal-safe.
        unsafe { libc::abort() }
    }
}

/// The handler of both signals.
extern "C" fn handler(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid `siginfo_t` to a handler with SA_SIGINFO.
    let info_ref = unsafe { &*info };
    // Positive codes come from the kernel and carry an address; else somebody sent the signal
    // (`kill`).
    let by_fault = info_ref.si_code > 0;
    if by_fault {
        // SAFETY: both signals carry an address when the kernel sends them.
        let addr = unsafe { info_ref.si_addr() }.addr();
        if let Some(found) = DESCRIBE.get().and_then(|describe| describe(addr)) {
            report(|text| describe_overflow(text, &found, addr));
        }
        if let Some(call) = CALL_STACK.get()
            && (call.guard.0..call.guard.1).contains(&addr)
        {
            report(|text| describe_call(text, &call, addr));
        }
    }
    chain(signal, info, context, by_fault);
}

/// Prints the report, once in the process, and aborts.
fn report(describe: impl FnOnce(&mut SignalText)) -> ! {
    // SAFETY: no preconditions, and a read of the thread pointer only.
    let me = unsafe { libc::pthread_self() } as usize;
    // Relaxed: one word decides, and nothing is published with it.
    match REPORTER.compare_exchange(0, me, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => {
            let mut text = SignalText::new();
            describe(&mut text);
            text.print();
        }
        // This thread's report faulted: no more words.
        Err(reporter) if reporter == me => {}
        Err(_) => loop {
            // SAFETY: no preconditions. Returns when a signal was handled, hence the loop; the
            // reporter ends the process.
            unsafe { libc::pause() };
        },
    }
    // A handler of SIGABRT would run on the alternate stack, in a process that is beyond help.
    set_default(libc::SIGABRT);
    // SAFETY: no preconditions; it unblocks the signal itself.
    unsafe { libc::abort() }
}

fn describe_overflow(text: &mut SignalText, found: &OverflowReport, addr: usize) {
    text.str("\ngort: goroutine ");
    text.number(found.id);
    if let Some(name) = found.name {
        text.str(" \"");
        text.name(name);
        text.str("\"");
    }
    text.str(" overflowed its stack of ");
    text.number(found.stack_size as u64);
    text.str(" bytes (fault at 0x");
    text.hex(addr);
    text.str("), spawned at ");
    text.place(found.location);
    text.str(
        "\ngort: if it is not endless recursion, give it more: Builder::stack_size for this \
         goroutine, GORT_STACK_SIZE for all, on_big_stack for one call\n",
    );
}

fn describe_call(text: &mut SignalText, call: &CallStack, addr: usize) {
    text.str("\ngort: a call by on_big_stack, on a thread, overflowed its stack of ");
    text.number(call.size as u64);
    text.str(" bytes (fault at 0x");
    text.hex(addr);
    text.str("), made at ");
    text.place(call.location);
    text.str("\ngort: if it is not endless recursion, give it more there\n");
}

/// Hands a signal that is not ours to the action that was there before.
fn chain(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
    by_fault: bool,
) {
    let slot = usize::from(signal != SIGNALS[0]);
    let action = PREVIOUS[slot].get();
    let target = action.map_or(libc::SIG_DFL, |a| a.sa_sigaction);
    match (target, action) {
        // The kernel does not let a fault be ignored, only a signal that was sent.
        (libc::SIG_IGN, _) if !by_fault => {}
        (libc::SIG_DFL | libc::SIG_IGN, _) | (_, None) => {
            // A fault happens again on return, and then ends the process, with the right state for
            // a core dump; a signal that was sent must be sent again.
            set_default(signal);
            if !by_fault {
                // SAFETY: no preconditions; async-signal-safe.
                unsafe { libc::raise(signal) };
            }
        }
        (target, Some(action)) => {
            if action.sa_flags & libc::SA_RESETHAND != 0 {
                set_default(signal);
            }
            if action.sa_flags & libc::SA_SIGINFO != 0 {
                // SAFETY: an action that is neither default nor ignore and has SA_SIGINFO holds a
                // function of this type.
                let f: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                    unsafe { mem::transmute(target) };
                f(signal, info, context);
            } else {
                // SAFETY: an action that is neither default nor ignore and lacks SA_SIGINFO holds a
                // function of this type.
                let f: extern "C" fn(libc::c_int) = unsafe { mem::transmute(target) };
                f(signal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::stack::{LocalCache, SizeClass, child};
    use std::{
        hint::black_box, os::unix::process::ExitStatusExt, process::Output, sync::Barrier, thread,
    };

    const THREADS: usize = 8;

    /// The lowest address of each thread's guard.
    static GUARDS: [AtomicUsize; THREADS] = [const { AtomicUsize::new(0) }; THREADS];

    fn describe(addr: usize) -> Option<OverflowReport> {
        let id = GUARDS.iter().position(|g| {
            let start = g.load(Ordering::Relaxed);
            start != 0 && (start..start + (64 << 10)).contains(&addr)
        })?;
        Some(OverflowReport {
            id: id as u64 + 17,
            name: Some(b"deep\x1b"),
            stack_size: 65_536,
            location: Location::caller(),
        })
    }

    /// A stack for corosensei to run a call on.
    struct On(crate::runtime::stack::Stack);

    // SAFETY: the addresses are those of a stack of ours, which is a page and more, aligned,
    // guarded, and owned by `self`.
    unsafe impl corosensei::stack::Stack for On {
        fn base(&self) -> corosensei::stack::StackPointer {
            self.0.top().addr()
        }

        fn limit(&self) -> corosensei::stack::StackPointer {
            self.0.guard().start.try_into().unwrap()
        }
    }

    #[allow(unconditional_recursion)]
    fn dig(n: usize) -> usize {
        let frame = [n; 100];
        black_box(&frame);
        dig(n + 1) + black_box(frame[n % 100])
    }

    fn overflow(n: usize, together: &Barrier) {
        let _alt = AltStack::new().unwrap();
        let class = SizeClass::for_bytes(65_536).unwrap();
        let stack = LocalCache::new().take(class).unwrap();
        GUARDS[n].store(stack.guard().end - (64 << 10), Ordering::Relaxed);
        together.wait();
        corosensei::on_stack(On(stack), || dig(0));
    }

    fn die(name: &str, role: &str) -> (Output, String) {
        let output = child::run(
            &format!("runtime::stack::overflow::tests::{name}"),
            role,
            &[],
        );
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        (output, text)
    }

    #[test]
    fn one_of_eight_overflows_is_reported() {
        if child::role().is_some() {
            install(describe);
            let together = Barrier::new(THREADS);
            thread::scope(|s| {
                for n in 0..THREADS {
                    let together = &together;
                    s.spawn(move || overflow(n, together));
                }
            });
        }
        for _ in 0..5 {
            let (output, text) = die("one_of_eight_overflows_is_reported", "overflow");
            assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{text}");
            assert_eq!(text.matches("gort: goroutine ").count(), 1, "{text}");
            for part in [
                " \"deep?\" overflowed its stack of 65536 bytes (fault at 0x",
                "), spawned at runtime/stack/overflow.rs:",
                "Builder::stack_size",
            ] {
                assert!(text.contains(part), "{text}");
            }
        }
    }

    /// A fault that is not ours.
    fn stray() {
        // SAFETY: none; that is the point. The handler that gets it ends the process.
        unsafe { ptr::without_provenance_mut::<u8>(black_box(64)).write_volatile(1) };
    }

    extern "C" fn with_info(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: called with the kernel's own argument.
        let addr = unsafe { (*info).si_addr() }.addr();
        // SAFETY: no preconditions.
        unsafe { libc::_exit(if addr == 64 { 41 } else { 1 }) }
    }

    extern "C" fn plain(signal: libc::c_int) {
        // SAFETY: no preconditions.
        unsafe { libc::_exit(if signal == libc::SIGSEGV { 42 } else { 1 }) }
    }

    fn previous(target: usize, flags: libc::c_int) {
        // SAFETY: zeroes are a valid action.
        let mut action: libc::sigaction = unsafe { mem::zeroed() };
        (action.sa_sigaction, action.sa_flags) = (target, flags);
        set_action(libc::SIGSEGV, &action).unwrap();
    }

    #[test]
    fn foreign_faults_go_to_the_action_before() {
        const NAME: &str = "foreign_faults_go_to_the_action_before";
        if let Some(role) = child::role() {
            match &*role {
                "info" => previous(
                    with_info as extern "C" fn(_, _, _) as usize,
                    libc::SA_SIGINFO,
                ),
                "plain" => previous(plain as extern "C" fn(_) as usize, 0),
                "ignore" | "ignore sent" => previous(libc::SIG_IGN, 0),
                "default" | "default sent" => previous(libc::SIG_DFL, 0),
                _ => {}
            }
            install(describe);
            if role.ends_with("sent") {
                // SAFETY: no preconditions.
                unsafe { libc::raise(libc::SIGSEGV) };
                std::process::exit(43);
            }
            stray();
        }
        for (role, code, signal) in [
            ("info", Some(41), None),
            ("plain", Some(42), None),
            ("ignore", None, Some(libc::SIGSEGV)),
            ("ignore sent", Some(43), None),
            ("default", None, Some(libc::SIGSEGV)),
            ("default sent", None, Some(libc::SIGSEGV)),
            ("std", None, Some(libc::SIGSEGV)),
        ] {
            let (output, text) = die(NAME, role);
            let ended = (output.status.code(), output.status.signal());
            assert_eq!(ended, (code, signal), "{role}: {text}");
            assert!(!text.contains("gort:"), "{text}");
        }
    }

    #[test]
    fn std_still_reports_the_overflow_of_a_thread() {
        if child::role().is_some() {
            install(describe);
            thread::spawn(|| dig(0)).join().unwrap();
        }
        let (output, text) = die("std_still_reports_the_overflow_of_a_thread", "thread");
        assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{text}");
        assert!(text.contains("has overflowed its stack"), "{text}");
    }
}
