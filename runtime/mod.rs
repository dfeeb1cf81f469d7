//! The runtime: scheduler, goroutines, and the one door for blocking.
#![allow(dead_code, unused_imports)]

pub(crate) mod park;
pub(crate) mod park_thread;
pub(crate) mod prims;
pub(crate) mod switch;
