//! Folders: making them, and reading what is in them.

use crate::runtime::blocking;
use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{self, FileType, Metadata},
    io,
    os::unix::fs::{DirBuilderExt, DirEntryExt},
    panic::{RefUnwindSafe, UnwindSafe},
    path::{Path, PathBuf},
};

/// How many entries of a folder are read in one call on a blocking thread (guess: enough that the
/// hand-over does not count against reading them).
const BATCH: usize = 64;

/// Makes a folder in one that is there: [`std::fs::create_dir`]. Parks.
///
/// # Errors
/// As `std`'s: the name is taken, or the folder that it is to be in is not there.
///
/// # Examples
/// ```
/// use gort::fs;
/// # let path = std::env::temp_dir().join(format!("gort-doc-mkdir-{}", std::process::id()));
/// fs::create_dir(&path)?;
/// assert!(fs::metadata(&path)?.is_dir());
/// # fs::remove_dir(&path)?;
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "Mkdir")]
pub fn create_dir<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| fs::create_dir(path))
}

/// Makes a folder, and those that it is in, unless they are there: [`std::fs::create_dir_all`].
/// Parks.
///
/// # Errors
/// As `std`'s: a part of the path is taken by something that is no folder.
///
/// # Examples
/// ```
/// use gort::fs;
/// # let path = std::env::temp_dir().join(format!("gort-doc-mkall-{}", std::process::id()));
/// fs::create_dir_all(path.join("a/b/c"))?;
/// fs::create_dir_all(path.join("a/b/c"))?; // it is there
/// # fs::remove_dir_all(&path)?;
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "MkdirAll")]
pub fn create_dir_all<P: AsRef<Path>>(path: P) -> io::Result<()> {
    let path = path.as_ref();
    blocking(|| fs::create_dir_all(path))
}

/// What is in a folder, in no order: [`std::fs::read_dir`]. Parks, and so may the iterator, once
/// in 64 entries.
///
/// # Errors
/// As `std`'s: it is not there, is no folder, or must not be read.
///
/// # Examples
/// ```
/// let mut names = Vec::new();
/// for entry in gort::fs::read_dir(".")? {
///     names.push(entry?.file_name());
/// }
/// assert!(names.contains(&"Cargo.toml".into()));
/// # std::io::Result::Ok(())
/// ```
#[doc(alias = "ReadDir")]
pub fn read_dir<P: AsRef<Path>>(path: P) -> io::Result<ReadDir> {
    let path = path.as_ref();
    blocking(|| {
        let mut dir = ReadDir {
            rest: Some(fs::read_dir(path)?),
            ready: VecDeque::new(),
        };
        dir.fill();
        Ok(dir)
    })
}

/// The entries of a folder, from [`read_dir`]: [`std::fs::ReadDir`]. `next` parks when it has none
/// in stock. An entry may be gone, or new ones may be there, when it is looked at.
///
/// # Examples
/// ```
/// let entries: gort::fs::ReadDir = gort::fs::read_dir(".")?;
/// assert!(entries.count() > 3);
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct ReadDir {
    /// Until its end has been seen.
    rest: Option<fs::ReadDir>,
    /// What has been read and not taken.
    ready: VecDeque<io::Result<DirEntry>>,
}

impl ReadDir {
    /// Reads the next entries. Blocks the thread.
    fn fill(&mut self) {
        let Some(rest) = &mut self.rest else {
            return;
        };
        for _ in 0..BATCH {
            match rest.next() {
                Some(entry) => self.ready.push_back(entry.map(DirEntry::new)),
                None => {
                    self.rest = None;
                    return;
                }
            }
        }
    }
}

/// As std's. An error that waits here is looked at by whoever takes it, and by nobody before.
impl UnwindSafe for ReadDir {}
impl RefUnwindSafe for ReadDir {}

impl Iterator for ReadDir {
    type Item = io::Result<DirEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty() && self.rest.is_some() {
            blocking(|| self.fill());
        }
        self.ready.pop_front()
    }
}

/// Something in a folder, from [`ReadDir`]: [`std::fs::DirEntry`].
/// [`std::os::unix::fs::DirEntryExt`] works with it (`ino`).
///
/// # Examples
/// ```
/// for entry in gort::fs::read_dir(".")? {
///     let entry: gort::fs::DirEntry = entry?;
///     assert_eq!(entry.path().file_name(), Some(&*entry.file_name()));
/// }
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct DirEntry {
    std: fs::DirEntry,
    /// Most file systems tell it with the name.
    file_type: Option<FileType>,
}

