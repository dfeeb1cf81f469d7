//! Child processes for goroutines: std's [`Command`](std::process::Command), whose waits and pipes
//! park instead of blocking a thread.
//!
//! [`Command`] and [`Child`] have the names, methods and errors that those of [`std::process`]
//! have, so that a program changes its `use` line:
//!
//! ```
//! use gort::process::Command;
//!
//! # fn main() -> std::io::Result<()> {
//! let greetings = ["hello", "goodbye"].map(|word| {
//!     gort::spawn(move || Command::new("echo").arg(word).output()) // parks
//! });
//! for (greeting, word) in greetings.into_iter().zip(["hello\n", "goodbye\n"]) {
//!     let output = greeting.join().unwrap()?;
//!     assert!(output.status.success());
//!     assert_eq!(output.stdout, word.as_bytes());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! On Linux a goroutine that waits for a child waits for its pidfd (Linux 5.3), and takes no
//! thread. Elsewhere [`Child::wait`] runs on a thread for blocking calls
//! ([`runtime::blocking`](crate::runtime::blocking)), of which there are at most 512 at a time. On
//! a plain thread the calls block that thread.
//!
//! As with std, a child that is dropped is neither killed nor waited for.
//!
//! Unix only, for now.

mod child;
mod child_pipes;
mod command;
mod exited;

pub use crate::process::{
    child::Child,
    child_pipes::{ChildStderr, ChildStdin, ChildStdout},
    command::Command,
};
#[doc(no_inline)]
pub use std::process::{
    CommandArgs, CommandEnvs, ExitCode, ExitStatus, Output, Stdio, abort, exit, id,
};
