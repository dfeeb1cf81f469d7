//! The context switch: the one place where control moves from one stack to another.
//!
//! * `abi.rs`: the types that all backends share;
//! * `native.rs`: our own backend, but for the assembly, which is in `x86_64.rs` and `aarch64.rs`
//!   (the same sections in the same order: register table, drawings of the stack in each situation,
//!   return prediction, safety);
//! * `portable.rs`: the same contract on corosensei, for every other target;
//! * `identity/`: the other switch, of the register that a thread's thread-locals are found by;
//! * `tests.rs` (and `tests/`): the contract as tests, run on whichever backend is built.
//!
//! `build.rs` chooses the backend (`gort_switch`); setting `GORT_SWITCH=portable` when building
//! chooses corosensei anywhere. All backends have one interface, by name: [`SwitchContext`] with
//! `vacant`, `create`, `enter`, `leave`, `look`.
//!
//! # Contract
//!
//! ```text
//!            create            enter                     entry returns
//!   vacant ----------> created -----> running -------------------------> finished
//!     ^                               |    ^                                |
//!     |                         leave v    | enter                          |
//!     |                             suspended                               |
//!     +--------------------- create again, any stack -----------------------+
//! ```
//!
//! 1. A context stays at one address from `create` until it has finished. A vacant or finished one
//!    may be moved, dropped or created anew; a created one dropped or created anew. A suspended one
//!    owns a stack full of live frames: neither it nor the stack may be reused.
//! 2. `enter` returns when the coroutine leaves or when its entry returns. It does not say which:
//!    the two sides tell each other through memory. The switch is a compiler barrier, so what one
//!    side wrote the other reads, through raw pointers or cells; across threads it is no hardware
//!    barrier: whoever hands a coroutine over to another thread synchronises the two (the lock or
//!    queue that carries the pointer does).
//! 3. Once `enter` has returned from a finished coroutine, the stack is free at once.
//! 4. Enters nest: a coroutine may enter another one; each leaves to whoever entered it.
//! 5. A suspended coroutine may be entered from another thread than before. The switch itself keeps
//!    nothing in thread-locals. The compiler does not know that the thread may change: it may keep
//!    the address of a thread-local in a register across `leave`, which is inlined. So `leave` is
//!    called from `#[inline(never)]` functions that touch no thread-local.
//! 6. `entry` does not unwind. A panic inside is caught inside; one that is not aborts the process.
//! 7. The ABI's callee-saved registers survive a switch. Floating-point control (rounding mode,
//!    exception masks: MXCSR and the x87 control word, FPCR) and the signal mask belong to the
//!    *thread*, not to the coroutine: code that changes them restores them before it may suspend.
//! 8. A backtrace taken inside ends: with our own backends at the coroutine's root, with corosensei
//!    after the enterer's frames, to which it goes on.
//! 9. `look` lets an unwinder walk the frames of a suspended coroutine, from outside and without
//!    entering it. The unwinder reads the coroutine's stack; nothing is written there, so it needs
//!    no room. Our own backends have it, corosensei has not.
//!
//! Not supported, because untested: shadow stacks (CET), pointer authentication, branch-target
//! enforcement, sanitizers that must be told of stack switches.

mod abi;
pub(crate) mod identity;

#[cfg(gort_switch = "aarch64")]
#[path = "aarch64.rs"]
mod isa;
#[cfg(gort_switch = "x86_64")]
#[path = "x86_64.rs"]
mod isa;

#[cfg(any(gort_switch = "aarch64", gort_switch = "x86_64"))]
#[path = "native.rs"]
mod backend;
#[cfg(gort_switch = "portable")]
#[path = "portable.rs"]
mod backend;
#[cfg(not(any(
    gort_switch = "aarch64",
    gort_switch = "x86_64",
    gort_switch = "portable"
)))]
compile_error!("no context switch was chosen: build.rs must set gort_switch");

pub(crate) use self::{
    abi::{Entry, StackBounds},
    backend::SwitchContext,
};

#[cfg(test)]
mod tests;
