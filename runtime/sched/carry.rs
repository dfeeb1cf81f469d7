//! Running goroutines on carriers: start, resume, and what to do after a switch back to the root.
//!
//! The root (the worker thread's own stack) enters carriers; a carrier runs fresh goroutines back to back without a switch and comes back to the root
//! when its goroutine parks or yields, or when the root has something better to do than the next fresh one.

use crate::runtime::{
    coroutine::Carrier,
    prims::Ordering,
    sched::{
        after::{After, GrownCall},
        current, events,
        roster::{WorkerShared, bump},
        unparker::Unparker,
        worker::WorkerCore,
    },
    stack::SizeClass,
    task::{
        extras,
        header::{COUNTED, Outcome, TaskRef},
        state::Finished,
    },
};
use std::{
    panic::{self, AssertUnwindSafe},
    ptr::{self, NonNull},
};

impl WorkerCore {
    /// Runs a task that was found: fresh or suspended.
    #[inline]
    pub(crate) fn execute(&self, task: TaskRef) {
        let carrier = match NonNull::new(task.carrier.load(Ordering::Relaxed)) {
            Some(carrier) => {
                self.woken.warm_next();
                self.yielded.warm_next();
                self.adopt(task);
                self.set_current(Some(task));
                Some(carrier.cast())
            }
            None => self.start(task),
        };
        if let Some(carrier) = carrier {
            self.resume(carrier);
        }
    }

    /// Makes this worker the home of a suspended goroutine; a change only in migration mode.
    #[inline]
    fn adopt(&self, task: TaskRef) {
        let home = task.home.load(Ordering::Relaxed);
        if !self.is_home(home) {
            debug_assert!(self.roster.config.migrate);
            // SAFETY: homes are workers of this roster.
            let old = unsafe { &*home.cast::<WorkerShared>() };
            old.remote.homed.fetch_sub(1, Ordering::Relaxed);
            self.shared().remote.homed.fetch_add(1, Ordering::Relaxed);
            task.home.store(self.as_home(), Ordering::Relaxed);
        }
    }

    /// A carrier for a fresh task; `None` if it starts elsewhere or later.
    #[inline(never)]
    fn start(&self, task: TaskRef) -> Option<NonNull<Carrier>> {
        if self.may_hold_too_many() && self.gave_away(task) {
            return None;
        }
        let class = SizeClass::from_index(task.wait.stack_class());
        let taken = self.stacks.borrow_mut().take(class);
        match taken {
            Ok(stack) => {
                self.handoff.set(Some(task));
                let carrier = Carrier::place(stack, None, carrier_main, ptr::null_mut());
                Some(carrier)
            }
            Err(error) => {
                self.starve(task, &error);
                None
            }
        }
    }

    /// Runs a carrier until it is left for good or its goroutine is off the CPU.
    #[inline(always)]
    fn resume(&self, mut carrier: NonNull<Carrier>) {
        loop {
            self.carrier.set(Some(carrier));
            // SAFETY: placed just now, or suspended and held by us.
            unsafe { Carrier::resume(carrier) };
            // The goroutine may have moved to another stack and back meanwhile.
            carrier = self.carrier.get().expect("a carrier came back");
            let next = match self.after.replace(After::Retire) {
                After::Retire => self.retire(carrier),
                After::Park => self.commit_park(carrier),
                After::Yield => self.requeue(),
                After::Grow(call) => Some(self.grow(carrier, call)),
            };
            match next {
                Some(again) => carrier = again,
                None => return,
            }
        }
    }

    fn retire(&self, carrier: NonNull<Carrier>) -> Option<NonNull<Carrier>> {
        // SAFETY: its entry has returned, and we are on the root.
        let (stack, outer) = unsafe { Carrier::retire(carrier) };
        self.stacks.borrow_mut().give(stack);
        if outer.is_none() {
            self.set_current(None);
            self.unstarve();
        }
        outer
    }

    fn commit_park(&self, carrier: NonNull<Carrier>) -> Option<NonNull<Carrier>> {
        let task = self.current().expect("only goroutines park");
        self.set_current(None);
        self.count_home(task);
        bump(&self.shared().own.parks, 1);
        if task.park.commit() {
            // From here on whoever unparks it holds it.
            return None;
        }
        self.set_current(Some(task));
        Some(carrier)
    }

    fn requeue(&self) -> Option<NonNull<Carrier>> {
        let task = self.current().expect("only goroutines yield");
        self.set_current(None);
        self.count_home(task);
        if self.may_move(task) {
            self.moving.push(task);
            self.offer_moving();
        } else {
            self.yielded.push(task);
        }
        None
    }

