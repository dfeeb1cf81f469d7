//! Runtimes as programs see them, from settings to the end.
//!
//! | file | what it is |
//! |---|---|
//! | `main` | what `#[gort::main]` and `#[gort::test]` call, and questions to the caller's runtime |
//! | `system` | `Builder` and `Runtime`: building, running, ending one |
//! | `default` | the runtime that is used where there is no other |
//! | `sigquit` | a dump when SIGQUIT comes |
//! | `live_ids` | the ids of the goroutines that are alive |

pub(crate) mod default;
pub(crate) mod live_ids;
pub(crate) mod main;
pub(crate) mod sigquit;
pub(crate) mod system;
