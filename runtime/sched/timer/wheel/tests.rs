//! Tests of the timing wheel, first of all against a model that is too simple to be wrong.
#![forbid(unsafe_code)]

use crate::runtime::sched::timer::wheel::{KEPT_ENTRIES, Key, Wheel};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// A tick in nanoseconds.
const TICK: u64 = 1 << 16;

/// `nanos` after `start`.
fn at(start: Instant, nanos: u64) -> Instant {
    start + Duration::from_nanos(nanos)
}

/// What `expire` fires.
fn expired<T>(wheel: &mut Wheel<T>, now: Instant) -> Vec<T> {
    let mut fired = Vec::new();
    wheel.expire(now, |value| fired.push(value));
    fired
}

/// xorshift64*: the tests' own source of chance.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `2^bits`, every magnitude equally likely.
    fn of_any_size(&mut self, bits: u64) -> u64 {
        let shift = 63 - self.next() % bits;
        self.next() >> shift
    }
}

/// The wheel beside a sorted map of the same entries.
struct Compared {
    start: Instant,
    wheel: Wheel<u64>,
    /// (tick, number) to the exact deadline: what is pending, in the order in which it must fire.
    model: BTreeMap<(u64, u64), u64>,
    /// Exact deadlines of what is pending.
    deadlines: BTreeMap<(u64, u64), ()>,
    /// Keys, live and stale, with what they name in the model.
    keys: Vec<(Key, (u64, u64))>,
    /// The time of the last `expire`.
    now: u64,
    inserted: u64,
}

impl Compared {
    fn new() -> Self {
        let start = Instant::now();
        Self {
            start,
            wheel: Wheel::new(start),
            model: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            keys: Vec::new(),
            now: 0,
            inserted: 0,
        }
    }

    fn insert(&mut self, deadline: u64) {
        let name = (deadline.div_ceil(TICK).max(self.now / TICK), self.inserted);
        self.inserted += 1;
        let key = self.wheel.insert(at(self.start, deadline), name.1);
        self.model.insert(name, deadline);
        self.deadlines.insert((deadline, name.1), ());
        self.keys.push((key, name));
    }

    fn remove(&mut self, chance: u64) {
        if self.keys.is_empty() {
            return;
        }
        let (key, name) = self
            .keys
            .swap_remove((chance % self.keys.len() as u64) as usize);
        let expected = self.model.remove(&name).map(|deadline| {
            self.deadlines.remove(&(deadline, name.1));
            name.1
        });
        assert_eq!(self.wheel.remove(key), expected);
        assert_eq!(self.wheel.remove(key), None);
    }

    fn expire(&mut self, now: u64) {
        self.now = self.now.max(now);
        let (start, model, deadlines) = (self.start, &mut self.model, &mut self.deadlines);
        self.wheel.expire(at(start, now), |number| {
            let (name, deadline) = model.pop_first().expect("fired, but not pending");
            assert_eq!(name.1, number, "out of order");
            assert!(deadline <= now, "{} ns early", deadline - now);
            deadlines.remove(&(deadline, number));
        });
        if let Some((&(deadline, _), ())) = self.deadlines.first_key_value() {
            assert!(deadline + TICK > now, "late by more than a tick");
            let wake = self.wheel.next_wake().expect("entries are pending");
            assert!(wake > at(start, now), "would wake at once, for nothing");
        }
    }

    fn check(&self) {
        assert_eq!(self.wheel.len(), self.model.len());
        assert_eq!(self.wheel.is_empty(), self.model.is_empty());
        match self.deadlines.first_key_value() {
            None => assert_eq!(self.wheel.next_wake(), None),
            Some((&(first, _), ())) => {
                let latest = (first + TICK).max(self.now);
                assert!(
                    self.wheel.next_wake().expect("entries are pending") <= at(self.start, latest)
                );
            }
        }
    }
}

