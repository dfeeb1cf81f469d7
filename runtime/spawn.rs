//! Spawning goroutines.

use crate::runtime::{
    default,
    goroutine::Goroutine,
    join::JoinHandle,
    sched::{current, events, roster::Roster, worker::WorkerCore},
    stack::SizeClass,
    task::{
        cell, extras,
        header::{Birth, LOCAL, TaskRef},
        pool::{self, Shared},
    },
};
use std::{io, panic::Location, sync::Arc};

/// Starts a goroutine that runs `f`. Does not park.
///
/// From a goroutine it goes to the same runtime; from any other thread to the default one, which is started on first use.
///
/// The goroutine starts on any worker, and once started stays on that worker's thread (see [Soundness](crate#soundness)).
///
/// # Panics
/// If the default runtime has to be started and cannot be: no threads, or a bad environment variable.
///
/// # Examples
/// ```
/// let handle = gort::spawn(|| 6 * 7);
/// assert_eq!(handle.join().unwrap(), 42);
/// ```
#[doc(alias = "go")]
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // SAFETY: F and T are Send and 'static.
    unsafe { spawn_unchecked(f, None, Location::caller()) }
}

/// Starts a goroutine on this worker, where it stays; so neither `f` nor what it returns need be `Send`. Does not park.
///
/// # Panics
/// Outside a goroutine: there is no worker to stay on.
///
/// # Examples
/// ```
/// use std::rc::Rc;
/// gort::runtime::Builder::new().build()?.run(|| {
///     let shared = Rc::new(1);
///     let other = Rc::clone(&shared);
///     let handle = gort::spawn_local(move || *other + 1);
///     assert_eq!(handle.join().unwrap(), 2);
/// });
/// # std::io::Result::Ok(())
/// ```
#[track_caller]
pub fn spawn_local<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    let site = Location::caller();
    // SAFETY: used up at once.
    let (core, _) = unsafe { current::task() }.expect(
        "gort::spawn_local was called outside a goroutine, where there is no worker to stay on: use spawn",
    );
    // SAFETY: 'static, and LOCAL keeps closure and output on this thread.
    unsafe { spawn_on(core, f, None, core.roster.default_class, LOCAL, site) }
}

/// As [`spawn`], without the bounds.
///
/// # Safety
/// `f` and `T` may go to another thread, and live until the goroutine has ended and its output is taken.
pub(crate) unsafe fn spawn_unchecked<F, T>(
    f: F,
    settings: Option<&Builder>,
    site: &'static Location<'static>,
) -> JoinHandle<T>
where
    F: FnOnce() -> T,
{
    // SAFETY: used up at once.
    match unsafe { current::core() } {
        Some(core) => {
            let class = class_of(settings, &core.roster);
            // SAFETY: passed on.
            unsafe { spawn_on(core, f, name_of(settings), class, 0, site) }
        }
        None => {
            let roster = default::roster();
            let class = class_of(settings, roster);
            // SAFETY: passed on.
            unsafe { spawn_outside(roster, f, name_of(settings), class, site) }
        }
    }
}

fn class_of(settings: Option<&Builder>, roster: &Roster) -> SizeClass {
    settings
        .and_then(|s| s.class)
        .unwrap_or(roster.default_class)
}

fn name_of(settings: Option<&Builder>) -> Option<Arc<str>> {
    settings.and_then(|s| s.name.clone())
}

/// # Safety
/// As [`spawn_unchecked`]; with `LOCAL`, closure and output stay on the worker's thread.
unsafe fn spawn_on<F, T>(
    core: &WorkerCore,
    f: F,
    name: Option<Arc<str>>,
    class: SizeClass,
    flags: u8,
    site: &'static Location<'static>,
) -> JoinHandle<T>
where
    F: FnOnce() -> T,
{
    let birth = Birth {
        id: core.take_id(),
        site,
        stack_class: class.index() as u8,
        flags,
        runtime: core.roster.address(),
        movable: core.roster.config.migrate,
    };
    let task = cell::new_task(&core.cells, &birth, f);
    // SAFETY: made for `f`, and not published yet.
    let handle = unsafe { handle_of(task, name) };
    core.submit(task);
    handle
}

/// Spawns from a thread that is no worker of the runtime.
///
/// # Safety
/// As [`spawn_unchecked`].
pub(crate) unsafe fn spawn_outside<F, T>(
    roster: &Roster,
    f: F,
    name: Option<Arc<str>>,
    class: SizeClass,
    site: &'static Location<'static>,
) -> JoinHandle<T>
where
    F: FnOnce() -> T,
{
    let birth = Birth {
        id: pool::take_ids(1),
        site,
        stack_class: class.index() as u8,
        flags: 0,
        runtime: roster.address(),
        movable: roster.config.migrate,
    };
    let task = cell::new_task(&Shared, &birth, f);
    // SAFETY: made for `f`, and not published yet.
    let handle = unsafe { handle_of(task, name) };
    roster.submit_outside(task);
    handle
}

/// # Safety
/// As [`JoinHandle::new`].
unsafe fn handle_of<T>(task: TaskRef, name: Option<Arc<str>>) -> JoinHandle<T> {
    if let Some(name) = &name {
        // SAFETY: not published yet.
        unsafe { extras::set_name(task, Arc::clone(name)) };
    }
    events::spawned(task);
    // SAFETY: passed on.
    unsafe { JoinHandle::new(task, Goroutine::of(task, name)) }
}

/// Settings for one goroutine. As [`std::thread::Builder`].
///
/// # Examples
/// ```
/// let handle = gort::Builder::new()
///     .name("deep".into())
///     .stack_size(4 << 20)
///     .spawn(|| gort::current().name().map(str::to_owned))?;
/// assert_eq!(handle.join().unwrap().as_deref(), Some("deep"));
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Builder {
    name: Option<Arc<str>>,
    stack_size: Option<usize>,
    class: Option<SizeClass>,
}

impl Builder {
    /// No name, and the runtime's stack size.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the goroutine, for dumps and reports.
    #[must_use]
    pub fn name(mut self, name: String) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The bytes that its stack must hold, at least; rounded up to a power of two. Only what is touched takes memory.
    #[must_use]
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Starts the goroutine. Does not park.
    ///
    /// # Errors
    /// `InvalidInput` if the stack size is 0 or absurd; the text says what is allowed.
    ///
    /// # Panics
    /// As [`spawn`].
    #[track_caller]
    pub fn spawn<F, T>(mut self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.class = self.stack_size.map(SizeClass::for_bytes).transpose()?;
        // SAFETY: F and T are Send and 'static.
        Ok(unsafe { spawn_unchecked(f, Some(&self), Location::caller()) })
    }
}
