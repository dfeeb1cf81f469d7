//! What the process has of each class: the warm pool, the arenas with the cold rest, and the
//! trimming between them.
//!
//! ```text
//!            give                 hot list full: a batch              trim, by age
//! goroutine ------> worker's hot list --------> pool, batches by time --------> arena's cold list
//!           <------                   <--------                       <--------
//!            take: LIFO           hot list empty: newest batch         pool empty too, then fresh
//! ```
//!
//! Warm stacks were touched: reusing one costs nothing, a cold one costs a page fault or more, so
//! cold ones are used last. The lock of a class is held for list work only, but for the mapping of
//! a new arena.
//!
//! Guards are made 16 at a time at first, then 32, ... 1024: what one batch carves beyond its need
//! goes to the cold list.
#![forbid(unsafe_code)]

use crate::runtime::stack::{
    arena::{Arena, Carved, Stack, Uncarved, discard},
    guard::{self, GuardMode, guard_mode},
    size::{CLASSES, SizeClass, StackError},
};
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Guards made at a time: at first, so that a program with few goroutines pays for few; and at
/// most, as the kernel takes no more.
const FIRST_CARVE: usize = 16;
const MAX_CARVE: usize = 1024;

/// Fills an empty hot list: from the pool, else from the cold lists, else with fresh slots.
pub(crate) fn refill(class: SizeClass, hot: &mut Vec<Stack>) -> Result<(), StackError> {
    let Some(uncarved) = pool(class).claim(class, hot)? else {
        return Ok(());
    };
    let mut carved = uncarved.guard();
    let rest = carved.stacks.len().saturating_sub(class.batch());
    hot.extend(carved.stacks.drain(rest..));
    let refused = carved.refused;
    pool(class).settle(carved);
    match refused {
        _ if !hot.is_empty() => Ok(()),
        Some(errno) => Err(StackError::GuardRefused { errno }),
        None => Err(StackError::GuardBudget {
            limit: guard::budget(),
            live: guard::protected(),
        }),
    }
}

/// Takes stacks back that a worker has too many of.
pub(crate) fn put_warm(class: SizeClass, stacks: Vec<Stack>) {
    pool(class).put_warm(stacks);
}

/// Stacks that came back together.
#[derive(Debug)]
struct Batch {
    stacks: Vec<Stack>,
    returned: Instant,
}

/// What the process has of one class.
#[derive(Debug)]
struct StackPool {
    /// Stacks that were used, the oldest batch in front.
    warm: VecDeque<Batch>,
    /// In the order of their ids. Only the last may have fresh slots.
    arenas: Vec<Arena>,
    next_id: u32,
    next_carve: usize,
}

static POOLS: [Mutex<StackPool>; CLASSES] = [const { Mutex::new(StackPool::new()) }; CLASSES];

/// The pool of a class, locked. A panic under the lock can only be an assertion here, and leaves
/// lists that are whole.
fn pool(class: SizeClass) -> MutexGuard<'static, StackPool> {
    POOLS[class.index()]
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

impl StackPool {
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

    /// Takes out an arena that has no stack outside, the first excepted: it is small, and will be
    /// wanted again.
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

/// Gives the memory of pooled stacks that came back `older_than` ago or earlier to the system: some
/// `max` stacks, and one arena of each class, at a time, so that a caller with other duties can
/// stop in between.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::stack::{LocalCache, child};
    use std::{collections::HashSet, fs};

    fn in_child(name: &str, vars: &[(&str, &str)]) -> bool {
        if child::role().is_none() {
            child::pass(
                &format!("runtime::stack::pool::tests::{name}"),
                "child",
                vars,
            );
        }
        child::role().is_some()
    }

    fn take(cache: &mut LocalCache, class: SizeClass, n: usize) -> Vec<Stack> {
        (0..n).map(|_| cache.take(class).unwrap()).collect()
    }