#[test]
fn a_million_random_operations_agree_with_the_model() {
    let mut chance = Chance(0x5eed_0f71_3e55);
    let mut compared = Compared::new();
    for step in 0..1_000_000_u64 {
        // Times from a nanosecond to 13 days, of every magnitude; every 50,000 steps the wheel is
        // drained.
        match chance.next() % 16 {
            0..=8 => {
                let ahead = chance.of_any_size(50);
                compared.insert(compared.now + ahead);
            }
            9 => {
                let behind = chance.of_any_size(40);
                compared.insert(compared.now.saturating_sub(behind));
            }
            10..=13 => compared.remove(chance.next()),
            14 => {
                let ahead = chance.of_any_size(34);
                compared.expire(compared.now + ahead);
            }
            _ => compared.expire(compared.now),
        }
        if step % 50_000 == 49_999 {
            compared.expire(compared.now + (1 << 50));
            compared.check();
            assert!(compared.wheel.is_empty());
            compared.keys.truncate(100);
        }
        compared.check();
    }
}

#[test]
fn following_next_wake_fires_each_deadline_within_a_tick() {
    let mut chance = Chance(99);
    let start = Instant::now();
    let mut wheel = Wheel::new(start);
    for _ in 0..20_000 {
        let deadline = chance.of_any_size(44);
        wheel.insert(at(start, deadline), deadline);
    }
    let (mut wakes, mut fired) = (0, 0);
    while let Some(wake) = wheel.next_wake() {
        wakes += 1;
        wheel.expire(wake, |deadline| {
            let late = wake
                .checked_duration_since(at(start, deadline))
                .expect("not early");
            assert!(late < Duration::from_nanos(TICK), "late by {late:?}");
            fired += 1;
        });
    }
    assert_eq!(fired, 20_000);
    assert!(wakes < 21_000, "{wakes} wake-ups for 20,000 timers");
}

#[test]
fn never_early_and_at_most_a_tick_late() {
    let start = Instant::now();
    for deadline in [
        1,
        TICK - 1,
        TICK,
        TICK + 1,
        64 * TICK,
        64 * TICK + 1,
        4096 * TICK,
        1 << 50,
    ] {
        let mut wheel = Wheel::new(start);
        wheel.insert(at(start, deadline), ());
        assert_eq!(expired(&mut wheel, at(start, deadline - 1)), []);
        let tick_end = deadline.next_multiple_of(TICK);
        if tick_end > deadline {
            assert_eq!(
                expired(&mut wheel, at(start, deadline)),
                [],
                "whole ticks only"
            );
        }
        assert_eq!(
            wheel.next_wake(),
            Some(at(start, tick_end)),
            "a lone timer's wake is exact"
        );
        assert_eq!(expired(&mut wheel, at(start, tick_end)), [()]);
        assert_eq!(wheel.next_wake(), None);
    }
}

#[test]
fn deadlines_in_the_past_fire_at_the_next_expire_in_order_of_insertion() {
    let start = Instant::now() + Duration::from_secs(10);
    let now = at(start, 5_000_000_000);
    let mut wheel = Wheel::new(start);
    wheel.insert(start - Duration::from_secs(5), 1);
    assert_eq!(expired(&mut wheel, now), [1]);
    wheel.insert(at(start, 77), 2);
    wheel.insert(start, 3);
    wheel.insert(now + Duration::from_nanos(TICK), 5);
    wheel.insert(start - Duration::from_secs(9), 4);
    assert!(wheel.next_wake().is_some_and(|wake| wake <= now));
    assert_eq!(expired(&mut wheel, now), [2, 3, 4]);
    // A clock that runs backwards changes nothing.
    assert!(expired(&mut wheel, start).is_empty());
    assert_eq!(
        expired(&mut wheel, now + Duration::from_nanos(2 * TICK)),
        [5]
    );
}

#[test]
fn ties_fire_in_order_of_insertion_even_across_cascades() {
    let start = Instant::now();
    let mut wheel = Wheel::new(start);
    let deadline = at(start, 300_000 * TICK);
    for number in 0..40 {
        wheel.insert(deadline, number);
        wheel.expire(at(start, number * 7_499 * TICK), |_| panic!("early"));
    }
    assert_eq!(expired(&mut wheel, deadline), (0..40).collect::<Vec<_>>());
}

