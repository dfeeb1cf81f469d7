//! Waiting for what the system has no event for: trying again, less and less often.

use crate::runtime::{self, clock};
use std::{
    io::{self, ErrorKind},
    time::{Duration, Instant},
};

const SHORTEST: Duration = Duration::from_micros(500);
const LONGEST: Duration = Duration::from_millis(16);

/// The pauses between the tries of one call.
#[derive(Debug)]
pub(crate) struct Pause {
    next: Duration,
    limit: Option<Instant>,
}

impl Pause {
    /// For a call that may take so long.
    pub(crate) fn new(timeout: Option<Duration>) -> Self {
        Self {
            next: SHORTEST,
            limit: timeout.and_then(|time| clock::now().checked_add(time)),
        }
    }

    /// Sleeps until the next try.
    ///
    /// # Errors
    /// `WouldBlock`: the time is up.
    pub(crate) fn sleep(&mut self) -> io::Result<()> {
        let mut time = self.next;
        if let Some(limit) = self.limit {
            let left = limit.saturating_duration_since(clock::now());
            if left.is_zero() {
                return Err(ErrorKind::WouldBlock.into());
            }
            time = time.min(left);
        }
        self.next = (self.next * 2).min(LONGEST);
        runtime::sleep(time);
        Ok(())
    }
}
