//! The scheduler: which goroutine runs where, and when.
//!
//! Each part stands above those that it uses, from data at the bottom to the loops on top:
//!
//! | part | what it is |
//! |---|---|
//! | `home/` | thread identities that are lent, and the goroutines that live in them |
//! | `queue/` | queues of what any worker may take |
//! | `timer/` | timers; fake clocks |
//! | `worker/` | threads that give processor time to homes: the data, the decisions, the loop |
//! | `scheduler` | what all workers and homes of a runtime share |
//! | `owners` | making homes |
//! | `idle/` | workers that have nothing to do: search, sleep, wake |
//! | `inspect/` | dumps, quiescence, deadlocks |
//! | `poller/` | descriptors that goroutines wait for |
//! | `threads/` | start and end of the threads, the monitor, threads for blocking calls |
//! | `waker` | a future that waits, as an unparker sees it |
//! | `unparker` | the waking half of the door for blocking, for goroutines and threads |
//! | `abandon` | goroutines that end without having run |
//! | `explorer` | the dice of a test that chooses the schedule |
//! | `events` | tracing |
//! | `panicked` | which goroutine panicked, in words |

pub(crate) mod abandon;
pub(crate) mod events;
pub(crate) mod explorer;
pub(crate) mod home;
pub(crate) mod idle;
pub(crate) mod inspect;
pub(crate) mod owners;
pub(crate) mod panicked;
pub(crate) mod poller;
pub(crate) mod queue;
pub(crate) mod scheduler;
pub(crate) mod spans;
pub(crate) mod threads;
pub(crate) mod timer;
pub(crate) mod unparker;
pub(crate) mod waker;
pub(crate) mod worker;
