//! A closure put into a cell, run there, and its output taken out again.
//!
//! The payload holds first the closure, then the output, in one union: behind the header if it fits
//! a cell class, else in a box.

use crate::runtime::task::{
    header::{self, PAYLOAD_OFFSET, SpawnInfo, TaskHeader, TaskOutcome, TaskRef, TaskVTable},
    pool::{CellSource, Class},
};
use std::{
    mem::ManuallyDrop,
    panic::{self, AssertUnwindSafe},
    ptr::NonNull,
    thread,
};

/// The payload of `goexit`: ends the goroutine without being a panic.
#[derive(Debug)]
pub(crate) struct GoexitPayload;

/// The payload of a goroutine that its runtime dropped before it could start.
#[derive(Debug)]
pub(crate) struct UnstartedPayload;

union Payload<F, T> {
    closure: ManuallyDrop<F>,
    output: ManuallyDrop<thread::Result<T>>,
}

struct Typed<F, T>(std::marker::PhantomData<(F, T)>);

impl<F, T> Typed<F, T>
where
    F: FnOnce() -> T,
{
    /// Which cell the payload fits; `None`: none, so it is boxed.
    const INLINE: Option<Class> = Class::fitting(
        size_of::<Payload<F, T>>() + PAYLOAD_OFFSET,
        align_of::<Payload<F, T>>(),
    );

    const VTABLE: TaskVTable = TaskVTable {
        run: Self::run,
        drop_closure: Self::drop_closure,
        drop_output: Self::drop_output,
        set_error: Self::set_error,
        output: Self::output,
        free_box: Self::free_box,
    };

    fn payload(task: TaskRef) -> *mut Payload<F, T> {
        let inline = task.payload();
        if Self::INLINE.is_some() {
            return inline.cast();
        }
        // SAFETY: a payload that fits no cell left its box's pointer there, suitably aligned (the
        // header's size is a multiple of 8).
        unsafe { inline.cast::<*mut Payload<F, T>>().read() }
    }

    unsafe fn run(task: TaskRef) -> TaskOutcome {
        let payload = Self::payload(task);
        // SAFETY: the caller runs a fresh task once, so the closure is there and is taken once.
        let closure = unsafe { ManuallyDrop::take(&mut (*payload).closure) };
        let output = panic::catch_unwind(AssertUnwindSafe(closure));
        let outcome = match &output {
            Ok(_) => TaskOutcome::Returned,
            Err(cause) if cause.is::<GoexitPayload>() => TaskOutcome::Exited,
            Err(_) => TaskOutcome::Panicked,
        };
        // SAFETY: the payload is ours; the closure has moved out.
        unsafe { (&raw mut (*payload).output).write(ManuallyDrop::new(output)) };
        outcome
    }

    unsafe fn drop_closure(task: TaskRef) {
        // SAFETY: the caller's promise: fresh, never run.
        unsafe { ManuallyDrop::drop(&mut (*Self::payload(task)).closure) }
    }

    unsafe fn drop_output(task: TaskRef) {
        // SAFETY: the caller's promise: done, output not taken.
        unsafe { ManuallyDrop::drop(&mut (*Self::payload(task)).output) }
    }

    unsafe fn set_error(task: TaskRef, error: Box<dyn std::any::Any + Send>) {
        // SAFETY: the caller's promise: the closure is gone and there is no output yet.
        unsafe {
            (&raw mut (*Self::payload(task)).output).write(ManuallyDrop::new(Err(error)));
        }
    }

    unsafe fn output(task: TaskRef) -> *mut () {
        Self::payload(task).cast()
    }

    unsafe fn free_box(task: TaskRef) {
        if Self::INLINE.is_none() {
            // SAFETY: made by Box in `new_task`; what it held is gone. The union drops nothing.
            drop(unsafe { Box::from_raw(Self::payload(task)) });
        }
    }
}

/// Puts `closure` into a cell: a fresh task, held by the caller, with one handle to it.
pub(crate) fn new_task<F, T>(cells: &impl CellSource, info: &SpawnInfo, closure: F) -> TaskRef
where
    F: FnOnce() -> T,
{
    let class = Typed::<F, T>::INLINE.unwrap_or(Class::Small);
    let memory = cells.take(class);
    let vtable = const { &Typed::<F, T>::VTABLE };
    // SAFETY: the cell is fresh from the pool.
    let task = unsafe { header::write_header(memory, class.flag(), vtable, info) };
    let payload = Payload::<F, T> {
        closure: ManuallyDrop::new(closure),
    };
    if Typed::<F, T>::INLINE.is_some() {
        // SAFETY: the class was chosen so that the payload fits, aligned, behind the header.
        unsafe { task.payload().cast::<Payload<F, T>>().write(payload) };
    } else {
        let boxed = Box::into_raw(Box::new(payload));
        // SAFETY: a pointer fits every class.
        unsafe { task.payload().cast::<*mut Payload<F, T>>().write(boxed) };
    }
    task
}

impl TaskRef {
    /// Runs the closure and stores its output; panics are caught.
    ///
    /// # Safety
    /// The caller holds the task, which is fresh, and calls this once.
    pub(crate) unsafe fn run(self) -> TaskOutcome {
        // SAFETY: passed on.
        unsafe { (self.vtable().run)(self) }
    }

    /// Drops the closure of a task that will never run; `error` becomes its output.
    ///
    /// # Safety
    /// The caller holds the task, which is fresh.
    pub(crate) unsafe fn abandon(self, error: Box<dyn std::any::Any + Send>) {
        let vtable = self.vtable();
        // SAFETY: fresh and ours: the closure is there, then gone, and then the output may be
        // written.
        unsafe {
            let dropped = panic::catch_unwind(AssertUnwindSafe(|| (vtable.drop_closure)(self)));
            (vtable.set_error)(self, dropped.err().unwrap_or(error));
        }
    }

    /// Drops the output; a panic in its destructor is reported by the hook and ends here.
    ///
    /// # Safety
    /// The task is done and the caller owns its output.
    pub(crate) unsafe fn drop_output(self) {
        let vtable = self.vtable();
        // SAFETY: passed on.
        let dropped =
            panic::catch_unwind(AssertUnwindSafe(|| unsafe { (vtable.drop_output)(self) }));
        // A panic payload whose own drop panics must not escape either.
        if let Err(cause) = dropped {
            std::mem::forget(cause);
        }
    }

    /// Takes the output.
    ///
    /// # Safety
    /// The task is done, the caller owns its output, and `T` is the closure's return type. Called
    /// once.
    pub(crate) unsafe fn take_output<T>(self) -> thread::Result<T> {
        // SAFETY: the union's output field is at its start and of this type by the caller's
        // promise.
        unsafe {
            (self.vtable().output)(self)
                .cast::<thread::Result<T>>()
                .read()
        }
    }

    /// Gives the cell back.
    ///
    /// # Safety
    /// Closure and output are gone, and nobody else holds the task.
    pub(crate) unsafe fn free(self, cells: &impl CellSource) {
        // SAFETY: passed on.
        unsafe {
            (self.vtable().free_box)(self);
            cells.give(
                NonNull::new_unchecked(self.as_ptr()),
                Class::from_flags(self.flags.get()),
            );
        }
    }
}

const _: () = assert!(align_of::<TaskHeader>() == 8);
