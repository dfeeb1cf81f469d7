//! Goroutines that borrow: all of them have ended before `scope` returns.

use crate::runtime::{
    goroutine::{
        join::JoinHandle,
        join_error::JoinError,
        spawn::{self, is_large},
    },
    park::{self, Unparker, WaitReason},
    prims::{AtomicBool, AtomicUsize, Ordering, UnsafeCell},
    sched::panicked,
    task::cell::GoexitPayload,
};
use std::{
    marker::PhantomData,
    panic::{self, AssertUnwindSafe, Location},
    sync::Arc,
    thread,
};

/// How many goroutines are left, and who waits for the last.
#[derive(Debug)]
struct ScopeState {
    /// Running goroutines, and one for the scope itself.
    left: AtomicUsize,
    panicked: AtomicBool,
    owner: Unparker,
}

/// A scope to spawn borrowing goroutines in; see [`scope`].
///
/// # Examples
/// ```
/// use gort::runtime::Scope;
///
/// /// Spawns into the caller's scope.
/// fn double<'scope>(s: &'scope Scope<'scope, '_>, n: &'scope mut u32) {
///     s.spawn(move || *n *= 2);
/// }
/// let (mut a, mut b) = (1, 2);
/// gort::scope(|s| {
///     double(s, &mut a);
///     double(s, &mut b);
/// });
/// assert_eq!((a, b), (2, 4));
/// ```
#[derive(Debug)]
pub struct Scope<'scope, 'env: 'scope> {
    state: ScopeState,
    // Invariant in 'scope and 'env, as std's.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// A scoped goroutine's output, shared by the goroutine and its handle; the later of the two drops
/// it, both within the scope.
#[derive(Debug)]
struct Packet<'scope, T> {
    state: &'scope ScopeState,
    result: UnsafeCell<Option<thread::Result<T>>>,
}

// SAFETY: the result is written by the goroutine before its end, and read by the handle after it
// has seen that end.
unsafe impl<T: Send> Sync for Packet<'_, T> {}

impl<T> Drop for Packet<'_, T> {
    fn drop(&mut self) {
        if matches!(self.result.get_mut(), Some(Err(_))) {
            // Nobody asked: `scope` will.
            self.state.panicked.store(true, Ordering::Relaxed);
        }
        let result = self.result.get_mut().take();
        if let Err(cause) = panic::catch_unwind(AssertUnwindSafe(|| drop(result))) {
            std::mem::forget(cause);
        }
    }
}

/// As [`JoinHandle`], for a goroutine of a [`scope`].
///
/// # Examples
/// ```
/// let words = ["go", "rust"];
/// let lengths = gort::scope(|s| {
///     let handles = words.each_ref().map(|word| s.spawn(|| word.len()));
///     handles.map(|handle| handle.join().unwrap())
/// });
/// assert_eq!(lengths, [2, 4]);
/// ```
#[derive(Debug)]
pub struct ScopedJoinHandle<'scope, T> {
    handle: JoinHandle<()>,
    packet: Arc<Packet<'scope, T>>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// As [`JoinHandle::join`]. Parks.
    ///
    /// # Errors
    /// As [`JoinHandle::join`].
    ///
    /// # Examples
    /// ```
    /// let outcome = gort::scope(|s| s.spawn(|| "7".parse::<u32>()).join());
    /// assert_eq!(outcome.unwrap(), Ok(7));
    /// ```
    pub fn join(self) -> thread::Result<T> {
        self.handle.join()?;
        // SAFETY: the goroutine has ended, and it was the only other user.
        let result = unsafe { (*self.packet.result.get()).take() };
        result.unwrap_or_else(|| Err(Box::new(String::from("the goroutine called goexit"))))
    }

    /// As [`JoinHandle::try_join`]. Parks.
    ///
    /// # Errors
    /// As [`JoinHandle::try_join`].
    ///
    /// # Examples
    /// ```
    /// let words = ["7", "x"];
    /// let parse = |n: usize| words[n].parse::<u32>().unwrap();
    /// assert_eq!(gort::scope(|s| s.spawn(|| parse(0)).try_join()).unwrap(), 7);
    /// let error = gort::scope(|s| s.spawn(|| parse(1)).try_join()).unwrap_err();
    /// assert!(error.is_panic() && error.to_string().contains("InvalidDigit"));
    /// ```
    pub fn try_join(self) -> Result<T, JoinError> {
        let goroutine = self.handle.goroutine().clone();
        self.handle.try_join()?;
        // SAFETY: the goroutine has ended, and it was the only other user.
        let result = unsafe { (*self.packet.result.get()).take() };
        let result = result.unwrap_or_else(|| Err(Box::new(GoexitPayload)));
        result.map_err(|payload| JoinError::new(goroutine, payload))
    }

    /// As [`JoinHandle::is_finished`].
    ///
    /// # Examples
    /// ```
    /// gort::scope(|s| {
    ///     let handle = s.spawn(|| ());
    ///     while !handle.is_finished() {
    ///         gort::yield_now();
    ///     }
    /// });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// As [`JoinHandle::goroutine`].
    ///
    /// # Examples
    /// ```
    /// gort::scope(|s| {
    ///     let handle = s.spawn(gort::current);
    ///     let id = handle.goroutine().id();
    ///     assert_eq!(handle.join().unwrap().id(), id);
    /// });
    /// ```
    pub fn goroutine(&self) -> &crate::runtime::goroutine::handle::Goroutine {
        self.handle.goroutine()
    }
}

