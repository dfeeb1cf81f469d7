//! Who holds the free stacks: each worker a hot list, the process a warm pool, the arenas the cold rest.
//!
//! ```text
//!            give                 hot list full: a batch              trim, by age
//! goroutine ------> worker's hot list --------> pool, batches by time --------> arena's cold list
//!           <------                   <--------                       <--------
//!            take: LIFO           hot list empty: newest batch         pool empty too; then fresh slots
//! ```
//!
//! The hot path is a push or a pop of a vector that belongs to one worker. The pool's lock is taken once a batch (32 stacks of the
//! usual sizes), and is held for list work only, but for the mapping of a new arena. Warm stacks were touched: reusing one costs
//! nothing, a cold one costs a page fault or more, so cold ones are used last.
//!
//! Guards are made 16 at a time at first, then 32, ... 1024: what one batch carves beyond its need goes to the cold list.
#![forbid(unsafe_code)]

use crate::runtime::stack::{
    arena::{Arena, Carved, Stack, Uncarved, discard},
    guard::{self, GuardMode, guard_mode},
    size::{CLASSES, SizeClass, StackError},
};
use std::{
    collections::VecDeque,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Guards made at a time: at first, so that a program with few goroutines pays for few; and at most, as the kernel takes no more.
const FIRST_CARVE: usize = 16;
const MAX_CARVE: usize = 1024;

/// The free stacks of one worker. Not shared: no atomics, no locks while it is neither full nor empty.
#[derive(Debug)]
pub(crate) struct LocalCache {
    hot: [Vec<Stack>; CLASSES],
}

impl LocalCache {
    /// An empty cache.
    pub(crate) const fn new() -> Self {
        Self {
            hot: [const { Vec::new() }; CLASSES],
        }
    }

    /// A stack of the class: the one that came back last, if there is one here.
    ///
    /// # Errors
    /// When there is none anywhere and the system has no room or no guard for another.
    #[inline]
    pub(crate) fn take(&mut self, class: SizeClass) -> Result<Stack, StackError> {
        match self.hot[class.index()].pop() {
            Some(stack) => Ok(stack),
            None => self.take_slow(class),
        }
    }

    #[cold]
    fn take_slow(&mut self, class: SizeClass) -> Result<Stack, StackError> {
        let hot = &mut self.hot[class.index()];
        refill(class, hot)?;
        Ok(hot.pop().expect("a refill without an error yields a stack"))
    }

    /// Takes a stack back. Nobody may be on it, nor will be, and nothing on it may be needed.
    #[inline]
    pub(crate) fn give(&mut self, stack: Stack) {
        let class = stack.class();
        let hot = &mut self.hot[class.index()];
        hot.push(stack);
        if hot.len() > class.hot_cap() {
            spill(class, hot);
        }
    }

    /// Gives all to the pool, where they can be trimmed: for a worker that goes to sleep for long, or ends.
    pub(crate) fn flush(&mut self) {
        for class in SizeClass::all() {
            let hot = mem::take(&mut self.hot[class.index()]);
            if !hot.is_empty() {
                pool(class).put_warm(hot);
            }
        }
    }
}

impl Drop for LocalCache {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Moves the coldest batch of a full hot list to the pool.
#[cold]
fn spill(class: SizeClass, hot: &mut Vec<Stack>) {
    let batch: Vec<Stack> = hot.drain(..class.batch()).collect();
    pool(class).put_warm(batch);
}

/// Fills an empty hot list: from the pool, else from the cold lists, else with fresh slots.
fn refill(class: SizeClass, hot: &mut Vec<Stack>) -> Result<(), StackError> {
    let Some(uncarved) = pool(class).claim(class, hot)? else {
        return Ok(());
    };
    let mut carved = uncarved.guard();
    let rest = carved.stacks.len().saturating_sub(class.batch());
    hot.extend(carved.stacks.drain(rest..));
    pool(class).settle(carved);
    if hot.is_empty() {
        return Err(StackError::GuardBudget {
            limit: guard::budget(),
            live: guard::protected(),
        });
    }
    Ok(())
}

/// Stacks that came back together.
#[derive(Debug)]
struct Batch {
    stacks: Vec<Stack>,
    returned: Instant,
}

/// What the process has of one class.
#[derive(Debug)]
struct Pool {
    /// Stacks that were used, the oldest batch in front.
    warm: VecDeque<Batch>,
    /// In the order of their ids. Only the last may have fresh slots.
    arenas: Vec<Arena>,
    next_id: u32,
    next_carve: usize,
}

static POOLS: [Mutex<Pool>; CLASSES] = [const { Mutex::new(Pool::new()) }; CLASSES];

/// The pool of a class, locked. A panic under the lock can only be an assertion here, and leaves lists that are whole.
fn pool(class: SizeClass) -> MutexGuard<'static, Pool> {
    POOLS[class.index()]
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    const fn new() -> Self {
        Self {
            warm: VecDeque::new(),
            arenas: Vec::new(),
            next_id: 0,
            next_carve: FIRST_CARVE,
        }
    }

    fn put_warm(&mut self, stacks: Vec<Stack>) {
        self.warm.push_back(Batch {
            stacks,
            returned: Instant::now(),
        });
    }

    /// Moves a batch of free stacks to `hot`, or, if there is none, returns slots to be guarded.
    fn claim(
        &mut self,
        class: SizeClass,
        hot: &mut Vec<Stack>,
    ) -> Result<Option<Uncarved>, StackError> {
        if let Some(batch) = self.warm.pop_back() {
            hot.extend(batch.stacks);
            return Ok(None);
        }
        for arena in &mut self.arenas {
            // Low arenas first: they are the small ones, so the large ones become free.
            arena.take_cold(class.batch() - hot.len(), hot);
            if hot.len() == class.batch() {
                break;
            }
        }
        if !hot.is_empty() {
            return Ok(None);
        }
        let n = self.next_carve;
        self.next_carve = (n * 2).min(MAX_CARVE);
        self.reserve(class, n).map(Some)
    }

    /// Up to `n` slots without a guard, of a new arena if need be.
    fn reserve(&mut self, class: SizeClass, n: usize) -> Result<Uncarved, StackError> {
        for arena in self.arenas.iter_mut().rev() {
            if let Some(uncarved) = arena.reserve(n) {
                return Ok(uncarved);
            }
        }
        let mapped = self.arenas.iter().map(Arena::slots).sum();
        let mut arena = Arena::map(self.next_id, class, mapped)?;
        self.next_id += 1;
        let uncarved = arena.reserve(n).expect("a new arena has fresh slots");
        self.arenas.push(arena);
        Ok(uncarved)
    }

    fn settle(&mut self, carved: Carved) {
        self.arena(carved.arena).settle(carved);
    }

    fn arena(&mut self, id: u32) -> &mut Arena {
        let at = self
            .arenas
            .binary_search_by_key(&id, Arena::id)
            .expect("an arena with stacks outside is mapped");
        &mut self.arenas[at]
    }

    /// Takes out the batches that came back before `before`, about `max` stacks in all.
    fn take_old(&mut self, before: Instant, max: usize) -> Vec<Stack> {
        let mut old = Vec::new();
        while old.len() < max && self.warm.front().is_some_and(|b| b.returned <= before) {
            old.extend(self.warm.pop_front().into_iter().flat_map(|b| b.stacks));
        }
        old
    }

    /// Takes out an arena that has no stack outside, the first excepted: it is small, and will be wanted again.
    fn take_free_arena(&mut self) -> Option<Arena> {
        let at = 1 + self.arenas.iter().skip(1).rposition(Arena::is_free)?;
        Some(self.arenas.remove(at))
    }
}

/// What a [`trim`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrimReport {
    /// Stacks whose memory went back to the system.
    pub(crate) trimmed: usize,
    /// Arenas that were unmapped.
    pub(crate) unmapped: usize,
    /// Whether a later call will find something to do even if no stack comes back until then.
    pub(crate) more: bool,
}

