//! `OnceCell<T>` and `Lazy<T, F>`: values made once. The state machine is in `raw_once`.

use crate::sync::raw_once::{IfPoisoned, OnPanic, RawOnce};
use std::{
    cell::{Cell, UnsafeCell},
    fmt,
    marker::PhantomData,
    ops::Deref,
    panic::{RefUnwindSafe, UnwindSafe},
};

/// A cell that is written once and then read by anyone; `std::sync::OnceLock` for goroutines.
///
/// # Examples
/// ```
/// use gort::sync::OnceCell;
///
/// static HOST: OnceCell<String> = OnceCell::new();
/// assert_eq!(HOST.get(), None);
/// assert_eq!(HOST.get_or_init(|| "localhost".into()), "localhost");
/// assert_eq!(HOST.set("elsewhere".into()), Err("elsewhere".into()));
/// ```
#[doc(alias = "OnceLock")]
#[doc(alias = "OnceValue")]
pub struct OnceCell<T> {
    /// Whether the value is there, and who makes it.
    once: RawOnce,
    /// `Some` exactly when `once` is done. Written by the one that runs the initialiser, or through
    /// `&mut`.
    value: UnsafeCell<Option<T>>,
    /// Dropping the cell drops a `T`.
    _owns: PhantomData<T>,
}

// SAFETY: `&T` is handed to many threads (`T: Sync`), and one thread may put in what another takes
// out or drops (`T: Send`).
unsafe impl<T: Send + Sync> Sync for OnceCell<T> {}

impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceCell<T> {}
impl<T: UnwindSafe> UnwindSafe for OnceCell<T> {}

impl<T> OnceCell<T> {
    /// An empty cell. Usable in statics.
    ///
    /// ```
    /// static CELL: gort::sync::OnceCell<u8> = gort::sync::OnceCell::new();
    /// assert!(CELL.get().is_none());
    /// ```
    pub const fn new() -> Self {
        Self {
            once: RawOnce::new(),
            value: UnsafeCell::new(None),
            _owns: PhantomData,
        }
    }

    /// The value, if there is one. Never parks, not even while an initialiser runs.
    ///
    /// ```
    /// assert_eq!(gort::sync::OnceCell::from(7).get(), Some(&7));
    /// ```
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if !self.once.is_done() {
            return None;
        }
        // SAFETY: done: nobody writes any more for as long as `self` is shared.
        unsafe { &*self.value.get() }.as_ref()
    }

    /// The value, if there is one, to change it.
    ///
    /// ```
    /// let mut cell = gort::sync::OnceCell::from(7);
    /// *cell.get_mut().unwrap() += 1;
    /// assert_eq!(cell.get(), Some(&8));
    /// ```
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_mut()
    }

    /// Puts `value` in; parks the caller while another's initialiser runs.
    ///
    /// # Errors
    /// Gives `value` back if the cell is full.
    ///
    /// ```
    /// let cell = gort::sync::OnceCell::new();
    /// assert_eq!(cell.set(1), Ok(()));
    /// assert_eq!(cell.set(2), Err(2));
    /// ```
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init_with(|| value.take());
        value.map_or(Ok(()), Err)
    }

    /// The value; if there is none, the one that `f` makes. Parks the caller while another's `f`
    /// runs. Calling it again from within `f` is a deadlock.
    ///
    /// # Panics
    /// A panic of `f` passes through; the cell stays empty, and the next caller tries its own.
    ///
    /// ```
    /// let cell = gort::sync::OnceCell::new();
    /// assert_eq!(cell.get_or_init(|| 1), &1);
    /// assert_eq!(cell.get_or_init(|| 2), &1);
    /// ```
    #[inline]
    pub fn get_or_init<F: FnOnce() -> T>(&self, f: F) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        self.get_or_init_with(|| Some(f()))
            .expect("an initialiser that returned has filled the cell")
    }

    /// Runs `f` if the cell is empty; `None` from it leaves the cell as it was.
    fn get_or_init_with(&self, f: impl FnOnce() -> Option<T>) -> Option<&T> {
        if !self.once.is_done() {
            self.once.run(IfPoisoned::Run, OnPanic::Retry, |_| {
                let made = f();
                let full = made.is_some();
                if full {
                    // SAFETY: we are the one that runs the initialiser, and it is not done: nobody
                    // else reads or writes. What was there is `None`, so nothing of the user's is
                    // dropped.
                    unsafe { *self.value.get() = made };
                }
                full
            });
        }
        self.get()
    }

    /// Takes the value out and leaves the cell empty.
    ///
    /// ```
    /// let mut cell = gort::sync::OnceCell::from(7);
    /// assert_eq!((cell.take(), cell.take()), (Some(7), None));
    /// ```
    pub fn take(&mut self) -> Option<T> {
        std::mem::take(self).into_inner()
    }

    /// The value, out of the cell.
    ///
    /// ```
    /// assert_eq!(gort::sync::OnceCell::from(7).into_inner(), Some(7));
    /// ```
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> Self {
        Self {
            once: RawOnce::new_done(),
            value: UnsafeCell::new(Some(value)),
            _owns: PhantomData,
        }
    }
}

