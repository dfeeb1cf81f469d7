//! Which goroutine: its id and name.

use crate::runtime::{
    sched::current,
    task::{extras, header::TaskRef},
};
use std::{fmt, num::NonZeroU64, sync::Arc};

/// Names one goroutine; never used twice in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GoroutineId(NonZeroU64);

impl GoroutineId {
    /// The number, as dumps and reports show it.
    pub fn as_u64(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for GoroutineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A goroutine's id and name: who it is, not a way to control it. As [`std::thread::Thread`] for threads.
#[derive(Clone, Debug)]
pub struct Goroutine {
    id: GoroutineId,
    name: Option<Arc<str>>,
}

impl Goroutine {
    /// Of a task that cannot run now, or is the caller.
    pub(crate) fn of(task: TaskRef, name: Option<Arc<str>>) -> Self {
        let id = NonZeroU64::new(task.id()).expect("a live goroutine has an id");
        Self {
            id: GoroutineId(id),
            name,
        }
    }

    /// Its id.
    pub fn id(&self) -> GoroutineId {
        self.id
    }

    /// The name given by [`Builder::name`](crate::Builder::name), if any.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// The goroutine that calls. Does not park.
///
/// # Panics
/// On a thread that runs no goroutine; see [`try_current`].
///
/// # Examples
/// ```
/// let handle = gort::spawn(|| gort::current().id());
/// let id = handle.goroutine().id();
/// assert_eq!(handle.join().unwrap(), id);
/// ```
#[track_caller]
pub fn current() -> Goroutine {
    try_current().expect("gort::current() was called on a thread that runs no goroutine")
}

/// The goroutine that calls, or `None` on a thread that runs none. Does not park.
pub fn try_current() -> Option<Goroutine> {
    // SAFETY: the worker is not used.
    let (_, task) = unsafe { current::task() }?;
    // SAFETY: the caller is the goroutine.
    let name = unsafe { extras::name(task) }.cloned();
    Some(Goroutine::of(task, name))
}