/// Runs `f`, which may spawn goroutines that borrow from outside; returns when `f` and all of them
/// have ended. Parks. As [`std::thread::scope`].
///
/// # Panics
/// If `f` panics, with its payload; else, if a goroutine panicked that was not joined by hand.
///
/// # Examples
/// ```
/// let mut numbers = vec![1, 2, 3];
/// let total = gort::scope(|s| {
///     let sum = s.spawn(|| numbers.iter().sum::<i32>());
///     sum.join().unwrap()
/// });
/// numbers.push(total);
/// assert_eq!(numbers, [1, 2, 3, 6]);
/// ```
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope {
        state: ScopeState {
            left: AtomicUsize::new(1),
            panicked: AtomicBool::new(false),
            owner: Unparker::current(),
        },
        scope: PhantomData,
        env: PhantomData,
    };
    let result = panic::catch_unwind(AssertUnwindSafe(|| f(&scope)));
    // Acquire: what the goroutines did, from `leave`. The one that makes it 0 unparks us, once.
    if scope.state.left.fetch_sub(1, Ordering::AcqRel) != 1 {
        park::park(WaitReason::Join);
    }
    match result {
        Err(payload) => panic::resume_unwind(payload),
        Ok(_) if scope.state.panicked.load(Ordering::Relaxed) => {
            panic!("a scoped goroutine panicked")
        }
        Ok(value) => value,
    }
}

/// Leaves the scope when the closure and what it captured are gone.
struct MemberEnd<'a>(&'a ScopeState);

impl Drop for MemberEnd<'_> {
    fn drop(&mut self) {
        let owner = self.0.owner;
        // AcqRel: what this goroutine did happens before `scope` returns.
        if self.0.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SAFETY: the scope had counted itself out, so it parks, or is about to, for exactly
            // this unpark.
            unsafe { owner.unpark() };
        }
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a goroutine in the scope. Does not park.
    ///
    /// # Examples
    /// ```
    /// let (mut left, mut right) = (vec![3, 1, 2], vec![6, 4, 5]);
    /// gort::scope(|s| {
    ///     s.spawn(|| left.sort());
    ///     right.sort();
    /// });
    /// assert_eq!((left, right), (vec![1, 2, 3], vec![4, 5, 6]));
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let site = Location::caller();
        if is_large::<F>() {
            let boxed: Box<dyn FnOnce() -> T + Send + 'scope> = Box::new(f);
            return self.spawn_sized(boxed, site);
        }
        self.spawn_sized(f, site)
    }

    fn spawn_sized<F, T>(
        &'scope self,
        f: F,
        site: &'static Location<'static>,
    ) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.state.left.fetch_add(1, Ordering::Relaxed);
        let state = &self.state;
        let packet = Arc::new(Packet {
            state,
            result: UnsafeCell::new(None),
        });
        let leave = MemberEnd(state);
        let for_goroutine = Arc::clone(&packet);
        // If the goroutine is dropped unstarted, its captures are dropped in this order, too: `f`,
        // packet, `leave`.
        let body = Body {
            f,
            packet: for_goroutine,
            leave,
        };
        // SAFETY: Send. `scope` returns only after the goroutine's `MemberEnd` has been dropped,
        // which happens after `f` and its share of the packet are gone; the other share is in the
        // handle, which cannot leave 'scope.
        let handle = unsafe { spawn::spawn_unchecked(move || body.run(), None, site) };
        ScopedJoinHandle { handle, packet }
    }
}

/// What a scoped goroutine runs. Fields drop in order.
struct Body<'scope, F, T> {
    f: F,
    packet: Arc<Packet<'scope, T>>,
    leave: MemberEnd<'scope>,
}

impl<F: FnOnce() -> T, T> Body<'_, F, T> {
    fn run(self) {
        let Self { f, packet, leave } = self;
        let result = panic::catch_unwind(AssertUnwindSafe(f));
        let exits = matches!(&result, Err(payload) if payload.is::<GoexitPayload>());
        if result.is_err() && !exits {
            panicked::tell_current();
        }
        if !exits {
            // SAFETY: the handle looks only after this goroutine's end.
            unsafe { *packet.result.get() = Some(result) };
        }
        drop(packet);
        drop(leave);
    }
}
