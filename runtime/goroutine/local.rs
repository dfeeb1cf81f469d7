//! Goroutine-local values: `go_local!`, used as `std::thread_local!`.

use crate::runtime::{
    contain::contain,
    sched::home::current,
    task::{extras, header::TaskRef},
};
use std::{
    any::Any,
    cell::{Cell, RefCell},
    fmt, ptr,
};

thread_local! {
    /// The values of plain threads.
    static THREAD_VALUES: ThreadValues = const { ThreadValues(RefCell::new(Vec::new())) };
}

/// Drops its values newest first. They may use others meanwhile, but not find these any more: the
/// thread-local is gone by then.
struct ThreadValues(RefCell<Vec<(usize, Box<dyn Any>)>>);

impl Drop for ThreadValues {
    fn drop(&mut self) {
        while let Some((key, newest)) = self.0.get_mut().pop() {
            // As a goroutine's: a panic ends there, and not the process.
            contain(|| drop_value(key, newest));
        }
    }
}

thread_local! {
    /// The keys whose values are being dropped on this thread, as it ends: the innermost one. Has
    /// no destructor.
    static DROPPING: Cell<*const Dropping> = const { Cell::new(ptr::null()) };
}

/// One of them, on the stack of whoever drops its value.
struct Dropping {
    key: usize,
    outer: *const Dropping,
}

impl Drop for Dropping {
    fn drop(&mut self) {
        DROPPING.set(self.outer);
    }
}

/// Drops a thread's value of this key, while it ends.
fn drop_value<T: ?Sized>(key: usize, value: Box<T>) {
    let dropping = Dropping {
        key,
        outer: DROPPING.get(),
    };
    DROPPING.set(&raw const dropping);
    drop(value);
}

/// Whether this thread is dropping a value of this key.
fn is_dropping(key: usize) -> bool {
    let mut next = DROPPING.get();
    // SAFETY: on this thread's stack, in a frame that is not left before it has taken it out.
    while let Some(dropping) = unsafe { next.as_ref() } {
        if dropping.key == key {
            return true;
        }
        next = dropping.outer;
    }
    false
}

/// The key of a goroutine-local value; made by [`go_local!`](crate::go_local).
///
/// # Examples
/// ```
/// use gort::{go_local, runtime::GoLocal};
/// use std::cell::Cell;
///
/// go_local! {
///     static DEPTH: Cell<u32> = Cell::new(0);
/// }
/// fn increment(depth: &'static GoLocal<Cell<u32>>) -> u32 {
///     depth.with(|depth| depth.replace(depth.get() + 1) + 1)
/// }
/// assert_eq!(gort::go!(|| (increment(&DEPTH), increment(&DEPTH))).join().unwrap(), (1, 2));
/// ```
pub struct GoLocal<T: 'static> {
    init: fn() -> T,
}

impl<T: 'static> fmt::Debug for GoLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GoLocal").finish_non_exhaustive()
    }
}

impl<T: 'static> GoLocal<T> {
    #[doc(hidden)]
    pub const fn new(init: fn() -> T) -> Self {
        Self { init }
    }

    /// Calls `f` with this goroutine's value, made on first use. On a plain thread: the thread's.
    /// `f` may park.
    ///
    /// The value is dropped when its goroutine (thread) ends, newest first. A destructor that runs
    /// then may use other values. On a thread that drops its values it gets fresh ones, each for
    /// that one call.
    ///
    /// # Panics
    /// In the value's own destructor, as with std's `thread_local!`; and in those of values that
    /// keep making each other. Such a panic ends in the destructor.
    ///
    /// # Examples
    /// ```
    /// use std::cell::RefCell;
    ///
    /// gort::go_local! {
    ///     static LOG: RefCell<Vec<&'static str>> = RefCell::new(Vec::new());
    /// }
    /// let lines = gort::go!(|| {
    ///     LOG.with(|log| log.borrow_mut().push("begin"));
    ///     gort::yield_now(); // others have logs of their own
    ///     LOG.with(|log| log.borrow().len())
    /// });
    /// assert_eq!(lines.join().unwrap(), 1);
    /// ```
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        let value: *const T = match self.find() {
            Some(value) => value,
            None => {
                assert!(
                    self.may_make(),
                    "gort: a go_local! value was used by its own destructor, or by one that it led to, again and again"
                );
                // User code: runs before anything is borrowed.
                let made = Box::new((self.init)());
                match self.find() {
                    Some(value) => value,
                    None => match self.insert(made) {
                        Ok(value) => value,
                        Err(made) => {
                            let result = f(&made);
                            drop_value(self.key(), made);
                            return result;
                        }
                    },
                }
            }
        };
        // SAFETY: boxed, and not dropped before the goroutine (thread) ends, which `f` is part of;
        // only shared references are given out.
        f(unsafe { &*value })
    }

    fn key(&'static self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// Whether a value may be made now; not by its own destructor.
    fn may_make(&'static self) -> bool {
        match task() {
            // SAFETY: we are the goroutine.
            Some(task) => unsafe { extras::may_make_local(task, self.key()) },
            None => !is_dropping(self.key()),
        }
    }

    fn find(&'static self) -> Option<*const T> {
        let look = |values: &Vec<(usize, Box<dyn Any>)>| {
            let (_, value) = values.iter().find(|(key, _)| *key == self.key())?;
            value.downcast_ref::<T>().map(std::ptr::from_ref)
        };
        match task() {
            // SAFETY: we are the goroutine, and nothing else holds its extras now.
            Some(task) => look(unsafe { extras::locals(task) }),
            None => THREAD_VALUES
                .try_with(|values| look(&values.0.borrow()))
                .ok()
                .flatten(),
        }
    }

    /// Keeps a value. Gives it back if this thread keeps none any more, as it ends.
    fn insert(&'static self, value: Box<T>) -> Result<*const T, Box<T>> {
        let pointer = std::ptr::from_ref::<T>(&value);
        let key = self.key();
        if let Some(task) = task() {
            // SAFETY: as in `find`.
            unsafe { extras::locals(task) }.push((key, value));
            return Ok(pointer);
        }
        let mut value = Some(value);
        let kept = THREAD_VALUES.try_with(|values| {
            let value = value.take().map(|value| (key, value as Box<dyn Any>));
            values.0.borrow_mut().extend(value);
        });
        match (kept, value) {
            (Err(_), Some(value)) => Err(value),
            _ => Ok(pointer),
        }
    }
}

fn task() -> Option<TaskRef> {
    current::task().map(|(_, task)| task)
}

/// Declares goroutine-local values, as [`std::thread_local!`] declares thread-local ones. On a
/// plain thread they are thread-local.
///
/// # Examples
/// ```
/// use std::cell::Cell;
/// gort::go_local! {
///     static REQUEST: Cell<u32> = Cell::new(0);
/// }
/// let first = gort::go!(|| REQUEST.with(|r| { r.set(7); r.get() }));
/// let second = gort::go!(|| REQUEST.with(|r| r.get()));
/// assert_eq!(first.join().unwrap(), 7);
/// assert_eq!(second.join().unwrap(), 0);
/// ```
#[macro_export]
macro_rules! go_local {
    ($($(#[$attr:meta])* $vis:vis static $name:ident : $t:ty = $init:expr);+ $(;)?) => {
        $(
            $(#[$attr])*
            $vis static $name: $crate::runtime::GoLocal<$t> =
                $crate::runtime::GoLocal::new(|| $init);
        )+
    };
}
