//! The dump: what every goroutine of a runtime is doing.
//!
//! | file | what it decides |
//! |---|---|
//! | `rows` | which goroutines there are, and whose backtraces are asked for (protocol D in `runtime/README.md`) |
//! | `symbols` | the names of frames, and which are of no interest |
//! | `text` | the look |

mod rows;
mod symbols;
mod text;

pub(crate) use crate::runtime::dump::text::of;
