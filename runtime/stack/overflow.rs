//! The overflow report: a goroutine that runs into its guard is named before the process aborts.
//!
//! [`install`] puts one handler on SIGSEGV and SIGBUS. On a fault it asks `describe` (the scheduler's) whether the address is
//! in the guard of the goroutine that runs on this thread. If so it prints one line and a hint, and aborts. If not, the fault is
//! somebody else's, and goes to the action that was there before, as the kernel would have sent it (std's own handler, which
//! reports the overflows of plain threads, is usually that one).
//!
//! The handler does what is async-signal-safe only: no allocation, no lock, numbers formatted here, `write(2)`. It needs a stack
//! to run on, as the goroutine's is used up: each worker has an [`AltStack`].
//!
//! When several goroutines overflow at once, the first to claim the report prints and aborts, the others wait for that to end them.

use crate::runtime::{
    prims::{AtomicUsize, Ordering},
    stack::guard::{map, page_size},
};
use std::{
    io,
    marker::PhantomData,
    mem::{self, MaybeUninit},
    panic::Location,
    ptr::{self, NonNull},
    sync::OnceLock,
};

/// Whose guard was hit.
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

/// Tells, inside a signal handler on the thread that faulted, whether the address is in the guard of the goroutine that runs
/// there. It must be async-signal-safe: no allocation, no lock, no thread-local with a destructor or lazy initialiser.
pub(crate) type Describe = fn(fault_addr: usize) -> Option<OverflowReport>;

/// The signals of an access that is not allowed: Linux sends the first for guards, others the second too.
const SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

static DESCRIBE: OnceLock<Describe> = OnceLock::new();

/// What was there before, for each of [`SIGNALS`]. Set before the handler is, and never changed, so the handler can read it.
static PREVIOUS: [OnceLock<libc::sigaction>; 2] = [const { OnceLock::new() }; 2];

/// The thread that reports, as its `pthread_t`; 0 while there is none.
static REPORTER: AtomicUsize = AtomicUsize::new(0);

/// Installs the handler; calls after the first do nothing.
pub(crate) fn install(describe: Describe) {
    DESCRIBE.get_or_init(|| {
        for (signal, previous) in SIGNALS.into_iter().zip(&PREVIOUS) {
            if let Some(old) = current_action(signal) {
                let _ = previous.set(old);
                set_action(signal, &ours(&old));
            }
        }
        describe
    });
}

/// Our action in the place of `old`: on the alternate stack, and else with the mask and flags that `old` expects to run under,
/// so that being chained to looks to it like being called by the kernel.
fn ours(old: &libc::sigaction) -> libc::sigaction {
    let mut action = *old;
    action.sa_sigaction = handler as extern "C" fn(_, _, _) as usize;
    action.sa_flags &= !libc::SA_RESETHAND;
    action.sa_flags |= libc::SA_SIGINFO | libc::SA_ONSTACK;
    action
}

fn current_action(signal: libc::c_int) -> Option<libc::sigaction> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: no new action; the old one is written to memory of its type.
    let done = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) } == 0;
    // SAFETY: zeroes are valid for it, being integers and an optional function pointer, and `sigaction` wrote over them.
    done.then(|| unsafe { action.assume_init() })
}

fn set_action(signal: libc::c_int, action: &libc::sigaction) {
    // SAFETY: the action is valid: ours, one that the system gave, or the default. Async-signal-safe.
    unsafe { libc::sigaction(signal, action, ptr::null_mut()) };
}

fn set_default(signal: libc::c_int) {
    // SAFETY: zeroes are a valid action: the default one, with an empty mask.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = libc::SIG_DFL;
    set_action(signal, &action);
}

