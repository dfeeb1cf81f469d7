//! Arenas: large mappings cut into slots, and the [`Stack`] that stands for one slot.
//!
//! One mapping serves up to 65,536 stacks, so a million of them take some thirty mappings. An arena
//! doubles what its class has mapped (64 slots at first); where the system refuses, half of that is
//! tried, down to one slot. The mapping is reserved only (`MAP_NORESERVE`) and never huge
//! (`MADV_NOHUGEPAGE`: else each touched stack could take 2 MiB).
//!
//! A slot's life:
//!
//! ```text
//! fresh --reserve--> Uncarved --guard()--> Stack --(used, cached)--> Stack --put_cold--> cold
//!                        \--(no guard to be had)--> unguarded --reserve--> ...
//! cold --take_cold--> Stack ...
//! ```
//!
//! A [`Stack`] can be made in this file only, and each of its makers takes the slot's index out of
//! exactly one of the three places (fresh, unguarded, cold); that is why it is unique. An arena
//! with every carved slot in its lists has no stack outside, so it may be unmapped, which gives its
//! page tables back too (640 bytes a slot).

use crate::runtime::stack::{
    guard::{self, guard_bytes},
    size::{SizeClass, StackError},
};
use std::{fs, ops::Range, ptr::NonNull};

/// Slots of the first arena of a class: 20 MiB of addresses for the default class, so that a small
/// program stays small.
const FIRST_SLOTS: usize = 64;

/// Slots of the largest arena: 20 GiB of addresses for the default class. More would only save a
/// few mappings; an index is a `u16`.
const MAX_SLOTS: usize = 1 << 16;
const _: () = assert!(MAX_SLOTS - 1 <= u16::MAX as usize && size_of::<Stack>() <= 16);

/// Bounds in bytes for classes whose stacks are large, so that a first one of 1 GiB does not
/// reserve 64; and for 32-bit machines.
const FIRST_BYTES: usize = 1 << 30;
const MAX_BYTES: usize = if usize::BITS >= 64 {
    (128_u64 << 30) as usize
} else {
    64 << 20
};

/// Addresses that a new arena leaves free, if there is a limit on them: with the last ones taken,
/// the next allocation of a few bytes anywhere in the program would abort it, and nobody could tell
/// why (guess: allocator chunks, cells for those who go on being spawned, the stacks of some
/// threads).
const ROOM_BYTES: usize = 32 << 20;

/// Stacks start at this many different offsets below their slot's top, one cache line apart: slot
/// `i` at line `i % 16`. Without that the hot lines of all stacks would share few sets of the L1
/// and L2 caches.
const COLOURS: usize = 16;

/// The distance of two colours: a cache line.
const COLOUR_BYTES: usize = 64;

/// A stack nobody is on: the right to use one slot of an arena.
///
/// Dropping it leaks the slot, on purpose: see the map of this folder.
#[derive(Debug)]
#[must_use = "a stack that is dropped is leaked; give it back to a `LocalCache`"]
pub(crate) struct Stack {
    base: NonNull<u8>,
    arena: u32,
    index: u16,
    class: SizeClass,
}

// SAFETY: a `Stack` is the unique right to a range of memory that belongs to no thread in
// particular.
unsafe impl Send for Stack {}

impl Stack {
    /// The lowest usable address; the guard ends here.
    #[inline]
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Where the stack pointer starts: one past the highest usable address, coloured, and aligned
    /// to a cache line.
    #[inline]
    pub(crate) fn top(&self) -> NonNull<u8> {
        let offset = self.class.usable() - self.index as usize % COLOURS * COLOUR_BYTES;
        // SAFETY: `usable` bytes from `base` on are this slot's, and the colours take less than 1
        // KiB of them.
        unsafe { self.base.add(offset) }
    }

    /// The addresses that fault: the guard.
    #[inline]
    pub(crate) fn guard(&self) -> Range<usize> {
        let base = self.base.addr().get();
        base - guard_bytes(self.class.usable())..base
    }

    /// The class that it is of.
    #[inline]
    pub(crate) fn class(&self) -> SizeClass {
        self.class
    }

