//! What is done to files and folders by their names.

use crate::runtime::blocking;
use std::{
    fs::{self, Metadata, Permissions},
    io,
    os::unix,
    path::{Path, PathBuf},
};

/// The path from the root, with all links followed: [`std::fs::canonicalize`]. Parks.
///
/// # Errors
/// As `std`'s: a part of the path is not there, or is no folder.
///
/// # Examples
/// ```
/// let path = gort::fs::canonicalize("./Cargo.toml")?;
/// assert!(path.is_absolute() && path.ends_with("Cargo.toml"));
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "EvalSymlinks")]
pub fn canonicalize<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    let path = path.as_ref();
    blocking(|| fs::canonicalize(path))
}

/// Whether something has this name: [`std::fs::exists`]. Follows links. Parks.
///
/// # Errors
/// As `std`'s: it cannot be told, for want of a permission.
///
/// # Examples
/// ```
/// assert!(gort::fs::exists("Cargo.toml")?);
/// assert!(!gort::fs::exists("no such file")?);
/// # std::io::Result::Ok(())
/// ```
pub fn exists<P: AsRef<Path>>(path: P) -> io::Result<bool> {
    let path = path.as_ref();
    blocking(|| fs::exists(path))
}

/// Gives a file one more name: [`std::fs::hard_link`]. Parks.
///
/// # Errors
/// As `std`'s: `original` is not there or is on another file system, `link` is taken.
///
/// # Examples
/// ```
/// use gort::fs;
/// # let folder = std::env::temp_dir().join(format!("gort-doc-hard-{}", std::process::id()));
/// # fs::create_dir(&folder)?;
/// # let (original, link) = (folder.join("original"), folder.join("link"));
/// fs::write(&original, "text")?;
/// fs::hard_link(&original, &link)?;
/// assert_eq!(fs::read(&link)?, b"text");
/// # fs::remove_dir_all(&folder)?;
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "Link")]
pub fn hard_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    let (original, link) = (original.as_ref(), link.as_ref());
    blocking(|| fs::hard_link(original, link))
}

/// Size, kind, permissions and times of a file or folder: [`std::fs::metadata`]. Follows links.
/// Parks.
///
/// # Errors
/// As `std`'s: there is no such file.
///
/// # Examples
/// ```
/// let metadata = gort::fs::metadata("Cargo.toml")?;
/// assert!(metadata.is_file() && metadata.len() > 0);
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "Stat")]
pub fn metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    let path = path.as_ref();
    blocking(|| fs::metadata(path))
}

/// Where a symbolic link leads: [`std::fs::read_link`]. Parks.
///
/// # Errors
/// As `std`'s: it is not there, or is no link.
///
/// # Examples
/// ```
/// use gort::fs;
/// # let path = std::env::temp_dir().join(format!("gort-doc-readlink-{}", std::process::id()));
/// fs::symlink("somewhere", &path)?;
/// assert_eq!(fs::read_link(&path)?.to_str(), Some("somewhere"));
/// # fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
pub fn read_link<P: AsRef<Path>>(path: P) -> io::Result<PathBuf> {
    let path = path.as_ref();
    blocking(|| fs::read_link(path))
}

/// Removes an empty folder: [`std::fs::remove_dir`]. Parks.
///
/// # Errors
/// As `std`'s: it is not there, is no folder, or is not empty.
///
/// # Examples
/// ```
/// use gort::fs;
/// # let path = std::env::temp_dir().join(format!("gort-doc-rmdir-{}", std::process::id()));
/// fs::create_dir(&path)?;
/// fs::remove_dir(&path)?;
/// assert!(!fs::exists(&path)?);
/// # std::io::Result::Ok(())
/// ```
pub fn remove_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| fs::remove_dir(path))
}

/// Removes a folder with all that is in it, and follows no links: [`std::fs::remove_dir_all`].
/// Parks once.
///
/// # Errors
/// As `std`'s: it is not there, or a part of it cannot be removed; the rest may be gone then.
///
/// # Examples
/// ```
/// use gort::fs;
/// # let path = std::env::temp_dir().join(format!("gort-doc-rmall-{}", std::process::id()));
/// fs::create_dir_all(path.join("a/b"))?;
/// fs::remove_dir_all(&path)?;
/// assert!(!fs::exists(&path)?);
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "RemoveAll")]
pub fn remove_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| fs::remove_dir_all(path))
}

