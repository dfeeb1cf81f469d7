//! Primitives that park goroutines (and plain threads) instead of blocking workers.

pub mod channel;
