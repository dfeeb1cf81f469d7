//! How long a worker, and a goroutine on it, go on before they look at what else there is.
//!
//! Two bounds. A worker looks at timers, at the injector and at its later queues after so many
//! *turns* (a turn is a goroutine started or resumed), and after about as much *time*: where turns
//! are long it looks more often, down to every turn. Reading the clock each turn would cost more
//! than a short turn itself; so the number of turns between two looks follows from how long the
//! last ones took.
//!
//! And a goroutine that goes on with operations which find no reason to park (a channel that is
//! never empty) yields after 1 ms; one that computes, and asks now and then, after 10 ms.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// The most turns between two looks. A prime, as in Go's check of its `schedtick`, so that it does
/// not beat with loops in programs.
const MAX_TURNS: u32 = 61;
/// The time that should lie between two looks, if turns take long: short against a timer's
/// lateness that people notice, long against reading the clock (25 ns).
const LOOK_EVERY: Duration = Duration::from_micros(500);
/// Time between two moments at which the fresh goroutines that wait go before newer ones (as Go's
/// time slice).
const SWEEP_EVERY: Duration = Duration::from_millis(10);
/// How long a goroutine may go on with operations that find no reason to park, while others
/// wait: well above the price of a switch (guess).
const MAX_UNPARKED: Duration = Duration::from_millis(1);
/// How long a goroutine that asks may compute before it yields, as Go's time slice.
const SLICE: Duration = Duration::from_millis(10);
/// How many operations of a goroutine go by between two looks at the clock.
const ASK_EVERY: u32 = 16;

/// What comes first after a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// The usual order holds.
    Usual,
    /// A goroutine that a thread from outside has spawned.
    Injected,
    /// A home in which threads from outside have woken somebody.
    WokenOutside,
    /// The fresh goroutine that has waited longest.
    Fresh,
    /// A home in which somebody was woken, or one in which all that can run have yielded.
    OtherHome { yielded: bool },
}

/// A worker's budget. Used by its thread only.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Turns until the next look.
    left: Cell<u32>,
    /// Turns between the last look and the next.
    interval: Cell<u32>,
    looked: Cell<Instant>,
    swept: Cell<Instant>,
    /// Counts the looks, so that each queue comes first in its turn.
    picks: Cell<u32>,
    /// Operations that asked [`is_used_up`](Self::is_used_up).
    asked: Cell<u32>,
    /// The turn in which one asked, and when that was.
    turn: Cell<(u64, Option<Instant>)>,
    /// The turn whose time slice is counted, and when that began.
    slice: Cell<Option<(u64, Instant)>>,
}

impl Budget {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            left: Cell::new(1),
            interval: Cell::new(1),
            looked: Cell::new(now),
            swept: Cell::new(now),
            picks: Cell::new(0),
            asked: Cell::new(0),
            turn: Cell::new((0, None)),
            slice: Cell::new(None),
        }
    }

    /// Counts a turn. True: the worker is to look, and to call [`look`](Self::look).
    #[inline]
    pub(crate) fn count_turn(&self) -> bool {
        let left = self.left.get().saturating_sub(1);
        self.left.set(left);
        left == 0
    }

    /// Whether the next turn is one before which the worker looks.
    #[inline]
    pub(crate) fn is_look_next(&self) -> bool {
        self.left.get() <= 1
    }

    /// Begins a new interval, as long as the last turns suggest.
    pub(crate) fn look(&self, now: Instant) {
        let taken = now.saturating_duration_since(self.looked.get());
        let interval = self.interval.get();
        let next = if taken >= LOOK_EVERY {
            let each = (taken.as_nanos() / u128::from(interval)).max(1);
            let fitting = LOOK_EVERY.as_nanos() / each;
            u32::try_from(fitting)
                .unwrap_or(MAX_TURNS)
                .clamp(1, MAX_TURNS)
        } else {
            (interval * 2).min(MAX_TURNS)
        };
        self.interval.set(next);
        self.left.set(next);
        self.looked.set(now);
    }

    /// What comes first at this look. Each of the later queues does in its turn, another home every
    /// other time: goroutines that wake each other may keep a worker in theirs for ever. Where each
    /// turn has its look, every other one is left to the usual order.
    pub(crate) fn pick(&self) -> First {
        let picks = self.picks.get().wrapping_add(1);
        self.picks.set(picks);
        let other_home = First::OtherHome {
            yielded: picks % 32 >= 24,
        };
        let looks_each_turn = self.interval.get() == 1;
        match picks % 8 {
            1 => First::Injected,
            5 => First::WokenOutside,
            3 => First::Fresh,
            7 if looks_each_turn => other_home,
            7 => First::Fresh,
            _ if looks_each_turn => First::Usual,
            _ => other_home,
        }
    }

    /// The monitor has seen that turns are long: looks come with each turn, until they are short
    /// again.
    pub(crate) fn hurry(&self) {
        self.interval.set(1);
        self.left.set(1);
    }

    /// A rest has begun or ended: what comes after it does not count as long turns.
    pub(crate) fn restart(&self) {
        self.looked.set(Instant::now());
    }

    /// Whether it is time for the fresh goroutines that wait to go before newer ones.
    pub(crate) fn is_sweep_due(&self, now: Instant) -> bool {
        let is_due = now.saturating_duration_since(self.swept.get()) >= SWEEP_EVERY;
        if is_due {
            self.swept.set(now);
        }
        is_due
    }

    /// Whether the goroutine that runs in this turn has done so for a time slice, counted from when
    /// it first asked. Reads the clock each time.
    pub(crate) fn is_slice_over(&self, turn: u64) -> bool {
        let now = Instant::now();
        match self.slice.get() {
            Some((seen, since)) if seen == turn => now.saturating_duration_since(since) >= SLICE,
            _ => {
                self.slice.set(Some((turn, now)));
                false
            }
        }
    }

    /// Whether the goroutine that runs in this turn has gone on for 1 ms and more with operations
    /// that might have parked, but did not. Each of these asks here; the clock is read every 16th
    /// time at most.
    #[inline]
    pub(crate) fn is_used_up(&self, turn: u64) -> bool {
        let asked = self.asked.get().wrapping_add(1);
        self.asked.set(asked);
        asked.is_multiple_of(ASK_EVERY) && self.is_used_up_slow(turn)
    }

    #[cold]
    fn is_used_up_slow(&self, turn: u64) -> bool {
        let (seen, since) = self.turn.get();
        match since {
            // Where turns change all the time the clock is never read.
            _ if seen != turn => self.turn.set((turn, None)),
            None => self.turn.set((turn, Some(Instant::now()))),
            Some(since) => return since.elapsed() >= MAX_UNPARKED,
        }
        false
    }
}
