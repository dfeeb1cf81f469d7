//! When overflows cannot be reported: that is said beforehand, since nobody can say it afterwards.

use crate::runtime::{
    contain::contain,
    os::stderr,
    prims::{Ordering, statics::AtomicBool},
};
use std::io;

/// Says, once in the process, that an overflow may end it without words, and why: a `tracing` event
/// if somebody listens, else a line on the error stream.
#[cold]
pub(crate) fn tell_unwatched(lacks: &str, error: &io::Error) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if TOLD.swap(true, Ordering::Relaxed) {
        return;
    }
    contain(|| {
        if tracing::enabled!(target: "gort", tracing::Level::WARN) {
            tracing::warn!(target: "gort", %error, "overflows may not be reported: {lacks}");
        } else {
            stderr::say(&format!(
                "gort: {lacks}: {error}. If a goroutine's stack overflows, the process may end \
                 without a message\n"
            ));
        }
    });
}
