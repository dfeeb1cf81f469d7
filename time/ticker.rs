//! `Ticker`: a message at regular intervals.

use crate::sync::channel::{
    Receiver,
    timer::{Repeat, TimerChan, from_now},
};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// Sends a message at regular intervals: Go's `time.Ticker`.
///
/// Each message is the instant at which it was due. One is kept for a receiver that comes late;
/// others that were missed are left out, and the ticks stay in step with the first.
/// ([`tick`](crate::time::tick()) counts anew from the late receipt.)
///
/// Dropping it [stops](Self::stop) it: receivers that were cloned off it get no more messages.
///
/// # Examples
/// ```
/// use gort::time::Ticker;
/// use std::time::Duration;
///
/// let period = Duration::from_millis(2);
/// let ticker = Ticker::new(period);
/// let first = ticker.receiver().recv().unwrap();
/// let second = ticker.receiver().recv().unwrap();
/// assert!(second >= first + period);
/// ticker.stop();
/// assert!(ticker.receiver().recv_timeout(5 * period).is_err());
/// ```
#[doc(alias = "time.Ticker")]
pub struct Ticker {
    /// The channel that the clock fills.
    receiver: Receiver<Instant>,
}

impl Ticker {
    /// A ticker whose first message comes after `period`, as long as all others. Does not park.
    ///
    /// # Panics
    /// If `period` is zero.
    ///
    /// # Examples
    /// ```
    /// let ticker = gort::time::Ticker::new(std::time::Duration::from_millis(1));
    /// assert_eq!(ticker.receiver().iter().take(3).count(), 3);
    /// ```
    #[doc(alias = "NewTicker")]
    #[track_caller]
    pub fn new(period: Duration) -> Self {
        check(period, "Ticker::new");
        let timer = TimerChan::new(from_now(period), Repeat::InStep(period));
        Self {
            receiver: Receiver::from_timer(timer),
        }
    }

    /// Where the messages come: Go's `t.C`. Of capacity 1, never disconnected. Does not park.
    ///
    /// # Examples
    /// ```
    /// let ticker = gort::time::Ticker::new(std::time::Duration::from_secs(1));
    /// assert!(ticker.receiver().is_empty());
    /// ```
    pub fn receiver(&self) -> &Receiver<Instant> {
        &self.receiver
    }

    /// Lets no more messages come; one that nobody has received yet is lost. Does not park. Those
    /// who wait for one wait on: the receiver is not disconnected.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let ticker = gort::time::Ticker::new(Duration::from_millis(1));
    /// std::thread::sleep(Duration::from_millis(2));
    /// ticker.stop();
    /// assert!(ticker.receiver().try_recv().is_err());
    /// ```
    #[doc(alias = "Stop")]
    pub fn stop(&self) {
        self.set(None, Repeat::Never);
    }

    /// Lets the messages come with another `period`, the first that long from now; also after
    /// [`stop`](Self::stop). One that nobody has received yet is lost. Does not park.
    ///
    /// # Panics
    /// If `period` is zero.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let ticker = gort::time::Ticker::new(Duration::from_secs(3600));
    /// ticker.reset(Duration::from_millis(1));
    /// assert!(ticker.receiver().recv().is_ok());
    /// ```
    #[doc(alias = "Reset")]
    #[track_caller]
    pub fn reset(&self, period: Duration) {
        check(period, "Ticker::reset");
        self.set(Some(period), Repeat::InStep(period));
    }

    fn set(&self, delay: Option<Duration>, repeat: Repeat) {
        if let Some(timer) = self.receiver.timer() {
            timer.set(delay, repeat);
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop();
    }
}

#[track_caller]
fn check(period: Duration, what: &str) {
    assert!(
        !period.is_zero(),
        "time: non-positive interval for {what}: give one longer than zero"
    );
}

impl fmt::Debug for Ticker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Ticker { .. }")
    }
}
