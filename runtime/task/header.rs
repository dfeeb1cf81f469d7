//! The fixed part of a goroutine's cell, and the handle to it.
//!
//! Layout: 72 bytes, then the payload (closure, later output). Everything the scheduler touches
//! while it queues, starts, parks and resumes lies in the first 64 bytes, one cache line.

use crate::runtime::{
    prims::{AtomicPtr, AtomicU64, Ordering},
    task::{
        state::{Life, ParkWord},
        wait::WaitWord,
    },
};
use std::{
    any::Any,
    cell::{Cell, UnsafeCell},
    ops::Deref,
    panic::Location,
    ptr,
    ptr::NonNull,
    sync::Arc,
};

/// Set once the goroutine counts as living in its home (protocol B).
pub(crate) const COUNTED_BIT: u8 = 1;
/// `spawn_local`: the closure is not `Send`, so it must start in the home where it was spawned.
pub(crate) const LOCAL_BIT: u8 = 2;
/// The memory is a large cell; fixed while it is a cell.
pub(crate) const LARGE_BIT: u8 = 4;
/// The panic hook has run for this goroutine, so a line says which one it was.
pub(crate) const HOOKED_BIT: u8 = 8;

/// In `TaskHeader::home`: what it points to is a runtime, no home.
const HOMELESS_BIT: usize = 1;

/// The fixed part of a cell.
#[repr(C, align(8))]
#[derive(Debug)]
pub(crate) struct TaskHeader {
    /// Link of the one list that holds the cell: inbox, woken queue, or free list.
    pub(crate) next: AtomicPtr<TaskHeader>,
    /// Whether it has ended, and who frees the cell. Written by the goroutine at its end, by the
    /// join handle, and by a joiner.
    pub(crate) life: Life,
    /// Whether it is parked, and what ended the park. Written by the holder of its home; an atomic
    /// for dumps.
    pub(crate) park: ParkWord,
    /// COUNTED_BIT, LOCAL_BIT, LARGE_BIT, HOOKED_BIT. Read and written by whoever holds the task.
    pub(crate) flags: Cell<u8>,
    /// How many `forbid_yield` guards are alive. Read and written by the goroutine itself.
    pub(crate) forbid: Cell<u8>,
    /// What it waits for and since when; before it starts, what stack it wants. Written by the
    /// goroutine at each park, read by dumps and by the root that starts it.
    pub(crate) wait: WaitWord,
    /// The home that it lives in; before it starts, its runtime with HOMELESS_BIT. Opaque here;
    /// `sched` writes it.
    pub(crate) home: AtomicPtr<()>,
    /// The operations for its types. Written when the cell is filled, read by whoever holds it.
    pub(crate) vtable: Cell<*const TaskVTable>,
    /// The coroutine whose stack it is on, once parked; null while fresh, and again once it has
    /// ended (D3). Opaque here; `sched` writes it. Atomic for dumps.
    pub(crate) coroutine: AtomicPtr<()>,
    /// 0 while the cell is free; unique in the process. Written when it is spawned and when the
    /// cell is freed. Atomic for dumps.
    pub(crate) id: AtomicU64,
    /// Where it was spawned: a `&'static Location`, or null. Written when the cell is filled.
    /// Atomic for dumps.
    pub(crate) site: AtomicPtr<Location<'static>>,
    /// What few goroutines have, name and local values, or null. Read and written by `extras`
    /// only. Atomic for dumps.
    pub(in crate::runtime::task) extras: AtomicPtr<Extras>,
    /// The joiner's unparker; written before `Life::join`, read after `Finished::WakeJoiner`.
    /// Opaque here.
    pub(crate) joiner: Cell<usize>,
}

impl TaskHeader {
    /// Whether it has not started yet, and belongs to the runtime with this address.
    pub(crate) fn is_homeless_in(&self, runtime: *const ()) -> bool {
        let home = self.home.load(Ordering::Relaxed);
        home.addr() == runtime.addr() | HOMELESS_BIT
    }
}

/// The first payload byte: right behind the header.
pub(crate) const PAYLOAD_OFFSET: usize = size_of::<TaskHeader>();
const _: () = assert!(PAYLOAD_OFFSET == 72);

/// A live cell.
///
/// Holding one means: by the table in `task`, or because a join handle or the unpark contract keeps
/// it alive, the cell is not freed while this is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskRef(NonNull<TaskHeader>);

// SAFETY: a TaskRef moves between threads as the right to run the task, or to unpark it; the
// closure inside is Send, or LOCAL_BIT is set and the scheduler keeps the task in its home. Fields
// in `Cell`s are touched only by the holder that the table in `task` names.
unsafe impl Send for TaskRef {}

impl TaskRef {
    /// # Safety
    /// The cell is live, and stays so while the result or a copy of it is used.
    pub(crate) const unsafe fn new(header: NonNull<TaskHeader>) -> Self {
        Self(header)
    }

    /// # Safety
    /// As `new`, for a pointer that is not null.
    pub(crate) unsafe fn from_ptr(header: *mut TaskHeader) -> Option<Self> {
        NonNull::new(header).map(Self)
    }

