//! A worker's timers: a hierarchical timing wheel (Varghese and Lauck, 1987) as a pure structure.
//!
//! The worker that owns the wheel inserts deadlines, removes those that were not needed, calls
//! [`Wheel::expire`] now and then, and sleeps no longer than until [`Wheel::next_wake`]. The wheel
//! knows neither clocks nor goroutines.
//!
//! # How it works
//!
//! Time is cut into ticks of 2^16 ns (65.5 us). A deadline counts as the first tick that starts at
//! or after it, so nothing fires early, and nothing later than one tick if `expire` is called in
//! time. A tick number has 48 bits, which are eight digits to the base 64; level `L` has one slot
//! for each value of digit `L`:
//!
//! ```text
//! level 0    64 slots of 1 tick        level 4   18 minutes a slot
//! level 1    4.2 ms a slot             level 5   20 hours
//! level 2    268 ms                    level 6   52 days
//! level 3    17 s                      level 7   9 years: 584 in all
//! ```
//!
//! Invariant: an entry is on the level of the highest digit in which its tick differs from
//! `elapsed`, the last tick that has been expired (level 0 if none does), in the slot of its own
//! digit there. So
//! * slots of lower levels are earlier than all of higher levels, and within a level a lower number
//!   is earlier: two `trailing_zeros` find the earliest slot;
//! * the slot follows from the tick, and need not be stored;
//! * entries of one tick are always in one list, in order of insertion: that is what makes ties
//!   first in, first out.
//!
//! When `elapsed` reaches the start of a slot above level 0, its entries move down (*cascade*), at
//! most seven times each. The entries live in one vector with a free list; lists are links by
//! index. A wheel in use does not allocate, and gives its memory back when it becomes empty after
//! having been large.
#![forbid(unsafe_code)]

use std::{
    num::NonZeroU64,
    time::{Duration, Instant},
};

/// One tick is `2^TICK_SHIFT` ns: fine enough that a timer's lateness is about a sleeping worker's
/// wake-up time, and coarse enough that eight levels span every `u64` of nanoseconds.
const TICK_SHIFT: u32 = 16;
/// Digits of a tick number, base 64.
const LEVELS: usize = 8;
/// Bits of a digit.
const DIGIT_BITS: u32 = 6;
/// Slots of a level.
const SLOTS: usize = 1 << DIGIT_BITS;
/// The last tick; deadlines beyond it (584 years after the wheel's start) count as this one.
const LAST_TICK: u64 = u64::MAX >> TICK_SHIFT;
/// No entry.
const NIL: u32 = u32::MAX;
/// Entries whose memory an empty wheel keeps: half a MiB of 32-byte entries. A guess: far above
/// what a steady load leaves behind.
const KEPT_ENTRIES: usize = 1 << 14;
/// How many entries of the earliest slot `next_wake` looks at to name the exact tick instead of the
/// slot's start. A guess: it spares an idle worker the wake-ups for cascades where that is cheap.
const LOOKED_AT: usize = 8;

/// Names one inserted entry; once that has fired or was removed, the key is stale and names
/// nothing, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    index: u32,
    generation: NonZeroU64,
}

impl Key {
    /// A key of a collection without cells, which names entries by numbers that are never used
    /// twice.
    pub(crate) fn of_number(number: NonZeroU64) -> Self {
        Self {
            index: NIL,
            generation: number,
        }
    }

    /// What `of_number` was given.
    pub(crate) fn number(self) -> NonZeroU64 {
        self.generation
    }
}

/// One cell of the slab: a pending entry, or a link of the free list.
#[derive(Debug)]
struct Entry<T> {
    /// The tick at which it fires.
    tick: u64,
    /// The number of its insertion, never used twice in a wheel; 0 while the cell is free.
    generation: u64,
    /// The entry before it in its slot's list.
    prev: u32,
    /// The entry after it in its slot's list, or the next free cell.
    next: u32,
    /// What to hand back; `None` while the cell is free.
    value: Option<T>,
}

/// The two ends of a slot's list; stale while the slot's bit in `occupied` is clear.
#[derive(Clone, Copy, Debug)]
struct Ends {
    head: u32,
    tail: u32,
}

