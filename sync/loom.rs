//! `sync` as loom sees it: the algorithms without their typed shells, and the models. The map that
//! programs get is `mod.rs`; `lib.rs` chooses.

#[path = "channel/loom.rs"]
pub(crate) mod channel;
pub(crate) mod linked_list;
#[cfg(test)]
mod models;
pub(crate) mod raw_mutex;
pub(crate) mod raw_rw_mutex;
pub(crate) mod raw_wait_group;
/// The real spin lock, for its own model.
#[path = "spin.rs"]
pub(crate) mod real_spin;
#[path = "models/lock.rs"]
pub(crate) mod spin;
pub(crate) mod unwind;
pub(crate) mod wait_list;
