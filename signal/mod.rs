//! Signals of the system as messages in channels: Go's `os/signal`.
//!
//! [`notify`] gives a receiver of the signals that are named; [`ctrl_c`] one of interrupts from the
//! keyboard; [`notify_context`] a context that a signal cancels. Waiting for one is receiving from
//! a channel: it parks the goroutine, or a plain thread, and stands in a
//! [`select!`](crate::sync::channel::select) beside other arms.
//!
//! ```no_run
//! use gort::{select, signal, time};
//! use std::time::Duration;
//!
//! let stop = signal::ctrl_c()?;
//! let tick = time::tick(Duration::from_secs(1));
//! loop {
//!     select! {
//!         recv(tick) -> _ => println!("working"),
//!         recv(stop) -> _ => break, // Ctrl-C: time to put things in order
//!     }
//! }
//! println!("bye");
//! # std::io::Result::Ok(())
//! ```
//!
//! # What is received
//!
//! - **Every receiver** that was asked for gets each of its signals. Clones of one receiver share
//!   its signals, as channels do.
//! - **A slow receiver loses repeats only.** A signal that comes while the same one waits in the
//!   channel is dropped, as the kernel does with signals that are blocked; so the channel never
//!   fills up, and nobody waits for who does not receive. Each that comes after the last one was
//!   received is received. Signals that come at nearly the same time come in no order.
//! - **Dropping the receiver** and its clones, or closing the channel, ends it: Go's `Stop`. When
//!   nobody is left who receives a signal, it does again what it did before the first [`notify`]
//!   for it: mostly it ends the program. A handler that was there before is called all the time, by
//!   the side; one that was set to be ignored is ignored again. That also holds for a signal that
//!   has come, but that the thread below has not handed out: keep the receiver if repeats are to be
//!   swallowed.
//! - **SIGQUIT** shows all goroutines and ends the program under
//!   [`#[gort::main]`](macro@crate::main), but not while somebody receives it.
//!
//! # What it stands on
//!
//! The handler is that of the `signal-hook` crate, which programs may use beside; it leaves word to
//! a thread, started by the first call, that fills the channels. Handlers run on the workers'
//! alternate stacks, not on those of goroutines. Calls that a signal interrupts are restarted by
//! the system. If another part of the program receives a signal through `signal-hook`, and did so
//! before gort, the signal stays with it when gort's receivers are dropped; but one that came later
//! goes unnoticed, and the signal ends the program.
//!
//! From the first call on, no [deadlock](crate::runtime::DeadlockPolicy) is reported any more, as
//! in Go: a signal may always come and wake somebody. A child of `fork` has the handlers, but
//! nobody who fills its channels.
//!
//! The module is there with the feature `signal`, which is on by default.

mod before;
mod hub;
mod listener;
mod receivable;

pub use crate::signal::hub::{ctrl_c, notify, notify_context};
#[doc(no_inline)]
pub use libc::{
    SIGABRT, SIGALRM, SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGIO, SIGPIPE, SIGPROF, SIGQUIT, SIGSYS,
    SIGTERM, SIGTRAP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGUSR1, SIGUSR2, SIGVTALRM, SIGWINCH,
    SIGXCPU, SIGXFSZ,
};
