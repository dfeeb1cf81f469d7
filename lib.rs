//! Go's concurrency for Rust: goroutines, channels, and locks that park goroutines instead of
//! threads.
//!
//! A goroutine is a function call that runs beside the others. It blocks as plain code does, and is
//! cheap enough to have a million of. A few worker threads run them all; one that waits costs its
//! stack's touched pages and nothing else. There is no `async` and no second kind of function:
//! every function may wait.
//!
//! ```
//! use gort::{Mutex, WaitGroup, go};
//! use std::{sync::Arc, time::Duration};
//!
//! fn fetch(page: u32) -> usize {
//!     gort::sleep(Duration::from_millis(1)); // parks this goroutine; its worker runs others
//!     page as usize * 100
//! }
//!
//! let total = Arc::new(Mutex::new(0));
//! let group = WaitGroup::new();
//! for page in 1..=10 {
//!     let total = Arc::clone(&total);
//!     group.go(move || *total.lock() += fetch(page));
//! }
//! group.wait();
//! assert_eq!(*total.lock(), 5500);
//!
//! let answer = go!(|| fetch(42)); // a handle, as of a thread
//! assert_eq!(answer.join().unwrap(), 4200);
//! ```
//!
//! `go!`, [`spawn`] and all of [`sync`] work from any thread. Outside a runtime they use a default
//! one, which the first use starts. A program that is goroutines through and through marks its main
//! function with [`#[gort::main]`](macro@main).
//!
//! # Map
//!
//! | where | what |
//! |---|---|
//! | [`go!`], [`spawn`], [`scope`], [`Builder`], [`JoinHandle`] | starting goroutines and waiting for them |
//! | [`runtime`] | the runtime itself: its options, its end, what it is doing; calls that block a thread; stacks |
//! | [`sync`] | what goroutines share: mutexes, wait groups, conditions, channels, ... What every program uses of it stands at the root, too: `gort::{Mutex, RwMutex, WaitGroup, bounded, ..}` |
//! | [`context`] | who is told that a request was given up, or that its time is over |
//! | [`net`] | sockets: std's types, whose calls park |
//! | [`io`] | pipes and the standard input; waiting for any descriptor |
//! | [`process`] | child processes: std's `Command`, whose waits and pipes park |
//! | [`time`] | sleeping; timers and tickers, as channels or as functions that run later |
//! | [`fs`] | files and folders: `std::fs`, in which the goroutine parks and not its thread |
//! | [`signal`] | the system's signals as messages in channels; Ctrl-C |
//! | [`testing`] | a fake clock for tests, and a look for goroutines that are left behind |
//! | [`from_go`] | Go and gort side by side, lesson by lesson |
//! | [`inside`] | what works inside a goroutine: well-known crates, one by one |
//!
//! For those who read the source: `runtime/README.md` has the protocols, and `HACKING.md` the rules
//! by which it is written.
//!
//! # Soundness
//!
//! `go!` is a safe function of safe code. What makes it so:
//!
//! - **A closure that has not started** may move between threads; so it is `Send`, as for
//!   [`std::thread::spawn`].
//! - **A goroutine that has started keeps its thread**, as Rust code knows a thread, for life. So
//!   it may hold across a park what belongs to its thread: an [`Rc`](std::rc::Rc), a borrow of a
//!   thread-local, the state of a parser that is not `Send`.
//!
//! Both hold as long as no goroutine parks inside of a few kinds of sections. [They are listed
//! below](#what-stays-in-the-programmers-care), with what else needs care.
//!
//! ## What a thread is here
//!
//! A *home* is the identity of a thread: that of an OS thread which was started for it and then
//! sleeps. The goroutines that have started under an identity live in that home. Workers are the OS
//! threads that run code. A worker enters a home: it takes on the identity, runs goroutines of the
//! home until they wait, and leaves it. There is one worker in a home at a time, and there are
//! several homes for each worker ([`Builder::homes`](runtime::Builder::homes)). So a goroutine that
//! goes on after a park finds the thread that it knows, though the kernel's thread under it may be
//! another one. *Any park may change that one:* a channel, a lock of [`sync`], [`sleep`],
//! [`yield_now`], a join.
//!
//! **What comes along** is all that programs find through the thread's identity: thread-locals of
//! Rust and of C, [`thread::current()`](std::thread::current) with id and name, `errno`, the count
//! of panics, allocators' caches, `std` locks with their guards, and
//! [`thread::park`](std::thread::park)'s token.
//!
//! The spans of `tracing` that a goroutine has entered come along as well: it leaves them when it
//! parks and enters them again when it goes on, so that they are in the log lines of no other
//! goroutine. That works for the subscriber that is the default where it parks, if that tells its
//! current span, as the registry of `tracing-subscriber` does and all that is built on it (`fmt`,
//! layers). A subscriber that `with_default` or `set_default` sets is the thread's: while its
//! goroutine is parked it is that of all goroutines of the home, so set a global one.
//!
//! **What does not come along** is what the kernel keeps for its own thread:
//!
//! - the thread's number (`gettid`), and what is asked or set by it: CPU affinity, priority and
//!   scheduling policy, clocks of a thread's processor time, `ptrace`;
//! - what C functions do to a `pthread_t`: `pthread_kill`, `pthread_setaffinity_np` and others
//!   reach the OS thread that sleeps for the home, and has all signals blocked, not the one that
//!   runs;
//! - credentials of a single thread, and namespaces (`setns`, `unshare`);
//! - the signal mask and the alternate signal stack;
//! - mutexes of C with priority inheritance (PI futexes), and robust ones: the kernel refuses an
//!   owner that is not its own thread, or does not notice that it died. So they cannot be used from
//!   goroutines;
//! - io_uring rings that are set up for a single issuer;
//! - the floating-point control words (rounding mode, exceptions), which are registers;
//! - the processor's number where glibc reads it for `sched_getcpu`, in the thread's area for
//!   restartable sequences (rseq): it tells where the sleeping thread was. The number was a hint
//!   before, too;
//! - restartable sequences themselves, since the kernel watches its own thread's area: code with
//!   sequences of its own must not run in a lent home. gort looks for such code in all files that
//!   are loaded when the first runtime starts, for tcmalloc's per-CPU mode as an example, and lends
//!   no home then. Code that is loaded later is not looked at: set `GORT_LEND=off` for it.
//!
//! What needs one of these belongs on a plain thread, started with [`std::thread::spawn`], which
//! goroutines talk to through channels; or, if it is one section that does not park, under
//! [`blocking`](runtime::blocking), which runs it on a plain thread. Between two parks the
//! kernel's thread under a goroutine does not change. But what a section changes (a signal mask, a
//! rounding mode, an affinity) it must change back before it parks: else it stays with the worker,
//! for whoever runs there next. A [`forbid_yield`](runtime::forbid_yield) guard makes sure that
//! nothing in it parks.
//!
//! **Where homes are not lent** each worker has one home, its own, and a goroutine stays on its
//! worker's OS thread. That is so on systems other than Linux and on processors other than x86-64
//! and AArch64; where the kernel or the processor does not let programs set the register (x86-64
//! before Linux 5.9); under valgrind and some emulators; beside restartable sequences; and where
//! the environment says `GORT_LEND=off`. The kernel's thread is then one and the same for a
//! goroutine's life, and all of the list above comes along, but for what the goroutines of one
//! worker change for each other. Programs mean the same there, but a goroutine that blocks its
//! thread holds up all others of its worker, and talk between workers is slower.
//! [`Metrics::identity`](runtime::Metrics::identity) tells whether homes are lent, and why not.
//!
//! ## What stays in the programmer's care
//!
//! *Others of the home*. While a goroutine is parked, others run in its home, and they find
//! everything that belongs to the thread as it left it. That is no undefined behaviour, but it may
//! panic, hang or mislead:
//!
//! - One that finds a `RefCell` in a thread-local borrowed panics.
//! - One that takes a `std` lock which a parked goroutine of its home holds blocks that home, and
//!   the holder with it: for ever. One of another home blocks that one until the holder goes on.
//!   The guard of a `std` lock may be held across a park only if nobody wants the lock meanwhile.
//! - A [`LazyLock`](std::sync::LazyLock) or [`OnceLock`](std::sync::OnceLock) whose initialiser
//!   parks hangs in the same way if another goroutine of the home asks for the value. [`Lazy`] and
//!   [`OnceCell`] park instead.
//! - `Stdout::lock` and `Stderr::lock` are the thread's: held across a park, they keep other homes
//!   from printing, but not the goroutines of their own, whose lines come in between.
//! - [`thread::park`](std::thread::park) blocks the home, and its token is the home's: an `unpark`
//!   that was meant for one goroutine may be used up by another. [`sync`] has what parks
//!   goroutines.
//! - tokio's `EnterGuard` is the thread's: others of the home find themselves in a context which
//!   they have not entered, and guards that are dropped crosswise may panic or leave the wrong
//!   context behind. [`block_on_with`](runtime::block_on_with) enters one for each poll. The same
//!   holds of spans that are entered with a subscriber other than those named above.
//! - `stacker` keeps the thread's stack limit in a thread-local, and knows nothing of goroutines'
//!   stacks: it may not grow in time, which the guard page turns into the report of an overflow.
//!   [`on_big_stack`](runtime::on_big_stack) is for deep recursion.
//!
//! **`go!` is sound but for this list.** What stands on it relies on the sections of one thread
//! being nested, like calls on one stack. Goroutines of one home that park inside break that:
//!
//! - *A `thread_local!` whose initialiser parks.* Another goroutine of the home may initialise the
//!   key meanwhile, and hold a reference to the value over a park of its own. When the first one
//!   goes on, std puts its value in the place and drops the other, under the reference:
//!
//!   ```no_run
//!   thread_local! {
//!       static NAME: String = {
//!           gort::yield_now(); // do not
//!           String::from("gopher")
//!       };
//!   }
//!   for _ in 0..2 {
//!       gort::go!(|| NAME.with(|name| {
//!           gort::yield_now();
//!           println!("{name}"); // perhaps gone
//!       }));
//!   }
//!   ```
//!
//!   [`go_local!`] is for values of goroutines. Else make the value beforehand, or park nowhere in
//!   the initialiser.
//! - *Pointers to something on the stack that are kept in a thread-local* while a closure runs, as
//!   `scoped-tls` does. Two goroutines set and reset such a pointer crosswise, and one uses a
//!   pointer to something that is gone.
//! - *Tokens that say what the thread holds*, from nested guards: an interpreter's lock (the GIL
//!   tokens of `pyo3`), autorelease pools (`objc2`). Dropped crosswise, or while another goroutine
//!   has given the thing away, they vouch for what is not so.
//!
//! Do not park inside of such a section. A [`forbid_yield`](runtime::forbid_yield) guard in it
//! makes a park a panic, and [`inside`] says the same of well-known crates.
//!
//! # When it does not compile
//!
//! Five errors, their causes, and the cures:
//!
//! *"closure may outlive the current function, but it borrows `text`"* (E0373): the goroutine may
//! outlive its spawner. Give it the value, with `move`:
//!
//! ```compile_fail
//! let text = String::from("hello");
//! gort::go!(|| println!("{text}"));
//! ```
//! ```
//! let text = String::from("hello");
//! gort::go!(move || println!("{text}"));
//! ```
//!
//! *"`text` does not live long enough"* (E0597), or *"borrowed data escapes outside of function"*
//! (E0521): a reference goes to a goroutine that is not bound to end in time. Give it a clone, or
//! an [`Arc`](std::sync::Arc). Or use [`scope`], whose goroutines may borrow:
//!
//! ```compile_fail
//! let text = String::from("hello");
//! let show = |text: &str| println!("{text}");
//! gort::go!(show(&text));
//! ```
//! ```
//! let text = String::from("hello");
//! gort::scope(|s| {
//!     s.spawn(|| println!("{text}"));
//! });
//! ```
//!
//! *"borrow of moved value"* (E0382): what a goroutine has taken is gone from the spawner. Clone
//! before it:
//!
//! ```compile_fail
//! let names = std::sync::Arc::new(vec!["go", "rust"]);
//! gort::go!(move || println!("{names:?}"));
//! println!("{names:?}");
//! ```
//! ```
//! let names = std::sync::Arc::new(vec!["go", "rust"]);
//! let theirs = names.clone();
//! gort::go!(move || println!("{theirs:?}"));
//! println!("{names:?}");
//! ```
//!
//! *"`Rc<..>` cannot be sent between threads safely"* (E0277): a goroutine starts on any thread.
//! Share an [`Arc`](std::sync::Arc); or make the `Rc` inside, where it may stay across parks; or
//! start the goroutine in this home, with [`spawn_local`]:
//!
//! ```compile_fail
//! let shared = std::rc::Rc::new(1);
//! gort::go!(move || println!("{shared}"));
//! ```
//! ```
//! gort::go!(|| {
//!     let shared = std::rc::Rc::new(1);
//!     gort::yield_now();
//!     println!("{shared}");
//! });
//! ```
//!
//! *"`MutexGuard<..>` cannot be sent between threads safely"* (E0277): a lock is released by who
//! took it. Lock inside of the goroutine:
//!
//! ```compile_fail
//! static LOG: gort::Mutex<Vec<u8>> = gort::Mutex::new(Vec::new());
//! let mut log = LOG.lock();
//! gort::go!(move || log.push(1));
//! ```
//! ```
//! static LOG: gort::Mutex<Vec<u8>> = gort::Mutex::new(Vec::new());
//! gort::go!(|| LOG.lock().push(1));
//! ```
//!
//! # Limits
//!
//! - **No pre-emption by signals.** A goroutine that computes for long, or blocks its thread, holds
//!   up those of its home. All others go on with other workers, or with a spare one, and after 100
//!   ms a warning names it ([`on_stuck`](runtime::Builder::on_stuck)).
//!   [`yield_if_due`](runtime::yield_if_due) is for long loops, [`blocking`](runtime::blocking) for
//!   calls that block the thread.
//! - **Stacks do not grow.** Each has the size that its runtime or its [`Builder`] says; an
//!   overflow ends the process with a report. [`on_big_stack`](runtime::on_big_stack) runs one call
//!   on a bigger one.
//! - **A parked goroutine holds 4 KiB at least:** the one page of its stack that it has touched,
//!   and its cell.
//! - **Deadlocks are noticed if they are total:** no goroutine of the process can ever run again,
//!   and there is no thread beside that could wake one. Then the process ends as in Go, with a
//!   dump; see [`DeadlockPolicy`](runtime::DeadlockPolicy). Some goroutines that wait for each
//!   other while others run are not noticed, and it takes Linux's `/proc`.
//! - **Unix only.** Registers are switched by code of our own on x86-64 and AArch64, elsewhere by
//!   `corosensei`.
//! - **`fork`:** the child has the forking thread only, so no workers. It may call `exec` or
//!   `_exit`, and no function of this crate.
//! - **`mlockall(MCL_FUTURE)`** makes the kernel touch whole stacks. Use it with `MCL_ONFAULT`.
//! - **A panic hook must not park.** std runs it under a lock of its own and counts it as part of
//!   the panic; if it parks, a panic of another goroutine of that home meets both, and std may end
//!   the process.
//! - **Unwinding is visible.** While a goroutine of the same home is parked in a destructor during
//!   a panic, [`std::thread::panicking`] says true, and `std` locks that others release may be
//!   poisoned. The locks in [`sync`] know no poison.

