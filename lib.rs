//! Go's concurrency for Rust: goroutines, channels, and locks that park goroutines instead of threads.
//!
//! A goroutine is a function call that runs beside the others. It blocks as plain code does, and is cheap enough to have a million of. A few worker
//! threads run them all; one that waits costs its stack's touched pages and nothing else. There is no `async` and no second kind of function: every
//! function may wait.
//!
//! ```
//! use gort::{go, sync::{Mutex, WaitGroup}};
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
//! `go!`, [`spawn`] and all of [`sync`] work from any thread. Outside a runtime they use a default one, which the first use starts. A program that is goroutines
//! through and through marks its main function with [`#[gort::main]`](macro@main).
//!
//! # Map
//!
//! | where | what |
//! |---|---|
//! | [`go!`], [`spawn`], [`scope`], [`Builder`], [`JoinHandle`] | starting goroutines and waiting for them |
//! | [`runtime`] | the runtime itself: its options, its end, what it is doing; calls that block a thread; stacks |
//! | [`sync`] | what goroutines share: mutexes, wait groups, conditions, ... |
//! | [`context`] | who is told that a request was given up, or that its time is over |
//! | [`time`] | sleeping; timers and tickers, as channels or as functions that run later |
//! | [`testing`] | a fake clock for tests, and a look for goroutines that are left behind |
//! | [`from_go`] | Go and gort side by side, lesson by lesson |
//!
//! Inside, `runtime/README.md` has the protocols, and `HACKING.md` the rules of the house.
//!
//! # Soundness
//!
//! `go!` is a safe function of safe code. What makes it so:
//!
//! - **A closure that has not started** may move between threads; so it is `Send`, as for [`std::thread::spawn`].
//! - **A goroutine that has started stays on its thread.** It is *homed*: whenever it goes on, it does so on the worker that started it. So it may hold across a park whatever belongs
//!   to its thread: an [`Rc`](std::rc::Rc), a borrow of a thread-local, a guard of a `std` lock, the state of a parser that is not `Send`.
//!
//! What stays in the programmer's care is *re-entrancy*. While a goroutine is parked, others run on its thread, and they find its thread-locals as it left them. One that
//! finds a `RefCell` borrowed panics; one that takes a `std` mutex that a parked goroutine of its worker holds blocks that worker, perhaps for ever. Neither is
//! undefined behaviour, and both are avoided by not parking in such a section. [`forbid_yield`](runtime::forbid_yield) makes a park in one a panic.
//!
//! **One hole remains.** A few crates keep a raw pointer to something on the stack in a thread-local, and rely on the sections in which it is set being nested like
//! calls on one stack: `scoped-tls` is one. Two goroutines of one thread may set and reset such a pointer crosswise, if they park inside. Then one uses a pointer to
//! something that is gone. Do not park inside of such a section, or hold a [`forbid_yield`](runtime::forbid_yield) guard there. std has no interface of that kind.
//!
//! # Limits
//!
//! - **No pre-emption by signals.** A goroutine that computes for long keeps its worker. Others of that worker wait; fresh ones are taken over by other workers, or by
//!   a spare. [`yield_if_due`](runtime::yield_if_due) is for long loops, [`blocking`](runtime::blocking) for calls that block the thread.
//! - **Stacks do not grow.** Each has the size that its runtime or its [`Builder`] says; an overflow ends the process with a report. [`on_big_stack`](runtime::on_big_stack) runs one call on a bigger one.
//! - **A parked goroutine holds 4 KiB at least:** the one page of its stack that it has touched, and its cell.
//! - **Deadlocks are noticed if they are total:** no goroutine of the process can ever run again, and there is no thread beside that could wake one. Then the process ends as in Go, with a
//!   dump; see [`DeadlockPolicy`](runtime::DeadlockPolicy). Some goroutines that wait for each other while others run are not noticed, and it takes Linux's `/proc`.
//! - **Unix only.** Registers are switched by code of our own on x86-64 and AArch64, elsewhere by `corosensei`.
//! - **`fork`:** the child has the forking thread only, so no workers. It may call `exec` or `_exit`, and no function of this crate.
//! - **`mlockall(MCL_FUTURE)`** makes the kernel touch whole stacks. Use it with `MCL_ONFAULT`.
//! - **What the thread keeps is the worker's:** the floating-point control words and the signal mask. A goroutine that changes one changes it for the others of its worker.
//! - **A panic hook must not park.** std runs it under a lock of its own and counts it as part of the panic; if it parks, a panic of another goroutine of that worker meets
//!   both, and std may end the process.
//! - **Unwinding is visible.** While a goroutine of the same worker is parked in a destructor during a panic, [`std::thread::panicking`] says true, and `std` locks that others release may
//!   be poisoned. The locks in [`sync`] know no poison.

// Under loom only the parts that the models use are there, and not all of each.
#![cfg_attr(loom, allow(dead_code, unreachable_pub))]

// The macros expand to `::gort::...`, also within this crate.
extern crate self as gort;

#[cfg(not(loom))]
pub mod context;
#[cfg(not(loom))]
pub mod runtime;
#[cfg(loom)]
#[path = "runtime/loom.rs"]
mod runtime;
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

#[cfg(not(loom))]
pub use crate::runtime::spawn::Builder;
#[cfg(not(loom))]
pub use crate::runtime::{JoinHandle, current, scope, sleep, spawn, spawn_local, yield_now};
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
