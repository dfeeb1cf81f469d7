//! The contract of `mod.rs` as tests. Those that need the real switch do nothing where `support()`
//! refuses it; `the_answer_fits_the_target` sees to it that it is not the usual case.

use super::{
    abi::Visit,
    facts::{Facts, Register, Registration, Trial, support_of},
    *,
};
use crate::runtime::{
    os::futex::Futex,
    prims::{AtomicUsize, Ordering},
};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    ptr,
    rc::Rc,
    sync::{Arc, Barrier, Mutex},
    thread::{self, JoinHandle, ThreadId},
};

std::thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(0) };
    /// Which trader was last under this identity, counted from 1.
    static TRADER: Cell<usize> = const { Cell::new(0) };
    static SHARED: Rc<RefCell<Vec<usize>>> = Rc::default();
}

/// A thread that sleeps until this is dropped, and whose identity can be visited meanwhile.
struct Owner {
    lent: Arc<Lent>,
    thread: Option<JoinHandle<(usize, usize)>>,
}

struct Lent {
    identity: Identity,
    stage: Futex,
}

const STARTED: u32 = 0;
const LENT: u32 = 1;
const OVER: u32 = 2;

impl Owner {
    /// The owner's `NUMBER` is `number`.
    fn new(number: usize) -> Self {
        let lent = Arc::new(Lent {
            identity: Identity::new(),
            stage: Futex::new(STARTED),
        });
        let thread = thread::Builder::new()
            .name(format!("owner {number}"))
            .spawn({
                let lent = Arc::clone(&lent);
                move || {
                    NUMBER.set(number);
                    lent.identity.adopt_calling_thread();
                    // Now nothing touches a thread-local. Release: pairs with the acquire below.
                    lent.stage.store(LENT, Ordering::Release);
                    lent.stage.wake_all();
                    // Acquire: pairs with the release in `end`.
                    while lent.stage.load(Ordering::Acquire) == LENT {
                        lent.stage.wait(LENT, None);
                    }
                    (NUMBER.get(), SHARED.with(|shared| shared.borrow().len()))
                }
            });
        // Acquire: pairs with the owner's release.
        while lent.stage.load(Ordering::Acquire) == STARTED {
            lent.stage.wait(STARTED, None);
        }
        Self {
            lent,
            thread: Some(thread.unwrap()),
        }
    }

    fn identity(&self) -> *mut Identity {
        ptr::from_ref(&self.lent.identity).cast_mut()
    }

    fn thread_id(&self) -> ThreadId {
        self.thread.as_ref().unwrap().thread().id()
    }

    /// Ends the owner. Returns its `NUMBER`, and how many are in its `SHARED`.
    fn finish(mut self) -> (usize, usize) {
        self.end().unwrap()
    }

    fn end(&mut self) -> thread::Result<(usize, usize)> {
        // Release: pairs with the owner's acquire.
        self.lent.stage.store(OVER, Ordering::Release);
        self.lent.stage.wake_all();
        self.thread.take().expect("ends once").join()
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if self.thread.is_some() {
            let _ = self.end();
        }
    }
}

/// Runs `f` under one identity.
fn under<R>(identity: *mut Identity, f: impl FnOnce() -> R) -> R {
    struct Call<F, R> {
        f: Option<F>,
        result: Option<R>,
    }
    unsafe extern "C" fn visit<F: FnOnce() -> R, R>(
        arg: *mut (),
        _at: *mut Identity,
        left: *mut Identity,
    ) -> *mut Identity {
        assert!(left.is_null());
        // SAFETY: `under` passes its own variable, and waits.
        let call = unsafe { &mut *arg.cast::<Call<F, R>>() };
        call.result = call.f.take().map(|f| f());
        ptr::null_mut()
    }
    fn visit_of<F: FnOnce() -> R, R>(_: &Call<F, R>) -> Visit {
        visit::<F, R>
    }
    let mut call = Call {
        f: Some(f),
        result: None,
    };
    let visit = visit_of(&call);
    // SAFETY: tests lend the identities of owners that sleep; each to one thread at a time.
    let last = unsafe { tour(identity, visit, (&raw mut call).cast()) };
    assert_eq!(last, identity);
    call.result.unwrap()
}