// Under loom only the parts that the models use are there, and not all of each.
#![cfg_attr(loom, allow(dead_code, unreachable_pub))]

// The macros expand to `::gort::...`, also within this crate.
extern crate self as gort;

#[cfg(not(loom))]
pub mod context;
#[cfg(not(loom))]
pub mod fs;
#[cfg(all(unix, not(loom)))]
pub mod io;
#[cfg(all(unix, not(loom)))]
pub mod net;
#[cfg(all(unix, not(loom)))]
pub mod process;
#[cfg(not(loom))]
pub mod runtime;
#[cfg(loom)]
#[path = "runtime/loom.rs"]
mod runtime;
#[cfg(all(feature = "signal", not(loom)))]
pub mod signal;
#[cfg(not(loom))]
pub mod sync;
#[cfg(loom)]
#[path = "sync/loom.rs"]
mod sync;
#[cfg(not(loom))]
pub mod testing;
#[cfg(not(loom))]
pub mod time;

/// For those who come from Go: its forms and these, side by side.
///
#[doc = include_str!("docs/from_go.md")]
#[cfg(not(loom))]
pub mod from_go {}

/// What works inside a goroutine: well-known crates, with yes, with care, or no, and why.
///
#[doc = include_str!("docs/inside.md")]
#[cfg(not(loom))]
pub mod inside {}

#[cfg(not(loom))]
pub use crate::runtime::goroutine::spawn::Builder;
#[cfg(not(loom))]
pub use crate::runtime::{JoinHandle, current, scope, sleep, spawn, spawn_local, yield_now};
/// What every program shares between goroutines, from [`sync`].
#[cfg(not(loom))]
#[doc(no_inline)]
pub use crate::sync::{
    Barrier, Cond, Lazy, Mutex, MutexGuard, Once, OnceCell, Receiver, RwMutex, RwMutexReadGuard,
    RwMutexWriteGuard, Semaphore, Sender, WaitGroup, bounded, channel, errgroup, unbounded,
};
#[cfg(not(loom))]
pub use gort_macros::{go, main, test};

#[cfg(not(loom))]
#[doc(hidden)]
#[path = "runtime/bench_door.rs"]
pub mod bench_support;

/// The README's example, run with the doc tests.
#[cfg(doctest)]
#[doc = include_str!("README.md")]
struct Readme;
