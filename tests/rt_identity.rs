//! A goroutine's thread is the same all its life, whatever carries it: everything that a thread has
//! is there before and after each park, and nobody else's. Under a profiler's signal, too. And it
//! outlives the runtime while somebody uses it.
//!
//! * `GORT_TEST_GOROUTINES` and `GORT_TEST_PARKS` set how many goroutines there are and how often
//!   each parks; `ci/identity.sh` runs with large ones.
#![cfg(target_os = "linux")]

mod support;

use gort::{
    runtime::{Builder, Runtime, blocking},
    sleep, spawn,
    sync::Semaphore,
    yield_now,
};
use rayon::prelude::*;
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    hash::RandomState,
    io, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    process::Command,
    ptr,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread::{self, ThreadId},
    time::Duration,
};
use support::{Random, Watchdog, is_lending, threads_named, within};

/// A number from the environment.
fn setting(name: &str, otherwise: usize) -> usize {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().expect("a number"))
}

/// How many ledgers have been made and not dropped.
static LEDGERS: AtomicUsize = AtomicUsize::new(0);

/// What the goroutines of one home share, without atomics or locks.
struct Ledger {
    owner: ThreadId,
    visits: Cell<usize>,
}

impl Drop for Ledger {
    fn drop(&mut self) {
        assert_eq!(self.owner, thread::current().id());
        LEDGERS.fetch_sub(1, SeqCst);
    }
}

thread_local! {
    static LEDGER: Rc<Ledger> = {
        LEDGERS.fetch_add(1, SeqCst);
        Rc::new(Ledger { owner: thread::current().id(), visits: Cell::new(0) })
    };
    static RANDOM: RefCell<Random> = RefCell::new(Random::new(7));
    /// Borrowed across parks, by one goroutine at a time.
    static STACK: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    /// Two equal numbers. For the signal handler, which must not be the first to need it.
    static TICKS: [Cell<usize>; 2] = const { [Cell::new(0), Cell::new(0)] };
}

static TICKS_OF_ALL: AtomicUsize = AtomicUsize::new(0);
static TORN_TICKS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn on_tick(_: libc::c_int) {
    TICKS.with(|[one, other]| {
        if one.get() != other.get() {
            TORN_TICKS.fetch_add(1, SeqCst);
        }
        one.set(one.get() + 1);
        other.set(one.get());
    });
    TICKS_OF_ALL.fetch_add(1, SeqCst);
}

/// SIGPROF a thousand times for each second of CPU time, while it lives.
struct Profiler;

impl Profiler {
    fn start() -> Self {
        // SAFETY: a valid action; the handler uses a thread-local that needs no initialisation, and
        // atomics.
        let done = unsafe {
            let mut action: libc::sigaction = mem::zeroed();
            action.sa_sigaction = on_tick as extern "C" fn(_) as usize;
            action.sa_flags = libc::SA_RESTART;
            libc::sigaction(libc::SIGPROF, &raw const action, ptr::null_mut())
        };
        assert_eq!(done, 0);
        Self::set_every(1_000);
        Self
    }

    fn set_every(micros: libc::suseconds_t) {
        let time = libc::timeval {
            tv_sec: 0,
            tv_usec: micros,
        };
        let timer = libc::itimerval {
            it_interval: time,
            it_value: time,
        };
        // SAFETY: a valid structure for a known timer.
        let done = unsafe { libc::setitimer(libc::ITIMER_PROF, &raw const timer, ptr::null_mut()) };
        assert_eq!(done, 0);
    }
}

impl Drop for Profiler {
    fn drop(&mut self) {
        Self::set_every(0);
    }
}

/// Goroutines that play in pairs: each parks until the other has played.
struct Court {
    turns: Vec<Semaphore>,
    /// Memory that one goroutine has allocated and another will free.
    heap: Mutex<Vec<Vec<u8>>>,
}

/// A player, and what it holds over its parks.
struct Player {
    number: usize,
    home: ThreadId,
    ledger: Rc<Ledger>,
    ticks: usize,
    held: Vec<Vec<u8>>,
    hashes: HashMap<usize, usize>,
    round: usize,
}

/// How often a player looks at something: each time that its rounds are a multiple of a number.
type Look = (usize, fn(&mut Player, &Court));

