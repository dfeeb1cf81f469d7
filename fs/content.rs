//! Whole files in one call.

use crate::runtime::blocking;
use std::{fs, io, path::Path};

/// Copies the content and the permissions of a file to another, which is replaced if it is there;
/// returns the number of bytes. As [`std::fs::copy`]. Parks.
///
/// # Errors
/// As `std`'s: `from` is no file or cannot be read, `to` cannot be written.
///
/// # Examples
/// ```
/// use gort::fs;
/// # let folder = std::env::temp_dir().join(format!("gort-doc-copy-{}", std::process::id()));
/// # fs::create_dir(&folder)?;
/// # let (from, to) = (folder.join("from"), folder.join("to"));
/// fs::write(&from, "text")?;
/// assert_eq!(fs::copy(&from, &to)?, 4);
/// assert_eq!(fs::read(&to)?, b"text");
/// # fs::remove_dir_all(&folder)?;
/// # std::io::Result::Ok(())
/// ```
pub fn copy<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<u64> {
    let (from, to) = (from.as_ref(), to.as_ref());
    blocking(|| fs::copy(from, to))
}

/// Reads a whole file: [`std::fs::read`]. Parks.
///
/// # Errors
/// As `std`'s: there is no such file, or it cannot be read.
///
/// # Examples
/// ```
/// let bytes = gort::fs::read("Cargo.toml")?;
/// assert!(bytes.starts_with(b"[package]"));
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "ReadFile")]
pub fn read<P: AsRef<Path>>(path: P) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    blocking(|| fs::read(path))
}

/// Reads a whole file as text: [`std::fs::read_to_string`]. Parks.
///
/// # Errors
/// As `std`'s: there is no such file, it cannot be read, or it is not UTF-8
/// ([`InvalidData`](io::ErrorKind::InvalidData)).
///
/// # Examples
/// ```
/// let text = gort::fs::read_to_string("Cargo.toml")?;
/// assert!(text.contains("gort"));
/// # std::io::Result::Ok(())
/// ```
pub fn read_to_string<P: AsRef<Path>>(path: P) -> io::Result<String> {
    let path = path.as_ref();
    blocking(|| fs::read_to_string(path))
}

/// Writes a whole file, which is replaced if it is there: [`std::fs::write`]. Parks.
///
/// # Errors
/// As `std`'s: the file cannot be made, or the disk is full.
///
/// # Examples
/// ```
/// use gort::fs;
/// # let path = std::env::temp_dir().join(format!("gort-doc-write-{}", std::process::id()));
/// fs::write(&path, b"all of it")?;
/// assert_eq!(fs::read_to_string(&path)?, "all of it");
/// # fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "WriteFile")]
pub fn write<P: AsRef<Path>, C: AsRef<[u8]>>(path: P, contents: C) -> io::Result<()> {
    let (path, contents) = (path.as_ref(), contents.as_ref());
    blocking(|| fs::write(path, contents))
}