    fn mappings() -> usize {
        fs::read_to_string("/proc/self/maps")
            .unwrap()
            .lines()
            .count()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_hundred_thousand_stacks_take_few_mappings() {
        if !in_child("a_hundred_thousand_stacks_take_few_mappings", &[])
            || guard_mode() != GuardMode::Install
        {
            return;
        }
        let mut cache = LocalCache::new();
        let before = mappings();
        let stacks = take(&mut cache, SizeClass::DEFAULT, 100_000);
        assert!(mappings() - before < 50, "{} mappings", mappings() - before);
        let bases: HashSet<_> = stacks.iter().map(Stack::base).collect();
        assert_eq!(bases.len(), stacks.len());
        assert!(stats().outside >= 100_000 && stats().arenas < 20);
    }

    fn resident_pages() -> usize {
        let text = fs::read_to_string("/proc/self/statm").unwrap();
        text.split(' ').nth(1).unwrap().parse().unwrap()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn trim_gives_memory_back_and_unmaps_free_arenas() {
        if !in_child("trim_gives_memory_back_and_unmaps_free_arenas", &[]) {
            return;
        }
        let (mut cache, class, n) = (LocalCache::new(), SizeClass::DEFAULT, 5_000);
        let mut stacks = take(&mut cache, class, n);
        let before = resident_pages();
        stacks.iter_mut().for_each(|s| s.write_both_ends(1));
        assert!(resident_pages() - before >= 2 * n);
        stacks.into_iter().for_each(|s| cache.give(s));
        cache.flush();
        let early = trim(Duration::from_secs(3600), usize::MAX);
        assert_eq!((early.trimmed, early.more), (0, true));
        let arenas = stats().arenas;
        let first = trim(Duration::ZERO, 1_000);
        assert!(
            (1_000..1_100).contains(&first.trimmed) && first.more,
            "{first:?}"
        );
        while trim(Duration::ZERO, usize::MAX).more {}
        assert!(resident_pages() < before + 200);
        let stats = stats();
        assert!(stats.outside == 0 && stats.cached == 0, "{stats:?}");
        assert!(
            arenas > 5 && stats.arenas == 1 && stats.protected <= 64,
            "{stats:?}"
        );
        assert_eq!(take(&mut cache, class, n).len(), n);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_budget_of_guards_ends_in_an_error_that_says_what_to_do() {
        let name = "the_budget_of_guards_ends_in_an_error_that_says_what_to_do";
        if !in_child(name, &[("GORT_GUARD", "mprotect")]) || guard::budget() > 100_000 {
            return;
        }
        assert_eq!(guard_mode(), GuardMode::Protect);
        let mut cache = LocalCache::new();
        let mut stacks = Vec::new();
        let error = loop {
            match cache.take(SizeClass::DEFAULT) {
                Ok(stack) => stacks.push(stack),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("vm.max_map_count"), "{error}");
        assert!(matches!(error, StackError::GuardBudget { .. }));
        assert_eq!(stacks.len(), guard::budget());
        stacks.into_iter().for_each(|s| cache.give(s));
        let again = cache.take(SizeClass::DEFAULT).unwrap();
        cache.give(again);
        cache.flush();
        while trim(Duration::ZERO, usize::MAX).more {}
        assert_eq!(stats().arenas, 1);
        assert_eq!(guard::protected(), 64, "the first arena's guards");
        assert_eq!(take(&mut cache, SizeClass::DEFAULT, 1000).len(), 1000);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_limit_on_addresses_is_an_error() {
        if child::is_emulated("it takes limits on addresses, and none comes of them") {
            return;
        }
        if !in_child("a_limit_on_addresses_is_an_error", &[]) {
            return;
        }
        let mut cache = LocalCache::new();
        let limit = 4 << 30;
        child::limit_addresses(limit);
        let n = (0..)
            .take_while(|_| cache.take(SizeClass::DEFAULT).is_ok())
            .count();
        let error = cache.take(SizeClass::DEFAULT).unwrap_err();
        assert!(matches!(error, StackError::AddressSpace { .. }), "{error}");
        // Halving used nearly all of what was allowed.
        assert!(n * SizeClass::DEFAULT.usable() > limit / 2, "{n}");
        assert!(cache.take(SizeClass::for_bytes(1).unwrap()).is_ok());
    }
}
