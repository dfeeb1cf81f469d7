//! The types that every backend of the context switch shares.

/// What a coroutine runs: called once, on its own stack, with the argument given to
/// `SwitchContext::create`.
///
/// It must not unwind: the caller of `create` wraps the body in `catch_unwind`. A panic that gets
/// this far aborts the process (the rule of `extern "C"`), it never reaches the assembly below it.
pub(crate) type Entry = unsafe extern "C" fn(arg: *mut ());

/// The alignment that every supported ABI asks of the stack pointer at a call.
pub(crate) const STACK_ALIGN: usize = 16;

/// Where a stack lies. Plain addresses: this module never allocates, frees or guards stacks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StackBounds {
    /// The lowest usable byte; whatever guards the stack lies below it.
    pub(crate) base: usize,
    /// One past the highest usable byte, a multiple of [`STACK_ALIGN`]: the first stack pointer.
    pub(crate) top: usize,
}
