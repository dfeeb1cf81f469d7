//! What a signal did before it was received, and does again when nobody receives it any more.

use crate::runtime::entry::sigquit;
use signal_hook::low_level::emulate_default_handler;
use std::{io, mem, ptr};

/// What a signal did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// What the system does with it: mostly it ends the program.
    Default,
    /// Nothing, or a handler was called; `signal-hook` still calls that one itself.
    Kept,
    /// The goroutines were shown, and the program ended.
    Dump,
}

impl Before {
    /// Looks what it does now.
    ///
    /// # Errors
    /// There is no such signal, or it is the C library's own.
    pub(crate) fn of(signal: i32) -> io::Result<Self> {
        let action = action(signal)?.sa_sigaction;
        Ok(match action {
            libc::SIG_DFL => Self::Default,
            _ if sigquit::is_ours(action) => Self::Dump,
            _ => Self::Kept,
        })
    }

    /// Does it.
    pub(crate) fn act(self, signal: i32) {
        match self {
            Self::Default => act_by_default(signal),
            Self::Kept => {}
            Self::Dump => sigquit::quit(),
        }
    }
}

/// Does what the system does with a signal for which there is no handler.
fn act_by_default(signal: i32) {
    if emulate_default_handler(signal).is_err() {
        // `signal-hook` does not know this one. It ends the process, as all that are not in its
        // table do.
        // SAFETY: no preconditions; the default is an action of every signal.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
    }
}

/// Has the handler of a signal run on the alternate stack, if its thread has one: a goroutine's own
/// may have no room left.
///
/// # Errors
/// There is no such signal.
pub(crate) fn run_on_alternate_stack(signal: i32) -> io::Result<()> {
    let mut action = action(signal)?;
    action.sa_flags |= libc::SA_ONSTACK;
    // SAFETY: the action that is there, and it may run on any stack that is large enough.
    match unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn action(signal: i32) -> io::Result<libc::sigaction> {
    // SAFETY: zeroes are a valid action.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    // SAFETY: no new action; the old one is written to memory of its type.
    match unsafe { libc::sigaction(signal, ptr::null(), &raw mut action) } {
        0 => Ok(action),
        _ => Err(io::Error::last_os_error()),
    }
}
