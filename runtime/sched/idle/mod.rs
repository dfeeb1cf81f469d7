//! Workers that have nothing to do: search, sleep, be woken (protocol S).
//!
//! | file | what it decides |
//! |---|---|
//! | `counts` | how many workers sleep and search; whom a wake-up goes to |
//! | `sleep_word` | one worker's sleep: who ends it, and what for |
//! | `steal` | taking work from other workers, and from the queues of outside threads |
//! | `search` | looking for work, then sleeping |
//! | `sleep` | going to sleep, and for how long; the sentry |

pub(crate) mod counts;
pub(crate) mod search;
pub(crate) mod sleep;
pub(crate) mod sleep_word;
pub(crate) mod steal;
