//! Who receives which signals. The handler of `signal-hook` leaves word to one thread, which hands
//! each signal to all who wait for it.
//!
//! The lock is held for as long as a signal is subscribed to, and to look at what is here; never
//! while a channel is filled.

use crate::{
    context::{self, CancelFunc, Context},
    runtime::entry::sigquit,
    runtime::sched::inspect::quiescence::OutsideSource,
    signal::{
        before::{self, Before},
        listener::SignalListener,
        receivable,
    },
    sync::channel::{Receiver, bounded},
};
use signal_hook::iterator::{Handle, Signals};
use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

static HUB: Mutex<Option<Hub>> = Mutex::new(None);

/// All subscriptions that the thread has not seen yet.
#[derive(Debug)]
struct Hub {
    handle: Handle,
    /// The signals that have been subscribed to, and what they did before.
    signals: Vec<(i32, Before)>,
    arrivals: Vec<SignalListener>,
    /// From now on a goroutine may always be woken by a signal.
    _source: OutsideSource,
}

fn lock() -> MutexGuard<'static, Option<Hub>> {
    HUB.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    fn start() -> io::Result<Self> {
        let source = OutsideSource::new();
        let none: [i32; 0] = [];
        let signals = Signals::new(none)?;
        let handle = signals.handle();
        thread::Builder::new()
            .name(String::from("gort-signal"))
            .spawn(move || hand_out(signals))?;
        Ok(Self {
            handle,
            signals: Vec::new(),
            arrivals: Vec::new(),
            _source: source,
        })
    }

    /// Has the handler called for this signal from now on.
    fn watch(&mut self, signal: i32) -> io::Result<()> {
        if self.signals.iter().any(|(known, _)| *known == signal) {
            return Ok(());
        }
        let refused = |error| receivable::refused_by_system(signal, &error);
        let before = Before::of(signal).map_err(refused)?;
        self.handle.add_signal(signal).map_err(refused)?;
        // First, so that it is known what to do with one that comes now.
        self.signals.push((signal, before));
        before::run_on_alternate_stack(signal).map_err(refused)?;
        if before == Before::Dump {
            sigquit::hand_over();
        }
        Ok(())
    }

    fn before(&self, signal: i32) -> Before {
        let known = self.signals.iter().find(|(known, _)| *known == signal);
        known.map_or(Before::Kept, |(_, before)| *before)
    }
}

/// Adds one who receives signals, from now on.
fn subscribe(listener: SignalListener) -> io::Result<()> {
    receivable::check(listener.signals())?;
    let mut hub = lock();
    let hub = match &mut *hub {
        Some(hub) => hub,
        none => none.insert(Hub::start()?),
    };
    for &signal in listener.signals() {
        hub.watch(signal)?;
    }
    hub.arrivals.retain(|other| !other.is_gone());
    hub.arrivals.push(listener);
    Ok(())
}

/// The life of the thread.
fn hand_out(mut signals: Signals) {
    let mut listeners: Vec<SignalListener> = Vec::new();
    for signal in signals.forever() {
        let before = {
            let mut hub = lock();
            let Some(hub) = &mut *hub else {
                // It is being made, and nothing is subscribed to.
                continue;
            };
            listeners.append(&mut hub.arrivals);
            hub.before(signal)
        };
        listeners.retain(|listener| !listener.is_gone());
        let mut is_taken = false;
        for listener in &mut listeners {
            is_taken |= listener.offer(signal);
        }
        if !is_taken {
            before.act(signal);
        }
    }
}

/// A receiver of these signals, by number: Go's `signal.Notify`. Does not park; receiving does.
///
/// It gets each of them that comes from now on, but for a repeat of one that it has not received
/// yet. Dropping it gives the signals back; see the [module's docs](crate::signal).
///
/// # Errors
/// [`InvalidInput`](io::ErrorKind::InvalidInput), with the reason, if no signal is named, or one
/// that does not exist or cannot be received: `SIGKILL`, `SIGSTOP`; `SIGSEGV`, `SIGBUS`, `SIGILL`
/// and `SIGFPE`. Else what the system says, if the thread or the handler could not be had.
///
/// # Examples
/// ```standalone_crate
/// use gort::signal::{self, SIGHUP, SIGUSR1};
///
/// let signals = signal::notify(&[SIGHUP, SIGUSR1])?;
/// # unsafe extern "C" { safe fn raise(signal: i32) -> i32; }
/// raise(SIGUSR1); // as `kill -USR1` from a shell
/// assert_eq!(signals.recv(), Ok(SIGUSR1));
///
/// let refused = signal::notify(&[9]).unwrap_err();
/// assert!(refused.to_string().contains("SIGKILL cannot be received"));
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "Notify")]
pub fn notify(signals: &[i32]) -> io::Result<Receiver<i32>> {
    let mut kinds = signals.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    let (tx, rx) = bounded(kinds.len().max(1));
    subscribe(SignalListener::numbers(&kinds, tx))?;
    Ok(rx)
}

/// A receiver of Ctrl-C: a message for each `SIGINT`, but for repeats before it is received. Does
/// not park; receiving does.
///
/// Dropping it gives Ctrl-C back, so that one more ends the program: `signal::ctrl_c()?.recv()`
/// waits for one Ctrl-C and leaves the next one alone.
///
/// # Errors
/// What the system says, if the thread or the handler could not be had.
///
/// # Examples
/// ```standalone_crate
/// let ctrl_c = gort::signal::ctrl_c()?;
/// # unsafe extern "C" { safe fn raise(signal: i32) -> i32; }
/// raise(gort::signal::SIGINT); // as Ctrl-C in the terminal
/// assert_eq!(ctrl_c.recv(), Ok(()));
/// # std::io::Result::Ok(())
/// ```
pub fn ctrl_c() -> io::Result<Receiver<()>> {
    let (tx, rx) = bounded(1);
    subscribe(SignalListener::units(&[libc::SIGINT], tx))?;
    Ok(rx)
}

/// A context that is cancelled by the first of these signals, by `parent`, or by the function:
/// Go's `signal.NotifyContext`. Does not park.
///
/// When it has been cancelled, by whomever, the signals are given back: one more does what it did
/// before. As with Ctrl-C, which asks first, and ends the program when it is pressed again.
///
/// # Errors
/// As those of [`notify`].
///
/// # Examples
/// ```standalone_crate
/// use gort::{context, signal};
///
/// let signals = [signal::SIGINT, signal::SIGTERM];
/// let (ctx, _cancel) = signal::notify_context(&context::background(), &signals)?;
/// # unsafe extern "C" { safe fn raise(signal: i32) -> i32; }
/// raise(signal::SIGTERM); // as `kill` from a shell
/// let _ = ctx.done().recv();
/// assert_eq!(ctx.err(), Some(context::Error::Canceled));
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "NotifyContext")]
pub fn notify_context(parent: &Context, signals: &[i32]) -> io::Result<(Context, CancelFunc)> {
    let (by_signal, cancel_by_signal) = context::with_cancel(parent);
    let (ctx, cancel) = context::with_cancel(&by_signal);
    subscribe(SignalListener::context(
        signals,
        ctx.clone(),
        cancel_by_signal,
    ))?;
    Ok((ctx, cancel))
}