/// Gives the memory of pooled stacks that came back `older_than` ago or earlier to the system: some `max` stacks, and one arena of
/// each class, at a time, so that a caller with other duties can stop in between.
pub(crate) fn trim(older_than: Duration, max: usize) -> TrimReport {
    let mut report = TrimReport::default();
    // A clock younger than `older_than` has seen nothing that old.
    let before = Instant::now().checked_sub(older_than);
    let mut left = max;
    for class in SizeClass::all() {
        if let Some(before) = before {
            left = left.saturating_sub(trim_class(class, before, left, &mut report));
        }
        let free = pool(class).take_free_arena();
        if let Some(arena) = free {
            arena.unmap();
            report.unmapped += 1;
        }
        let pool = pool(class);
        report.more |= !pool.warm.is_empty() || pool.arenas.iter().skip(1).any(Arena::is_free);
    }
    report
}

/// Trims one class and returns how many stacks it handled. No lock is held while the system works.
fn trim_class(class: SizeClass, before: Instant, max: usize, report: &mut TrimReport) -> usize {
    let mut old = pool(class).take_old(before, max);
    let handled = old.len();
    if handled > 0 {
        report.trimmed += discard(&mut old);
        let mut pool = pool(class);
        // Highest address first: the cold list is popped from its end.
        for stack in old.into_iter().rev() {
            pool.arena(stack.arena()).put_cold(stack);
        }
    }
    handled
}

/// Figures for metrics and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StackStats {
    /// Slots in all arenas.
    pub(crate) mapped_slots: usize,
    /// Stacks that goroutines or workers' hot lists hold, or that the pool holds warm.
    pub(crate) outside: usize,
    /// Stacks that the pool holds warm.
    pub(crate) cached: usize,
    /// Stacks that are guarded, free, and hold no memory.
    pub(crate) cold: usize,
    /// Mappings that all these are in.
    pub(crate) arenas: usize,
    /// Guards that count against the budget for mappings.
    pub(crate) protected: usize,
    /// How guards are made.
    pub(crate) guard_mode: GuardMode,
}

/// The figures of now, class by class; other threads may be at work meanwhile.
pub(crate) fn stats() -> StackStats {
    let mut stats = StackStats {
        mapped_slots: 0,
        outside: 0,
        cached: 0,
        cold: 0,
        arenas: 0,
        protected: guard::protected(),
        guard_mode: guard_mode(),
    };
    for class in SizeClass::all() {
        let pool = pool(class);
        stats.cached += pool.warm.iter().map(|b| b.stacks.len()).sum::<usize>();
        stats.arenas += pool.arenas.len();
        for arena in &pool.arenas {
            stats.mapped_slots += arena.slots();
            stats.outside += arena.outside();
            stats.cold += arena.cold();
        }
    }
    stats
}
