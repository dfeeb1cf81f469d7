//! Which goroutine: its id and name.

use crate::runtime::{
    goroutine_id::GoroutineId,
    sched::home::current,
    task::{extras, header::TaskRef},
};
use std::{num::NonZeroU64, sync::Arc};

/// A goroutine's id and name: who it is, not a way to control it. As [`std::thread::Thread`] for threads.
///
/// # Examples
/// ```
/// let handle = gort::Builder::new().name("clerk".into()).spawn(gort::current)?;
/// let outside = handle.goroutine().clone();
/// let inside = handle.join().unwrap();
/// assert_eq!((inside.id(), inside.name()), (outside.id(), Some("clerk")));
/// # std::io::Result::Ok(())
/// ```
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
            id: GoroutineId::new(id),
            name,
        }
    }

    /// Its id.
    ///
    /// # Examples
    /// ```
    /// let handle = gort::go!(|| ());
    /// println!("started goroutine {}", handle.goroutine().id());
    /// ```
    pub fn id(&self) -> GoroutineId {
        self.id
    }

    /// The name given by [`Builder::name`](crate::Builder::name), if any.
    ///
    /// # Examples
    /// ```
    /// let clerk = gort::Builder::new().name("clerk".into()).spawn(|| ())?;
    /// assert_eq!(clerk.goroutine().name(), Some("clerk"));
    /// assert_eq!(gort::go!(|| ()).goroutine().name(), None);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

/// The goroutine that calls. Does not park.
///
/// # Panics
/// On a thread that runs no goroutine, unlike [`std::thread::current`], which every thread may call: a plain thread is no goroutine and has no id
/// among them. Code that may be called on either asks [`try_current`].
///
/// # Examples
/// ```
/// let handle = gort::spawn(|| gort::current().id());
/// let id = handle.goroutine().id();
/// assert_eq!(handle.join().unwrap(), id);
/// ```
#[track_caller]
pub fn current() -> Goroutine {
    try_current().expect(
        "gort::current() was called on a thread that runs no goroutine; \
         gort::runtime::try_current() may be called on any",
    )
}

/// The goroutine that calls, or `None` on a thread that runs none. Does not park.
///
/// # Examples
/// ```
/// use gort::runtime::try_current;
///
/// assert!(try_current().is_none()); // a plain thread
/// assert!(gort::go!(|| try_current()).join().unwrap().is_some());
/// ```
pub fn try_current() -> Option<Goroutine> {
    let (_, task) = current::task()?;
    // SAFETY: the caller is the goroutine.
    let name = unsafe { extras::name(task) }.cloned();
    Some(Goroutine::of(task, name))
}
