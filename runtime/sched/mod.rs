//! The scheduler: which goroutine runs where, and when.
//!
//! | file | what it decides |
//! |---|---|
//! | `roster` | what all workers of a runtime share |
//! | `worker` | a worker's private side and its loop: find, run, classify |
//! | `carry`, `after` | running goroutines on carriers; what follows a switch |
//! | `submit` | how goroutines get into queues |
//! | `unparker` | the waking half of the door for blocking, for goroutines and threads |
//! | `deque`, `fresh` | a worker's fresh goroutines; thieves take batches of them |
//! | `queue`, `inbox` | a worker's own queue; wake-ups from elsewhere |
//! | `search`, `idle`, `sleep` | a worker out of work: steal, spin, sleep, be woken (protocol S) |
//! | `balance` | handing fresh goroutines to workers that hold fewer (protocol B) |
//! | `starve` | no stack to be had |
//! | `timers`, `alarms` | the timing wheel; a worker's two of them: ends of parks, and goroutines that start later (protocol T) |
//! | `refs` | counted references that a worker keeps at hand |
//! | `blocking` | threads for calls that block |
//! | `survey`, `answer`, `frames` | what dumps ask workers, and their answers (protocol D) |
//! | `monitor` | stuck workers, spares, trimming |
//! | `launch`, `abandon` | start and end of the threads; what ends without having run |
//! | `current` | the one thread-local |
//! | `events` | tracing |

pub(crate) mod abandon;
pub(crate) mod after;
pub(crate) mod alarms;
pub(crate) mod answer;
pub(crate) mod balance;
pub(crate) mod blocking;
pub(crate) mod carry;
pub(crate) mod current;
pub(crate) mod deque;
pub(crate) mod events;
pub(crate) mod frames;
pub(crate) mod fresh;
pub(crate) mod idle;
pub(crate) mod inbox;
pub(crate) mod launch;
pub(crate) mod monitor;
pub(crate) mod queue;
pub(crate) mod refs;
pub(crate) mod roster;
pub(crate) mod search;
pub(crate) mod sleep;
pub(crate) mod starve;
pub(crate) mod submit;
pub(crate) mod survey;
pub(crate) mod timers;
pub(crate) mod unparker;
pub(crate) mod worker;
