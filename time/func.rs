//! A function that runs later, in a goroutine of its own: behind `after_func`.

use crate::{
    runtime::goroutine::delayed_spawn::{DelayedSpawn, spawn_delayed},
    sync::{Mutex, channel::timer::from_now},
};
use std::{
    sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The function and its next run.
pub(crate) struct LaterFunc {
    /// Locked while it runs, so that its runs follow each other.
    function: Arc<Mutex<dyn FnMut() + Send>>,
    /// The run to come. Set by whoever sets the timer, taken by whoever stops or sets it anew.
    /// Nobody parks or runs code of the user while it is locked.
    next: StdMutex<Option<DelayedSpawn>>,
}

impl LaterFunc {
    pub(crate) fn new(function: impl FnMut() + Send + 'static) -> Self {
        Self {
            function: Arc::new(Mutex::new(function)),
            next: StdMutex::new(None),
        }
    }

    /// Sets the next run to `duration` from now; whether another one was to come, which will not.
    #[track_caller]
    pub(crate) fn set(&self, duration: Duration) -> bool {
        let mut next = self.lock();
        let pending = call_off(&mut next);
        let function = Arc::clone(&self.function);
        let run = move || function.lock()();
        *next = Some(spawn_delayed(from_now(duration), run));
        pending
    }

    /// Calls the next run off; whether there was one.
    pub(crate) fn stop(&self) -> bool {
        call_off(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Option<DelayedSpawn>> {
        self.next.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls the run to come off; whether there was one. That drops a handle of the function, but never
/// the function itself, which is the user's: its `LaterFunc` has another handle.
fn call_off(next: &mut Option<DelayedSpawn>) -> bool {
    next.take().is_some_and(|next| next.cancel())
}
