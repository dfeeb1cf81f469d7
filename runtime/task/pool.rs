//! Where cells come from and go to.
//!
//! Each worker has a magazine pair a class (Bonwick & Adams, "Magazines and Vmem", 2001): taking
//! and giving is a push or pop on an intrusive list without atomics. Full magazines go to, and
//! empty ones are filled from, a shared depot under a lock, 256 cells at a time, so cells that a
//! thief frees find their way back to the spawner in batches. Behind the depot are chunks of 2 MiB,
//! carved as needed; `trim` gives back chunks whose cells are all in the depot. Chunks start zeroed
//! and cells keep a readable header while free, with id 0, so that a dump can look at every cell of
//! every chunk.

use crate::runtime::{
    prims::{AtomicU64, Ordering, prefetch},
    task::{
        chunk::{CHUNK, map_chunk},
        header::{LARGE_BIT, TaskHeader},
    },
};
use std::{
    cell::Cell,
    collections::HashMap,
    ptr::{self, NonNull},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The sizes of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Class {
    /// 128 bytes: two cache lines, 56 bytes of payload.
    Small = 0,
    /// 256 bytes, 184 of payload.
    Large = 1,
}

const CLASSES: usize = 2;
/// Cells in a full magazine: amortises the depot's lock, and is 32 KiB of small cells (guess, then
/// measured with spawn_fanout).
const MAGAZINE: u32 = 256;

impl Class {
    /// The smallest class for so many bytes, if their alignment is a header's.
    pub(crate) const fn fitting(bytes: usize, align: usize) -> Option<Self> {
        if align > 8 || bytes > Self::Large.bytes() {
            None
        } else if bytes <= Self::Small.bytes() {
            Some(Self::Small)
        } else {
            Some(Self::Large)
        }
    }

    /// As it stands in a header's flags.
    pub(crate) const fn flag(self) -> u8 {
        match self {
            Self::Small => 0,
            Self::Large => LARGE_BIT,
        }
    }

    pub(crate) const fn from_flags(flags: u8) -> Self {
        match flags & LARGE_BIT {
            0 => Self::Small,
            _ => Self::Large,
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Small => 128,
            Self::Large => 256,
        }
    }

    const ALL: [Self; CLASSES] = [Self::Small, Self::Large];
}

/// Something that cells can be taken from and given to.
pub(crate) trait CellSource {
    fn take(&self, class: Class) -> NonNull<TaskHeader>;

    /// # Safety
    /// The cell came from a `CellSource`, of this class, and nobody uses it any more.
    unsafe fn give(&self, cell: NonNull<TaskHeader>, class: Class);
}

/// Free cells: a list of used ones, and a run of never used ones.
#[derive(Clone, Copy, Debug)]
struct Magazine {
    head: *mut TaskHeader,
    len: u32,
    fresh: *mut TaskHeader,
    fresh_len: u32,
}

// SAFETY: a magazine owns the cells in it.
unsafe impl Send for Magazine {}

impl Magazine {
    const EMPTY: Self = Self {
        head: ptr::null_mut(),
        len: 0,
        fresh: ptr::null_mut(),
        fresh_len: 0,
    };

    fn is_empty(&self) -> bool {
        self.len == 0 && self.fresh_len == 0
    }

    #[inline]
    fn pop(&mut self, class: Class) -> Option<NonNull<TaskHeader>> {
        if let Some(cell) = NonNull::new(self.head) {
            // SAFETY: listed cells are free and readable.
            self.head = unsafe { cell.as_ref() }.next.load(Ordering::Relaxed);
            self.len -= 1;
            // Most likely another worker has freed it, and has its lines.
            prefetch(self.head.cast());
            prefetch(self.head.cast::<u8>().wrapping_add(64));
            return Some(cell);
        }
        if self.fresh_len > 0 {
            let cell = self.fresh;
            self.fresh_len -= 1;
            // SAFETY: the run has `fresh_len` cells of this class left.
            self.fresh = unsafe { cell.byte_add(class.bytes()) };
            return NonNull::new(cell);
        }
        None
    }

    #[inline]
    fn push(&mut self, cell: NonNull<TaskHeader>) {
        // SAFETY: the cell is free and ours; dumps may read it, so these are atomics.
        let header = unsafe { cell.as_ref() };
        header.id.store(0, Ordering::Relaxed);
        header.next.store(self.head, Ordering::Relaxed);
        self.head = cell.as_ptr();
        self.len += 1;
    }
}

/// One worker's cells. Used by one thread at a time.
#[derive(Debug)]
pub(crate) struct CellCache {
    loaded: [Cell<Magazine>; CLASSES],
    spare: [Cell<Magazine>; CLASSES],
}

impl CellCache {
    pub(crate) const fn new() -> Self {
        Self {
            loaded: [const { Cell::new(Magazine::EMPTY) }; CLASSES],
            spare: [const { Cell::new(Magazine::EMPTY) }; CLASSES],
        }
    }

    #[cold]
    fn refill(&self, class: Class) -> NonNull<TaskHeader> {
        let i = class as usize;
        let mut magazine = self.spare[i].replace(Magazine::EMPTY);
        if magazine.is_empty() {
            magazine = lock_depot().get(class);
        }
        let cell = magazine.pop(class);
        self.loaded[i].set(magazine);
        cell.expect("the depot gave an empty magazine")
    }

    #[cold]
    fn rotate(&self, class: Class) {
        let i = class as usize;
        let full = self.loaded[i].replace(Magazine::EMPTY);
        let old = self.spare[i].replace(full);
        if !old.is_empty() {
            lock_depot().put(class, old);
        }
    }

    /// Gives everything to the depot.
    pub(crate) fn flush(&self) {
        let mut depot = lock_depot();
        for class in Class::ALL {
            for slot in [&self.loaded, &self.spare] {
                let magazine = slot[class as usize].replace(Magazine::EMPTY);
                if !magazine.is_empty() {
                    depot.put(class, magazine);
                }
            }
        }
    }
}

impl CellSource for CellCache {
    #[inline]
    fn take(&self, class: Class) -> NonNull<TaskHeader> {
        let slot = &self.loaded[class as usize];
        let mut magazine = slot.get();
        match magazine.pop(class) {
            Some(cell) => {
                slot.set(magazine);
                cell
            }
            None => self.refill(class),
        }
    }

    #[inline]
    unsafe fn give(&self, cell: NonNull<TaskHeader>, class: Class) {
        let slot = &self.loaded[class as usize];
        let mut magazine = slot.get();
        magazine.push(cell);
        slot.set(magazine);
        if magazine.len >= MAGAZINE {
            self.rotate(class);
        }
    }
}

impl Drop for CellCache {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Takes from and gives to the depot directly: for threads that are no workers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SharedCells;

impl CellSource for SharedCells {
    fn take(&self, class: Class) -> NonNull<TaskHeader> {
        let mut depot = lock_depot();
        let i = class as usize;
        let mut magazine = std::mem::replace(&mut depot.threads[i], Magazine::EMPTY);
        if magazine.is_empty() {
            magazine = depot.get(class);
        }
        let cell = magazine.pop(class);
        depot.threads[i] = magazine;
        cell.expect("the depot gave an empty magazine")
    }

    unsafe fn give(&self, cell: NonNull<TaskHeader>, class: Class) {
        let mut depot = lock_depot();
        let i = class as usize;
        depot.threads[i].push(cell);
        if depot.threads[i].len >= MAGAZINE {
            let full = std::mem::replace(&mut depot.threads[i], Magazine::EMPTY);
            depot.put(class, full);
        }
    }
}

struct Chunk {
    base: NonNull<u8>,
    class: Class,
    /// How many cells have been carved from it.
    carved: u32,
}

// SAFETY: chunks are plain memory, owned by the depot.
unsafe impl Send for Chunk {}

impl Chunk {
    fn new(class: Class, huge_pages: bool) -> Self {
        let base = map_chunk();
        #[cfg(target_os = "linux")]
        if huge_pages {
            // SAFETY: the range is ours. Only advice: a refusal costs speed, nothing else.
            unsafe { libc::madvise(base.as_ptr().cast(), CHUNK, libc::MADV_HUGEPAGE) };
        }
        let _ = huge_pages;
        Self {
            base,
            class,
            carved: 0,
        }
    }

    fn capacity(&self) -> u32 {
        (CHUNK / self.class.bytes()) as u32
    }
}

/// All chunks, and the magazines that no worker holds.
struct Depot {
    chunks: Vec<Chunk>,
    /// The chunk that is being carved, a class.
    open: [Option<usize>; CLASSES],
    magazines: [Vec<Magazine>; CLASSES],
    /// For threads that are no workers.
    threads: [Magazine; CLASSES],
}

static DEPOT: Mutex<Depot> = Mutex::new(Depot {
    chunks: Vec::new(),
    open: [None; CLASSES],
    magazines: [const { Vec::new() }; CLASSES],
    threads: [Magazine::EMPTY; CLASSES],
});

fn lock_depot() -> MutexGuard<'static, Depot> {
    // Nothing here panics half-way: a poisoned depot is a whole one.
    DEPOT.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Depot {
    fn get(&mut self, class: Class) -> Magazine {
        match self.magazines[class as usize].pop() {
            Some(magazine) => magazine,
            None => self.carve(class),
        }
    }

    fn put(&mut self, class: Class, magazine: Magazine) {
        self.magazines[class as usize].push(magazine);
    }

    fn carve(&mut self, class: Class) -> Magazine {
        let i = class as usize;
        let full = |c: &Chunk| c.carved == c.capacity();
        if self.open[i].is_none_or(|at| full(&self.chunks[at])) {
            // The first chunk of a class is touched page by page: a small program stays small.
            let huge_pages = self.chunks.iter().any(|c| c.class == class);
            self.open[i] = Some(self.chunks.len());
            self.chunks.push(Chunk::new(class, huge_pages));
        }
        let chunk = &mut self.chunks[self.open[i].expect("just opened")];
        let count = MAGAZINE.min(chunk.capacity() - chunk.carved);
        // SAFETY: `carved` cells lie before this one, inside the chunk.
        let first = unsafe { chunk.base.add(chunk.carved as usize * class.bytes()) };
        chunk.carved += count;
        Magazine {
            fresh: first.as_ptr().cast(),
            fresh_len: count,
            ..Magazine::EMPTY
        }
    }

    /// Removes the chunks at the given bases from the books.
    fn forget(&mut self, bases: &HashMap<usize, u32>) -> Vec<Chunk> {
        let open: Vec<Option<usize>> = self
            .open
            .iter()
            .map(|at| at.map(|at| self.chunks[at].base.as_ptr() as usize))
            .collect();
        let (gone, kept) = std::mem::take(&mut self.chunks).into_iter().partition(|c| {
            let base = c.base.as_ptr() as usize;
            bases.get(&base).is_some_and(|n| *n == c.capacity())
        });
        self.chunks = kept;
        for (slot, base) in self.open.iter_mut().zip(open) {
            *slot = base.and_then(|base| {
                self.chunks
                    .iter()
                    .position(|c| c.base.as_ptr() as usize == base)
            });
        }
        gone
    }
}

/// Cells per chunk base in these magazines; walks every listed cell.
fn count_by_chunk(magazines: &[Magazine], class: Class) -> HashMap<usize, u32> {
    let mut counts = HashMap::new();
    for magazine in magazines {
        let mut cell = magazine.head;
        while let Some(header) = NonNull::new(cell) {
            *counts.entry(cell as usize & !(CHUNK - 1)).or_default() += 1;
            // SAFETY: listed cells are free and readable.
            cell = unsafe { header.as_ref() }.next.load(Ordering::Relaxed);
        }
        if magazine.fresh_len > 0 {
            *counts
                .entry(magazine.fresh as usize & !(CHUNK - 1))
                .or_default() += magazine.fresh_len;
        }
    }
    let whole = (CHUNK / class.bytes()) as u32;
    counts.retain(|_, n| *n == whole);
    counts
}

/// The magazine without the cells of the given chunks.
fn without(magazine: Magazine, gone: &HashMap<usize, u32>) -> Magazine {
    let is_gone = |cell: *mut TaskHeader| gone.contains_key(&(cell as usize & !(CHUNK - 1)));
    let mut kept = Magazine::EMPTY;
    let mut cell = magazine.head;
    while let Some(header) = NonNull::new(cell) {
        // SAFETY: listed cells are free and readable.
        let next = unsafe { header.as_ref() }.next.load(Ordering::Relaxed);
        if !is_gone(cell) {
            kept.push(header);
        }
        cell = next;
    }
    if magazine.fresh_len > 0 && !is_gone(magazine.fresh) {
        kept.fresh = magazine.fresh;
        kept.fresh_len = magazine.fresh_len;
    }
    kept
}

/// Gives chunks whose cells are all free in the depot back to the system; returns the bytes.
pub(crate) fn trim() -> usize {
    let mut bytes = 0;
    for class in Class::ALL {
        // The walk happens outside the lock; spawners carve new cells meanwhile if they need some.
        let magazines = std::mem::take(&mut lock_depot().magazines[class as usize]);
        let whole = count_by_chunk(&magazines, class);
        let kept: Vec<Magazine> = magazines
            .into_iter()
            .map(|m| {
                if whole.is_empty() {
                    m
                } else {
                    without(m, &whole)
                }
            })
            .filter(|m| !m.is_empty())
            .collect();
        let mut depot = lock_depot();
        depot.magazines[class as usize].extend(kept);
        let gone = depot.forget(&whole);
        drop(depot);
        for chunk in gone {
            bytes += CHUNK;
            // SAFETY: from `map_chunk`; all of its cells were free and are out of every list.
            unsafe { libc::munmap(chunk.base.as_ptr().cast(), CHUNK) };
        }
    }
    bytes
}

/// Calls `f` with the header of every cell that is or was in use. For dumps: fields that are no
/// atomics must not be read.
pub(crate) fn each_cell(mut f: impl FnMut(&TaskHeader)) {
    let depot = lock_depot();
    for chunk in &depot.chunks {
        for i in 0..chunk.carved as usize {
            // SAFETY: carved cells are readable headers (or zeroes, which the atomics in a header
            // allow); chunks are only freed under the lock.
            let header = unsafe {
                chunk
                    .base
                    .add(i * chunk.class.bytes())
                    .cast::<TaskHeader>()
                    .as_ref()
            };
            f(header);
        }
    }
}

/// As [`each_cell`], for the goroutines that have an id and have not ended. Gives the id, too.
pub(crate) fn each_live_cell(mut f: impl FnMut(&TaskHeader, u64)) {
    each_cell(|cell| {
        let id = cell.id.load(Ordering::Relaxed);
        if id != 0 && !cell.life.is_done() {
            f(cell, id);
        }
    });
}

/// Keeps dumps from walking the cells while what it returns is held: for a moment.
pub(crate) fn hold_dumps_off() -> impl Sized {
    lock_depot()
}

/// The next unused goroutine id; ids are taken in blocks.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// A block of `count` unused goroutine ids; returns the first.
pub(crate) fn take_ids(count: u64) -> u64 {
    NEXT_ID.fetch_add(count, Ordering::Relaxed)
}

/// Calls `f` with the header at `cell` if that is a cell, in use or free. For the monitor and for
/// dumps: as for `each_cell`.
pub(crate) fn look_at<R>(cell: *mut TaskHeader, f: impl FnOnce(&TaskHeader) -> R) -> Option<R> {
    let depot = lock_depot();
    let base = cell as usize & !(CHUNK - 1);
    depot
        .chunks
        .iter()
        .find(|c| c.base.as_ptr() as usize == base)?;
    // SAFETY: in a chunk, where only cells' addresses are ever current; chunks are only freed under
    // the lock.
    Some(f(unsafe { cell.as_ref() }?))
}