fn is_supported() -> bool {
    support().is_ok()
}

#[inline(never)]
fn errno_at() -> usize {
    #[cfg(target_os = "linux")]
    // SAFETY: always callable.
    return unsafe { libc::__errno_location() }.addr();
    #[cfg(not(target_os = "linux"))]
    0
}

#[inline(never)]
fn number() -> usize {
    NUMBER.get()
}

#[test]
fn the_answer_fits_the_target() {
    let answer = support();
    if cfg!(not(all(
        target_os = "linux",
        any(target_arch = "aarch64", target_arch = "x86_64")
    ))) {
        assert_eq!(answer, Err(&Unsupported::Target));
    } else {
        // Old kernels, and some emulators, do not have the instruction; the environment may say no.
        // Anything else would be a mistake of ours: the tests' executable has no sequences.
        let fits = matches!(
            answer,
            Ok(()) | Err(Unsupported::Instruction | Unsupported::Declined)
        );
        assert!(fits, "{answer:?}");
    }
    assert_eq!(support(), answer);
}

#[test]
fn every_fact_can_refuse_and_says_why() {
    let good = Facts {
        register: Register::Switchable,
        trial: Trial::Passed,
        registration: Registration::Libc,
        sequences_in: None,
    };
    assert_eq!(support_of(&good), Ok(()));
    let nobody = Facts {
        registration: Registration::Nobody,
        ..good.clone()
    };
    assert_eq!(support_of(&nobody), Ok(()));

    let refused = |facts: Facts, expected: Unsupported, word: &str| {
        let refusal = support_of(&facts).unwrap_err();
        assert!(refusal.to_string().contains(word), "{refusal}");
        assert_eq!(refusal, expected);
    };
    let register = |register| Facts {
        register,
        trial: Trial::NotMade,
        ..good.clone()
    };
    refused(register(Register::Fixed), Unsupported::Target, "target's");
    refused(
        register(Register::Forbidden),
        Unsupported::Instruction,
        "FSGSBASE",
    );
    refused(
        register(Register::Declined),
        Unsupported::Declined,
        "GORT_LEND",
    );
    refused(
        register(Register::Emulated),
        Unsupported::Valgrind,
        "valgrind",
    );
    let trial = |trial| Facts {
        trial,
        ..good.clone()
    };
    refused(trial(Trial::Failed), Unsupported::TrialFailed, "trial");
    refused(trial(Trial::NotMade), Unsupported::TrialFailed, "trial");
    refused(trial(Trial::NoThread), Unsupported::Thread, "no thread");
    let foreign = Facts {
        registration: Registration::Foreign,
        ..good.clone()
    };
    refused(foreign, Unsupported::ForeignRegistration, "rseq");
    let path = PathBuf::from("/lib/libfast.so");
    let sequences = Facts {
        sequences_in: Some(path.clone()),
        ..good
    };
    refused(sequences, Unsupported::Sequences(path), "/lib/libfast.so");
}

/// What a visit of these tours writes down: `NUMBER`, and which identities it was told.
struct Log {
    next: VecDeque<*mut Identity>,
    seen: Vec<(usize, *mut Identity, *mut Identity)>,
}

unsafe extern "C" fn write_down(
    arg: *mut (),
    at: *mut Identity,
    left: *mut Identity,
) -> *mut Identity {
    // SAFETY: these tours' callers pass their own log, and wait.
    let log = unsafe { &mut *arg.cast::<Log>() };
    log.seen.push((number(), at, left));
    log.next.pop_front().unwrap_or(ptr::null_mut())
}

#[test]
fn a_tour_goes_from_one_to_the_next_and_tells_which_was_left() {
    if !is_supported() {
        return;
    }
    NUMBER.set(7);
    let owners = [1, 2, 3].map(Owner::new);
    let [a, b, c] = [0, 1, 2].map(|n: usize| owners[n].identity());
    let mut log = Log {
        next: [b, b, c, a].into(),
        seen: Vec::new(),
    };
    // SAFETY: the owners sleep, and nobody else visits them.
    let last = unsafe { tour(a, write_down, (&raw mut log).cast()) };
    assert_eq!(last, a);
    assert_eq!(number(), 7);
    let none = ptr::null_mut();
    assert_eq!(
        log.seen,
        [(1, a, none), (2, b, a), (2, b, b), (3, c, b), (1, a, c)]
    );
}

