//! `Timer`: one message later, or one call.

use crate::{
    sync::channel::{
        Receiver, never,
        timer::{Repeat, TimerChan, from_now},
    },
    time::func::LaterFunc,
};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// Fires once, and again after each [`reset`](Self::reset): Go's `time.Timer`.
///
/// One made by [`new`](Self::new) sends a message to its [`receiver`](Self::receiver); one made by
/// [`after_func`] calls a function. Dropping the first kind forgets it, but for receivers that were
/// cloned off it. Dropping the second does not stop it: the function still runs, as in Go.
///
/// # Examples
/// ```
/// use gort::{select, sync::channel::unbounded, time::Timer};
/// use std::time::Duration;
///
/// let (tx, rx) = unbounded();
/// (0..3).for_each(|i| tx.send(i).unwrap());
/// let idle = Timer::new(Duration::from_millis(20));
/// let mut received = 0;
/// loop {
///     select! {
///         recv(rx) -> _ => {
///             received += 1;
///             idle.reset(Duration::from_millis(20));
///         }
///         recv(idle.receiver()) -> _ => break, // 20 ms without a message
///     }
/// }
/// assert_eq!(received, 3);
/// ```
#[doc(alias = "time.Timer")]
pub struct Timer {
    /// The channel that the clock fills.
    receiver: Receiver<Instant>,
    /// Of one that calls a function; its receiver is nil then.
    func: Option<LaterFunc>,
}

impl Timer {
    /// A timer whose message comes after `duration`. Does not park.
    ///
    /// # Examples
    /// ```
    /// use gort::time::Timer;
    /// use std::time::{Duration, Instant};
    ///
    /// let start = Instant::now();
    /// let timer = Timer::new(Duration::from_millis(5));
    /// let fired = timer.receiver().recv().unwrap();
    /// assert!(fired - start >= Duration::from_millis(5));
    /// ```
    #[doc(alias = "NewTimer")]
    pub fn new(duration: Duration) -> Self {
        let timer = TimerChan::new(from_now(duration), Repeat::Never);
        Self {
            receiver: Receiver::from_timer(timer),
            func: None,
        }
    }

    /// Where the messages come: Go's `t.C`. Each is the instant at which it was due. Does not park.
    ///
    /// It is as [`after`](crate::time::after())'s: of capacity 1, never disconnected. That of an
    /// [`after_func`] is [`never()`].
    ///
    /// # Examples
    /// ```
    /// let timer = gort::time::Timer::new(std::time::Duration::ZERO);
    /// assert!(timer.receiver().try_recv().is_ok());
    /// assert!(timer.receiver().try_recv().is_err());
    /// ```
    pub fn receiver(&self) -> &Receiver<Instant> {
        &self.receiver
    }

    /// Keeps it from firing; whether that was still to come. Does not park.
    ///
    /// A message that nobody has received yet is still to come: it is lost. A function whose
    /// goroutine has started is not called back, and not waited for.
    ///
    /// # Examples
    /// ```
    /// use gort::time::Timer;
    /// use std::time::Duration;
    ///
    /// let timer = Timer::new(Duration::ZERO);
    /// assert!(timer.stop());
    /// assert!(!timer.stop());
    /// assert!(timer.receiver().try_recv().is_err());
    /// ```
    #[doc(alias = "Stop")]
    pub fn stop(&self) -> bool {
        match &self.func {
            Some(func) => func.stop(),
            None => self.set(None),
        }
    }

    /// Lets it fire `duration` from now, and not before; whether it was still to fire, as
    /// [`stop`](Self::stop) has it. Does not park.
    ///
    /// Those who wait for its message wait on, for the new one.
    ///
    /// # Examples
    /// ```
    /// use gort::time::Timer;
    /// use std::time::Duration;
    ///
    /// let timer = Timer::new(Duration::from_secs(3600));
    /// assert!(timer.reset(Duration::from_millis(1)));
    /// assert!(timer.receiver().recv().is_ok());
    /// assert!(!timer.reset(Duration::ZERO));
    /// assert!(timer.receiver().recv().is_ok());
    /// ```
    #[doc(alias = "Reset")]
    #[track_caller]
    pub fn reset(&self, duration: Duration) -> bool {
        match &self.func {
            Some(func) => func.set(duration),
            None => self.set(Some(duration)),
        }
    }

    fn set(&self, delay: Option<Duration>) -> bool {
        let timer = self.receiver.timer();
        timer.is_some_and(|timer| timer.set(delay, Repeat::Never))
    }
}

/// Calls `f` after `duration`, in a goroutine of its own. Does not park.
///
/// The timer stops that, or lets it happen anew: after each [`reset`](Timer::reset) that is not
/// stopped `f` is called once more, each time in a new goroutine of the runtime that the reset was
/// made in, or of the default one. Calls do not overlap: one that comes while the last still runs
/// waits for its end. Dropping the timer does not stop it. A panic in `f` is one of that goroutine.
///
/// # Examples
/// ```
/// use gort::{sync::channel::bounded, time::after_func};
/// use std::time::Duration;
///
/// let (tx, rx) = bounded(1);
/// let timer = after_func(Duration::from_millis(2), move || tx.send("late").unwrap());
/// assert_eq!(rx.recv(), Ok("late"));
/// assert!(!timer.stop()); // it has run
/// timer.reset(Duration::from_millis(2));
/// assert_eq!(rx.recv(), Ok("late"));
/// ```
#[doc(alias = "AfterFunc")]
#[track_caller]
pub fn after_func(duration: Duration, f: impl FnMut() + Send + 'static) -> Timer {
    let func = LaterFunc::new(f);
    func.set(duration);
    Timer {
        receiver: never(),
        func: Some(func),
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Timer { .. }")
    }
}