#[test]
fn far_deadlines_neither_overflow_nor_fire() {
    let start = Instant::now();
    let mut wheel = Wheel::new(start);
    let year = Duration::from_secs(31_557_600);
    let mut keys = Vec::new();
    for years in [1, 10, 100, 584, 585, 1_000, 100_000, 1_000_000_000] {
        if let Some(deadline) = start.checked_add(year * years) {
            keys.push((wheel.insert(deadline, years), years));
        }
    }
    assert_eq!(expired(&mut wheel, start + year * 50), [1, 10]);
    assert!(
        wheel
            .next_wake()
            .is_some_and(|w| w > start + year * 50 && w < start + year * 101)
    );
    for (key, years) in keys {
        assert_eq!(wheel.remove(key), (years > 50).then_some(years));
    }
    assert!(wheel.is_empty());
}

#[test]
fn stale_keys_name_nothing_though_cells_are_reused() {
    let start = Instant::now();
    let mut wheel = Wheel::new(start);
    let removed = wheel.insert(at(start, 5), "removed");
    assert_eq!(wheel.remove(removed), Some("removed"));
    let fired = wheel.insert(at(start, 6), "fired");
    assert_eq!(fired.index, removed.index);
    assert_eq!(wheel.remove(removed), None);
    assert_eq!(expired(&mut wheel, at(start, TICK)), ["fired"]);
    let live = wheel.insert(at(start, 7), "live");
    assert_eq!(live.index, fired.index);
    assert_eq!((wheel.remove(fired), wheel.remove(removed)), (None, None));
    assert_eq!(wheel.remove(live), Some("live"));
}

#[test]
fn a_million_timers_fire_in_order_and_leave_little_memory() {
    let start = Instant::now();
    let mut wheel = Wheel::new(start);
    let mut chance = Chance(4711);
    let mut first = None;
    for _ in 0..1_000_000 {
        let deadline = chance.next() % 1_000_000_000;
        let key = wheel.insert(at(start, deadline), deadline);
        first.get_or_insert(key);
    }
    assert!(wheel.entries.capacity() >= 1_000_000);
    let (mut last, mut fired) = (0, 0);
    for millisecond in 0..=1_001 {
        wheel.expire(at(start, millisecond * 1_000_000), |deadline| {
            assert!(deadline.div_ceil(TICK) >= last);
            last = deadline.div_ceil(TICK);
            fired += 1;
        });
    }
    assert_eq!((fired, wheel.len()), (1_000_000, 0));
    assert!(wheel.entries.capacity() <= KEPT_ENTRIES);
    // After the memory is gone, old keys are still stale, also once their cells are back.
    let first = first.expect("inserted");
    assert_eq!(wheel.remove(first), None);
    for number in 0..10 {
        wheel.insert(at(start, 1 << 40), number);
    }
    assert_eq!((wheel.remove(first), wheel.len()), (None, 10));
}

#[test]
fn a_warm_wheel_does_not_grow() {
    let start = Instant::now();
    let mut wheel = Wheel::new(start);
    for round in 0..1_000_u64 {
        let keys: Vec<Key> = (0..100)
            .map(|i| wheel.insert(at(start, round * TICK * 100 + i * TICK), i))
            .collect();
        for key in &keys[..50] {
            assert!(wheel.remove(*key).is_some());
        }
        assert_eq!(
            expired(&mut wheel, at(start, (round + 1) * TICK * 100)).len(),
            50
        );
    }
    assert_eq!(wheel.entries.len(), 100);
}

#[test]
fn a_panic_while_firing_costs_no_other_entry() {
    let start = Instant::now();
    let mut wheel = Wheel::new(start);
    for number in 0..5 {
        wheel.insert(at(start, 10), number);
    }
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        wheel.expire(at(start, TICK), |number| {
            assert_ne!(number, 2, "expected by the test")
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(wheel.len(), 2);
    assert_eq!(expired(&mut wheel, at(start, TICK)), [3, 4]);
}