const LOOKS: &[Look] = &[
    (1, Player::shares_its_ledger),
    (1, Player::allocates),
    (2, Player::draws),
    (8, Player::hashes),
    (8, Player::prints),
    (8, Player::fails_in_a_call),
    (32, Player::takes_its_park_token),
    (64, Player::panics),
    (512, Player::starts_threads),
    (512, Player::computes_with_rayon),
    (4096, Player::starts_a_process),
];

impl Player {
    fn new(number: usize) -> Self {
        Self {
            number,
            home: thread::current().id(),
            ledger: LEDGER.with(Rc::clone),
            ticks: TICKS.with(|ticks| ptr::from_ref(ticks).addr()),
            held: Vec::new(),
            hashes: HashMap::new(),
            round: 0,
        }
    }

    /// Parks so many times.
    fn play(&mut self, court: &Court, parks: usize) {
        let other = self.number ^ 1;
        while self.round < parks {
            // Every 16th time it borrows something of the home meanwhile, unless another has it.
            if self.round % 16 == self.number % 16 {
                STACK.with(|stack| {
                    let mut borrowed = stack.try_borrow_mut();
                    if let Ok(stack) = &mut borrowed {
                        stack.push(self.number);
                    }
                    self.park(&court.turns);
                    if let Ok(stack) = &mut borrowed {
                        assert_eq!(stack.pop(), Some(self.number));
                        assert!(stack.is_empty());
                    }
                });
            } else {
                self.park(&court.turns);
            }
            self.round += 1;
            // Some are not in step with the others.
            let is_due = |every: usize| (self.round + self.number * 7).is_multiple_of(every);
            let due: Vec<_> = LOOKS.iter().filter(|(every, _)| is_due(*every)).collect();
            due.iter().for_each(|(_, look)| look(self, court));
            court.turns[other].add_permits(1);
        }
    }

    fn park(&self, turns: &[Semaphore]) {
        turns[self.number].acquire(1).forget();
        if self.round.is_multiple_of(64) {
            yield_now();
        }
        if self.round.is_multiple_of(256) {
            sleep(Duration::from_micros(20));
        }
    }

    fn shares_its_ledger(&mut self, _: &Court) {
        assert_eq!(thread::current().id(), self.home);
        let ledger = LEDGER.with(Rc::clone);
        assert!(Rc::ptr_eq(&ledger, &self.ledger) && ledger.owner == self.home);
        ledger.visits.set(ledger.visits.get() + 1);
        let ticks = TICKS.with(|ticks| ptr::from_ref(ticks).addr());
        assert_eq!(ticks, self.ticks);
    }

    /// Frees what it has allocated some parks ago, or what another has.
    fn allocates(&mut self, court: &Court) {
        let byte = |n: usize| u8::try_from(n % 251).expect("it is small");
        let size = 16 + (self.round * 31 + self.number) % 600;
        self.held.push(vec![byte(size); size]);
        if self.held.len() > 8 {
            let mut old = self.held.swap_remove(self.round % 8);
            if self.round.is_multiple_of(4) {
                // Not over a park, so a lock of std is right.
                let mut heap = court.heap.lock().unwrap();
                heap.push(old);
                let at = self.round % heap.len();
                old = heap.swap_remove(at);
            }
            assert!(old.iter().all(|b| *b == byte(old.len())));
        }
    }

    /// Random numbers of the thread: none comes twice, as it would if two had the generator at a
    /// time.
    fn draws(&mut self, _: &Court) {
        let drawn = RANDOM.with_borrow_mut(|random| {
            let before = random.clone();
            let drawn = random.below(1 << 40);
            assert_eq!(before.clone().below(1 << 40), drawn);
            (drawn, random.below(1 << 40))
        });
        assert_ne!(drawn.0, drawn.1);
    }

    /// `RandomState` counts in a thread-local.
    fn hashes(&mut self, _: &Court) {
        let fresh: HashMap<usize, usize, RandomState> = [(self.round, self.number)].into();
        assert_eq!(fresh[&self.round], self.number);
        self.hashes.insert(self.round % 64, self.round);
        assert_eq!(self.hashes[&(self.round % 64)], self.round);
    }

