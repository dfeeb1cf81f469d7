//! Running goroutines on coroutines: start, resume, and what to do after a switch back to the root
//! (protocol C).
//!
//! The root (the worker thread's own stack) enters coroutines; a coroutine runs fresh goroutines
//! back to back without a switch. It comes back to the root when its goroutine parks or yields, or
//! when the root has something better to do than the next fresh one.

use crate::runtime::{
    config::PanicPolicy,
    coroutine::Coroutine,
    prims::Ordering,
    sched::{
        events,
        home::{
            after::{After, GrownCall},
            current,
            held::Held,
        },
        panicked, unparker,
        worker::{current::worker_in, data::Worker, out_of_stacks, place, shared::bump},
    },
    stack::SizeClass,
    task::{
        extras,
        header::{TaskOutcome, TaskRef},
        state::Finished,
    },
};
use std::ptr::{self, NonNull};

/// Runs a task that is to run in this home: fresh or suspended.
#[inline]
pub(crate) fn run(worker: &Worker, here: Held, task: TaskRef) {
    here.use_stay();
    let coroutine = match NonNull::new(task.coroutine.load(Ordering::Relaxed)) {
        Some(coroutine) => {
            // The next ones are fetched into the cache while this one runs.
            here.woken.warm_next();
            here.yielded.warm_next();
            here.set_task(Some(task));
            Some(coroutine.cast())
        }
        None => start(worker, here, task),
    };
    match coroutine {
        Some(coroutine) => resume(worker, here, coroutine),
        // No stack was to be had: those of this home that can run come before the next fresh one.
        None => here.renew_stay(),
    }
}

/// A coroutine for a fresh task; `None` if there is no stack for it now.
#[inline(never)]
fn start(worker: &Worker, here: Held, task: TaskRef) -> Option<NonNull<Coroutine>> {
    let class = SizeClass::from_index(task.wait.stack_class());
    let taken = worker.stacks.borrow_mut().take(class);
    match taken {
        Ok(stack) => {
            here.handoff.set(Some(task));
            let main = coroutine_main;
            Some(Coroutine::place(stack, None, main, ptr::null_mut()))
        }
        Err(error) => {
            out_of_stacks::keep_for_stack(worker, task, &error);
            None
        }
    }
}

/// Runs a coroutine until it is left for good or its goroutine is off the processor.
#[inline(always)]
fn resume(worker: &Worker, here: Held, mut coroutine: NonNull<Coroutine>) {
    loop {
        here.coroutine.set(Some(coroutine));
        // SAFETY: placed just now, or suspended and held by us.
        unsafe { Coroutine::resume(coroutine) };
        // The goroutine may have moved to another stack and back meanwhile.
        coroutine = here.coroutine.get().expect("a coroutine came back");
        let next = match here.after.replace(After::Retire) {
            After::Retire => retire(worker, here, coroutine),
            After::Park => commit_park(worker, here, coroutine),
            After::Yield => requeue(here),
            After::Grow(call) => Some(grow(worker, coroutine, call)),
        };
        match next {
            Some(again) => coroutine = again,
            None => return,
        }
    }
}

fn retire(
    worker: &Worker,
    here: Held,
    coroutine: NonNull<Coroutine>,
) -> Option<NonNull<Coroutine>> {
    // SAFETY: its entry has returned, and we are on the root.
    let (stack, outer) = unsafe { Coroutine::retire(coroutine) };
    worker.stacks.borrow_mut().give(stack);
    // With an outer one, only a call on a bigger stack has ended, and the goroutine goes on there.
    if outer.is_none() {
        here.set_task(None);
        out_of_stacks::retry(worker);
    }
    outer
}

fn commit_park(
    worker: &Worker,
    here: Held,
    coroutine: NonNull<Coroutine>,
) -> Option<NonNull<Coroutine>> {
    let task = here.task().expect("only goroutines park");
    here.set_task(None);
    here.count(task);
    bump(&worker.shared.own.parks, 1);
    if task.park.commit() {
        return None;
    }
    // It was unparked on the way, by itself or by what its park event called.
    here.set_task(Some(task));
    Some(coroutine)
}

fn requeue(here: Held) -> Option<NonNull<Coroutine>> {
    let task = here.task().expect("only goroutines yield");
    here.set_task(None);
    here.count(task);
    here.yielded.push(task);
    None
}

fn grow(
    worker: &Worker,
    outer: NonNull<Coroutine>,
    mut call: NonNull<GrownCall>,
) -> NonNull<Coroutine> {
    // SAFETY: on the suspended goroutine's stack, which waits for us.
    let call_ref = unsafe { call.as_mut() };
    let taken = worker.stacks.borrow_mut().take(call_ref.class);
    match taken {
        Ok(stack) => Coroutine::place(stack, Some(outer), grown_main, call.as_ptr().cast()),
        Err(error) => {
            call_ref.failed = Some(error);
            outer
        }
    }
}

/// The home that a coroutine runs in.
#[inline]
fn here() -> Held {
    current::home().expect("coroutines run in homes")
}

