//! Spawning goroutines.

use crate::runtime::{
    entry::default,
    goroutine::{handle::Goroutine, join::JoinHandle},
    sched::{
        events,
        home::{current, held::Held},
        scheduler::Scheduler,
        worker::{
            current::{worker, worker_in},
            data::Worker,
            submit,
        },
    },
    stack::SizeClass,
    task::{
        cell, extras,
        header::{LOCAL_BIT, PAYLOAD_OFFSET, SpawnInfo, TaskRef},
        pool::{self, SharedCells},
    },
};
use std::{io, panic::Location, sync::Arc};

/// Starts a goroutine that runs `f`. Does not park.
///
/// From a goroutine it goes to the same runtime; from any other thread to the default one, which is
/// started on first use.
///
/// The goroutine starts on any worker, and once started keeps its thread (see
/// [Soundness](crate#soundness)).
///
/// # Panics
/// If the default runtime has to be started and cannot be: no threads, or a bad environment
/// variable.
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

/// Starts a goroutine on the caller's thread, where it stays; so neither `f` nor what it returns
/// need be `Send`. Does not park.
///
/// # Panics
/// Outside a goroutine: there is no thread for goroutines to stay on.
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
    let (here, _) = current::task().expect(
        "gort::spawn_local was called outside a goroutine, where there is no thread to stay on: use spawn",
    );
    // SAFETY: used up in here, with no suspend.
    let worker = unsafe { worker_in(here) };
    let scheduler = worker.scheduler;
    let info = SpawnInfo {
        flags: LOCAL_BIT,
        ..info_of(worker.ids.take(), site, scheduler.default_class, scheduler)
    };
    if is_large::<F>() {
        let boxed: Box<dyn FnOnce() -> T> = Box::new(f);
        // SAFETY: as below.
        return unsafe { spawn_on(worker, here, boxed, None, &info) };
    }
    // SAFETY: 'static, and LOCAL_BIT keeps closure and output in this home.
    unsafe { spawn_on(worker, here, f, None, &info) }
}

/// Whether a closure is moved into a box at once, and called there: what is larger may not fit the
/// stacks through which it would be passed, the goroutine's or the caller's. As large as what does
/// not fit a cell, which takes an allocation in any case.
pub(crate) const fn is_large<F>() -> bool {
    pool::Class::fitting(size_of::<F>() + PAYLOAD_OFFSET, 1).is_none()
}

/// As [`spawn`], without the bounds.
///
/// # Safety
/// `f` and `T` may go to another thread, and live until the goroutine has ended and its output is
/// taken.
pub(crate) unsafe fn spawn_unchecked<F, T>(
    f: F,
    settings: Option<&Builder>,
    site: &'static Location<'static>,
) -> JoinHandle<T>
where
    F: FnOnce() -> T,
{
    if is_large::<F>() {
        let boxed: Box<dyn FnOnce() -> T + '_> = Box::new(f);
        // SAFETY: passed on: the box is as its content.
        return unsafe { spawn_sized(boxed, settings, site) };
    }
    // SAFETY: passed on.
    unsafe { spawn_sized(f, settings, site) }
}

/// # Safety
/// As [`spawn_unchecked`].
unsafe fn spawn_sized<F, T>(
    f: F,
    settings: Option<&Builder>,
    site: &'static Location<'static>,
) -> JoinHandle<T>
where
    F: FnOnce() -> T,
{
    // SAFETY: used up at once.
    match (current::home(), unsafe { worker() }) {
        (Some(here), Some(worker)) => {
            let class = class_of(settings, worker.scheduler);
            let info = info_of(worker.ids.take(), site, class, worker.scheduler);
            // SAFETY: passed on.
            unsafe { spawn_on(worker, here, f, name_of(settings), &info) }
        }
        _ => {
            let scheduler = default::scheduler();
            let class = class_of(settings, scheduler);
            // SAFETY: passed on.
            unsafe { spawn_outside_sized(scheduler, f, name_of(settings), class, site) }
        }
    }
}