    /// Counts a goroutine as homed here, the first time it leaves the CPU (B3).
    #[inline]
    fn count_home(&self, task: TaskRef) {
        if !task.has(COUNTED) {
            task.set(COUNTED);
            self.shared().remote.homed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn grow(&self, outer: NonNull<Carrier>, mut call: NonNull<GrownCall>) -> NonNull<Carrier> {
        // SAFETY: on the suspended goroutine's stack, which waits for us.
        let call_ref = unsafe { call.as_mut() };
        let taken = self.stacks.borrow_mut().take(call_ref.class);
        match taken {
            Ok(stack) => Carrier::place(stack, Some(outer), grown_main, call.as_ptr().cast()),
            Err(error) => {
                call_ref.failed = Some(error);
                outer
            }
        }
    }

    /// Suspends the current goroutine; the root does `after`. In migration mode it may return on another thread: do not use `self` after.
    #[inline(always)]
    pub(crate) fn suspend(&self, task: TaskRef, after: After) {
        let carrier = self.carrier.get().expect("goroutines run on carriers");
        // Release (D3): after this worker's store to `home`; partner of the Acquire in `survey`.
        task.carrier
            .store(carrier.as_ptr().cast(), Ordering::Release);
        self.after.set(after);
        // SAFETY: the current goroutine is the caller, and runs on this carrier.
        unsafe { Carrier::suspend(carrier) };
    }
}

/// The worker of the thread that a carrier runs on at this moment.
fn here<'a>() -> &'a WorkerCore {
    // SAFETY: callers use it up before anything that may suspend.
    unsafe { current::core() }.expect("carriers run on workers")
}

/// What a carrier runs: fresh goroutines, one after another.
unsafe extern "C" fn carrier_main(_: *mut ()) {
    let mut task = here().handoff.take().expect("a carrier starts with a task");
    let class = task.wait.stack_class();
    loop {
        run_to_end(task);
        // A goroutine that migrated goes on here on another worker's thread.
        match here().next_fresh(class) {
            Some(next) => task = next,
            None => break,
        }
    }
    here().after.set(After::Retire);
}

/// What a bigger stack runs: one call.
unsafe extern "C" fn grown_main(call: *mut ()) {
    // SAFETY: the outer stack holds the call and waits for it.
    unsafe {
        let call = call.cast::<GrownCall>();
        ((*call).run)((*call).arg);
    }
    here().after.set(After::Retire);
}

fn run_to_end(task: TaskRef) {
    let core = here();
    core.set_current(Some(task));
    task.home.store(core.as_home(), Ordering::Relaxed);
    // SAFETY: fresh, and held by us since it was taken from a queue.
    let outcome = unsafe { task.run() };
    finish(task, outcome);
}

fn finish(task: TaskRef, outcome: Outcome) {
    if outcome == Outcome::Panicked {
        end_on_panic(task);
    }
    if extras::exist(task) {
        drop_extras(task);
    }
    // Detached for good: nobody can look at the output, so its destructor runs as part of the goroutine.
    let detached = task.life.is_detached();
    if detached {
        // SAFETY: done, and no handle: the output is ours.
        unsafe { task.drop_output() };
    }
    let core = here();
    leave_for_good(core, task);
    if task.has(COUNTED) {
        core.shared().remote.homed.fetch_sub(1, Ordering::Relaxed);
    }
    count_finished(core);
    if detached {
        // SAFETY: done, nobody else has it, and the output is dropped above.
        unsafe { task.free(&core.cells) };
        return;
    }
    match task.life.finish() {
        Finished::LeftToHandle => {}
        Finished::Free => drop_late(task),
        Finished::WakeJoiner => {
            let joiner = task.joiner.get();
            // SAFETY: the joiner waits for exactly this unpark.
            unsafe { Unparker::from_raw(joiner).unpark() };
        }
    }
}

/// The goroutine has run for the last time.
#[inline]
fn leave_for_good(core: &WorkerCore, task: TaskRef) {
    core.set_current(None);
    // Relaxed (D3): dumps look for it on this thread only. Before anyone else can take the cell.
    task.carrier.store(ptr::null_mut(), Ordering::Relaxed);
}

/// One more goroutine has ended on this worker.
fn count_finished(core: &WorkerCore) {
    let finished = &core.shared().own.finished;
    // Release: what the goroutine did, for the Acquire in `Roster::live` of whoever waits for the end of all.
    finished.store(finished.load(Ordering::Relaxed) + 1, Ordering::Release);
}

/// The handle was dropped while the goroutine was ending.
#[cold]
fn drop_late(task: TaskRef) {
    here().set_current(Some(task));
    // SAFETY: done, and the handle left output and cell to us.
    unsafe { task.drop_output() };
    let core = here();
    leave_for_good(core, task);
    // SAFETY: as above.
    unsafe { task.free(&core.cells) };
}

#[cold]
fn drop_extras(task: TaskRef) {
    loop {
        // SAFETY: we are the goroutine.
        let locals = unsafe { extras::take_locals(task) };
        if locals.is_empty() {
            break;
        }
        for (_, value) in locals.into_iter().rev() {
            if let Err(cause) = panic::catch_unwind(AssertUnwindSafe(|| drop(value))) {
                std::mem::forget(cause);
            }
        }
    }
    // SAFETY: we are the goroutine.
    unsafe { extras::free(task) };
}

#[cold]
fn end_on_panic(task: TaskRef) {
    let core = here();
    events::panicked(core, task);
    if core.roster.config.panic == crate::runtime::config::PanicPolicy::Exit {
        eprintln!(
            "gort: goroutine {} panicked, and the panic policy is \"exit\": ending the process",
            task.id()
        );
        std::process::exit(2);
    }
}