impl<T: Clone> Clone for OnceCell<T> {
    fn clone(&self) -> Self {
        self.get().cloned().map_or_else(Self::new, Self::from)
    }
}

impl<T: PartialEq> PartialEq for OnceCell<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceCell<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_tuple("OnceCell");
        match self.get() {
            Some(value) => out.field(value),
            None => out.field(&format_args!("<uninit>")),
        };
        out.finish()
    }
}

/// A value that is made when it is first needed; `std::sync::LazyLock` for goroutines.
///
/// # Examples
/// ```
/// use gort::sync::{Lazy, Mutex};
///
/// static LOG: Lazy<Mutex<Vec<String>>> = Lazy::new(|| Mutex::new(vec!["begin".into()]));
/// LOG.lock().push("end".into());
/// assert_eq!(LOG.lock().len(), 2);
/// ```
#[doc(alias = "LazyLock")]
#[doc(alias = "OnceValue")]
pub struct Lazy<T, F = fn() -> T> {
    /// The value, once somebody has asked for it.
    cell: OnceCell<T>,
    /// Taken by the one that runs it, inside `cell`'s initialiser. Gone and the cell empty: it
    /// panicked.
    init: Cell<Option<F>>,
}

// SAFETY: `cell` is `Sync` by itself; `init` is only reached inside the initialiser of `cell`, by
// one thread at a time, to which that moves `F` (`F: Send`). No `&F` is ever shared.
unsafe impl<T, F: Send> Sync for Lazy<T, F> where OnceCell<T>: Sync {}

impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for Lazy<T, F> {}
impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for Lazy<T, F> {}

impl<T, F: FnOnce() -> T> Lazy<T, F> {
    /// A value that `f` will make. Usable in statics.
    ///
    /// ```
    /// let answer = gort::sync::Lazy::new(|| 42);
    /// assert_eq!(*answer, 42);
    /// ```
    pub const fn new(f: F) -> Self {
        Self {
            cell: OnceCell::new(),
            init: Cell::new(Some(f)),
        }
    }

    /// The value, made now if need be; parks the caller while another makes it. Dereferencing does
    /// the same.
    ///
    /// # Panics
    /// If making it panicked before. A panic of making it passes through.
    ///
    /// ```
    /// use gort::sync::Lazy;
    /// let answer = Lazy::new(|| 42);
    /// assert_eq!(Lazy::force(&answer), &42);
    /// ```
    #[inline]
    pub fn force(this: &Self) -> &T {
        this.cell.get_or_init(|| match this.init.take() {
            Some(f) => f(),
            None => panic!("sync: Lazy instance has previously been poisoned by a panic"),
        })
    }
}

impl<T, F: FnOnce() -> T> Deref for Lazy<T, F> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        Self::force(self)
    }
}

impl<T: Default> Default for Lazy<T> {
    fn default() -> Self {
        Self::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for Lazy<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_tuple("Lazy");
        match self.cell.get() {
            Some(value) => out.field(value),
            None => out.field(&format_args!("<uninit>")),
        };
        out.finish()
    }
}