    /// Locks the standard streams, which know their owner by its thread; writes nothing.
    fn prints(&mut self, _: &Court) {
        print!("");
        eprint!("");
        let nested = io::stdout().lock();
        print!("");
        drop(nested);
    }

    fn fails_in_a_call(&mut self, _: &Court) {
        // SAFETY: a path that ends with zero.
        let file = unsafe { libc::open(c"/no/such/file".as_ptr(), libc::O_RDONLY) };
        let error = io::Error::last_os_error();
        assert_eq!((file, error.raw_os_error()), (-1, Some(libc::ENOENT)));
        // SAFETY: no file has this number.
        let done = unsafe { libc::close(-1) };
        let error = io::Error::last_os_error();
        assert_eq!((done, error.raw_os_error()), (-1, Some(libc::EBADF)));
    }

    fn takes_its_park_token(&mut self, _: &Court) {
        thread::current().unpark();
        thread::park();
    }

    fn panics(&mut self, _: &Court) {
        struct Sees<'a>(&'a Cell<bool>);
        impl Drop for Sees<'_> {
            fn drop(&mut self) {
                self.0.set(thread::panicking());
            }
        }
        assert!(!thread::panicking());
        let seen = Cell::new(false);
        let number = self.number;
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let _sees = Sees(&seen);
            panic!("deliberate {number}");
        }));
        let payload = caught.unwrap_err();
        assert_eq!(support::message(&*payload), format!("deliberate {number}"));
        assert!(seen.get() && !thread::panicking());
        assert_eq!(thread::current().id(), self.home);
    }

    fn starts_threads(&mut self, _: &Court) {
        let home = self.home;
        let data = &self.held;
        let sum = thread::scope(|threads| {
            let total = threads.spawn(move || {
                assert_ne!(thread::current().id(), home);
                // Its own, not the home's.
                LEDGER.with(|ledger| assert_eq!(ledger.visits.get(), 0));
                data.iter().map(Vec::len).sum::<usize>()
            });
            total.join().unwrap()
        });
        assert_eq!(sum, self.held.iter().map(Vec::len).sum::<usize>());
    }

    fn computes_with_rayon(&mut self, _: &Court) {
        let end = self.round as u64;
        let sum: u64 = (0..end).into_par_iter().sum();
        assert_eq!(sum, end * end.saturating_sub(1) / 2);
    }

    fn starts_a_process(&mut self, _: &Court) {
        let printed = Command::new("echo").arg(self.number.to_string()).output();
        let printed = String::from_utf8(printed.unwrap().stdout).unwrap();
        assert_eq!(printed.trim().parse(), Ok(self.number));
    }
}

/// Lets goroutines play on a runtime; checks what they have left in their homes.
fn match_on(runtime: &Runtime, goroutines: usize, parks: usize) {
    let court = Arc::new(Court {
        turns: (0..goroutines).map(|n| Semaphore::new(1 - n % 2)).collect(),
        heap: Mutex::default(),
    });
    let play = |number: usize| {
        let court = Arc::clone(&court);
        spawn(move || {
            let mut player = Player::new(number);
            player.play(&court, parks);
            (player.home, player.ledger.visits.get())
        })
    };
    // Partners start far from each other: the even ones first, then the odd ones.
    let numbers = (0..goroutines).step_by(2).chain((1..goroutines).step_by(2));
    let handles: Vec<_> = numbers.map(play).collect();
    let mut visits = HashMap::<ThreadId, (usize, usize)>::new();
    for handle in handles {
        let (home, seen) = handle.join().unwrap();
        let (players, most) = visits.entry(home).or_default();
        *players += 1;
        *most = seen.max(*most);
    }
    // Who was the last in a home saw what all had counted.
    for (players, most) in visits.values() {
        assert_eq!(*most, players * parks);
    }
    if is_lending(runtime) {
        assert!(visits.len() <= runtime.metrics().homes);
    }
}

