//! Files and folders: `std::fs`, in which the goroutine parks instead of its thread.
//!
//! The names, signatures and errors are those of [`std::fs`]: a program changes the `use` line. In
//! a goroutine each call runs under [`blocking`](crate::runtime::blocking), on a thread for such
//! calls, and the goroutine parks until it is done. So a slow disk, or a network file system that
//! does not answer, holds no worker up. On a plain thread the call is made in place, as `std` does.
//!
//! ```
//! use gort::{fs, go};
//!
//! let line_count = go!(|| -> std::io::Result<usize> {
//!     let text = fs::read_to_string("Cargo.toml")?; // parks; the worker runs others
//!     Ok(text.lines().count())
//! });
//! assert!(line_count.join().unwrap()? > 10);
//! # std::io::Result::Ok(())
//! ```
//!
//! # What a call costs
//!
//! A call hands its work to another thread and back, which takes some microseconds; then many small
//! calls cost more than they do with `std`. So:
//!
//! * Read and write whole files with [`read`], [`write`](write()) and [`copy`]: one hand-over each.
//!   So are [`read_to_end`](std::io::Read::read_to_end), `read_exact`, `write_all` and the vectored
//!   calls of a [`File`].
//! * Give [`BufReader`](std::io::BufReader) and [`BufWriter`](std::io::BufWriter) large buffers, as
//!   `BufReader::with_capacity(64 * 1024, file)`. [`std::io::copy`] takes 8 KiB at a time.
//! * Put a function with many small calls into one [`blocking`](crate::runtime::blocking), and use
//!   `std::fs` in it. Inside `blocking`, the functions here are those of `std` as well.
//!
//! All calls that `std` makes a system call for go to such a thread, but for closing a file, which
//! its drop does in place, and [`File::try_clone`].
//!
//! # Limits
//!
//! At most [`max_blocking_threads`](crate::runtime::Builder::max_blocking_threads) calls run at a
//! time, 512 by default; the others wait in line. A call that waits for somebody else (the other
//! end of a named pipe, a [lock](File::lock)) takes one such thread for as long as it waits.
//!
//! If the runtime is dropped while a call runs, the call goes on to its end, into memory that stays
//! for good, and its goroutine never runs again.
//!
//! # Panics
//!
//! Every function here that parks panics under a [`forbid_yield`](crate::runtime::forbid_yield)
//! guard.

mod content;
mod dir;
mod file;
mod file_convert;
mod file_io;
mod file_lock;
mod names;
mod open_options;

#[allow(deprecated, reason = "it is in std, too")]
pub use crate::fs::names::soft_link;
pub use crate::fs::{
    content::{copy, read, read_to_string, write},
    dir::{DirBuilder, DirEntry, ReadDir, create_dir, create_dir_all, read_dir},
    file::File,
    file_lock::TryLockError,
    names::{
        canonicalize, exists, hard_link, metadata, read_link, remove_dir, remove_dir_all,
        remove_file, rename, set_permissions, symlink, symlink_metadata,
    },
    open_options::OpenOptions,
};
#[doc(no_inline)]
pub use std::fs::{FileTimes, FileType, Metadata, Permissions};
