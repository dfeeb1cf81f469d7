//! Stacks: reserved large, guarded always, paid for by touch, and reused hot.
//!
//! A stack is one *slot* of an arena. An arena is one mapping, cut into equal slots:
//!
//! ```text
//!  low addresses                                                        high addresses
//!  | guard 0 | usable 0 ........ top 0 | guard 1 | usable 1 ........ top 1 | guard 2 | ...
//!  |<----------- stride: an odd number of pages ----------->|
//! ```
//!
//! Stacks grow down, so each overflow runs into the guard of its own slot. Reading order:
//!
//! * `size`     what sizes there are, and the errors of asking for a stack;
//! * `guard`    how a guard is made, the probe that it bites, its budget where it costs mappings;
//! * `arena`    the mapping, its slots, and the [`Stack`] that stands for one of them;
//! * `pool`     what the process holds of each size, warm and cold; how free memory goes back to
//!   the system;
//! * `cache`    the hot list of free stacks that each worker has for itself;
//! * `overflow` the fault handler that names the goroutine, `alt_stack`, which that handler runs
//!   on, and `signal_text`, with which it writes.
//!
//! Invariants that hold between the files:
//!
//! * a [`Stack`] is unique: it is made for a slot only while no other exists for that slot, and
//!   cannot be copied;
//! * its guard was installed before it was made, and stays for as long as the arena is mapped;
//! * an arena is unmapped only when every slot that was ever handed out is back in its cold list;
//! * dropping a [`Stack`] leaks its slot for ever, which is what the stack of a goroutine that can
//!   never finish needs;
//! * no lock is held while the kernel installs guards, discards pages or unmaps.

#[cfg(not(unix))]
compile_error!(
    "gort's stacks need a Unix system: they are made with mmap and watched by signal handlers"
);

mod alt_stack;
mod arena;
mod cache;
#[cfg(test)]
pub(crate) mod child;
mod guard;
mod overflow;
mod pool;
mod signal_text;
mod size;
mod unwatched;

pub(crate) use alt_stack::AltStack;
pub(crate) use arena::{Stack, left_to_limit};
pub(crate) use cache::LocalCache;
pub(crate) use guard::GuardMode;
pub(crate) use overflow::{CallStack, CallWatch, OverflowReport, install};
pub(crate) use pool::{stats, trim};
pub(crate) use size::{DEFAULT_BYTES, SizeClass, StackError};
pub(crate) use unwatched::tell_unwatched;