/// 50 goroutines with 10,000 parks each, shared out to nine shapes of runtimes.
#[test]
fn what_a_thread_has_stays_with_the_goroutine() {
    const SHAPES: [(usize, usize); 9] = [
        (2, 1),
        (2, 4),
        (2, 64),
        (3, 1),
        (3, 4),
        (3, 64),
        (8, 1),
        (8, 4),
        (8, 64),
    ];
    support::silence();
    // Pairs, so an even number.
    let goroutines = setting("GORT_TEST_GOROUTINES", 50).next_multiple_of(2);
    let parks = setting("GORT_TEST_PARKS", 10_000 / SHAPES.len());
    let patience =
        Duration::from_secs(60) + Duration::from_micros(50 * (goroutines * parks) as u64);
    // So that rayon's threads, which have ledgers, are there before the count.
    assert_eq!((0..100_u64).into_par_iter().sum::<u64>(), 4950);
    let profiler = Profiler::start();
    for (workers, homes) in SHAPES {
        let builder = Builder::new().workers(workers).homes(homes);
        let runtime = Arc::new(builder.thread_name("ident").build().unwrap());
        let what = format!("{workers} workers, {homes} homes");
        let watchdog = Watchdog::start(&runtime, patience, &what);
        let before = LEDGERS.load(SeqCst);
        let spawned = Arc::clone(&runtime);
        runtime.run(move || match_on(&spawned, goroutines, parks));
        support::assert_no_goroutine_left(&runtime);
        drop(watchdog);
        drop(Arc::into_inner(runtime).expect("nobody else has it"));
        // With the homes' threads all has gone that was theirs.
        let all_gone = within(Duration::from_secs(10), || LEDGERS.load(SeqCst) == before);
        assert!(all_gone, "{what}: {} left", LEDGERS.load(SeqCst) - before);
        assert!(
            within(Duration::from_secs(10), || threads_named("ident-") == 0),
            "{what}"
        );
    }
    drop(profiler);
    assert!(
        TICKS_OF_ALL.load(SeqCst) > 10,
        "only {TICKS_OF_ALL:?} signals"
    );
    assert_eq!(TORN_TICKS.load(SeqCst), 0);
}

/// What is lent out of a thread-local. It tells when it dies, and what it held is gone then.
struct Lent {
    value: AtomicUsize,
    dead: &'static AtomicBool,
}

const VALUE: usize = 0x5eed;

impl Lent {
    fn new(dead: &'static AtomicBool) -> Self {
        Self {
            value: AtomicUsize::new(VALUE),
            dead,
        }
    }

    fn is_alive(&self) -> bool {
        self.value.load(SeqCst) == VALUE && !self.dead.load(SeqCst)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.value.store(0, SeqCst);
        self.dead.store(true, SeqCst);
    }
}

/// A borrower of a thread-local on some other thread: says that it has begun, waits, and says
/// whether the value is alive.
struct Borrower {
    began: mpsc::Sender<()>,
    go_on: mpsc::Receiver<()>,
    found: mpsc::Sender<bool>,
}

impl Borrower {
    fn look(self, lent: &Lent) {
        self.began.send(()).unwrap();
        self.go_on.recv().unwrap();
        self.found.send(lent.is_alive()).unwrap();
    }
}

/// Starts a goroutine that lends its thread-local through `lend`, on a runtime of several homes;
/// ends the runtime while that is so; then the borrower looks.
fn outlives_its_runtime(
    name: &str,
    dead: &'static AtomicBool,
    lend: impl FnOnce(Borrower) + Send + 'static,
    owners_left: std::ops::RangeInclusive<usize>,
) {
    let runtime = Builder::new().workers(2).thread_name(name).build().unwrap();
    let runtime = Arc::new(runtime);
    let watchdog = Watchdog::start(&runtime, support::PATIENCE, name);
    runtime.run(|| {
        let nap = |_| spawn(|| sleep(Duration::from_millis(1)));
        let handles: Vec<_> = (0..8).map(nap).collect();
        handles.into_iter().for_each(|h| h.join().unwrap());
    });
    if is_lending(&runtime) {
        assert!(runtime.metrics().homes > 3, "{:?}", runtime.metrics());
    }
    let (began, begins) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel();
    let (found, finds) = mpsc::channel();
    let borrower = Borrower {
        began,
        go_on: goes_on,
        found,
    };
    let handle = runtime.spawn(move || lend(borrower));
    begins.recv().unwrap();
    drop(watchdog);
    let _watchdog = Watchdog::with(support::PATIENCE, name, String::new);
    let alone = Arc::into_inner(runtime).expect("nobody else has it");
    // What is lent keeps its goroutine from ending, so there is one left.
    let left = alone.shutdown_timeout(Duration::from_millis(300));
    assert!(left.is_err());
    thread::sleep(Duration::from_millis(50));
    assert!(!dead.load(SeqCst), "it died while it was lent");
    go_on.send(()).unwrap();
    assert!(finds.recv().unwrap(), "the borrower found it dead");
    // All threads end but the owners of homes in which somebody lives.
    let prefix = format!("{name}-");
    let are_gone = || owners_left.contains(&threads_named(&prefix));
    assert!(
        within(Duration::from_secs(10), are_gone),
        "{} left",
        threads_named(&prefix)
    );
    assert!(
        !dead.load(SeqCst),
        "it died though its goroutine is still in it"
    );
    assert!(!handle.is_finished());
}

