//! Which signals can be received, and the words for those that cannot.

use signal_hook::low_level::signal_name;
use std::io;

/// How many signals a system may have: what `signal-hook` has room for.
const MAX_SIGNALS: i32 = 128;

/// Whether all of these can be received.
///
/// # Errors
/// `InvalidInput`, with the reason.
pub(crate) fn check(signals: &[i32]) -> io::Result<()> {
    if signals.is_empty() {
        return refuse("no signal was named");
    }
    signals.iter().try_for_each(|&signal| check_one(signal))
}

fn check_one(signal: i32) -> io::Result<()> {
    let name = name(signal);
    match signal {
        libc::SIGKILL | libc::SIGSTOP => refuse(&format!(
            "{name} cannot be received: the system lets no program handle it"
        )),
        libc::SIGSEGV | libc::SIGBUS | libc::SIGILL | libc::SIGFPE => refuse(&format!(
            "{name} cannot be received: it says that an instruction has failed, which would be run \
             again once the signal had been handled"
        )),
        1..MAX_SIGNALS => Ok(()),
        _ => refuse(&format!("there is no signal {signal}")),
    }
}

fn refuse(why: &str) -> io::Result<()> {
    let why = format!("signal: {why}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}

/// What the system said to a signal that it does not let programs have.
pub(crate) fn refused_by_system(signal: i32, error: &io::Error) -> io::Error {
    let why = format!("signal: {} cannot be received: {error}", name(signal));
    io::Error::new(error.kind(), why)
}

fn name(signal: i32) -> String {
    let number = || format!("signal {signal}");
    signal_name(signal).map_or_else(number, str::to_owned)
}
