//! What holds timers: the wheel, or their exact order for runtimes whose clock is fake. There a
//! timer fires at its very nanosecond, and speed does not matter.
#![forbid(unsafe_code)]

use crate::runtime::sched::timer::wheel::{Key, Wheel};
use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroU64,
    time::Instant,
};

/// Timers by deadline, and those of one deadline in the order of their insertion.
#[derive(Debug)]
pub(crate) struct Exact<T> {
    pending: BTreeMap<(Instant, NonZeroU64), T>,
    /// The deadline of each pending entry, by its number.
    deadlines: HashMap<NonZeroU64, Instant>,
    /// The number of the next entry.
    number: NonZeroU64,
}

impl<T> Exact<T> {
    fn new() -> Self {
        Self {
            pending: BTreeMap::new(),
            deadlines: HashMap::new(),
            number: NonZeroU64::MIN,
        }
    }

    fn insert(&mut self, deadline: Instant, value: T) -> Key {
        let number = self.number;
        self.number = number.saturating_add(1);
        self.pending.insert((deadline, number), value);
        self.deadlines.insert(number, deadline);
        Key::of_number(number)
    }

    fn remove(&mut self, key: Key) -> Option<T> {
        let number = key.number();
        let deadline = self.deadlines.remove(&number)?;
        self.pending.remove(&(deadline, number))
    }

    fn expire(&mut self, now: Instant, mut fire: impl FnMut(T)) {
        while let Some(first) = self.pending.first_entry() {
            let (deadline, number) = *first.key();
            if deadline > now {
                return;
            }
            let value = first.remove();
            self.deadlines.remove(&number);
            fire(value);
        }
    }
}

/// Holds the timers of one queue.
#[derive(Debug)]
pub(crate) enum TimerStore<T = crate::runtime::task::header::TaskRef> {
    /// For the real clock: fast, and late by up to a tick.
    Wheel(Wheel<T>),
    /// For a fake one.
    Exact(Exact<T>),
}

/// Each method does what the wheel's method of the same name does.
impl<T> TimerStore<T> {
    pub(crate) fn wheel(start: Instant) -> Self {
        Self::Wheel(Wheel::new(start))
    }

    pub(crate) fn exact() -> Self {
        Self::Exact(Exact::new())
    }

    #[inline]
    pub(crate) fn insert(&mut self, deadline: Instant, value: T) -> Key {
        match self {
            Self::Wheel(wheel) => wheel.insert(deadline, value),
            Self::Exact(exact) => exact.insert(deadline, value),
        }
    }

    #[inline]
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        match self {
            Self::Wheel(wheel) => wheel.remove(key),
            Self::Exact(exact) => exact.remove(key),
        }
    }

    pub(crate) fn expire(&mut self, now: Instant, fire: impl FnMut(T)) {
        match self {
            Self::Wheel(wheel) => wheel.expire(now, fire),
            Self::Exact(exact) => exact.expire(now, fire),
        }
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        match self {
            Self::Wheel(wheel) => wheel.next_wake(),
            Self::Exact(exact) => exact.pending.keys().next().map(|(deadline, _)| *deadline),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Wheel(wheel) => wheel.is_empty(),
            Self::Exact(exact) => exact.pending.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn they_fire_by_deadline_then_in_order_of_insertion() {
        let start = Instant::now();
        let at = |nanos| start + Duration::from_nanos(nanos);
        let mut store = TimerStore::exact();
        let keys: Vec<_> = [(5, 'a'), (3, 'b'), (5, 'c'), (4, 'd'), (9, 'e')]
            .into_iter()
            .map(|(nanos, name)| store.insert(at(nanos), name))
            .collect();
        assert_eq!(store.next_wake(), Some(at(3)));
        assert_eq!(store.remove(keys[3]), Some('d'));
        assert_eq!(store.remove(keys[3]), None);
        let mut fired = String::new();
        store.expire(at(2), |name| fired.push(name));
        assert_eq!(fired, "");
        store.expire(at(5), |name| fired.push(name));
        assert_eq!(fired, "bac");
        assert_eq!((store.next_wake(), store.is_empty()), (Some(at(9)), false));
        assert_eq!(store.remove(keys[0]), None, "it has fired");
        assert_eq!(store.remove(keys[4]), Some('e'));
        assert!(store.is_empty());
    }
}
