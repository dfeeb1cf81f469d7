//! Queues of what any worker may take: goroutines that have not started, and homes that can run.
//!
//! | file | what it decides |
//! |---|---|
//! | `deque` | a queue with an owner's end and a thieves' end, for pointers; thieves take batches (protocol Q) |
//! | `fresh` | a worker's fresh goroutines |
//! | `stack_waiters` | fresh goroutines for which no stack, or no home, is to be had |
//! | `runnable` | a worker's homes that can run: the newest slot, and a queue |

pub(crate) mod deque;
pub(crate) mod fresh;
pub(crate) mod runnable;
pub(crate) mod stack_waiters;
