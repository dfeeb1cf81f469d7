//! Workers: threads that give processor time to homes.
//!
//! | file | what it decides |
//! |---|---|
//! | `ids`, `dice`, `budget`, `refs`, `blocks` | small things that a worker keeps: goroutine ids, random numbers, when to look around, references and memory at hand |
//! | `shared` | a worker as the others see it |
//! | `data` | a worker as its own thread sees it |
//! | `current` | the worker that carries the caller |
//! | `submit` | how goroutines and homes get into queues |
//! | `out_of_stacks` | no stack, or no home, to be had |
//! | `coop` | whether the goroutine that runs should let others have a turn |
//! | `place` | in which home a fresh goroutine starts (protocol B) |
//! | `hand_over` | the same where homes are not lent |
//! | `run` | running goroutines on coroutines; what follows a switch (protocol C) |
//! | `explore` | what runs next where a test chooses the schedule |
//! | `find` | what runs next |
//! | `visit` | the loop inside a home |
//! | `tour` | the loop of a worker: enter a home, leave it, search |

pub(crate) mod blocks;
pub(crate) mod budget;
pub(crate) mod coop;
pub(crate) mod current;
pub(crate) mod data;
pub(crate) mod dice;
pub(crate) mod explore;
pub(crate) mod find;
pub(crate) mod hand_over;
pub(crate) mod ids;
pub(crate) mod out_of_stacks;
pub(crate) mod place;
pub(crate) mod refs;
pub(crate) mod run;
pub(crate) mod shared;
pub(crate) mod submit;
pub(crate) mod tour;
pub(crate) mod visit;