    /// The arena that it is of.
    pub(crate) fn arena(&self) -> u32 {
        self.arena
    }

    /// All usable addresses, whatever the colour.
    fn range(&self) -> Range<usize> {
        let base = self.base.addr().get();
        base..base + self.class.usable()
    }
}

/// Lets the system take back the memory of `stacks`, which read as zeroes from now on; returns how
/// many it took.
///
/// Neighbours are discarded in one call, guards between them included: they survive, being
/// page-table markers that `MADV_DONTNEED` skips, or mappings' protection that it does not touch.
pub(crate) fn discard(stacks: &mut [Stack]) -> usize {
    stacks.sort_unstable_by_key(|s| s.base);
    let mut discarded = 0;
    for run in stacks.chunk_by(|a, b| a.arena == b.arena && a.range().end == b.guard().start) {
        let len = run[run.len() - 1].range().end - run[0].range().start;
        // SAFETY: the run starts and ends at page borders inside one arena. Its slots are those of
        // `stacks`, which are borrowed exclusively: nobody is on them or has anything in them.
        // Between them lie only their guards.
        if unsafe { libc::madvise(run[0].base.as_ptr().cast(), len, libc::MADV_DONTNEED) } == 0 {
            discarded += run.len();
        }
    }
    discarded
}

/// One mapping, cut into slots.
#[derive(Debug)]
pub(crate) struct Arena {
    id: u32,
    class: SizeClass,
    start: NonNull<u8>,
    slots: u32,
    /// Slots below this index have been reserved once; those from it on are fresh.
    carved: u32,
    /// Guarded slots that nobody has, and whose memory the system has (or never gave).
    cold: Vec<u16>,
    /// Reserved slots that no guard could be had for.
    unguarded: Vec<u16>,
    /// Guards that count against the budget.
    protected: usize,
}

// SAFETY: an arena is memory that belongs to no thread, and plain values.
unsafe impl Send for Arena {}

impl Arena {
    /// Maps a new arena for a class that has `mapped` slots already.
    ///
    /// # Errors
    /// [`StackError::AddressSpace`] when not even one slot can be mapped.
    pub(crate) fn map(id: u32, class: SizeClass, mapped: usize) -> Result<Self, StackError> {
        let stride = stride(class);
        let first = FIRST_SLOTS.min(FIRST_BYTES / stride).max(1);
        let most = MAX_SLOTS.min(MAX_BYTES / stride).max(first);
        let mut slots = mapped.clamp(first, most);
        loop {
            if let Some(start) = map_arena(slots * stride, slots == 1 && mapped == 0) {
                #[cfg(target_os = "linux")]
                // SAFETY: advice on the whole of the new mapping; kernels without huge pages refuse
                // it, which is as good.
                unsafe {
                    libc::madvise(start.as_ptr().cast(), slots * stride, libc::MADV_NOHUGEPAGE)
                };
                return Ok(Self {
                    id,
                    class,
                    start,
                    slots: slots as u32,
                    carved: 0,
                    cold: Vec::new(),
                    unguarded: Vec::new(),
                    protected: 0,
                });
            }
            if slots == 1 {
                return Err(StackError::AddressSpace {
                    bytes: stride,
                    // Also when it was us who left the last ones free.
                    errno: libc::ENOMEM,
                    see: limits_to_see(),
                });
            }
            slots /= 2;
        }
    }

    /// Its number, unique in its class.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// How many slots it has.
    pub(crate) fn slots(&self) -> usize {
        self.slots as usize
    }

    /// How many slots are in use or in caches.
    pub(crate) fn outside(&self) -> usize {
        self.carved as usize - self.cold.len() - self.unguarded.len()
    }

    /// How many slots are cold.
    pub(crate) fn cold(&self) -> usize {
        self.cold.len()
    }

