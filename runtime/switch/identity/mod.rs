//! Switching a thread's identity: the register by which its thread-locals are found.
//!
//! * `abi.rs`: the types that all targets share;
//! * `x86_64.rs`, `aarch64.rs`: the switch itself, on Linux; `fixed.rs`: what stands in for it
//!   elsewhere, and where it may not be used;
//! * `facts.rs`, `trial.rs`, `rseq.rs`, `probe.rs`: whether identities can be lent in this process.
//!   `facts.rs` decides; the others gather what it decides by;
//! * `tests.rs`: the contract as tests.
//!
//! # What an identity is
//!
//! All that Rust and C code knows of "its thread" hangs on one register, the thread pointer
//! (x86_64: the base of segment fs; aarch64: `tpidr_el0`): thread-locals, `thread::current()`,
//! `errno`, the count of panics, allocators' caches. An OS thread, the *owner*, that has gone to
//! sleep can lend this identity: another thread puts the owner's thread pointer into its own
//! register, and then *is* the owner, for all code that it calls. What the kernel knows of its
//! threads stays with the OS thread that runs: `gettid`, affinity, priority, signal mask, alternate
//! stack, clocks, floating-point control words.
//!
//! # Contract
//!
//! 1. An owner calls `adopt_calling_thread`, then publishes the identity, then sleeps in a way that
//!    touches no thread-local: on a `Futex`. It does not go on, nor end, before everybody has left
//!    the identity for good. It has all signals blocked: a handler would run on its thread-locals.
//! 2. One thread at a time is under an identity. Whoever hands it on to another thread synchronises
//!    the two, with a lock or an atomic, *after* it has left: that is why a visit is told which
//!    identity it has `left`, and why a tour returns the last one.
//! 3. `tour` is the boundary that no thread-local access, allocation or unwinding crosses: it is
//!    one function of assembly. What it calls finds one identity from its beginning to its end. The
//!    compiler may keep addresses of thread-locals in registers on either side: they are right
//!    whenever they are used.
//! 4. Tours do not nest: a visit does not begin one.
//! 5. Stacks have no identity. A coroutine that is suspended under an identity is resumed under the
//!    same one.
//! 6. A visit does not unwind. One that does ends the process.

mod abi;
mod facts;
mod fixed;
mod probe;

#[cfg(all(
    target_os = "linux",
    target_arch = "aarch64",
    target_pointer_width = "64"
))]
#[path = "aarch64.rs"]
mod isa;
#[cfg(all(
    target_os = "linux",
    target_arch = "x86_64",
    target_pointer_width = "64"
))]
#[path = "x86_64.rs"]
mod isa;
#[cfg(not(all(
    target_os = "linux",
    any(target_arch = "aarch64", target_arch = "x86_64"),
    target_pointer_width = "64"
)))]
use self::fixed as isa;

#[cfg(all(
    target_os = "linux",
    any(target_arch = "aarch64", target_arch = "x86_64"),
    target_pointer_width = "64"
))]
mod rseq;
#[cfg(all(
    target_os = "linux",
    any(target_arch = "aarch64", target_arch = "x86_64"),
    target_pointer_width = "64"
))]
mod trial;

pub(crate) use self::{
    abi::Identity, facts::Unsupported, fixed::tour_in_place, isa::tour, probe::support,
};

#[cfg(test)]
mod tests;