#[test]
fn a_tour_in_place_does_the_same_under_the_callers_identity() {
    NUMBER.set(7);
    let identities = [const { Identity::new() }; 2];
    let [a, b] = [0, 1].map(|n: usize| ptr::from_ref(&identities[n]).cast_mut());
    let mut log = Log {
        next: [b, a].into(),
        seen: Vec::new(),
    };
    // SAFETY: a tour in place does not look into the identities.
    let last = unsafe { tour_in_place(a, write_down, (&raw mut log).cast()) };
    assert_eq!(last, a);
    assert_eq!(log.seen, [(7, a, ptr::null_mut()), (7, b, a), (7, a, b)]);
}

#[test]
fn what_belongs_to_a_thread_is_the_owners_inside_and_the_callers_afterwards() {
    if !is_supported() {
        return;
    }
    let owner = Owner::new(3);
    let (here, errno, shared) = (thread::current().id(), errno_at(), SHARED.with(Rc::clone));
    let sums = under(owner.identity(), || {
        assert_eq!(number(), 3);
        NUMBER.set(30);
        assert_eq!(thread::current().id(), owner.thread_id());
        assert_eq!(thread::current().name(), Some("owner 3"));
        assert_ne!(errno_at(), errno);
        println!("printed by {:?}", thread::current().name());
        SHARED.with(|shared| shared.borrow_mut().extend([1, 2, 3]));
        // Allocated here, freed elsewhere; and a thread of its own.
        let sum = thread::spawn(|| (1..=10).sum::<usize>()).join().unwrap();
        vec![sum; 1000]
    });
    assert_eq!(sums[999], 55);
    drop(sums);
    assert_eq!(thread::current().id(), here);
    assert_eq!(errno_at(), errno);
    assert_eq!(shared.borrow().len(), 0);
    assert_eq!(
        Rc::strong_count(&shared),
        2,
        "ours and the thread-local's own"
    );
    assert_eq!(owner.finish(), (30, 3));
}

#[test]
fn a_panic_is_caught_inside_and_counted_there() {
    if !is_supported() {
        return;
    }
    struct Look(Arc<AtomicUsize>);
    impl Drop for Look {
        fn drop(&mut self) {
            // Relaxed: one thread.
            self.0
                .fetch_add(1 + usize::from(thread::panicking()), Ordering::Relaxed);
        }
    }
    let owner = Owner::new(4);
    let seen = Arc::new(AtomicUsize::new(0));
    for _ in 0..3 {
        let look = Look(Arc::clone(&seen));
        let caught = under(owner.identity(), || {
            panic::catch_unwind(AssertUnwindSafe(|| {
                let _look = look;
                panic::resume_unwind(Box::new(number()));
            }))
        });
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&4_usize));
        assert!(!thread::panicking());
    }
    // Relaxed: one thread.
    assert_eq!(seen.load(Ordering::Relaxed), 6);
    let caught = under(owner.identity(), || {
        panic::catch_unwind(|| panic!("said by an owner"))
    });
    assert!(caught.is_err());
}

#[test]
fn a_backtrace_goes_through_a_tour() {
    if !is_supported() {
        return;
    }
    #[inline(never)]
    fn frame_inside() -> Vec<String> {
        let mut names = Vec::new();
        backtrace::trace(|frame| {
            backtrace::resolve_frame(frame, |symbol| {
                names.extend(symbol.name().map(|name| name.to_string()));
            });
            true
        });
        names
    }
    #[inline(never)]
    fn frame_outside(identity: *mut Identity) -> Vec<String> {
        std::hint::black_box(under(identity, || std::hint::black_box(frame_inside())))
    }
    let owner = Owner::new(5);
    let names = frame_outside(owner.identity());
    // The last one: `frame_outside` is in the names of what is called inside, too.
    let find = |wanted: &str| {
        let at = names.iter().rposition(|name| name.contains(wanted));
        at.unwrap_or_else(|| panic!("{wanted} is not in {names:#?}"))
    };
    assert!(find("frame_inside") < find("identity::isa::tour"));
    assert!(find("identity::isa::tour") < find("frame_outside"));

    let text = under(owner.identity(), || {
        std::backtrace::Backtrace::force_capture().to_string()
    });
    assert!(text.contains("a_backtrace_goes_through_a_tour"), "{text}");
}