    /// Up to `n` slots that have no guard yet; none when all have been carved.
    pub(crate) fn reserve(&mut self, n: usize) -> Option<Uncarved> {
        let mut indexes: Vec<u16> = self
            .unguarded
            .split_off(self.unguarded.len() - n.min(self.unguarded.len()));
        let fresh = (n - indexes.len()).min((self.slots - self.carved) as usize) as u32;
        indexes.extend((self.carved..self.carved + fresh).map(|i| i as u16));
        self.carved += fresh;
        (!indexes.is_empty()).then_some(Uncarved {
            arena: self.id,
            class: self.class,
            start: self.start,
            indexes,
        })
    }

    /// Takes back what a reservation came to: the surplus stacks, and the slots without a guard.
    pub(crate) fn settle(&mut self, carved: Carved) {
        assert_eq!(carved.arena, self.id);
        self.protected += carved.protected;
        self.unguarded.extend(carved.unguarded);
        for stack in carved.stacks {
            self.put_cold(stack);
        }
    }

    /// Takes back a stack whose memory the system has.
    pub(crate) fn put_cold(&mut self, stack: Stack) {
        assert_eq!((stack.arena, stack.class), (self.id, self.class));
        self.cold.push(stack.index);
    }

    /// Moves up to `n` cold stacks to `out`.
    pub(crate) fn take_cold(&mut self, n: usize, out: &mut Vec<Stack>) {
        let from = self.cold.len() - n.min(self.cold.len());
        for index in self.cold.drain(from..) {
            // SAFETY: the index came out of the cold list, so no `Stack` of that slot exists, and
            // it has a guard.
            out.push(unsafe { stack_at(self.id, self.class, self.start, index) });
        }
    }

    /// Whether no stack of it is outside.
    pub(crate) fn is_free(&self) -> bool {
        self.outside() == 0
    }

    /// Unmaps it, page tables and all.
    ///
    /// # Panics
    /// If a stack of it is outside.
    pub(crate) fn unmap(self) {
        assert!(
            self.is_free(),
            "an arena with stacks outside was to be unmapped"
        );
        let bytes = self.slots() * stride(self.class);
        // SAFETY: the mapping is this arena's own, and no `Stack` of it exists, so nobody can reach
        // it any more. Reservations that are not settled yet count as outside.
        if unsafe { libc::munmap(self.start.as_ptr().cast(), bytes) } == 0 {
            guard::uncharge(self.protected);
        }
    }
}

/// Slots that are reserved for the holder and have no guard yet.
#[derive(Debug)]
pub(crate) struct Uncarved {
    arena: u32,
    class: SizeClass,
    start: NonNull<u8>,
    indexes: Vec<u16>,
}

/// Slots that have been given guards, as far as there were any to be had.
#[derive(Debug)]
pub(crate) struct Carved {
    /// The arena to settle with.
    pub(crate) arena: u32,
    /// The stacks, highest index first, so that popping yields neighbours in rising order.
    pub(crate) stacks: Vec<Stack>,
    unguarded: Vec<u16>,
    protected: usize,
    /// The system's error number, if it was the system that refused a guard.
    pub(crate) refused: Option<i32>,
}

impl Uncarved {
    /// Installs the guards. Slow: no lock should be held.
    pub(crate) fn guard(mut self) -> Carved {
        let Self {
            arena,
            class,
            start,
            ..
        } = self;
        let stride = stride(class);
        let starts: Vec<NonNull<u8>> = self
            .indexes
            .iter()
            // SAFETY: the indexes are of this arena, so the offsets are inside its mapping.
            .map(|&i| unsafe { start.add(i as usize * stride) })
            .collect();
        // SAFETY: each range is the low end of a slot that is reserved for the holder of `self`:
        // page-aligned, in a private anonymous mapping, and empty.
        let done = unsafe { guard::install(&starts, guard_bytes(class.usable())) };
        let unguarded = self.indexes.split_off(done.count);
        let stacks = (self.indexes.iter().rev())
            // SAFETY: the slot is reserved for the holder of `self`, so no `Stack` of it exists,
            // and its guard is in place.
            .map(|&index| unsafe { stack_at(arena, class, start, index) })
            .collect();
        Carved {
            arena,
            stacks,
            unguarded,
            protected: done.protected,
            refused: done.refused,
        }
    }
}