/// What a coroutine runs: fresh goroutines, one after another, all in one home.
unsafe extern "C" fn coroutine_main(_: *mut ()) {
    let here = here();
    let mut task = here.handoff.take().expect("a coroutine starts with a task");
    let class = task.wait.stack_class();
    loop {
        run_to_end(here, task);
        match next_fresh(here, class) {
            Some(next) => task = next,
            None => break,
        }
    }
    here.after.set(After::Retire);
}

/// The next fresh goroutine that the caller's coroutine may run, if the root has nothing better to
/// do.
#[inline]
fn next_fresh(here: Held, class: u8) -> Option<TaskRef> {
    // SAFETY: used up in here, with no suspend.
    let worker = unsafe { worker_in(here) };
    // Each of these is the root's to see to: a dump or the end of the runtime, goroutines and homes
    // that come before fresh ones, a look around, and a home that takes no more.
    if worker.scheduler.has_requests()
        || here.has_woken()
        || (worker.has_woken_homes() && !here.owes_turns())
        || worker.is_look_next()
        || !place::may_start_here(here)
    {
        return None;
    }
    let task = worker.pop_fresh()?;
    worker.count_turn();
    if task.wait.stack_class() != class {
        // The root has one for it.
        here.handoff.set(Some(task));
        return None;
    }
    Some(task)
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

fn run_to_end(here: Held, task: TaskRef) {
    here.set_task(Some(task));
    let home = ptr::from_ref(here.home()).cast_mut().cast();
    task.home.store(home, Ordering::Relaxed);
    // SAFETY: fresh, and held by us since it was taken from a queue.
    let outcome = unsafe { task.run() };
    finish(here, task, outcome);
}

fn finish(here: Held, task: TaskRef, outcome: TaskOutcome) {
    if outcome == TaskOutcome::Panicked {
        end_on_panic(here, task);
    }
    if extras::exist(task) {
        drop_extras(task);
    }
    // Detached for good: nobody can look at the output, so its destructor runs as part of the
    // goroutine.
    let detached = task.life.is_detached();
    if detached {
        // SAFETY: done, and no handle: the output is ours.
        unsafe { drop_output(task) };
    }
    leave_for_good(here, task);
    here.uncount(task);
    // SAFETY: used up below, with no suspend.
    let worker = unsafe { worker_in(here) };
    count_finished(worker);
    if detached {
        // SAFETY: done, nobody else has it, and the output is dropped above.
        unsafe { task.free(&worker.cells) };
        return;
    }
    match task.life.finish() {
        Finished::LeftToHandle => {}
        Finished::Free => drop_late(here, task),
        // SAFETY: told so just now.
        Finished::WakeJoiner => unsafe { unparker::wake_joiner(task) },
    }
}

/// The goroutine has run for the last time.
#[inline]
fn leave_for_good(here: Held, task: TaskRef) {
    here.set_task(None);
    // Relaxed (D3): dumps look for it while they hold this home only. Before anyone else can take
    // the cell.
    task.coroutine.store(ptr::null_mut(), Ordering::Relaxed);
}

/// One more goroutine has ended on this worker.
fn count_finished(worker: &Worker) {
    let finished = &worker.shared.own.finished;
    // Release: what the goroutine did, for the Acquire in `Scheduler::live` of whoever waits for
    // the end of all.
    finished.store(finished.load(Ordering::Relaxed) + 1, Ordering::Release);
}

/// The handle was dropped while the goroutine was ending.
#[cold]
fn drop_late(here: Held, task: TaskRef) {
    here.set_task(Some(task));
    // SAFETY: done, and the handle left output and cell to us.
    unsafe { drop_output(task) };
    leave_for_good(here, task);
    // SAFETY: as above; the worker is used up at once.
    unsafe { task.free(&worker_in(here).cells) };
}

#[cold]
fn drop_extras(task: TaskRef) {
    // SAFETY: we are the goroutine.
    unsafe {
        extras::drop_locals(task);
        extras::free(task);
    }
}

/// Drops the output of a goroutine that nobody asks for it, as part of the goroutine.
///
/// # Safety
/// The task is done, and its output ours.
unsafe fn drop_output(task: TaskRef) {
    // SAFETY: passed on.
    unsafe { task.drop_output() };
    // Its destructor may have used goroutine-local values.
    if extras::exist(task) {
        drop_extras(task);
    }
}

#[cold]
fn end_on_panic(here: Held, task: TaskRef) {
    // SAFETY: used up in here, with no suspend.
    let worker = unsafe { worker_in(here) };
    events::panicked(worker, task);
    // SAFETY: we are the goroutine, in all three.
    unsafe {
        if worker.scheduler.config.panic == PanicPolicy::Exit {
            let who = panicked::describe(task);
            panicked::print(&format!(
                "gort: {who}, panicked, and the panic policy is \"exit\": ending the process"
            ));
            std::process::exit(2);
        }
        panicked::record(worker.scheduler, task);
        panicked::tell(task);
    }
}
