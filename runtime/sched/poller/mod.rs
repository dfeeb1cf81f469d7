//! Sockets and other descriptors that goroutines wait for (protocols R and N in
//! `runtime/README.md`).
//!
//! One poller serves the process, as in Go: a descriptor may outlive the runtime in which somebody
//! waited for it first. Of all workers that sleep one is the *lookout*, who sleeps in the poller
//! and gets up for events; the others sleep on their words. Workers that are awake look into the
//! poller when they run out of work, and from time to time; while none of them does, the monitor
//! does.

pub(crate) mod cell;
pub(crate) mod deliver;
pub(crate) mod lookout;
pub(crate) mod ready_word;
pub(crate) mod shared;