/// The handler of both signals.
extern "C" fn handler(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid `siginfo_t` to a handler with SA_SIGINFO.
    let info_ref = unsafe { &*info };
    // Positive codes come from the kernel and carry an address; else somebody sent the signal (`kill`).
    let by_fault = info_ref.si_code > 0;
    if by_fault && let Some(describe) = DESCRIBE.get() {
        // SAFETY: both signals carry an address when the kernel sends them.
        let addr = unsafe { info_ref.si_addr() }.addr();
        if let Some(found) = describe(addr) {
            report(&found, addr);
        }
    }
    chain(signal, info, context, by_fault);
}

/// Prints the report, once in the process, and aborts.
fn report(found: &OverflowReport, addr: usize) -> ! {
    // SAFETY: no preconditions, and a read of the thread pointer only.
    let me = unsafe { libc::pthread_self() } as usize;
    // Relaxed: one word decides, and nothing is published with it.
    match REPORTER.compare_exchange(0, me, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => {
            let mut text = Text::new();
            describe_overflow(&mut text, found, addr);
            text.print();
        }
        // This thread's report faulted: no more words.
        Err(reporter) if reporter == me => {}
        Err(_) => loop {
            // SAFETY: no preconditions. Returns when a signal was handled, hence the loop; the reporter ends the process.
            unsafe { libc::pause() };
        },
    }
    // A handler of SIGABRT would run on the alternate stack, in a process that is beyond help.
    set_default(libc::SIGABRT);
    // SAFETY: no preconditions; it unblocks the signal itself.
    unsafe { libc::abort() }
}

fn describe_overflow(text: &mut Text, found: &OverflowReport, addr: usize) {
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
    text.str(found.location.file());
    text.str(":");
    text.number(found.location.line().into());
    text.str(":");
    text.number(found.location.column().into());
    text.str(
        "\ngort: if it is not endless recursion, give it more: Builder::stack_size for this goroutine, \
         GORT_STACK_SIZE for all, on_big_stack for one call\n",
    );
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
            // A fault happens again on return, and then ends the process, with the right state for a core dump; a signal that
            // was sent must be sent again.
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
                // SAFETY: an action that is neither default nor ignore and has SA_SIGINFO holds a function of this type.
                let f: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                    unsafe { mem::transmute(target) };
                f(signal, info, context);
            } else {
                // SAFETY: an action that is neither default nor ignore and lacks SA_SIGINFO holds a function of this type.
                let f: extern "C" fn(libc::c_int) = unsafe { mem::transmute(target) };
                f(signal);
            }
        }
    }
}

/// A message of bounded length, built without allocation and written at once, so that it is not torn by others' output.
struct Text {
    bytes: [u8; 2048],
    len: usize,
}

impl Text {
    fn new() -> Self {
        Self {
            bytes: [0; 2048],
            len: 0,
        }
    }

    fn byte(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    /// At most 1,024 bytes, so that a long path leaves room for the hint.
    fn str(&mut self, text: &str) {
        text.bytes().take(1024).for_each(|b| self.byte(b));
    }

    /// At most 256 bytes, and no control characters: a name is the program's data, and this goes to a terminal.
    fn name(&mut self, name: &[u8]) {
        for &b in name.iter().take(256) {
            self.byte(if b.is_ascii_control() { b'?' } else { b });
        }
    }

    fn number(&mut self, n: u64) {
        if n >= 10 {
            self.number(n / 10);
        }
        self.byte(b'0' + (n % 10) as u8);
    }

    fn hex(&mut self, n: usize) {
        if n >= 16 {
            self.hex(n / 16);
        }
        self.byte(b"0123456789abcdef"[n % 16]);
    }

    fn print(&self) {
        let mut rest = &self.bytes[..self.len];
        while !rest.is_empty() {
            // SAFETY: the bytes are valid for their length. Async-signal-safe.
            match unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) } {
                n @ 1.. => rest = &rest[n as usize..],
                _ => return,
            }
        }
    }
}

/// The least bytes of an alternate stack: the signal frame, the handler's 2 KiB of text, and whatever handler is chained to (std's
/// formats with its own machinery).
const ALT_STACK_BYTES: usize = 64 << 10;