impl DirEntry {
    /// May block the thread, on file systems that do not tell the kind with the name.
    fn new(std: fs::DirEntry) -> Self {
        let file_type = std.file_type().ok();
        Self { std, file_type }
    }

    /// The folder's path, with this name: [`std::fs::DirEntry::path`]. Does not park.
    ///
    /// # Examples
    /// ```
    /// let entry = gort::fs::read_dir(".")?.next().unwrap()?;
    /// assert!(entry.path().starts_with("."));
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.std.path()
    }

    /// Size, kind, permissions and times, of a link itself: [`std::fs::DirEntry::metadata`]. Parks.
    ///
    /// # Errors
    /// As `std`'s: it is gone.
    ///
    /// # Examples
    /// ```
    /// let entry = gort::fs::read_dir("examples")?.next().unwrap()?;
    /// assert_eq!(entry.metadata()?.file_type(), entry.file_type()?);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn metadata(&self) -> io::Result<Metadata> {
        blocking(|| self.std.metadata())
    }

    /// Whether it is a file, a folder, a link or something else:
    /// [`std::fs::DirEntry::file_type`]. What was known when the entry was read; else parks.
    ///
    /// # Errors
    /// As `std`'s: it is gone, and its kind was not known.
    ///
    /// # Examples
    /// ```
    /// for entry in gort::fs::read_dir(".")? {
    ///     let entry = entry?;
    ///     if entry.file_name() == "examples" {
    ///         assert!(entry.file_type()?.is_dir());
    ///     }
    /// }
    /// # std::io::Result::Ok(())
    /// ```
    pub fn file_type(&self) -> io::Result<FileType> {
        match self.file_type {
            Some(known) => Ok(known),
            None => blocking(|| self.std.file_type()),
        }
    }

    /// Its name: [`std::fs::DirEntry::file_name`]. Does not park.
    ///
    /// # Examples
    /// ```
    /// let mut entries = gort::fs::read_dir(".")?;
    /// assert!(entries.any(|entry| entry.unwrap().file_name() == "Cargo.toml"));
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn file_name(&self) -> OsString {
        self.std.file_name()
    }
}

impl DirEntryExt for DirEntry {
    fn ino(&self) -> u64 {
        self.std.ino()
    }
}

/// Makes folders in various ways: [`std::fs::DirBuilder`]. Only [`create`](Self::create) parks.
/// [`std::os::unix::fs::DirBuilderExt`] works with it (`mode`).
///
/// # Examples
/// ```
/// use gort::fs::{self, DirBuilder};
/// # let path = std::env::temp_dir().join(format!("gort-doc-builder-{}", std::process::id()));
/// DirBuilder::new().recursive(true).create(path.join("a/b"))?;
/// assert!(fs::metadata(path.join("a/b"))?.is_dir());
/// # fs::remove_dir_all(&path)?;
/// # std::io::Result::Ok(())
/// ```
#[derive(Debug)]
pub struct DirBuilder {
    std: fs::DirBuilder,
}

impl DirBuilder {
    /// As [`create_dir`] does it: [`std::fs::DirBuilder::new`].
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind::AlreadyExists;
    /// let taken = gort::fs::DirBuilder::new().create("examples");
    /// assert_eq!(taken.unwrap_err().kind(), AlreadyExists);
    /// ```
    #[must_use]
    #[allow(clippy::new_without_default, reason = "as std's")]
    pub fn new() -> Self {
        Self {
            std: fs::DirBuilder::new(),
        }
    }

    /// Whether it also makes the folders that it is in, and is content if it is there:
    /// [`std::fs::DirBuilder::recursive`].
    ///
    /// # Examples
    /// ```
    /// gort::fs::DirBuilder::new().recursive(true).create("examples")?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn recursive(&mut self, recursive: bool) -> &mut Self {
        self.std.recursive(recursive);
        self
    }

    /// Makes the folder: [`std::fs::DirBuilder::create`]. Parks.
    ///
    /// # Errors
    /// As those of [`create_dir`], or of [`create_dir_all`] if it is recursive.
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, DirBuilder};
    /// # let path = std::env::temp_dir().join(format!("gort-doc-create-{}", std::process::id()));
    /// DirBuilder::new().create(&path)?;
    /// # fs::remove_dir(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn create<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        let path = path.as_ref();
        blocking(|| self.std.create(path))
    }
}

impl DirBuilderExt for DirBuilder {
    fn mode(&mut self, mode: u32) -> &mut Self {
        self.std.mode(mode);
        self
    }
}