fn class_of(settings: Option<&Builder>, scheduler: &Scheduler) -> SizeClass {
    settings
        .and_then(|s| s.class)
        .unwrap_or(scheduler.default_class)
}

fn name_of(settings: Option<&Builder>) -> Option<Arc<str>> {
    settings.and_then(|s| s.name.clone())
}

/// # Safety
/// As [`spawn_unchecked`]; with `LOCAL_BIT`, closure and output stay in the home. The caller is in
/// `here`, carried by `worker`.
unsafe fn spawn_on<F, T>(
    worker: &Worker,
    here: Held,
    f: F,
    name: Option<Arc<str>>,
    info: &SpawnInfo,
) -> JoinHandle<T>
where
    F: FnOnce() -> T,
{
    let task = cell::new_task(&worker.cells, info, f);
    // SAFETY: made for `f`, and not published yet.
    let handle = unsafe { handle_of(task, name) };
    submit::submit(worker, here, task);
    handle
}

/// Spawns from a thread that is no worker of the runtime.
///
/// # Safety
/// As [`spawn_unchecked`].
pub(crate) unsafe fn spawn_outside<F, T>(
    scheduler: &Scheduler,
    f: F,
    name: Option<Arc<str>>,
    class: SizeClass,
    site: &'static Location<'static>,
) -> JoinHandle<T>
where
    F: FnOnce() -> T,
{
    if is_large::<F>() {
        let boxed: Box<dyn FnOnce() -> T + '_> = Box::new(f);
        // SAFETY: passed on: the box is as its content.
        return unsafe { spawn_outside_sized(scheduler, boxed, name, class, site) };
    }
    // SAFETY: passed on.
    unsafe { spawn_outside_sized(scheduler, f, name, class, site) }
}

/// # Safety
/// As [`spawn_unchecked`].
unsafe fn spawn_outside_sized<F, T>(
    scheduler: &Scheduler,
    f: F,
    name: Option<Arc<str>>,
    class: SizeClass,
    site: &'static Location<'static>,
) -> JoinHandle<T>
where
    F: FnOnce() -> T,
{
    let info = info_of(pool::take_ids(1), site, class, scheduler);
    let task = cell::new_task(&SharedCells, &info, f);
    // SAFETY: made for `f`, and not published yet.
    let handle = unsafe { handle_of(task, name) };
    submit::submit_outside(scheduler, task);
    handle
}

/// What a spawn says of a goroutine that any worker may start.
pub(crate) fn info_of(
    id: u64,
    site: &'static Location<'static>,
    class: SizeClass,
    scheduler: &Scheduler,
) -> SpawnInfo {
    SpawnInfo {
        id,
        site,
        stack_class: class.index() as u8,
        flags: 0,
        runtime: scheduler.address(),
    }
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
    ///
    /// # Examples
    /// ```
    /// let handle = gort::Builder::new().spawn(|| 1 + 1)?; // as gort::spawn does
    /// assert_eq!(handle.join().unwrap(), 2);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the goroutine, for dumps and reports.
    ///
    /// # Examples
    /// ```
    /// let handle = gort::Builder::new().name("clerk".into()).spawn(|| ())?;
    /// assert_eq!(handle.goroutine().name(), Some("clerk"));
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn name(mut self, name: String) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The bytes that its stack must hold, at least; rounded up to a power of two. Only what is
    /// touched takes memory.
    ///
    /// # Examples
    /// ```
    /// let deep = gort::Builder::new().stack_size(8 << 20).spawn(|| {
    ///     let large = std::hint::black_box([1_u8; 1 << 20]);
    ///     large.len()
    /// })?;
    /// assert_eq!(deep.join().unwrap(), 1 << 20);
    /// # std::io::Result::Ok(())
    /// ```
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
    ///
    /// # Examples
    /// ```
    /// let refused = gort::Builder::new().stack_size(0).spawn(|| ());
    /// assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
    /// ```
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
