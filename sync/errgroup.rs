//! Goroutines that do parts of one task: `golang.org/x/sync/errgroup`.
//!
//! A [`Group`] starts them, waits for all, and gives the first error; its context, if it has one,
//! ends at the first error, so that the others can give up.
//!
//! | Go | here |
//! |---|---|
//! | `var g errgroup.Group` | [`let g = <Group>::new();`](Group::new) |
//! | `g, ctx := errgroup.WithContext(ctx)` | [`let (g, ctx) = <Group>::with_context(&ctx);`](Group::with_context) |
//! | `g.Go(func() error { ... })` | [`g.go(\|\| { ...; Ok(()) })`](Group::go) |
//! | `g.TryGo(f)`, `g.SetLimit(n)` | [`g.try_go(f)`](Group::try_go), [`g.set_limit(n)`](Group::set_limit) |
//! | `if err := g.Wait(); err != nil` | [`g.wait()?`](Group::wait) |

mod cause;

use crate::{
    context::{self, CancelCauseFunc, Cause, Context},
    runtime::{self, goroutine::spawn, plural, sched::panicked, task::cell::GoexitPayload},
    sync::{
        errgroup::cause::{known_cause, text_cause, text_of},
        raw_wait_group::WaitCounter,
        semaphore::Semaphore,
        spin::SpinLock,
    },
};
use std::{
    any::Any,
    error::Error,
    fmt, mem,
    panic::{self, AssertUnwindSafe, RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

/// Goroutines that do parts of one task; see the [module](self).
///
/// A clone is another handle on the same group, for goroutines of the group that start more of
/// them. Dropping the handles without [`wait`](Self::wait) detaches the goroutines: they go on, and
/// what they return or panic with is lost. The context of [`with_context`](Self::with_context) ends
/// with the last of them.
///
/// Functions that use `?` leave open which error it makes: say it with `Group::<io::Error>::new()`,
/// or with `<Group>::new()` for boxed errors of any kind.
///
/// # Examples
/// ```
/// use gort::sync::{Mutex, errgroup::Group};
/// use std::{num::ParseIntError, sync::Arc};
///
/// let group = Group::<ParseIntError>::new();
/// let sum = Arc::new(Mutex::new(0));
/// for text in ["1", "2", "3"] {
///     let sum = Arc::clone(&sum);
///     group.go(move || {
///         *sum.lock() += text.parse::<i32>()?;
///         Ok(())
///     });
/// }
/// group.wait()?;
/// assert_eq!(*sum.lock(), 6);
/// # Ok::<(), ParseIntError>(())
/// ```
#[doc(alias = "errgroup.Group")]
pub struct Group<E = Box<dyn Error + Send + Sync>> {
    /// What all clones and all members share.
    state: Arc<ErrGroupState<E>>,
}

struct ErrGroupState<E> {
    /// Goroutines that have not ended.
    members: WaitCounter,
    /// How many members may run at once; none without a limit. Replaced by `set_limit`, read by
    /// whoever starts a member.
    limit: SpinLock<Option<Arc<MemberLimit>>>,
    /// Written by members that fail, taken by `wait`.
    failures: SpinLock<Failures<E>>,
    /// The context of a group that has one. Set when the group is made.
    derived: Option<Derived<E>>,
}

/// How many members at once. A member gives back to the limit that it was started under.
struct MemberLimit {
    /// How many may run.
    n: usize,
    /// A permit for each that could be started now.
    free: Semaphore,
}

/// Makes a context's cause from an error.
type CauseOf<E> = Box<dyn Fn(&E) -> Option<Cause> + Send + Sync>;

/// The group's context.
struct Derived<E> {
    /// Ends the context: the first failure does, and `wait`.
    cancel: CancelCauseFunc,
    /// What the context's cause is, given the first error.
    cause_of: CauseOf<E>,
}

/// What has gone wrong since the last `wait`.
struct Failures<E> {
    /// Somebody has failed, and is the first.
    failed: bool,
    /// What the first member that failed returned.
    error: Option<E>,
    /// How the first member ended that did not return.
    abnormal: Option<Abnormal>,
}

/// How a member ended that did not return.
enum Abnormal {
    Panicked(Box<dyn Any + Send>),
    Exited,
    NeverRan,
}

impl<E> Default for Failures<E> {
    fn default() -> Self {
        Self {
            failed: false,
            error: None,
            abnormal: None,
        }
    }
}

impl<E: Send + 'static> Group<E> {
    /// A group without a context, and without a limit.
    ///
    /// ```
    /// use gort::sync::errgroup::Group;
    /// let group = <Group>::new(); // of boxed errors
    /// group.go(|| Err("no luck".into()));
    /// assert_eq!(group.wait().unwrap_err().to_string(), "no luck");
    /// ```
    pub fn new() -> Self {
        Self::make(None)
    }

    /// A group, and a context derived from `ctx` that ends when the first goroutine fails, by an
    /// error or a panic, or when [`wait`](Self::wait) returns, whatever comes first.
    ///
    /// Its [`cause`](context::cause()) is the error itself for a [`Cause`] and a
    /// [`context::Error`]; a copy with the same text for the boxed errors that a group has by
    /// default, an [`io::Error`](std::io::Error), a `String` and a `&'static str`. For other errors
    /// [`with_context_cause`](Self::with_context_cause) says what it is.
    ///
    /// ```
    /// use gort::{context::{self, Context}, sync::errgroup::Group};
    ///
    /// let (group, ctx) = Group::<String>::with_context(&Context::background());
    /// let waits = ctx.clone();
    /// group.go(move || {
    ///     let _ = waits.done().recv(); // gives up when the other fails
    ///     Ok(())
    /// });
    /// group.go(|| Err("no luck".into()));
    /// assert_eq!(group.wait(), Err("no luck".into()));
    /// assert_eq!(context::cause(&ctx).unwrap().to_string(), "no luck");
    /// ```
    #[doc(alias = "WithContext")]
    pub fn with_context(ctx: &Context) -> (Self, Context) {
        Self::derive(ctx, Box::new(known_cause))
    }

    /// As [`with_context`](Self::with_context); `cause` makes the context's cause from the error.
    /// It runs in the goroutine that fails first.
    ///
    /// ```
    /// use gort::{context::{self, Context}, sync::errgroup::Group};
    /// use std::num::ParseIntError;
    ///
    /// let (group, ctx) = Group::with_context_cause(&Context::background(), ParseIntError::clone);
    /// group.go(|| "many".parse::<i32>().map(drop));
    /// assert!(group.wait().is_err());
    /// assert!(context::cause(&ctx).unwrap().is::<ParseIntError>());
    /// ```
    pub fn with_context_cause<F, C>(ctx: &Context, cause: F) -> (Self, Context)
    where
        F: Fn(&E) -> C + Send + Sync + 'static,
        C: Into<Box<dyn Error + Send + Sync>>,
    {
        Self::derive(ctx, Box::new(move |error| Some(cause(error).into().into())))
    }

    fn derive(ctx: &Context, cause_of: CauseOf<E>) -> (Self, Context) {
        let (ctx, cancel) = context::with_cancel_cause(ctx);
        (Self::make(Some(Derived { cancel, cause_of })), ctx)
    }

    fn make(derived: Option<Derived<E>>) -> Self {
        Self {
            state: Arc::new(ErrGroupState {
                members: WaitCounter::new(),
                limit: SpinLock::new(None),
                failures: SpinLock::new(Failures::default()),
                derived,
            }),
        }
    }

    /// Limits the group to `n` goroutines at once from now on: [`go`](Self::go) parks while there
    /// are so many. `usize::MAX` is no limit, as at first; 0 lets none be started.
    ///
    /// # Panics
    /// If goroutines of the group have not ended.
    ///
    /// ```
    /// use gort::sync::errgroup::Group;
    /// let group = <Group>::new();
    /// group.set_limit(2);
    /// for _ in 0..10 {
    ///     group.go(|| Ok(())); // two at a time
    /// }
    /// group.wait()?;
    /// # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
    /// ```
    #[doc(alias = "SetLimit")]
    pub fn set_limit(&self, n: usize) {
        let active = self.state.members.count();
        assert!(
            active == 0,
            "errgroup: modify limit while {} still active: call wait before set_limit",
            plural::count_with(
                active.max(0) as usize,
                "goroutine",
                ["in the group is", "in the group are"]
            )
        );
        let free = Semaphore::new(n);
        let limit = (n != usize::MAX).then(|| Arc::new(MemberLimit { n, free }));
        let before = mem::replace(&mut *self.state.limit.lock(), limit);
        drop(before);
    }

    /// Starts a goroutine of the group that runs `f`. Parks while the limit is reached.
    ///
    /// If `f` returns an error or panics, and is the first that does, the group's context ends.
    /// With a context, it starts also if that has ended.
    ///
    /// # Panics
    /// If the limit is 0, since that would wait for ever (in Go, it does); under a
    /// [`forbid_yield`](crate::runtime::forbid_yield) guard, if it has to wait; as
    /// [`spawn`](crate::spawn()).
    ///
    /// ```
    /// use gort::sync::errgroup::Group;
    /// let group = Group::new();
    /// group.go(|| if 2 + 2 == 4 { Ok(()) } else { Err("what?") });
    /// assert_eq!(group.wait(), Ok(()));
    /// ```
    #[doc(alias = "Go")]
    #[track_caller]
    pub fn go<F>(&self, f: F)
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
    {
        let limit = self.limit();
        if let Some(limit) = &limit {
            assert!(
                limit.n != 0,
                "errgroup: go on a group with limit 0 would wait for ever: raise the limit, or use try_go"
            );
            limit.free.acquire(1).forget();
        }
        self.start(limit, f);
    }

    /// As [`go`](Self::go) if the limit is not reached; else it does nothing but to drop `f`.
    /// Whether it was started. Does not park.
    ///
    /// # Panics
    /// As [`spawn`](crate::spawn()).
    ///
    /// ```
    /// use gort::sync::{bounded, errgroup::Group};
    /// let (tx, rx) = bounded::<()>(0);
    /// let group = Group::<()>::new();
    /// group.set_limit(1);
    /// assert!(group.try_go(move || rx.recv().map_err(drop)));
    /// assert!(!group.try_go(|| Ok(())));
    /// tx.send(()).unwrap();
    /// assert_eq!(group.wait(), Ok(()));
    /// ```
    #[doc(alias = "TryGo")]
    #[track_caller]
    pub fn try_go<F>(&self, f: F) -> bool
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
    {
        let limit = self.limit();
        if let Some(limit) = &limit {
            match limit.free.try_acquire(1) {
                Some(permit) => permit.forget(),
                None => return false,
            }
        }
        self.start(limit, f);
        true
    }

    fn limit(&self) -> Option<Arc<MemberLimit>> {
        self.state.limit.lock().clone()
    }

    /// Starts a member whose permit has been taken.
    #[track_caller]
    fn start<F>(&self, limit: Option<Arc<MemberLimit>>, f: F)
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
    {
        self.state.members.add(1);
        let mut member = Member {
            state: Arc::clone(&self.state),
            limit,
            ran: false,
        };
        spawn::spawn(move || {
            member.ran = true;
            member.run(f);
        });
    }

    /// Parks until all goroutines of the group have ended; gives the first error that one of them
    /// returned. The group's context has ended then.
    ///
    /// After it the group is as new, but for its limit and its context, which stay. So of several
    /// who wait at once, one gets the error.
    ///
    /// # Errors
    /// The first error that a goroutine returned.
    ///
    /// # Panics
    /// If a goroutine of the group panicked, with its payload, also if there was an error. If one
    /// called [`goexit`](crate::runtime::goexit), this does so too; on a thread that runs no
    /// goroutine it panics. If the runtime was shut down before one could start. Under a
    /// [`forbid_yield`](crate::runtime::forbid_yield) guard, if it has to wait.
    ///
    /// ```
    /// use gort::sync::errgroup::Group;
    /// let group = Group::new();
    /// group.go(|| Err("first"));
    /// assert_eq!(group.wait(), Err("first"));
    /// assert_eq!(group.wait(), Ok(()));
    /// ```
    #[doc(alias = "Wait")]
    pub fn wait(&self) -> Result<(), E> {
        self.state.members.wait();
        let failures = mem::take(&mut *self.state.failures.lock());
        self.state.cancel(None);
        match failures.abnormal {
            Some(abnormal) => abnormal.raise(),
            None => failures.error.map_or(Ok(()), Err),
        }
    }
}

impl Abnormal {
    fn raise(self) -> ! {
        match self {
            Self::Panicked(payload) => panic::resume_unwind(payload),
            Self::Exited if runtime::try_current().is_some() => runtime::goexit(),
            Self::Exited => panic!(
                "errgroup: a goroutine of the group called goexit, and wait was called on a thread that runs no goroutine"
            ),
            Self::NeverRan => panic!(
                "errgroup: the runtime was shut down before a goroutine of the group could start"
            ),
        }
    }

    fn to_cause(&self) -> Cause {
        let text = match self {
            Self::Panicked(payload) => {
                format!("errgroup: a goroutine panicked: {}", text_of(&**payload))
            }
            Self::Exited => "errgroup: a goroutine called goexit".into(),
            Self::NeverRan => "errgroup: a goroutine was never started".into(),
        };
        text_cause(text)
    }
}

impl<E> ErrGroupState<E> {
    fn cancel(&self, cause: Option<Cause>) {
        if let Some(derived) = &self.derived {
            derived.cancel.cancel_for(cause);
        }
    }

    /// Whether the caller is the first that fails.
    fn is_first(&self) -> bool {
        !mem::replace(&mut self.failures.lock().failed, true)
    }

    fn fail(&self, error: E) {
        if !self.is_first() {
            return;
        }
        let cause = self.derived.as_ref().and_then(|d| (d.cause_of)(&error));
        let none = self.failures.lock().error.replace(error);
        debug_assert!(none.is_none());
        self.cancel(cause);
    }

    fn end_abnormally(&self, how: Abnormal) {
        // Also if it is not the first: that one may have panicked over its cause.
        let _ = self.is_first();
        self.cancel(Some(how.to_cause()));
        let mut failures = self.failures.lock();
        if failures.abnormal.is_none() {
            failures.abnormal = Some(how);
        }
    }
}

/// What counts a goroutine of the group, from before it starts until it is gone, ran or not.
struct Member<E> {
    /// The group.
    state: Arc<ErrGroupState<E>>,
    /// The limit that it was started under, to which it gives its permit back.
    limit: Option<Arc<MemberLimit>>,
    /// Whether it has begun. If not, its runtime has ended before.
    ran: bool,
}

impl<E> Member<E> {
    fn run(&self, f: impl FnOnce() -> Result<(), E>) {
        let run = || {
            if let Err(error) = f() {
                self.state.fail(error);
            }
        };
        let Err(payload) = panic::catch_unwind(AssertUnwindSafe(run)) else {
            return;
        };
        if payload.is::<GoexitPayload>() {
            self.state.end_abnormally(Abnormal::Exited);
            panic::resume_unwind(payload);
        }
        panicked::tell_current();
        self.state.end_abnormally(Abnormal::Panicked(payload));
    }
}

impl<E> Drop for Member<E> {
    fn drop(&mut self) {
        if !self.ran {
            self.state.end_abnormally(Abnormal::NeverRan);
        }
        if let Some(limit) = &self.limit {
            limit.free.add_permits(1);
        }
        self.state.members.done();
    }
}

impl<E: Send + 'static> Default for Group<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> Clone for Group<E> {
    fn clone(&self) -> Self {
        Self {
            state: Arc::clone(&self.state),
        }
    }
}

// An unwinding leaves no step half done: the locks are never held across code of the user's.
impl<E> UnwindSafe for Group<E> {}
impl<E> RefUnwindSafe for Group<E> {}

impl<E> fmt::Debug for Group<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("active", &self.state.members.count())
            .finish_non_exhaustive()
    }
}