/// The timing wheel; see the module's text.
#[derive(Debug)]
pub(crate) struct Wheel<T> {
    /// The instant at which tick 0 starts.
    start: Instant,
    /// The last expired tick. No entry has a lower one; late comers are given this one.
    elapsed: u64,
    /// Bit `L`: level `L` has entries.
    levels: u8,
    /// Bit `s` of word `L`: slot `s` of level `L` has entries.
    occupied: [u64; LEVELS],
    /// The list of slot `s` of level `L` is number `64 L + s`.
    lists: Box<[Ends; LEVELS * SLOTS]>,
    /// The slab.
    entries: Vec<Entry<T>>,
    /// The first free cell of the slab.
    free: u32,
    /// Pending entries.
    len: usize,
    /// The number of the next insertion.
    generation: NonZeroU64,
}

impl<T> Wheel<T> {
    /// An empty wheel whose ticks are counted from `start`, which should not be later than the
    /// first deadline.
    pub(crate) fn new(start: Instant) -> Self {
        const EMPTY: Ends = Ends {
            head: NIL,
            tail: NIL,
        };
        Self {
            start,
            elapsed: 0,
            levels: 0,
            occupied: [0; LEVELS],
            lists: Box::new([EMPTY; LEVELS * SLOTS]),
            entries: Vec::new(),
            free: NIL,
            len: 0,
            generation: NonZeroU64::MIN,
        }
    }

    /// How many entries are pending.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether no entry is pending.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an entry that fires at the first `expire` at or after `deadline`, rounded up to a tick;
    /// a deadline that has already passed fires at the next `expire`.
    ///
    /// # Panics
    /// At 2^32 - 1 pending entries.
    #[inline]
    pub(crate) fn insert(&mut self, deadline: Instant, value: T) -> Key {
        let nanos = self.nanos(deadline);
        let rounded_up = (nanos >> TICK_SHIFT) + u64::from(nanos & ((1 << TICK_SHIFT) - 1) != 0);
        let tick = rounded_up.clamp(self.elapsed, LAST_TICK);
        let generation = self.generation;
        self.generation = generation.saturating_add(1);
        let entry = Entry {
            tick,
            generation: generation.get(),
            prev: NIL,
            next: NIL,
            value: Some(value),
        };
        let index = self.allocate(entry);
        self.link(index, tick);
        self.len += 1;
        Key { index, generation }
    }