/// Removes a file: [`std::fs::remove_file`]. Parks.
///
/// # Errors
/// As `std`'s: it is not there, or is a folder.
///
/// # Examples
/// ```
/// use gort::fs;
/// # let path = std::env::temp_dir().join(format!("gort-doc-rm-{}", std::process::id()));
/// fs::write(&path, "")?;
/// fs::remove_file(&path)?;
/// assert!(!fs::exists(&path)?);
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "Remove")]
pub fn remove_file<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| fs::remove_file(path))
}

/// Gives a file or folder another name, and replaces what has it: [`std::fs::rename`]. Parks.
///
/// # Errors
/// As `std`'s: `from` is not there, or `to` is on another file system.
///
/// # Examples
/// ```
/// use gort::fs;
/// # let folder = std::env::temp_dir().join(format!("gort-doc-rename-{}", std::process::id()));
/// # fs::create_dir(&folder)?;
/// # let (from, to) = (folder.join("from"), folder.join("to"));
/// fs::write(&from, "text")?;
/// fs::rename(&from, &to)?;
/// assert!(!fs::exists(&from)? && fs::exists(&to)?);
/// # fs::remove_dir_all(&folder)?;
/// # std::io::Result::Ok(())
/// ```
pub fn rename<P: AsRef<Path>, Q: AsRef<Path>>(from: P, to: Q) -> io::Result<()> {
    let (from, to) = (from.as_ref(), to.as_ref());
    blocking(|| fs::rename(from, to))
}

/// Sets who may do what: [`std::fs::set_permissions`]. Follows links. Parks.
///
/// # Errors
/// As `std`'s: it is not there, or belongs to another user.
///
/// # Examples
/// ```
/// use gort::fs;
/// # let path = std::env::temp_dir().join(format!("gort-doc-chmod-{}", std::process::id()));
/// fs::write(&path, "")?;
/// let mut permissions = fs::metadata(&path)?.permissions();
/// permissions.set_readonly(true);
/// fs::set_permissions(&path, permissions)?;
/// assert!(fs::metadata(&path)?.permissions().readonly());
/// # fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "Chmod")]
pub fn set_permissions<P: AsRef<Path>>(path: P, perm: Permissions) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| fs::set_permissions(path, perm))
}

/// As [`symlink`], under the name that `std::fs` has for it. Parks.
///
/// # Errors
/// As those of [`symlink`].
///
/// # Examples
/// ```
/// #![allow(deprecated)]
/// use gort::fs;
/// # let path = std::env::temp_dir().join(format!("gort-doc-soft-{}", std::process::id()));
/// fs::soft_link("somewhere", &path)?;
/// assert!(fs::symlink_metadata(&path)?.is_symlink());
/// # fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
#[deprecated(note = "as in std: use `symlink`")]
pub fn soft_link<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    symlink(original, link)
}

/// Makes `link` a symbolic link that leads to `original`: [`std::os::unix::fs::symlink`]. Parks.
///
/// # Errors
/// As `std`'s: `link` is taken, or its folder is not there.
///
/// # Examples
/// ```
/// use gort::fs;
/// # let path = std::env::temp_dir().join(format!("gort-doc-symlink-{}", std::process::id()));
/// fs::symlink("Cargo.toml", &path)?;
/// assert_eq!(fs::read_link(&path)?.to_str(), Some("Cargo.toml"));
/// # fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
pub fn symlink<P: AsRef<Path>, Q: AsRef<Path>>(original: P, link: Q) -> io::Result<()> {
    let (original, link) = (original.as_ref(), link.as_ref());
    blocking(|| unix::fs::symlink(original, link))
}

/// As [`metadata`](metadata()), of a link itself: [`std::fs::symlink_metadata`]. Parks.
///
/// # Errors
/// As `std`'s: there is no such file.
///
/// # Examples
/// ```
/// use gort::fs;
/// # let path = std::env::temp_dir().join(format!("gort-doc-lstat-{}", std::process::id()));
/// fs::symlink("somewhere", &path)?;
/// assert!(fs::symlink_metadata(&path)?.file_type().is_symlink());
/// # fs::remove_file(&path)?;
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "Lstat")]
pub fn symlink_metadata<P: AsRef<Path>>(path: P) -> io::Result<Metadata> {
    let path = path.as_ref();
    blocking(|| fs::symlink_metadata(path))
}