/// Bytes from one slot to the next.
fn stride(class: SizeClass) -> usize {
    class.usable() + guard_bytes(class.usable())
}

/// The stack in slot `index` of the arena that starts at `start`.
///
/// # Safety
/// The slot is the arena's, has its guard, and no `Stack` of it exists.
unsafe fn stack_at(arena: u32, class: SizeClass, start: NonNull<u8>, index: u16) -> Stack {
    let offset = index as usize * stride(class) + guard_bytes(class.usable());
    Stack {
        // SAFETY: inside the arena's mapping, by the caller's promise.
        base: unsafe { start.add(offset) },
        index,
        arena,
        class,
    }
}

#[cfg(test)]
impl Stack {
    /// Writes to the lowest and the highest word: two pages.
    pub(crate) fn write_both_ends(&mut self, word: usize) {
        // SAFETY: both are aligned and inside the stack, which is the caller's and which nobody is
        // on.
        unsafe {
            self.base().cast::<usize>().write(word);
            self.top().cast::<usize>().sub(1).write(word);
        }
    }

    /// Reads what [`Self::write_both_ends`] wrote, or the zeroes that came instead.
    pub(crate) fn read_both_ends(&self) -> (usize, usize) {
        // SAFETY: as there; memory of a mapping is never uninitialised.
        unsafe {
            (
                self.base().cast::<usize>().read(),
                self.top().cast::<usize>().sub(1).read(),
            )
        }
    }
}

/// As [`guard::map`], but not the last [`ROOM_BYTES`], unless it is a class's only stack.
fn map_arena(bytes: usize, is_only_one: bool) -> Option<NonNull<u8>> {
    if is_only_one {
        return guard::map(bytes);
    }
    match left_to_limit() {
        Some(left) if left < bytes + ROOM_BYTES => None,
        Some(_) => guard::map(bytes),
        None => map_if_room(bytes),
    }
}

/// What `ulimit -v` still allows; `None` if there is no such limit, or nobody can tell. Asked, and
/// not tried out: while we held the last addresses for a moment, an allocation elsewhere would
/// fail.
pub(crate) fn left_to_limit() -> Option<usize> {
    // SAFETY: zeroes are a valid structure, which the call fills.
    let limit = unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        (libc::getrlimit(libc::RLIMIT_AS, &mut limit) == 0).then_some(limit.rlim_cur)?
    };
    if limit == libc::RLIM_INFINITY {
        return None;
    }
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: usize = pages.split(' ').next()?.parse().ok()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Some(limit.saturating_sub(pages * guard::page_size()))
}

/// What may have kept the system from giving addresses, by which limits there are: on addresses,
/// and on memory that can be written to (for Linux, stacks are such memory).
fn limits_to_see() -> &'static str {
    // SAFETY: zeroes are a valid structure.
    let [mut addresses, mut data]: [libc::rlimit; 2] = unsafe { std::mem::zeroed() };
    // SAFETY: known resources, and structures to fill.
    let done = unsafe {
        libc::getrlimit(libc::RLIMIT_AS, &raw mut addresses) == 0
            && libc::getrlimit(libc::RLIMIT_DATA, &raw mut data) == 0
    };
    let [addresses, data] = [addresses, data].map(|l| done && l.rlim_cur != libc::RLIM_INFINITY);
    match (addresses, data) {
        (true, true) => "`ulimit -v` and `ulimit -d`",
        (true, false) => "`ulimit -v`",
        (false, true) => "`ulimit -d`",
        (false, false) => "`ulimit -v` and `sysctl vm.overcommit_memory`",
    }
}

/// For limits of another kind, as strict overcommit.
fn map_if_room(bytes: usize) -> Option<NonNull<u8>> {
    let unmap = |start: NonNull<u8>, bytes| {
        // SAFETY: a mapping made below, which nobody has seen.
        unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
    };
    let start = guard::map(bytes)?;
    let room = guard::map(ROOM_BYTES);
    match room {
        Some(room) => unmap(room, ROOM_BYTES),
        None => unmap(start, bytes),
    }
    room.map(|_| start)
}

#[cfg(test)]
mod tests;