#[test]
fn what_is_lent_to_blocking_outlives_the_runtime() {
    static DEAD: AtomicBool = AtomicBool::new(false);
    thread_local!(static KEY: Lent = Lent::new(&DEAD));
    let lend = |borrower: Borrower| KEY.with(|lent| blocking(|| borrower.look(lent)));
    outlives_its_runtime("idb", &DEAD, lend, 1..=1);
}

#[test]
fn what_is_lent_to_a_scope_outlives_the_runtime() {
    static DEAD: AtomicBool = AtomicBool::new(false);
    thread_local!(static KEY: Lent = Lent::new(&DEAD));
    let lend = |borrower: Borrower| {
        let home = thread::current().id();
        let started = AtomicBool::new(false);
        KEY.with(|lent| {
            gort::scope(|s| {
                let started = &started;
                s.spawn(move || {
                    assert_ne!(thread::current().id(), home);
                    started.store(true, SeqCst);
                    borrower.look(lent);
                });
                // Nobody starts here meanwhile: so the borrower is in another home.
                while !started.load(SeqCst) {
                    std::hint::spin_loop();
                }
            });
        });
    };
    // The borrower's home was in use when the runtime ended, so its owner may stay, too.
    outlives_its_runtime("ids", &DEAD, lend, 1..=2);
}

#[test]
fn what_is_lent_to_another_runtime_outlives_its_own() {
    static DEAD: AtomicBool = AtomicBool::new(false);
    thread_local!(static KEY: Lent = Lent::new(&DEAD));
    let other = Arc::new(support::runtime(2));
    let theirs = Arc::clone(&other);
    let lend = move |borrower: Borrower| KEY.with(|lent| theirs.run(move || borrower.look(lent)));
    outlives_its_runtime("idr", &DEAD, lend, 1..=1);
    // It goes on by itself.
    assert_eq!(other.run(|| 6 * 7), 42);
}

/// A home that nobody lives in gives its thread-locals back when the runtime ends, each once.
#[test]
fn thread_locals_die_with_a_runtime_that_nobody_is_left_in() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static DROPPED: Mutex<Vec<ThreadId>> = Mutex::new(Vec::new());
    struct Noted(ThreadId);
    impl Drop for Noted {
        fn drop(&mut self) {
            assert_eq!(thread::current().id(), self.0);
            DROPPED.lock().unwrap().push(self.0);
        }
    }
    thread_local!(static KEY: Noted = {
        MADE.fetch_add(1, SeqCst);
        Noted(thread::current().id())
    });
    for workers in [1, 2, 8] {
        let runtime = Builder::new()
            .workers(workers)
            .thread_name("idd")
            .build()
            .unwrap();
        runtime.run(|| {
            let touch = |i: u64| {
                spawn(move || {
                    let id = KEY.with(|noted| noted.0);
                    sleep(Duration::from_micros(i * 10));
                    assert_eq!(KEY.with(|noted| noted.0), id);
                })
            };
            let handles: Vec<_> = (0..100).map(touch).collect();
            handles.into_iter().for_each(|h| h.join().unwrap());
        });
        drop(runtime);
        assert!(within(Duration::from_secs(10), || threads_named("idd-") == 0));
        let dropped = DROPPED.lock().unwrap().clone();
        assert_eq!(dropped.len(), MADE.load(SeqCst));
        let distinct: HashSet<_> = dropped.iter().collect();
        assert_eq!(distinct.len(), dropped.len());
    }
    assert!(MADE.load(SeqCst) >= 3);
}