/// The alternate signal stack of the thread that made it, below it a guard. Dropping it restores the previous one.
#[derive(Debug)]
pub(crate) struct AltStack {
    /// The mapping and the stack it replaced; `None` when the thread had one that is large enough.
    ours: Option<(NonNull<u8>, libc::stack_t)>,
    /// Belongs to its thread.
    _thread: PhantomData<*mut ()>,
}

impl AltStack {
    /// Gives this thread an alternate stack, unless it has one at least as large.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(crate) fn new() -> io::Result<Self> {
        let previous = swap_alt_stack(None)?;
        let enough = previous.ss_flags & libc::SS_DISABLE == 0 && previous.ss_size >= alt_bytes();
        let ours = if enough {
            None
        } else {
            Some((map_alt_stack()?, previous))
        };
        Ok(Self {
            ours,
            _thread: PhantomData,
        })
    }
}

impl Drop for AltStack {
    fn drop(&mut self) {
        let Some((map, mut previous)) = self.ours else {
            return;
        };
        let in_place = swap_alt_stack(None).is_ok_and(|now| now.ss_sp == stack_start(map).cast());
        // Apple's kernel wants a valid size even for "none".
        previous.ss_size = previous.ss_size.max(libc::MINSIGSTKSZ);
        previous.ss_flags &= libc::SS_DISABLE;
        // If somebody has put another in its place it may be restored later, so it must stay mapped.
        if in_place && swap_alt_stack(Some(&previous)).is_ok() {
            // SAFETY: this object's own mapping, which the thread does not use any more.
            unsafe { libc::munmap(map.as_ptr().cast(), page_size() + alt_bytes()) };
        }
    }
}

/// Maps an alternate stack with a guard page below, and puts it in place.
fn map_alt_stack() -> io::Result<NonNull<u8>> {
    let (page, bytes) = (page_size(), page_size() + alt_bytes());
    let map = map(bytes).ok_or_else(io::Error::last_os_error)?;
    let stack = libc::stack_t {
        ss_sp: stack_start(map).cast(),
        ss_flags: 0,
        ss_size: alt_bytes(),
    };
    // SAFETY: the first page of the new mapping, which nobody uses.
    let guarded = unsafe { libc::mprotect(map.as_ptr().cast(), page, libc::PROT_NONE) } == 0;
    let done = if guarded {
        swap_alt_stack(Some(&stack)).map(|_| map)
    } else {
        Err(io::Error::last_os_error())
    };
    if done.is_err() {
        // SAFETY: the mapping made above, which was not put in place.
        unsafe { libc::munmap(map.as_ptr().cast(), bytes) };
    }
    done
}

/// Where the stack in such a mapping starts: above the guard page.
fn stack_start(map: NonNull<u8>) -> *mut u8 {
    map.as_ptr().wrapping_add(page_size())
}

/// Bytes of an alternate stack: four times what the kernel says a signal frame takes at least on this processor, as AVX-512 and
/// AMX state are in it.
fn alt_bytes() -> usize {
    #[cfg(target_os = "linux")]
    // SAFETY: no preconditions; 0 when the kernel does not say.
    let frame = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
    #[cfg(not(target_os = "linux"))]
    let frame = libc::MINSIGSTKSZ;
    ALT_STACK_BYTES.max(frame * 4).next_multiple_of(page_size())
}

/// Replaces this thread's alternate stack, or only asks for it, and returns the one before.
fn swap_alt_stack(new: Option<&libc::stack_t>) -> io::Result<libc::stack_t> {
    let mut old = MaybeUninit::<libc::stack_t>::zeroed();
    // SAFETY: `new` is null or a valid description of memory that its owner keeps mapped; `old` is memory of its type.
    let done =
        unsafe { libc::sigaltstack(new.map_or(ptr::null(), ptr::from_ref), old.as_mut_ptr()) };
    if done == 0 {
        // SAFETY: written by the system; zeroes are valid too.
        Ok(unsafe { old.assume_init() })
    } else {
        Err(io::Error::last_os_error())
    }
}