    /// Takes an entry out before it fires; `None` if it has fired or was removed before.
    #[inline]
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let entry = self.entries.get(key.index as usize)?;
        if entry.generation != key.generation.get() {
            return None;
        }
        self.unlink(key.index);
        let value = self.release(key.index);
        if self.len == 0 {
            self.shrink();
        }
        value
    }

    /// Hands every entry whose time has come to `fire`, in the order of their ticks, and those of
    /// one tick in the order of their insertion. (Deadlines that had passed when they were inserted
    /// share the tick of the `expire` before.)
    pub(crate) fn expire(&mut self, now: Instant, mut fire: impl FnMut(T)) {
        let now = self.nanos(now) >> TICK_SHIFT;
        while let Some((level, slot)) = self.earliest_slot() {
            let start = self.slot_start(level, slot);
            if start > now {
                break;
            }
            // From here on the slot's entries belong to lower levels, if it is not on the lowest:
            // move them there.
            let head = self.lists[level * SLOTS + slot].head;
            if level == 0 {
                self.elapsed = start;
                self.fire_slot(head, &mut fire);
            } else {
                self.clear_occupied(level, slot);
                self.elapsed = start;
                self.cascade(head);
            }
        }
        self.elapsed = self.elapsed.max(now);
        if self.len == 0 {
            self.shrink();
        }
    }

    /// When to call `expire` next: soon enough that no entry is late by more than a tick, and
    /// perhaps sooner than any is due; but always later than the last `expire`, unless something
    /// already due was inserted since. `None` if nothing is pending.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let (level, slot) = self.earliest_slot()?;
        let mut tick = self.slot_start(level, slot);
        if level > 0 {
            tick = self
                .least_tick(self.lists[level * SLOTS + slot].head)
                .unwrap_or(tick);
        }
        self.start
            .checked_add(Duration::from_nanos(tick << TICK_SHIFT))
    }

    /// The least tick of a slot's list, if it is short.
    fn least_tick(&self, head: u32) -> Option<u64> {
        let (mut least, mut index) = (LAST_TICK, head);
        for _ in 0..LOOKED_AT {
            let entry = &self.entries[index as usize];
            least = least.min(entry.tick);
            index = entry.next;
            if index == NIL {
                return Some(least);
            }
        }
        None
    }

    /// Nanoseconds from the wheel's start to `time`: none before it, at most 584 years after it.
    #[inline]
    fn nanos(&self, time: Instant) -> u64 {
        let since = time.saturating_duration_since(self.start);
        let whole = since.as_secs().saturating_mul(1_000_000_000);
        whole.saturating_add(u64::from(since.subsec_nanos()))
    }

    /// Level and slot of the entries that are due first.
    #[inline]
    fn earliest_slot(&self) -> Option<(usize, usize)> {
        if self.levels == 0 {
            return None;
        }
        let level = self.levels.trailing_zeros() as usize;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    /// The first tick of an occupied slot.
    #[inline]
    fn slot_start(&self, level: usize, slot: usize) -> u64 {
        let shift = DIGIT_BITS * level as u32;
        // The digits above are those of `elapsed`, by the invariant.
        let above = self.elapsed >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);
        above | (slot as u64) << shift
    }

    /// The level and the slot to which an entry of this tick belongs, by the invariant.
    #[inline]
    fn place(&self, tick: u64) -> (usize, usize) {
        let differing = (self.elapsed ^ tick) | (SLOTS as u64 - 1);
        let level = differing.ilog2() / DIGIT_BITS;
        let digit = (tick >> (DIGIT_BITS * level)) as usize % SLOTS;
        (level as usize, digit)
    }

    /// Marks a slot as having no entries.
    #[inline]
    fn clear_occupied(&mut self, level: usize, slot: usize) {
        self.occupied[level] &= !(1 << slot);
        if self.occupied[level] == 0 {
            self.levels &= !(1 << level);
        }
    }

    /// Appends an entry to the list where it belongs.
    #[inline]
    fn link(&mut self, index: u32, tick: u64) {
        let (level, slot) = self.place(tick);
        let ends = &mut self.lists[level * SLOTS + slot];
        let bit = 1 << slot;
        let prev = if self.occupied[level] & bit == 0 {
            self.occupied[level] |= bit;
            self.levels |= 1 << level;
            ends.head = index;
            NIL
        } else {
            self.entries[ends.tail as usize].next = index;
            ends.tail
        };
        ends.tail = index;
        let entry = &mut self.entries[index as usize];
        entry.prev = prev;
        entry.next = NIL;
    }

    /// Takes an entry out of its list.
    #[inline]
    fn unlink(&mut self, index: u32) {
        let Entry {
            tick, prev, next, ..
        } = self.entries[index as usize];
        if prev != NIL {
            self.entries[prev as usize].next = next;
        }
        if next != NIL {
            self.entries[next as usize].prev = prev;
        }
        if prev == NIL || next == NIL {
            let (level, slot) = self.place(tick);
            let ends = &mut self.lists[level * SLOTS + slot];
            match (prev, next) {
                (NIL, NIL) => self.clear_occupied(level, slot),
                (NIL, _) => ends.head = next,
                _ => ends.tail = prev,
            }
        }
    }

    /// Fires all of a list on level 0. Each entry is out of the wheel before it is handed over, so
    /// that a panic of `fire` costs no other.
    fn fire_slot(&mut self, head: u32, fire: &mut impl FnMut(T)) {
        let mut index = head;
        while index != NIL {
            let next = self.entries[index as usize].next;
            self.unlink(index);
            if let Some(value) = self.release(index) {
                fire(value);
            }
            index = next;
        }
    }

    /// Moves all of a list to where it belongs now.
    fn cascade(&mut self, head: u32) {
        let mut index = head;
        while index != NIL {
            let Entry { tick, next, .. } = self.entries[index as usize];
            self.link(index, tick);
            index = next;
        }
    }

    /// Puts an entry into a free cell.
    #[inline]
    fn allocate(&mut self, entry: Entry<T>) -> u32 {
        let index = self.free;
        if let Some(cell) = self.entries.get_mut(index as usize) {
            self.free = cell.next;
            *cell = entry;
            return index;
        }
        let index = self.entries.len();
        assert!(index < NIL as usize, "too many timers on one worker");
        self.entries.push(entry);
        index as u32
    }

    /// Frees an unlinked entry's cell and hands back its value.
    #[inline]
    fn release(&mut self, index: u32) -> Option<T> {
        let entry = &mut self.entries[index as usize];
        entry.generation = 0;
        entry.next = self.free;
        self.free = index;
        self.len -= 1;
        entry.value.take()
    }

    /// Gives the memory of an empty wheel back, if it is much. Generations go on, so old keys stay
    /// stale.
    #[inline]
    fn shrink(&mut self) {
        if self.entries.capacity() > KEPT_ENTRIES {
            self.entries = Vec::with_capacity(KEPT_ENTRIES);
            self.free = NIL;
        }
    }
}

#[cfg(test)]
mod tests;
