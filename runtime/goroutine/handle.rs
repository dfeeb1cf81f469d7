//! Which goroutine: its id, its name, and where it was spawned.

use crate::runtime::{
    goroutine_id::{self, GoroutineId},
    sched::home::current,
    task::{extras, header::TaskRef},
};
use std::{fmt, num::NonZeroU64, panic::Location, sync::Arc};

/// A goroutine's id, name and spawn site: who it is, not a way to control it. As
/// [`std::thread::Thread`] for threads.
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
    site: Option<&'static Location<'static>>,
}

impl Goroutine {
    /// Of a task that cannot run now, or is the caller.
    pub(crate) fn of(task: TaskRef, name: Option<Arc<str>>) -> Self {
        let id = NonZeroU64::new(task.id()).expect("a live goroutine has an id");
        Self {
            id: GoroutineId::new(id),
            name,
            site: task.site(),
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

    /// Where it was spawned, if that is known.
    ///
    /// # Examples
    /// ```
    /// let handle = gort::go!(|| ());
    /// assert_eq!(handle.goroutine().spawned_at().unwrap().file(), file!());
    /// ```
    pub fn spawned_at(&self) -> Option<&'static Location<'static>> {
        self.site
    }
}

/// `goroutine 12 "worker", spawned at src/main.rs:10:5`, as reports name it.
///
/// # Examples
/// ```
/// let clerk = gort::Builder::new().name("clerk".into()).spawn(|| ())?;
/// let text = clerk.goroutine().to_string();
/// assert!(text.starts_with("goroutine ") && text.contains("\"clerk\", spawned at "));
/// # std::io::Result::Ok(())
/// ```
impl fmt::Display for Goroutine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&goroutine_id::describe(
            self.id.as_u64(),
            self.name(),
            self.site,
        ))
    }
}

/// The goroutine that calls. Does not park.
///
/// # Panics
/// On a thread that runs no goroutine, unlike [`std::thread::current`], which every thread may
/// call: a plain thread is no goroutine and has no id among them. Code that may be called on either
/// asks [`try_current`].
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
