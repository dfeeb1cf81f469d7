//! Errors that say which goroutine did not return, and why.
#![forbid(unsafe_code)]

use crate::runtime::{
    goroutine::handle::{self, Goroutine},
    task::cell::{GoexitPayload, UnstartedPayload},
};
use std::{
    any::Any,
    error::Error,
    fmt,
    sync::{Mutex, PoisonError},
};

type Payload = Box<dyn Any + Send>;

/// Why [`JoinHandle::try_join`](crate::JoinHandle::try_join) has no value: the goroutine panicked,
/// called [`goexit`](crate::runtime::goexit), or was dropped before it could start, since its
/// runtime shut down.
///
/// Its text names the goroutine, with its spawn site, and gives the panic's message. It is an
/// [`Error`] that is `Send` and `Sync`, so that `?` passes it on.
///
/// # Examples
/// ```
/// use std::error::Error;
///
/// fn double(text: &'static str) -> Result<i32, Box<dyn Error + Send + Sync>> {
///     let number = gort::go!(move || text.parse::<i32>().unwrap()).try_join()?;
///     Ok(2 * number)
/// }
/// assert_eq!(double("21").unwrap(), 42);
/// let error = double("many").unwrap_err();
/// assert!(error.to_string().starts_with("goroutine ")); // "..., spawned at ..., panicked: ..."
/// ```
pub struct JoinError {
    goroutine: Goroutine,
    how: How,
}

/// How it ended.
enum How {
    /// The lock is never contended: it is there to make the payload `Sync`.
    Panicked(Mutex<Payload>),
    Exited,
    Unstarted,
}

impl JoinError {
    pub(crate) fn new(goroutine: Goroutine, payload: Payload) -> Self {
        let how = if payload.is::<GoexitPayload>() {
            How::Exited
        } else if payload.is::<UnstartedPayload>() {
            How::Unstarted
        } else {
            How::Panicked(Mutex::new(payload))
        };
        Self { goroutine, how }
    }

    /// Which goroutine it was.
    ///
    /// # Examples
    /// ```
    /// let clerk = gort::Builder::new().name("clerk".into()).spawn(|| panic!("no ink"))?;
    /// let error = clerk.try_join().unwrap_err();
    /// assert_eq!(error.goroutine().name(), Some("clerk"));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn goroutine(&self) -> &Goroutine {
        &self.goroutine
    }

    /// Whether it panicked.
    ///
    /// # Examples
    /// ```
    /// let left = gort::go!(|| gort::runtime::goexit());
    /// assert!(!left.try_join().unwrap_err().is_panic());
    /// ```
    pub fn is_panic(&self) -> bool {
        matches!(self.how, How::Panicked(_))
    }

    /// The panic's payload, for [`resume_unwind`](std::panic::resume_unwind).
    ///
    /// # Panics
    /// If the goroutine did not panic; see [`try_into_panic`](Self::try_into_panic).
    ///
    /// # Examples
    /// ```
    /// let failed = gort::go!(|| panic!("no luck"));
    /// let payload = failed.try_join().unwrap_err().into_panic();
    /// assert_eq!(payload.downcast_ref(), Some(&"no luck"));
    /// ```
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(error) => panic!("JoinError::into_panic: it did not panic: {error}"),
        }
    }

    /// The panic's payload.
    ///
    /// # Errors
    /// The error itself, if the goroutine did not panic.
    ///
    /// # Examples
    /// ```
    /// let left = gort::go!(|| gort::runtime::goexit());
    /// let error = left.try_join().unwrap_err().try_into_panic().unwrap_err();
    /// assert!(error.to_string().ends_with("called goexit"));
    /// ```
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, Self> {
        match self.how {
            How::Panicked(payload) => {
                Ok(payload.into_inner().unwrap_or_else(PoisonError::into_inner))
            }
            how => Err(Self { how, ..self }),
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = &self.goroutine;
        match &self.how {
            How::Panicked(payload) => {
                let payload = payload.lock().unwrap_or_else(PoisonError::into_inner);
                write!(f, "{who}, panicked: {}", text_of(&**payload))
            }
            How::Exited => write!(f, "{who}, called goexit"),
            How::Unstarted => write!(f, "{who}, never started: its runtime shut down"),
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl Error for JoinError {}

/// A goroutine's panic, in words: who, and with what message. The payload itself is the joiner's.
///
/// What [`WaitGroup::wait_all`](crate::sync::WaitGroup::wait_all) fails with.
///
/// # Examples
/// ```
/// let group = gort::sync::WaitGroup::new();
/// let id = group.go(|| panic!("no luck")).goroutine().id();
/// let error = group.wait_all().unwrap_err();
/// assert_eq!((error.goroutine().id(), error.message()), (id, "no luck"));
/// ```
#[derive(Clone, Debug)]
pub struct PanicError {
    goroutine: Goroutine,
    message: String,
}

impl PanicError {
    /// Of the goroutine that calls.
    pub(crate) fn of_current(payload: &Payload) -> Option<Self> {
        Some(Self {
            goroutine: handle::try_current()?,
            message: text_of(&**payload).to_owned(),
        })
    }

    /// Which goroutine it was.
    ///
    /// # Examples
    /// ```
    /// let group = gort::sync::WaitGroup::new();
    /// group.go(|| panic!("no luck"));
    /// let error = group.wait_all().unwrap_err();
    /// assert_eq!(error.goroutine().spawned_at().unwrap().file(), file!());
    /// ```
    pub fn goroutine(&self) -> &Goroutine {
        &self.goroutine
    }

    /// The message it panicked with; `Box<dyn Any>` if that was no text.
    ///
    /// # Examples
    /// ```
    /// let group = gort::sync::WaitGroup::new();
    /// group.go(|| panic!("no luck, {}", 13));
    /// assert_eq!(group.wait_all().unwrap_err().message(), "no luck, 13");
    /// ```
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for PanicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, panicked: {}", self.goroutine, self.message)
    }
}

impl Error for PanicError {}

/// What a panic's payload says, in std's words if it is no text.
fn text_of(payload: &(dyn Any + Send)) -> &str {
    match payload.downcast_ref::<&'static str>() {
        Some(text) => text,
        None => payload
            .downcast_ref::<String>()
            .map_or("Box<dyn Any>", |text| text),
    }
}