/// The identities that nobody is under, and how many moves are left.
struct Market {
    free: Mutex<Vec<SendIdentity>>,
    moves: AtomicUsize,
    /// How often an identity came to another thread than the one it was lent to before.
    handed_on: AtomicUsize,
}

struct Trader<'a> {
    market: &'a Market,
    number: usize,
}

struct SendIdentity(*mut Identity);

// SAFETY: identities are for handing on; the mutex synchronises.
unsafe impl Send for SendIdentity {}

impl Market {
    /// Gives one back and takes another; null if none is free, or it is over.
    fn exchange(&self, left: *mut Identity) -> *mut Identity {
        // Relaxed: a count, and the mutex orders the rest.
        let left_over = self
            .moves
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        let mut free = self.free.lock().unwrap();
        if !left.is_null() {
            free.push(SendIdentity(left));
        }
        // One thread may use up the moves before another has had its turn.
        if left_over.is_err() && self.handed_on.load(Ordering::Relaxed) > 8 {
            return ptr::null_mut();
        }
        let at = number() % free.len().max(1);
        if free.is_empty() {
            ptr::null_mut()
        } else {
            free.swap_remove(at).0
        }
    }
}

/// # Safety
/// `arg` is the [`Trader`] of a tour, which waits.
unsafe extern "C" fn trade(arg: *mut (), _at: *mut Identity, left: *mut Identity) -> *mut Identity {
    // SAFETY: the caller's promise.
    let trader = unsafe { &*arg.cast::<Trader<'_>>() };
    let (market, trader) = (trader.market, trader.number);
    let before = number();
    SHARED.with(|shared| shared.borrow_mut().push(before));
    NUMBER.set(before + 1);
    if TRADER.replace(trader) != trader && before > 0 {
        // Relaxed: a count.
        market.handed_on.fetch_add(1, Ordering::Relaxed);
    }
    if before.is_multiple_of(16) {
        thread::yield_now();
    }
    let next = market.exchange(left);
    assert_eq!(number(), before + 1);
    next
}

#[test]
fn identities_wander_between_threads_and_lose_nothing() {
    const MOVES: usize = 100_000;
    if !is_supported() {
        return;
    }
    let owners: Vec<_> = (0..8).map(|_| Owner::new(0)).collect();
    let market = Market {
        free: Mutex::new(owners.iter().map(|o| SendIdentity(o.identity())).collect()),
        moves: AtomicUsize::new(MOVES),
        handed_on: AtomicUsize::new(0),
    };
    let barrier = Barrier::new(3);
    thread::scope(|scope| {
        for number in 1..=3 {
            let (market, barrier) = (&market, &barrier);
            scope.spawn(move || {
                let trader = Trader { market, number };
                let first = market.exchange(ptr::null_mut());
                // All are there before one has used up the moves.
                barrier.wait();
                let arg = ptr::from_ref(&trader).cast_mut().cast();
                // SAFETY: `first` was taken from the market, so nobody else is under it; its owner
                // sleeps. So it is with those that the market gives to `trade`.
                let last = unsafe { tour(first, trade, arg) };
                assert_eq!((self::number(), TRADER.get()), (0, 0));
                market.free.lock().unwrap().push(SendIdentity(last));
            });
        }
    });
    // Relaxed: the threads have ended.
    assert!(market.handed_on.load(Ordering::Relaxed) > 8);
    let total: usize = owners
        .into_iter()
        .map(|owner| {
            let (number, pushed) = owner.finish();
            assert_eq!(number, pushed);
            number
        })
        .sum();
    assert!(total >= MOVES);
}
