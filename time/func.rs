//! A function that runs later, in a goroutine of its own: behind `after_func`.

use crate::{
    runtime::later::{Later, spawn_later},
    sync::{Mutex, spin::SpinLock},
};
use std::{sync::Arc, time::Instant};

/// The function and its next run.
pub(crate) struct LaterFunc {
    /// Locked while it runs, so that its runs follow each other.
    function: Arc<Mutex<dyn FnMut() + Send>>,
    next: SpinLock<Option<Later>>,
}

impl LaterFunc {
    pub(crate) fn new(function: impl FnMut() + Send + 'static) -> Self {
        Self {
            function: Arc::new(Mutex::new(function)),
            next: SpinLock::new(None),
        }
    }

    /// Sets the next run to `deadline`; whether another one was to come.
    #[track_caller]
    pub(crate) fn set(&self, deadline: Instant) -> bool {
        // The old one first: it must not run in between and still count as called off.
        let pending = self.stop();
        let function = Arc::clone(&self.function);
        let next = spawn_later(deadline, move || function.lock()());
        // Not empty if others set it at the same time: then theirs came before.
        let overtaken = self.next.lock().replace(next);
        pending | call_off(overtaken)
    }

    /// Calls the next run off; whether there was one.
    pub(crate) fn stop(&self) -> bool {
        let next = self.next.lock().take();
        call_off(next)
    }
}

fn call_off(next: Option<Later>) -> bool {
    next.is_some_and(|next| next.cancel())
}