    pub(crate) const fn as_ptr(self) -> *mut TaskHeader {
        self.0.as_ptr()
    }

    /// Whether it has not started; for its holder.
    pub(crate) fn is_fresh(self) -> bool {
        self.coroutine.load(Ordering::Relaxed).is_null()
    }

    pub(crate) fn has(self, flag: u8) -> bool {
        self.flags.get() & flag != 0
    }

    pub(crate) fn set(self, flag: u8) {
        self.flags.set(self.flags.get() | flag);
    }

    pub(crate) fn id(self) -> u64 {
        self.id.load(Ordering::Relaxed)
    }

    pub(crate) fn site(self) -> Option<&'static Location<'static>> {
        let site = self.site.load(Ordering::Relaxed);
        // SAFETY: only `&'static Location`s are stored.
        unsafe { site.as_ref() }
    }

    pub(crate) fn vtable(self) -> &'static TaskVTable {
        // SAFETY: a live cell's vtable was written when it was filled, from a `&'static`.
        unsafe { &*self.vtable.get() }
    }

    /// The first byte of the payload.
    pub(crate) fn payload(self) -> *mut u8 {
        // SAFETY: every cell is larger than its header.
        unsafe { self.0.as_ptr().cast::<u8>().add(PAYLOAD_OFFSET) }
    }
}

impl Deref for TaskRef {
    type Target = TaskHeader;

    fn deref(&self) -> &TaskHeader {
        // SAFETY: a TaskRef is only held while the cell is live.
        unsafe { self.0.as_ref() }
    }
}

/// How the closure came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskOutcome {
    /// It returned.
    Returned,
    /// It panicked; the payload is the output.
    Panicked,
    /// It called `goexit`.
    Exited,
}

/// The typed operations on a cell, for code that does not know the types.
#[derive(Debug)]
pub(crate) struct TaskVTable {
    pub(in crate::runtime::task) run: unsafe fn(TaskRef) -> TaskOutcome,
    pub(in crate::runtime::task) drop_closure: unsafe fn(TaskRef),
    pub(in crate::runtime::task) drop_output: unsafe fn(TaskRef),
    pub(in crate::runtime::task) set_error: unsafe fn(TaskRef, Box<dyn Any + Send>),
    pub(in crate::runtime::task) output: unsafe fn(TaskRef) -> *mut (),
    pub(in crate::runtime::task) free_box: unsafe fn(TaskRef),
}

/// One goroutine-local value, found by the address of its key.
pub(crate) type LocalValue = (usize, Box<dyn Any>);

/// The rare part of a goroutine; allocated on first need. Only `extras` looks into it.
#[derive(Default, Debug)]
pub(crate) struct Extras {
    pub(in crate::runtime::task) name: Option<Arc<str>>,
    /// The goroutine's own, while others may read the name.
    pub(in crate::runtime::task) locals: UnsafeCell<Vec<LocalValue>>,
    /// The key of the value that is being dropped at the goroutine's end, or 0.
    pub(in crate::runtime::task) dropping: Cell<usize>,
    /// How often all values have been dropped at the goroutine's end.
    pub(in crate::runtime::task) rounds: Cell<u32>,
}

/// What a spawn says of a new goroutine.
pub(crate) struct SpawnInfo {
    /// Its id; 0 if it gets one later.
    pub(crate) id: u64,
    /// Where it is spawned.
    pub(crate) site: &'static Location<'static>,
    /// The size of stack that it wants, as the index of a `SizeClass`.
    pub(crate) stack_class: u8,
    /// LOCAL_BIT or 0.
    pub(crate) flags: u8,
    /// What it belongs to, an address; see `TaskHeader::home`.
    pub(crate) runtime: *mut (),
}

/// Writes a header into cell memory; `size` is LARGE_BIT or 0.
///
/// # Safety
/// `at` is an unused cell from the pool, of this size.
pub(crate) unsafe fn write_header(
    at: NonNull<TaskHeader>,
    size: u8,
    vtable: &'static TaskVTable,
    info: &SpawnInfo,
) -> TaskRef {
    // SAFETY: the memory is a valid header (zeroes are one), ours alone but for dumps, which read
    // atomics only.
    let header = unsafe { at.as_ref() };
    header.next.store(ptr::null_mut(), Ordering::Relaxed);
    header.life.reset();
    header.park.reset();
    header.flags.set(info.flags | size);
    header.forbid.set(0);
    header.wait.reset(info.stack_class);
    let homeless = info.runtime.map_addr(|addr| addr | HOMELESS_BIT);
    header.home.store(homeless, Ordering::Relaxed);
    header.vtable.set(vtable);
    header.coroutine.store(ptr::null_mut(), Ordering::Relaxed);
    header
        .site
        .store(ptr::from_ref(info.site).cast_mut(), Ordering::Relaxed);
    header.extras.store(ptr::null_mut(), Ordering::Relaxed);
    header.id.store(info.id, Ordering::Relaxed);
    // SAFETY: the cell is live from here on.
    unsafe { TaskRef::new(at) }
}
