//! Homes: thread identities that are lent to workers, with the goroutines that live in them.
//!
//! | file | what it decides |
//! |---|---|
//! | `word` | the state word and the inbox: who holds a home, who was woken in it (protocol H) |
//! | `ready` | a queue of goroutines that can run, a list through their cells |
//! | `after` | what a coroutine leaves for the root to do |
//! | `data` | a home, and what belongs to whoever holds it |
//! | `held` | a home as its holder sees it |
//! | `owner` | the thread whose identity a home is: it sleeps until the runtime ends |
//! | `current` | the one thread-local: the home whose identity this thread has |

pub(crate) mod after;
pub(crate) mod current;
pub(crate) mod data;
pub(crate) mod held;
pub(crate) mod owner;
pub(crate) mod ready;
pub(crate) mod word;
